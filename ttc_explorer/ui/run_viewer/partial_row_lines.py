"""What the viewer is sent of rows that are being written: only what they grow by."""

from __future__ import annotations

from collections.abc import Sequence

from ttc_explorer.search.run_progress import PartialRow

Fields = list[str | float | bool | list[int] | list[list[int | bool | str]] | None]
"""Of a line of the stream (``stream.py``)."""


class PartialRowLines:
    """Remembers what was sent of them."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """An event came: whoever reads the stream has forgotten them, too."""
        self._begin([], are_cut=False)

    def _begin(self, parents: list[int], are_cut: bool) -> None:
        self._parents, self._are_cut = parents, are_cut
        self._seconds: float | None = None
        self._texts = [""] * len(parents)
        self._known = [(0, False)] * len(parents)

    def new_lines(
        self, rows: Sequence[PartialRow], seconds: float | None, are_cut: bool
    ) -> list[Fields]:
        """What is new.

        Args:
            rows: As they are now, with texts that may be shown.
            seconds: That the run has taken, None if its ledger says so.
            are_cut: Nobody will write their ends.
        """
        lines: list[Fields] = []
        parents = [row.parent for row in rows]
        if (
            parents != self._parents
            or (parents and are_cut != self._are_cut)
            or not all(
                row.text.startswith(text) for row, text in zip(rows, self._texts, strict=True)
            )
        ):
            self._begin(parents, are_cut)
            lines.append(["write", parents, are_cut])
        changes: list[list[int | bool | str]] = []
        for place, row in enumerate(rows):
            added, known = row.text[len(self._texts[place]) :], (row.tokens, row.ended)
            if added or known != self._known[place]:
                changes.append([place, *known, added])
                self._texts[place], self._known[place] = row.text, known
        clock = seconds if seconds is None else round(seconds, 1)
        if changes or clock != self._seconds:
            lines.append(["wrote", clock, changes])
        self._seconds = clock
        return lines
