"""Who does the tasks of a sweep: this process, or several on this machine."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from ttc_explorer.experiments.jobs import Job, Task
from ttc_explorer.experiments.records import Rows
from ttc_explorer.experiments.worker import Setup, Worker
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput

log = logging.getLogger(__name__)

LOST = "A worker was ended from outside, perhaps for want of memory: go on with --resume and fewer workers."


class Workers(Protocol):
    """``about`` as Worker has it; ``do`` yields each task and its tables as soon as it is done, in any order.
    Both raise what a worker raises. ``close`` ends them at once."""

    def about(self, jobs: Sequence[Job]) -> dict[str, object]: ...

    def do(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, dict[str, Rows]]]: ...

    def close(self) -> None: ...


class Here:
    """One worker, in this process."""

    def __init__(self, setup: Setup) -> None:
        self._worker = Worker(setup)

    def about(self, jobs: Sequence[Job]) -> dict[str, object]:
        return self._worker.about(jobs)

    def do(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, dict[str, Rows]]]:
        for task in tasks:
            yield task, self._worker.do(task)

    def close(self) -> None:
        self._worker.close()


class Processes:
    """A worker in each of several processes. They end with us, even if we are killed: their line is cut."""

    def __init__(self, setup: Setup, count: int) -> None:
        context = get_context("spawn")
        self._lines: list[Connection] = []
        self._processes = []
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, setup), daemon=True)
            process.start()
            theirs.close()
            self._lines.append(ours)
            self._processes.append(process)

    def about(self, jobs: Sequence[Job]) -> dict[str, object]:
        _send(self._lines[0], "about", jobs)
        return _received(self._lines[0])

    def do(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, dict[str, Rows]]]:
        waiting = iter(tasks)
        busy: dict[Connection, Task] = {}

        def hand_out(line: Connection) -> None:
            task = next(waiting, None)
            if task is not None:
                _send(line, "do", task)
                busy[line] = task

        for line in self._lines:
            hand_out(line)
        while busy:
            for line in wait(list(busy)):
                task, tables = busy.pop(line), _received(line)
                hand_out(line)
                yield task, tables

    def close(self) -> None:
        for process in self._processes:
            process.terminate()
            process.join()


def _send(line: Connection, method: str, order: object) -> None:
    try:
        line.send((method, order))
    except (BrokenPipeError, ConnectionResetError):
        raise ModelError(LOST) from None


def _received(line: Connection) -> Any:
    try:
        reply = line.recv()
    except (EOFError, ConnectionResetError):
        raise ModelError(LOST) from None
    if isinstance(reply, Exception):
        raise reply
    return reply


def _serve(line: Connection, setup: Setup) -> None:
    """The life of a process: orders come in, results or exceptions go out, until the line is cut."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the one that started us
    worker = Worker(setup)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            method, order = line.recv()
            try:
                reply = getattr(worker, method)(order)
            except (BadInput, ModelError) as error:
                reply = error
            except Exception as error:
                log.error("a worker failed", exc_info=error)
                reply = RuntimeError(f"a worker failed: {error!r}")
            line.send(reply)
    worker.close()
