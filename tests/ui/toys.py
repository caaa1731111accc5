"""A toy pair for the pages, to be held in the middle of a run, so that no test depends on speed."""

from __future__ import annotations

from functools import partial
from threading import Condition

from tests.search.fakes import ToyGenerator, ToyVerifier
from ttc_explorer.problems.grading import Grader, examine
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.driver import Driver, solve
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings


class Gate:
    """A generator that answers as another one does, and can be held. ``rounds`` counts its answers."""

    def __init__(self, generator):
        self._generator = generator
        self.name, self.parameters, self.open = generator.name, generator.parameters, generator.open
        self.forks = generator.forks
        self._news = Condition()
        self._left = None
        self.rounds = 0

    def hold(self, after):
        """Answer ``after`` more times, then wait for ``release`` or for all rows to be cancelled."""
        with self._news:
            self._left = after

    def release(self):
        with self._news:
            self._left = None
            self._news.notify_all()

    def extend(self, jobs):
        with self._news:
            while self._left == 0 and not all(job.cancelled() for job in jobs):
                self._news.wait(0.01)
            self.rounds += 1
            if self._left:
                self._left -= 1
        return self._generator.extend(jobs)


def driver(generator=None, verifier=None, reviser=None):
    examined = partial(examine, grader=Grader())
    return Driver(generator or ToyGenerator(), verifier or ToyVerifier(), examined, reviser=reviser)


def finished_run(text="What is 1 + 1?", answer="2", strategy="beam", budget=16, seed=3, **settings):
    run = Run(Problem(text, answer), "toy", "toy verifier", strategy, budget, seed, Settings(**settings))
    with Grader() as grader:
        return solve(run, ToyGenerator(), ToyVerifier(), partial(examine, grader=grader))
