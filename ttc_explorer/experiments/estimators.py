"""Estimators of the accuracy that sampling and a selector reach, from a pool of n samples a
question.

Pure functions of arrays, all questions at once; sources in each docstring. Shapes: ``labels``,
``correct`` and ``weights`` are (questions, n), the samples of a question in any order. Of
``labels``, equal numbers within a row are equal answers, and a negative number is an answer that
cannot be read, which is never chosen. A weight may be nan: such a solution weighs nothing and ranks
below those with one. What comes out is (questions, len(ks)): for each question the chance, from 0
to 1, that the answer chosen from k samples drawn without replacement is right.

Ties. A run chooses by ``search/voting.py``: sums by (weight, count), maxima by weight, and of
equals the older one. Which of the samples is older is chance, since they are drawn in random order:
every one of the equals is chosen equally often, and ties count with their mean correctness.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ttc_explorer.search.selector import SELECTORS, SolutionFeatures

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.integer[Any]]

COVERAGE = "coverage"
"""The estimator of the most that any selector could reach: no way to choose."""

VOTE_SUBSETS = 200
"""Random k-subsets that a vote is estimated from."""

TIE_TOLERANCE = 1e-9
"""Sums of weights that differ by less, as a share of the largest weight, are equal."""


def estimator_names() -> tuple[str, ...]:
    """What a pool can be estimated by: coverage, and every selector."""
    return (COVERAGE, *SELECTORS)


def success_at_k(
    name: str,
    labels: Ints,
    correct: Bools,
    features: SolutionFeatures,
    ks: Sequence[int],
    seed: int,
) -> Floats:
    """The chance of success by coverage or a selector; exactly, where there is a formula.

    Args:
        name: one of ``estimator_names``.
        labels: (questions, n), as above.
        correct: (questions, n).
        features: what the selector weighs solutions by, (questions, n).
        ks: numbers of samples, each from 1 to n.
        seed: of the subsets that sums of weights are estimated from.

    Returns:
        (questions, len(ks)).

    Raises:
        BadInput: there is no such selector.
    """
    if name == COVERAGE:
        samples = correct.shape[1]
        return np.stack([pass_at_k(correct.sum(axis=1), samples, k) for k in ks], axis=1)
    selector = SELECTORS.find(name)
    weights = selector.weigh(features)
    if selector.combine == "max":
        return best_at_k(labels, correct, weights, ks)
    return vote_at_k(labels, correct, weights, ks, VOTE_SUBSETS, seed)


def pass_at_k(correct: ArrayLike, samples: int, k: int) -> Any:
    """Chance that at least one of k samples drawn without replacement is right: 1 - C(n-c, k) /
    C(n, k).

    ``correct`` is c, the right ones among the ``samples`` of a question, or an array of such
    counts. Chen et al., arXiv 2107.03374, section 2.1.

    Args:
        correct: c, the right samples of a question; or an array of such counts.
        samples: n, how many a question has.
        k: from 1 to n.

    Returns:
        The chance, of the shape of ``correct``.

    >>> round(float(pass_at_k(correct=1, samples=4, k=2)), 3)
    0.5
    """
    return 1 - _subset_shares(samples, k)[samples - np.asarray(correct)]


def best_at_k(labels: Ints, correct: Bools, weights: Floats, ks: Sequence[int]) -> Floats:
    """Chance that the solution of most weight among k samples is right, exactly.

    With the samples sorted by weight, a group of equal weights at the ascending ranks i+1..j holds
    the best of (C(j,k) - C(i,k)) / C(n,k) of all k-subsets, and is right as often as its members
    are on average. Where all weights are equal, a readable solution is drawn at random.

    Args:
        labels: (questions, n), as above.
        correct: (questions, n).
        weights: (questions, n).
        ks: numbers of samples, each from 1 to n.

    Returns:
        (questions, len(ks)).
    """
    readable = labels >= 0
    ranking = np.where(np.isfinite(weights), weights, np.finfo(float).min)
    ranking = np.where(readable, ranking, -np.inf)
    order = ranking.argsort(axis=1)
    ranking = np.take_along_axis(ranking, order, axis=1)
    right = np.take_along_axis(correct & readable, order, axis=1)

    n = correct.shape[1]
    ranks = np.broadcast_to(np.arange(n), correct.shape)
    begins = np.ones(correct.shape, bool)
    begins[:, 1:] = ranking[:, 1:] != ranking[:, :-1]
    ends = np.ones(correct.shape, bool)
    ends[:, :-1] = begins[:, 1:]
    i = np.maximum.accumulate(np.where(begins, ranks, 0), axis=1)
    j = np.minimum.accumulate(np.where(ends, ranks, n)[:, ::-1], axis=1)[:, ::-1] + 1
    return np.stack(
        [
            (right * (share[j] - share[i]) / (j - i)).sum(axis=1)
            for share in (_subset_shares(n, k) for k in ks)
        ],
        axis=1,
    )


def vote_at_k(
    labels: Ints,
    correct: Bools,
    weights: Floats,
    ks: Sequence[int],
    subsets: int,
    seed: int,
) -> Floats:
    """Chance that the answer whose solutions among k samples weigh most together is right; ties are
    broken by their number. Weights of 1 are majority, scores are best-of-N weighted (arXiv
    2408.03314, section 5.1).

    From all k-subsets where they are no more than ``subsets`` (and exactly for k of 1, too), else
    from that many random ones: the first k of a random order, for every k of the same order, so
    that a question's curve is smooth. The same seed draws the same subsets for all weights.

    Args:
        labels: (questions, n), as above.
        correct: (questions, n).
        weights: (questions, n), not negative.
        ks: numbers of samples, each from 1 to n.
        subsets: how many random ones stand for all.
        seed: of the random ones.

    Returns:
        (questions, len(ks)).
    """
    n = labels.shape[1]
    _check_k(n, *ks)
    rng = np.random.default_rng(seed)
    weights = np.where(np.isfinite(weights), weights, 0.0)
    all_subsets = {
        k: np.array(list(combinations(range(n), k))) for k in ks if comb(n, k) <= subsets
    }
    chances = np.empty((len(labels), len(ks)))
    for row in range(len(labels)):
        names, answer = np.unique(labels[row], return_inverse=True)
        # An answer has one verdict; should its samples differ on it, their mean.
        answer_correctness = np.where(
            names >= 0, np.bincount(answer, correct[row]) / np.bincount(answer), 0.0
        )
        order = rng.permuted(np.tile(np.arange(n), (subsets, 1)), axis=1)
        chance_by_k: dict[int, float] = {}
        samples_counted = 0
        nothing = np.zeros((subsets, len(names)))
        running_totals = nothing, nothing
        for k in sorted(set(ks)):
            if k == 1:
                chance_by_k[k] = answer_correctness[answer].mean()
                continue
            if k in all_subsets:
                counts, sums = _vote_counts(answer, weights[row], all_subsets[k], len(names))
            else:
                more = _vote_counts(answer, weights[row], order[:, samples_counted:k], len(names))
                counts, sums = running_totals = (
                    running_totals[0] + more[0],
                    running_totals[1] + more[1],
                )
                samples_counted = k
            ranks = [(sums, TIE_TOLERANCE * np.abs(weights[row]).max()), (counts, 0.0)]
            frequency = _selection_frequency(names, counts, ranks)
            chance_by_k[k] = float(frequency @ answer_correctness)
        chances[row] = [chance_by_k[k] for k in ks]
    return chances


def expected_max_at_k(values: Floats, ks: Sequence[int]) -> Floats:
    """The expected maximum of k samples of ``values`` (questions, n), exactly, by order statistics:
    the j-th smallest is the largest of (C(j,k) - C(j-1,k)) / C(n,k) of the subsets. Latency of k
    parallel solutions.

    Args:
        values: (questions, n).
        ks: numbers of samples, each from 1 to n.

    Returns:
        (questions, len(ks)), in the unit of ``values``.
    """
    ordered = np.sort(values, axis=1)
    return np.stack([ordered @ np.diff(_subset_shares(values.shape[1], k)) for k in ks], axis=1)


def within_problem_auc(
    questions: Iterable[Hashable], correct: Iterable[bool], scores: Iterable[float]
) -> float:
    """Mean over questions of the chance that a right solution scores above a wrong one; ties count
    half.

    One entry a solution. Questions with only right or only wrong solutions say nothing and are left
    out; nan if none is left.

    Args:
        questions: each solution's question.
        correct: whether it is right.
        scores: what it was scored.

    Returns:
        From 0 to 1; 0.5 is chance.

    >>> within_problem_auc([1, 1, 1], [True, False, False], [0.9, 0.2, 0.9])
    0.75
    """
    sides: dict[Hashable, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for question, right, score in zip(questions, correct, scores, strict=True):
        sides[question][0 if right else 1].append(score)
    values = []
    for good, bad in sides.values():
        if good and bad:
            above = np.subtract.outer(np.array(good), np.array(bad))
            values.append(float((above > 0).mean() + 0.5 * (above == 0).mean()))
    return float(np.mean(values)) if values else float("nan")


def _subset_shares(n: int, k: int) -> Floats:
    """C(j, k) / C(n, k) for j = 0..n: the share of all k-subsets that lie within j given
    samples."""
    _check_k(n, k)
    j = np.arange(n, 0, -1)
    return np.append(np.cumprod((j - k).clip(0) / j)[::-1], 1.0)


def _check_k(samples: int, *ks: int) -> None:
    if not all(1 <= k <= samples for k in ks):
        raise ValueError(f"k must lie between 1 and the {samples} samples of the pool")


def _vote_counts(answer: Ints, weights: Floats, subsets: Ints, names: int) -> tuple[Floats, Floats]:
    """What each of the ``names`` answers of a question counts and weighs in each subset: (subsets,
    names)."""
    place = (answer[subsets] + names * np.arange(len(subsets))[:, None]).ravel()
    size = names * len(subsets)
    counts = np.bincount(place, minlength=size).reshape(-1, names).astype(float)
    sums = np.bincount(place, weights[subsets].ravel(), size).reshape(-1, names).astype(float)
    return counts, sums


def _selection_frequency(
    names: Ints, counts: Floats, ranks: Sequence[tuple[Floats, float]]
) -> Floats:
    """How often each answer is chosen, on average over the subsets: (names,). ``ranks``: what the
    answers of a subset are ranked by, first and then to break ties, each (subsets, names) and what
    differs by rounding.
    """
    chosen = (names >= 0) & (counts > 0)
    for rank, rounding in ranks:
        rank = np.where(chosen, rank, -np.inf)
        chosen &= rank >= rank.max(axis=1, keepdims=True) - rounding
    frequency: Floats = (chosen / np.maximum(1, chosen.sum(axis=1, keepdims=True))).mean(axis=0)
    return frequency
