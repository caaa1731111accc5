"""What the page does, without a browser: every handler's answer; no fault gets out as a traceback."""

import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from tests.search.fakes import ToyVerifier
from tests.ui.toys import Gate, driver, finished_run
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.families import FAMILIES, recognise
from ttc_explorer.search import trace
from ttc_explorer.search.selection import chosen
from ttc_explorer.search.strategies import STRATEGIES
from ttc_explorer.ui.engine import Engine
from ttc_explorer.ui.pages import build_app
from ttc_explorer.ui.pages.explore import BUDGETS, Explore, Visit

RECORDED = sorted((Path(__file__).parents[2] / "assets" / "recorded").glob("*.json.gz"))
ASKED = {
    "text": "Solve x^2-7x+12=0.",
    "answer": "",
    "name": "beam",
    "budget": 8,
    "seed": 0,
    "temperature": 0.8,
    "selector": "weighted",
    "aggregate": "last",
    "width": 4,
    "rounds": 40,
}


@pytest.fixture(scope="module")
def opening():
    return finished_run()


@pytest.fixture(scope="module")
def page(opening):
    with gr.Blocks():
        return Explore(Engine(driver), opening)


def broken(error):
    def load():
        raise error

    with gr.Blocks():
        return Explore(Engine(load), None)


def search(page, visit, **changes):
    """All that a run puts on the page, the last value of each component."""
    shown = {}
    for frame in page.search(visit, **(ASKED | changes)):
        shown |= frame
    return shown


def test_the_page_opens_full_and_without_models(opening):
    def never():
        raise AssertionError("nobody asked for models")

    with gr.Blocks():
        page = Explore(Engine(never), opening)
    assert chosen(opening.tree, "weighted", "last").answer in page.cards.value
    assert len(page.tree.value) > 100
    assert "<tbody><tr" in page.votes.value
    assert 'class="way"' in page.inspector.value
    assert 'data-state="recorded"' in page.status.value


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.name)
def test_recorded_runs_can_be_read(file):
    run = trace.load(file.read_bytes())
    assert run.stopped == "done"
    assert recognise(run.problem.text)


def test_a_run_is_drawn_from_its_first_event_to_its_end(page):
    visit = Visit(None)
    frames = list(page.search(visit, **ASKED))
    states = [frame[page.status] for frame in frames if page.status in frame]
    assert 'data-state="done"' in states[-1]
    trees = [frame[page.tree] for frame in frames if page.tree in frame]
    assert all(later.startswith(earlier) for earlier, later in pairwise(trees))
    assert visit.run.stopped == "done"
    assert not visit.running
    assert frames[0][page.halt]["interactive"]
    assert frames[-1][page.start]["interactive"]


def test_a_known_kind_of_problem_is_judged_though_nobody_gave_the_answer(page):
    visit = Visit(None)
    search(page, visit)
    assert visit.run.problem.answer == recognise(ASKED["text"]).answer
    assert visit.run.correct
    search(page, visit, text="What is 1 + 1?")
    assert visit.run.problem.answer is None
    assert not visit.run.correct


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"text": "  "}, "is empty"),
        ({"text": "x" * 100_000}, "100,000 characters long"),
        ({"answer": "7" * 401}, "reference answer is too long"),
        ({"budget": 0}, "budget must be"),
        ({"budget": 257}, "budget must be"),
        ({"name": "nonsense"}, "Unknown strategy"),
        ({"seed": None}, "seed must be"),
        ({"seed": float("inf")}, "seed must be"),
        ({"seed": -1}, "seed must be"),
        ({"width": 0}, "width must be"),
        ({"width": None}, "width must be"),
        ({"rounds": 2.5}, "rounds must be"),
        ({"temperature": 9}, "temperature must"),
        ({"selector": "loudest"}, "selector must be"),
    ],
)
def test_bad_input_is_one_sentence_and_the_run_on_screen_stays(page, opening, changes, sentence):
    visit = Visit(opening)
    shown = search(page, visit, **changes)
    assert sentence in shown[page.banner]
    assert shown[page.banner].count("<p") == 1
    assert page.tree not in shown
    assert visit.run is opening
    assert not visit.running
    assert shown[page.start]["interactive"]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ModelError("The weights are missing."), "The weights are missing."),
        (KeyError("secret"), "should not have"),
    ],
)
def test_models_that_cannot_be_loaded_are_one_sentence(error, sentence):
    page = broken(error)
    for _ in range(2):  # and again: nothing is stuck
        shown = search(page, Visit(None))
        assert sentence in shown[page.banner]
        assert "secret" not in shown[page.banner]


def test_a_model_that_fails_is_one_sentence_and_its_tree_stays():
    with gr.Blocks():
        page = Explore(Engine(lambda: driver(verifier=ToyVerifier(refuses="Solve"))), None)
    visit = Visit(None)
    shown = search(page, visit)
    assert "failed unexpectedly" in shown[page.banner]
    assert page.tree in shown


