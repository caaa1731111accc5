"""From evidence to the points of a curve: mean accuracy and mean cost of an arm at a budget, with
intervals.

An interval is the middle 95 % of a bootstrap over questions; all arms and bins share its draws.
Bins by difficulty are made anew inside each draw, so that their own uncertainty counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ttc_explorer.experiments.difficulty import BINS, Floats, Ints, quintiles
from ttc_explorer.experiments.evidence import COST_COLUMNS
from ttc_explorer.experiments.intervals import RESAMPLES, percentile_interval

ARM_COLUMNS = ["strategy", "settings", "selector"]
COMPUTE_COLUMNS = ("budget", *COST_COLUMNS)


@dataclass(frozen=True)
class EvidenceArrays:
    """Evidence as arrays: ``questions`` (Q,), ``columns`` one row an arm at a budget, ``value`` (Q,
    columns) with nan where an arm was not run, and ``costs`` of the same shape for each of
    COMPUTE_COLUMNS."""

    questions: Ints
    columns: pd.DataFrame
    value: Floats
    costs: dict[str, Floats]

    @cached_property
    def arms(self) -> list[tuple[str, str, str]]:
        """(strategy, settings, selector) of every arm, once."""
        return list(dict.fromkeys(self.columns[ARM_COLUMNS].itertuples(index=False, name=None)))

    def arm_columns(self, arms: Sequence[tuple[str, str, str]]) -> Ints:
        """The columns of these arms, by arm in the order given and then by budget."""
        keys = pd.MultiIndex.from_frame(self.columns[ARM_COLUMNS])
        return np.concatenate(
            [np.flatnonzero(keys == arm) for arm in arms] or [np.empty(0, np.int64)]
        )


def evidence_arrays(evidence: pd.DataFrame) -> EvidenceArrays:
    """A table of evidence (``evidence.py``) as arrays."""
    questions = np.sort(evidence["question"].unique())
    key = evidence.groupby([*ARM_COLUMNS, "budget"], sort=True)
    at = np.searchsorted(questions, evidence["question"]), key.ngroup().to_numpy()
    columns = key.size().index.to_frame(index=False)

    def array(name: str) -> Floats:
        filled = np.full((len(questions), len(columns)), np.nan)
        filled[at] = evidence[name]
        return filled

    return EvidenceArrays(
        questions, columns, array("value"), {name: array(name) for name in COMPUTE_COLUMNS}
    )


def curve_points(
    table: EvidenceArrays,
    arms: Sequence[tuple[str, str, str]],
    within: NDArray[np.bool_] | None = None,
    easiness: Floats | None = None,
    bins: Ints | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """The points of these arms: bin (0 for all questions together), strategy, settings, selector,
    budget, the mean COMPUTE_COLUMNS of a question, accuracy, low, high and questions (that the
    point rests on).

    ``within`` (Q,) leaves only some questions. With ``easiness`` (Q,), how easy each is, the points
    are split into quintiles, from bin 1, the easiest; with ``bins`` (Q,) into those bins, as they
    are. A bin without a question, and an arm that was not run there, has no point.
    """
    mask = np.ones(len(table.questions), bool) if within is None else within
    selected_columns = table.arm_columns(arms)
    value = table.value[np.ix_(mask, selected_columns)]
    count = int(mask.sum())
    if not count or not len(selected_columns):
        return _point_rows(table, selected_columns, []).iloc[:0]
    rng = np.random.default_rng(seed)
    drawn = np.stack(
        [
            np.ones(count, np.int64),
            *rng.multinomial(count, np.full(count, 1 / count), size=resamples),
        ]
    )  # the first row stands for the questions themselves, each once
    if easiness is not None:
        resampled_bins = np.stack([quintiles(easiness[mask], weight, rng) for weight in drawn])
        names = np.arange(1, BINS + 1)
    else:
        given_bins = np.zeros(count, np.int64) if bins is None else bins[mask]
        resampled_bins = np.broadcast_to(given_bins, drawn.shape)
        names = np.unique(given_bins)

    measured = np.isfinite(value)
    filled = np.where(measured, value, 0.0)
    frames = []
    for name in names:
        weight = (drawn * (resampled_bins == name)).astype(float)
        with np.errstate(invalid="ignore"):
            means = (weight @ filled) / (weight @ measured.astype(float))
        inside = resampled_bins[0] == name
        frames.append((int(name), means, mask.nonzero()[0][inside]))
    return _point_rows(table, selected_columns, frames)


def _point_rows(
    table: EvidenceArrays, selected_columns: Ints, frames: list[tuple[int, Floats, Ints]]
) -> pd.DataFrame:
    found: list[dict[str, Any]] = []
    columns = table.columns.iloc[selected_columns].to_dict("records")
    for name, means, rows in frames:
        inside = np.ix_(rows, selected_columns)
        measured = np.isfinite(table.value[inside])
        low, high = percentile_interval(np.where(np.isfinite(means[1:]), means[1:], means[0]))
        costs = {
            cost: np.where(measured, array[inside], 0.0).sum(axis=0)
            / np.maximum(1, measured.sum(axis=0))
            for cost, array in table.costs.items()
        }
        for place, column in enumerate(columns):
            if measured[:, place].any():
                found.append(
                    {"bin": name}
                    | column
                    | {
                        cost: float(values[place])
                        for cost, values in costs.items()
                        if cost != "budget"
                    }
                    | {"accuracy": means[0, place], "low": low[place], "high": high[place]}
                    | {"questions": int(measured[:, place].sum())}
                )
    names = ["bin", *ARM_COLUMNS, *COMPUTE_COLUMNS, "accuracy", "low", "high", "questions"]
    return pd.DataFrame(found, columns=names)
