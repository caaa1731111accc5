"""A model's own confidence in a solution, from the log-probabilities of the tokens that it sampled.

After DeepConf (Fu et al., arXiv 2508.15260, section 3.1). The paper's token confidence is the mean
negative log-probability of the k likeliest tokens; here it is the log-probability of the sampled
token itself, which every server tells.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

CONFIDENCES = ("mean", "tail", "lowest_group")
"""Over which tokens: all of them, the last WINDOW, or that WINDOW in a row where the model is least
sure."""

WINDOW = 16
"""Tokens of a group. The paper's groups of 2,048 are about a tenth of its chains of thought; a
worked solution here is 50 to 300 tokens long, so 16 are about a line, and enough to average over. A
shorter solution is one group."""


def token_confidence(token_logprobs: Sequence[float], confidence: str) -> float:
    """exp(mean log-probability) of a solution's tokens, or of one group of them.

    Args:
        token_logprobs: of all sampled tokens of the solution, in nats, in order.
        confidence: one of CONFIDENCES.

    Returns:
        A weight in (0, 1]; nan where no log-probability is known.

    >>> token_confidence([0.0, 0.0], "mean")
    1.0
    """
    if not len(token_logprobs):
        return float("nan")
    values = np.asarray(token_logprobs, float)
    window = min(WINDOW, len(values))
    if confidence == "tail":
        mean = values[-window:].mean()
    elif confidence == "lowest_group":
        mean = np.convolve(values, np.full(window, 1 / window), "valid").min()
    else:
        mean = values.mean()
    return float(np.exp(min(mean, 0.0)))
