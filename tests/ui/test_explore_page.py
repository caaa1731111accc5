"""What the page does, without a browser: every handler's answer; no fault gets out as a
traceback."""

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from tests.experiments.test_importers import FILES
from tests.experiments.test_importers import saved as saved_import
from tests.search.fakes import ToyGenerator, ToyVerifier
from tests.ui.toy_solver import PausableGenerator, finished_run, toy_solver
from ttc_explorer.experiments.solver import Solver
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.families import FAMILIES, recognise
from ttc_explorer.search import trace
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import AGGREGATES
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.search.voting import winning_vote
from ttc_explorer.serving.limits import Limits
from ttc_explorer.serving.model_manager import ModelManager, ModelSelection
from ttc_explorer.ui.components.explore_session import ExploreSession
from ttc_explorer.ui.components.problem_input import example_problem
from ttc_explorer.ui.components.strategy_controls import BUDGETS
from ttc_explorer.ui.pages import build_app
from ttc_explorer.ui.pages.explore_page import ExplorePage

RECORDED = sorted((Path(__file__).parents[2] / "assets" / "recorded").glob("*.json.gz"))
ASKED = {
    "text": "Solve x^2-7x+12=0.",
    "answer": "",
    "strategy": "beam",
    "budget": 8,
    "seed": 0,
    "temperature": 0.8,
    "width": 4,
    "lookahead": 1,
    "length": 1,
    "merge": True,
    "step": "measured",
    "rounds": 40,
    "thinking": 1024,
    "waits": 1,
    "probe": 0,
    "agree": 2,
    "checks": 1,
}


@pytest.fixture(scope="module")
def initial_run():
    return finished_run()


@pytest.fixture(scope="module")
def page(initial_run):
    with gr.Blocks():
        return ExplorePage(ModelManager(toy_solver), initial_run)


def broken(error):
    def load():
        raise error

    with gr.Blocks():
        return ExplorePage(ModelManager(load), None)


def values(page, session, choice=None, **changes):
    """What the handler is given: component -> value."""
    asked = ASKED | changes
    places = {"text": page.problem.text, "answer": page.problem.answer}
    places |= page.strategy_controls.thinking.numbers
    places |= {name: getattr(page.strategy_controls, name) for name in asked if name not in places}
    return {places[name]: value for name, value in asked.items()} | {
        page.session: session, page.choice: choice
    }  # fmt: skip


def frames_of(page, session, **changes):
    """The three events of a press on Run, one after the other."""
    yield from page.prepare(values(page, session, **changes))
    yield from page.draw(session)
    yield page.controls.finish(session)


def search(page, session, **changes):
    """All that a run puts on the page, the last value of each component."""
    shown = {}
    for frame in frames_of(page, session, **changes):
        shown |= frame
    return shown


def state_of(text):
    """The latest status in a stream."""
    snapshots = [json.loads(line)[1] for line in text.splitlines() if line.startswith('["snap')]
    return [each["status"] for each in snapshots if "status" in each][-1]


def test_the_page_opens_full_and_without_models(initial_run):
    def never():
        raise AssertionError("nobody asked for models")

    with gr.Blocks():
        page = ExplorePage(ModelManager(never), initial_run)
    assert winning_vote(initial_run.tree, "weighted", "last").answer in page.viewer.value
    assert page.viewer.value.count('["add",') == len(initial_run.tree)
    assert 'data-state="recorded"' in page.controls.status.value


@pytest.mark.slow
def test_without_a_verifier_the_page_opens_with_what_runs(initial_run):
    def alone(*_):
        return Solver.from_models(ToyGenerator())

    with gr.Blocks():
        page = ExplorePage(ModelManager(alone, initial_name="/models/mine"), initial_run)
    how = page.strategy_controls
    assert initial_run.strategy == "beam"
    assert how.strategy.value == "best_of_n"
    assert (
        "needs a verifier" in page.describe_models()[how.strategy]["missing"]
    )  # nothing is loaded yet
    session = ExploreSession(initial_run)
    search(page, session, strategy="best_of_n", budget=4)
    assert session.outcome[1] == ""
    assert (session.run.stopped, session.run.settings.selector) == ("done", "majority")
    moved = page.describe_models(None, "beam")[how.strategy]
    assert moved["value"] == "best_of_n"
    assert "value" not in page.describe_models(None, "best_of_n")[how.strategy]


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.name)
def test_recorded_runs_can_be_read(file):
    run = trace.load_trace(file.read_bytes())
    assert run.stopped == "done"
    assert recognise(run.problem.text)


