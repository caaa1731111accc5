"""Limits for strangers: which hold by default, which variable sets each, and that each is
enforced."""

import os

import gradio as gr
import pytest

from tests.search.fakes import ToyGenerator, ToyVerifier, make_checker, toy_run
from tests.ui.test_compare_page import frames_of as compare_frames
from tests.ui.test_explore_page import frames_of as explore_frames
from tests.ui.toy_solver import PausableGenerator, toy_solver
from ttc_explorer.environment import read_environment
from ttc_explorer.models.catalogue import SHIPPED_MODELS
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import Driver
from ttc_explorer.serving.limits import (
    PUBLIC_LIMITS,
    SHIPPED_GENERATORS,
    Limits,
    limits_from_environment,
)
from ttc_explorer.serving.local_run_service import LocalRunService
from ttc_explorer.serving.model_manager import ModelManager, ModelSelection
from ttc_explorer.ui.components.explore_session import ExploreSession
from ttc_explorer.ui.components.strategy_chips import chips_value
from ttc_explorer.ui.endpoints.solve_endpoint import SolveEndpoint
from ttc_explorer.ui.pages.compare_page import ComparePage, CompareSession
from ttc_explorer.ui.pages.explore_page import ExplorePage
from ttc_explorer.ui.pages.models_page import ModelsPage

LONG = 60.0


def build_page(page, limits, make_solver=toy_solver):
    with gr.Blocks():
        return page(
            ModelManager(make_solver, limits=limits), *([None] if page is not ModelsPage else [])
        )


# --- which rules ----------------------------------------------------------------------------------


@pytest.fixture
def limits_with(monkeypatch):
    """The limits of a process that has these variables, and no others of ours."""

    def read(**variables):
        for name in list(os.environ):
            if name.startswith("TTC_") or name == "SPACE_ID":
                monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return limits_from_environment(read_environment())

    return read


def test_a_space_is_public_and_a_laptop_is_not(limits_with):
    assert limits_with() == Limits()
    assert limits_with(SPACE_ID="me/space") == PUBLIC_LIMITS
    assert limits_with(TTC_PUBLIC="1") == PUBLIC_LIMITS
    assert limits_with(SPACE_ID="me/space", TTC_PUBLIC="0") == Limits()


def test_the_shipped_sizes_are_those_of_the_catalogue():
    assert (
        tuple(name for name, entry in SHIPPED_MODELS.items() if entry.role == "generator")
        == SHIPPED_GENERATORS
    )


@pytest.mark.parametrize("limit", ["characters", "budget", "seconds", "runs", "queue", "upload"])
@pytest.mark.parametrize("public", ["0", "1"])
def test_each_limit_has_a_variable(limits_with, limit, public):
    variable = f"TTC_MAX_{limit.upper()}"
    assert getattr(limits_with(**{"TTC_PUBLIC": public, variable: "7"}), limit) == 7
    assert getattr(PUBLIC_LIMITS, limit) < getattr(Limits(), limit)
    for nonsense in ("0", "-1", "many", "1e3", "99999999"):
        with pytest.raises(BadInput, match=variable):
            limits_with(**{variable: nonsense})


def test_models_are_listed_by_a_variable(limits_with):
    assert limits_with(TTC_MODELS="a/b, c/d+e/f").models == ("a/b", "c/d+e/f")
    assert limits_with(SPACE_ID="me", TTC_MODEL="a/b").models == ("a/b",)
    assert limits_with(SPACE_ID="me", TTC_MODEL="a/b", TTC_MODELS="c/d").models == ("a/b", "c/d")
    with pytest.raises(BadInput, match="TTC_PUBLIC must be 1"):
        limits_with(TTC_PUBLIC="yes")


