"""Runs in the background: a quarter of the places, none while others wait, an end to all."""

import pytest

from tests.search.fakes import toy_run
from tests.serving.test_run_service import IdleService
from ttc_explorer.serving.limits import Limits
from ttc_explorer.serving.repeated_runs import LONGEST_RUNS, SECONDS_TO_STOP, RepeatedRuns


class StoppableService(IdleService):
    """Which stops runs, unless it is closed."""

    closed = False

    def _cancel(self, run):
        if not self.closed:
            self.end(run, "cancelled")

    def end(self, run, stopped="done"):
        with self._lock:
            run.stopped = stopped
            self._finish(run)

    @property
    def running(self):
        return self._started_runs()


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def limits():
    return Limits(runs=8, seconds=10)


@pytest.fixture
def service(limits):
    return StoppableService(limits)


@pytest.fixture
def clock():
    return Clock()


def seeds(number):
    return [toy_run(seed=seed) for seed in range(number)]


def test_they_hold_a_quarter_of_the_places_and_go_on_as_some_end(service, limits, clock):
    asked = seeds(5)
    runs = RepeatedRuns(service, iter(asked), limits, "somebody", clock)
    assert runs.advance(0) == []
    assert service.running == asked[:2]
    service.end(asked[1])
    assert runs.advance(0) == [asked[1]]
    runs.advance(0)
    assert service.running == [asked[0], asked[2]]
    while service.running:
        assert len(service.running) <= 2
        service.end(service.running[0])
        runs.advance(0)
    assert [run.stopped for run in asked] == ["done"] * 5
    assert not runs
    assert not runs.time_is_up


def test_none_is_started_while_somebody_waits(service, limits, clock):
    others = seeds(9)
    for number, run in enumerate(others):
        service.submit(run, visitor=f"visitor {number}")
    assert service.waiting() == 1
    runs = RepeatedRuns(service, iter(seeds(3)), limits, "somebody", clock)
    assert runs.advance(0) == []
    assert (len(service), service.waiting()) == (8, 1)
    service.end(others[0])
    service.end(others[1])
    runs.advance(0)
    assert (len(service), service.waiting()) == (8, 1)  # one of ours, and the next waits itself
    assert runs


def test_cancelled_they_start_no_more_and_end(service, limits, clock):
    asked = seeds(5)
    runs = RepeatedRuns(service, iter(asked), limits, None, clock)
    assert runs.advance(0) == []
    runs.cancel()
    assert [run.stopped for run in asked[:2]] == ["cancelled", "cancelled"]
    assert runs.advance(0) == asked[:2]
    assert not runs
    assert asked[2].stopped is None


def test_all_together_they_have_an_end_even_if_their_service_was_closed(service, limits, clock):
    asked = seeds(5)
    service.closed = True
    runs = RepeatedRuns(service, iter(asked), limits, None, clock)
    runs.advance(0)
    clock.now = LONGEST_RUNS * limits.seconds
    runs.advance(0)
    assert runs.time_is_up
    assert runs
    clock.now += SECONDS_TO_STOP
    runs.advance(0)
    assert not runs
