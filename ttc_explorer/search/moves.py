"""The moves that searches are made of: ask models for something, write the replies into the tree.

What the models remember of a node lasts until the request that continues it (Extend without ``again``).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from ttc_explorer.models.protocol import Extend, Reply, Request, Revise, Score
from ttc_explorer.search.tree import SearchTree

ROOT = 0

Search = Generator[Request, Reply, str]
"""A search at work: yields requests, receives replies, and returns why it stopped: ``done`` when every live
solution has finished, ``budget`` when the rounds ran out before."""


def next_steps(
    tree: SearchTree, parents: Sequence[int], temperature: float, again: bool = False
) -> Generator[Request, Reply, list[int]]:
    """Sample one step after each of ``parents``, have all of them scored, and return the unfinished ones.

    Name a node m times for m children. A node is extended in one request only, unless ``again`` says that it
    will be named once more: otherwise whoever answers lets go of what the models remember of it.
    """
    steps = yield Extend(tuple(parents), temperature, again)
    nodes = tree.grow(parents, steps)
    yield from _scored(tree, nodes)
    return [node for node in nodes if tree.status[node] == "open"]


def allot(tree: SearchTree, nodes: Sequence[int], widths: Sequence[int]) -> list[int]:
    """Keep the nodes that get children and prune those whose width is 0; name each once for each child."""
    tree.mark([node for node, width in zip(nodes, widths, strict=True) if width], "kept")
    tree.mark([node for node, width in zip(nodes, widths, strict=True) if not width], "pruned")
    return [node for node, width in zip(nodes, widths, strict=True) for _ in range(width)]


def revise(
    tree: SearchTree, parents: Sequence[int], temperature: float
) -> Generator[Request, Reply, list[int]]:
    """Write one whole attempt after each of ``parents``, have all of them scored, and return their ids.

    A parent is the root, a revision, or a finished answer; name it m times for m attempts.
    """
    attempts = yield Revise(tuple(parents), temperature)
    nodes = tree.grow(parents, attempts, kind="revision")
    yield from _scored(tree, nodes)
    return nodes


def rollouts(tree: SearchTree, nodes: Sequence[int], steps: int) -> Generator[Request, Reply, list[int]]:
    """Go on from each of ``nodes`` greedily for up to ``steps`` steps; return the node at each one's end.

    The steps become rollout nodes (lookahead search, arXiv 2408.03314, section 5.2). A rollout ends early
    where its solution does; that of a finished node is empty, and its end the node itself. The nodes can
    still be extended.
    """
    ends = {node: node for node in nodes}
    going = [node for node in nodes if tree.status[node] != "finished"]
    for step in range(steps):
        if not going:
            break
        parents = [ends[node] for node in going]
        replies = yield Extend(tuple(parents), 0.0, again=step == 0, rollout=True)
        ghosts = tree.grow(parents, replies, kind="rollout")
        yield from _scored(tree, ghosts)
        ends.update(zip(going, ghosts, strict=True))
        going = [node for node, reply in zip(going, replies, strict=True) if not reply.finished]
    return [ends[node] for node in nodes]


def _scored(tree: SearchTree, nodes: Sequence[int]) -> Generator[Request, Reply, None]:
    """Have the nodes scored. The reply is empty in a run without a verifier."""
    scores = yield Score(tuple(nodes))
    if scores:
        tree.set_scores(nodes, scores)
