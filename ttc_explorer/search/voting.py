"""From finished solutions to one answer, by any selector (``selector.py``). Pure functions of a
tree.

A solution is the path to a finished step, or a revision by itself. Equal answers share one string
in ``tree.answer`` (the executor sees to it), each finished solution counts once, a leaf of 4 copies
as 4 solutions, and one whose answer cannot be read never votes; nor do rollouts, which never count
as finished. All ties break towards the older solution.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

import numpy as np

from ttc_explorer.search.selector import SELECTORS, SolutionFeatures
from ttc_explorer.search.token_confidence import token_confidence
from ttc_explorer.search.tree import SearchTree


@dataclass(frozen=True)
class Vote:
    """What speaks for one answer by one selector: ``count`` solutions that end in it; their
    ``weight`` together, as the selector combines it; and ``leaf``, the last step of the one that
    weighs most (of equals the oldest), with its ``score`` (None where it was not scored).
    """

    answer: str
    count: int
    weight: float
    leaf: int
    score: float | None


def aggregate_scores(scores: Sequence[float], aggregate: str) -> float:
    """Step scores to one solution score, by ``last``, ``min``, ``prod`` or ``mean``.

    The paper found ``last`` best (arXiv 2408.03314, section 5.1 and appendix E).

    >>> aggregates = ("last", "min", "prod", "mean")
    >>> [round(aggregate_scores([0.5, 0.2, 0.8], each), 2) for each in aggregates]
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
    path = tree.path(leaf)
    scores = [score for node in path if (score := tree.score[node]) is not None]
    return aggregate_scores(scores, aggregate) if len(scores) == len(path) else None


def search_score(tree: SearchTree, node: int, aggregate: str) -> float:
    """``solution_score`` where the search goes by it, and everything has been scored.

    Args:
        tree: the run's tree.
        node: a node that was scored, with all before it.
        aggregate: how step scores become one (``aggregate_scores``).

    Returns:
        The score, from 0 to 1.

    Raises:
        ValueError: a step on the way has no score.
    """
    score = solution_score(tree, node, aggregate)
    if score is None:
        raise ValueError(f"node {node} has no score to search by")
    return score


def solution_logprobs(tree: SearchTree, leaf: int) -> list[float]:
    """The log-probabilities, in nats, of the tokens of the solution that ends in ``leaf``; empty
    where the model told none of them. Of a revision, those of that attempt alone."""
    nodes = [leaf] if tree.kind[leaf] == "revision" else tree.path(leaf)
    return [logprob for node in nodes for logprob in tree.token_logprobs[node]]


def solution_features(
    tree: SearchTree, leaves: Sequence[int], selector: str, aggregate: str, confidence: str = "mean"
) -> SolutionFeatures:
    """The features of the finished solutions ``leaves``, as far as the selector says it needs them.

    Args:
        tree: the run's tree.
        leaves: the last step of each solution.
        selector: its name.
        aggregate: how step scores become a solution's (``aggregate_scores``).
        confidence: which tokens the model's confidence is read from (``token_confidence.py``).

    Returns:
        Arrays of shape (len(leaves),).
    """
    needs = SELECTORS.find(selector).needs
    unknown = np.full(len(leaves), np.nan)
    score = confidences = unknown
    if needs == "scores":
        score = np.array([solution_score(tree, leaf, aggregate) for leaf in leaves], float)
    if needs == "logprobs":
        confidences = np.array(
            [token_confidence(solution_logprobs(tree, leaf), confidence) for leaf in leaves], float
        )
    rng = Random(f"selector {tree.seed}")
    lots = [rng.random() for _ in range(max(leaves, default=-1) + 1)]
    # The highest of c lots is distributed as one lot to the power of 1 / c.
    draws = [lots[leaf] ** (1 / tree.copies[leaf]) for leaf in leaves]
    return SolutionFeatures(
        tokens=np.array([_solution_tokens(tree, leaf) for leaf in leaves], float),
        score=score,
        confidence=confidences,
        draw=np.array(draws, float),
    )


def _solution_tokens(tree: SearchTree, leaf: int) -> int:
    nodes = [leaf] if tree.kind[leaf] == "revision" else tree.path(leaf)
    return sum(tree.tokens[node] for node in nodes)


def solution_weights(
    tree: SearchTree, selector: str, aggregate: str, confidence: str = "mean"
) -> dict[int, float]:
    """What each leaf adds to the weight of its answer: its copies' weights where weights add up,
    its own where the highest decides; 0 if nothing is known of it, or its answer cannot be read. In
    a tree with revisions, for a selector that chooses within chains first,
    ``hierarchical_chain_weights``.
    """
    own = _own_weights(tree, selector, aggregate, confidence)
    return _added_weights(tree, selector, own)


def _added_weights(tree: SearchTree, selector: str, own: dict[int, float]) -> dict[int, float]:
    rule = SELECTORS[selector]
    if rule.within_chains_first and "revision" in tree.kind:
        return hierarchical_chain_weights(tree, own)
    if rule.combine == "max":
        return own
    return {leaf: tree.copies[leaf] * weight for leaf, weight in own.items()}


