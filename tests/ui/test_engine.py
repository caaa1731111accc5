"""The models are loaded once, in the background, and exchanged for others; failures are told."""

from dataclasses import replace
from threading import Event

import pytest

from tests.search.fakes import ToyGenerator
from tests.ui.toys import Gate, driver, finished_run
from ttc_explorer.models.protocol import ModelError, NoRoom
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.public import Rules
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.ui.engine import Choice, Engine

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
    while "1 run" not in engine.progress():
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
    assert engine.failure() == "There is no nonsense."
    assert made == ["mine", "nonsense", "mine"]
    engine.choose("theirs")
    assert engine.wait(LONG).name == "theirs"
    assert engine.failure() == ""


def named(*name):
    generator = ToyGenerator()
    generator.name = name[0] if name else "first"
    return driver(generator)


LISTED = Rules(public=True, models=("one", "two", "three"))


def test_where_strangers_share_it_a_choice_is_of_the_visitor_who_makes_it():
    made = []

    def make(*name):
        made.append(name[:1])
        return named(*name)

    engine, mine, yours = Engine(make, rules=LISTED), Choice(), Choice()
    assert engine.wait(LONG, yours) is engine.wait(LONG, mine)
    engine.choose("one", mine)
    assert engine.wait(LONG, mine).model == "one"
    assert engine.wait(LONG, yours).model == engine.wait(LONG).model == "first"
    engine.choose("one", yours)
    assert engine.wait(LONG, yours) is engine.wait(LONG, mine)
    engine.choose("base-s", mine)  # what everybody began with
    assert engine.wait(LONG, mine) is engine.wait(LONG)
    assert made == [(), ("one",)]


def test_a_failure_is_told_to_the_visitor_who_chose_and_to_nobody_else():
    def make(*name):
        if name and name[0] == "two":
            raise ModelError("There is no two.")
        return named(*name)

    engine, mine, yours = Engine(make, rules=LISTED), Choice(), Choice()
    engine.choose("one", mine)
    engine.wait(LONG, mine)
    engine.choose("two", mine)
    assert engine.wait(LONG, mine).model == "one"
    assert (engine.failure(mine), engine.failure(yours)) == ("There is no two.", "")


def test_models_without_runs_leave_when_others_have_no_room_and_come_back_when_wanted():
    """Room for two besides the first. What somebody has a run on stays."""
    here, kept = set(), []

    def make(*name):
        if name and len(here) == 2:
            raise NoRoom("Too little memory.")
        here.update(name[:1])
        gate = Gate(named(*name).generator)
        gate.name = name[0] if name else "first"
        return driver(gate)

    def forget(names):
        kept.append(names)
        here.intersection_update(names)

    visitors = {name: Choice() for name in LISTED.models}
    engine = Engine(make, rules=LISTED, forget=forget)
    engine.wait(LONG)
    for name in ("one", "two"):
        engine.choose(name, visitors[name])
        engine.wait(LONG, visitors[name])
    gate = engine.wait(LONG, visitors["one"]).service._driver.generator
    gate.hold(after=1)
    run = replace(finished_run(strategy="beam"), tree=SearchTree(), stopped=None)
    engine.wait(LONG, visitors["one"]).service.submit(run)
    engine.choose("three", visitors["three"])
    assert engine.wait(LONG, visitors["three"]).model == "three"
    assert kept[-1] == ["base-s", "one", "three"]
    assert engine.ready(visitors["one"]).model == "one"
    assert engine.ready(visitors["two"]) is None
    assert engine.wait(LONG, visitors["two"]).model == "two"
    assert engine.ready(visitors["three"]) is None
    gate.release()
    while run.stopped is None:
        engine.wait(LONG, visitors["one"]).service.wait(run, len(run.tree.events), LONG)
    assert run.stopped == "done"


def test_no_room_is_said_where_nothing_can_leave():
    def make(*name):
        if name:
            raise NoRoom("Too little memory.")
        return driver()

    engine, mine = Engine(make, rules=LISTED), Choice()
    engine.choose("one", mine)
    assert engine.wait(LONG, mine).model == "toy generator"
    assert engine.failure(mine) == "Too little memory."


@pytest.mark.parametrize("rules", [Rules(), LISTED])
def test_models_of_ones_own_are_nobody_elses(rules):
    engine, mine, yours = Engine(named, rules=rules), Choice(), Choice()
    engine.adopt(named("my account's"), "provider", mine)
    assert engine.wait(LONG, mine).model == "my account's"
    assert not engine.ready(mine).shipped
    assert engine.wait(LONG, yours).model == engine.wait(LONG).model == "first"
    engine.choose("one", mine)
    assert engine.wait(LONG, mine).model == "one"


def test_rules_of_the_engine_hold_for_its_service():
    engine = Engine(driver, rules=Rules(budget=8))
    with pytest.raises(BadInput, match="8 at most"):
        engine.wait(LONG).service.submit(finished_run(budget=16))
