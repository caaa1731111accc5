"""From evidence to the points of a curve: mean accuracy and mean cost of an arm at a budget, with intervals.

An interval is the middle 95 % of a bootstrap over questions; all arms and bins share its draws. Bins by
difficulty are made anew inside each draw, so that their own uncertainty counts (method.md §7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ttc_explorer.experiments.difficulty import BINS, Floats, Ints, fifths
from ttc_explorer.experiments.intervals import RESAMPLES, interval

ARM = ["strategy", "settings", "selector"]
COSTS = ("budget", "generated_tokens", "all_tokens", "flops", "sequential_depth", "seconds")


@dataclass(frozen=True)
class Grid:
    """Evidence as arrays: ``questions`` (Q,), ``columns`` one row an arm at a budget, ``value`` (Q, columns)
    with nan where an arm was not run, and ``costs`` of the same shape for each of COSTS."""

    questions: Ints
    columns: pd.DataFrame
    value: Floats
    costs: dict[str, Floats]

    @cached_property
    def arms(self) -> list[tuple[str, str, str]]:
        """(strategy, settings, selector) of every arm, once."""
        return list(dict.fromkeys(self.columns[ARM].itertuples(index=False, name=None)))

    def of(self, arms: Sequence[tuple[str, str, str]]) -> Ints:
        """The columns of these arms, by arm in the order given and then by budget."""
        keys = pd.MultiIndex.from_frame(self.columns[ARM])
        return np.concatenate([np.flatnonzero(keys == arm) for arm in arms] or [np.empty(0, np.int64)])


def grid(evidence: pd.DataFrame) -> Grid:
    """A table of evidence (``evidence.py``) as arrays."""
    questions = np.sort(evidence["question"].unique())
    key = evidence.groupby([*ARM, "budget"], sort=True)
    at = np.searchsorted(questions, evidence["question"]), key.ngroup().to_numpy()
    columns = key.size().index.to_frame(index=False)

    def array(name: str) -> Floats:
        filled = np.full((len(questions), len(columns)), np.nan)
        filled[at] = evidence[name]
        return filled

    return Grid(questions, columns, array("value"), {name: array(name) for name in COSTS})


def points(
    table: Grid,
    arms: Sequence[tuple[str, str, str]],
    within: NDArray[np.bool_] | None = None,
    ease: Floats | None = None,
    bins: Ints | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """The points of these arms: bin (0 for all questions together), strategy, settings, selector, budget,
    the mean COSTS of a question, accuracy, low, high and questions (that the point rests on).

    ``within`` (Q,) leaves only some questions. With ``ease`` (Q,), how easy each is, the points are split
    into fifths, from bin 1, the easiest; with ``bins`` (Q,) into those bins, as they are. A bin without a
    question, and an arm that was not run there, has no point.
    """
    use = np.ones(len(table.questions), bool) if within is None else within
    chosen = table.of(arms)
    value = table.value[np.ix_(use, chosen)]
    count = int(use.sum())
    if not count or not len(chosen):
        return _points(table, chosen, []).iloc[:0]
    rng = np.random.default_rng(seed)
    drawn = np.stack(
        [np.ones(count, np.int64), *rng.multinomial(count, np.full(count, 1 / count), size=resamples)]
    )  # the first row stands for the questions themselves, each once
    if ease is not None:
        split = np.stack([fifths(ease[use], weight, rng) for weight in drawn])
        names = range(1, BINS + 1)
    else:
        own = np.zeros(count, np.int64) if bins is None else bins[use]
        split = np.broadcast_to(own, drawn.shape)
        names = np.unique(own)

    there = np.isfinite(value)
    filled = np.where(there, value, 0.0)
    frames = []
    for name in names:
        weight = (drawn * (split == name)).astype(float)
        with np.errstate(invalid="ignore"):
            means = (weight @ filled) / (weight @ there.astype(float))
        inside = split[0] == name
        frames.append((int(name), means, use.nonzero()[0][inside]))
    return _points(table, chosen, frames)


def _points(table: Grid, chosen: Ints, frames: list[tuple[int, Floats, Ints]]) -> pd.DataFrame:
    found: list[dict[str, Any]] = []
    columns = table.columns.iloc[chosen].to_dict("records")
    for name, means, rows in frames:
        inside = np.ix_(rows, chosen)
        there = np.isfinite(table.value[inside])
        low, high = interval(np.where(np.isfinite(means[1:]), means[1:], means[0]))
        costs = {
            cost: np.where(there, array[inside], 0.0).sum(axis=0) / np.maximum(1, there.sum(axis=0))
            for cost, array in table.costs.items()
        }
        for place, column in enumerate(columns):
            if there[:, place].any():
                found.append(
                    {"bin": name}
                    | column
                    | {cost: float(values[place]) for cost, values in costs.items() if cost != "budget"}
                    | {"accuracy": means[0, place], "low": low[place], "high": high[place]}
                    | {"questions": int(there[:, place].sum())}
                )
    names = ["bin", *ARM, *COSTS, "accuracy", "low", "high", "questions"]
    return pd.DataFrame(found, columns=names)
