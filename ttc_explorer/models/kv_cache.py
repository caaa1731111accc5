"""The KV cache of prefixes: keys and values of token sequences, forked by copying rows, freed with
them.

Everything that is read at one time goes into one block, a sequence a row. Handles on its rows are
all that a search tree keeps; when no handle is left, Python frees the block.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor
from torch.nn import functional as F

WIDTH_MULTIPLE = 16
"""Blocks are a multiple of this many columns wide."""


def round_up_width(width: int) -> int:
    """The next multiple of WIDTH_MULTIPLE."""
    return -(-width // WIDTH_MULTIPLE) * WIDTH_MULTIPLE


class KVBlock:
    """The KV cache of ``rows`` sequences, with room for ``width`` tokens each.

    ``tensors`` are (rows, heads, width, channels), as many as the model likes (keys and values of
    each layer, say); column p of a row belongs to its token number p. What stands beyond the end of
    a row is finite, and nobody attends to it. A tensor is made when first written: only the model
    knows its shape.
    """

    def __init__(self, rows: int, width: int) -> None:
        self.rows = rows
        self.width = round_up_width(width)
        self.tensors: list[Tensor] = []

    def reserve(self, width: int) -> None:
        """Make room for at least ``width`` tokens a row."""
        if width > self.width:
            self.width = round_up_width(width)
            self.tensors = [
                F.pad(old, (0, 0, 0, self.width - old.shape[2])) for old in self.tensors
            ]

    def write(self, number: int, states: Tensor, target: WriteTarget) -> Tensor:
        """Write the keys or values of T tokens of the first n rows; return all that these rows
        attend to.

        ``states`` (n, T, heads, channels). Returns (n, heads, target.attended_width, channels).
        Tensors are made in the order of their numbers.
        """
        if number == len(self.tensors):
            self.tensors.append(
                states.new_zeros(self.rows, states.shape[2], self.width, states.shape[3])
            )
        tensor = self.tensors[number]
        tensor[target.rows, :, target.columns] = states
        return tensor[: target.rows.shape[0], :, : target.attended_width]

    def copy(self, first: int, rows: Sequence[KVRow]) -> None:
        """Copy rows of one other block into the rows from ``first`` on."""
        length = max(row.length for row in rows)
        slots = torch.tensor([row.slot for row in rows])
        for number, tensor in enumerate(rows[0].block.tensors):
            if number == len(self.tensors):
                self.tensors.append(
                    tensor.new_empty(self.rows, tensor.shape[1], self.width, tensor.shape[3])
                )
            target = self.tensors[number][first : first + len(rows)]
            # Gathering and then copying is several times faster than assigning to a gathered place.
            target[:, :, :length] = tensor[:, :, :length].index_select(0, slots.to(tensor.device))
            target[:, :, length:] = 0

    def swap(self, pairs: Iterable[tuple[int, int]], attended_width: int) -> None:
        """Exchange the first ``attended_width`` columns of rows pairwise."""
        for one, other in pairs:
            for tensor in self.tensors:
                here, there = tensor[one, :, :attended_width], tensor[other, :, :attended_width]
                kept = here.clone()
                here.copy_(there)
                there.copy_(kept)


class WriteTarget:
    """Where the cache entries of T more tokens of the first n rows go: ``rows`` (n, 1), ``columns``
    (n, T), and how far they attend.

    ``attended_width``: the columns that any of them attends to, a multiple of WIDTH_MULTIPLE;
    ``masked`` (n, T, attended_width): those that each of them must not attend to.
    """

    def __init__(self, starts: Tensor, count: int) -> None:
        self.rows = torch.arange(starts.shape[0], device=starts.device)[:, None]
        self.columns = starts[:, None] + torch.arange(count, device=starts.device)
        self.attended_width = round_up_width(int(starts.max()) + count)
        self.masked = (
            torch.arange(self.attended_width, device=starts.device) > self.columns[:, :, None]
        )


@dataclass(frozen=True)
class KVRow:
    """A handle on the first ``length`` tokens of one row of a block."""

    block: KVBlock
    slot: int
    length: int


EMPTY_ROW = KVRow(KVBlock(0, 0), 0, 0)
"""The prefix of no tokens."""


def fork(rows: Sequence[KVRow], extra_tokens: int) -> KVBlock:
    """A new block with a copy of each row, in order, and room for ``extra_tokens`` more tokens in
    each.

    A row may be named several times; rows may come from different blocks and be of different
    lengths.
    """
    new = KVBlock(len(rows), max(row.length for row in rows) + extra_tokens)
    first = 0
    for _, group in groupby(rows, key=lambda row: id(row.block)):
        part = list(group)
        new.copy(first, part)
        first += len(part)
    return new
