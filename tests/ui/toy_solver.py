"""A toy pair for the pages, to be held in the middle of a run, so that no test depends on speed."""

from __future__ import annotations

from threading import Condition

from tests.search.fakes import ToyGenerator, ToyVerifier
from ttc_explorer.experiments.solver import Solver
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.settings import Settings


class PausableGenerator:
    """A generator that answers as another one does, and can be held. ``rounds`` counts its
    answers."""

    def __init__(self, generator):
        self._generator = generator
        self.name, self.parameters, self.prefill = (
            generator.name,
            generator.parameters,
            generator.prefill,
        )
        self.supports_prefix_continuation = generator.supports_prefix_continuation
        self.supports_chat = generator.supports_chat
        self.prints_checks = generator.prints_checks
        self.thinks = generator.thinks
        self._changed = Condition()
        self._remaining = None
        self.rounds = 0

    def hold(self, after):
        """Answer ``after`` more times, then wait for ``release`` or for all rows to be
        cancelled."""
        with self._changed:
            self._remaining = after

    def release(self):
        with self._changed:
            self._remaining = None
            self._changed.notify_all()

    def extend(self, jobs):
        with self._changed:
            while self._remaining == 0 and not all(job.cancelled() for job in jobs):
                self._changed.wait(0.01)
            self.rounds += 1
            if self._remaining:
                self._remaining -= 1
        return self._generator.extend(jobs)


def toy_solver(generator=None, verifier=None, reviser=None):
    return Solver.from_models(generator or ToyGenerator(), verifier or ToyVerifier(), reviser)


def finished_run(text="What is 1 + 1?", answer="2", strategy="beam", budget=16, seed=3, **settings):
    with toy_solver() as solver:
        run = solver.run(Problem(text, answer), strategy, budget, seed, Settings(**settings))
        run.model = "toy"
        solver.drive([run])
    return run
