"""Sequences that are decoded together, as the trie that they are: what several of them have in
common is computed once, kept once, and attended to in one matrix product.

(Hydragen, arXiv 2402.05099, and DeFT, arXiv 2404.00242, share the attention over prefixes on
GPUs. Here whole rows are shared until they differ, and the tokens of related rows stand in one slot
of the cache, under a mask that says which row sees which, as in SpecInfer, arXiv 2305.09781.)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

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

STEP_TOKENS = 16
"""When rows are packed, so many more tokens of each are reckoned with."""

ATTENTION_RATE = 1 / 3
"""FLOPs a second of attention, whose products are thin, to those of the other matrices."""

READING_TOKENS = 24
"""To read a column out of memory costs as much as to attend to it from so many tokens: bytes take
about twelve times as long as FLOPs of attention."""

PACKING_PASSES = 3
"""Rows are packed anew when what that had saved since the last time is worth so many passes."""


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
        # What a token costs beside attention, in columns that it attends to.
        columns = backbone.parameters / (2 * max(1, backbone.attention_width))
        self._token_columns = columns * ATTENTION_RATE
        self._fresh_cost = self._lost = 0.0
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
        if self._attends and self._is_worth_packing(height):
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

    def _is_worth_packing(self, height: int) -> bool:
        """Whether what the passes since the last packing cost more than the first of them, for each
        row, is worth a new one."""
        count = len(self._slots)
        columns = self._next_column + height
        cost = _pass_cost(self._block.slots, height, columns, self._token_columns)
        if not self._fresh_cost:
            self._fresh_cost = cost / count
        self._lost += cost - self._fresh_cost * count
        return self._lost > PACKING_PASSES * self._fresh_cost * count

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
        """Put the sequences into a new block: related ones into one slot, each token once."""
        count = len(rows)
        lengths = np.array([row.length for row in rows])
        order = sorted(range(count), key=lambda index: rows[index].ids.tobytes())
        shared = np.zeros(count, dtype=np.int64)
        for before, number in pairwise(order):
            shared[number] = common_length(rows[before].ids, rows[number].ids)
        in_slot = count
        if self._attends:
            in_slot = rows_per_slot(lengths[order], shared[order], self._token_columns)
        shared[order[::in_slot]] = 0

        self._fresh_cost = self._lost = 0.0
        self._lengths = lengths
        self._slots = np.zeros(count, dtype=np.int64)
        self._ids, self._columns = np.zeros(
            (2, count, int(lengths.max()) + self._extra_tokens), dtype=np.int64
        )
        moves: dict[int, list[ColumnMove]] = {}
        widths: list[int] = []
        for place, number in enumerate(order):
            row, common = rows[number], int(shared[number])
            if place % in_slot == 0:
                widths.append(0)
            used = widths[-1]
            end = used + row.length - common
            self._slots[number] = len(widths) - 1
            self._ids[number, : row.length] = row.ids
            if common:
                self._columns[number, :common] = self._columns[order[place - 1], :common]
            self._columns[number, common : row.length] = np.arange(used, end)
            if end > used:
                move = ColumnMove(row.slot, row.all_columns()[common:], len(widths) - 1, used)
                moves.setdefault(id(row.block), []).append(move)
            widths[-1] = end

        self._next_column = max(widths)
        # Each row of a slot adds columns.
        self._block = KVBlock(len(widths), self._next_column + in_slot * self._extra_tokens)
        for block in {id(row.block): row.block for row in rows}.values():
            self._block.copy_columns(block, _join_moves(moves.get(id(block), [])))
        self._masked = np.ones((count, self._block.width), dtype=bool)
        for number, length in enumerate(lengths):
            self._masked[number, self._columns[number, :length]] = False

    def _on_device(self, array: np.ndarray) -> Tensor:
        """The array as a tensor where the model is."""
        return torch.from_numpy(array).to(self._backbone.device)


def rows_per_slot(lengths: np.ndarray, shared: np.ndarray, token_columns: float) -> int:
    """How many rows a slot had best have: in many slots of few rows, what rows share is read many
    times; in few slots of many, each of them is multiplied with what others wrote.

    Args:
        lengths: (rows,), of sequences of which neighbours are related.
        shared: (rows,), the tokens that each has in common with the one before it.
        token_columns: What a token costs beside attention, in columns that it attends to.
    """
    count = len(lengths)
    best, least = count, np.inf
    for slots in sorted({-(-count // in_slot) for in_slot in range(1, count + 1)}):
        in_slot = -(-count // slots)
        firsts = np.arange(0, count, in_slot)
        widths = np.add.reduceat(lengths - shared, firsts) + shared[firsts]
        columns = widths.max() + STEP_TOKENS / 2 * in_slot
        cost = _pass_cost(slots, in_slot, float(columns), token_columns)
        if cost < least:
            best, least = in_slot, cost
    return best


def _pass_cost(slots: int, rows: int, columns: float, token_columns: float) -> float:
    """What a pass over so many slots costs, in columns that a token attends to."""
    return slots * (columns * (rows + READING_TOKENS) + rows * token_columns)


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
