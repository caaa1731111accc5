"""A model's results made ready for tests: arms by name, means over questions in every resample at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ttc_explorer.experiments.choosing import ease_of
from ttc_explorer.experiments.difficulty import fifths
from ttc_explorer.experiments.evidence import POOLED, evidence
from ttc_explorer.experiments.exchange import bracket
from ttc_explorer.experiments.findings.verdict import RESAMPLES, Untested
from ttc_explorer.experiments.intervals import interval
from ttc_explorer.experiments.points import grid
from ttc_explorer.experiments.results import Results
from ttc_explorer.search.settings import MAX_BUDGET, Settings

Floats = NDArray[np.float64]
Arm = tuple[str, str]
"""A strategy and its settings (JSON text)."""

BEST_OF_N: Arm = POOLED
SELECTOR = "weighted"
EASY, MIDDLE, HARDEST = (1, 2), (3, 4), (5,)
"""Bins of difficulty."""


class Study:
    """One model's results. All arrays by question follow ``questions`` (Q,); ``weights`` (1 + resamples, Q)
    says how often each was drawn: once each in the first row, then the resamples that all findings share.

    Whatever is asked for and was not measured raises ``Untested``.
    """

    def __init__(self, results: Results, resamples: int = RESAMPLES, seed: int = 0) -> None:
        self.results, self.resamples, self.seed = results, resamples, seed
        self.questions = np.sort(results.problems["question"].to_numpy())
        count = len(self.questions)
        drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
        self.weights = np.concatenate([np.ones((1, count)), drawn])

    # --- what there is ----------------------------------------------------------------------------------

    @property
    def command(self) -> str:
        return f"{self.results.about['command']} && python -m ttc_explorer findings DIR"

    def table(self, name: str) -> pd.DataFrame:
        """A table of the folder."""
        table: pd.DataFrame | None = getattr(self.results, name)
        if table is None or table.empty:
            raise Untested(f"The results of {self.results.about['model']} have no {WORDS[name]}.")
        return table

    @cached_property
    def evidence(self) -> pd.DataFrame:
        """All arms at the budgets of the runs, and best-of-N at all powers of two."""
        runs = self.results.runs
        budgets = {2**power for power in range(MAX_BUDGET.bit_length())}
        budgets |= set() if runs is None else set(runs["budget"].tolist())
        return evidence(self.results, sorted(budgets), self.seed)

    @cached_property
    def _values(self) -> dict[tuple[str, str, str, int], Floats]:
        table = grid(self.evidence)
        at = np.searchsorted(self.questions, table.questions)
        values = np.full((len(self.questions), len(table.columns)), np.nan)
        values[at] = table.value
        keys = table.columns[["strategy", "settings", "selector", "budget"]].itertuples(
            index=False, name=None
        )
        return dict(zip(keys, values.T, strict=True))

    def methods(self, budget: int) -> list[Arm]:
        """All arms that were measured at a budget, best-of-N first."""
        found = {key[:2] for key in self._values if key[2:] == (SELECTOR, budget)}
        return sorted(found, key=lambda arm: (arm != BEST_OF_N, arm))

    def arm(self, strategy: str, **wanted: int) -> Arm:
        """The arm of that strategy with these settings, others but the temperature at their defaults."""
        self.table("runs")
        for name, settings, *_ in self._values:
            if name == strategy:
                found = Settings().updated(json.loads(settings))
                if found == replace(Settings(), temperature=found.temperature, **wanted):
                    return name, settings
        set_to = "".join(f" with {key} {value}" for key, value in wanted.items())
        raise Untested(f"The sweep did not run {strategy.replace('_', ' ')}{set_to}.")

    def budgets(self, *arms: Arm, at_least: int = 1, selector: str = SELECTOR) -> list[int]:
        """The budgets at which all of the arms were measured."""
        own = [{key[3] for key in self._values if key[:3] == (*arm, selector)} for arm in arms]
        found = sorted(budget for budget in set.intersection(*own) if budget >= at_least)
        if not found:
            raise Untested(f"No budget from {at_least} up was measured for all that is compared here.")
        return found

    def value(self, arm: Arm, budget: int, selector: str = SELECTOR) -> Floats:
        """The chance that the answer is right, by question."""
        return self._values[(*arm, selector, budget)]

    def between(self, arm: Arm, budget: float) -> Floats:
        """The same at a budget between two measured ones, on a straight line in its logarithm."""
        around = bracket(self.budgets(arm), budget)
        if around is None:
            raise Untested(f"Nothing was measured around N = {budget:.0f}.")
        low, high, part = around
        return (1 - part) * self.value(arm, low) + part * self.value(arm, high)

    def gap(self, arm: Arm, other: Arm, budget: int, selector: str = SELECTOR) -> Floats:
        """By how much an arm is the better, by question."""
        return self.value(arm, budget, selector) - self.value(other, budget, selector)

    # --- means over questions ---------------------------------------------------------------------------

    @cached_property
    def bins(self) -> NDArray[np.int64]:
        """Oracle bins, made anew in each resample, (1 + resamples, Q); 0 for a question without a probe."""
        ease = ease_of(self.table("probe"))["oracle"].reindex(self.questions).to_numpy(float)
        there = np.isfinite(ease)
        rng = np.random.default_rng(self.seed)
        bins = np.zeros(self.weights.shape, np.int64)
        bins[:, there] = [fifths(ease[there], weight[there], rng) for weight in self.weights]
        return bins

    def mean(self, values: Floats, bins: Sequence[int] = ()) -> Floats:
        """The mean over questions, or over those of some bins, in every resample: (Q,) -> (1 + resamples,).

        A question that is nan says nothing.
        """
        there = np.isfinite(values)
        weights = self.weights * np.isin(self.bins, bins) if bins else self.weights
        size = weights @ there.astype(float)
        if size[0] == 0:
            raise Untested("No question was measured in all that is compared here.")
        means = weights @ np.where(there, values, 0.0)
        means = np.divide(means, size, out=np.full(len(size), np.nan), where=size > 0)
        return np.where(np.isfinite(means), means, means[0])

    def resampled(self, statistic: Callable[[Floats], Any]) -> Floats:
        """Any figure of the weights of the questions (Q,), in every resample."""
        return np.array([statistic(weight) for weight in self.weights], float)

    # --- rows of a chart --------------------------------------------------------------------------------

    def line(
        self,
        arm: Arm,
        name: str,
        tone: str,
        selector: str = SELECTOR,
        bins: Sequence[int] = (),
        panel: str = "",
    ) -> list[dict[str, Any]]:
        """Accuracy of an arm at its budgets, as rows of a chart."""
        return [
            row(name, tone, budget, self.mean(self.value(arm, budget, selector), bins), panel)
            for budget in self.budgets(arm, selector=selector)
        ]


def row(name: str, tone: str, x: float, draws: Floats, panel: str = "") -> dict[str, Any]:
    """A point of a chart from its value and draws."""
    low, high = interval(draws[1:])
    figures = {"x": x, "y": draws[0], "low": low, "high": high}
    return {"panel": panel, "line": name, "tone": tone} | {
        key: float(figure) for key, figure in figures.items()
    }


def slope(budgets: Sequence[int], draws: Sequence[Floats]) -> Floats:
    """The least-squares slope of a figure in log2 of the budget, in every resample: what doubling brings."""
    if len(budgets) < 2:
        raise Untested("One budget alone has no slope: sweep more of them.")
    x = np.log2(budgets)
    x -= x.mean()
    return np.tensordot(x, np.stack(draws), axes=1) / (x @ x)


def title(arm: Arm) -> str:
    """An arm in words.

    >>> title(("best_of_n", "{}")), title(("revise", '{"chains": 1}'))
    ('best-of-n', 'revise, chains 1')
    """
    words = [f"{name} {value}" for name, value in json.loads(arm[1]).items()]
    return ", ".join([arm[0].replace("_", "-"), *words])


def listed(numbers: Iterable[int]) -> str:
    """
    >>> listed([4, 16, 64])
    '4, 16 and 64'
    """
    *others, last = map(str, numbers)
    return f"{', '.join(others)} and {last}" if others else last


def points(share: float) -> str:
    """A difference of shares in words.

    >>> points(-0.0123), points(0.04)
    ('-1.2 points', '+4.0 points')
    """
    return f"{100 * share:+z.1f} points"


def asked(*values: Floats) -> int:
    """Questions for which all of the values, by question, are there."""
    return int(np.isfinite(values).all(axis=0).sum())


WORDS = {
    "pool": "pool of sampled solutions",
    "probe": "probe to tell difficulty by",
    "runs": "runs of strategies",
    "attempts": "attempts of a reviser",
}
