"""A dot plot as HTML: a row a figure, its interval as a stroke, and a common scale below. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from ttc_explorer.ui.html_templates import render

APPROXIMATE_TICKS = 5
"""Marks on the scale, about."""


@dataclass(frozen=True)
class Dot:
    """A row. ``value_text`` is ``value`` as written, ``tip`` what pointing at it says, ``tone`` the
    strategy that gives its colour; ``highlighted`` sets it apart from the others."""

    name: str
    detail: str
    tone: str
    value: float
    low: float
    high: float
    value_text: str
    tip: str
    highlighted: bool = False


class PlacedDot(NamedTuple):
    """A row and where it stands on the scale, in per cent of it; nowhere (empty) if its value is
    not known."""

    dot: Dot
    place: str = ""
    low: str = ""
    high: str = ""


def dot_plot(
    rows: Sequence[Dot], format_value: Callable[[float], str], mark: float | None = None
) -> Markup:
    """The rows in the order given.

    Args:
        rows: a figure each.
        format_value: says how the scale is labelled.
        mark: a value that a line stands at.
    """
    known = [row for row in rows if math.isfinite(row.value)]
    ends = [
        *(row.low for row in known),
        *(row.high for row in known),
        *([] if mark is None else [mark]),
    ] or [0.0, 1.0]
    ticks = nice_ticks(min(ends), max(ends))
    low, high = min(ticks[0], *ends), max(ticks[-1], *ends)

    def place(value: float) -> str:
        return f"{100 * (value - low) / (high - low):.2f}%"

    return render(
        "dot_plot.html",
        rows=[
            PlacedDot(row, place(row.value), place(row.low), place(row.high))
            if math.isfinite(row.value)
            else PlacedDot(row)
            for row in rows
        ],
        mark=None if mark is None else place(mark),
        ticks=[(place(tick), format_value(tick)) for tick in ticks],
    )


def nice_ticks(low: float, high: float) -> list[float]:
    """Round values around low..high, in steps of 1, 2, 2.5 or 5 times a power of ten.

    >>> nice_ticks(0.12, 0.87)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    width = (high - low or abs(high) or 1.0) / (APPROXIMATE_TICKS - 1)
    power = 10 ** math.floor(math.log10(width))
    step = power * min((1, 2, 2.5, 5, 10), key=lambda part: abs(math.log(part * power / width)))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(place * step, 10) for place in range(first, max(last, first + 1) + 1)]
