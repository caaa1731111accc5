"""How the process ends when it is told to: by Ctrl-C (SIGINT), by SIGTERM, or because nobody reads
its output any more."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


def raise_on_sigterm() -> None:
    """Let SIGTERM end the process as Ctrl-C does, by an exception in the main thread, so that every
    block is left in order; a second one ends it at once."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _raise_exit)


def _raise_exit(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise SystemExit(TERMINATED)


def exit_at_once(status: int) -> None:
    """End the process without waiting for its threads: one that is inside of torch while Python
    takes itself apart aborts the process ("terminate called without an active exception")."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(status)


def drop_output() -> None:
    """Write to nobody from now on: whoever read our output, such as ``head``, has left."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
