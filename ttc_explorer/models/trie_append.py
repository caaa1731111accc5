"""Texts that are read after sequences of the KV cache, as the trie that they are: what several of
them begin with is read once, and the sequences that they follow are copied once.

(The tokens of related texts stand in one slot under a mask, as in SpecInfer, arXiv 2305.09781.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ttc_explorer.models.kv_cache import (
    ColumnMove,
    KVBlock,
    KVRow,
    TokenPlaces,
    common_length,
    round_up_width,
)

if TYPE_CHECKING:
    from ttc_explorer.models.backbone import Backbone

READ_SLOT_COLUMNS = 2
"""A slot holds at most so many times the tokens of its longest sequence: every token that is read
is multiplied with all of them."""


class Appended(NamedTuple):
    """A longer sequence, the head's output (outputs,) at its last token, and how many tokens were
    read for it."""

    row: KVRow
    output: Tensor | None
    computed: int


class _Member(NamedTuple):
    """A text in a slot.

    Attributes:
        text: Its place among the texts.
        ids: (length,), all that stands before it, and the text.
        columns: (length,), of each token; token number k of those that the slot reads is -1 - k.
        first_read: How many tokens of ``ids`` stand in the slot before it is read.
    """

    text: int
    ids: np.ndarray
    columns: np.ndarray
    first_read: int


class TrieSlot:
    """Texts that share a slot of a block, and what is copied into it and read for them."""

    def __init__(self) -> None:
        self.members: list[_Member] = []
        self.copies: list[tuple[KVRow, np.ndarray, int]] = []  # a row, its columns, the first here
        self.copied = 0
        self.ids: list[int] = []  # of the tokens to read, and their numbers in their sequences
        self.positions: list[int] = []
        self._longest = 0

    def shared_length(self, ids: np.ndarray) -> int:
        """How many tokens at the beginning of a sequence are in the slot; 0 if it had better have
        another slot. Sequences come in the order of their bytes."""
        if not self.members:
            return 0
        shared = common_length(self.members[-1].ids, ids)
        columns = self.copied + len(self.ids) + len(ids) - shared
        fits = columns <= READ_SLOT_COLUMNS * max(self._longest, len(ids))
        return shared if fits and 2 * shared >= len(ids) else 0

    def add(self, text: int, ids: np.ndarray, row: KVRow, shared: int) -> None:
        """Add text number ``text``, which is all of ``ids`` that does not stand in ``row``;
        ``shared`` tokens are in the slot."""
        first_read = max(row.length, shared)
        copied, read = first_read - shared, len(ids) - first_read
        if copied:
            self.copies.append((row, row.all_columns()[shared:], self.copied))
        columns = np.concatenate(
            [
                self.members[-1].columns[:shared] if shared else np.zeros(0, dtype=np.int64),
                np.arange(self.copied, self.copied + copied),
                -1 - np.arange(len(self.ids), len(self.ids) + read),
            ]
        )
        self.members.append(_Member(text, ids, columns, first_read))
        self.copied += copied
        self.ids += ids[first_read:].tolist()
        self.positions += range(first_read, len(ids))
        self._longest = max(self._longest, len(ids))


def plan_slots(rows: Sequence[KVRow], texts: Sequence[Sequence[int]]) -> list[TrieSlot]:
    """Slots for all texts: those that share at least half of what they and their prefixes are stand
    together."""
    sequences = [
        np.concatenate([row.ids, np.array(text, dtype=np.int64)])
        for row, text in zip(rows, texts, strict=True)
    ]
    slots: list[TrieSlot] = []
    for index in sorted(range(len(sequences)), key=lambda index: sequences[index].tobytes()):
        ids = sequences[index]
        shared = slots[-1].shared_length(ids) if slots else 0
        if not shared:
            slots.append(TrieSlot())
        slots[-1].add(index, ids, rows[index], shared)
    return slots


def read_slots(
    backbone: Backbone, slots: Sequence[TrieSlot], predict: bool
) -> list[dict[int, Appended]]:
    """Read the texts of the slots in one pass. Returns what came of each text of each slot, by its
    place among the texts; ``computed`` tells the tokens that the texts before it did not have."""
    first, height = max(slot.copied for slot in slots), max(len(slot.ids) for slot in slots)
    block = KVBlock(len(slots), first + height)
    _copy_prefixes(block, slots)

    ids, positions = np.zeros((2, len(slots), height), dtype=np.int64)
    masked = np.ones((len(slots), height, round_up_width(first + height)), dtype=bool)
    # Padding sees itself, since nothing is worth no number at all.
    masked[:, np.arange(height), first + np.arange(height)] = False
    rows: list[list[KVRow]] = []
    for number, slot in enumerate(slots):
        ids[number, : len(slot.ids)] = slot.ids
        positions[number, : len(slot.ids)] = slot.positions
        rows.append([])
        for member in slot.members:
            columns = np.where(member.columns < 0, first - 1 - member.columns, member.columns)
            rows[-1].append(KVRow(block, number, member.ids, columns))
            read = columns[member.first_read :]
            lines = (read - first)[:, None]
            masked[number, lines, columns[: member.first_read]] = False
            masked[number, lines, read] = np.triu(np.ones((len(read), len(read)), dtype=bool), 1)

    device = backbone.device
    places = TokenPlaces(
        torch.from_numpy(positions).to(device),
        slice(first, first + height),
        torch.from_numpy(masked).to(device),
        follow=False,
    )
    out = backbone.read(torch.from_numpy(ids).to(device), places, block, predict)
    return [
        {
            member.text: Appended(
                row,
                None if out is None else out[number, int(row.all_columns()[-1]) - first],
                row.length - member.first_read,
            )
            for member, row in zip(slot.members, in_slot, strict=True)
        }
        for number, (slot, in_slot) in enumerate(zip(slots, rows, strict=True))
    ]


def _copy_prefixes(block: KVBlock, slots: Sequence[TrieSlot]) -> None:
    """Put what the texts follow into the first columns of their slots."""
    moves: dict[int, tuple[KVBlock, list[ColumnMove]]] = {}
    for number, slot in enumerate(slots):
        for row, columns, first in slot.copies:
            _, of_block = moves.setdefault(id(row.block), (row.block, []))
            of_block.append(ColumnMove(row.slot, columns, number, first))
    for source, of_block in moves.values():
        block.copy_columns(source, of_block)
