"""How hard a question is for the model: five bins, 1 the easiest, read from the solutions of a
probe alone.

Bins from the same samples that accuracy is measured on flatter the easiest bin (by 3.6 points with
16 samples): give the ``probe`` of a folder of results, never its pool. All return a Series,
question → bin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS = 5
ABSOLUTE_LIMITS = (0.0, 0.25, 0.5, 0.75)
"""Upper ends, in pass@1, of the bins 5, 4, 3 and 2 of ``absolute_bins``."""


def oracle_bins(probe: pd.DataFrame, seed: int = 0) -> pd.Series:
    """Question → quintile by pass@1, measured against the references (arXiv 2408.03314, section
    3.2).

    Questions with equal pass@1 come in an order drawn by ``seed``, so that the bins are of equal
    size.
    """
    easiness = probe.groupby("question")["correct"].mean()
    bins = quintiles(easiness.to_numpy(float), np.ones(len(easiness)), np.random.default_rng(seed))
    return pd.Series(bins, index=easiness.index, name="bin")


def quintiles(easiness: Floats, weight: Floats, rng: np.random.Generator) -> Ints:
    """Bins of equal weight by ease, 1 (easiest) to BINS; ties are split at random. All
    (questions,)."""
    order = np.lexsort((rng.random(len(easiness)), -easiness))
    cumulative_weight = np.cumsum(weight[order])
    midpoint = (cumulative_weight - weight[order] / 2) / cumulative_weight[-1]
    bins = np.empty(len(easiness), np.int64)
    bins[order] = np.minimum(1 + (BINS * midpoint).astype(np.int64), BINS)
    return bins


def absolute_bins(probe: pd.DataFrame) -> pd.Series:
    """Question → bin by fixed limits of pass@1: 5 where no solution was right, and quarters of the
    rest.

    Unlike quintiles they mean the same for every model, and some may be empty.
    """
    easiness = probe.groupby("question")["correct"].mean()
    bins = BINS - np.searchsorted(ABSOLUTE_LIMITS, easiness.to_numpy(), side="left")
    return pd.Series(bins, index=easiness.index, name="bin")


def predicted_edges(probe: pd.DataFrame, samples: int | None = None) -> tuple[float, ...]:
    """The four mean final scores of the verifier, ascending, that cut the questions into quintiles:
    data for ``bin_of_score``. They use no references (arXiv 2408.03314, section 3.2)."""
    shares = [part / BINS for part in range(1, BINS)]
    return tuple(float(edge) for edge in np.quantile(mean_scores(probe, samples), shares))


def bin_of_score(score: float, edges: Sequence[float]) -> int:
    """The predicted bin of a question whose probe has this mean final score.

    >>> [bin_of_score(score, (0.2, 0.4, 0.6, 0.8)) for score in (0.1, 0.5, 0.8)]
    [5, 3, 1]
    """
    return BINS - int(np.searchsorted(edges, score, side="right"))


def mean_scores(probe: pd.DataFrame, samples: int | None = None) -> pd.Series:
    """Mean final score of the verifier, by question, over the first ``samples`` of each or all."""
    if samples is not None:
        probe = probe.sort_values("sample", kind="stable").groupby("question").head(samples)
    return probe.groupby("question")["score"].mean()
