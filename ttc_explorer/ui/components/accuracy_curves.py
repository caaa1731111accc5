"""Accuracy against compute, in any of the costs that are measured. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ttc_explorer.ui.components.line_chart import ChartAxis, line_chart, padded_range
from ttc_explorer.ui.components.plotly_figures import Figure
from ttc_explorer.ui.number_format import format_amount

PERCENT_STYLE = {"tickformat": ".0%", "nticks": 7}
"""An axis of shares, written in per cent."""


@dataclass(frozen=True)
class CostAxis:
    """A cost to plot against: a column of the evidence, its title, its name in a row of choices,
    and the unit after a number of it."""

    column: str
    title: str
    short: str
    unit: str


COST_AXES: dict[str, CostAxis] = {
    axis.column: axis
    for axis in (
        CostAxis("budget", "Samples N", "N", "samples"),
        CostAxis("generated_tokens", "Tokens written, a question", "Written", "tokens written"),
        CostAxis("all_tokens", "Tokens processed, a question", "Tokens", "tokens"),
        CostAxis("flops", "FLOP, a question", "FLOP", "FLOP"),
        CostAxis(
            "sequential_depth", "Passes that wait for one another, a question", "Passes", "passes"
        ),
        CostAxis("seconds", "Seconds, a question", "Time", "s"),
    )
}


def accuracy_curves(
    points: pd.DataFrame,
    cost_column: str = "budget",
    log: bool = True,
    bands: bool = True,
    narrow: bool = False,
    thin_arms: Collection[str] = (),
) -> Figure:
    """Accuracy against compute: a line an arm, and a panel a value of the column ``panel``.

    An arm that has only one budget (greedy) cannot spend more: a thin line leads on from it.

    Args:
        points: a row a point: panel, arm (its name on screen), tone, budget, x (in units of the
            column ``cost_column``), accuracy, low, high (95 %) and questions; arms and panels are
            drawn in the order in which they come.
        cost_column: what x is, one of ``COST_AXES``.
        log: x is logarithmic.
        bands: intervals are drawn.
        narrow: for a phone: without names at the ends of the lines, and two panels in a row.
        thin_arms: arms that are thin and have no band.
    """
    axis = COST_AXES[cost_column]
    left, right = padded_range(points["x"], log, 0.035)
    bottom, top = _accuracy_range(
        points["low" if bands else "accuracy"], points["high" if bands else "accuracy"]
    )
    text = [
        f"<b>{row.arm}</b><br>N = {row.budget}"
        + ("" if cost_column == "budget" else f" · {_format_cost(row.x)} {axis.unit}")
        + f"<br>{row.accuracy:.1%} right ({100 * row.low:.1f}–{row.high:.1%})<br>{row.questions} "
        "questions"
        for row in points.itertuples()
    ]
    ticks = _cost_ticks(
        cost_column, points["budget"], (left, right), log, points["panel"].nunique() > 1
    )
    drawn = points[["panel", "arm", "tone", "x", "accuracy", "low", "high"]]
    return line_chart(
        drawn.rename(columns={"arm": "line", "accuracy": "y"}).assign(text=text),
        ChartAxis(axis.title, left, right, log, ticks),
        ChartAxis("Accuracy", bottom, top, style=PERCENT_STYLE),
        narrow=narrow,
        bands=None if bands else (),
        thin=thin_arms,
        lead_on=True,
        columns=2 if narrow else None,
    )


def _accuracy_range(low: pd.Series, high: pd.Series) -> tuple[float, float]:
    """The part of 0..1 to show: all there is and a little air, and never less than a tenth."""
    floor, ceiling = float(low.min()), float(high.max())
    padding = max(0.04 * (ceiling - floor), (0.1 - (ceiling - floor)) / 2, 0.01)
    return max(-0.01, floor - padding), min(1.01, ceiling + padding)


def _format_cost(number: float) -> str:
    """
    >>> _format_cost(0.25), _format_cost(12.34), _format_cost(5200.0)
    ('0.25', '12.3', '5,200')
    """
    return format_amount(number) if number >= 100 else f"{number:.3g}"


def _cost_ticks(
    cost_column: str, budgets: pd.Series, edges: tuple[float, float], log: bool, small: bool
) -> dict[str, Any]:
    """Ticks: the budgets themselves where these are the axis, round numbers else; fewer in a small
    panel."""
    if not log:
        return {"tickformat": "~s", "nticks": 4 if small else 8}
    if cost_column == "budget":
        values = sorted(set(budgets))
        values = values[:: 2 if small or len(values) > 10 else 1]
    else:
        values = log_ticks(*edges, 4 if small else 9)
    return {
        "tickvals": values,
        "ticktext": [_format_cost(value).replace(".0", "") for value in values],
    }


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Ones, twos and fives of each decade within low..high; ones and threes, or the ones, if those
    are more than ``most``.

    >>> log_ticks(70, 4500, 9), log_ticks(70, 4500, 4), log_ticks(1, 900, 3)
    ([100.0, 200.0, 500.0, 1000.0, 2000.0], [100.0, 300.0, 1000.0, 3000.0], [1.0, 10.0, 100.0])
    """
    decades = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    found: list[float] = []
    for parts in ((1, 2, 5), (1, 3), (1,)):
        ticks = [part * 10.0**decade for decade in decades for part in parts]
        inside = [tick for tick in ticks if low <= tick <= high]
        found = inside or found
        if len(inside) <= most:
            break
    return found
