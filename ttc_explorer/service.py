"""The one thread that works for everybody: people's runs share a driver, and pages wait for their news."""

from __future__ import annotations

from threading import Condition, Thread

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.run import Run


class Service:
    """Ticks ``driver`` on a background thread while there are runs. Call the methods from any thread.

    Nobody else may tick the driver. At most ``most_runs`` run at once. The thread starts with the first run.
    """

    def __init__(self, driver: Driver, most_runs: int = 16) -> None:
        self._driver = driver
        self._most_runs = most_runs
        self._news = Condition()
        self._closed = False
        self._thread = Thread(target=self._work, name="searches", daemon=True)

    def submit(self, run: Run, seconds: float | None = None) -> None:
        """Start a run, to be ended ``seconds`` from now at the latest. Raises BadInput, also when busy."""
        with self._news:
            if len(self._driver) >= self._most_runs:
                raise BadInput("All places are taken by other people's runs: try again in a moment.")
            self._driver.add(run, seconds)
            if not self._thread.ident:
                self._thread.start()
            self._news.notify_all()

    def cancel(self, run: Run) -> None:
        """Ask a run to end; it does so within a decode step, and keeps what its tree has."""
        self._driver.cancel(run)

    def wait(self, run: Run, seen_events: int, timeout: float) -> bool:
        """Block until the run's tree has more than ``seen_events`` events or the run has ended.

        Returns whether that is so; False when ``timeout`` seconds passed first.
        """
        with self._news:
            return self._news.wait_for(
                lambda: run.stopped is not None or len(run.tree.events) > seen_events, timeout
            )

    def close(self) -> None:
        """End the thread after the round it is in. Runs in progress stay as they are."""
        with self._news:
            self._closed = True
            self._news.notify_all()
        if self._thread.ident:
            self._thread.join()

    def _work(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._closed or len(self._driver))
                if self._closed:
                    return
            self._driver.tick()
            with self._news:
                self._news.notify_all()
