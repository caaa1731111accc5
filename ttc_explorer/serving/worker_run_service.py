"""Runs in worker processes: two cores are then two cores, a stuck page delays no search, a crash
costs its runs and no others, and memory goes back with the process that held it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from itertools import count
from threading import Thread
from typing import Protocol

from ttc_explorer.models.protocol import ModelError, StrategyChoice
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.delta import apply_delta, delta_from_data, request_to_data
from ttc_explorer.search.run import Run
from ttc_explorer.search.run_progress import progress_from_data
from ttc_explorer.serving.limits import Limits
from ttc_explorer.serving.run_service import RunServiceBase, start_failure
from ttc_explorer.serving.search_worker import Message
from ttc_explorer.serving.worker_process import WorkerProcess

log = logging.getLogger(__name__)

WORKER_LOST = (
    "The run was lost because the process that computes it ended unexpectedly, perhaps for want of "
    "memory. Another one is being started: try again, with a smaller budget."
)


class LearntChoices(Protocol):
    """What ``auto`` should follow at a budget, in each bin."""

    def choices(self, budget: int) -> Sequence[StrategyChoice]: ...


class WorkerRunService(RunServiceBase):
    """Sends each run to the worker that has the fewest, and lets it grow here as it grows there.

    Further workers are started when runs wait behind others, up to as many as are of use; one that
    ends unexpectedly is replaced.

    Args:
        worker: The first, which has loaded the models.
        limits: What visitors may ask for.
        learnt: What runs of ``auto`` follow; None for the shipped policy.
    """

    def __init__(
        self, worker: WorkerProcess, limits: Limits, learnt: LearntChoices | None = None
    ) -> None:
        super().__init__(worker.facts, limits)
        self._name = worker.name
        self._most_workers = worker.useful_workers
        self._learnt = learnt
        self._numbers = count()
        self._workers: dict[WorkerProcess, dict[int, Run]] = {}
        self._unsent: dict[int, tuple[Run, float]] = {}  # while no worker lives
        self._starting = False
        self._take_on(worker)

    def workers(self) -> list[WorkerProcess]:
        """Those that live."""
        with self._lock:
            return list(self._workers)

    def pids(self) -> list[int]:
        """Of the worker processes."""
        return [worker.pid for worker in self.workers()]

    def close(self) -> None:
        super().close()
        for worker in self.workers():
            worker.close()

    # --- runs -------------------------------------------------------------------------------------

    def _start(self, run: Run, seconds: float) -> None:
        self._send_run(next(self._numbers), run, seconds)

    def _send_run(self, number: int, run: Run, seconds: float) -> None:
        if not self._workers:
            self._unsent[number] = (run, seconds)
            self._start_another()
            return
        learnt = self._learnt if run.strategy == "auto" else None
        choices = learnt and [
            [choice.strategy, list(choice.settings)] for choice in learnt.choices(run.budget)
        ]
        request = {"run": number, "request": request_to_data(run), "choices": choices}
        worker = min(self._workers, key=lambda each: len(self._workers[each]))
        if self._workers[worker] and len(self._workers) < self._most_workers:
            self._start_another()
        self._workers[worker][number] = run
        worker.send(request | {"seconds": seconds})

    def _cancel(self, run: Run) -> None:
        for worker, runs in self._workers.items():
            for number, each in runs.items():
                if each is run:
                    worker.send({"cancel": number})
        for number, (each, _) in list(self._unsent.items()):
            if each is run:
                del self._unsent[number]
                self._end(run, None)

    def _grow(self, worker: WorkerProcess, message: Message) -> None:
        """A worker tells what is new in a run, or how far it is beyond that."""
        if "progress" in message:
            with self._lock:
                if run := self._workers[worker].get(message["run"]):
                    run.progress = progress_from_data(message["progress"])
            return
        delta = delta_from_data(message["delta"])
        with self._lock:
            run = self._workers[worker][message["run"]]
            apply_delta(run, delta)
            self._notify(run)
            if run.stopped is not None:
                del self._workers[worker][message["run"]]
                self._finish(run)

    def _end(self, run: Run, error: str | None) -> None:
        run.error = error
        run.stopped = "cancelled"
        self._finish(run)

    # --- workers ----------------------------------------------------------------------------------

    def _take_on(self, worker: WorkerProcess) -> None:
        with self._lock:
            self._starting = False
            if self._closed:
                Thread(target=worker.close, name="leaving", daemon=True).start()
                return
            self._workers[worker] = {}
            worker.follow(partial(self._grow, worker), partial(self._lose, worker))
            unsent, self._unsent = self._unsent, {}
            for number, (run, seconds) in unsent.items():
                try:
                    self._send_run(number, run, seconds)
                except Exception as error:
                    self._end(run, start_failure(error))

    def _lose(self, worker: WorkerProcess) -> None:
        """A worker has ended: its runs have, too, and another one takes its place."""
        with self._lock:
            lost = self._workers.pop(worker)
            if self._closed:
                return
            log.error("worker process %d ended unexpectedly", worker.pid)
            self._start_another()
            for run in lost.values():
                self._end(run, WORKER_LOST)

    def _start_another(self) -> None:
        """Start one more worker, in the background; one at a time."""
        if not self._starting:
            self._starting = True
            Thread(target=self._load_another, name="worker start", daemon=True).start()

    def _load_another(self) -> None:
        worker = WorkerProcess(self._name)
        try:
            worker.wait_until_loaded()
        except Exception as error:
            log.exception("a further worker process could not load the models")
            sentence = str(error) if isinstance(error, ModelError | BadInput) else WORKER_LOST
            with self._lock:
                self._starting = False
                unsent, self._unsent = self._unsent, {}
                for run, _ in unsent.values():
                    self._end(run, sentence)
            return
        self._take_on(worker)