def test_a_run_is_drawn_from_its_first_event_to_its_end(page):
    session = ExploreSession(None)
    frames = list(frames_of(page, session))
    states = [frame[page.controls.status] for frame in frames if page.controls.status in frame]
    assert 'data-state="running"' in states[0]
    assert 'data-state="done"' in states[-1]
    pictures = [frame[page.viewer] for frame in frames if page.viewer in frame]
    assert all(set(frame) == {page.viewer} for frame in frames if page.viewer in frame)
    assert all(later.startswith(earlier) for earlier, later in pairwise(pictures))
    assert state_of(pictures[-1])["stopped"] == "done"
    assert session.run.stopped == "done"
    assert not session.running
    assert frames[0][page.controls.stop]["interactive"]
    assert frames[-1][page.controls.start]["interactive"]


def test_a_known_kind_of_problem_is_judged_though_nobody_gave_the_answer(page):
    session = ExploreSession(None)
    search(page, session)
    assert session.run.problem.answer == recognise(ASKED["text"]).answer
    assert session.run.correct
    search(page, session, text="What is 1 + 1?")
    assert session.run.problem.answer == "2"
    search(page, session, text="Find the derivative of x^2.")
    assert session.run.problem.answer is None
    assert not session.run.correct


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"text": "  "}, "is empty"),
        ({"text": "x" * 100_000}, "100,000 characters long"),
        ({"answer": "7" * 401}, "reference answer is too long"),
        ({"budget": 0}, "budget must be"),
        ({"budget": 257}, "budget must be"),
        ({"strategy": "nonsense"}, "Unknown strategy"),
        ({"seed": None}, "seed must be"),
        ({"seed": float("inf")}, "seed must be"),
        ({"seed": -1}, "seed must be"),
        ({"width": -1}, "width must be"),
        ({"width": None}, "width must be"),
        ({"lookahead": 41}, "lookahead must be"),
        ({"length": None}, "length must be"),
        ({"strategy": "revise"}, "needs a reviser"),
        ({"rounds": 2.5}, "rounds must be"),
        ({"temperature": 9}, "temperature must"),
    ],
)
def test_bad_input_is_one_sentence_and_the_run_on_screen_stays(
    page, initial_run, changes, sentence
):
    session = ExploreSession(initial_run)
    shown = search(page, session, **changes)
    assert sentence in shown[page.controls.banner]
    assert shown[page.controls.banner].count("<p") == 1
    assert page.viewer not in shown
    assert session.run is initial_run
    assert not session.running
    assert shown[page.controls.start]["interactive"]


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
        shown = search(page, ExploreSession(None))
        assert sentence in shown[page.controls.banner]
        assert "secret" not in shown[page.controls.banner]


def test_a_model_that_fails_is_one_sentence_and_its_tree_stays():
    with gr.Blocks():
        page = ExplorePage(
            ModelManager(lambda: toy_solver(verifier=ToyVerifier(refuses="Solve"))), None
        )
    session = ExploreSession(None)
    shown = search(page, session)
    assert "failed unexpectedly" in shown[page.controls.banner]
    assert page.viewer in shown


def test_stop_ends_a_run_that_is_in_progress():
    gate = PausableGenerator(toy_solver().generator)
    gate.hold(after=1)
    with gr.Blocks():
        page = ExplorePage(ModelManager(lambda: toy_solver(gate)), None)
    session = ExploreSession(None)
    shown = {}
    for frame in frames_of(page, session):
        shown |= frame
        if session.run is not None and len(session.run.tree) > 1:
            page.stop(session)
    assert session.run.stopped == "cancelled"
    assert 'data-state="cancelled"' in shown[page.controls.status]


