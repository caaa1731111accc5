"""From finished solutions to one answer: majority, best-of-N, weighted best-of-N. Pure functions of a tree.

Equal answers share one string in ``tree.answer`` (the driver sees to it), each finished solution counts once,
and one whose answer cannot be read never votes. All ties break towards the older solution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ttc_explorer.search.tree import SearchTree


@dataclass(frozen=True)
class Vote:
    """What speaks for one answer: ``count`` solutions that end in it, ``weight`` the sum of their scores, and
    ``leaf``, the last step of the best of them, with its ``score`` (None in a run without a verifier).
    """

    answer: str
    count: int
    weight: float
    leaf: int
    score: float | None


def aggregated(scores: Sequence[float], aggregate: str) -> float:
    """Step scores to one solution score, by ``last``, ``min``, ``prod`` or ``mean``.

    The paper found ``last`` best (arXiv 2408.03314, section 5.1 and appendix E).

    >>> [round(aggregated([0.5, 0.2, 0.8], how), 2) for how in ("last", "min", "prod", "mean")]
    [0.8, 0.2, 0.08, 0.5]
    """
    if aggregate == "last":
        return scores[-1]
    if aggregate == "min":
        return min(scores)
    if aggregate == "prod":
        return math.prod(scores)
    return math.fsum(scores) / len(scores)


def solution_score(tree: SearchTree, leaf: int, aggregate: str) -> float | None:
    """The score of the solution (or beginning of one) that ends in ``leaf``; None if a step has no score."""
    scores = [tree.score[node] for node in tree.path(leaf)]
    return None if None in scores else aggregated(scores, aggregate)


def votes(tree: SearchTree, selector: str, aggregate: str) -> list[Vote]:
    """One Vote an answer, the selector's choice first.

    ``majority`` ranks by count, then weight; ``weighted`` by weight, then count (best-of-N weighted,
    arXiv 2408.03314, section 5.1); ``best`` by the one highest solution.
    """
    endings: dict[str, list[tuple[int, float | None]]] = {}
    for leaf in tree.leaves():
        answer = tree.answer[leaf]
        if answer is not None:
            endings.setdefault(answer, []).append((leaf, solution_score(tree, leaf, aggregate)))

    counted = []
    for answer, solutions in endings.items():
        leaf, score = max(solutions, key=lambda solution: (solution[1] or 0.0, -solution[0]))
        weight = math.fsum(value or 0.0 for _, value in solutions)
        counted.append(Vote(answer, len(solutions), weight, leaf, score))

    rank = {
        "majority": lambda vote: (vote.count, vote.weight),
        "weighted": lambda vote: (vote.weight, vote.count),
        "best": lambda vote: (vote.score or 0.0, -vote.leaf),
    }[selector]
    return sorted(counted, key=rank, reverse=True)  # stable: of equals the answer met first stays first


def chosen(tree: SearchTree, selector: str, aggregate: str) -> Vote | None:
    """The answer that the selector chooses and the leaf of its best solution; None while there is none."""
    return next(iter(votes(tree, selector, aggregate)), None)
