"""Tables -> figures. Pure: a figure is what Plotly.js draws, {"data", "layout", "config"};
``to_plot_data`` hands it to ``gr.Plot``, which brings Plotly.js along (so nothing is fetched, and
the Python package is not needed).

Figures are made for paper: dark ink on white, as a saved PNG must look. On the page, styles
(``plot_css.py``, ``plots.css``) make the paper transparent and swap ink and colours in dark,
through the ``uid`` of a trace, which names its colour style. So one figure serves both themes and
follows a switch without being drawn again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from gradio.components.plot import PlotData

from ttc_explorer.ui.plot_css import trace_uid
from ttc_explorer.ui.strategy_colours import ColourStyle, colour_style
from ttc_explorer.ui.theme import BORDER_COLOUR, SUBDUED_TEXT_COLOUR, TEXT_COLOUR

Figure = dict[str, Any]

FONT = '"IBM Plex Sans", system-ui, sans-serif'
LINE_WIDTH = 2.6
"""Of a line, in pixels."""
BAND_OPACITY = 0.13
"""Opacity of a band."""
LABEL_CHARACTER_WIDTH, LABEL_HEIGHT = 7.3, 19
"""Pixels that a letter of a label is wide, and a label high."""
LEGEND_LAYOUT: Figure = {
    "orientation": "h",
    "y": 1.02,
    "yanchor": "bottom",
    "x": 0,
    "font": {"size": 13},
    "bgcolor": "rgba(0,0,0,0)",
}
"""A legend above the figure."""
BASE_HEIGHT = 430
"""Height in pixels that the gaps between labels are made for; a higher figure has larger ones."""


def to_plot_data(figure: Figure) -> PlotData:
    """The figure as a value of ``gr.Plot``."""
    return PlotData(type="plotly", plot=json.dumps(figure, allow_nan=False))


def make_figure(data: list[dict[str, Any]], **layout: Any) -> Figure:
    """A figure of these traces in the common layout; ``layout`` adds to it.

    Nothing can be zoomed: on a phone that would hold the page fast. A legend is for those who ask
    for it.
    """
    return {"data": data, "layout": base_layout(**layout), "config": {"displayModeBar": False}}


def base_layout(**changes: Any) -> dict[str, Any]:
    """Paper, type, margins and hover."""
    return {
        "font": {"family": FONT, "size": 14, "color": TEXT_COLOUR[0]},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "margin": {"l": 62, "r": 16, "t": 12, "b": 52},
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "hoverlabel": {
            "bgcolor": TEXT_COLOUR[0],
            "bordercolor": "#8592a6",
            "font": {"family": FONT, "size": 14, "color": "#ffffff"},
            "align": "left",
        },
    } | changes


def make_axis(title: str = "", **changes: Any) -> dict[str, Any]:
    """An axis: quiet grid, no line at zero, its title in the colour of notes."""
    return {
        "title": {
            "text": title,
            "font": {"size": 14, "color": SUBDUED_TEXT_COLOUR[0]},
            "standoff": 10,
        },
        "gridcolor": BORDER_COLOUR[0],
        "linecolor": "#b8c2d0",
        "zeroline": False,
        "fixedrange": True,
        "tickfont": {"size": 13, "color": TEXT_COLOUR[0]},
    } | changes


def percent_axis(title: str = "", **changes: Any) -> dict[str, Any]:
    """An axis of shares from 0 to 1, written in per cent."""
    return make_axis(title, **({"tickformat": ".0%", "nticks": 7} | changes))


def annotation(text: str, x: float, y: float, **changes: Any) -> dict[str, Any]:
    """A text on the figure, in ink; x and y as shares of the figure unless ``changes`` say
    otherwise."""
    return {
        "text": text,
        "x": x,
        "y": y,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "showarrow": False,
        "align": "left",
        "font": {"size": 13, "color": TEXT_COLOUR[0]},
    } | changes


def plotly_dash(style: ColourStyle, width: float = LINE_WIDTH) -> str:
    """The dash as Plotly wants it, for a line of that width.

    >>> plotly_dash(colour_style("lookahead"), 2.0), plotly_dash(colour_style("beam"))
    ('8px,4px', 'solid')
    """
    return ",".join(f"{float(length) * width:g}px" for length in style.dash.split()) or "solid"


def line_trace(
    x: Sequence[float | None], y: Sequence[float | None], name: str, part: str, **changes: Any
) -> dict[str, Any]:
    """A line in a colour style."""
    style = colour_style(name)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(x),
        "y": list(y),
        "line": {"color": style.light, "width": LINE_WIDTH, "dash": plotly_dash(style)},
        "uid": trace_uid(name, part),
    } | changes


def band_trace(
    x: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    name: str,
    part: str,
    **changes: Any,
) -> dict[str, Any]:
    """The interval around a line, as a band in its colour style: from ``low`` back along
    ``high``."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [*x, *reversed(x)],
        "y": [*low, *reversed(high)],
        "fill": "toself",
        "fillcolor": _rgba(colour_style(name).light, BAND_OPACITY),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "uid": trace_uid(name, part),
    } | changes


def _rgba(colour: str, opacity: float) -> str:
    """
    >>> _rgba("#0c3fae", 0.5)
    'rgba(12,63,174,0.5)'
    """
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def spread_labels(desired: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places for labels that want these places: at least ``gap`` apart, in the same order, within
    low..high as far as there is room, and as near as can be (least squares).

    With the gaps taken out, that is isotonic regression: neighbours that would overlap pool their
    wishes.

    >>> spread_labels([5.0, 5.0, 9.0], gap=1, low=0, high=10)
    [4.5, 5.5, 9.0]
    """
    order = sorted(range(len(desired)), key=lambda place: desired[place])
    pools: list[list[float]] = []
    for rank, place in enumerate(order):
        pools.append([desired[place] - rank * gap])
        while len(pools) > 1 and np.mean(pools[-2]) > np.mean(pools[-1]):
            last = pools.pop()
            pools[-1].extend(last)
    level = [float(np.mean(pool)) for pool in pools for _ in pool]
    top = high - (len(desired) - 1) * gap
    positions = [0.0] * len(desired)
    for rank, place in enumerate(order):
        positions[place] = max(low, min(level[rank], top)) + rank * gap
    return positions