def test_a_closed_tab_cancels_the_run():
    gate = PausableGenerator(toy_solver().generator)
    gate.hold(after=0)
    with gr.Blocks():
        page = ExplorePage(ModelManager(lambda: toy_solver(gate)), None)
    session = ExploreSession(None)
    list(page.prepare(values(page, session)))
    frames = page.draw(session)
    next(frames)
    frames.close()
    service = page._model_manager.wait().service
    while session.run.stopped is None:
        service.wait(session.run, len(session.run.tree.events), 60)
    assert session.run.stopped == "cancelled"
    assert not session.running


def rule(selector, aggregate):
    return SimpleNamespace(selector=selector, aggregate=aggregate)


def taken_trace(page, session):
    buttons = page.trace_buttons
    return buttons.take(session, SimpleNamespace(what="trace"))[buttons.saved_trace]["text"]


def test_the_rule_on_screen_is_what_gets_saved_and_run_next(page):
    run = finished_run(budget=64)
    session = ExploreSession(run)
    for selector in SELECTORS:
        for aggregate in AGGREGATES:
            page.change_rule(session, rule(selector, aggregate))
            saved = trace.load_trace(taken_trace(page, session).encode())
            assert (saved.settings.selector, saved.settings.aggregate) == (selector, aggregate)
    assert run.settings.selector == "weighted"
    page.change_rule(session, rule("best", "min"))
    search(page, session)
    assert (session.run.settings.selector, session.run.settings.aggregate) == ("best", "min")


def test_a_rule_that_does_not_exist_changes_nothing(page, initial_run):
    session = ExploreSession(initial_run)
    for selector, aggregate in (("loudest", "last"), ("best", "most"), (None, None)):
        page.change_rule(session, rule(selector, aggregate))
    assert (session.selector, session.aggregate) == ("weighted", "last")


def test_a_second_press_does_not_disturb_the_run(page):
    session = ExploreSession(None)
    list(page.prepare(values(page, session)))
    assert list(page.prepare(values(page, session))) == []
    assert page.controls.finish(session) == {page.controls.start: gr.skip()}
    list(page.draw(session))
    assert list(page.draw(session)) == []
    assert page.controls.finish(session)[page.controls.start]["interactive"]


def test_a_saved_trace_can_be_loaded_and_run_again(page, initial_run, tmp_path):
    how = page.strategy_controls
    text = taken_trace(page, ExploreSession(initial_run))
    file = tmp_path / "trace.json"
    file.write_text(text, encoding="utf-8")
    session = ExploreSession(None)
    shown = page.trace_buttons.open(session, str(file))
    assert trace.dump_trace(session.run) == text.encode()
    assert shown[page.problem.text] == initial_run.problem.text
    assert (shown[how.strategy], shown[how.budget]["value"], shown[how.seed]) == ("beam", 16, 3)
    assert 'data-state="done"' in shown[page.controls.status]


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
def test_a_bad_trace_is_one_sentence_and_the_run_on_screen_stays(
    page, initial_run, tmp_path, content, sentence
):
    file = tmp_path / "trace.json"
    file.write_bytes(content)
    session = ExploreSession(initial_run)
    shown = page.trace_buttons.open(session, str(file))
    assert sentence in shown[page.controls.banner]
    assert page.viewer not in shown
    assert session.run is initial_run


def test_there_is_nothing_to_save_before_the_first_run():
    page = broken(ModelError("none"))
    said = page.trace_buttons.take(ExploreSession(None), SimpleNamespace(what="trace"))
    assert list(said) == [page.controls.banner]
    assert "no run to take away" in said[page.controls.banner]


def test_a_page_can_be_taken_away(page, initial_run):
    buttons = page.trace_buttons
    taken = buttons.take(ExploreSession(initial_run), SimpleNamespace(what="page"))
    assert taken[buttons.saved_page]["text"].startswith("<!doctype html>")
    assert buttons.saved_trace not in taken


