"""An exported run in a real browser: opened from disk with the network cut, and in a notebook's
frame."""

import csv
import io
from xml.etree import ElementTree

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import TIMEOUT_MS
from tests.e2e.scripted_runs import QUESTION, scripted_run_states
from ttc_explorer.search.narration import Narrator
from ttc_explorer.search.rounds import tree_rounds
from ttc_explorer.search.voting import winning_vote
from ttc_explorer.ui.run_viewer import notebook_html, standalone_html

EVIL = "</script><img src=x onerror='window.harmed=1'>${window.harmed=2}"


def finished(name, budget, **settings):
    *_, run = scripted_run_states(name, budget, **settings)
    return run


@pytest.fixture
def page(chromium):
    """A page that can reach nothing, and in which nothing may fail."""
    expect.set_options(timeout=TIMEOUT_MS)
    broken, asked = [], []
    page = chromium.new_page()
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.context.set_offline(True)
    yield page
    page.context.set_offline(False)
    page.close()
    assert broken == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "about:", "blob:"))] == []


def opened(page, run, tmp_path):
    file = tmp_path / "run.html"
    file.write_text(standalone_html(run), "utf-8")
    page.goto(file.as_uri())
    return page


@pytest.mark.parametrize("answer", ["1234567890123456", "WWWWWWWW", "12345678901234567890" * 4])
def test_a_long_answer_stays_within_its_card(page, tmp_path, answer):
    *_, run = scripted_run_states("best_of_n", 16, answers=(answer,))
    opened(page, run, tmp_path)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 844})
        figure = page.locator(".card.answer .figure")
        expect(figure).to_have_attribute("title", answer)
        page.wait_for_function(
            """() => [...document.querySelectorAll(".cards .card")].every((card) => {
                const edge = card.getBoundingClientRect();
                return card.scrollWidth <= card.clientWidth && [...card.children].every((part) => {
                    const { left, right, bottom } = part.getBoundingClientRect();
                    return left >= edge.left && right <= edge.right && bottom <= edge.bottom;
                });
            })""",
            timeout=TIMEOUT_MS,
        )


def test_a_file_shows_the_whole_run_and_can_be_explored(page, tmp_path):
    run = finished("beam", 16)
    opened(page, run, tmp_path)
    vote = winning_vote(run.tree, "weighted", "last")
    expect(page.locator(".card.hero .figure")).to_have_text(vote.answer)
    expect(page.locator("[role=treeitem]")).to_have_count(len(run.tree))
    expect(page.locator("article")).to_have_attribute("data-node", str(vote.leaf))
    page.get_by_role("tree").focus()
    page.keyboard.press("Home")
    expect(page.locator("article")).to_have_attribute("data-node", "0")
    page.locator(".by-selector").get_by_text("Best").click()
    best = winning_vote(run.tree, "best", "last")
    expect(page.locator(".card.hero .figure")).to_have_text(best.answer.replace("-", "−"))
    page.locator(".term").get_by_text("passes").hover()
    expect(page.get_by_role("tooltip")).to_contain_text("had to wait")


def test_a_file_replays_its_run_event_by_event_and_tells_each_round(page, tmp_path):
    run = finished("beam", 16)
    opened(page, run, tmp_path)
    rounds = tree_rounds(run.tree)
    narrator = Narrator(run.tree, run.correct)
    nodes, told = page.locator("[role=treeitem]"), page.locator(".tree-view .standing")
    page.get_by_role("tree").focus()
    for _ in rounds:
        page.keyboard.press("[")
    expect(nodes).to_have_count(1)
    expect(told).to_have_text("Only the question so far.")
    page.get_by_role("button", name="Next round").click()
    expect(nodes).to_have_count(1 + len(set(rounds[0].sampled)))
    expect(told).to_have_text(str(narrator.describe(rounds[0])))
    slider = page.get_by_role("slider", name="Event")
    expect(slider).to_have_value(str(1 + len(rounds[0].events)))
    page.get_by_role("tree").focus()
    page.keyboard.press(",")
    expect(slider).to_have_value(str(len(rounds[0].events)))
    expect(page.locator(".card.hero .note")).to_have_text("none yet")
    page.get_by_label("Speed").select_option("4×")
    page.get_by_role("button", name="Play", exact=True).click()
    expect(nodes).to_have_count(len(run.tree), timeout=60_000)
    expect(page.get_by_role("button", name="Next round")).to_be_disabled()
    expect(told).to_contain_text("Done in")


