"""Scores of any kind as the weights of votes: a weight is never negative.

Sums of negative numbers elect the answer with the fewest votes. Probabilities stay as they are;
logits of a reward model go through the logistic function; log-probabilities and all other scores
through the softmax within their question, which leaves their order and their differences.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

LOGISTIC = "logistic"
SOFTMAX = "softmax"


def score_mapping(scores: pd.Series) -> str | None:
    """How scores become weights.

    Args:
        scores: finite numbers, or nan where a solution has none.

    Returns:
        None where all lie within [0, 1]; ``logistic`` where they lie on both sides of 0, as logits
        do; else ``softmax``: log-probabilities, none of them above 0, and ratings, none below.
    """
    low, high = scores.min(), scores.max()
    if not (low < 0 or high > 1):
        return None
    return LOGISTIC if low < 0 < high else SOFTMAX


def score_weights(pool: pd.DataFrame, score: str = "score") -> pd.Series:
    """The scores of a pool as weights in [0, 1], by ``score_mapping``; nan stays nan.

    Args:
        pool: one row a solution, with ``question`` and the scores.
        score: the column of the scores.
    """
    scores = pool[score].astype(float)
    mapping = score_mapping(scores)
    if mapping == LOGISTIC:
        return pd.Series(0.5 * (1 + np.tanh(0.5 * scores)), index=pool.index)
    if mapping == SOFTMAX:
        powers = np.exp(scores - scores.groupby(pool["question"]).transform("max"))
        return powers / powers.groupby(pool["question"]).transform("sum")
    return scores


def mapping_note(pool: pd.DataFrame, score: str = "score") -> str | None:
    """One sentence on how the scores of a pool became weights; None where they stayed."""
    mapping = score_mapping(pool[score].astype(float))
    if mapping is None:
        return None
    low, high = float(pool[score].min()), float(pool[score].max())
    how = (
        "their logistic function is the weight of a vote, as of logits"
        if mapping == LOGISTIC
        else "their softmax within the question is the weight of a vote"
    )
    return f"The scores lie between {low:.3g} and {high:.3g}, not between 0 and 1: {how}."
