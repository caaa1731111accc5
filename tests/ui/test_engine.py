"""The models are loaded once, in the background, and exchanged for others; failures are told."""

from dataclasses import replace
from threading import Event

import pytest

from tests.search.fakes import ToyGenerator
from tests.ui.toys import Gate, driver, finished_run
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.public import Rules
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.ui.engine import Engine

LONG = 60.0
"""Seconds after which a wait counts as hung."""


def test_nobody_waits_for_models_on_their_way():
    go, made = Event(), []

    def slow():
        assert go.wait(LONG)
        made.append(driver())
        return made[0]

    engine = Engine(slow)
    engine.begin()
    engine.begin()
    assert engine.wait(0) is None
    go.set()
    loaded = engine.wait(LONG)
    assert engine.wait(LONG) is loaded
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
        return driver()

    engine = Engine(flaky)
    with pytest.raises(ModelError, match="weights are missing"):
        engine.wait(LONG)
    engine.begin()
    assert engine.wait(LONG).model == "toy generator"


def test_others_are_loaded_once_the_runs_in_progress_have_ended():
    gate = Gate(ToyGenerator())

    def make(*name):
        other = ToyGenerator()
        other.name = "other"
        return driver(other) if name else driver(gate)

    engine = Engine(make)
    old = engine.wait(LONG)
    gate.hold(after=1)
    run = replace(finished_run(strategy="beam"), tree=SearchTree(), stopped=None)
    old.service.submit(run)
    engine.choose("other")
    with pytest.raises(BadInput, match="already"):
        engine.choose("another")
    while "1 run" not in engine.progress:
        assert engine.wait(0.01) is None
    with pytest.raises(BadInput, match="exchanged"):
        old.service.submit(finished_run())
    assert engine.wait(0) is None
    gate.release()
    assert engine.wait(LONG).model == "other"
    assert run.stopped == "done"
    assert old.service.tally.runs == 1


def test_the_old_models_come_back_when_others_cannot_be_had():
    made = []

    def make(*name):
        made.append(name[0] if name else None)
        if name and name[0] == "nonsense":
            raise ModelError("There is no nonsense.")
        return driver()

    engine = Engine(make, first="mine")
    assert engine.wait(LONG).name == "mine"
    engine.choose("nonsense")
    assert engine.wait(LONG).name == "mine"
    assert engine.failure == "There is no nonsense."
    assert made == ["mine", "nonsense", "mine"]
    engine.choose("theirs")
    assert engine.wait(LONG).name == "theirs"
    assert engine.failure == ""


def test_rules_of_the_engine_hold_for_its_service():
    engine = Engine(driver, rules=Rules(budget=8))
    with pytest.raises(BadInput, match="8 at most"):
        engine.wait(LONG).service.submit(finished_run(budget=16))
