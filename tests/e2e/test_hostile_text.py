"""Markup and scripts through every door into a real browser: each is drawn as the text that it is,
under a content security policy that stays silent, and nothing of it ever runs."""

import json
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from urllib.parse import quote

import pandas as pd
import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import TIMEOUT_MS
from tests.e2e.test_explore import ask, load_trace, problem, status
from tests.fuzz.hostile_inputs import SCRIPTS
from tests.search.fakes import ToyGenerator
from tests.server.hostile_server import HostileServer
from tests.ui.toy_solver import toy_solver
from ttc_explorer.app import server_options
from ttc_explorer.environment import read_environment
from ttc_explorer.experiments.solver import Solver
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.trace import dump_trace
from ttc_explorer.serving.limits import Limits
from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.ui.lessons.lesson_format import all_lessons
from ttc_explorer.ui.pages import build_app

DANGEROUS = (
    "[onerror], [onload], [ontoggle], iframe[srcdoc], a[href^='javascript' i], img[src='x'], "
    "body svg[onload], body math mtext img"
)


class HostileGenerator(ToyGenerator):
    """A server that writes attacks: every step is one, and every answer too."""

    def _step(self, job):
        row = super()._step(job)
        attack = Random(repr(job.rng_path)).choice(SCRIPTS).replace("\n", " ")
        return replace(row, text=f"Answer: {attack}" if row.finished else f"written {attack}")


def hostile_lesson() -> dict:
    """A lesson in which every text is an attack, a step each. Where braces stand for figures, there
    are none."""
    steps = []
    for number, attack in enumerate(SCRIPTS):
        plain = SCRIPTS[0] if "{" in attack else attack
        steps.append(
            {
                "title": f"{attack} {number}"[:120],
                "text": [attack, f"**{attack}** *{attack}* `{attack}` [[{attack}|{attack}]]"],
                "state": {"q": attack},
                "happened": [{"text": plain}],
                "tables": plain,
                "complete": ["page = explore"],
            }
        )
    names = dict.fromkeys(("title", "aim"), SCRIPTS[1])
    notes = dict.fromkeys(("expect", "differs"), SCRIPTS[2])
    return {"version": 1, "order": 1, "minutes": 1, "teacher": notes, "steps": steps, **names}


@contextmanager
def served(manager):
    """The address of the application with models of this manager."""
    app = build_app(manager)
    options = server_options(read_environment(), Limits(), manager)
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, **options)
    try:
        yield url
    finally:
        app.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lessons")
    (folder / "hostile.json").write_text(json.dumps(hostile_lesson()))
    (folder / "<img src=x onerror=window.harmed=1>.json").write_text("{}")
    all_lessons.cache_clear()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TTC_LESSONS", str(folder))
        with served(ModelManager(lambda *_: toy_solver(HostileGenerator()))) as url:
            yield url
    all_lessons.cache_clear()