def _own_weights(
    tree: SearchTree, selector: str, aggregate: str, confidence: str
) -> dict[int, float]:
    """What each finished solution weighs by itself: one copy of each leaf."""
    leaves = list(tree.leaves())
    features = solution_features(tree, leaves, selector, aggregate, confidence)
    weights = SELECTORS[selector].weigh(features)
    weights = np.where(np.isfinite(weights), weights, 0.0)  # a rule from outside may divide by 0
    return {
        leaf: float(weight) if tree.answer[leaf] is not None else 0.0
        for leaf, weight in zip(leaves, weights, strict=True)
    }


def hierarchical_chain_weights(tree: SearchTree, own: dict[int, float]) -> dict[int, float]:
    """A vote within each chain, then across the chains' winners (arXiv 2408.03314, section 6): what
    each finished solution adds to the weight of its answer.

    A chain is the attempts on the way to one that nobody revised: revisions in a row, after the
    solution that they began with, if a search found it; a solution without revisions is a chain of
    one. Within it, the answer with the largest sum of weights wins. For it stands its attempt of
    most weight, with that one's own: a chain has one vote, however often it repeats itself. All
    other attempts add 0. Chains that share an attempt, and have it stand for them both, share that
    vote. A leaf of c copies is c solutions: its revisions are of one after the other, and those
    that nobody revised are chains of one.

    Args:
        tree: a tree with revisions.
        own: what each finished solution weighs by itself.
    """
    revisions: Counter[int] = Counter()
    place: dict[int, int] = {}  # of a revision, among those of the same attempt
    for node in range(len(tree)):
        if tree.kind[node] == "revision":
            place[node] = revisions[tree.parent[node]]
            revisions[tree.parent[node]] += 1
    standing: set[tuple[int, int]] = (
        set()
    )  # attempts that stand for a chain, and which copy of each
    for end in own:
        chain = tree.chain(end)
        for last_copy in range(revisions[end], tree.copies[end]):
            copies = [place[after] % tree.copies[attempt] for attempt, after in pairwise(chain)]
            attempts: dict[str, list[tuple[float, int, int]]] = {}
            for attempt, copy in zip(chain, [*copies, last_copy], strict=True):
                answer = tree.answer[attempt]
                if answer is not None:
                    attempts.setdefault(answer, []).append((own[attempt], -attempt, copy))
            if attempts:
                winner = max(
                    attempts.values(), key=lambda weighed: math.fsum(each[0] for each in weighed)
                )
                _, attempt, copy = max(winner)
                standing.add((-attempt, copy))
    votes = Counter(attempt for attempt, _ in standing)
    return {leaf: votes[leaf] * weight for leaf, weight in own.items()}


def lacks_figures(
    tree: SearchTree, selector: str, aggregate: str, confidence: str = "mean"
) -> bool:
    """Whether a selector cannot choose: there are several solutions, and of none a score, or a
    log-probability, that it needs: what ranks them then is their number, which is another selector.
    Arguments as of ``ranked_votes``. Raises BadInput if there is no such selector."""
    needs = SELECTORS.find(selector).needs
    leaves = [leaf for leaf in tree.leaves() if tree.answer[leaf] is not None]
    if needs == "nothing" or len(leaves) < 2:
        return False
    features = solution_features(tree, leaves, selector, aggregate, confidence)
    known = features.score if needs == "scores" else features.confidence
    return bool(np.isnan(known).all())


def ranked_votes(
    tree: SearchTree, selector: str, aggregate: str, confidence: str = "mean"
) -> list[Vote]:
    """The answers of the finished solutions, the selector's choice first.

    Args:
        tree: the run's tree.
        selector: the name of a selector.
        aggregate: how step scores become a solution's (``aggregate_scores``).
        confidence: which tokens the model's confidence is read from (``token_confidence.py``).

    Returns:
        One Vote an answer. Sums rank by weight, then count; maxima by weight, then age.

    Raises:
        BadInput: there is no such selector.
    """
    rule = SELECTORS.find(selector)
    own = _own_weights(tree, selector, aggregate, confidence)
    added = _added_weights(tree, selector, own)
    leaves_by_answer: dict[str, list[int]] = {}
    for leaf in own:
        answer = tree.answer[leaf]
        if answer is not None:
            leaves_by_answer.setdefault(answer, []).append(leaf)

    votes = []
    for answer, leaves in leaves_by_answer.items():
        heaviest = max(leaves, key=lambda leaf: (own[leaf], -leaf))
        weight = (
            own[heaviest] if rule.combine == "max" else math.fsum(added[leaf] for leaf in leaves)
        )
        score = solution_score(tree, heaviest, aggregate)
        count = sum(tree.copies[leaf] for leaf in leaves)
        votes.append(Vote(answer, count, weight, heaviest, score))
    if rule.combine == "max":
        return sorted(votes, key=lambda vote: (-vote.weight, vote.leaf))
    # Sorting is stable: of equals the answer met first stays first.
    return sorted(votes, key=lambda vote: (-vote.weight, -vote.count))


def winning_vote(
    tree: SearchTree, selector: str, aggregate: str, confidence: str = "mean"
) -> Vote | None:
    """The answer that the selector chooses and the leaf that speaks most for it; None while there
    is none. Arguments as of ``ranked_votes``."""
    return next(iter(ranked_votes(tree, selector, aggregate, confidence)), None)