def taken(page, what):
    page.get_by_role("button", name="Take away").click()
    with page.expect_download(timeout=120_000) as download:
        page.get_by_role("menuitem", name=what).click()
    return download.value.suggested_filename, download.value.path().read_bytes()


def test_table_pictures_and_film_are_made_of_a_file_alone(page, tmp_path):
    run = finished("beam", 4, answers=("17", "=17", "17"))
    run.tree.text[1] = EVIL
    opened(page, run, tmp_path)
    name, table = taken(page, "Solutions")
    rows = list(csv.DictReader(io.StringIO(table.decode())))
    assert name == "ttc-solutions.csv"
    assert [int(row["solution"]) for row in rows] == list(run.tree.leaves())
    for row in rows:
        assert row["answer"].removeprefix("'") == run.tree.answer[int(row["solution"])]
        assert row["text"].split("\n") == run.tree.solution(int(row["solution"]))
    name, picture = taken(page, "Picture .svg")
    assert name == "ttc-tree.svg"
    svg = ElementTree.fromstring(picture)
    written = " ".join(svg.itertext())
    assert QUESTION.split(";")[0] in written
    assert "Beam search, N = 4, seed 3 · base, judged by prm" in written
    assert b"<img" not in picture
    assert b"class=" not in picture
    name, pixels = taken(page, "Picture .png")
    assert (name, pixels[:8]) == ("ttc-tree.png", b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(pixels[16:20], "big") == 3200
    name, film = taken(page, "Film")
    assert (name, film[:4]) == ("ttc-run.webm", b"\x1a\x45\xdf\xa3")
    expect(page.locator("[role=treeitem]")).to_have_count(len(run.tree))


def test_costs_stand_by_model_and_scores_for_the_picture_are_not_counted(page, tmp_path):
    run = finished("beam", 4)
    run.ledger.generated_tokens, run.ledger.verifier_tokens, run.ledger.verifier_flops = 7, 12, 3e9
    opened(page, run, tmp_path)
    rows = page.locator(".card.cost tbody tr")
    assert rows.all_inner_texts() == ["Generator\t7\t0\t0", "Verifier\t12\t0\t3.0G"]
    run.ledger.verifier_tokens, run.ledger.display_verifier_tokens = 0, 12
    opened(page, run, tmp_path)
    expect(rows.nth(1)).to_contain_text("drawn for the picture only, not counted")


def test_it_is_light_or_dark_as_the_system_is_and_fits(page, tmp_path):
    opened(page, finished("revise", 16, chains=4), tmp_path)
    expect(page.locator(".attempt")).to_have_count(16)
    for scheme, page_colour in (("light", "rgb(243, 245, 249)"), ("dark", "rgb(13, 17, 23)")):
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("body")).to_have_css("background-color", page_colour)
    for width in (1440, 820, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_notebook_shows_it_in_a_frame_that_reaches_nothing(page):
    run = finished("mcts", 8)
    run.tree.text[1] = EVIL
    page.set_content(f"<p>A notebook</p>{notebook_html(run)}")
    frame = page.frame_locator("iframe")
    expect(frame.locator("[role=treeitem]")).to_have_count(len(run.tree))
    expect(frame.locator(".card.hero .figure")).not_to_have_text("–")
    expect(page.locator("p")).to_have_text("A notebook")
    inside = page.frames[1]
    assert inside.evaluate("window.harmed") is None
    assert inside.locator("img").count() == 0
