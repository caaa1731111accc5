"""The background thread: runs end, waiting wakes, cancelling works, places are limited."""

from threading import Event

import pytest

from tests.search.fakes import ToyGenerator, ToyVerifier, make_checker, run_to_completion, toy_run
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import Driver
from ttc_explorer.serving.limits import Limits
from ttc_explorer.serving.local_run_service import LocalRunService

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
    with pytest.raises(BadInput, match="try again"):
        service.submit(third)
    assert not service.wait(first, 10**9, timeout=0)
    service.cancel(first)
    go_on.set()
    assert service.wait(first, 10**9, LONG)
    assert first.stopped == "cancelled"
    follow_until_stopped(service, second)
    service.submit(third)
    follow_until_stopped(service, third)
    assert (second.stopped, third.stopped) == ("done", "done")


def test_a_bad_run_is_refused_at_once(service):
    with pytest.raises(BadInput):
        service.submit(toy_run("nonsense"))


def test_close_without_any_run(generator):
    LocalRunService(Driver(generator, None, make_checker)).close()
