"""The move that searches are made of: ask for steps, write the replies into the tree, return what lives."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from ttc_explorer.models.protocol import Extend, Reply, Request, Score
from ttc_explorer.search.tree import SearchTree

ROOT = 0

Search = Generator[Request, Reply, str]
"""A search at work: yields requests, receives replies, and returns why it stopped: ``done`` when every live
solution has finished, ``budget`` when the rounds ran out before."""


def next_steps(
    tree: SearchTree, parents: Sequence[int], temperature: float
) -> Generator[Request, Reply, list[int]]:
    """Sample one step after each of ``parents``, have all of them scored, and return the unfinished ones.

    Name a node m times for m children. A node is extended in one request only: whoever answers lets go of
    what the models remember of it. The reply to Score is empty in a run without a verifier.
    """
    steps = yield Extend(tuple(parents), temperature)
    nodes = tree.grow(parents, steps)
    scores = yield Score(tuple(nodes))
    if scores:
        tree.set_scores(nodes, scores)
    return [node for node in nodes if tree.status[node] == "open"]
