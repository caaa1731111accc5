"""How far long work is, on stderr: one line that renews itself on a terminal, a line a minute elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

MINUTE = 60.0


class Progress:
    """``show`` as often as you like; use it as a context manager, so that the line is cleared at the end."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal:
            self._write("\r\x1b[K")

    def show(self, line: str) -> None:
        """Say where the work stands, in one line."""
        if self._terminal:
            self._write(f"\r\x1b[K{line}")
        elif time.monotonic() - self._shown >= MINUTE:
            self._shown = time.monotonic()
            self._write(f"{line}\n")

    def _write(self, text: str) -> None:
        print(text, end="", file=sys.stderr, flush=True)


class Counted(Progress):
    """Progress of work in ``total`` parts, with the time left; ``since`` parts were done before."""

    def __init__(self, title: str, total: int, since: int = 0) -> None:
        super().__init__()
        self._title, self._total, self._since = title, total, since
        self._begun = time.monotonic()

    def done(self, parts: int, more: str = "") -> None:
        """Say that ``parts`` of the total are done, and ``more``."""
        each = (time.monotonic() - self._begun) / max(1, parts - self._since)
        left = each * (self._total - parts)
        if parts >= self._total:
            self.__exit__(None, None, None)
        else:
            self.show(f"{self._title}  {parts}/{self._total}  {more}  {left / MINUTE:.0f} min left")
