"""Sampling in which every row has a random stream of its own, so that its company makes no
difference."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import torch
from torch import Tensor


def uniform_draws(rng_paths: Sequence[tuple[int, ...]], count: int) -> np.ndarray:
    """``count`` numbers in [0, 1) from each named stream: (streams, count), float64.

    A stream's name is hashed into the key of a counter-based generator (Philox, Salmon et al.
    2011): names that differ at all, also only in length, give unrelated numbers.
    """
    keys = [
        int.from_bytes(blake2b(repr(tuple(name)).encode(), digest_size=16).digest())
        for name in rng_paths
    ]
    return np.stack([np.random.Generator(np.random.Philox(key=key)).random(count) for key in keys])


def sample_tokens(
    logits: Tensor, temperatures: Tensor, draws: Tensor, banned: Tensor
) -> tuple[Tensor, Tensor]:
    """One token a row, by inverse CDF of softmax(logits / temperature) over the ids not ``banned``.

    ``logits`` (n, vocabulary); ``temperatures`` and ``draws`` (n,), float64; temperature 0 takes
    the likeliest token. Returns ids (n,) and their log-probabilities (n,) in nats, under all ids
    and temperature 1. The CDF is float64: over a large vocabulary, float32 would lose the unlikely
    ids.
    """
    logprobs = logits.log_softmax(-1)
    above = logprobs.double().masked_fill_(banned, -torch.inf)
    # The likeliest id gets weight 1; at temperature 0 all others get none.
    above -= above.amax(-1, keepdim=True)
    weights = above.div_(temperatures.clamp(min=1e-9)[:, None]).exp_().cumsum(-1)
    ids = torch.searchsorted(weights, draws[:, None] * weights[:, -1:], right=True)
    ids.clamp_(max=logits.shape[-1] - 1)
    return ids[:, 0], logprobs.gather(1, ids)[:, 0]
