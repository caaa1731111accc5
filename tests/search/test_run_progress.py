"""How far a run is between two events: told while it is written, kept when it is stopped, and of no
effect on the tree."""

import json
from dataclasses import replace

import pytest

from tests.search.fakes import toy_run
from ttc_explorer.models.protocol import (
    PROGRESS_SECONDS,
    Cost,
    DecodedStep,
    Prefilled,
    RowProgress,
)
from ttc_explorer.problems.answer_checker import exact_match_checker
from ttc_explorer.search.delta import apply_delta, delta_from_data, delta_since, delta_to_data
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.run_progress import (
    PartialRow,
    RunProgress,
    progress_from_data,
    progress_to_data,
)
from ttc_explorer.search.trace import dump_trace, load_trace


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class TellingGenerator:
    """Writes two lines a solution; on the way ``in_between`` is called with the jobs."""

    name, parameters = "telling", 1
    supports_prefix_continuation, supports_chat = True, False
    prints_checks = thinks = False
    waiting = ""

    def __init__(self, in_between=lambda jobs: None):
        self.in_between = in_between

    def prefill(self, questions):
        return [Prefilled("", Cost(prefilled=1)) for _ in questions]

    def extend(self, jobs):
        self.in_between(jobs)
        return [self._written(job) for job in jobs]

    def _written(self, job):
        if job.cancelled():
            return DecodedStep("1 +", 2, -1.0, False, job.state, Cost(generated=2))
        text = "Answer: 2" if job.state else "1 + 1 = 2"
        return DecodedStep(text, 4, -1.0, bool(job.state), "later", Cost(generated=4))


def driven(in_between, strategy="best_of_n", is_watched=True):
    """A run whose generator calls ``in_between`` with the driver, the run, the clock and the
    jobs."""
    clock, run = Clock(), toy_run(strategy, 2, selector="majority", merge=False)
    generator = TellingGenerator(lambda jobs: in_between(driver, run, clock, jobs))
    driver = Driver(generator, None, exact_match_checker, clock)
    driver.add(run, is_watched=is_watched)
    while driver.tick():
        pass
    return run


def test_rows_are_seen_while_they_are_written_and_only_if_they_take_long():
    seen = []

    def in_between(driver, run, clock, jobs):
        jobs[1].on_progress(RowProgress("1 +", 2))
        seen.append(driver.progress(run))
        clock.now += PROGRESS_SECONDS
        jobs[0].on_progress(RowProgress("1 + 1 = 2", 4, ended=True))
        driver.generator.waiting = "It is busy."
        seen.append(driver.progress(run))
        driver.generator.waiting = ""

    run = driven(in_between)
    assert seen[0] is seen[2] is None
    rows = (PartialRow(0, "1 + 1 = 2", 4, True), PartialRow(0, "1 +", 2))
    assert seen[1] == RunProgress(1, PROGRESS_SECONDS, rows, "It is busy.")
    assert seen[1].tokens == 6
    assert seen[3].events == 5  # two nodes of the first step, and a mark of each
    assert [row.parent for row in seen[3].rows] == [1, 2]
    assert run.stopped == "done"
    assert run.partial == ()


def test_nobody_is_told_of_a_run_that_nobody_watches_and_its_tree_is_the_same():
    callbacks = []
    driven(lambda *asked: callbacks.extend(job.on_progress for job in asked[-1]), is_watched=False)
    assert set(callbacks) == {None}
    runs = [driven(lambda *_: None, is_watched=is_watched) for is_watched in (False, True)]
    assert runs[0].tree.events == runs[1].tree.events
    assert dump_trace(runs[0]) == dump_trace(runs[1])


@pytest.mark.parametrize("ending", ["cancelled", "deadline"])
def test_a_run_that_is_stopped_keeps_what_its_rows_have_written(ending):
    def in_between(driver, run, clock, jobs):
        if len(run.tree) > 1:
            (executor,) = driver._runs
            executor.cancelled = ending == "cancelled"
            executor._deadline = clock.now if ending == "deadline" else None

    run = driven(in_between)
    assert run.stopped == ending
    assert run.partial == (PartialRow(1, "1 +", 2), PartialRow(2, "1 +", 2))
    assert run.ledger.generated_tokens == 2 * 4 + 2 * 2  # they are paid for
    loaded = load_trace(dump_trace(run))
    assert loaded.partial == run.partial
    assert json.loads(dump_trace(run))["partial"][0] == {"parent": 1, "text": "1 +", "tokens": 2}


def test_a_run_that_ends_by_itself_has_no_such_key_in_its_trace():
    assert "partial" not in json.loads(dump_trace(driven(lambda *_: None)))


def test_both_travel_between_processes():
    stopped = driven(lambda driver, run, *_: driver.cancel(run))
    stopped.progress = RunProgress(3, 1.5, (PartialRow(1, "½", 2, True),), "It is busy.")
    assert (
        progress_from_data(json.loads(json.dumps(progress_to_data(stopped.progress))))
        == stopped.progress
    )
    copy = replace(toy_run("best_of_n", 2, selector="majority", merge=False))
    data = json.loads(json.dumps(delta_to_data(delta_since(stopped, 1))))
    apply_delta(copy, delta_from_data(data))
    assert copy.partial == stopped.partial != ()
    assert copy.progress == stopped.progress
