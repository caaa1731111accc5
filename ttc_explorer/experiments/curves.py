"""Accuracy against the number of samples, with intervals, from any pool."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ttc_explorer.experiments.estimators import SELECTORS, chance_at_k
from ttc_explorer.experiments.intervals import bootstrap
from ttc_explorer.experiments.pool import blocks
from ttc_explorer.problems.problem import BadInput

COLUMNS = ("selector", "k", "accuracy", "low", "high", "questions")


def curves(
    pool: pd.DataFrame, ks: Sequence[int], selectors: Sequence[str], score: str = "score", seed: int = 0
) -> pd.DataFrame:
    """One row a selector and k: COLUMNS.

    ``accuracy`` is the mean chance that what the selector chooses from k samples is right, over the
    ``questions`` that have at least k, with its 95 % bootstrap interval ``low`` to ``high``; ``score`` names
    the column that ``best`` and ``weighted`` go by. Raises BadInput for a selector that the pool has nothing
    for.
    """
    open_to = possible(pool, score)
    for selector in selectors:
        if selector not in SELECTORS:
            raise BadInput(f"Unknown selector '{selector[:40]}': choose from {', '.join(SELECTORS)}.")
        if selector not in open_to:
            lacking = "answer" if selector == "majority" or score in pool else score
            raise BadInput(
                f"The selector {selector} needs a column {lacking[:40]}, which the pool does not have."
            )
    parts = list(blocks(pool))
    most = parts[-1].samples
    if not ks or min(ks) < 1 or max(ks) > most:
        raise BadInput(f"k must lie between 1 and {most}, the most samples that a question of the pool has.")
    rows = []
    for selector in selectors:
        values = {k: [] for k in ks}
        for part in parts:
            here = [k for k in ks if k <= part.samples]
            scores = part.column(score) if score in pool else None
            chances = chance_at_k(selector, part.labels, part.correct, scores, here, seed)
            for k, column in zip(here, chances.T, strict=True):
                values[k].append(column)
        for k, columns in values.items():
            chances = np.concatenate(columns)
            accuracy, low, high = map(float, bootstrap(chances, seed=seed))
            rows.append((selector, k, accuracy, low, high, len(chances)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def possible(pool: pd.DataFrame, score: str = "score") -> list[str]:
    """The selectors that the columns of a pool allow."""
    needs = {
        "coverage": set(),
        "best": {score},
        "majority": {"answer"},
        "weighted": {score, "answer"},
    }
    return [selector for selector in SELECTORS if needs[selector] <= set(pool)]


def powers_of_two(pool: pd.DataFrame) -> list[int]:
    """1, 2, 4 … and the most samples that a question has."""
    most = int(pool.groupby("question").size().max())
    return [*(2**i for i in range((most - 1).bit_length())), most]
