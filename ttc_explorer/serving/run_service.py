"""What pages ask to have runs done: submit, follow, cancel. Where the models compute, here or on
another machine's GPU, is for those who implement it to know."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from threading import Condition
from typing import Protocol

from ttc_explorer.problems.problem import BadInput
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


class RunService(Protocol):
    """Runs of one set of models, for many visitors. Call the methods from any thread."""

    totals: RunTotals

    def __len__(self) -> int:
        """How many runs are in progress."""
        ...

    def submit(self, run: Run, seconds: float | None = None) -> None:
        """Start a run, to be ended ``seconds`` from now at the latest. Raises BadInput, also when
        busy."""
        ...

    def cancel(self, run: Run) -> None:
        """Ask a run to end; it does so within a decode step, and keeps what its tree has."""
        ...

    def wait(self, run: Run, seen_events: int, timeout: float) -> bool:
        """Block until the run's tree has more than ``seen_events`` events or the run has ended.

        Returns whether that is so; False when ``timeout`` seconds passed first.
        """
        ...

    def drain_and_close(self) -> None:
        """Take no more runs, wait until those in progress have ended, and close."""
        ...

    def close(self) -> None:
        """Take no more runs and end the background work. Runs in progress stay as they are."""
        ...


class RunServiceBase(ABC):
    """What all services do alike: admission within ``limits``, waiting, totals.

    A subclass starts a run in ``_start``, calls ``_notify`` whenever runs have new events, and
    ``_finish`` when one has ended. Both are to be called while ``_changed`` is held.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.totals = RunTotals()
        self._limits = limits or Limits()
        self._changed = Condition()
        self._active_runs: dict[int, Run] = {}  # by identity: two runs may be equal
        self._draining = self._closed = False

    def __len__(self) -> int:
        return len(self._active_runs)

    def submit(self, run: Run, seconds: float | None = None) -> None:
        self._limits.check(run)
        with self._changed:
            if self._draining:
                raise BadInput(MODELS_BEING_REPLACED)
            if len(self._active_runs) >= self._limits.runs:
                raise BadInput(ALL_SLOTS_TAKEN)
            self._start(run, self._limits.allowed_seconds(seconds))
            self._active_runs[id(run)] = run
            self._changed.notify_all()

    @abstractmethod
    def _start(self, run: Run, seconds: float) -> None:
        """Begin a run that has been admitted. Raises BadInput if it is impossible."""

    @abstractmethod
    def cancel(self, run: Run) -> None:
        """As RunService has it."""

    def wait(self, run: Run, seen_events: int, timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(
                lambda: run.stopped is not None or len(run.tree.events) > seen_events, timeout
            )

    def drain_and_close(self) -> None:
        with self._changed:
            self._draining = True
            self._changed.wait_for(lambda: self._closed or not self._active_runs)
        self.close()

    def close(self) -> None:
        with self._changed:
            self._draining = self._closed = True
            self._changed.notify_all()

    def _notify(self) -> None:
        self._changed.notify_all()

    def _finish(self, run: Run) -> None:
        del self._active_runs[id(run)]
        self.totals.add_run(run)
        self._changed.notify_all()
