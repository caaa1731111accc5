"""The growth of a tree in rounds: what one request for steps brought about, or in Monte Carlo tree
search one simulation.

A function of the events alone, so that a run is told in the same rounds while it goes on, after it
was loaded, and whichever strategy grew it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ttc_explorer.search.touch import Touch
from ttc_explorer.search.tree import (
    CopyAdded,
    Event,
    NodeAdded,
    SearchTree,
    StatusChanged,
    ValueUpdated,
)

ROOT = 0


@dataclass
class Round:
    """A part of a tree's events, in order.

    Attributes:
        number: counts from 1.
        events: what happened in it.
        sampled: the node of each sample, rollouts left out; one that stands for several is there
            once for each.
        by_hand: whether it begins what a touch asked for.
        judged: whether something else has happened after the samples.
        expanded: whether new steps have got a value: a simulation of a tree search is under way.
        backed_up: the nodes that a simulation went through, the root first; empty before its end.
    """

    number: int
    by_hand: bool = False
    events: list[Event] = field(default_factory=list)
    sampled: list[int] = field(default_factory=list)
    judged: bool = False
    expanded: bool = False
    backed_up: list[int] = field(default_factory=list)

    def add(self, event: Event, tree: SearchTree) -> None:
        """Take one more event of the tree."""
        self.events.append(event)
        match event:
            case NodeAdded(node) | CopyAdded(node):
                if tree.kind[node] != "rollout":
                    self.sampled.append(node)
            case ValueUpdated(node):
                if node == ROOT or self.backed_up:
                    self.backed_up.append(node)
                else:
                    self.expanded = True
            case _:
                self.judged = self.judged or bool(self.sampled)


def begins_round(event: Event, current: Round, tree: SearchTree) -> bool:
    """Whether an event is the first of another round.

    New samples begin one where those before were judged or are their parents, or where they
    stand elsewhere: a request is for steps of one depth, and for none after its own. A simulation
    is longer: it ends with the values of its whole path, from the root on.

    Args:
        event: what happens now; never the root's own.
        current: the round so far.
        tree: the tree, with the event's node.
    """
    if current.backed_up:
        match event:
            case NodeAdded() | CopyAdded() | StatusChanged(_, "kept") | ValueUpdated(0):
                return True
        return False
    if current.expanded or not isinstance(event, NodeAdded | CopyAdded):
        return False
    node = event.node
    if tree.kind[node] == "rollout" or not current.sampled:
        return False
    first = current.sampled[0]
    return (
        current.judged
        or tree.parent[node] in current.sampled
        or (tree.kind[node] != "revision" and tree.round[node] != tree.round[first])
    )


class RoundReader:
    """Cuts the events of a tree into rounds, as they come.

    Args:
        tree: the tree; it may still be growing, in another thread.
        touches: what was done by hand; each begins a round.
    """

    def __init__(self, tree: SearchTree, touches: Sequence[Touch] = ()) -> None:
        self._tree = tree
        self._touched = {touch.events for touch in touches}
        self._events_read = 0
        self.current = Round(1)

    def read(self, event: Event) -> Round | None:
        """Take one more event, in order.

        Returns:
            The round that this event shows to be over: it is the first of the next one.
        """
        ended = None
        by_hand = self._events_read in self._touched
        self._events_read += 1
        if isinstance(event, NodeAdded) and event.node == ROOT:
            return None
        if by_hand or begins_round(event, self.current, self._tree):
            ended, self.current = self.current, Round(self.current.number + 1, by_hand)
        self.current.add(event, self._tree)
        return ended


def tree_rounds(tree: SearchTree, touches: Sequence[Touch] = ()) -> list[Round]:
    """The rounds of a tree that is grown.

    >>> tree = SearchTree()
    >>> step = tree.add(0, "3x = 15")
    >>> answer = tree.add(step, "Answer: 5", finished=True, answer="5")
    >>> [each.sampled for each in tree_rounds(tree)]
    [[1], [2]]
    """
    reader = RoundReader(tree, touches)
    ended = [reader.read(event) for event in tree.events]
    rounds = [each for each in ended if each]
    return [*rounds, reader.current] if reader.current.events else rounds
