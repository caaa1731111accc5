"""One question, many seeds: how often each strategy is right at each N, a curve of its own.

Where the right answer is not known, a run counts if it came to the answer that most runs chose:
that is agreement, which says nothing about being right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ttc_explorer.experiments.intervals import wilson_interval
from ttc_explorer.problems.answer_equality import answers_equal
from ttc_explorer.search.run import Run
from ttc_explorer.search.voting import ranked_votes


@dataclass(frozen=True)
class SeedOutcome:
    """What a run that ended came to.

    Attributes:
        strategy: its name.
        budget: N.
        seed: of the run.
        answers: of its solutions, the chosen one first.
        right: those that are right; None where nobody knows.
        tokens: that the generator wrote.
        flops: of all models.
    """

    strategy: str
    budget: int
    seed: int
    answers: tuple[str, ...]
    right: frozenset[str] | None
    tokens: int
    flops: float

    @classmethod
    def of(cls, run: Run) -> SeedOutcome:
        """The outcome of a run, its answer chosen by the run's own rule."""
        settings = run.settings
        votes = ranked_votes(run.tree, settings.selector, settings.aggregate, settings.confidence)
        right = frozenset(answer for answer, is_right in run.correct.items() if is_right)
        return cls(
            run.strategy,
            run.budget,
            run.seed,
            tuple(vote.answer for vote in votes),
            right if run.correct else None,
            run.ledger.generated_tokens,
            run.ledger.flops,
        )


@dataclass(frozen=True)
class QuestionPoint:
    """``hits`` of ``runs`` at one N of one strategy, as a ``share`` with its 95 % interval over
    seeds (Wilson), and what a run cost on average."""

    strategy: str
    budget: int
    hits: int
    runs: int
    share: float
    low: float
    high: float
    tokens: float
    flops: float


class QuestionCurve:
    """The outcomes so far, and what they say. ``known`` is whether the right answer is known;
    ``consensus`` the answer that most runs chose, None before any."""

    def __init__(self, outcomes: Sequence[SeedOutcome]) -> None:
        self.outcomes = list(outcomes)
        self.known = any(outcome.right is not None for outcome in outcomes)
        self.consensus = _most_chosen(outcomes)

    def is_hit(self, outcome: SeedOutcome, found: bool = False) -> bool:
        """Whether a run chose the right answer (or the consensus, where that is not known); with
        ``found``, whether any of its solutions came to it."""
        answers = outcome.answers if found else outcome.answers[:1]
        if self.known:
            return any(answer in (outcome.right or ()) for answer in answers)
        target = self.consensus
        return target is not None and any(_equal(target, answer) for answer in answers)

    def at(self, strategy: str, budget: int) -> list[SeedOutcome]:
        """The outcomes of one strategy at one N, by seed."""
        key = strategy, budget
        inside = [each for each in self.outcomes if (each.strategy, each.budget) == key]
        return sorted(inside, key=lambda outcome: outcome.seed)

    def points(self, found: bool = False) -> list[QuestionPoint]:
        """A point a strategy and N that has outcomes: strategies as they came first, by N.

        Args:
            found: count runs that found the answer, chosen or not (coverage).
        """
        keys = dict.fromkeys((each.strategy, each.budget) for each in self.outcomes)
        order = list(dict.fromkeys(strategy for strategy, _ in keys))
        return [
            self._point(strategy, budget, found)
            for strategy, budget in sorted(keys, key=lambda key: (order.index(key[0]), key[1]))
        ]

    def _point(self, strategy: str, budget: int, found: bool) -> QuestionPoint:
        inside = self.at(strategy, budget)
        runs = len(inside)
        hits = sum(self.is_hit(outcome, found) for outcome in inside)
        tokens = sum(outcome.tokens for outcome in inside) / runs
        flops = sum(outcome.flops for outcome in inside) / runs
        interval = wilson_interval(hits, runs)
        return QuestionPoint(strategy, budget, hits, runs, *interval, tokens, flops)


def _most_chosen(outcomes: Sequence[SeedOutcome]) -> str | None:
    counts: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.answers:
            chosen = outcome.answers[0]
            same = next((known for known in counts if _equal(known, chosen)), chosen)
            counts[same] = counts.get(same, 0) + 1
    return max(counts, key=counts.__getitem__, default=None)


@lru_cache(maxsize=10_000)
def _equal(one: str, other: str) -> bool:
    """Whether two answers are the same; of two formulas, whether they are written alike."""
    if one == other:
        return True
    return bool(answers_equal(one, other, True, compare_formulas=lambda *_: None))
