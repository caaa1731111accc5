"""Accuracy against the number of samples, with intervals, from any pool."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ttc_explorer.experiments.estimators import POOL_SELECTORS, success_at_k
from ttc_explorer.experiments.intervals import bootstrap
from ttc_explorer.experiments.pool import question_blocks
from ttc_explorer.problems.problem import BadInput

CURVE_COLUMNS = ("selector", "k", "accuracy", "low", "high", "questions")


def pool_curves(
    pool: pd.DataFrame,
    ks: Sequence[int],
    selectors: Sequence[str],
    score: str = "score",
    seed: int = 0,
) -> pd.DataFrame:
    """One row a selector and k: CURVE_COLUMNS.

    ``accuracy`` is the mean chance that what the selector chooses from k samples is right, over the
    ``questions`` that have at least k, with its 95 % bootstrap interval ``low`` to ``high``;
    ``score`` names the column that ``best`` and ``weighted`` go by. Raises BadInput for a selector
    that the pool has nothing for.
    """
    available = available_selectors(pool, score)
    for selector in selectors:
        if selector not in POOL_SELECTORS:
            raise BadInput(
                f"Unknown selector '{selector[:40]}': choose from {', '.join(POOL_SELECTORS)}."
            )
        if selector not in available:
            missing_column = "answer" if selector == "majority" or score in pool else score
            raise BadInput(
                f"The selector {selector} needs a column {missing_column[:40]}, which the pool "
                "does not have."
            )
    pool_blocks = list(question_blocks(pool))
    max_samples = pool_blocks[-1].samples
    if not ks or min(ks) < 1 or max(ks) > max_samples:
        raise BadInput(
            f"k must lie between 1 and {max_samples}, the most samples that a question of the "
            "pool has."
        )
    rows = []
    for selector in selectors:
        values = {k: [] for k in ks}
        for block in pool_blocks:
            valid_ks = [k for k in ks if k <= block.samples]
            scores = block.column(score) if score in pool else None
            chances = success_at_k(selector, block.labels, block.correct, scores, valid_ks, seed)
            for k, column in zip(valid_ks, chances.T, strict=True):
                values[k].append(column)
        for k, columns in values.items():
            chances = np.concatenate(columns)
            accuracy, low, high = map(float, bootstrap(chances, seed=seed))
            rows.append((selector, k, accuracy, low, high, len(chances)))
    return pd.DataFrame(rows, columns=list(CURVE_COLUMNS))


def available_selectors(pool: pd.DataFrame, score: str = "score") -> list[str]:
    """The selectors that the columns of a pool allow."""
    needs = {
        "coverage": set(),
        "best": {score},
        "majority": {"answer"},
        "weighted": {score, "answer"},
    }
    return [selector for selector in POOL_SELECTORS if needs[selector] <= set(pool)]


def default_ks(pool: pd.DataFrame) -> list[int]:
    """1, 2, 4 … and the most samples that a question has."""
    max_samples = int(pool.groupby("question").size().max())
    return [*(2**i for i in range((max_samples - 1).bit_length())), max_samples]
