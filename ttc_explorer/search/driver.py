"""Feeds searches from models: one run or many at once, their requests answered in large shared
batches.

Each tick is one round of every run: one batch of steps, then one batch of scores. What becomes of a
run does not depend on its company: each row samples from its own random stream, and a run is
charged for its own rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from ttc_explorer.models.protocol import (
    Generator,
    PolicyDecision,
    PolicyQuery,
    Reviser,
    RevisionVerifier,
    Verifier,
)
from ttc_explorer.problems.answer_checker import CheckerFactory
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.executor import RunExecutor
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import parse_budget
from ttc_explorer.search.strategy import check_verifier, unavailable_reason

Clock = Callable[[], float]
PolicyFunction = Callable[[PolicyQuery], PolicyDecision | None]

MAX_SEED = 2**63 - 1


def no_policy(query: PolicyQuery) -> None:
    """The decision where no policy has been measured."""


def check_run(
    run: Run, generator: Generator, verifier: Verifier | None, reviser: Reviser | None
) -> None:
    """Raise BadInput if the run cannot be started as it is described."""
    parse_budget(run.budget)
    if not 0 <= run.seed <= MAX_SEED:
        raise BadInput(f"The seed must be a whole number from 0 to {MAX_SEED}.")
    check_verifier(run.strategy, run.settings, present=verifier is not None)
    if reason := unavailable_reason(
        run.strategy,
        generator.supports_prefix_continuation,
        verifier is not None,
        reviser is not None,
    ):
        raise BadInput(reason)


class Driver:
    """``add`` runs, then ``tick`` until it returns False; a run has ended when its ``stopped`` is
    set.

    ``make_checker`` makes the answer checker of a problem: a run's equal answers are grouped under
    the form met first, and ``run.correct`` says which are right. Revisions are written by
    ``reviser`` and scored by ``revision_verifier``, or else by ``verifier``; ``decide`` answers for
    the measured policy. ``add`` and ``cancel`` may be called from other threads than the one that
    ticks.

    When a model fails on a shared batch, it is asked again run by run, and only a run that fails
    alone ends: ``error`` is then one sentence, ``stopped`` is ``cancelled``, and its tree keeps
    what it has. What the failed call processed is unknown, and not charged.
    """

    def __init__(
        self,
        generator: Generator,
        verifier: Verifier | None,
        make_checker: CheckerFactory,
        clock: Clock = time.monotonic,
        reviser: Reviser | None = None,
        revision_verifier: RevisionVerifier | None = None,
        decide: PolicyFunction = no_policy,
    ) -> None:
        self.generator = generator
        self.verifier = verifier
        self.reviser = reviser
        self.revision_verifier = revision_verifier
        self._make_checker = make_checker
        self._clock = clock
        self._decide = decide
        self._runs: list[RunExecutor] = []
        # In the order in which a run passes the stages (``executor.py``); a model that does the
        # same work for two of them does it in one batch.
        self._stages_by_call: dict[tuple[Any, str], list[str]] = {}
        for stage, model, method in (
            ("prompts", generator, "prefill"),
            ("chains", reviser, "prefill_revisions"),
            ("steps", generator, "extend"),
            ("lines", reviser, "extend"),
            ("questions", verifier, "prefill"),
            ("histories", revision_verifier, "prefill_revisions"),
            ("scores", verifier, "score"),
            ("judgements", revision_verifier, "score"),
        ):
            self._stages_by_call.setdefault((model, method), []).append(stage)

    def __len__(self) -> int:
        """How many runs are in progress."""
        return len(self._runs)

    def add(self, run: Run, seconds: float | None = None) -> None:
        """Take up a run, to be ended ``seconds`` from now at the latest. Raises BadInput."""
        check_run(run, self.generator, self.verifier, self.reviser)
        executor = RunExecutor(
            run,
            self.verifier is not None,
            self.revision_verifier is not None,
            self.reviser.name if self.reviser is not None else None,
            self._make_checker(run.problem),
            self._decide,
            self._clock,
            seconds,
        )
        self._runs.append(executor)

    def cancel(self, run: Run) -> None:
        """End a run at its next decode step; its tree keeps what it has."""
        for executor in list(self._runs):
            if executor.run is run:
                executor.cancelled = True

    def tick(self) -> bool:
        """One round of every run: each stage runs one batch for all runs that wait in it. Returns
        whether any goes on."""
        for executor in list(self._runs):
            if not executor.started and executor.running():
                executor.start()
        for (model, method), stages in self._stages_by_call.items():
            waiting_executors = [
                executor
                for executor in list(self._runs)
                if executor.stage in stages and executor.running()
            ]
            _run_batch(waiting_executors, model, method)
        for executor in list(self._runs):
            if not executor.running():
                self._runs.remove(executor)
        return bool(self._runs)


def _run_batch(waiting_executors: Sequence[RunExecutor], model: Any, method: str) -> None:
    """Let the model do the jobs of all these runs in one call, and each run take its own
    results."""
    if not waiting_executors:
        return
    counts = [len(executor.jobs) for executor in waiting_executors]
    try:
        results = iter(
            getattr(model, method)([job for executor in waiting_executors for job in executor.jobs])
        )
    except Exception as error:
        if len(waiting_executors) == 1:
            waiting_executors[0].fail(error)
        else:
            for executor in waiting_executors:
                _run_batch([executor], model, method)
        return
    for executor, count in zip(waiting_executors, counts, strict=True):
        try:
            executor.on_results(list(islice(results, count)))
        except Exception as error:
            executor.fail(error)
