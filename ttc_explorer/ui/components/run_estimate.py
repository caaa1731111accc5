"""What a budget is in words before a run: tokens as such runs took on average in the shipped
experiments, steps and seconds as the runs here took so far."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TypeVar

import numpy as np

from ttc_explorer.search.run import Run
from ttc_explorer.ui.html_templates import render_macro
from ttc_explorer.ui.results_store import ResultsStore

Key = TypeVar("Key")
RATE_MEMORY = 0.7
"""Share of what was known that a new run leaves of a rate."""


class RunRates:
    """Written tokens a second by model, and written tokens a step by model and strategy, of the
    runs that ended here: moving averages."""

    def __init__(self) -> None:
        self._per_second: dict[str, float] = {}
        self._per_step: dict[tuple[str, str], float] = {}
        self._lock = Lock()

    def record(self, run: Run) -> None:
        """Learn from a run that ended by itself."""
        tokens, seconds = run.ledger.generated_tokens, run.ledger.seconds
        if run.stopped != "done" or not tokens or seconds <= 0:
            return
        steps = sum(run.tree.copies[1:])
        with self._lock:
            _move(self._per_second, run.model, tokens / seconds)
            _move(self._per_step, (run.model, run.strategy), tokens / steps)

    def seconds(self, model: str, tokens: float) -> float | None:
        """How long the model takes to write so many tokens here; None before its first run."""
        rate = self._per_second.get(model)
        return None if rate is None else tokens / rate

    def steps(self, model: str, strategy: str, tokens: float) -> float | None:
        """How many steps of the tree so many tokens are; None before the first such run here."""
        rate = self._per_step.get((model, strategy))
        return None if rate is None else tokens / rate


def _move(averages: dict[Key, float], key: Key, new: float) -> None:
    averages[key] = RATE_MEMORY * averages.get(key, new) + (1 - RATE_MEMORY) * new


@dataclass(frozen=True)
class RunEstimate:
    """``tokens`` that the model writes, in so many ``steps`` and ``seconds`` here; those are None
    before anything ran."""

    tokens: float
    steps: float | None
    seconds: float | None


def estimate_run(
    strategy: str, budget: int, model: str, results_store: ResultsStore, rates: RunRates
) -> RunEstimate | None:
    """What a run will about take; None where nothing like it was measured.

    Args:
        strategy: its name; of its settings, the first that were measured stand for all.
        budget: N. Between measured budgets tokens grow in proportion to N.
        model: name of the generator.
        results_store: where measured costs are.
        rates: of this process.
    """
    if model not in results_store.models:
        return None
    table = results_store.model_results(model).table
    columns = table.columns[table.columns["strategy"] == strategy]
    if not len(columns):
        return None
    nearest = columns["budget"].map(lambda other: max(other, budget) / min(other, budget)).idxmin()
    place = table.columns.index.get_loc(nearest)
    written = float(np.nanmean(table.costs["generated_tokens"][:, place]))
    tokens = written * budget / int(columns.loc[nearest, "budget"])
    return RunEstimate(tokens, rates.steps(model, strategy, tokens), rates.seconds(model, tokens))


def estimate_sentence(budget: int, estimate: RunEstimate | None) -> str:
    """The budget in words, as HTML; empty where nothing is known."""
    if estimate is None:
        return ""
    parts = [f"{_rounded(estimate.tokens)} tokens"]
    if estimate.steps is not None:
        parts.insert(0, f"{_rounded(estimate.steps)} steps")
    seconds = estimate.seconds
    if seconds is not None:
        parts.append(f"{seconds:.0f} s here" if seconds >= 1 else "under 1 s here")
    return render_macro("hint", f"N = {budget}: about {', '.join(parts)}.")


def _rounded(count: float) -> str:
    """To two figures, or three of a large number.

    >>> [_rounded(count) for count in (7.4, 83.2, 214, 2149)]
    ['7', '83', '210', '2,100']
    """
    return f"{round(count, 0 if count < 100 else -1 if count < 1000 else -2):,.0f}"