@contextmanager
def watched_page(chromium, address):
    """The page, in which nothing that was sent may run."""
    page, faults = chromium.new_page(), []
    expect.set_options(timeout=2 * TIMEOUT_MS)
    page.set_default_timeout(2 * TIMEOUT_MS)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
    page.on(
        "console",
        lambda message: (
            faults.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    page.goto(f"{address}?__theme=light&q={SCRIPTS[0]}#{SCRIPTS[1]}")
    page.wait_for_selector("#run")
    yield page
    harmed = page.evaluate("window.harmed")
    dangerous = page.locator(DANGEROUS).count()
    page.close()
    assert (harmed, dangerous, faults) == (None, 0, [])


@pytest.fixture
def page(chromium, address):
    with watched_page(chromium, address) as page:
        yield page


def hostile_trace(attack: str, mark: str) -> bytes:
    """A run of one solution in which everything that somebody writes is the attack."""
    text = f"{attack} {mark}"
    run = Run(Problem(text, text), text[:200], text[:200], "best_of_n", 1, 0, Settings())
    step = run.tree.add(0, text)
    run.tree.add(step, text, finished=True, answer=text)
    run.tree.note(text, **{text: 1.0})
    run.error, run.stopped = text, "done"
    return dump_trace(run)


def letters(text: str) -> str:
    """What typesetting leaves of a text: its letters and digits."""
    return "".join(letter for letter in text if letter.isascii() and letter.isalnum())


def test_in_traces_and_their_names(page):
    for number, attack in enumerate(SCRIPTS):
        mark = f"mark{number}"
        load_trace(page, f"{attack[:80].replace('/', '_')}.json", hostile_trace(attack, mark))
        expect(page.locator(".viewer-inspector")).to_contain_text(mark)
        drawn = letters(page.locator(".viewer-inspector").text_content())
        if attack[0] not in "$[":  # mathematics and links are set
            assert letters(attack) in drawn
        assert page.evaluate("window.harmed") is None


def test_as_a_problem_an_answer_and_what_a_model_writes(page):
    asked = f"Solve 3x+5=20. {SCRIPTS[1]}"
    page.get_by_text("Right answer and settings").first.click()
    page.get_by_label("Right answer, if you know it").first.fill(SCRIPTS[2])
    ask(page, asked, "Best-of-N", 4)
    expect(status(page)).to_have_attribute("data-state", "done", timeout=4 * TIMEOUT_MS)
    expect(page.locator(".viewer-inspector .way")).to_contain_text("written")
    assert problem(page).input_value() == asked


def test_in_pools_their_columns_and_their_names(page, tmp_path):
    page.get_by_role("tab", name="Curves").click()
    field = page.locator("#curves-yours input[type=file]")
    unknown = tmp_path / "columns.jsonl"
    pd.DataFrame([{SCRIPTS[1]: 1, SCRIPTS[2]: 2}]).to_json(unknown, orient="records", lines=True)
    field.set_input_files(unknown)
    expect(page.locator("#curves-unread .banner")).to_contain_text("<img src=x onerror=")
    rows = [
        {"question": attack, "answer": attack, "correct": number % 2 == 0, "score": 0.5}
        for number, attack in enumerate(SCRIPTS)
    ]
    named = tmp_path / "<img src=x onerror=window.harmed=1>.jsonl"
    pd.DataFrame(rows).to_json(named, orient="records", lines=True)
    field.set_input_files(named)
    expect(page.locator("#curves-head .top-line p")).to_contain_text(
        f"{len(SCRIPTS)} questions", timeout=4 * TIMEOUT_MS
    )


def test_as_the_address_of_a_model(page):
    page.get_by_role("tab", name="Models").click()
    box = page.get_by_label("A folder, a Hugging Face name")
    for attack in (SCRIPTS[1], f"http://127.0.0.1:2/{SCRIPTS[1]}/v1", f"/none/{SCRIPTS[0]}"):
        box.fill(attack)
        page.get_by_role("button", name="Look at it").click()
        expect(page.locator("#models-details")).to_contain_text(attack[:20])


def test_in_the_address(page):
    for attack in SCRIPTS:
        sent = {
            key: quote(attack, safe="") for key in ("q", "a", "model", "strategy", "lesson", "page")
        }
        hash_of = "#" + "&".join(f"{key}={value}" for key, value in sent.items())
        page.evaluate("hash => { location.hash = hash; }", hash_of)
        expect(problem(page)).to_have_value(attack)
        expect(page.locator("#address-note .banner, #banner .banner").first).to_be_visible()
        assert page.evaluate("window.harmed") is None


def test_in_a_file_of_a_lesson(page):
    page.get_by_role("tab", name="Learn").click()
    expect(page.locator("#lesson-list")).to_contain_text("<img src=x onerror=window.harmed=1>.json")
    page.locator("[data-lesson=hostile]").click()
    panel = page.get_by_role("region", name="Lesson")
    for number, attack in enumerate(SCRIPTS):
        expect(panel.locator("h3").first).to_have_text(f"{attack} {number}"[:120])
        assert letters(attack) in letters(panel.text_content())
        assert page.evaluate("window.harmed") is None
        panel.locator("[data-key=next]").click()


def test_in_what_a_server_calls_itself_writes_and_refuses_by(chromium):
    with (
        HostileServer().running() as server,
        served(ModelManager(lambda *_: Solver(server.address))) as address,
        watched_page(chromium, address) as page,
    ):
        ask(page, "What is 2 + 3?", "Best-of-N", 32)
        expect(status(page)).to_have_attribute("data-state", "done", timeout=4 * TIMEOUT_MS)
        expect(page.locator(".headline")).to_contain_text(server.model)
        page.get_by_role("button", name="Find in the tree").click()
        inspector, votes = page.locator(".viewer-inspector"), page.locator(".viewer-votes")
        for number, attack in enumerate(SCRIPTS):
            page.get_by_role("searchbox", name="Find in the tree").fill(f"mark{number:02}")
            page.keyboard.press("Enter")
            expect(inspector.locator("article > p").first).to_contain_text(f"mark{number:02}")
            if attack[0] not in "$[":  # mathematics and links are set
                assert letters(attack) in letters(inspector.text_content())
                assert letters(attack) in letters(votes.text_content())
            assert page.evaluate("window.harmed") is None

        server.refuses = True
        page.get_by_role("button", name="Run", exact=True).click()
        expect(page.locator("#banner .banner")).to_contain_text(
            f"{SCRIPTS[1]} refused", timeout=6 * TIMEOUT_MS
        )
        page.get_by_role("tab", name="Models").click()
        expect(page.locator("#models-in-use")).to_contain_text(SCRIPTS[1])