# --- that they hold -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "ask", "sentence"),
    [
        (Limits(characters=10), {"problem": "What is 1 + 1, please?"}, "10 at most"),
        (Limits(budget=4), {"problem": "1 + 1?", "budget": 8}, "4 at most"),
    ],
)
def test_programs_get_no_more_than_the_page(limits, ask, sentence):
    endpoint = SolveEndpoint(ModelManager(toy_solver, limits=limits))
    with pytest.raises(gr.Error, match=sentence):
        next(endpoint.solve(**ask))


def test_a_run_gets_the_time_allowed(monkeypatch):
    times = []
    monkeypatch.setattr(Driver, "add", lambda self, run, seconds, **_: times.append(seconds))
    service = LocalRunService(
        Driver(ToyGenerator(), ToyVerifier(), make_checker), Limits(seconds=9)
    )
    for wanted in (None, 5, 1000):
        service.submit(toy_run(), wanted)
    service.close()  # its thread has runs that no driver will ever end
    assert times == [9, 5, 9]


def test_so_many_runs_at_once_and_no_more():
    gate = PausableGenerator(ToyGenerator())
    gate.hold(after=0)
    service = LocalRunService(Driver(gate, ToyVerifier(), make_checker), Limits(runs=1, queue=1))
    first, second = toy_run(), toy_run()
    service.submit(first)
    service.submit(second)
    assert (len(service), service.queue_place(first)) == (1, None)
    assert service.queue_place(second).place == 1
    with pytest.raises(BadInput, match="All 1 places are taken and 1 more runs wait"):
        service.submit(toy_run())
    gate.release()
    for run in (first, second):
        while run.stopped is None:
            assert service.wait(run, len(run.tree.events), LONG)
    service.drain_and_close()


@pytest.mark.slow
def test_the_budgets_on_the_page_are_as_large_as_allowed():
    page = build_page(ExplorePage, Limits(budget=64))
    assert max(value for _, value in page.strategy_controls.budget.choices) == 64


def test_a_comparison_keeps_to_the_budget_whatever_it_is_sent():
    page = build_page(ComparePage, Limits(budget=4))
    asked = {"chips": chips_value(["best_of_n"], {}), "tokens": 10**6}
    frames = list(compare_frames(page, CompareSession(), **asked, unit="samples", samples=8))
    assert any("4 at most" in str(frame.get(page.controls.banner, "")) for frame in frames)
    session = CompareSession()
    list(compare_frames(page, session, **asked, unit="tokens", samples=1))
    assert session.lanes[0].run.budget == 4


@pytest.mark.slow
def test_a_visitors_choice_holds_on_their_pages_and_on_no_others():
    def make(*name):
        generator = ToyGenerator()
        generator.name = name[0] if name else "first"
        return toy_solver(generator)

    with gr.Blocks():
        model_manager, mine, yours = (
            ModelManager(make, limits=PUBLIC_LIMITS),
            ModelSelection(),
            ModelSelection(),
        )
        models, explore, compare = (
            ModelsPage(model_manager),
            ExplorePage(model_manager, None),
            ComparePage(model_manager, None),
        )
    list(models.load_models("base-m", mine))
    for choice, name in ((mine, "base-m"), (yours, "first")):
        assert f"<h2>{name}</h2>" in models.open(choice)[models.in_use]
        session = ExploreSession(None)
        list(explore_frames(explore, session, strategy="greedy", choice=choice))
        assert session.run.model == name
        lanes = CompareSession()
        asked = {"chips": chips_value(["best_of_n"], {}), "samples": 1, "choice": choice}
        list(compare_frames(compare, lanes, **asked))
        assert lanes.lanes[0].run.model == name


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["/etc", "Qwen/Qwen2.5-0.5B-Instruct", "http://169.254.169.254/v1", ""]
)
def test_strangers_load_listed_models_only(name):
    page = build_page(ModelsPage, PUBLIC_LIMITS)
    frames = list(page.load_models(name))
    assert any("models of the list" in str(frame.get(page.banner, "")) for frame in frames)
    assert "models of the list" in str(page.own(name or "x", ""))
    with pytest.raises(BadInput, match="models of the list"):
        page._model_manager.choose(name)
