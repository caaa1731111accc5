"""A run that grows in another process: what is asked for and what is new in it as plain data, and a
copy that mirrors it.

Deltas hold no models, no device memory, and nothing of the search itself: they can be pickled, and
written as JSON.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, get_args

from ttc_explorer.problems.problem import BadInput, Problem
from ttc_explorer.search.ledger import Ledger
from ttc_explorer.search.run import Moment, Run
from ttc_explorer.search.run_progress import (
    PartialRow,
    RunProgress,
    progress_from_data,
    progress_to_data,
    rows_from_data,
    rows_to_data,
)
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.touch import MAX_TOUCHES, make_touch
from ttc_explorer.search.trace import dump_trace, load_trace, to_trace
from ttc_explorer.search.tree import Event, NodeAdded, Note, NoteAdded
from ttc_explorer.search.tree_replay import node_arguments, repeat_event


@dataclass(frozen=True)
class RunDelta:
    """What happened in a run since the last delta, in order: ``events``, with what
    ``SearchTree.add`` takes for each node that was added (``nodes``) and the notes that were made;
    the ``moments`` recorded since; and how the rest stands. ``partial`` as in Run."""

    events: tuple[Event, ...]
    nodes: tuple[dict[str, Any], ...]
    notes: tuple[Note, ...]
    moments: tuple[Moment, ...]
    ledger: Ledger
    correct: dict[str, bool]
    reviser: str | None
    error: str | None
    stopped: str | None
    partial: tuple[PartialRow, ...] = ()
    progress: RunProgress | None = None


def delta_since(run: Run, seen_events: int) -> RunDelta:
    """What is new in a run after its first ``seen_events`` events. It may grow meanwhile."""
    stopped = run.stopped  # first: a run that has stopped has all its events
    tree = run.tree
    events = tuple(tree.events[seen_events:])
    return RunDelta(
        events,
        tuple(
            node_arguments(tree, event.node)
            for event in events
            if isinstance(event, NodeAdded) and event.node
        ),
        tuple(tree.notes[event.number] for event in events if isinstance(event, NoteAdded)),
        tuple(moment for moment in run.timeline if moment.events >= seen_events),
        replace(run.ledger),
        dict(run.correct),
        run.reviser,
        run.error,
        stopped,
        run.partial,
        run.progress,
    )


def apply_delta(run: Run, delta: RunDelta) -> None:
    """Let the same happen in a copy of the run. Its tree then has the same events."""
    tree = run.tree
    nodes, notes = iter(delta.nodes), iter(delta.notes)
    while delta.moments and run.timeline and run.timeline[-1].events >= delta.moments[0].events:
        run.timeline.pop()  # told anew
    run.timeline.extend(delta.moments)  # before the events: who sees those knows what they cost
    run.correct |= delta.correct
    run.reviser, run.error = delta.reviser, delta.error
    run.partial, run.progress = delta.partial, delta.progress
    for event in delta.events:
        repeat_event(tree, event, lambda _: next(nodes), lambda _: next(notes))
    run.ledger = delta.ledger
    run.stopped = delta.stopped  # last: who sees it finds everything else in place


# --- as JSON has it -------------------------------------------------------------------------------

_EVENT_CLASSES: dict[str, type[Event]] = {each.__name__: each for each in get_args(Event)}


def delta_to_data(delta: RunDelta) -> dict[str, Any]:
    """A delta as JSON has it: an event is the name of its class and its fields."""
    return vars(delta) | {
        "events": [[type(event).__name__, *vars(event).values()] for event in delta.events],
        "notes": [[note.text, note.data] for note in delta.notes],
        "moments": [[moment.events, vars(moment.ledger)] for moment in delta.moments],
        "ledger": vars(delta.ledger),
        "partial": rows_to_data(delta.partial),
        "progress": delta.progress and progress_to_data(delta.progress),
    }


def delta_from_data(data: dict[str, Any]) -> RunDelta:
    """The delta from ``delta_to_data``, which came from a process of our own."""
    return RunDelta(
        **data
        | {
            "events": tuple(_EVENT_CLASSES[name](*values) for name, *values in data["events"]),
            "notes": tuple(Note(*note) for note in data["notes"]),
            "moments": tuple(
                Moment(events, Ledger(**ledger)) for events, ledger in data["moments"]
            ),
            "ledger": Ledger(**data["ledger"]),
            "partial": rows_from_data(data["partial"]),
            "progress": data["progress"] and progress_from_data(data["progress"]),
        }
    )


def request_to_data(run: Run) -> dict[str, Any]:
    """A run that nobody has started, or that a touch goes on with, as JSON has it."""
    begun = {"begun": to_trace(run)} if run.touch_pending else {}
    return begun | {
        "problem": asdict(run.problem),
        "model": run.model,
        "verifier": run.verifier,
        "strategy": run.strategy,
        "budget": run.budget,
        "seed": run.seed,
        "settings": run.settings.to_dict(),
        "display_scores": run.display_scores,
    }


def request_from_data(data: dict[str, Any]) -> Run:
    """The run from ``request_to_data``, which came from a process of our own."""
    begun = data.pop("begun", None)
    run = Run(
        **data | {"problem": Problem(**data["problem"]), "settings": Settings(**data["settings"])}
    )
    if begun is None:
        return run
    loaded = load_trace(json.dumps(begun).encode())
    return replace(loaded, problem=run.problem, display_scores=run.display_scores, stopped=None)


def touched_run(run: Run, kind: str, node: object, samples: object = 8, text: object = "") -> Run:
    """A copy of a run that has ended, with a touch to be done next; the run stays as it is.

    Args:
        run: any run, loaded or not.
        kind: as the other arguments, of ``make_touch``.
        node: where.
        samples: how many solutions.
        text: a step that is forced.

    Raises:
        BadInput: It is impossible; one sentence says why.
    """
    if run.stopped is None:
        raise BadInput("The run goes on: wait for its end, or stop it, before you touch its tree.")
    done = run.touches[:-1] if run.touch_pending else run.touches
    if len(done) >= MAX_TOUCHES:
        raise BadInput(f"A run is touched {MAX_TOUCHES} times at most: run it anew.")
    touch = make_touch(run.tree, kind, node, samples, text)
    copy = load_trace(dump_trace(replace(run, touches=[])))
    return replace(
        copy,
        problem=run.problem,
        stopped=None,
        error=None,
        partial=(),
        display_scores=True,
        touches=[*done, touch],
    )
