"""Looks at runs while they are driven: a long step, or a server that lets them wait, ends no round
that would tell of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from ttc_explorer.search.driver import Driver
from ttc_explorer.search.run import Run

WATCH_SECONDS = 1.0
"""Seconds between two looks."""


@contextmanager
def watch_progress(
    driver: Driver,
    runs: Sequence[Run],
    on_progress: Callable[[], None],
    interval: float = WATCH_SECONDS,
) -> Iterator[None]:
    """Keep ``Run.progress`` of the runs up to date within the block, on a thread of its own.

    Args:
        driver: Has taken up the runs, as watched ones.
        runs: To look at.
        on_progress: Called after each look, on that thread.
        interval: Seconds between two looks.
    """
    ended = Event()

    def watch() -> None:
        while not ended.wait(interval):
            for run in runs:
                run.progress = driver.progress(run)
            on_progress()

    thread = Thread(target=watch, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
