"""The memory of prefixes: keys and values of token sequences, forked by copying rows, freed by forgetting.

Everything that is read at one time goes into one block, a sequence a row. Handles on its rows are all that a
search tree keeps; when no handle is left, Python frees the block.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor
from torch.nn import functional as F

STRIDE = 16
"""Blocks are a multiple of this many columns wide."""


def rounded(width: int) -> int:
    """The next multiple of STRIDE."""
    return -(-width // STRIDE) * STRIDE


class Block:
    """What a model remembers of ``rows`` sequences, with room for ``width`` tokens each.

    ``planes`` are tensors (rows, heads, width, channels), as many as the model likes (keys and values of each
    layer, say); column p of a row belongs to its token number p. What stands beyond the end of a row is
    finite, and nobody attends to it. A plane is made when first written: only the model knows its shape.
    """

    def __init__(self, rows: int, width: int) -> None:
        self.rows = rows
        self.width = rounded(width)
        self.planes: list[Tensor] = []

    def reserve(self, width: int) -> None:
        """Make room for at least ``width`` tokens a row."""
        if width > self.width:
            self.width = rounded(width)
            self.planes = [F.pad(old, (0, 0, 0, self.width - old.shape[2])) for old in self.planes]

    def write(self, number: int, states: Tensor, place: Place) -> Tensor:
        """Write what T tokens of the first n rows left behind; return what these rows attend to.

        ``states`` (n, T, heads, channels). Returns (n, heads, place.reach, channels). Planes are made in the
        order of their numbers.
        """
        if number == len(self.planes):
            self.planes.append(states.new_zeros(self.rows, states.shape[2], self.width, states.shape[3]))
        plane = self.planes[number]
        plane[place.rows, :, place.columns] = states
        return plane[: place.rows.shape[0], :, : place.reach]

    def copy(self, first: int, rows: Sequence[Row]) -> None:
        """Copy rows of one other block into the rows from ``first`` on."""
        length = max(row.length for row in rows)
        slots = torch.tensor([row.slot for row in rows])
        for number, plane in enumerate(rows[0].block.planes):
            if number == len(self.planes):
                self.planes.append(plane.new_empty(self.rows, plane.shape[1], self.width, plane.shape[3]))
            place = self.planes[number][first : first + len(rows)]
            # Gathering and then copying is several times faster than assigning to a gathered place.
            place[:, :, :length] = plane[:, :, :length].index_select(0, slots.to(plane.device))
            place[:, :, length:] = 0

    def swap(self, pairs: Iterable[tuple[int, int]], reach: int) -> None:
        """Exchange the first ``reach`` columns of rows pairwise."""
        for one, other in pairs:
            for plane in self.planes:
                here, there = plane[one, :, :reach], plane[other, :, :reach]
                kept = here.clone()
                here.copy_(there)
                there.copy_(kept)


class Place:
    """Where T more tokens of the first n rows go: ``rows`` (n, 1), ``columns`` (n, T), and how far they see.

    ``reach``: the columns that any of them attends to, a multiple of STRIDE; ``unseen`` (n, T, reach): those
    that each of them must not attend to.
    """

    def __init__(self, starts: Tensor, count: int) -> None:
        self.rows = torch.arange(starts.shape[0], device=starts.device)[:, None]
        self.columns = starts[:, None] + torch.arange(count, device=starts.device)
        self.reach = rounded(int(starts.max()) + count)
        self.unseen = torch.arange(self.reach, device=starts.device) > self.columns[:, :, None]


@dataclass(frozen=True)
class Row:
    """A handle on the first ``length`` tokens of one row of a block."""

    block: Block
    slot: int
    length: int


NOTHING = Row(Block(0, 0), 0, 0)
"""The prefix of no tokens."""


def fork(rows: Sequence[Row], spare: int) -> Block:
    """A new block with a copy of each row, in order, and room for ``spare`` more tokens in each.

    A row may be named several times; rows may come from different blocks and be of different lengths.
    """
    new = Block(len(rows), max(row.length for row in rows) + spare)
    first = 0
    for _, group in groupby(rows, key=lambda row: id(row.block)):
        part = list(group)
        new.copy(first, part)
        first += len(part)
    return new
