"""What a budget is in words before a run: tokens as such runs took on average in the shipped
experiments, seconds as the runs here took so far."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

import numpy as np

from ttc_explorer.search.run import Run
from ttc_explorer.ui.html_templates import render_macro
from ttc_explorer.ui.results_store import ResultsStore

RATE_MEMORY = 0.7
"""Share of what was known that a new run leaves of a rate."""


class RunRates:
    """Written tokens a second by model, of the runs that ended here: a moving average."""

    def __init__(self) -> None:
        self._rates: dict[str, float] = {}
        self._lock = Lock()

    def record(self, run: Run) -> None:
        """Learn from a run that ended by itself."""
        tokens, seconds = run.ledger.generated_tokens, run.ledger.seconds
        if run.stopped != "done" or not tokens or seconds <= 0:
            return
        with self._lock:
            before = self._rates.get(run.model, tokens / seconds)
            self._rates[run.model] = RATE_MEMORY * before + (1 - RATE_MEMORY) * tokens / seconds

    def seconds(self, model: str, tokens: float) -> float | None:
        """How long the model takes to write so many tokens here; None before its first run."""
        rate = self._rates.get(model)
        return None if rate is None else tokens / rate


@dataclass(frozen=True)
class RunEstimate:
    """``tokens`` that the model writes, and ``seconds`` here, None before anything ran."""

    tokens: float
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
    return RunEstimate(tokens, rates.seconds(model, tokens))


def estimate_sentence(budget: int, estimate: RunEstimate | None) -> str:
    """The budget in words, as HTML; empty where nothing is known."""
    if estimate is None:
        return ""
    tokens = f"{round(estimate.tokens, -1 if estimate.tokens < 1000 else -2):,.0f}"
    seconds = estimate.seconds
    here = (
        "" if seconds is None else f", {seconds:.0f} s here" if seconds >= 1 else ", under 1 s here"
    )
    return render_macro("hint", f"N = {budget}: about {tokens} tokens to write{here}.")
