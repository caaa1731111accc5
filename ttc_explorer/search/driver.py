"""Feeds searches from models: one run or many at once, their requests answered in large shared batches.

Each tick is one round of every run: one batch of steps, then one batch of scores. What becomes of a run does
not depend on its company: each row samples from its own random stream, and a run is charged for its own rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from ttc_explorer.models.protocol import Generator, Verifier
from ttc_explorer.problems.exam import Examine
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.live import Live
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import checked_budget
from ttc_explorer.search.strategies import check_verifier

Clock = Callable[[], float]

MAX_SEED = 2**63 - 1


def check(run: Run, verifier: Verifier | None) -> None:
    """Raise BadInput if the run cannot be started as it is described."""
    checked_budget(run.budget)
    if not 0 <= run.seed <= MAX_SEED:
        raise BadInput(f"The seed must be a whole number from 0 to {MAX_SEED}.")
    check_verifier(run.strategy, run.settings, present=verifier is not None)


class Driver:
    """``add`` runs, then ``tick`` until it returns False; a run has ended when its ``stopped`` is set.

    ``examine`` tells how to compare the answers of a problem: a run's equal answers are grouped under the
    spelling met first, and ``run.correct`` says which are right.
    ``add`` and ``cancel`` may be called from other threads than the one that ticks.

    When a model fails on a shared batch, it is asked again run by run, and only a run that fails alone ends:
    ``error`` is then one sentence, ``stopped`` is ``cancelled``, and its tree keeps what it has. What the
    failed call processed is unknown, and not charged.
    """

    def __init__(
        self,
        generator: Generator,
        verifier: Verifier | None,
        examine: Examine,
        clock: Clock = time.monotonic,
    ) -> None:
        self.generator = generator
        self.verifier = verifier
        self._examine = examine
        self._clock = clock
        self._runs: list[Live] = []

    def __len__(self) -> int:
        """How many runs are in progress."""
        return len(self._runs)

    def add(self, run: Run, seconds: float | None = None) -> None:
        """Take up a run, to be ended ``seconds`` from now at the latest. Raises BadInput."""
        check(run, self.verifier)
        judged = self.verifier is not None
        self._runs.append(Live(run, judged, self._examine(run.problem), self._clock, seconds))

    def cancel(self, run: Run) -> None:
        """End a run at its next decode step; its tree keeps what it has."""
        for live in list(self._runs):
            if live.run is run:
                live.cancelled = True

    def tick(self) -> bool:
        """One round of every run. Returns whether any is still in progress."""
        self._start([live for live in list(self._runs) if not live.started])
        _serve([(run, run.extend_jobs, run.take_steps) for run in self._running()], self.generator.extend)
        if self.verifier is not None:
            _serve([(run, run.score_jobs, run.take_scores) for run in self._running()], self.verifier.score)
        for live in list(self._runs):
            if not live.running():
                self._runs.remove(live)
        return bool(self._runs)

    def _running(self) -> list[Live]:
        return [live for live in list(self._runs) if live.running()]

    def _start(self, new: list[Live]) -> None:
        """Let the models read the questions of new runs."""

        def questions() -> list[tuple[Live, list[str]]]:
            return [(live, [live.run.problem.text]) for live in new if live.running()]

        _serve([(live, text, live.take_prompt) for live, text in questions()], self.generator.open)
        if self.verifier is not None:
            _serve([(live, text, live.take_question) for live, text in questions()], self.verifier.open)
        for live in new:
            if live.running():
                live.start()


def _serve(
    batch: Sequence[tuple[Live, list[Any], Callable[[list[Any]], None]]],
    work: Callable[[list[Any]], list[Any]],
) -> None:
    """Do the jobs of all runs in one call, and let each run take its own results.

    ``batch`` has, for each run: the run, its jobs, and the method that takes their results.
    """
    batch = [entry for entry in batch if entry[1]]
    if not batch:
        return
    try:
        results = iter(work([job for _, jobs, _ in batch for job in jobs]))
    except Exception as error:
        if len(batch) == 1:
            batch[0][0].fail(error)
        else:
            for entry in batch:
                _serve([entry], work)
        return
    for live, jobs, take in batch:
        try:
            take(list(islice(results, len(jobs))))
        except Exception as error:
            live.fail(error)


def solve(
    run: Run,
    generator: Generator,
    verifier: Verifier | None,
    examine: Examine,
    seconds: float | None = None,
) -> Run:
    """Drive one run to its end and return it. Raises BadInput; a model's failure is in ``run.error``."""
    driver = Driver(generator, verifier, examine)
    driver.add(run, seconds)
    while driver.tick():
        pass
    return run
