"""How hard a question is for the model: five bins, 1 the easiest, read from the solutions of a probe alone.

Bins from the same samples that accuracy is measured on flatter the easiest bin (by 3.6 points with 16
samples): give the ``probe`` of a folder of results, never its pool. All return a Series, question → bin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

BINS = 5
ABSOLUTE = (0.0, 0.25, 0.5, 0.75)
"""Upper ends, in pass@1, of the bins 5, 4, 3 and 2 of ``absolute_bins``."""


def oracle_bins(probe: pd.DataFrame, seed: int = 0) -> pd.Series:
    """Quintiles of the questions by pass@1, measured against the references (arXiv 2408.03314, section 3.2).

    Questions with equal pass@1 come in an order drawn by ``seed``, so that the bins are of equal size.
    """
    return _quintiles(probe.groupby("question")["correct"].mean(), seed)


def absolute_bins(probe: pd.DataFrame) -> pd.Series:
    """Bins by fixed limits of pass@1: 5 where no solution was right, and quarters of the rest.

    Unlike quintiles they mean the same for every model, and some may be empty.
    """
    return _binned(probe.groupby("question")["correct"].mean(), ABSOLUTE, "left")


def predicted_bins(
    probe: pd.DataFrame, edges: Sequence[float] | None = None, samples: int | None = None, seed: int = 0
) -> pd.Series:
    """Bins by the mean final score of the verifier, no references used (arXiv 2408.03314, section 3.2).

    Quintiles, or by the four ``edges`` that ``predicted_edges`` gave for other questions; from the first
    ``samples`` of each question, or all of them.
    """
    scores = mean_scores(probe, samples)
    return _quintiles(scores, seed) if edges is None else _binned(scores, edges, "right")


def predicted_edges(probe: pd.DataFrame, samples: int | None = None) -> tuple[float, ...]:
    """The four mean scores, ascending, that cut the questions into fifths: data for ``bin_of_score``."""
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


def _quintiles(ease: pd.Series, seed: int) -> pd.Series:
    """Fifths of the questions from the greatest ``ease`` down, equal ones in random order."""
    chance = np.random.default_rng(seed).random(len(ease))
    bins = np.empty(len(ease), int)
    bins[np.lexsort((chance, -ease.to_numpy()))] = np.arange(len(ease)) * BINS // len(ease) + 1
    return pd.Series(bins, index=ease.index, name="bin")


def _binned(ease: pd.Series, edges: Sequence[float], side: str) -> pd.Series:
    """By four ascending edges; an ease equal to one lies above it where ``side`` is right, else below."""
    bins = BINS - np.searchsorted(edges, ease.to_numpy(), side=side)
    return pd.Series(bins, index=ease.index, name="bin")
