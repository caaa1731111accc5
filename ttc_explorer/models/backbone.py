"""What decoding and verifying need of a transformer: read tokens, keep them in a KV cache block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from ttc_explorer.models.devices import AdaptiveBatches
from ttc_explorer.models.hf_backbone import HFBackbone
from ttc_explorer.models.kv_cache import KVBlock, KVRow, TokenPlaces, fork, places_after
from ttc_explorer.models.llama_fast_path import FusedBackbone
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.models.stateless_backbone import StatelessBackbone
from ttc_explorer.models.trie_append import Appended, plan_slots, read_slots

PASS_TOKENS = 8192
"""Most tokens that one pass reads, padding included."""

LENGTH_BUCKET = 16
"""Texts read in one pass have lengths in the same stretch of this many, so that little of it is
padding."""


class Backbone(Protocol):
    """A transformer with its head. ``parameters`` and ``attention_width`` are those of
    ``flops.py``; ``context`` is the longest sequence it takes, in tokens; ``recomputes_prefix``
    says that it remembers nothing but ids, and reads a prefix again whenever something after it is
    predicted."""

    parameters: int
    attention_width: int
    context: int
    device: torch.device
    recomputes_prefix: bool

    def read(
        self, ids: Tensor, places: TokenPlaces, block: KVBlock, predict: bool
    ) -> Tensor | None:
        """Read T more tokens in each of the first n slots of ``block``, and remember them there.

        ``ids`` (n, T). Returns the head's output at each token (n, T, outputs) if ``predict``, else
        None. Slots that have fewer than T tokens to read are padded at their end with id 0: what
        the block remembers of padding, nobody attends to.
        """
        ...


def build_backbone(model: PreTrainedModel) -> Backbone:
    """The fastest backbone that computes what ``model`` does. Raises ModelError if none can."""
    if FusedBackbone.supports(model):
        return FusedBackbone(model)
    try:
        return HFBackbone(model)
    except ModelError:
        return StatelessBackbone(model)


def append_tokens(
    backbone: Backbone, rows: Sequence[KVRow], texts: Sequence[Sequence[int]], predict: bool
) -> list[Appended]:
    """Read ``texts[i]`` (ids, at least one) after ``rows[i]``, in passes of texts of about the same
    length. What several texts begin with is read once, for the first of them; where the backbone
    reads prefixes again, that holds of equal texts only.

    ``predict``: give outputs.
    """
    if backbone.recomputes_prefix:
        return _append_whole_texts(backbone, rows, texts, predict)
    slots = plan_slots(rows, texts)
    appended: dict[int, Appended] = {}
    for batch in _split_into_passes([len(slot.ids) for slot in slots]):
        done = AdaptiveBatches(len(batch)).run(
            [slots[i] for i in batch], lambda part: read_slots(backbone, part, predict)
        )
        for in_slot in done:
            appended |= in_slot
    return [appended[index] for index in range(len(rows))]


def _append_whole_texts(
    backbone: Backbone, rows: Sequence[KVRow], texts: Sequence[Sequence[int]], predict: bool
) -> list[Appended]:
    """``append_tokens`` with every text in a slot of its own."""
    first_of: dict[tuple[bytes, tuple[int, ...]], int] = {}
    firsts = [
        first_of.setdefault((row.ids.tobytes(), tuple(text)), index)
        for index, (row, text) in enumerate(zip(rows, texts, strict=True))
    ]
    distinct = list(first_of.values())
    read: dict[int, tuple[KVRow, Tensor | None]] = {}
    for batch in _split_into_passes([len(texts[i]) for i in distinct]):
        places = [distinct[i] for i in batch]
        done = AdaptiveBatches(len(places)).run(
            places, lambda part: _append_in_one_pass(backbone, rows, texts, part, predict)
        )
        read |= zip(places, done, strict=True)
    return [
        Appended(*read[first], len(texts[index]) if first == index else 0)
        for index, first in enumerate(firsts)
    ]


def _append_in_one_pass(
    backbone: Backbone,
    rows: Sequence[KVRow],
    texts: Sequence[Sequence[int]],
    batch: Sequence[int],
    predict: bool,
) -> list[tuple[KVRow, Tensor | None]]:
    """``append_tokens`` for the rows and texts at the places ``batch``."""
    lengths = torch.tensor([len(texts[i]) for i in batch])
    ids = torch.zeros(len(batch), int(lengths.max()), dtype=torch.long)
    for index, i in enumerate(batch):
        ids[index, : len(texts[i])] = torch.tensor(texts[i])
    starts = torch.tensor([rows[i].length for i in batch], device=backbone.device)
    block = fork([rows[i] for i in batch], extra_tokens=ids.shape[1])
    places = places_after(starts, ids.shape[1])
    out = backbone.read(ids.to(backbone.device), places, block, predict)
    return [
        (
            KVRow(block, index, np.concatenate([rows[i].ids, texts[i]])),
            None if out is None else out[index, len(texts[i]) - 1],
        )
        for index, i in enumerate(batch)
    ]


def _split_into_passes(lengths: Sequence[int]) -> list[list[int]]:
    """Places in ``lengths``, shortest first, cut into passes."""
    passes: list[list[int]] = []
    current_bucket = 0
    for index in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        bucket = -(-lengths[index] // LENGTH_BUCKET)
        is_full = passes and (len(passes[-1]) + 1) * bucket * LENGTH_BUCKET > PASS_TOKENS
        if not passes or bucket != current_bucket or is_full:
            passes.append([])
        current_bucket = bucket
        passes[-1].append(index)
    return passes
