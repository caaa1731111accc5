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
    logits: Tensor, rows: np.ndarray, temperatures: np.ndarray, draws: np.ndarray, banned: Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """A token a sample, by inverse CDF of softmax(logits / temperature) over the ids not
    ``banned``.

    Samples of one row and temperature share its CDF, which is float64: over a large vocabulary,
    float32 would lose the unlikely ids.

    Args:
        logits: (rows, vocabulary).
        rows: (samples,), the row that each sample draws from.
        temperatures: (samples,); 0 takes the likeliest token.
        draws: (samples,), float64, uniform in [0, 1).
        banned: (vocabulary,).

    Returns:
        Ids (samples,), and their log-probabilities (samples,) in nats, under all ids and
        temperature 1.
    """
    logprobs = logits.log_softmax(-1)
    above = logprobs.double().masked_fill_(banned, -torch.inf)
    # The likeliest id gets weight 1; at temperature 0 all others get none.
    above -= above.amax(-1, keepdim=True)
    temperatures = np.maximum(temperatures, 1e-9)
    if (temperatures == temperatures[0]).all():
        cdf_of, weights = rows, above.div_(float(temperatures[0]))
    else:
        pairs, cdf_of = np.unique(
            np.stack([rows, temperatures], axis=1), axis=0, return_inverse=True
        )
        cdf_of = cdf_of.reshape(-1)
        weights = above[torch.from_numpy(pairs[:, 0].astype(np.int64)).to(logits.device)]
        weights.div_(torch.from_numpy(pairs[:, 1, None]).to(logits.device))
    weights = weights.exp_().cumsum(-1)

    counts = np.bincount(cdf_of, minlength=weights.shape[0])
    order = np.argsort(cdf_of, kind="stable")
    place = np.empty_like(order)  # of each sample among those of its CDF
    place[order] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    by_cdf = np.zeros((len(counts), counts.max()))
    by_cdf[cdf_of, place] = draws
    levels = torch.from_numpy(by_cdf).to(logits.device) * weights[:, -1:]
    found = torch.searchsorted(weights, levels, right=True).clamp_(max=logits.shape[-1] - 1)
    ids = found.cpu().numpy()[cdf_of, place]
    where = torch.from_numpy(rows).to(logits.device), torch.from_numpy(ids).to(logits.device)
    return ids, logprobs[where].cpu().numpy()
