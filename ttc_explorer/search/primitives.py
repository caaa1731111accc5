"""The primitives that searches are made of: request work from models, write the replies into the
tree.

A node's model state (its KV cache rows) is kept until the request that continues it (Extend without
``keep_state``).

Requests can speak (``models/protocol.py``, Extend): text that a step begins with, a prompt a
branch, a temperature a row. Budget forcing (arXiv 2501.19393), say, does not let a solution end::

    steps = yield from request_steps(Extend((node,), temperature))
    (step,) = steps
    if step.finished:  # not yet: the text takes the place of the end
        (node,) = tree.add_steps([node], [replace(step, finished=False, answer=None)])
        steps = yield from request_steps(Extend((node,), temperature, forced=("Wait",)))

A branch that plans first, or a verdict on a solution, is a row from the root with a prompt of its
own; as a rollout it is seen in the tree and never votes::

    ask = Prompt("{question}\\n\\nIs this right? " + solution)
    request = Extend((ROOT,) * 4, 1.0, rollout=True, prompts=(ask,) * 4)
    verdicts = yield from request_steps(request)
    tree.add_steps(request.parents, verdicts, kind="rollout")

Whole strategies of these kinds: ``tests/search/speaking_strategies.py``.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import cast

from ttc_explorer.models.protocol import (
    Extend,
    Reply,
    Request,
    Revise,
    Score,
    Step,
)
from ttc_explorer.search.step_rule import OWN, requested_step
from ttc_explorer.search.tree import SearchTree

ROOT = 0

Search = Generator[Request, Reply, str]
"""A running search: yields requests, receives replies, and returns why it stopped: ``done`` when
every live solution has finished, ``budget`` when the rounds ran out before."""


def extend_and_score(
    tree: SearchTree,
    parents: Sequence[int],
    temperature: float,
    keep_state: bool = False,
    step: str = OWN,
) -> Generator[Request, Reply, list[int]]:
    """``sample_steps``, of which only the unfinished are returned."""
    nodes = yield from sample_steps(tree, parents, temperature, keep_state, step)
    return [node for node in nodes if tree.status[node] != "finished"]


def sample_steps(
    tree: SearchTree,
    parents: Sequence[int],
    temperature: float,
    keep_state: bool = False,
    step: str = OWN,
) -> Generator[Request, Reply, list[int]]:
    """Sample one step after each of ``parents``, and have all of them scored.

    Name a node m times for m children. A node is extended in one request only, unless
    ``keep_state`` says that it will be named once more: otherwise its model state is freed.
    ``step`` says where the steps end (``step_rule.py``).

    Returns:
        The node of each sample. Samples that wrote the same step are one node (``tree.py``), which
        is there once for each: its places in the search. ``Counter`` tells them.
    """
    request = Extend(tuple(parents), temperature, keep_state, step=requested_step(step))
    steps = yield from request_steps(request)
    nodes = tree.add_steps(parents, steps)
    yield from score_nodes(tree, nodes)
    return nodes


def apply_allocation(tree: SearchTree, nodes: Sequence[int], widths: Sequence[int]) -> list[int]:
    """Keep the nodes that get children and prune the others; name each once for each child.

    A node may be there several times, with children for each. One that an earlier search of the
    same run has gone on from stays kept.
    """
    parents = [node for node, width in zip(nodes, widths, strict=True) for _ in range(width)]
    tree.set_status(parents, "kept")
    kept = set(parents)
    prune(tree, [node for node in nodes if node not in kept])
    return parents


def prune(tree: SearchTree, nodes: Iterable[int]) -> None:
    """Prune those of the nodes that no search has gone on from."""
    kinds = zip(tree.parent, tree.kind, strict=True)
    continued = {parent for parent, kind in kinds if kind != "rollout"}
    tree.set_status([node for node in nodes if node not in continued], "pruned")


def proportional_allocation(copies: Sequence[int], width: int) -> list[int]:
    """``width`` children shared in proportion to ``copies``, in whole numbers that sum to
    ``width``, at least one each.

    The method of Webster and Sainte-Laguë: each place goes where the share already given is the
    furthest behind, of equals to the first. It is the division with the least
    Σ (share - exact share)² / exact share of those that give everyone at least one.

    Args:
        copies: how often each was drawn, best first; at most ``width`` of them, and at least one.
        width: children in all.

    >>> proportional_allocation([5, 1, 2], 8), proportional_allocation([14, 1, 1], 4)
    ([5, 1, 2], [2, 1, 1])
    """
    shares = [1] * len(copies)
    for _ in range(width - len(copies)):
        behind = [count / (2 * share + 1) for count, share in zip(copies, shares, strict=True)]
        shares[behind.index(max(behind))] += 1
    return shares


def revise_and_score(
    tree: SearchTree, parents: Sequence[int], temperature: float
) -> Generator[Request, Reply, list[int]]:
    """Write one whole attempt after each of ``parents``, have all of them scored, and return their
    ids.

    A parent is the root, a revision, or a finished answer; name it m times for m attempts.
    """
    attempts = yield from request_steps(Revise(tuple(parents), temperature))
    nodes = tree.add_steps(parents, attempts, kind="revision")
    yield from score_nodes(tree, nodes)
    return nodes


def greedy_rollouts(
    tree: SearchTree, nodes: Sequence[int], steps: int, step_end: str = OWN
) -> Generator[Request, Reply, list[int]]:
    """Go on from each of ``nodes`` greedily for up to ``steps`` steps; return the node at each
    one's end.

    The steps become rollout nodes (lookahead search, arXiv 2408.03314, section 5.2). A rollout ends
    early where its solution does; that of a finished node is empty, and its end the node itself.
    The nodes can still be extended. A node that is there for several samples is rolled out for
    each: what is written once more is one node with copies, and is paid for. ``step_end`` says
    where a step ends (``step_rule.py``).
    """
    ends = list(nodes)
    unfinished = [place for place, node in enumerate(nodes) if tree.status[node] != "finished"]
    for step in range(steps):
        if not unfinished:
            break
        parents = [ends[place] for place in unfinished]
        request = Extend(
            tuple(parents), 0.0, keep_state=step == 0, rollout=True, step=requested_step(step_end)
        )
        replies = yield from request_steps(request)
        rollout_nodes = tree.add_steps(parents, replies, kind="rollout")
        yield from score_nodes(tree, rollout_nodes)
        for place, node in zip(unfinished, rollout_nodes, strict=True):
            ends[place] = node
        unfinished = [
            place for place, reply in zip(unfinished, replies, strict=True) if not reply.finished
        ]
    return ends


def score_nodes(tree: SearchTree, nodes: Sequence[int]) -> Generator[Request, Reply, None]:
    """Have the nodes scored, and the scores written into the tree: none in a run without a
    verifier, or in which nobody reads scores."""
    scores = yield from request_scores(Score(tuple(nodes)))
    if scores:
        tree.set_scores(nodes, scores)


# --- requests, with the types of their replies ----------------------------------------------------


def request_steps(request: Extend | Revise) -> Generator[Request, Reply, Sequence[Step]]:
    """The reply to a request for steps or attempts: one for each parent."""
    return cast(Sequence[Step], (yield request))


def request_scores(request: Score) -> Generator[Request, Reply, Sequence[float]]:
    """The reply to a request for scores: one for each node, or none at all."""
    return cast(Sequence[float], (yield request))
