"""A copy that follows a run's news is the run: the same events, the same trace, whatever the pieces."""

import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.search.fakes import Toys, toy_run
from ttc_explorer.search.ledger import Ledger
from ttc_explorer.search.news import follow, news
from ttc_explorer.search.strategies import STRATEGIES
from ttc_explorer.search.trace import to_trace
from ttc_explorer.search.tree import SearchTree


@pytest.fixture(scope="module")
def runs():
    return {name: Toys().drive(toy_run(name, 8))[0] for name in STRATEGIES}


def copy_of(run):
    return replace(run, tree=SearchTree(), ledger=Ledger(), correct={}, stopped=None, reviser=None)


@given(st.sampled_from(sorted(STRATEGIES)), st.integers(1, 200))
def test_a_copy_ends_as_the_run(runs, name, stride):
    run = runs[name]
    copy, seen = copy_of(run), 0
    while copy.stopped is None:
        latest = news(run, seen)
        if len(latest.events) > stride:  # as if the run had not gone on any further
            latest = cut(latest, stride)
        follow(copy, pickle.loads(pickle.dumps(latest)))
        seen += len(latest.events)
    assert copy.tree.events == run.tree.events
    assert to_trace(copy) == to_trace(run)


def cut(latest, piece):
    """The first events of some news, of a run that goes on."""
    events = latest.events[:piece]
    nodes = sum(type(event).__name__ == "Added" and event.node > 0 for event in events)
    notes = sum(type(event).__name__ == "Noted" for event in events)
    return replace(
        latest, events=events, nodes=latest.nodes[:nodes], notes=latest.notes[:notes], stopped=None
    )
