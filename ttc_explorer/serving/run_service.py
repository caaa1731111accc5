"""The background thread that advances all runs: they share a driver, and pages wait for their
events."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Condition, Thread

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.run import Run
from ttc_explorer.serving.limits import Limits

ALL_SLOTS_TAKEN = "All places are taken by other people's runs: try again in a moment."
MODELS_BEING_REPLACED = "The models are being exchanged for others: try again in a moment."


@dataclass
class RunTotals:
    """What was measured here: ``runs`` that ended, the ``tokens`` that they wrote, their
    ``seconds`` added up, and the most ``memory`` that an accelerator held meanwhile, in bytes (0:
    not known)."""

    runs: int = 0
    tokens: int = 0
    seconds: float = 0.0
    memory: int = 0

    def add_run(self, run: Run) -> None:
        self.runs += 1
        self.tokens += run.ledger.generated_tokens
        self.seconds += run.ledger.seconds
        self.memory = max(self.memory, run.ledger.peak_memory)


class RunService:
    """Ticks ``driver`` on a background thread while there are runs. Call the methods from any
    thread.

    Nobody else may tick the driver. What a run may be, and how many at once, is in ``limits``. The
    thread starts with the first run.
    """

    def __init__(self, driver: Driver, limits: Limits | None = None) -> None:
        self._driver = driver
        self._limits = limits or Limits()
        self._changed = Condition()
        self._active_runs: list[Run] = []
        self._draining = self._closed = False
        self._thread = Thread(target=self._run_loop, name="searches", daemon=True)
        self.totals = RunTotals()

    def __len__(self) -> int:
        """How many runs are in progress."""
        return len(self._driver)

    def submit(self, run: Run, seconds: float | None = None) -> None:
        """Start a run, to be ended ``seconds`` from now at the latest. Raises BadInput, also when
        busy."""
        self._limits.check(run)
        with self._changed:
            if self._draining:
                raise BadInput(MODELS_BEING_REPLACED)
            if len(self._driver) >= self._limits.runs:
                raise BadInput(ALL_SLOTS_TAKEN)
            self._driver.add(run, self._limits.allowed_seconds(seconds))
            self._active_runs.append(run)
            if not self._thread.ident:
                self._thread.start()
            self._changed.notify_all()

    def cancel(self, run: Run) -> None:
        """Ask a run to end; it does so within a decode step, and keeps what its tree has."""
        self._driver.cancel(run)

    def wait(self, run: Run, seen_events: int, timeout: float) -> bool:
        """Block until the run's tree has more than ``seen_events`` events or the run has ended.

        Returns whether that is so; False when ``timeout`` seconds passed first.
        """
        with self._changed:
            return self._changed.wait_for(
                lambda: run.stopped is not None or len(run.tree.events) > seen_events, timeout
            )

    def drain_and_close(self) -> None:
        """Take no more runs, wait until those in progress have ended, and end the thread."""
        with self._changed:
            self._draining = True
            self._changed.wait_for(lambda: self._closed or not len(self._driver))
        self.close()

    def close(self) -> None:
        """End the thread after the round it is in. Runs in progress stay as they are."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread.ident:
            self._thread.join()

    def _run_loop(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or len(self._driver))
                if self._closed:
                    return
            self._driver.tick()
            with self._changed:
                for run in [run for run in self._active_runs if run.stopped is not None]:
                    self._active_runs.remove(run)
                    self.totals.add_run(run)
                self._changed.notify_all()
