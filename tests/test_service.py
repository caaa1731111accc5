"""The background thread: runs end, waiting wakes, cancelling works, places are limited."""

from threading import Event

import pytest

from tests.search.fakes import ToyGenerator, ToyVerifier, examine, toy_run
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.public import Rules
from ttc_explorer.search.driver import Driver, solve
from ttc_explorer.service import Service

LONG = 30.0
"""Seconds after which a wait counts as hung."""


@pytest.fixture
def generator():
    return ToyGenerator()


@pytest.fixture
def service(generator):
    service = Service(Driver(generator, ToyVerifier(), examine), Rules(runs=2))
    yield service
    service.close()


def ended(service, run):
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
        seen = ended(service, run)
        assert seen == sorted(seen)
        alone = solve(toy_run(run.strategy, 16), ToyGenerator(), ToyVerifier(), examine)
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
    ended(service, second)
    service.submit(third)
    ended(service, third)
    assert (second.stopped, third.stopped) == ("done", "done")


def test_a_bad_run_is_refused_at_once(service):
    with pytest.raises(BadInput):
        service.submit(toy_run("nonsense"))


def test_close_without_any_run(generator):
    Service(Driver(generator, None, examine)).close()