@pytest.mark.parametrize("kind", ["any", *FAMILIES])
def test_examples_are_of_the_wanted_kind_and_held_out(kind):
    known = recognise(example_problem(kind, 2))
    assert kind in ("any", known.family.name)
    assert known.family.split(known.parameters) == "test"


def test_a_problem_of_another_kind_is_named_as_such(page):
    """In words, with a press on what the models do know; nothing for what they know as it is."""

    def note(text):
        shown = page.describe_question(text)
        row = shown[page.problem.note.instead]["visible"]
        return str(shown[page.problem.note.message]), row, shown.get(page.problem.note.nearest)

    sentence, instead, nearest = note("What is 17*23?")
    assert "exact answer is 391" in sentence
    assert "means nothing" in sentence
    assert instead
    assert recognise(nearest.removeprefix("Try: "))
    assert "solve 13 kinds" in note("How old is the captain?")[0]
    assert "Asked as: What is 60% of 260?" in note("12*13")[0]
    assert not note("12*13")[1]
    for text in (ASKED["text"], " ", "x" * 100_000):
        assert note(text)[:2] == ("", False)


def test_what_is_no_problem_is_not_answered(page, initial_run):
    session = ExploreSession(initial_run)
    shown = search(page, session, text="hello")
    assert "nothing to compute" in shown[page.controls.banner]
    assert session.run is initial_run


def test_a_model_of_their_own_is_asked_whatever_somebody_likes(page):
    own = ModelSelection()
    page._model_manager.adopt(toy_solver(), "theirs", own)
    session = ExploreSession(None)
    search(page, session, text="hello", choice=own)
    assert session.run.stopped == "done"
    assert page.describe_question("hello", own)[page.problem.note.message] == ""


def test_controls_offer_what_there_is(page):
    how = page.strategy_controls
    assert BUDGETS == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    options = re.findall('<option value="(.*?)"', how.strategy.html_template)
    assert sorted(options) == sorted(STRATEGIES)
    for name in STRATEGIES:
        shown = how.describe(name, 16, 2)
        assert STRATEGIES[name].summary in shown[how.about]
        visible = {setting for setting, row in how.rows.items() if shown[row]["visible"]}
        assert visible == set(STRATEGIES[name].settings)


def test_a_strategy_without_its_reviser_says_so_once_the_models_are_there():
    with gr.Blocks():
        page = ExplorePage(ModelManager(toy_solver), None)
    how = page.strategy_controls
    page._model_manager.wait()
    assert "there is none here" in how.describe("revise", 16, 2)[how.about]
    assert "there is none here" not in how.describe("beam", 16, 2)[how.about]


def test_the_slider_follows_the_budget_and_reaches_the_run(page):
    how = page.strategy_controls
    shown = how.describe("revise", 4, 4)
    assert (shown[how.length]["maximum"], shown[how.length]["value"]) == (2, 2)
    assert "one chain of 4 attempts" in shown[how.split]
    session = ExploreSession(None)
    assert "value" not in how.describe("revise", 16, 2)[how.length]  # who drags it is not disturbed
    search(page, session, strategy="best_of_n", budget=8, length=2)
    assert session.run.settings.chains == 2


def test_a_loaded_trace_sets_all_controls(page, tmp_path):
    how = page.strategy_controls
    run = finished_run(strategy="lookahead", budget=8, width=3, lookahead=7)
    file = tmp_path / "trace.json"
    file.write_bytes(trace.dump_trace(run))
    shown = page.trace_buttons.open(ExploreSession(None), str(file))
    assert shown[how.strategy] == "lookahead"
    assert ("3", 3) in shown[how.width]["choices"]
    assert ("7", 7) in shown[how.lookahead]["choices"]
    assert shown[how.rows["lookahead"]]["visible"]
    assert not shown[how.rows["chains"]]["visible"]
    assert shown[how.length]["value"] == 1  # four chains of two


