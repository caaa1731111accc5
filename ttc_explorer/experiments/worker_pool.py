"""Executors of a sweep's tasks: this process, or several on this machine."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from ttc_explorer.experiments.result_rows import Rows
from ttc_explorer.experiments.sweep_jobs import SweepJob, SweepTask
from ttc_explorer.experiments.sweep_worker import SweepWorker, WorkerSetup
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput

log = logging.getLogger(__name__)

WORKER_LOST = (
    "A worker was ended from outside, perhaps for want of memory: go on with --resume "
    "and fewer workers."
)


class WorkerPool(Protocol):
    """``about`` as SweepWorker has it; ``execute`` yields each task and its tables as soon as it is
    done, in any order. Both raise what a worker raises. ``close`` ends them at once."""

    def about(self, jobs: Sequence[SweepJob]) -> dict[str, object]: ...

    def execute(
        self, tasks: Iterable[SweepTask]
    ) -> Iterator[tuple[SweepTask, dict[str, Rows]]]: ...

    def close(self) -> None: ...


class InProcessPool:
    """One worker, in this process."""

    def __init__(self, setup: WorkerSetup) -> None:
        self._worker = SweepWorker(setup)

    def about(self, jobs: Sequence[SweepJob]) -> dict[str, object]:
        return self._worker.about(jobs)

    def execute(self, tasks: Iterable[SweepTask]) -> Iterator[tuple[SweepTask, dict[str, Rows]]]:
        for task in tasks:
            yield task, self._worker.execute(task)

    def close(self) -> None:
        self._worker.close()


class ProcessPool:
    """A worker in each of several processes. They end with us, even if we are killed: their pipe is
    closed."""

    def __init__(self, setup: WorkerSetup, count: int) -> None:
        context = get_context("spawn")
        self._pipes: list[Connection] = []
        self._processes = []
        for _ in range(count):
            parent_end, child_end = context.Pipe()
            process = context.Process(target=_worker_loop, args=(child_end, setup), daemon=True)
            process.start()
            child_end.close()
            self._pipes.append(parent_end)
            self._processes.append(process)

    def about(self, jobs: Sequence[SweepJob]) -> dict[str, object]:
        _send_request(self._pipes[0], "about", jobs)
        found: dict[str, object] = _receive_reply(self._pipes[0])
        return found

    def execute(self, tasks: Iterable[SweepTask]) -> Iterator[tuple[SweepTask, dict[str, Rows]]]:
        pending = iter(tasks)
        in_flight: dict[Connection, SweepTask] = {}

        def dispatch(pipe: Connection) -> None:
            task = next(pending, None)
            if task is not None:
                _send_request(pipe, "execute", task)
                in_flight[pipe] = task

        for pipe in self._pipes:
            dispatch(pipe)
        while in_flight:
            ready = wait(list(in_flight))
            for pipe in [each for each in in_flight if each in ready]:
                task, tables = in_flight.pop(pipe), _receive_reply(pipe)
                dispatch(pipe)
                yield task, tables

    def close(self) -> None:
        for process in self._processes:
            process.terminate()
            process.join()


def _send_request(pipe: Connection, method: str, argument: object) -> None:
    try:
        pipe.send((method, argument))
    except (BrokenPipeError, ConnectionResetError):
        raise ModelError(WORKER_LOST) from None


def _receive_reply(pipe: Connection) -> Any:
    try:
        reply = pipe.recv()
    except (EOFError, ConnectionResetError):
        raise ModelError(WORKER_LOST) from None
    if isinstance(reply, Exception):
        raise reply
    return reply


def _worker_loop(pipe: Connection, setup: WorkerSetup) -> None:
    """The loop of a worker process: requests come in, results or exceptions go out, until the pipe
    is closed."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # the terminal's Ctrl-C is for the one that started us
    worker = SweepWorker(setup)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            method, argument = pipe.recv()
            try:
                reply = getattr(worker, method)(argument)
            except (BadInput, ModelError) as error:
                reply = error
            except Exception as error:
                log.error("a worker failed", exc_info=error)
                reply = RuntimeError(f"a worker failed: {error!r}")
            pipe.send(reply)
    worker.close()
