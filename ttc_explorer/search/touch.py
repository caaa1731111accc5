"""Hands in the tree: what a person had done to a run that had ended, and the search that does it.

A touch goes on from one node: more tries from there, a step of the person's own, another judgement.
It is part of the run from then on: its solutions vote, the ledger counts what it cost, and the run
says that it was touched. Model, seed, settings and the list of touches determine the tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ttc_explorer.models.protocol import Score, Step
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.primitives import (
    ROOT,
    Search,
    extend_and_score,
    request_scores,
    score_nodes,
)
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.tree import NodeAdded, SearchTree

TouchKind = Literal["expand", "force", "judge"]
MAX_TOUCHES = 100
MAX_SAMPLES = 64
"""Tries of one touch."""
MAX_FORCED_TEXT = 500
"""Characters of a step that is forced."""


@dataclass(frozen=True)
class Touch:
    """What one touch asks for.

    Attributes:
        kind: ``expand``: sample solutions on from the node; ``force``: the step ``text`` follows
            the node, and solutions go on from there; ``judge``: the verifier scores the node again.
        node: where.
        samples: how many solutions to sample; none for ``judge``.
        text: the step that is forced.
        events: how many events the tree had before.
    """

    kind: TouchKind
    node: int
    samples: int
    text: str
    events: int


def make_touch(
    tree: SearchTree, kind: str, node: object, samples: object = 8, text: object = ""
) -> Touch:
    """A touch of this tree as it stands; the arguments come from outside.

    Args:
        tree: of the run.
        kind: as of ``Touch``.
        node: the id of a node.
        samples: how many solutions, from 1 to MAX_SAMPLES.
        text: of a step that is forced.

    Raises:
        BadInput: It is impossible; one sentence says why.
    """
    if not isinstance(node, int) or isinstance(node, bool) or not 0 <= node < len(tree):
        raise BadInput("There is no such node in the tree: pick one and try again.")
    if kind == "judge":
        if node == ROOT or tree.kind[node] in ("revision", "rollout"):
            raise BadInput("Only steps and answers of the search are judged again: pick one.")
        return Touch("judge", node, 0, "", len(tree.events))
    if tree.kind[node] in ("revision", "rollout") or tree.status[node] == "finished":
        raise BadInput("Nothing follows a finished solution: pick a step before its end.")
    if not isinstance(samples, int) or isinstance(samples, bool) or not 1 <= samples <= MAX_SAMPLES:
        raise BadInput(f"Choose from 1 to {MAX_SAMPLES} tries.")
    if kind == "expand":
        return Touch("expand", node, samples, "", len(tree.events))
    if kind != "force":
        raise BadInput("A node can be expanded, followed by a step of your own, or judged again.")
    if not isinstance(text, str) or not text.strip():
        raise BadInput("Write the step that shall follow here.")
    step = " ".join(text.split())
    if len(step) > MAX_FORCED_TEXT:
        raise BadInput(f"A step of your own has at most {MAX_FORCED_TEXT} characters.")
    if not step.isprintable():
        raise BadInput("A step of your own has printable characters only.")
    return Touch("force", node, samples, step, len(tree.events))


def touch_search(tree: SearchTree, touch: Touch, settings: Settings) -> Search:
    """Do what a touch asks for, as a search that goes on in a tree: solutions are written side by
    side from the node to their ends, each step scored and none pruned, as in best-of-N.

    Args:
        tree: of the run.
        touch: what to do; it fits the tree (``make_touch``).
        settings: the run's.

    Raises:
        BadInput: A step shall be judged, and nobody can.
    """
    if touch.kind == "judge":
        scores = yield from request_scores(Score((touch.node,)))
        if not scores:
            raise BadInput("There is no verifier here that could judge the step again.")
        before, after = tree.score[touch.node], scores[0]
        was = "it had none" if before is None else f"it was {before:.2f}"
        tree.set_scores([touch.node], scores)
        tree.note(f"Judged again: a score of {after:.2f}, {was}.", before=before, after=after)
        return "done"
    node = touch.node
    if touch.kind == "force":
        (node,) = tree.add_steps([node], [Step(touch.text, 0, 0.0)])
        yield from score_nodes(tree, [node])
    live = [node] * touch.samples
    while tree.round[live[0]] < settings.rounds:
        tree.set_status(live, "kept")
        live = yield from extend_and_score(tree, live, settings.temperature, step=settings.step)
        if not live:
            return "done"
    return "budget"


def touched_from(tree: SearchTree, touches: Sequence[Touch]) -> int | None:
    """The first node that a touch has added or may add; None in a run that nobody touched."""
    if not touches:
        return None
    before = tree.events[: touches[0].events]
    return sum(isinstance(event, NodeAdded) for event in before)


def describe_touches(touches: Sequence[Touch]) -> str:
    """What was done by hand, in a few words; empty for nothing.

    >>> describe_touches([Touch("expand", 3, 8, "", 9), Touch("judge", 3, 0, "", 40)])
    'touched by hand: 8 more tries, 1 step judged again'
    """
    tries = sum(touch.samples for touch in touches)
    counts = {
        f"{tries} more {'try' if tries == 1 else 'tries'}": tries,
        "{} forced": sum(touch.kind == "force" for touch in touches),
        "{} judged again": sum(touch.kind == "judge" for touch in touches),
    }
    said = [
        text.format(f"{count} step{'' if count == 1 else 's'}")
        for text, count in counts.items()
        if count
    ]
    return f"touched by hand: {', '.join(said)}" if said else ""
