"""A toy generator and a toy verifier in pure Python that count every token they really process.

A token is one character. What they write and score is a pure function of the prefix and of the row's stream,
so the same seed gives the same tree; nothing is learned and nothing is right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from random import Random
from weakref import WeakSet

from ttc_explorer.models.protocol import Cost, ExtendJob, Opened, Sampled, Scored, ScoreJob
from ttc_explorer.problems.exam import Exam
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings

ANSWERS = ("2", "2.0", "4/2", "3", "6/2", "5", "7")


class Prefix:
    """A state: the text so far. A class of its own so that tests can count those that are held."""

    def __init__(self, text: str) -> None:
        self.text = text


class ToyGenerator:
    """Adds random numbers for some steps, then answers. ``before_token`` is called before each token."""

    name = "toy generator"
    parameters = 100

    def __init__(self) -> None:
        self.generated = self.prefilled = self.cached = self.passes = 0
        self.batches: list[int] = []
        self.held: WeakSet[Prefix] = WeakSet()
        self.before_token: Callable[[], None] = lambda: None

    def _prefix(self, text: str) -> Prefix:
        prefix = Prefix(text)
        self.held.add(prefix)
        return prefix

    def open(self, questions: Sequence[str]) -> list[Opened]:
        self.passes += 1
        opened = []
        for question in questions:
            self.prefilled += len(question)
            cost = Cost(prefilled=len(question), flops=2 * self.parameters * len(question))
            opened.append(Opened(self._prefix(question), cost))
        return opened

    def extend(self, jobs: Sequence[ExtendJob]) -> list[Sampled]:
        self.batches.append(len(jobs))
        rows = [self._step(job) for job in jobs]
        self.passes += max(row.cost.generated for row in rows)
        return rows

    def _step(self, job: ExtendJob) -> Sampled:
        prefix = job.state.text
        self.cached += len(prefix)
        rng = Random(repr((prefix, job.stream if job.temperature > 0 else "greedy")))
        finished = rng.random() < 0.25
        if finished:
            text = f"Answer: {rng.choice(ANSWERS)}"
        else:
            left, right = rng.randrange(30), rng.randrange(30)
            text = f"{left} + {right} = {left + right}"
        written = 0
        for _ in text + "\n":
            self.before_token()
            if job.cancelled():
                break
            self.generated += 1
            written += 1
        cost = Cost(generated=written, cached=len(prefix), flops=2 * self.parameters * written)
        state = self._prefix(f"{prefix}\n{text}")
        return Sampled(text[:written], written, -round(rng.random() * written, 3), finished, state, cost)


class ToyVerifier:
    """Scores a step by chance. ``refuses`` makes it fail on any batch with that question in it."""

    name = "toy verifier"
    parameters = 10

    def __init__(self, refuses: str = "no question") -> None:
        self.read = self.passes = 0
        self.refuses = refuses
        self.held: WeakSet[Prefix] = WeakSet()

    def _read(self, text: str, new: str) -> tuple[Prefix, Cost]:
        self.read += len(new) + 1
        prefix = Prefix(text + new + "\n")
        self.held.add(prefix)
        return prefix, Cost(verifier=len(new) + 1, flops=2 * self.parameters * (len(new) + 1))

    def open(self, questions: Sequence[str]) -> list[Opened]:
        self.passes += 1
        return [Opened(*self._read("", question)) for question in questions]

    def score(self, jobs: Sequence[ScoreJob]) -> list[Scored]:
        if any(job.state.text.startswith(self.refuses) for job in jobs):
            raise RuntimeError("out of memory")
        self.passes += 1
        scored = []
        for job in jobs:
            state, cost = self._read(job.state.text, job.text)
            scored.append(Scored(round(Random(state.text).random(), 3), state, cost))
        return scored


def equal(first: str, second: str) -> bool:
    """Equality of the toy's answers."""
    return Fraction(first) == Fraction(second)


def examine(problem: Problem) -> Exam:
    """Answers are compared as numbers, and with the reference if there is one."""
    reference = problem.answer
    return Exam(equal, None if reference is None else lambda answer: equal(reference, answer))


def toy_run(
    strategy: str = "beam",
    budget: int = 8,
    seed: int = 0,
    *,
    text: str = "What is 1 + 1?",
    answer: str | None = "2",
    verifier: str | None = ToyVerifier.name,
    **settings: object,
) -> Run:
    """A run that nobody has started yet."""
    problem = Problem(text, answer)
    return Run(problem, ToyGenerator.name, verifier, strategy, budget, seed, Settings(**settings))
