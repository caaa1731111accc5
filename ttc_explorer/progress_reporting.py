"""How far long work is, on stderr: one line that renews itself on a terminal, a line a minute
elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

MINUTE = 60.0


class Progress:
    """``show`` as often as you like; use it as a context manager, so that the line is cleared at
    the end."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last_printed = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._terminal:
            self._write("\r\x1b[K")

    def show(self, line: str) -> None:
        """Say where the work stands, in one line."""
        if self._terminal:
            self._write(f"\r\x1b[K{line}")
        elif time.monotonic() - self._last_printed >= MINUTE:
            self._last_printed = time.monotonic()
            self._write(f"{line}\n")

    def _write(self, text: str) -> None:
        print(text, end="", file=sys.stderr, flush=True)


class CountedProgress(Progress):
    """Progress of work in ``total`` parts, with the time left; ``already_done`` parts were done
    before."""

    def __init__(self, title: str, total: int, already_done: int = 0) -> None:
        super().__init__()
        self._title, self._total, self._already_done = title, total, already_done
        self._start_time = time.monotonic()

    def done(self, completed: int, detail: str = "") -> None:
        """Say that ``completed`` of the total are done, and ``detail``."""
        seconds_per_part = (time.monotonic() - self._start_time) / max(
            1, completed - self._already_done
        )
        seconds_left = seconds_per_part * (self._total - completed)
        if completed >= self._total:
            self.__exit__(None, None, None)
        else:
            self.show(
                f"{self._title}  {completed}/{self._total}  {detail}  {seconds_left / MINUTE:.0f} "
                "min left"
            )
