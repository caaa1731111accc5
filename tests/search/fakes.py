"""Toy models in pure Python that count every token they really process: a generator, a verifier,
and the same for revisions.

A token is one character. What they write and score is a pure function of the prefix and of the
row's RNG path, so the same seed gives the same tree; nothing is learned and nothing is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from random import Random
from weakref import WeakSet

from ttc_explorer.models.prompts import answer_cue
from ttc_explorer.models.protocol import (
    Cost,
    DecodedStep,
    ExtendJob,
    Generator,
    PolicyDecision,
    PolicyQuery,
    Prefilled,
    Prompt,
    RevisionContext,
    ScoredStep,
    ScoreJob,
    Verifier,
)
from ttc_explorer.problems.answer_checker import AnswerChecker, CheckerFactory
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.driver import Driver, no_policy
from ttc_explorer.search.ledger import Ledger
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.tree import SearchTree

ANSWERS = ("2", "2.0", "4/2", "3", "6/2", "5", "7")


class Prefix:
    """A state: the text so far. A class of its own so that tests can count those that are held."""

    def __init__(self, text: str) -> None:
        self.text = text


class ToyGenerator:
    """Adds random numbers for some steps, then answers. ``before_token`` is called before each
    token.

    Args:
        terms: how many numbers it draws from; few make equal steps.
    """

    name = "toy generator"
    parameters = 100
    supports_prefix_continuation = True
    supports_chat = False
    prints_checks = False
    thinks = False

    def __init__(self, terms: int = 30) -> None:
        self.terms = terms
        self.generated = self.prefilled = self.cached = self.passes = 0
        self.batches: list[int] = []
        self.held: WeakSet[Prefix] = WeakSet()
        self.before_token: Callable[[], None] = lambda: None

    def _prefix(self, text: str) -> Prefix:
        prefix = Prefix(text)
        self.held.add(prefix)
        return prefix

    def prefill(self, questions: Sequence[str | Prompt]) -> list[Prefilled]:
        self.passes += 1
        prefilled = []
        for asked in questions:
            question = asked if isinstance(asked, str) else f"{asked.system or ''}{asked.text}"
            self.prefilled += len(question)
            cost = Cost(
                prefilled=len(question), generator_flops=2 * self.parameters * len(question)
            )
            prefilled.append(Prefilled(self._prefix(question), cost))
        return prefilled

    def extend(self, jobs: Sequence[ExtendJob]) -> list[DecodedStep]:
        self.batches.append(len(jobs))
        rows = [self._step(job) for job in jobs]
        self.passes += max(row.cost.generated for row in rows)
        return rows

    def _step(self, job: ExtendJob) -> DecodedStep:
        prefix = job.state.text + (f"\n{job.forced}" if job.forced else "")
        self.cached += len(job.state.text)
        self.prefilled += len(job.forced)
        rng = Random(repr((prefix, job.rng_path if job.temperature > 0 else "greedy")))
        finished = rng.random() < 0.25
        if job.forced == answer_cue(self.supports_chat, self.thinks):
            finished, text = True, rng.choice(ANSWERS)
        elif finished:
            text = f"Answer: {rng.choice(ANSWERS)}"
        else:
            left, right = rng.randrange(self.terms), rng.randrange(self.terms)
            text = f"{left} + {right} = {left + right}"
        written = 0
        for _ in text + "\n":
            self.before_token()
            if job.cancelled():
                break
            self.generated += 1
            written += 1
        processed = written + len(job.forced)
        cost = Cost(
            written,
            prefilled=len(job.forced),
            cached=len(job.state.text),
            generator_flops=2 * self.parameters * processed,
        )
        state = self._prefix(f"{prefix}{'' if job.forced else chr(10)}{text}")
        return DecodedStep(
            job.forced + text[:written],
            written,
            -round(rng.random() * written, 3),
            finished,
            state,
            cost,
        )


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
        tokens = len(new) + 1
        return prefix, Cost(verifier=tokens, verifier_flops=2 * self.parameters * tokens)

    def prefill(self, questions: Sequence[str]) -> list[Prefilled]:
        self.passes += 1
        return [Prefilled(*self._read("", question)) for question in questions]

    def score(self, jobs: Sequence[ScoreJob]) -> list[ScoredStep]:
        if any(job.state.text.startswith(self.refuses) for job in jobs):
            raise RuntimeError("out of memory")
        self.passes += 1
        scored = []
        for job in jobs:
            state, cost = self._read(job.state.text, job.text)
            scored.append(ScoredStep(round(Random(state.text).random(), 3), state, cost))
        return scored


def context_text(chain: RevisionContext) -> str:
    """A revision context as the toys read it."""
    return "".join(f"{chain.question}\n{attempt}\n;" for attempt in chain.attempts) + chain.question


class ToyReviser(ToyGenerator):
    """Reads revision contexts, and continues them like the generator. ``chains`` lists those it has
    read."""

    name = "toy reviser"
    parameters = 30

    def __init__(self, terms: int = 30) -> None:
        super().__init__(terms)
        self.chains: list[RevisionContext] = []

    def prefill_revisions(self, chains: Sequence[RevisionContext]) -> list[Prefilled]:
        self.chains += chains
        return self.prefill([context_text(chain) for chain in chains])


class ToyRevisionVerifier(ToyVerifier):
    """Scores attempts by chance, after the chain before them."""

    name = "toy revision verifier"
    parameters = 7

    def __init__(self, refuses: str = "no question") -> None:
        super().__init__(refuses)
        self.chains: list[RevisionContext] = []

    def prefill_revisions(self, chains: Sequence[RevisionContext]) -> list[Prefilled]:
        self.chains += chains
        return self.prefill([context_text(chain) for chain in chains])


class Toys:
    """One of each toy, a driver on them, and what all of them have processed together: the budget
    audit.

    ``revision_verifier=False`` leaves the scores of revisions to the verifier; ``terms`` as of
    ToyGenerator.
    """

    def __init__(
        self,
        revision_verifier: bool = True,
        decide: Callable[[PolicyQuery], PolicyDecision | None] = no_policy,
        terms: int = 30,
    ) -> None:
        self.generator, self.verifier = ToyGenerator(terms), ToyVerifier()
        self.reviser = ToyReviser(terms)
        self.revision_verifier = ToyRevisionVerifier() if revision_verifier else None
        self.driver = Driver(
            self.generator,
            self.verifier,
            make_checker,
            clock=lambda: 0.0,
            reviser=self.reviser,
            revision_verifier=self.revision_verifier,
            decide=decide,
        )

    def drive(self, *runs: Run) -> tuple[Run, ...]:
        """The runs, all driven to their ends together."""
        for run in runs:
            self.driver.add(run)
        while self.driver.tick():
            pass
        return runs

    def processed(self) -> Ledger:
        """What a ledger must say if a single run has been driven."""
        writers = (self.generator, self.reviser)
        judges = [judge for judge in (self.verifier, self.revision_verifier) if judge]
        return Ledger(
            generated_tokens=sum(model.generated for model in writers),
            prefill_tokens=sum(model.prefilled for model in writers),
            cached_tokens=sum(model.cached for model in writers),
            verifier_tokens=sum(judge.read for judge in judges),
            generator_flops=2.0
            * sum(model.parameters * (model.generated + model.prefilled) for model in writers),
            verifier_flops=2.0 * sum(judge.parameters * judge.read for judge in judges),
            generator_depth=sum(model.passes for model in writers),
            verifier_depth=sum(judge.passes for judge in judges),
        )

    def held(self) -> int:
        """States that somebody still holds."""
        models = (self.generator, self.verifier, self.reviser, self.revision_verifier)
        return sum(len(model.held) for model in models if model)


def run_to_completion(
    run: Run,
    generator: Generator,
    verifier: Verifier | None,
    make_checker: CheckerFactory,
    seconds: float | None = None,
) -> Run:
    """Drive one run to its end and return it; a model's failure is in ``run.error``."""
    driver = Driver(generator, verifier, make_checker)
    driver.add(run, seconds)
    while driver.tick():
        pass
    return run


def written_tokens(tree: SearchTree) -> int:
    """The tokens of all samples."""
    return sum(tokens * copies for tokens, copies in zip(tree.tokens, tree.copies, strict=True))


def sample_counts(tree: SearchTree) -> Counter[str]:
    """How many samples there are of each kind."""
    counts: Counter[str] = Counter()
    for kind, copies in zip(tree.kind, tree.copies, strict=True):
        counts[kind] += copies
    return counts


def equal(first: str, second: str) -> bool:
    """Equality of the toy's answers."""
    return Fraction(first) == Fraction(second)


def make_checker(problem: Problem) -> AnswerChecker:
    """Answers are compared as numbers, and with the reference if there is one."""
    reference = problem.answer
    return AnswerChecker(
        equal, None if reference is None else lambda answer: equal(reference, answer)
    )


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
