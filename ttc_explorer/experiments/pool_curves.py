"""Accuracy against the number of samples, with intervals, from any pool."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ttc_explorer.experiments.estimators import COVERAGE, estimator_names, success_at_k
from ttc_explorer.experiments.intervals import Floats, bootstrap
from ttc_explorer.experiments.pool import missing_column, question_blocks
from ttc_explorer.problems.problem import BadInput

CURVE_COLUMNS = ("selector", "k", "accuracy", "low", "high", "questions")


def pool_curves(
    pool: pd.DataFrame,
    ks: Sequence[int],
    selectors: Sequence[str],
    score: str = "score",
    seed: int = 0,
) -> pd.DataFrame:
    """Accuracy against k by some selectors.

    Args:
        pool: one row a sampled solution (``pool.py``).
        ks: numbers of samples.
        selectors: of ``estimators.estimator_names``.
        score: the column of the scores.
        seed: of the subsets and the bootstrap.

    Returns:
        One row a selector and k: CURVE_COLUMNS. ``accuracy`` is the mean chance that what the
        selector chooses from k samples is right, over the ``questions`` that have at least k, with
        its 95 % bootstrap interval ``low`` to ``high``.

    Raises:
        BadInput: an unknown selector, or one that the pool has nothing for.
    """
    for selector in selectors:
        if selector not in estimator_names():
            raise BadInput(
                f"Unknown selector '{selector[:40]}': choose from {', '.join(estimator_names())}."
            )
        missing = None if selector == COVERAGE else missing_column(pool, selector, score)
        if missing:
            raise BadInput(
                f"The selector {selector} needs a column {missing[:40]}, which the pool does not "
                "have."
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
        values: dict[int, list[Floats]] = {k: [] for k in ks}
        for block in pool_blocks:
            valid_ks = [k for k in ks if k <= block.samples]
            features = block.features(score)
            chances = success_at_k(selector, block.labels, block.correct, features, valid_ks, seed)
            for k, column in zip(valid_ks, chances.T, strict=True):
                values[k].append(column)
        for k, columns in values.items():
            chances = np.concatenate(columns)
            accuracy, low, high = map(float, bootstrap(chances, seed=seed))
            rows.append((selector, k, accuracy, low, high, len(chances)))
    return pd.DataFrame(rows, columns=list(CURVE_COLUMNS))


def available_selectors(pool: pd.DataFrame, score: str = "score") -> list[str]:
    """Coverage, and the selectors that the columns of a pool allow."""
    return [
        name
        for name in estimator_names()
        if name == COVERAGE or missing_column(pool, name, score) is None
    ]


def default_ks(pool: pd.DataFrame) -> list[int]:
    """1, 2, 4 … and the most samples that a question has."""
    max_samples = int(pool.groupby("question").size().max())
    return [*(2**i for i in range((max_samples - 1).bit_length())), max_samples]
