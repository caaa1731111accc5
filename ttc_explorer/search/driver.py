"""Feeds searches from models: one run or many at once, their requests answered in large shared batches.

Each tick is one round of every run: one batch of steps, then one batch of scores. What becomes of a run does
not depend on its company: each row samples from its own random stream, and a run is charged for its own rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from ttc_explorer.models.protocol import Advice, Consult, Generator, Reviser, RevisionVerifier, Verifier
from ttc_explorer.problems.exam import Examine
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.live import Live
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import checked_budget
from ttc_explorer.search.strategies import check_verifier, unavailable

Clock = Callable[[], float]
Advise = Callable[[Consult], Advice | None]

MAX_SEED = 2**63 - 1


def no_policy(question: Consult) -> None:
    """The advice where no policy has been measured."""


def check(run: Run, generator: Generator, verifier: Verifier | None, reviser: Reviser | None) -> None:
    """Raise BadInput if the run cannot be started as it is described."""
    checked_budget(run.budget)
    if not 0 <= run.seed <= MAX_SEED:
        raise BadInput(f"The seed must be a whole number from 0 to {MAX_SEED}.")
    check_verifier(run.strategy, run.settings, present=verifier is not None)
    if reason := unavailable(run.strategy, generator.forks, verifier is not None, reviser is not None):
        raise BadInput(reason)


class Driver:
    """``add`` runs, then ``tick`` until it returns False; a run has ended when its ``stopped`` is set.

    ``examine`` tells how to compare the answers of a problem: a run's equal answers are grouped under the
    spelling met first, and ``run.correct`` says which are right. Revisions are written by ``reviser`` and
    scored by ``revision_verifier``, or else by ``verifier``; ``advise`` answers for the measured policy.
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
        reviser: Reviser | None = None,
        revision_verifier: RevisionVerifier | None = None,
        advise: Advise = no_policy,
    ) -> None:
        self.generator = generator
        self.verifier = verifier
        self.reviser = reviser
        self.revision_verifier = revision_verifier
        self._examine = examine
        self._clock = clock
        self._advise = advise
        self._runs: list[Live] = []
        # In the order in which a run passes the desks (``live.py``); a model that does the same work for two
        # of them does it in one batch.
        self._work: dict[tuple[Any, str], list[str]] = {}
        for desk, model, method in (
            ("prompts", generator, "open"),
            ("chains", reviser, "open_chains"),
            ("steps", generator, "extend"),
            ("lines", reviser, "extend"),
            ("questions", verifier, "open"),
            ("histories", revision_verifier, "open_chains"),
            ("scores", verifier, "score"),
            ("judgements", revision_verifier, "score"),
        ):
            self._work.setdefault((model, method), []).append(desk)

    def __len__(self) -> int:
        """How many runs are in progress."""
        return len(self._runs)

    def add(self, run: Run, seconds: float | None = None) -> None:
        """Take up a run, to be ended ``seconds`` from now at the latest. Raises BadInput."""
        check(run, self.generator, self.verifier, self.reviser)
        live = Live(
            run,
            self.verifier is not None,
            self.revision_verifier is not None,
            self.reviser.name if self.reviser is not None else None,
            self._examine(run.problem),
            self._advise,
            self._clock,
            seconds,
        )
        self._runs.append(live)

    def cancel(self, run: Run) -> None:
        """End a run at its next decode step; its tree keeps what it has."""
        for live in list(self._runs):
            if live.run is run:
                live.cancelled = True

    def tick(self) -> bool:
        """One round of every run: each desk serves all who wait there. Returns whether any goes on."""
        for live in list(self._runs):
            if not live.started and live.running():
                live.start()
        for (model, method), desks in self._work.items():
            waiting = [live for live in list(self._runs) if live.desk in desks and live.running()]
            _serve(waiting, model, method)
        for live in list(self._runs):
            if not live.running():
                self._runs.remove(live)
        return bool(self._runs)


def _serve(waiting: Sequence[Live], model: Any, method: str) -> None:
    """Let the model do the jobs of all these runs in one call, and each run take its own results."""
    if not waiting:
        return
    counts = [len(live.jobs) for live in waiting]
    try:
        results = iter(getattr(model, method)([job for live in waiting for job in live.jobs]))
    except Exception as error:
        if len(waiting) == 1:
            waiting[0].fail(error)
        else:
            for live in waiting:
                _serve([live], model, method)
        return
    for live, count in zip(waiting, counts, strict=True):
        try:
            live.take(list(islice(results, count)))
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
