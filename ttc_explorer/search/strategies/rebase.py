"""REBASE, reward balanced search: children in proportion to reward (Wu et al., arXiv 2408.00724,
3.2)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from ttc_explorer.search.primitives import ROOT, Search, apply_allocation, extend_and_score
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategy import strategy
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.search.voting import search_score

BALANCE_TEMPERATURE = 0.2
"""The paper's balance temperature T: the smaller, the more of the width goes to the best steps."""


@strategy(
    "rebase",
    title="REBASE",
    summary="Give each live step next steps in proportion to the softmax of its score; drop those "
    "that get none.",
    verifier="search",
    settings=("temperature", "rounds", "merge", "step"),
    needs_prefix_continuation=True,
)
def rebase(tree: SearchTree, budget: int, settings: Settings) -> Search:
    """N first steps; each round the live steps share the width in proportion to softmax(score / T).

    A budget of N is the width at the root. A solution that finishes takes its place with it: the
    width of a round is the number of live steps, and there are never more than N solutions. Steps
    whose share rounds to no child are pruned. The score of a step is its ``aggregate`` over its
    path, as in ``beam``.

    Equal steps are one node that gets the shares of all its copies: softmax weighs each copy alike,
    so merging changes only how shares are rounded, once a step instead of once a copy.
    """
    live, widths = [ROOT], [budget]
    for _ in range(settings.rounds):
        samples = yield from extend_and_score(
            tree, apply_allocation(tree, live, widths), settings.temperature, step=settings.step
        )
        if not samples:
            return "done"
        copies = Counter(samples)
        live = list(copies)
        widths = softmax_allocation(
            [search_score(tree, node, settings.aggregate) for node in live],
            list(copies.values()),
            len(samples),
        )
    return "budget"


def softmax_allocation(scores: Sequence[float], copies: Sequence[int], width: int) -> list[int]:
    """``width`` children split in proportion to copies · exp(score / T), the softmax of all copies'
    scores, in whole numbers that sum to ``width``.

    Each gets its share rounded down; what is left goes, one by one, to the largest remainders, of
    equal ones to the older. (The paper rounds each share to the nearest number, so its sum can miss
    the width.)

    Args:
        scores: of the live steps.
        copies: how many samples wrote each in this round.
        width: children in all.

    >>> softmax_allocation([0.9, 0.5, 0.1], [1, 1, 1], 10)
    [9, 1, 0]
    >>> softmax_allocation([0.9, 0.5, 0.1], [1, 9, 1], 10)
    [5, 5, 0]
    """
    best = max(scores)
    weights = [
        count * math.exp((score - best) / BALANCE_TEMPERATURE)
        for score, count in zip(scores, copies, strict=True)
    ]
    exact_shares = [width * weight / math.fsum(weights) for weight in weights]
    allocation = [math.floor(share) for share in exact_shares]
    by_remainder = sorted(
        range(len(scores)), key=lambda index: allocation[index] - exact_shares[index]
    )
    for index in by_remainder[: width - sum(allocation)]:
        allocation[index] += 1
    return allocation
