"""Accuracy against the number of samples, with intervals, from any pool."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from ttc_explorer.experiments.estimators import COVERAGE, estimator_names, success_at_k
from ttc_explorer.experiments.intervals import Floats, bootstrap
from ttc_explorer.experiments.pool import QuestionBlock, missing_column, question_blocks
from ttc_explorer.experiments.score_weights import mapping_note, score_weights
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.selector import SELECTORS

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
        ks: numbers of samples; what is named twice is estimated once.
        selectors: of ``estimators.estimator_names``; the same.
        score: the column of the scores.
        seed: of the subsets and the bootstrap.

    Returns:
        One row a selector and k: CURVE_COLUMNS. ``accuracy`` is the mean chance that what the
        selector chooses from k samples is right, over the ``questions`` that have at least k, with
        its 95 % bootstrap interval ``low`` to ``high``. Where scores were mapped before they became
        weights (``score_weights.py``), a column ``note`` says how.

    Raises:
        BadInput: an unknown selector, or one that the pool has nothing for.
    """
    return pd.concat(list(each_curve(pool, ks, selectors, score, seed)), ignore_index=True)


def each_curve(
    pool: pd.DataFrame,
    ks: Sequence[int],
    selectors: Sequence[str],
    score: str = "score",
    seed: int = 0,
) -> Iterator[pd.DataFrame]:
    """The curves one by one, as soon as each is estimated; arguments, rows and errors as of
    ``pool_curves``.

    Returns:
        A table a selector, with the columns of ``pool_curves``.

    Raises:
        BadInput: as of ``pool_curves``.
    """
    ks, selectors = list(dict.fromkeys(ks)), list(dict.fromkeys(selectors))
    for selector in selectors:
        if selector not in estimator_names():
            raise BadInput(
                f"Unknown selector '{selector[:40]}': choose from {', '.join(estimator_names())}."
            )
        missing = None if selector == COVERAGE else missing_column(pool, selector, score)
        if missing:
            raise BadInput(
                f"The selector {selector} needs a column {missing[:40]}, which the pool does not "
                f"have: choose another ({', '.join(available_selectors(pool, score))})."
            )
    pool_blocks = list(question_blocks(pool))
    max_samples = pool_blocks[-1].samples
    if not ks or min(ks) < 1 or max(ks) > max_samples:
        raise BadInput(
            f"k must lie between 1 and {max_samples}, the most samples that a question of the "
            "pool has."
        )
    note = mapping_note(pool, score) if score in pool else None
    for selector in selectors:
        blocks, columns = pool_blocks, list(CURVE_COLUMNS)
        if note and _adds_up_scores(selector):
            blocks = list(question_blocks(pool.assign(**{score: score_weights(pool, score)})))
            columns.append("note")
        rows = [
            (*point, note)[: len(columns)]
            for point in _curve_points(selector, blocks, ks, score, seed)
        ]
        yield pd.DataFrame(rows, columns=columns)


def _adds_up_scores(selector: str) -> bool:
    """Whether the scores of equal answers are summed, which needs weights that are not negative;
    a maximum takes any score."""
    rule = SELECTORS.get(selector)
    return rule is not None and rule.needs == "scores" and rule.combine == "sum"


def _curve_points(
    selector: str, blocks: Sequence[QuestionBlock], ks: Sequence[int], score: str, seed: int
) -> Iterator[tuple[str, int, float, float, float, int]]:
    """The CURVE_COLUMNS of one selector, for every k."""
    values: dict[int, list[Floats]] = {k: [] for k in ks}
    for block in blocks:
        valid_ks = [k for k in ks if k <= block.samples]
        features = block.features(score)
        chances = success_at_k(selector, block.labels, block.correct, features, valid_ks, seed)
        for k, column in zip(valid_ks, chances.T, strict=True):
            values[k].append(column)
    for k, parts in values.items():
        by_question = np.concatenate(parts)
        accuracy, low, high = map(float, bootstrap(by_question, seed=seed))
        yield selector, k, accuracy, low, high, len(by_question)


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