def test_who_waits_is_told_their_place_and_who_is_refused_why():
    gate = PausableGenerator(toy_solver().generator)
    gate.hold(after=0)
    with gr.Blocks():
        page = ExplorePage(
            ModelManager(lambda: toy_solver(gate), limits=Limits(runs=1, queue=1)), None
        )
    first, second, third = (ExploreSession(None) for _ in range(3))
    for session in (first, second, third):
        list(page.prepare(values(page, session)))
    running, waiting = page.draw(first), page.draw(second)
    next(running)
    assert state_of(next(waiting)[page.viewer])["text"] == "Waiting for a place: next in line"
    assert list(page.draw(third)) == []
    assert "All 1 places are taken" in page.controls.finish(third)[page.controls.banner]
    gate.release()
    list(running)
    assert state_of(list(waiting)[-1][page.viewer])["text"].startswith("Done in")


def test_a_run_that_is_ended_by_a_limit_says_which_and_what_to_do():
    limits = Limits(public=True, seconds=7)
    with gr.Blocks():
        page = ExplorePage(ModelManager(toy_solver, limits=limits), None)
    service = page._model_manager.wait().service

    def start(run, seconds):
        run.stopped = "deadline"
        service._finish(run)

    service._start = start
    shown = search(page, ExploreSession(None))
    assert limits.time_is_up(7) in shown[page.controls.banner]


def test_a_frame_is_one_output_of_one_event():
    app = build_app(ModelManager(toy_solver))
    streams = [
        [each.elem_id for each in function.outputs]
        for function in app.fns.values()
        if getattr(function.fn, "__name__", "") == "draw_first"
    ]
    assert streams == [["viewer"], ["viewer"], ["compare-viewer"]]  # a run, a touch, a comparison


def test_searches_of_another_tool_open_like_ours(page, tmp_path):
    how = page.strategy_controls
    content = FILES["tree_of_thought"]
    second = content[0] | {"idx": 901}
    session = ExploreSession(None)
    shown = page.trace_buttons.open(
        session, str(saved_import(tmp_path, "tree_of_thought", [content[0], second]))
    )
    assert shown[page.controls.banner] == ""
    assert len(shown[page.trace_buttons.searches]["choices"]) == 2
    assert shown[page.trace_buttons.searches]["visible"]
    assert session.run.tree.status.count("finished") == 2
    first = session.run
    assert page.trace_buttons.open_search(session, 1)[how.strategy] == "beam"
    assert session.run is not first
    samples = page.trace_buttons.open(
        session, str(saved_import(tmp_path, "crucible", FILES["crucible"]))
    )
    assert "holds samples, no search trees: open it on Curves" in samples[page.controls.banner]


def touch_event(kind, node, samples=8, text=""):
    return SimpleNamespace(kind=kind, node=node, samples=samples, text=text)


def test_a_run_is_gone_on_with_by_hand(page):
    session = ExploreSession(None)
    search(page, session)
    first, tree = session.run, session.run.tree
    tried = page.prepare_touch(session, None, touch_event("expand", 0, 4))
    assert tried == page.controls.begin()
    list(page.draw(session))
    page.controls.finish(session)
    assert session.run is not first
    assert session.run.tree.solution_count() == tree.solution_count() + 4
    assert session.run.touches[0].samples == 4
    assert "touched by hand: 4 more tries" in session.picture()
    list(page.draw(session))  # nothing is prepared any more
    assert not session.running


def test_what_cannot_be_done_by_hand_is_one_sentence(page, initial_run):
    session = ExploreSession(None)
    search(page, session)
    run = session.run
    for event, sentence in (
        (touch_event("expand", 10**6), "no such node"),
        (touch_event("expand", 0, "many"), "Choose from 1"),
        (touch_event(None, 0), "can be expanded"),
    ):
        page.prepare_touch(session, None, event)
        assert not session.running
        assert sentence in page.controls.finish(session)[page.controls.banner]
        assert session.run is run
    session.show(replace(run, model="another"))
    page.prepare_touch(session, None, touch_event("expand", 0))
    assert "only its own models" in page.controls.finish(session)[page.controls.banner]
