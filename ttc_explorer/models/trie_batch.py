"""Sequences that are decoded together, as the trie that they are: what several of them have in
common is computed once, kept once, and attended to in one matrix product.

(Hydragen, arXiv 2402.05099, and DeFT, arXiv 2404.00242, share the attention over prefixes on
GPUs. Here whole rows are shared until they differ, and the tokens of related rows stand in one slot
of the cache, under a mask that says which row sees which, as in SpecInfer, arXiv 2305.09781.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ttc_explorer.models.backbone import Backbone
from ttc_explorer.models.kv_cache import (
    ColumnMove,
    KVBlock,
    KVRow,
    TokenPlaces,
    common_length,
    round_up_width,
)

SLOT_COLUMNS = 4
"""A slot holds at most so many times the tokens of its longest row: every row is multiplied with
all of them, and what it does not attend to is masked."""

REPACK_COLUMNS = 2 * SLOT_COLUMNS
"""When a slot has grown to so many times the tokens of its longest row, rows are packed anew."""


class TrieBatch:
    """Rows, each the next token of a sequence of its own, over slots in which related sequences
    share the columns of the tokens that they have in common.

    A token read for a row is a new column in its slot. So a row that splits in two copies nothing
    but a list of columns, and a row that nobody continues is forgotten.

    Args:
        backbone: The model that reads.
        rows: Sequences to begin from, which may lie in different blocks.
        extra_tokens: Columns to make ready for each row.
    """

    def __init__(self, backbone: Backbone, rows: Sequence[KVRow], extra_tokens: int) -> None:
        self._backbone = backbone
        self._attends = not backbone.recomputes_prefix
        self._extra_tokens = extra_tokens
        self._block = KVBlock(0, 0)
        self._next_column = 0
        # Of each row: its slot, its length, and its tokens and their columns (rows, room).
        self._slots = self._lengths = np.zeros(0, dtype=np.int64)
        self._ids = self._columns = np.zeros((0, 0), dtype=np.int64)
        self._masked = np.ones((0, 0), dtype=bool)  # (rows, width)
        if rows:
            self._pack(rows)

    def read(self, parents: np.ndarray, tokens: np.ndarray) -> Tensor:
        """Read one more token of each row; its rows are from now on those of this call.

        Args:
            parents: (rows,), the rows of before that they continue, each any number of times.
            tokens: (rows,), the ids to read.

        Returns:
            The head's output (rows, outputs) at these tokens.
        """
        self._select(parents)
        row_numbers = np.arange(len(parents))
        place, height = self._places_in_slots()
        width = self._next_column + height
        if self._attends and width > REPACK_COLUMNS * (int(self._lengths.max()) + height):
            self._pack([self.row(row) for row in range(len(parents))])
            place, height = self._places_in_slots()

        first, end = self._next_column, self._next_column + height
        self._reserve(end)
        columns = first + place
        self._ids[row_numbers, self._lengths] = tokens
        self._columns[row_numbers, self._lengths] = columns
        self._masked[row_numbers, columns] = False
        masked = self._masked[:, : round_up_width(end)]
        slots = self._block.slots
        if slots == 1:
            ids, positions, masked = tokens[None], self._lengths[None], masked[None]
        else:
            ids, positions = np.zeros((2, slots, height), dtype=np.int64)
            ids[self._slots, place] = tokens
            positions[self._slots, place] = self._lengths
            padded = np.ones((slots, height, masked.shape[1]), dtype=bool)
            # Padding sees itself, since nothing is worth no number at all.
            padded[:, np.arange(height), np.arange(first, end)] = False
            padded[self._slots, place] = masked
            masked = padded
        outputs = self._backbone.read(
            self._on_device(ids),
            TokenPlaces(
                self._on_device(positions),
                slice(first, end),
                self._on_device(masked),
                follow=False,
            ),
            self._block,
            predict=True,
        )
        assert outputs is not None  # as it was to predict
        self._lengths = self._lengths + 1
        self._next_column = end
        if slots == 1:
            return outputs[0]
        return outputs[self._on_device(self._slots), self._on_device(place)]

    def row(self, number: int) -> KVRow:
        """A handle on all that row ``number`` has read."""
        length = self._lengths[number]
        return KVRow(
            self._block,
            int(self._slots[number]),
            self._ids[number, :length].copy(),
            self._columns[number, :length].copy(),
        )

    def _select(self, parents: np.ndarray) -> None:
        """Let the rows be continuations of ``parents``."""
        if np.array_equal(parents, np.arange(len(self._lengths))):
            return
        self._slots, self._lengths = self._slots[parents], self._lengths[parents]
        self._ids, self._columns = self._ids[parents], self._columns[parents]
        self._masked = self._masked[parents]

    def _places_in_slots(self) -> tuple[np.ndarray, int]:
        """The number (rows,) of each row among those of its slot, and the most rows of a slot."""
        if self._block.slots == 1:
            return np.arange(len(self._slots)), len(self._slots)
        counts = np.bincount(self._slots, minlength=self._block.slots)
        order = np.argsort(self._slots, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        return place, int(counts.max())

    def _reserve(self, width: int) -> None:
        """Make room for ``width`` columns, and for a token more of each row."""
        if width > self._block.width:
            self._block.reserve(width + width // 2)
            missing = self._block.width - self._masked.shape[1]
            self._masked = np.pad(self._masked, ((0, 0), (0, missing)), constant_values=True)
        if self._lengths.max() == self._ids.shape[1]:
            more = ((0, 0), (0, self._extra_tokens))
            self._ids, self._columns = np.pad(self._ids, more), np.pad(self._columns, more)

    def _pack(self, rows: Sequence[KVRow]) -> None:
        """Put the sequences into a new block: related ones into one slot, as far as they share
        enough, each token once."""
        count = len(rows)
        lengths = np.array([row.length for row in rows])
        self._lengths = lengths
        self._slots = np.zeros(count, dtype=np.int64)
        self._ids, self._columns = np.zeros(
            (2, count, int(lengths.max()) + self._extra_tokens), dtype=np.int64
        )
        moves: dict[int, list[ColumnMove]] = {}
        slot, used, longest = 0, 0, 0
        widths = []
        before = -1
        for number in sorted(range(count), key=lambda index: rows[index].ids.tobytes()):
            row = rows[number]
            shared = 0 if before < 0 else common_length(rows[before].ids, row.ids)
            longest = max(longest, row.length)
            if (
                before >= 0
                and used + row.length - shared > SLOT_COLUMNS * longest
                and self._attends
            ):
                widths.append(used)
                slot, used, longest, shared = slot + 1, 0, row.length, 0
            end = used + row.length - shared
            self._slots[number] = slot
            self._ids[number, : row.length] = row.ids
            self._columns[number, :shared] = self._columns[before, :shared]
            self._columns[number, shared : row.length] = np.arange(used, end)
            if end > used:
                move = ColumnMove(row.slot, row.all_columns()[shared:], slot, used)
                moves.setdefault(id(row.block), []).append(move)
            used, before = end, number
        widths.append(used)

        self._next_column = max(widths)
        most = int(np.bincount(self._slots).max())  # rows of a slot, each of which adds columns
        self._block = KVBlock(slot + 1, self._next_column + most * self._extra_tokens)
        for block in {id(row.block): row.block for row in rows}.values():
            self._block.copy_columns(block, _join_moves(moves.get(id(block), [])))
        self._masked = np.ones((count, self._block.width), dtype=bool)
        for number, length in enumerate(lengths):
            self._masked[number, self._columns[number, :length]] = False

    def _on_device(self, array: np.ndarray) -> Tensor:
        """The array as a tensor where the model is."""
        return torch.from_numpy(array).to(self._backbone.device)


def _join_moves(moves: Sequence[ColumnMove]) -> list[ColumnMove]:
    """The same moves, those that lie side by side in one."""
    joined: list[list[ColumnMove]] = []
    for move in moves:
        if joined:
            last = joined[-1][-1]
            follows = (move.slot, move.to_slot, move.first) == (
                last.slot,
                last.to_slot,
                last.first + len(last.columns),
            )
            if follows:
                joined[-1].append(move)
                continue
        joined.append([move])
    return [
        ColumnMove(
            part[0].slot,
            np.concatenate([move.columns for move in part]),
            part[0].to_slot,
            part[0].first,
        )
        for part in joined
    ]
