"""The models are loaded once, in the background; a failure is told, and tried again."""

from threading import Event

import pytest

from tests.ui.toys import driver, finished_run
from ttc_explorer.models.protocol import ModelError
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
