"""Sampling in which every row has a random stream of its own, so that its company makes no difference."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import torch
from torch import Tensor


def uniforms(streams: Sequence[tuple[int, ...]], count: int) -> Tensor:
    """``count`` numbers in [0, 1) from each named stream: (streams, count), float64.

    A stream's name is hashed into the key of a counter-based generator (Philox, Salmon et al. 2011): names
    that differ at all, also only in length, give unrelated numbers.
    """
    keys = [int.from_bytes(blake2b(repr(tuple(name)).encode(), digest_size=16).digest()) for name in streams]
    return torch.from_numpy(
        np.stack([np.random.Generator(np.random.Philox(key=k)).random(count) for k in keys])
    )


def sample(logits: Tensor, temperatures: Tensor, draws: Tensor, banned: Tensor) -> tuple[Tensor, Tensor]:
    """One token a row, by inverse CDF of softmax(logits / temperature) over the ids not ``banned``.

    ``logits`` (n, vocabulary); ``temperatures`` and ``draws`` (n,), float64; temperature 0 takes the
    likeliest token. Returns ids (n,) and their log-probabilities (n,) in nats, under all ids and temperature
    1, float64. Sums in float64: over a large vocabulary, float32 would lose the unlikely ids.
    """
    allowed = logits.double().masked_fill_(banned, -torch.inf)
    # The likeliest id has weight 1 here; at temperature 0 all others have none.
    above = (allowed - allowed.amax(-1, keepdim=True)) / temperatures.clamp(min=1e-9)[:, None]
    weights = above.exp_().cumsum(-1)
    ids = torch.searchsorted(weights, (draws * weights[:, -1])[:, None], right=True)
    ids.clamp_(max=logits.shape[-1] - 1)
    return ids[:, 0], (logits.gather(1, ids)[:, 0] - logits.logsumexp(-1)).double()
