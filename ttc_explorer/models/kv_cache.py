"""The KV cache of token sequences, which share the tokens that they have in common.

Keys and values lie in blocks. Handles on sequences in them (``KVRow``) are all that a search tree
keeps; when no handle is left, Python frees the block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

WIDTH_MULTIPLE = 16
"""Blocks are a multiple of this many columns wide."""


def round_up_width(width: int) -> int:
    """The next multiple of WIDTH_MULTIPLE."""
    return -(-width // WIDTH_MULTIPLE) * WIDTH_MULTIPLE


class KVBlock:
    """The KV cache of ``slots`` slots of ``width`` columns; a column holds a token.

    ``tensors`` are (slots, heads, width, channels), as many as the model likes (keys and values of
    each layer, say). A slot may hold one sequence, column p its token number p, or a trie of
    sequences, each of which knows its columns: which tokens see which is said when they are read
    (``TokenPlaces``). What stands in unused columns is finite, and nobody attends to it. A tensor
    is made when first written: only the model knows its shape.
    """

    def __init__(self, slots: int, width: int) -> None:
        self.slots = slots
        self.width = round_up_width(width)
        self.tensors: list[Tensor] = []

    def reserve(self, width: int) -> None:
        """Make room for at least ``width`` columns a slot."""
        if width > self.width:
            self.width = round_up_width(width)
            self.tensors = [
                F.pad(old, (0, 0, 0, self.width - old.shape[2])) for old in self.tensors
            ]

    def write(self, number: int, states: Tensor, places: TokenPlaces) -> Tensor:
        """Write the keys or values of T tokens of each of the first n slots; return all that may be
        attended to there.

        ``states`` (n, T, heads, channels). Returns (n, heads, places.attended_width, channels).
        Tensors are made in the order of their numbers.
        """
        n, _, heads, channels = states.shape
        if isinstance(places.columns, slice):
            written, attended = self.views(number, heads, channels, places, states)
            written.copy_(states.transpose(1, 2))
            return attended
        tensor = self._like(number, states.transpose(1, 2))
        rows = torch.arange(n, device=states.device)[:, None]
        tensor[rows, :, places.columns] = states
        return tensor[:n, :, : places.attended_width]

    def views(
        self, number: int, heads: int, channels: int, places: TokenPlaces, like: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Where T tokens of each of the first n slots are to be written, in columns that are the
        same in all slots, and all that may be attended to there.

        Returns (n, heads, T, channels) and (n, heads, places.attended_width, channels), of the type
        of ``like`` and where it is.
        """
        assert isinstance(places.columns, slice)
        if number == len(self.tensors):
            self.tensors.append(like.new_zeros(self.slots, heads, self.width, channels))
        tensor = self.tensors[number][: len(places.positions)]
        return tensor[:, :, places.columns], tensor[:, :, : places.attended_width]

    def copy(self, first: int, rows: Sequence[KVRow]) -> None:
        """Copy sequences of one other block into the slots from ``first`` on, one a slot."""
        length = max(row.length for row in rows)
        slots = torch.tensor([row.slot for row in rows])
        for number, source in enumerate(rows[0].block.tensors):
            target = self._like(number, source)[first : first + len(rows)]
            if all(row.columns is None for row in rows):
                # Gathering and then copying is several times faster than assigning to a gathered
                # place.
                target[:, :, :length] = source[:, :, :length].index_select(
                    0, slots.to(source.device)
                )
            else:
                for place, row in zip(target, rows, strict=True):
                    columns = torch.from_numpy(row.all_columns()).to(source.device)
                    place[:, : row.length] = source[row.slot].index_select(1, columns)

    def copy_columns(self, source: KVBlock, moves: Sequence[ColumnMove]) -> None:
        """Copy columns out of slots of another block."""
        device = source.tensors[0].device if source.tensors else None
        indices = [torch.from_numpy(move.columns).to(device) for move in moves]
        for number, tensor in enumerate(source.tensors):
            target = self._like(number, tensor)
            for move, index in zip(moves, indices, strict=True):
                end = move.first + len(move.columns)
                target[move.to_slot, :, move.first : end] = tensor[move.slot].index_select(1, index)

    def _like(self, number: int, source: Tensor) -> Tensor:
        """Tensor ``number``, made if it is not there yet, for what ``source`` holds."""
        if number == len(self.tensors):
            self.tensors.append(
                source.new_zeros(self.slots, source.shape[1], self.width, source.shape[3])
            )
        return self.tensors[number]


@dataclass(frozen=True)
class ColumnMove:
    """The columns (count,) of ``slot`` that go to the columns from ``first`` on of ``to_slot``."""

    slot: int
    columns: np.ndarray
    to_slot: int
    first: int


class TokenPlaces:
    """Where T more tokens of each of the first n slots of a block go, and what they attend to.

    Attributes:
        positions: (n, T), their numbers in their sequences.
        columns: (n, T), where their cache entries go; a slice where that is the same in all slots.
        attended_width: The columns that any of them attends to, a multiple of WIDTH_MULTIPLE.
        masked: (n, T, attended_width), those that each of them must not attend to.
        follow: Whether the T tokens of a slot follow one another. If not, each of them is the next
            of a sequence of its own.
    """

    def __init__(
        self, positions: Tensor, columns: Tensor | slice, masked: Tensor, follow: bool
    ) -> None:
        self.positions = positions
        self.columns = columns
        self.attended_width = masked.shape[2]
        self.masked = masked
        self.follow = follow


def places_after(starts: Tensor, count: int) -> TokenPlaces:
    """The places of ``count`` tokens that follow the first ``starts`` (n,) ones of each slot, where
    a slot holds one sequence."""
    positions = starts[:, None] + torch.arange(count, device=starts.device)
    width = round_up_width(int(starts.max()) + count)
    masked = torch.arange(width, device=starts.device) > positions[:, :, None]
    return TokenPlaces(positions, positions, masked, follow=True)


@dataclass(frozen=True, eq=False)
class KVRow:
    """A handle on a sequence in a slot of a block: its token ``ids`` (length,) and the columns that
    hold them; None for the first ones, in order."""

    block: KVBlock
    slot: int
    ids: np.ndarray = field(repr=False)
    columns: np.ndarray | None = None

    @property
    def length(self) -> int:
        """Tokens of the sequence."""
        return len(self.ids)

    def all_columns(self) -> np.ndarray:
        """The columns (length,) of its tokens."""
        return np.arange(self.length) if self.columns is None else self.columns

    def beginning(self, length: int) -> KVRow:
        """A handle on the first ``length`` tokens."""
        columns = None if self.columns is None else self.columns[:length]
        return KVRow(self.block, self.slot, self.ids[:length], columns)


EMPTY_ROW = KVRow(KVBlock(0, 0), 0, np.zeros(0, dtype=np.int64))
"""The prefix of no tokens."""


def common_length(one: np.ndarray, other: np.ndarray) -> int:
    """How many ids two sequences have in common at their beginning."""
    length = min(len(one), len(other))
    differ = one[:length] != other[:length]
    return int(differ.argmax()) if differ.any() else length


def fork(rows: Sequence[KVRow], extra_tokens: int) -> KVBlock:
    """A new block with a copy of each sequence, one a slot, in order, and room for ``extra_tokens``
    more tokens in each.

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
