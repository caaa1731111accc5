"""How far a run is between two events of its tree: what is being written, and what it waits for.

It is no part of the run's record, and nothing of the search depends on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ttc_explorer.models.protocol import ProgressCallback, RowProgress


@dataclass(frozen=True)
class PartialRow:
    """A step, or an attempt, of which the end is missing: after ``parent`` follow the ``text`` and
    its ``tokens`` so far. ``ended``: it has its end, and waits for the other rows."""

    parent: int
    text: str
    tokens: int
    ended: bool = False


@dataclass(frozen=True)
class RunProgress:
    """How far a run is when its tree has so many ``events``: the ``seconds`` that it has taken, the
    ``rows`` that are being written, in the order in which they were asked for, and why a server
    lets it wait (``waiting``: a sentence, or empty)."""

    events: int
    seconds: float
    rows: tuple[PartialRow, ...] = ()
    waiting: str = ""

    @property
    def tokens(self) -> int:
        """Of all rows so far."""
        return sum(row.tokens for row in self.rows)


class PartialRows:
    """What the rows of one request have written so far. Models tell it from any thread, and any
    thread may look."""

    def __init__(self) -> None:
        self._rows: list[PartialRow | None] = []

    def begin(self, count: int) -> None:
        """So many rows begin."""
        self._rows = [None] * count

    def end(self) -> None:
        """What was written is whole, or nobody writes any more."""
        self._rows = []

    def callback(
        self, place: int, parent: int, lines: Sequence[str], tokens: int, reread: int = 0
    ) -> ProgressCallback:
        """What a row tells how far it is.

        Args:
            place: Of the row.
            parent: The node that it goes on from.
            lines: Its lines before the one that is decoded now.
            tokens: Those of these lines.
            reread: Lines that it only reads again: they are none of its own.
        """
        rows, before = self._rows, list(lines)

        def on_progress(progress: RowProgress) -> None:
            line = progress.text.split("\n", reread)[-1]
            text = "\n".join([*before, line])
            rows[place] = PartialRow(parent, text, tokens + progress.tokens, progress.ended)

        return on_progress

    def current(self) -> tuple[PartialRow, ...]:
        """Those of which anything is known."""
        return tuple(row for row in self._rows if row is not None)


def progress_to_data(progress: RunProgress) -> dict[str, Any]:
    """As JSON has it."""
    return vars(progress) | {"rows": rows_to_data(progress.rows)}


def progress_from_data(data: dict[str, Any]) -> RunProgress:
    """From ``progress_to_data``, by a process of our own."""
    return RunProgress(**data | {"rows": rows_from_data(data["rows"])})


def rows_to_data(rows: Sequence[PartialRow]) -> list[list[Any]]:
    """Rows as JSON has them."""
    return [list(vars(row).values()) for row in rows]


def rows_from_data(data: Sequence[Sequence[Any]]) -> tuple[PartialRow, ...]:
    """From ``rows_to_data``, by a process of our own."""
    return tuple(PartialRow(*row) for row in data)
