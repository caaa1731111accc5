"""Estimators of what sampling and a verifier are worth, from a pool of n scored samples a question.

Pure functions of arrays; sources in each docstring. ``correct`` and ``scores`` are (questions, n) unless said
otherwise; accuracies are from 0 to 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from math import comb

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def pass_at_k(correct: int, samples: int, k: int) -> float:
    """Chance that at least one of k samples drawn without replacement is right: 1 - C(n-c, k) / C(n, k).

    Chen et al., arXiv 2107.03374, section 2.1.

    >>> round(pass_at_k(correct=1, samples=4, k=2), 3)
    0.5
    """
    if not 1 <= k <= samples:
        raise ValueError(f"k must lie between 1 and the {samples} samples of the pool")
    return 1 - comb(samples - correct, k) / comb(samples, k)


def voted_at_k(
    answers: Sequence[Hashable | None],
    correct: Sequence[bool],
    weights: Sequence[float],
    k: int,
    subsets: int,
    seed: int,
) -> float:
    """Chance that the answer with the greatest summed weight among k samples of one question is right.

    Estimated over random k-subsets without replacement (exact when k is the whole pool). Weights of 1 give
    the majority vote, the verifier's scores best-of-N weighted (Snell et al., arXiv 2408.03314, section 5.1).
    Unreadable answers (None) never vote. Of equal sums the answer that stands first in the pool wins.
    """
    names = {a: i for i, a in enumerate(dict.fromkeys(a for a in answers if a is not None))}
    if not names:
        return 0.0
    # Unreadable answers vote for a last, extra answer whose sum is set aside before the choice.
    label = np.array([names.get(a, len(names)) for a in answers])
    right = np.zeros(len(names) + 1, bool)
    right[label[np.asarray(correct, bool)]] = True
    weight = np.asarray(weights, float)
    rng = np.random.default_rng(seed)
    if k >= len(label):
        drawn = np.arange(len(label))[None]
    else:
        drawn = rng.random((subsets, len(label))).argpartition(k - 1, axis=1)[:, :k]
        drawn.sort(axis=1)
    sums = np.zeros((len(drawn), len(names) + 1))
    np.add.at(sums, (np.arange(len(drawn))[:, None], label[drawn]), weight[drawn])
    absent = np.ones_like(sums, bool)
    absent[np.arange(len(drawn))[:, None], label[drawn]] = False
    absent[:, -1] = True
    sums[absent] = -1.0
    chosen = sums.argmax(axis=1)
    return float((right[chosen] & (sums.max(axis=1) >= 0)).mean())


def within_problem_auc(
    questions: Iterable[Hashable], correct: Iterable[bool], scores: Iterable[float]
) -> float:
    """Mean over questions of the chance that a right solution scores above a wrong one; ties count half.

    One entry a solution. Questions with only right or only wrong solutions say nothing and are left out; nan
    if none is left.

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


def bootstrap(
    values: Floats, statistic: Callable[[Floats], float] = np.mean, resamples: int = 1000, seed: int = 0
) -> tuple[float, float, float]:
    """The statistic and its 95 % interval over resampled questions: (value, low, high).

    ``values`` has one entry (or row) a question; for a paired comparison give the differences.
    """
    rng = np.random.default_rng(seed)
    drawn = [statistic(values[rng.integers(0, len(values), len(values))]) for _ in range(resamples)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(statistic(values)), float(low), float(high)
