"""This question, many times: what a press does, what stands there meanwhile and after, and that
every run can be opened again."""

import re
from types import SimpleNamespace

import gradio as gr
import pytest

from tests.search.fakes import ToyGenerator
from tests.ui.test_explore_page import values
from tests.ui.toy_solver import PausableGenerator, toy_solver
from ttc_explorer.experiments.question_curve import QuestionCurve, SeedOutcome
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.serving.limits import Limits
from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.ui.components import repeated_runs_panel
from ttc_explorer.ui.components.explore_session import ExploreSession
from ttc_explorer.ui.components.question_curve_view import (
    CurveView,
    question_curve_html,
    question_message,
)
from ttc_explorer.ui.components.repeated_runs_panel import RepeatedSession
from ttc_explorer.ui.pages.explore_page import ExplorePage


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Three seeds at two N are as good as twenty at four."""
    monkeypatch.setattr(repeated_runs_panel, "SEEDS", 3)
    monkeypatch.setattr(repeated_runs_panel, "BUDGETS", (1, 4, 16))
    monkeypatch.setattr(repeated_runs_panel, "FRAME_SECONDS", 0.02)


def explore(solver=toy_solver, limits=None):
    with gr.Blocks():
        return ExplorePage(ModelManager(solver, limits=limits or Limits(budget=4)), None)


@pytest.fixture(scope="module")
def page():
    return explore()


def frames(page, session, **changes):
    """The three events of a press, one after the other."""
    panel, asked = page.repeated, values(page, ExploreSession(None), **changes)
    yield from panel.prepare(session, None, lambda: page.read_repeated(asked))
    yield from panel.draw(session)
    yield panel.finish(session)


def last_picture(page, shown):
    return [frame[page.repeated.view] for frame in shown if page.repeated.view in frame][-1]


def test_a_press_runs_the_question_many_times_and_every_run_can_be_opened(page):
    session = RepeatedSession()
    shown = list(frames(page, session, strategy="rebase"))
    assert {(each.strategy, each.budget, each.seed) for each in session.outcomes} == {
        (strategy, budget, seed)
        for strategy in ("rebase", "best_of_n", "beam")
        for budget in (1, 4)  # 16 is more than the place allows
        for seed in range(3)
    }
    picture = last_picture(page, shown)
    assert "18 runs." in picture
    assert picture.count("data-seed=") == 3
    assert len(re.findall(r"\d/3<", picture)) == 6
    assert not session.running
    assert shown[-1][page.repeated.start]["visible"]

    press = SimpleNamespace(strategy="best_of_n", budget="4", seed="2")
    own = ExploreSession(None)
    opened = page.open_seed(own, session, None, press)
    how = page.strategy_controls
    assert (opened[how.strategy], opened[how.seed]) == ("best_of_n", 2)
    assert opened[how.budget]["value"] == 4
    again = values(page, own, strategy="best_of_n", budget=4, seed=2)
    list(page.prepare(again)), list(page.draw(own))
    before = QuestionCurve(session.outcomes).at("best_of_n", 4)[2]
    assert SeedOutcome.of(own.run).answers == before.answers


def test_a_point_that_is_picked_shows_its_seeds_and_nonsense_changes_nothing(page):
    session = RepeatedSession()
    list(frames(page, session))
    picked = page.repeated.pick(session, SimpleNamespace(strategy="beam", budget="1"))
    assert "Beam search, N = 1: open a run" in picked
    for nonsense in ("no such", "<b>"):
        page.repeated.pick(session, SimpleNamespace(strategy=nonsense, budget=nonsense))
        assert session.view.picked == ("beam", 1)
        press = SimpleNamespace(strategy=nonsense, budget="4", seed="0")
        refused = page.open_seed(ExploreSession(None), session, None, press)
        assert list(refused) == [page.controls.banner]
    assert "Found" not in page.repeated.change_view(session, "nonsense", "flops")
    assert session.view == CurveView(picked=("beam", 1))
    assert "FLOP, a run" in page.repeated.change_view(session, "found", "flops")


@pytest.mark.slow
def test_stopped_it_keeps_what_ended(page):
    gate = PausableGenerator(ToyGenerator())
    held = explore(lambda: toy_solver(gate))
    gate.hold(after=2)
    session, shown = RepeatedSession(), []
    for frame in frames(held, session):
        shown.append(frame)
        if held.repeated.view in frame and not session.stop and session.plan:
            held.repeated.end(session)
            gate.release()
    assert "Stopped after" in last_picture(held, shown)
    assert not session.running


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"text": ""}, "The problem is empty"),
        ({"width": "wide"}, "width"),
        ({"text": "hello"}, "problem"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_sentence(page, changes, sentence):
    session = RepeatedSession()
    shown = list(frames(page, session, **changes))
    assert sentence in last_picture(page, shown)
    assert not session.running
    assert shown[-1][page.repeated.start]["visible"]


@pytest.mark.slow
def test_models_that_cannot_be_loaded_are_said(page):
    def load():
        raise ModelError("There is no such model.")

    broken = explore(load)
    shown = list(frames(broken, RepeatedSession()))
    assert "There is no such model." in last_picture(broken, shown)


def outcomes(hits, runs, budget, right=frozenset({"4"})):
    return [
        SeedOutcome("beam", budget, seed, ("4" if seed < hits else "5",), right, 10 * budget, 1e6)
        for seed in range(runs)
    ]


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (2, 19, "Thinking longer helps here: Beam search is right in 2 of 20 runs at N = 1, in 19"),
        (19, 2, "Thinking longer hurts here"),
        (9, 12, "makes no difference that so few seeds could show"),
    ],
)
def test_the_message_says_no_more_than_the_intervals(first, last, words):
    curve = QuestionCurve([*outcomes(first, 20, 1), *outcomes(last, 20, 16)])
    assert words in question_message(curve, curve.points(), 20, False, False)


def test_an_unknown_answer_is_agreement_and_of_an_unknown_kind_it_means_nothing():
    curve = QuestionCurve(outcomes(15, 20, 1, right=None))
    sentence = question_message(curve, curve.points(), 20, False, False)
    assert sentence.startswith("Beam search: 15 of 20 runs choose 4 at N = 1.")
    assert "not known" in sentence
    assert "means nothing" in question_message(curve, curve.points(), 20, False, True)
    drawn = question_curve_html(curve, [("beam", 1)], 20, CurveView(), "a<b>?", "Done.")
    assert "choose the commonest answer" in drawn
    assert "a&lt;b&gt;?" in drawn
