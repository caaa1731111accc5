"""The models are loaded once, in the background, and exchanged for others; failures are told."""

from dataclasses import replace
from threading import Event

import pytest

from tests.search.fakes import ToyGenerator
from tests.ui.toy_solver import PausableGenerator, finished_run, toy_solver
from ttc_explorer import __version__
from ttc_explorer.models.protocol import InsufficientMemory, ModelError
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.serving.limits import Limits
from ttc_explorer.serving.model_manager import ModelManager, ModelSelection

LONG = 60.0
"""Seconds after which a wait counts as hung."""


def test_nobody_waits_for_models_on_their_way():
    go, made = Event(), []

    def slow():
        assert go.wait(LONG)
        made.append(toy_solver())
        return made[0]

    model_manager = ModelManager(slow)
    model_manager.start_loading()
    model_manager.start_loading()
    assert model_manager.wait(0) is None
    go.set()
    loaded = model_manager.wait(LONG)
    assert model_manager.wait(LONG) is loaded
    assert (loaded.model, loaded.verifier, len(made)) == ("toy generator", "toy verifier", 1)
    run = finished_run(strategy="greedy")
    again = type(run)(run.problem, "m", "v", "greedy", 1, 0, run.settings)
    loaded.service.submit(again)
    while again.stopped is None:
        assert loaded.service.wait(again, len(again.tree.events), LONG)
    loaded.service.close()


def test_a_failure_is_told_and_tried_again():
    tries = iter([ModelError("The weights are missing: train them."), None])

    def flaky():
        error = next(tries)
        if error:
            raise error
        return toy_solver()

    model_manager = ModelManager(flaky)
    with pytest.raises(ModelError, match="weights are missing"):
        model_manager.wait(LONG)
    model_manager.start_loading()
    assert model_manager.wait(LONG).model == "toy generator"


def test_others_are_loaded_once_the_runs_in_progress_have_ended():
    gate = PausableGenerator(ToyGenerator())

    def make(*name):
        other = ToyGenerator()
        other.name = "other"
        return toy_solver(other) if name else toy_solver(gate)

    model_manager = ModelManager(make)
    old = model_manager.wait(LONG)
    gate.hold(after=1)
    run = replace(finished_run(strategy="beam"), tree=SearchTree(), stopped=None)
    old.service.submit(run)
    model_manager.choose("other")
    with pytest.raises(BadInput, match="already"):
        model_manager.choose("another")
    while "1 run" not in model_manager.progress():
        assert model_manager.wait(0.01) is None
    with pytest.raises(BadInput, match="exchanged"):
        old.service.submit(finished_run())
    assert model_manager.wait(0) is None
    gate.release()
    assert model_manager.wait(LONG).model == "other"
    assert run.stopped == "done"
    assert old.service.totals.runs == 1


def test_the_old_models_come_back_when_others_cannot_be_had():
    made = []

    def make(*name):
        made.append(name[0] if name else None)
        if name and name[0] == "nonsense":
            raise ModelError("There is no nonsense.")
        return toy_solver()

    model_manager = ModelManager(make, initial_name="mine")
    assert model_manager.wait(LONG).name == "mine"
    model_manager.choose("nonsense")
    assert model_manager.wait(LONG).name == "mine"
    assert model_manager.failure() == "There is no nonsense."
    assert made == ["mine", "nonsense", "mine"]
    model_manager.choose("theirs")
    assert model_manager.wait(LONG).name == "theirs"
    assert model_manager.failure() == ""


def solver_named(*name):
    generator = ToyGenerator()
    generator.name = name[0] if name else "first"
    return toy_solver(generator)


PUBLIC_WITH_MODELS = Limits(public=True, models=("one", "two", "three"))


def test_where_strangers_share_it_a_choice_is_of_the_visitor_who_makes_it():
    made = []

    def make(*name):
        made.append(name[:1])
        return solver_named(*name)

    model_manager, mine, yours = (
        ModelManager(make, limits=PUBLIC_WITH_MODELS),
        ModelSelection(),
        ModelSelection(),
    )
    assert model_manager.wait(LONG, yours) is model_manager.wait(LONG, mine)
    model_manager.choose("one", mine)
    assert model_manager.wait(LONG, mine).model == "one"
    assert model_manager.wait(LONG, yours).model == model_manager.wait(LONG).model == "first"
    model_manager.choose("one", yours)
    assert model_manager.wait(LONG, yours) is model_manager.wait(LONG, mine)
    model_manager.choose("base-s", mine)  # what everybody began with
    assert model_manager.wait(LONG, mine) is model_manager.wait(LONG)
    assert made == [(), ("one",)]


