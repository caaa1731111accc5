"""How sure a figure is: the bootstrap over questions, Wilson's interval of a share, the permutation
test, Holm's correction.

Pure functions of arrays; everything that resamples takes its seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES = 1000
CONFIDENCE = 0.95


def bootstrap(
    values: NDArray[Any],
    statistic: Callable[[NDArray[Any]], Any] = np.mean,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[Any, Any, Any]:
    """The statistic and its 95 % interval over resampled questions (percentile method): (value,
    low, high).

    ``values`` has one entry (or row) a question; for a paired comparison give the differences. A
    statistic that chooses or bins does so inside each resample by itself; give it
    ``np.arange(questions)``, and it is called with the numbers of the questions drawn. It returns a
    number, or an array of figures, and the three have its shape.
    """
    return statistic(values), *percentile_interval(
        bootstrap_draws(values, statistic, resamples, seed)
    )


def bootstrap_draws(
    values: NDArray[Any],
    statistic: Callable[[NDArray[Any]], Any] = np.mean,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Floats:
    """The statistic of ``resamples`` draws of the questions with replacement: (resamples, …its
    shape)."""
    questions = len(values)
    drawn = np.random.default_rng(seed).integers(0, questions, (resamples, questions))
    return np.array([statistic(values[row]) for row in drawn], float)


def percentile_interval(drawn: Floats) -> tuple[Any, Any]:
    """The middle 95 % of the draws along the first axis: (low, high)."""
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail], axis=0)
    return low, high


def wilson_interval(hits: int, trials: int) -> tuple[float, float, float]:
    """A share and its 95 % interval (Wilson, J. Am. Stat. Assoc. 22, 1927): (value, low, high).

    Args:
        hits: successes, from 0 to ``trials``.
        trials: at least 1.

    Returns:
        The share and the bounds of its 95 % interval, each from 0 to 1.

    Raises:
        ValueError: there are no trials, or more hits than trials.

    >>> [round(bound, 3) for bound in wilson_interval(0, 10)]
    [0.0, 0.0, 0.278]
    """
    if not 0 <= hits <= trials or trials == 0:
        raise ValueError("a share needs at least one trial, and no more hits than trials")
    share, z = hits / trials, NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    centre = share + z * z / (2 * trials)
    half_width = z * math.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    low, high = ((centre + side * half_width) / (1 + z * z / trials) for side in (-1, 1))
    return share, max(0.0, low), min(1.0, high)


def permutation_p_value(
    one: NDArray[Any], other: NDArray[Any], draws: int = 10_000, seed: int = 0
) -> float:
    """How likely chance alone puts the mean of ``one`` as far above that of ``other``: the p-value
    of the permutation test, one-sided (Fisher, The Design of Experiments, 1935).

    >>> permutation_p_value(np.ones(20), np.zeros(20)) < 0.001
    True
    >>> permutation_p_value(np.zeros(20), np.ones(20))
    1.0
    """
    values, size = np.concatenate([one, other]), len(one)
    permuted_sums = (
        np.random.default_rng(seed).permuted(np.tile(values, (draws, 1)), axis=1)[:, :size].sum(1)
    )
    # A hair's breadth, so that sums of the same values in another order count as equal.
    return float((1 + np.sum(permuted_sums >= np.sum(one) - 1e-9)) / (1 + draws))


def holm_correction(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for a family of tests (Holm, Scand. J. Stat. 6, 1979), in the order given:
    a test is significant in the family at 5 % where its corrected value is below 0.05.

    >>> holm_correction([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected, floor = [0.0] * len(p_values), 0.0
    for place, test in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        floor = max(floor, min(1.0, (len(p_values) - place) * p_values[test]))
        corrected[test] = floor
    return corrected


def holm_levels(p_values: Sequence[float], level: float) -> list[float]:
    """The level at which Holm's method tests each of a family, in the order given: a test is
    significant in the family exactly where its p-value is below its own level.

    >>> [round(each, 4) for each in holm_levels([0.01, 0.04, 0.03], 0.05)]
    [0.0167, 0.025, 0.025]
    """
    levels, stopped = [level] * len(p_values), 0.0
    for place, test in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        own = level / (len(p_values) - place)
        levels[test] = stopped or own
        if p_values[test] >= own:
            stopped = stopped or own
    return levels
