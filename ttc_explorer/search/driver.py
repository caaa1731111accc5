"""Feeds searches from models: one run or many at once, their requests answered in large shared
batches.

Each tick is one round of every run: one batch of steps, then one batch of scores. What becomes of a
run does not depend on its company: each row samples from its own random stream, and a run is
charged for its own rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import chain, islice

from ttc_explorer.models.protocol import (
    Generator,
    PolicyQuery,
    Reviser,
    RevisionVerifier,
    Verifier,
)
from ttc_explorer.problems.answer_checker import CheckerFactory
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.executor import PolicyFunction, RunExecutor
from ttc_explorer.search.model_facts import ModelFacts
from ttc_explorer.search.run import Run
from ttc_explorer.search.run_progress import RunProgress
from ttc_explorer.search.settings import parse_budget, parse_seed
from ttc_explorer.search.strategy import check_selector
from ttc_explorer.search.work import Method, Models

Clock = Callable[[], float]


def no_policy(query: PolicyQuery) -> None:
    """The decision where no policy has been measured."""


def check_run(run: Run, models: ModelFacts) -> None:
    """Raise BadInput if these models cannot start the run as it is described."""
    parse_budget(run.budget)
    parse_seed(run.seed)
    check_selector(
        run.strategy,
        run.settings.selector,
        run.budget,
        has_verifier=models.verifier is not None,
        tells_logprobs=models.tells_logprobs,
    )
    if reason := models.missing(run.strategy):
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
        self.facts = ModelFacts.of(generator, verifier, reviser)
        self._models = Models(generator, verifier, reviser, revision_verifier)
        self._make_checker = make_checker
        self._clock = clock
        self._decide = decide
        self._runs: list[RunExecutor] = []

    def __len__(self) -> int:
        """How many runs are in progress."""
        return len(self._runs)

    def add(self, run: Run, seconds: float | None = None, is_watched: bool = False) -> None:
        """Take up a run, to be ended ``seconds`` from now at the latest; ``is_watched`` if anybody
        will ask for its ``progress``. Raises BadInput."""
        check_run(run, self.facts)
        run.settings = self.facts.resolve_settings(run.strategy, run.settings)
        checker = self._make_checker(run.problem)
        executor = RunExecutor(
            run, self._models, checker, self._decide, self._clock, seconds, is_watched
        )
        self._runs.append(executor)

    def cancel(self, run: Run) -> None:
        """End a run at its next decode step; its tree keeps what it has."""
        for executor in list(self._runs):
            if executor.run is run:
                executor.cancelled = True

    def progress(self, run: Run) -> RunProgress | None:
        """How far a run is beyond its tree, in the midst of a tick; None where its tree says all,
        for now. Any thread may ask."""
        found = (executor for executor in list(self._runs) if executor.run is run)
        return next((executor.progress() for executor in found), None)

    def tick(self) -> bool:
        """One round of every run: each model does each kind of work for all runs that wait for it,
        in one batch. Returns whether any run goes on."""
        for executor in list(self._runs):
            if executor.work is None and executor.running():
                executor.advance()
        for method in self._models.methods():
            waiting = [
                executor
                for executor in list(self._runs)
                if executor.work and executor.work.method == method and executor.running()
            ]
            if waiting:
                _run_batch(method, waiting)
        for executor in list(self._runs):
            if not executor.running():
                self._runs.remove(executor)
        return bool(self._runs)


def _run_batch(method: Method, waiting: Sequence[RunExecutor]) -> None:
    """Let a model do the open work of all these runs in one call, and each run take its own
    results."""
    jobs = [list(executor.work.jobs) if executor.work else [] for executor in waiting]
    try:
        results = iter(method(list(chain.from_iterable(jobs))))
    except Exception as error:
        if len(waiting) == 1:
            waiting[0].fail(error)
        else:
            for executor in waiting:
                _run_batch(method, [executor])
        return
    shares = [list(islice(results, len(own))) for own in jobs]
    for executor, share in zip(waiting, shares, strict=True):
        executor.advance(share)
