"""What pages ask to have runs done: submit, follow, cancel. Where the models compute, in a worker
process, here or on another machine's GPU, is for those who implement it to know."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from threading import Condition, RLock
from typing import Protocol

from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import check_run
from ttc_explorer.search.model_facts import ModelFacts
from ttc_explorer.search.run import Run
from ttc_explorer.serving.limits import Limits

log = logging.getLogger(__name__)

ALL_PLACES_TAKEN = (
    "All {runs} places are taken and {queue} more runs wait for one: try again in a moment."
)
VISITOR_FULL = (
    "You have {runs} runs in progress or waiting here, as many as one visitor may: stop one, or "
    "wait until one has ended."
)
NOT_STARTED = "The run could not be started ({kind}): nothing is wrong with what you asked."
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


def start_failure(error: Exception) -> str:
    """What to tell of a run that could not be started, in a sentence."""
    if isinstance(error, BadInput | ModelError):
        return str(error)
    log.error("a run could not be started", exc_info=error)
    return NOT_STARTED.format(kind=type(error).__name__)


@dataclass(frozen=True)
class QueuePlace:
    """Where a run waits: ``place`` in line, 1 for the next, and the ``seconds`` until it starts,
    expected from the runs that ended so far; None before any has."""

    place: int
    seconds: float | None

    def __str__(self) -> str:
        """In words.

        >>> print(QueuePlace(1, None), QueuePlace(3, 12.4), sep="; ")
        Waiting for a place: next in line; Waiting for a place: number 3 in line, about 12 s
        """
        line = "next in line" if self.place == 1 else f"number {self.place} in line"
        expected = "" if self.seconds is None else f", about {max(1, round(self.seconds))} s"
        return f"Waiting for a place: {line}{expected}"


class RunService(Protocol):
    """Runs of one set of models, for many visitors. Call the methods from any thread.

    Attributes:
        facts: What the models are and can do.
        totals: What was measured so far.
    """

    facts: ModelFacts
    totals: RunTotals

    def __len__(self) -> int:
        """How many runs are in progress."""
        ...

    def waiting(self) -> int:
        """How many runs wait for a place."""
        ...

    def submit(self, run: Run, seconds: float | None = None, visitor: str | None = None) -> None:
        """Start a run, or let it wait in line for a place.

        Args:
            run: Nobody has started it.
            seconds: When to end it at the latest, from its start.
            visitor: Whose run it is: places are shared out fairly among visitors. None for somebody
                who has no other.

        Raises:
            BadInput: It is impossible, or there are too many already.
        """
        ...

    def queue_place(self, run: Run) -> QueuePlace | None:
        """Where the run waits; None once it has started."""
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
        """Take no more runs, wait until those in progress or in line have ended, and close."""
        ...

    def close(self) -> None:
        """Take no more runs and end the background work. Runs in progress stay as they are."""
        ...


@dataclass(eq=False)
class Submission:
    """A run that was submitted and has not ended; ``changed`` wakes those who follow it."""

    run: Run
    seconds: float
    visitor: str
    order: int
    changed: Condition
    started: bool = field(default=False)


class RunServiceBase(ABC):
    """What all services do alike: admission within ``limits``, the queue, waiting, totals.

    A place that becomes free goes to the visitor who has the fewest runs in progress, and among
    those to who has waited longest.

    A subclass starts a run in ``_start`` and asks it to end in ``_cancel``; it calls ``_notify``
    when a run has new events, and ``_finish`` when one has ended. All four are called while
    ``_lock`` is held.
    """

    def __init__(self, facts: ModelFacts, limits: Limits | None = None) -> None:
        self.facts = facts
        self.totals = RunTotals()
        self._limits = limits or Limits()
        self._lock = RLock()
        self._state_changed = Condition(self._lock)
        self._submissions: dict[int, Submission] = {}  # by identity: two runs may be equal
        self._orders = count()
        self._draining = self._closed = False

    def __len__(self) -> int:
        with self._lock:
            return sum(each.started for each in self._submissions.values())

    def waiting(self) -> int:
        with self._lock:
            return sum(not each.started for each in self._submissions.values())

    def submit(self, run: Run, seconds: float | None = None, visitor: str | None = None) -> None:
        self._limits.check(run)
        check_run(run, self.facts)
        run.settings = self.facts.resolve_settings(run.strategy, run.settings)
        with self._lock:
            if self._draining:
                raise BadInput(MODELS_BEING_REPLACED)
            order = next(self._orders)
            submission = Submission(
                run,
                self._limits.allowed_seconds(seconds),
                visitor or f"run {order}",
                order,
                Condition(self._lock),
            )
            self._admit(submission.visitor)
            self._submissions[id(run)] = submission
            self._fill_places()

    def queue_place(self, run: Run) -> QueuePlace | None:
        with self._lock:
            submission = self._submissions.get(id(run))
            if submission is None or submission.started:
                return None
            waiting = self._line()
            place = waiting.index(submission) + 1
        totals = self.totals
        mean_seconds = totals.seconds / totals.runs if totals.runs else None
        return QueuePlace(place, mean_seconds and mean_seconds * place / self._limits.runs)

    def cancel(self, run: Run) -> None:
        with self._lock:
            submission = self._submissions.get(id(run))
            if submission is None:
                return
            if submission.started:
                self._cancel(run)
            else:
                run.stopped = "cancelled"
                self._forget(submission)

    def wait(self, run: Run, seen_events: int, timeout: float) -> bool:
        def is_news() -> bool:
            return run.stopped is not None or len(run.tree.events) > seen_events

        with self._lock:
            submission = self._submissions.get(id(run))
            if submission is None:
                return is_news()
            return submission.changed.wait_for(is_news, timeout)

    def drain_and_close(self) -> None:
        with self._lock:
            self._draining = True
            self._state_changed.wait_for(lambda: self._closed or not self._submissions)
        self.close()

    def close(self) -> None:
        with self._lock:
            self._draining = self._closed = True
            self._state_changed.notify_all()

    # --- what a subclass does ---------------------------------------------------------------------

    @abstractmethod
    def _start(self, run: Run, seconds: float) -> None:
        """Begin a run that has been admitted."""

    @abstractmethod
    def _cancel(self, run: Run) -> None:
        """Ask a run that has begun to end."""

    # --- what a subclass calls --------------------------------------------------------------------

    def _started_runs(self) -> list[Run]:
        return [each.run for each in self._submissions.values() if each.started]

    def _notify(self, run: Run) -> None:
        """Wake those who follow the run."""
        if submission := self._submissions.get(id(run)):
            submission.changed.notify_all()

    def _finish(self, run: Run) -> None:
        """The run has ended: its ``stopped`` is set."""
        if not run.touches:  # else the run was counted when its search ended
            self.totals.add_run(run)
        self._forget(self._submissions[id(run)])

    # --- the queue --------------------------------------------------------------------------------

    def _admit(self, visitor: str) -> None:
        """Raise BadInput if there is no room for one more run of this visitor."""
        limits, all_runs = self._limits, self._submissions.values()
        if len(all_runs) >= limits.runs + limits.queue:
            raise BadInput(ALL_PLACES_TAKEN.format(runs=limits.runs, queue=limits.queue))
        own = sum(each.visitor == visitor for each in all_runs)
        if own >= 2 * limits.runs_per_visitor:
            raise BadInput(VISITOR_FULL.format(runs=own))

    def _line(self) -> list[Submission]:
        """Those in line, in the order in which places will be given as runs stand now."""
        running = Counter(each.visitor for each in self._submissions.values() if each.started)
        in_line = [each for each in self._submissions.values() if not each.started]
        order: list[Submission] = []
        while in_line:
            following = min(in_line, key=lambda each: (running[each.visitor], each.order))
            running[following.visitor] += 1
            in_line.remove(following)
            order.append(following)
        return order

    def _fill_places(self) -> None:
        """Give free places to those in line."""
        running = Counter(each.visitor for each in self._submissions.values() if each.started)
        for submission in self._line():
            if running.total() >= self._limits.runs:
                return
            if running[submission.visitor] < self._limits.runs_per_visitor:
                running[submission.visitor] += 1
                submission.started = True
                try:
                    self._start(submission.run, submission.seconds)
                except Exception as error:
                    self._end_unstarted(submission, error)
                    self._fill_places()  # the place is free again
                    return
        self._state_changed.notify_all()

    def _end_unstarted(self, submission: Submission, error: Exception) -> None:
        """End a run that could not be started. Else it would hold its place for ever, and whoever
        gave it the place, which may be the thread that advances the others, would bear the
        fault."""
        run = submission.run
        run.error = start_failure(error)
        run.stopped = "cancelled"
        del self._submissions[id(run)]
        submission.changed.notify_all()

    def _forget(self, submission: Submission) -> None:
        del self._submissions[id(submission.run)]
        submission.changed.notify_all()
        self._fill_places()
        self._state_changed.notify_all()
