"""A process that runs searches: ``python -m ttc_explorer.serving.search_worker``, started by
``worker_process.py`` and by nobody else.

Messages are JSON, one a line. In come::

    {"load": name or null}                             before any run, once
    {"describe": name, "number": number}
    {"run": number, "request": …, "seconds": …, "choices": [[strategy, settings], …] or null}
    {"cancel": number}

and out go::

    {"loading": line}                                  any number of times
    {"loaded": facts, "workers": number}               or {"failed": kind, "sentence": …}
    {"run": number, "delta": …}                        until its delta has ``stopped``
    {"run": number, "progress": …}                     while a request of it takes long
    {"number": number, "described": description}       or {"number": …, "failed": …, "sentence": …}

``request`` and ``delta`` are those of ``search/delta.py``, ``progress`` is that of
``search/run_progress.py``, ``description`` of ``models/described_models.py``; ``choices`` what
``auto`` should follow at the run's budget, in each bin, as learnt so far. The process ends as soon
as its input does, so it outlives nobody.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Any

from ttc_explorer.models.protocol import (
    Generator,
    PolicyDecision,
    PolicyQuery,
    StrategyChoice,
    Verifier,
)
from ttc_explorer.search.delta import delta_since, delta_to_data, request_from_data
from ttc_explorer.search.driver import Driver, no_policy
from ttc_explorer.search.executor import PolicyFunction
from ttc_explorer.search.run import Run
from ttc_explorer.search.run_progress import progress_to_data
from ttc_explorer.serving.run_service import start_failure

log = logging.getLogger(__name__)

Message = dict[str, Any]
"""A line of JSON from or to a process of our own."""

UPDATE_SECONDS = 0.05
"""Least seconds between two deltas of a run while it is alone; many runs share them out."""
PROGRESS_INTERVAL = 0.5
"""Least seconds between two words on how far a run is while it is alone; many share them out."""
IDLE_SECONDS = 5.0
"""After so many seconds without a run, free memory is given back to the system."""
MEMORY_RESERVE = 2
"""Another worker is started only where this many more would fit."""


@dataclass
class FollowedRun:
    """A run in progress, how much of it was sent, and when the next delta may go out."""

    run: Run
    sent: int  # events that whoever asked has already
    due: float = 0.0


@dataclass
class ChoicesOfRuns:
    """A PolicySource: the shipped policy, with the choices that runs brought along, by budget."""

    choices: dict[int, tuple[StrategyChoice, ...]] = field(default_factory=dict)

    def decision_function(self, generator: Generator, verifier: Verifier | None) -> PolicyFunction:
        from ttc_explorer.asset_files import POLICY_FILE
        from ttc_explorer.experiments.compute_optimal_policy import load_policy

        policy = load_policy(POLICY_FILE)
        if policy is None or not policy.matches_models(generator, verifier):
            return no_policy

        def decide(query: PolicyQuery) -> PolicyDecision | None:
            decision = policy.decide(query)
            return replace(decision, choices=self.choices.get(query.budget, decision.choices))

        return decide


class SearchLoop:
    """Ticks a driver while there are runs, and sends what is new in them.

    Args:
        driver: Of the models that are loaded here.
        policy: Takes the choices that runs bring along.
        send: Sends a message to whoever asked.
    """

    def __init__(
        self, driver: Driver, policy: ChoicesOfRuns, send: Callable[[Message], None]
    ) -> None:
        self._driver = driver
        self._policy = policy
        self._send = send
        self._runs: dict[int, FollowedRun] = {}
        self._busy = Event()  # there are runs, or never will be any more
        self._ended = False
        self._sending = Lock()

    def run(self, inbox: SimpleQueue[Message | None]) -> None:
        """Do what the messages ask for, until None comes."""
        while True:
            for message in self._new_messages(inbox):
                if message is None:
                    self._ended = True
                    self._busy.set()
                    return
                self._handle(message)
            self._driver.tick()
            self._send_deltas()

    def cancel(self, number: int) -> None:
        """End a run at its next decode step; any thread may ask."""
        followed = self._runs.get(number)
        if followed is not None:
            self._driver.cancel(followed.run)

    def report_progress(self) -> None:
        """Tell how far runs are whose requests take long, in the midst of a tick, and what was held
        back of them before it; on a thread of its own, until ``run`` returns."""
        while self._busy.wait() and not self._ended:
            self._send_deltas()
            for number, followed in list(self._runs.items()):
                if progress := self._driver.progress(followed.run):
                    self._send({"run": number, "progress": progress_to_data(progress)})
            time.sleep(PROGRESS_INTERVAL * max(1, len(self._runs) / 4))

    def _new_messages(self, inbox: SimpleQueue[Message | None]) -> Iterable[Message | None]:
        """All that have come; waits for one while there is no run."""
        if not self._runs:
            yield self._next_message(inbox)
        while not inbox.empty():
            yield inbox.get()

    def _next_message(self, inbox: SimpleQueue[Message | None]) -> Message | None:
        try:
            return inbox.get(timeout=IDLE_SECONDS)
        except Empty:
            from ttc_explorer.serving.free_memory import release_free_memory

            release_free_memory()
            return inbox.get()

    def _handle(self, message: Message) -> None:
        if "cancel" in message:
            self.cancel(message["cancel"])
            return
        run = request_from_data(message["request"])
        if message["choices"]:
            self._policy.choices[run.budget] = tuple(
                StrategyChoice(strategy, tuple(map(tuple, settings)))
                for strategy, settings in message["choices"]
            )
        with self._sending:
            self._runs[message["run"]] = FollowedRun(run, len(run.tree.events))
            self._busy.set()
        try:
            self._driver.add(run, message["seconds"], is_watched=True)
        except Exception as error:
            run.error = start_failure(error)
            run.stopped = "cancelled"

    def _send_deltas(self) -> None:
        """What is new in each run: its first nodes and its end at once, the rest in turns."""
        with self._sending:
            now, interval = time.monotonic(), UPDATE_SECONDS * max(1, len(self._runs) / 4)
            for number, followed in list(self._runs.items()):
                run = followed.run
                new = len(run.tree.events) - followed.sent
                if run.stopped is None and (not new or now < followed.due):
                    continue
                delta = delta_since(run, followed.sent)
                followed.due = now + interval
                followed.sent += len(delta.events)
                self._send({"run": number, "delta": delta_to_data(delta)})
                if delta.stopped is not None:
                    del self._runs[number]
            if not self._runs:
                self._busy.clear()


def main() -> None:
    """Serve whoever started this process, on its standard input and output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for who started us
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no message
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    lock = Lock()

    def send(message: Message) -> None:
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        with lock:  # three threads send
            replies.write(line)
            replies.flush()

    inbox: SimpleQueue[Message | None] = SimpleQueue()
    loop: SearchLoop | None = None
    # One at a time, beside the searches: a server may take long to answer.
    descriptions = ThreadPoolExecutor(1, thread_name_prefix="descriptions")
    loading = Lock()  # it imports what describing does: one after the other

    def describe(message: Message) -> None:
        with loading:
            reply = _describe(message["describe"])
        send({"number": message["number"]} | reply)

    def read_requests() -> None:
        for line in requests:
            message = json.loads(line)
            if "describe" in message:
                descriptions.submit(describe, message)
                continue
            inbox.put(message)
            if loop is not None and "cancel" in message:
                loop.cancel(message["cancel"])  # in the midst of a tick
        os._exit(0)  # whoever asked has gone; nothing here is worth waiting for

    Thread(target=read_requests, name="requests", daemon=True).start()
    first = inbox.get()
    assert first is not None
    policy = ChoicesOfRuns()
    try:
        with loading:
            driver, loaded = _load(first["load"], policy, send)
    except Exception as error:
        send(_failure(error))
        return
    loop = SearchLoop(driver, policy, send)
    send(loaded)
    Thread(target=loop.report_progress, name="progress", daemon=True).start()
    loop.run(inbox)


