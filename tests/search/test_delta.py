"""A copy that applies a run's deltas is the run: the same events, the same trace, whatever their
sizes."""

import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.search.fakes import Toys, toy_run
from ttc_explorer.search.delta import apply_delta, delta_since
from ttc_explorer.search.ledger import Ledger
from ttc_explorer.search.strategy import STRATEGIES
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
    copy, seen_events = copy_of(run), 0
    while copy.stopped is None:
        delta = delta_since(run, seen_events)
        if len(delta.events) > stride:  # as if the run had not gone on any further
            delta = truncate_delta(delta, stride)
        apply_delta(copy, pickle.loads(pickle.dumps(delta)))
        seen_events += len(delta.events)
    assert copy.tree.events == run.tree.events
    assert to_trace(copy) == to_trace(run)


def truncate_delta(delta, piece):
    """The first events of a delta, of a run that goes on."""
    events = delta.events[:piece]
    nodes = sum(type(event).__name__ == "NodeAdded" and event.node > 0 for event in events)
    notes = sum(type(event).__name__ == "NoteAdded" for event in events)
    return replace(
        delta, events=events, nodes=delta.nodes[:nodes], notes=delta.notes[:notes], stopped=None
    )
