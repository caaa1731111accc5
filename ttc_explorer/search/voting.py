"""From finished solutions to one answer: majority, best-of-N, weighted best-of-N. Pure functions of
a tree.

A solution is the path to a finished step, or a revision by itself. Equal answers share one string
in ``tree.answer`` (the driver sees to it), each finished solution counts once, and one whose answer
cannot be read never votes; nor do rollouts, which never count as finished. All ties break towards
the older solution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ttc_explorer.search.tree import SearchTree


@dataclass(frozen=True)
class Vote:
    """What speaks for one answer: ``count`` solutions that end in it, ``weight`` the sum of the
    weights of each of them (``solution_weights``), and ``leaf``, the last step of the best of them,
    with its ``score`` (None in a run without a verifier).
    """

    answer: str
    count: int
    weight: float
    leaf: int
    score: float | None


def aggregate_scores(scores: Sequence[float], aggregate: str) -> float:
    """Step scores to one solution score, by ``last``, ``min``, ``prod`` or ``mean``.

    The paper found ``last`` best (arXiv 2408.03314, section 5.1 and appendix E).

    >>> [round(aggregate_scores([0.5, 0.2, 0.8], how), 2) for how in ("last", "min", "prod", "mean")]
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
    """The score of the solution (or beginning of one) that ends in ``leaf``; None if a step has no
    score.

    Of a revision the verifier judges only the whole: that is its score, by any ``aggregate``.
    """
    if tree.kind[leaf] == "revision":
        return tree.score[leaf]
    scores = [tree.score[node] for node in tree.path(leaf)]
    return None if None in scores else aggregate_scores(scores, aggregate)


def solution_weights(tree: SearchTree, aggregate: str) -> dict[int, float]:
    """What each finished solution adds to the weight of its answer: its score, or 0 if it has none
    or its answer cannot be read. In a tree with revisions, that of all attempts in chains,
    ``hierarchical_chain_weights``.
    """
    if "revision" in tree.kind:
        return hierarchical_chain_weights(tree, aggregate)
    return {leaf: _score_weight(tree, leaf, aggregate) for leaf in tree.leaves()}


def hierarchical_chain_weights(tree: SearchTree, aggregate: str) -> dict[int, float]:
    """Weighted best-of-N within each chain, then across the chains' winners (arXiv 2408.03314,
    section 6): what each finished solution adds to the weight of its answer.

    A chain is the attempts on the way to one that nobody revised: revisions in a row, after the
    solution that they began with, if a search found it; a solution without revisions is a chain of
    one. Within it, the answer with the largest sum of scores wins. For it stands its best-scored
    attempt, with that one's own score: a chain has one vote, however often it repeats itself. All
    other attempts add 0. Chains that share an attempt, and have it stand for them both, share that
    vote.
    """
    weight_of = dict.fromkeys(tree.leaves(), 0.0)
    revised_nodes = {
        tree.parent[node] for node in range(len(tree)) if tree.kind[node] == "revision"
    }
    for end in [leaf for leaf in weight_of if leaf not in revised_nodes]:
        attempts: dict[str, list[tuple[float, int]]] = {}
        for attempt in tree.chain(end):
            answer = tree.answer[attempt]
            if answer is not None:
                attempts.setdefault(answer, []).append(
                    (_score_weight(tree, attempt, aggregate), -attempt)
                )
        if attempts:
            winner = max(
                attempts.values(),
                key=lambda scored_attempts: math.fsum(score for score, _ in scored_attempts),
            )
            score, attempt = max(winner)
            weight_of[-attempt] = score
    return weight_of


def _score_weight(tree: SearchTree, leaf: int, aggregate: str) -> float:
    """The score of a finished solution as a weight."""
    if tree.answer[leaf] is None:
        return 0.0
    return solution_score(tree, leaf, aggregate) or 0.0


def ranked_votes(tree: SearchTree, selector: str, aggregate: str) -> list[Vote]:
    """One Vote an answer, the selector's choice first.

    ``majority`` ranks by count, then weight; ``weighted`` by weight, then count (best-of-N
    weighted, arXiv 2408.03314, section 5.1); ``best`` by the one highest solution. Revisions are
    counted flat by ``majority``, all answers of all chains (the paper's hierarchical vote failed),
    and chain by chain by ``weighted``.
    """
    weight_of = solution_weights(tree, aggregate)
    solutions_by_answer: dict[str, list[tuple[int, float | None]]] = {}
    for leaf in weight_of:
        answer = tree.answer[leaf]
        if answer is not None:
            solutions_by_answer.setdefault(answer, []).append(
                (leaf, solution_score(tree, leaf, aggregate))
            )

    unranked = []
    for answer, solutions in solutions_by_answer.items():
        leaf, score = max(solutions, key=lambda solution: (solution[1] or 0.0, -solution[0]))
        weight = math.fsum(weight_of[leaf] for leaf, _ in solutions)
        unranked.append(Vote(answer, len(solutions), weight, leaf, score))

    rank = {
        "majority": lambda vote: (vote.count, vote.weight),
        "weighted": lambda vote: (vote.weight, vote.count),
        "best": lambda vote: (vote.score or 0.0, -vote.leaf),
    }[selector]
    return sorted(
        unranked, key=rank, reverse=True
    )  # stable: of equals the answer met first stays first


def winning_vote(tree: SearchTree, selector: str, aggregate: str) -> Vote | None:
    """The answer that the selector chooses and the leaf of its best solution; None while there is
    none."""
    return next(iter(ranked_votes(tree, selector, aggregate)), None)