def test_stop_ends_a_run_that_is_in_progress():
    gate = Gate(driver().generator)
    gate.hold(after=1)
    with gr.Blocks():
        page = Explore(Engine(lambda: driver(gate)), None)
    visit = Visit(None)
    shown = {}
    for frame in page.search(visit, **ASKED):
        shown |= frame
        if visit.run is not None and len(visit.run.tree) > 1:
            page.stop(visit)
    assert visit.run.stopped == "cancelled"
    assert 'data-state="cancelled"' in shown[page.status]


def test_a_closed_tab_cancels_the_run():
    gate = Gate(driver().generator)
    gate.hold(after=0)
    with gr.Blocks():
        page = Explore(Engine(lambda: driver(gate)), None)
    visit = Visit(None)
    frames = page.search(visit, **ASKED)
    while visit.run is None:
        next(frames)
    frames.close()
    service = page._engine.wait().service
    while visit.run.stopped is None:
        service.wait(visit.run, len(visit.run.tree.events), 60)
    assert visit.run.stopped == "cancelled"
    assert not visit.running


def test_pick_shows_nodes_of_the_run_on_screen_only(page, opening):
    visit = Visit(opening)
    assert 'data-node="2"' in page.pick(visit, SimpleNamespace(run=visit.id, id=2))
    assert visit.node == 2
    for run, node in (("another", 1), (visit.id, 10**6), (visit.id, -1), (visit.id, "1"), (visit.id, None)):
        assert page.pick(visit, SimpleNamespace(run=run, id=node)) == gr.skip()
    assert visit.node == 2


def test_recounting_follows_the_rule_and_keeps_the_run(page, opening):
    visit = Visit(opening)
    for rule in (("majority", "last"), ("best", "min"), ("weighted", "prod")):
        shown = page.recount(visit, *rule)
        assert f"{chosen(opening.tree, *rule).score:.2f}" in shown[page.cards]
    assert visit.run is opening
    assert opening.settings.selector == "weighted"


def test_a_saved_trace_can_be_loaded_and_run_again(page, opening, tmp_path):
    text, banner = page.write(Visit(opening))
    assert banner == ""
    file = tmp_path / "trace.json"
    file.write_text(text, encoding="utf-8")
    visit = Visit(None)
    shown = page.open(visit, str(file))
    assert trace.dump(visit.run) == text.encode()
    assert shown[page.problem] == opening.problem.text
    assert (shown[page.strategy], shown[page.budget], shown[page.seed]) == ("beam", 16, 3)
    assert 'data-state="done"' in shown[page.status]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a trace"),
        (b"\xff\xfe", "not a trace"),
        (b"[1]", "not a trace"),
        (json.dumps({"version": 99}).encode(), "update TTC Explorer"),
        (b"{" * 10_000, "not a trace"),
        (b" " * (trace.MAX_BYTES + 5), "too large"),
    ],
)
def test_a_bad_trace_is_one_sentence_and_the_run_on_screen_stays(page, opening, tmp_path, content, sentence):
    file = tmp_path / "trace.json"
    file.write_bytes(content)
    visit = Visit(opening)
    shown = page.open(visit, str(file))
    assert sentence in shown[page.banner]
    assert page.tree not in shown
    assert visit.run is opening


def test_there_is_nothing_to_save_before_the_first_run():
    page = broken(ModelError("none"))
    text, banner = page.write(Visit(None))
    assert text == ""
    assert "no run to save" in banner


@pytest.mark.parametrize("kind", ["any", *FAMILIES])
def test_examples_are_of_the_wanted_kind_and_held_out(page, kind):
    shown = page.example(kind, 2)
    known = recognise(shown[page.problem])
    assert kind in ("any", known.family.name)
    assert known.family.split(known.given) == "test"
    assert shown[page.note] == ""


def test_a_problem_of_another_kind_is_named_as_such(page):
    assert "was trained only on" in page.notice("How old is the captain?")
    assert page.notice(ASKED["text"]) == page.notice(" ") == page.notice("x" * 100_000) == ""


def test_controls_offer_what_there_is(page):
    assert BUDGETS == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert [name for _, name in page.strategy.choices] == list(STRATEGIES)
    for name in STRATEGIES:
        assert page.explain(name)["info"] == STRATEGIES[name].sentence


def test_programs_get_one_endpoint_that_solves(page):
    app = build_app(Engine(driver))
    assert set(app.get_api_info()["named_endpoints"]) == {"/solve"}
    solved = page.solve(ASKED["text"], "best_of_n", 4)
    assert solved["stopped"] == "done"
    assert len(solved["solutions"]) == 4
    with pytest.raises(gr.Error, match="is empty"):
        page.solve("")