def _load(
    name: str | None, policy: ChoicesOfRuns, send: Callable[[Message], None]
) -> tuple[Driver, Message]:
    """The driver of the models of a name, and what to say of them."""
    from ttc_explorer.serving.solver_loading import load_solver

    solver = load_solver(policy, name, lambda line: send({"loading": line}))
    return solver.driver(), {"loaded": solver.facts.to_data(), "workers": _useful_workers(solver)}


def _describe(name: str) -> Message:
    """What models of a name are, or why nobody can say."""
    try:
        from ttc_explorer.models.described_models import description_to_data
        from ttc_explorer.models.model_description import describe

        return {"described": description_to_data(describe(name))}
    except Exception as error:
        return _failure(error)


def _useful_workers(solver: Any) -> int:
    """How many processes like this one are of use on this machine: as many as compute at once
    beside the page, and as fit into the memory."""
    import torch

    from ttc_explorer.environment import read_environment
    from ttc_explorer.models.devices import best_device, free_memory

    chosen = read_environment().workers
    if chosen is not None:
        return chosen
    device = best_device()
    if device.type != "cpu" or solver.facts.capabilities is not None:
        return 1  # they would share the device, or the server
    beside_the_page = (os.cpu_count() or 1) - 1
    by_cores = max(1, beside_the_page // torch.get_num_threads())
    free = free_memory(device)
    return by_cores if free is None else min(by_cores, 1 + free // (MEMORY_RESERVE * _own_memory()))


def _own_memory() -> int:
    """The most memory that this process has held, in bytes."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _failure(error: Exception) -> Message:
    """What to say of models that cannot be had; only sentences of ours are told."""
    from ttc_explorer.models.protocol import InsufficientMemory, ModelError
    from ttc_explorer.problems.problem import BadInput

    for kind in (InsufficientMemory, ModelError, BadInput):
        if isinstance(error, kind):
            return {"failed": kind.__name__, "sentence": str(error)}
    log.error("models could not be loaded or described", exc_info=error)
    return {"failed": "", "sentence": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
