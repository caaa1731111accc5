"""How far long work is, on stderr: a bar or a status line on a terminal, a line a minute
elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn
from rich.progress import Progress as RichProgress

MINUTE = 60.0


class Progress:
    """A status line: ``show`` as often as you like, within a ``with`` that clears it at the end."""

    def __init__(self, total: int | None = None) -> None:
        columns: list[str | ProgressColumn] = [TextColumn("{task.description}", markup=False)]
        if total is not None:
            columns = [BarColumn(), MofNCompleteColumn(), *columns]
        self._terminal = sys.stderr.isatty()
        self._last_printed = time.monotonic()
        # Nothing is drawn before the first news: other processes of the same work stay silent.
        self._live = RichProgress(
            *columns, console=Console(stderr=True), transient=True, refresh_per_second=4
        )
        self._task = self._live.add_task("", total=total)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._terminal:
            self._live.stop()

    def show(self, line: str) -> None:
        """Say where the work stands, in one line."""
        self._report(line, line)

    def _report(self, description: str, line: str, completed: int = 0) -> None:
        """``description`` on a terminal, beside a bar where there is a total; else ``line``."""
        if self._terminal:
            self._live.start()
            self._live.update(self._task, description=description, completed=completed)
        elif time.monotonic() - self._last_printed >= MINUTE:
            self._last_printed = time.monotonic()
            print(line, file=sys.stderr, flush=True)


class CountedProgress(Progress):
    """Progress of work in ``total`` parts, with the time left; ``already_done`` parts were done
    before."""

    def __init__(self, title: str, total: int, already_done: int = 0) -> None:
        super().__init__(total)
        self._title, self._total, self._already_done = title, total, already_done
        self._start_time = time.monotonic()

    def done(self, completed: int, detail: str = "") -> None:
        """Say that ``completed`` of the total are done, and ``detail``."""
        new = max(1, completed - self._already_done)
        seconds_a_part = (time.monotonic() - self._start_time) / new
        minutes_left = seconds_a_part * (self._total - completed) / MINUTE
        rest = f"{detail}  {minutes_left:.0f} min left"
        self._report(
            f"{self._title}  {rest}",
            f"{self._title}  {completed}/{self._total}  {rest}",
            completed,
        )
