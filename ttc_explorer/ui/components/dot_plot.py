"""A dot plot as HTML: a row a figure, its interval as a stroke, and a common scale below. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ttc_explorer.ui.components.compare_view import swatch
from ttc_explorer.ui.math_typesetting import escape_html
from ttc_explorer.ui.strategy_colours import colour_style

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


def dot_plot(
    rows: Sequence[Dot], format_value: Callable[[float], str], mark: float | None = None
) -> str:
    """The rows in the order given; ``format_value`` says how the scale is labelled, and ``mark`` is
    a value that a line stands at."""
    known = [row for row in rows if math.isfinite(row.value)]
    ends = [
        *(row.low for row in known),
        *(row.high for row in known),
        *([] if mark is None else [mark]),
    ]
    if not ends:
        ends = [0.0, 1.0]
    ticks = nice_ticks(min(ends), max(ends))
    low, high = min(ticks[0], *ends), max(ticks[-1], *ends)

    def at(value: float) -> str:
        return f"{100 * (value - low) / (high - low):.2f}%"

    body = "".join(_dot_row(row, at, mark) for row in rows)
    labels = "".join(
        f'<i style="left:{at(tick)}">{escape_html(format_value(tick))}</i>' for tick in ticks
    )
    return (
        f'<ol class="dots">{body}</ol><div class="dots-scale" '
        f'aria-hidden="true"><div>{labels}</div></div>'
    )


def _dot_row(row: Dot, at: Callable[[float], str], mark: float | None) -> str:
    name = (
        f"{swatch(row.tone) if row.tone else ''}{escape_html(row.name)} "
        f"<span>{escape_html(row.detail)}</span>"
    )
    drawn = "" if mark is None else f'<i class="mark" style="left:{at(mark)}"></i>'
    if math.isfinite(row.value):
        light, dark, _ = colour_style(row.tone)
        drawn += (
            f'<i class="reach" style="left:{at(row.low)};right:calc(100% - {at(row.high)});'
            f'--light:{light};--dark:{dark}"></i>'
            f'<i class="dot" style="left:{at(row.value)};--light:{light};--dark:{dark}"></i>'
        )
    return (
        f'<li class="{"marked" if row.highlighted else ""}" tabindex="0" '
        f'data-tip="{escape_html(row.tip)}">'
        f'<span class="name">{name}</span><span class="track">{drawn}</span>'
        f'<b class="figure">{escape_html(row.value_text)}</b></li>'
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