def test_a_failure_is_told_to_the_visitor_who_chose_and_to_nobody_else():
    def make(*name):
        if name and name[0] == "two":
            raise ModelError("There is no two.")
        return solver_named(*name)

    model_manager, mine, yours = (
        ModelManager(make, limits=PUBLIC_WITH_MODELS),
        ModelSelection(),
        ModelSelection(),
    )
    model_manager.choose("one", mine)
    model_manager.wait(LONG, mine)
    model_manager.choose("two", mine)
    assert model_manager.wait(LONG, mine).model == "one"
    assert (model_manager.failure(mine), model_manager.failure(yours)) == ("There is no two.", "")


def test_models_without_runs_leave_when_others_have_no_room_and_come_back_when_wanted():
    """Room for two besides the first. What somebody has a run on stays."""
    here, kept = set(), []

    def make(*name):
        if name and len(here) == 2:
            raise InsufficientMemory("Too little memory.")
        here.update(name[:1])
        gate = PausableGenerator(solver_named(*name).generator)
        gate.name = name[0] if name else "first"
        return toy_solver(gate)

    def unload_except(names):
        kept.append(names)
        here.intersection_update(names)

    visitors = {name: ModelSelection() for name in PUBLIC_WITH_MODELS.models}
    model_manager = ModelManager(make, limits=PUBLIC_WITH_MODELS, unload_except=unload_except)
    model_manager.wait(LONG)
    for name in ("one", "two"):
        model_manager.choose(name, visitors[name])
        model_manager.wait(LONG, visitors[name])
    gate = model_manager.wait(LONG, visitors["one"]).service._driver.generator
    gate.hold(after=1)
    run = replace(finished_run(strategy="beam"), tree=SearchTree(), stopped=None)
    model_manager.wait(LONG, visitors["one"]).service.submit(run)
    model_manager.choose("three", visitors["three"])
    assert model_manager.wait(LONG, visitors["three"]).model == "three"
    assert kept[-1] == ["base-s", "one", "three"]
    assert model_manager.ready(visitors["one"]).model == "one"
    assert model_manager.ready(visitors["two"]) is None
    assert model_manager.wait(LONG, visitors["two"]).model == "two"
    assert model_manager.ready(visitors["three"]) is None
    gate.release()
    while run.stopped is None:
        model_manager.wait(LONG, visitors["one"]).service.wait(run, len(run.tree.events), LONG)
    assert run.stopped == "done"


def test_no_room_is_said_where_nothing_can_leave():
    def make(*name):
        if name:
            raise InsufficientMemory("Too little memory.")
        return toy_solver()

    model_manager, mine = ModelManager(make, limits=PUBLIC_WITH_MODELS), ModelSelection()
    model_manager.choose("one", mine)
    assert model_manager.wait(LONG, mine).model == "toy generator"
    assert model_manager.failure(mine) == "Too little memory."


@pytest.mark.parametrize("limits", [Limits(), PUBLIC_WITH_MODELS])
def test_models_of_ones_own_are_nobody_elses(limits):
    model_manager, mine, yours = (
        ModelManager(solver_named, limits=limits),
        ModelSelection(),
        ModelSelection(),
    )
    model_manager.adopt(solver_named("my account's"), "provider", mine)
    assert model_manager.wait(LONG, mine).model == "my account's"
    assert not model_manager.shipped(mine)
    assert model_manager.shipped(yours)
    assert model_manager.wait(LONG, yours).model == model_manager.wait(LONG).model == "first"
    model_manager.choose("one", mine)
    assert model_manager.wait(LONG, mine).model == "one"


def test_rules_of_the_engine_hold_for_its_service():
    model_manager = ModelManager(toy_solver, limits=Limits(budget=8))
    with pytest.raises(BadInput, match="8 at most"):
        model_manager.wait(LONG).service.submit(finished_run(budget=16))


def test_how_it_stands_is_told_without_waiting_for_models():
    gate = PausableGenerator(ToyGenerator())
    gate.hold(after=0)
    model_manager = ModelManager(lambda: toy_solver(gate), limits=Limits(runs=1))
    standing = {"version": __version__, "model": None, "running": 0, "waiting": 0}
    assert model_manager.status() == standing
    service = model_manager.wait(LONG).service
    runs = [replace(finished_run(), tree=SearchTree(), stopped=None) for _ in range(3)]
    for run in runs:
        service.submit(run)
    assert model_manager.status() == standing | {
        "model": "toy generator", "running": 1, "waiting": 2
    }  # fmt: skip
    for run in reversed(runs):
        service.cancel(run)
    service.drain_and_close()
    assert model_manager.status()["running"] == 0
