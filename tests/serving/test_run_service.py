"""The background thread: runs end, waiting wakes, cancelling works, places are limited."""

from dataclasses import replace
from threading import Event

import pytest

from tests.search.fakes import ToyGenerator, ToyVerifier, make_checker, run_to_completion, toy_run
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.model_facts import ModelFacts
from ttc_explorer.serving.limits import Limits
from ttc_explorer.serving.local_run_service import LocalRunService
from ttc_explorer.serving.run_service import QueuePlace, RunServiceBase

LONG = 30.0
"""Seconds after which a wait counts as hung."""


@pytest.fixture
def generator():
    return ToyGenerator()


@pytest.fixture
def service(generator):
    service = LocalRunService(Driver(generator, ToyVerifier(), make_checker), Limits(runs=2))
    yield service
    service.close()


def follow_until_stopped(service, run):
    """Follow a run to its end as a page does; the numbers of events seen on the way."""
    seen = [0]
    while run.stopped is None:
        assert service.wait(run, seen[-1], LONG)
        seen.append(len(run.tree.events))
    return seen


def test_a_page_follows_runs_to_their_ends(service):
    runs = [toy_run("beam", 16), toy_run("best_of_n", 16)]
    for run in runs:
        service.submit(run)
    for run in runs:
        seen = follow_until_stopped(service, run)
        assert seen == sorted(seen)
        alone = run_to_completion(
            toy_run(run.strategy, 16), ToyGenerator(), ToyVerifier(), make_checker
        )
        assert run.tree.events == alone.tree.events
    assert service.wait(runs[0], 10**9, LONG)  # an ended run has no more to wait for


def test_places_are_limited_and_cancel_frees_one(service, generator):
    started, go_on = Event(), Event()

    def hold():
        started.set()
        assert go_on.wait(LONG)

    generator.before_token = hold
    first, second, third = (toy_run(seed=seed) for seed in range(3))
    service.submit(first)
    assert started.wait(LONG)
    service.submit(second)
    service.submit(third)
    assert len(service) == 2
    assert str(service.queue_place(third)) == "Waiting for a place: next in line"
    assert not service.wait(first, 10**9, timeout=0)
    service.cancel(first)
    go_on.set()
    assert service.wait(first, 10**9, LONG)
    assert first.stopped == "cancelled"
    follow_until_stopped(service, second)
    follow_until_stopped(service, third)
    assert (second.stopped, third.stopped) == ("done", "done")


class IdleService(RunServiceBase):
    """A service whose runs end when the test says so."""

    def __init__(self, limits):
        super().__init__(ModelFacts("toy", "judge"), limits)
        self.started = []

    def _start(self, run, seconds):
        self.started.append(run)

    def _cancel(self, run):
        self.end(run)

    def end(self, run):
        with self._lock:
            run.stopped = "done"
            self._finish(run)


def test_a_free_place_goes_to_the_visitor_with_the_fewest_runs():
    service = IdleService(Limits(runs=4, queue=8))
    many = [toy_run(seed=seed) for seed in range(6)]
    for run in many:
        service.submit(run, visitor="Ada")
    assert service.started == many[:3]  # one place is for others, whoever is here
    bob, eve = toy_run(seed=7), toy_run(seed=8)
    service.submit(bob, visitor="Bob")
    service.submit(eve, visitor="Eve")
    assert service.started == [*many[:3], bob]
    assert [service.queue_place(run).place for run in (eve, *many[3:])] == [1, 2, 3, 4]
    service.end(many[0])
    assert service.started[-1] is eve
    service.end(bob)
    assert service.started[-1] is many[3]


def test_one_visitor_fills_neither_the_places_nor_the_queue():
    service = IdleService(Limits(runs=4, queue=100))
    for seed in range(6):
        service.submit(toy_run(seed=seed), visitor="Ada")
    with pytest.raises(BadInput, match="You have 6 runs in progress or waiting"):
        service.submit(toy_run(), visitor="Ada")
    service.submit(toy_run(), visitor="Bob")
    assert len(service) == 4


def test_who_waits_is_told_for_how_long_once_runs_have_ended():
    service = IdleService(Limits(runs=1))
    first, second, third = (toy_run(seed=seed) for seed in range(3))
    for run in (first, second, third):
        service.submit(run)
    assert service.queue_place(third).seconds is None
    first.ledger.seconds = 6.0
    service.end(first)
    assert service.queue_place(third) == QueuePlace(1, 6.0)


def test_a_run_that_is_cancelled_while_it_waits_never_starts():
    service = IdleService(Limits(runs=1))
    first, second = toy_run(seed=1), toy_run(seed=2)
    service.submit(first)
    service.submit(second)
    service.cancel(second)
    assert service.wait(second, 10**9, timeout=0)
    assert second.stopped == "cancelled"
    service.end(first)
    assert service.started == [first]


def test_a_run_that_cannot_be_started_ends_and_gives_its_place_back(generator):
    def checker(problem):
        if problem.text == "broken":
            raise OSError("no answers here")
        return make_checker(problem)

    service = LocalRunService(Driver(generator, ToyVerifier(), checker), Limits(runs=1))
    first, broken, last = (toy_run(seed=seed) for seed in range(3))
    broken.problem = replace(broken.problem, text="broken")
    try:
        for run in (first, broken, last):  # the second gets its place on the thread of the searches
            service.submit(run)
        for run in (first, broken, last):
            follow_until_stopped(service, run)
        alone = toy_run(seed=4)
        alone.problem = broken.problem
        service.submit(alone)  # here on the thread of whoever asks
        assert "OSError" in broken.error
        assert alone.error == broken.error
        assert (first.stopped, broken.stopped, last.stopped) == ("done", "cancelled", "done")
        assert len(service) == service.waiting() == 0
    finally:
        service.close()


def test_a_bad_run_is_refused_at_once(service):
    with pytest.raises(BadInput):
        service.submit(toy_run("nonsense"))


def test_close_without_any_run(generator):
    LocalRunService(Driver(generator, None, make_checker)).close()
