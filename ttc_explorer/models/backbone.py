"""What decoding and verifying need of a transformer: read tokens, remember them in a block of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ttc_explorer.models.devices import Batches
from ttc_explorer.models.fused import FusedBackbone
from ttc_explorer.models.generic import GenericBackbone
from ttc_explorer.models.memory import Block, Row, fork
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.models.rereading import RereadingBackbone

PASS_TOKENS = 8192
"""Most tokens that one pass reads, padding included."""

LENGTHS = 16
"""Texts read in one pass have lengths in the same stretch of this many, so that little of it is padding."""


class Backbone(Protocol):
    """A transformer with its head. ``context`` is the longest sequence it takes, in tokens; ``rereads`` says
    that it remembers nothing but ids, and reads a prefix again whenever something after it is predicted."""

    parameters: int
    context: int
    device: torch.device
    rereads: bool

    def read(self, ids: Tensor, starts: Tensor, block: Block, predict: bool) -> Tensor | None:
        """Read T more tokens in each of the first n rows of ``block``, and remember them there.

        ``ids`` (n, T); row r has ``starts[r]`` tokens already. Returns the head's output at each token
        (n, T, outputs) if ``predict``, else None. Rows that have fewer than T tokens to read are padded at
        their end with any id: what the block remembers of padding lies beyond the row's end.
        """
        ...


def backbone_of(model: PreTrainedModel) -> Backbone:
    """The fastest backbone that computes what ``model`` does. Raises ModelError if none can."""
    if FusedBackbone.suits(model):
        return FusedBackbone(model)
    try:
        return GenericBackbone(model)
    except ModelError:
        return RereadingBackbone(model)


def append(
    backbone: Backbone, rows: Sequence[Row], texts: Sequence[Sequence[int]], predict: bool
) -> tuple[list[Row], list[Tensor]]:
    """Read ``texts[i]`` (ids, at least one) after ``rows[i]``, in passes of texts of about the same length.

    Returns the longer rows and, if ``predict``, the head's output (outputs,) at the last token of each.
    """
    read: dict[int, tuple[Row, Tensor | None]] = {}
    for batch in _passes([len(text) for text in texts]):
        done = Batches(len(batch)).run(batch, lambda part: _one_pass(backbone, rows, texts, part, predict))
        read |= zip(batch, done, strict=True)
    longer, outputs = zip(*(read[i] for i in range(len(rows))), strict=True) if read else ((), ())
    return list(longer), list(outputs) if predict else []


def _one_pass(
    backbone: Backbone,
    rows: Sequence[Row],
    texts: Sequence[Sequence[int]],
    batch: Sequence[int],
    predict: bool,
) -> list[tuple[Row, Tensor | None]]:
    """``append`` for the rows and texts at the places ``batch``."""
    lengths = torch.tensor([len(texts[i]) for i in batch])
    ids = torch.zeros(len(batch), int(lengths.max()), dtype=torch.long)
    for place, i in enumerate(batch):
        ids[place, : len(texts[i])] = torch.tensor(texts[i])
    starts = torch.tensor([rows[i].length for i in batch])
    block = fork([rows[i] for i in batch], spare=ids.shape[1])
    out = backbone.read(ids.to(backbone.device), starts.to(backbone.device), block, predict)
    return [
        (
            Row(block, place, rows[i].length + len(texts[i])),
            None if out is None else out[place, len(texts[i]) - 1],
        )
        for place, i in enumerate(batch)
    ]


def _passes(lengths: Sequence[int]) -> list[list[int]]:
    """Places in ``lengths``, shortest first, cut into passes."""
    passes: list[list[int]] = []
    stretch = 0
    for place in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        same = -(-lengths[place] // LENGTHS)
        full = passes and (len(passes[-1]) + 1) * same * LENGTHS > PASS_TOKENS
        if not passes or same != stretch or full:
            passes.append([])
        stretch = same
        passes[-1].append(place)
    return passes
