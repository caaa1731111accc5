"""The one thread that works for everybody: people's runs share a driver, and pages wait for their news."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Condition, Thread

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.public import Rules
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.run import Run

FULL = "All places are taken by other people's runs: try again in a moment."
LEAVING = "The models are being exchanged for others: try again in a moment."


@dataclass
class Tally:
    """What was measured here: ``runs`` that ended, the ``tokens`` that they wrote, their ``seconds`` added
    up, and the most ``memory`` that an accelerator held meanwhile, in bytes (0: not known)."""

    runs: int = 0
    tokens: int = 0
    seconds: float = 0.0
    memory: int = 0

    def count(self, run: Run) -> None:
        self.runs += 1
        self.tokens += run.ledger.generated_tokens
        self.seconds += run.ledger.seconds
        self.memory = max(self.memory, run.ledger.peak_memory)


class Service:
    """Ticks ``driver`` on a background thread while there are runs. Call the methods from any thread.

    Nobody else may tick the driver. What a run may be, and how many at once, is in ``rules``. The thread
    starts with the first run.
    """

    def __init__(self, driver: Driver, rules: Rules | None = None) -> None:
        self._driver = driver
        self._rules = rules or Rules()
        self._news = Condition()
        self._going: list[Run] = []
        self._leaving = self._closed = False
        self._thread = Thread(target=self._work, name="searches", daemon=True)
        self.tally = Tally()

    def __len__(self) -> int:
        """How many runs are in progress."""
        return len(self._driver)

    def submit(self, run: Run, seconds: float | None = None) -> None:
        """Start a run, to be ended ``seconds`` from now at the latest. Raises BadInput, also when busy."""
        self._rules.check(run)
        with self._news:
            if self._leaving:
                raise BadInput(LEAVING)
            if len(self._driver) >= self._rules.runs:
                raise BadInput(FULL)
            self._driver.add(run, self._rules.time(seconds))
            self._going.append(run)
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

    def leave(self) -> None:
        """Take no more runs, wait until those in progress have ended, and end the thread."""
        with self._news:
            self._leaving = True
            self._news.wait_for(lambda: self._closed or not len(self._driver))
        self.close()

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
                for run in [run for run in self._going if run.stopped is not None]:
                    self._going.remove(run)
                    self.tally.count(run)
                self._news.notify_all()
