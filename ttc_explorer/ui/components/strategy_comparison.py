"""Strategies side by side on one problem at the same budget: what, and by which rule.

By samples, every strategy runs at the same N. By tokens, every strategy runs at the largest N whose
whole run stays within the budget: one more would go over. So no run is cut off (a search that goes
breadth first, cut off in the middle, has nothing to vote on), none spends more than the budget, and
none leaves more of it than the next N would need. That N is found by trying; the trials are not
charged, because the question is what a strategy makes of its tokens, and not what it costs to find
out how many samples they are.

Tokens are those that any model processed for the run: written, read in a prompt, or read by a
verifier; not those that a cache spared. Nothing here runs a model or reads a clock; a seed gives
one comparison.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.ledger import Ledger
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import MAX_BUDGET
from ttc_explorer.search.strategy import STRATEGIES

MAX_COMPARED = 6
"""Strategies in one comparison."""
MAX_TOKENS = 1_000_000

MAIN_SETTING_VALUES: dict[str, tuple[tuple[str, int], ...]] = {
    "beam": (("width", 4), ("width", 0)),
    "lookahead": (("lookahead", 1), ("lookahead", 3)),
    "dvts": (("width", 4),),
    "mcts": (("width", 4),),
    "revise": (("chains", 4), ("chains", 1)),
    "hybrid": (("chains", 4),),
}
"""Strategy -> the values of its main setting that are offered; one that is not here is offered as
is."""


# --- what is compared -----------------------------------------------------------------------------


@dataclass(frozen=True)
class ComparedStrategy:
    """A strategy with its main setting, if it has one; the others stand at their defaults."""

    strategy: str
    setting: tuple[str, int] | None = None

    @property
    def key(self) -> str:
        """
        >>> ComparedStrategy("greedy").key, ComparedStrategy("beam", ("width", 0)).key
        ('greedy', 'beam width=0')
        """
        return (
            self.strategy
            if self.setting is None
            else f"{self.strategy} {self.setting[0]}={self.setting[1]}"
        )

    @property
    def title(self) -> str:
        return STRATEGIES[self.strategy].title

    @property
    def detail(self) -> str:
        """The setting as people write it; empty without one.

        >>> settings = (("width", 0), ("lookahead", 3), ("chains", 1))
        >>> [ComparedStrategy("beam", setting).detail for setting in settings]
        ['M = √N', 'k = 3', 'one chain']
        """
        if self.setting is None:
            return ""
        name, value = self.setting
        if name == "width":
            return f"M = {value or '√N'}"
        if name == "lookahead":
            return f"k = {value}"
        return f"{value} chains" if value > 1 else "one chain"

    @property
    def name(self) -> str:
        """
        >>> ComparedStrategy("beam", ("width", 4)).name
        'Beam search M = 4'
        """
        return f"{self.title} {self.detail}".strip()

    @property
    def sentence(self) -> str:
        return STRATEGIES[self.strategy].summary

    @property
    def max_budget(self) -> int:
        """The largest N to try: 1 for a strategy that draws nothing at random, as more would be the
        same."""
        return MAX_BUDGET if "temperature" in STRATEGIES[self.strategy].settings else 1


def comparable_strategies() -> dict[str, ComparedStrategy]:
    """Key -> entry, in the order of the registry."""
    return {
        entry.key: entry
        for name in STRATEGIES
        for entry in [
            ComparedStrategy(name, setting) for setting in MAIN_SETTING_VALUES.get(name, (None,))
        ]
    }


def compared_strategies(keys: Sequence[str]) -> list[ComparedStrategy]:
    """The entries of these keys, 1 to MAX_COMPARED of them, in the order of the registry.
    Raises BadInput."""
    known = comparable_strategies()
    unknown = [key for key in keys if key not in known]
    if unknown:
        raise BadInput(f"There is no strategy '{str(unknown[0])[:40]}' to compare.")
    if not 1 <= len(set(keys)) <= MAX_COMPARED:
        raise BadInput(f"Choose from 1 to {MAX_COMPARED} strategies to compare.")
    return [entry for key, entry in known.items() if key in keys]


# --- the same budget ------------------------------------------------------------------------------

BudgetTrials = Generator[int, int, int]
"""Yields the N of the next trial, receives the tokens that it used, and returns the N that
counts."""


def tokens_processed(ledger: Ledger) -> int:
    """Tokens that any model processed: written, read in prompts, read by a verifier."""
    return ledger.generated_tokens + ledger.prefill_tokens + ledger.verifier_tokens


def single_trial(number: int) -> BudgetTrials:
    """One trial, whatever it uses."""
    yield number
    return number


def largest_budget_within(tokens: int, max_budget: int) -> BudgetTrials:
    """The largest N that uses at most ``tokens``, from 0 (not even 1 does) to ``max_budget``: it
    fits, and the next larger N does not.

    As runs cost about the same per sample, each trial that fits says how far to go on; where that
    is nowhere, in strides that double. After a trial that does not fit, half the gap is tried. What
    a trial that does not fit is said to have used does not matter: it may be stopped as soon as it
    is over.
    """
    fits, over_budget, stride, short = 0, max_budget + 1, 1, 1
    while over_budget - fits > 1:
        number = min(fits + stride, over_budget - 1)
        used = yield number
        if used > tokens:
            over_budget, short = number, 1
            stride = (over_budget - fits) // 2
        else:
            fits, stride = number, number * (tokens - used) // used
            if not stride:
                stride, short = short, 2 * short
    return fits


def validated_token_budget(tokens: object) -> int:
    """A budget in tokens. Raises BadInput."""
    if (
        not isinstance(tokens, int | float)
        or tokens != tokens // 1
        or not 1 <= tokens <= MAX_TOKENS
    ):
        raise BadInput(f"The budget must be a whole number of tokens, from 1 to {MAX_TOKENS:,}.")
    return int(tokens)


class ComparisonLane:
    """One strategy in a comparison. Start ``run``; when it has ended, ``advance`` and start what
    that returns, until that is None: then ``run`` is the one that counts, or None if not even N = 1
    fits.

    ``tokens`` is the limit, infinite in a comparison by samples; a run that is ``over_budget`` it
    may be cancelled. ``make_run`` describes the run of an entry at a budget of N.
    """

    def __init__(
        self,
        entry: ComparedStrategy,
        trials: BudgetTrials,
        tokens: float,
        make_run: Callable[[ComparedStrategy, int], Run],
    ) -> None:
        self.entry = entry
        self.tokens = tokens
        self.settled = False
        self._trials = trials
        self._make_run = make_run
        self._fitting_run: Run | None = None
        self.run: Run | None = make_run(entry, next(trials))

    def over_budget(self) -> bool:
        """Whether the run on screen has used more than the budget."""
        return self.run is not None and tokens_processed(self.run.ledger) > self.tokens

    def advance(self) -> Run | None:
        """The next run to start, now that the last one has ended; None once the lane is settled."""
        assert self.run is not None
        if not self.over_budget():
            if self.run.stopped in ("cancelled", "deadline"):  # nothing is known about this N
                self._finish(self._fitting_run or self.run)
                return None
            self._fitting_run = self.run
        try:
            number = self._trials.send(tokens_processed(self.run.ledger))
        except StopIteration:
            self._finish(self._fitting_run)
            return None
        self.run = self._make_run(self.entry, number)
        return self.run

    def _finish(self, run: Run | None) -> None:
        self.run, self.settled = run, True


def lanes_by_samples(
    strategies: Iterable[ComparedStrategy],
    number: int,
    make_run: Callable[[ComparedStrategy, int], Run],
) -> list[ComparisonLane]:
    """A lane each, all at N = ``number`` (at most what an entry can use)."""
    return [
        ComparisonLane(entry, single_trial(min(number, entry.max_budget)), math.inf, make_run)
        for entry in strategies
    ]


def lanes_by_tokens(
    strategies: Iterable[ComparedStrategy],
    tokens: int,
    make_run: Callable[[ComparedStrategy, int], Run],
    max_budget: int = MAX_BUDGET,
) -> list[ComparisonLane]:
    """A lane each, all within ``tokens`` tokens and at N up to ``max_budget``."""
    return [
        ComparisonLane(
            entry,
            largest_budget_within(tokens, min(entry.max_budget, max_budget)),
            tokens,
            make_run,
        )
        for entry in strategies
    ]
