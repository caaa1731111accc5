"""A run that grows in another process: what is new in it as plain data, and a copy that follows it.

News can be pickled: they hold no models, no device memory, and nothing of the search itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ttc_explorer.search.ledger import Ledger
from ttc_explorer.search.run import Run
from ttc_explorer.search.tree import Added, Event, Marked, Note, Noted, Scored, SearchTree, Valued


@dataclass(frozen=True)
class News:
    """What happened in a run since the last news, in order: ``events``, with what ``SearchTree.add`` takes
    for each node that was added (``nodes``) and the notes that were made; and how the rest stands."""

    events: tuple[Event, ...]
    nodes: tuple[dict[str, Any], ...]
    notes: tuple[Note, ...]
    ledger: Ledger
    correct: dict[str, bool]
    reviser: str | None
    error: str | None
    stopped: str | None


def news(run: Run, seen: int) -> News:
    """What is new in a run after its first ``seen`` events. It may grow meanwhile."""
    stopped = run.stopped  # first: a run that has stopped has all its events
    tree = run.tree
    events = tuple(tree.events[seen:])
    return News(
        events,
        tuple(_node(tree, event.node) for event in events if isinstance(event, Added) and event.node),
        tuple(tree.notes[event.number] for event in events if isinstance(event, Noted)),
        replace(run.ledger),
        dict(run.correct),
        run.reviser,
        run.error,
        stopped,
    )


def follow(run: Run, latest: News) -> None:
    """Let the same happen in a copy of the run. Its tree then has the same events."""
    tree = run.tree
    nodes, notes = iter(latest.nodes), iter(latest.notes)
    run.correct |= latest.correct
    run.reviser, run.error = latest.reviser, latest.error
    for event in latest.events:
        match event:
            case Added(node):
                if node:  # every tree begins with its root
                    tree.add(**next(nodes))
            case Scored(node, score):
                tree.set_scores([node], [score])
            case Marked(node, status):
                tree.mark([node], status)
            case Valued(node, visits, value):
                tree.set_value(node, visits, value)
            case Noted():
                note = next(notes)
                tree.note(note.text, **note.data)
    run.ledger = latest.ledger
    run.stopped = latest.stopped  # last: who sees it finds everything else in place


def _node(tree: SearchTree, node: int) -> dict[str, Any]:
    """What the node was added with."""
    return {
        "parent": tree.parent[node],
        "text": tree.text[node],
        "tokens": tree.tokens[node],
        "logprob": tree.logprob[node],
        "finished": tree.kind[node] in ("answer", "revision"),
        "answer": tree.answer[node],
        "kind": tree.kind[node],
    }
