"""Tables -> figures. Pure: a figure is what Plotly.js draws, {"data", "layout", "config"};
``to_plot_data`` hands it to ``gr.Plot``, which brings Plotly.js along (so nothing is fetched, and
the Python package is not needed).

Figures are made for paper: dark ink on white, as a saved PNG must look. On the page, styles
(``plot_css.py``, ``curves.css``) make the paper transparent and swap ink and colours in dark,
through the ``uid`` of a trace, which names its colour style. So one figure serves both themes and
follows a switch without being drawn again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from gradio.components.plot import PlotData

from ttc_explorer.ui.number_format import format_amount
from ttc_explorer.ui.plot_css import trace_uid
from ttc_explorer.ui.strategy_colours import ColourStyle, colour_style
from ttc_explorer.ui.theme import BORDER_COLOUR, SUBDUED_TEXT_COLOUR, TEXT_COLOUR

Figure = dict[str, Any]

FONT = '"IBM Plex Sans", system-ui, sans-serif'
LINE_WIDTH = 2.6
"""Of a line, in pixels."""
BAND_OPACITY = 0.13
"""Opacity of a band."""
MARKER_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "pentagon")
"""Of the first, second … arm with the same colour style."""
LABEL_CHARACTER_WIDTH, LABEL_HEIGHT = 7.3, 19
"""Pixels that a letter of a label is wide, and a label high."""
BASE_HEIGHT = 430
"""Height in pixels that the gaps between labels are made for; a higher figure has larger ones."""


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


# --- what all figures share -----------------------------------------------------------------------


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
    x: Sequence[float], y: Sequence[float], name: str, part: str, **changes: Any
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


# --- accuracy against compute ---------------------------------------------------------------------


def accuracy_curves(
    points: pd.DataFrame,
    cost_column: str = "budget",
    log: bool = True,
    bands: bool = True,
    narrow: bool = False,
    y_title: str = "Accuracy",
    thin_arms: Collection[str] = (),
) -> Figure:
    """Accuracy against compute: a line an arm, and a panel a value of the column ``panel``.

    ``points`` has a row a point: panel, arm (its name on screen), tone, budget, x (in units of the
    column ``cost_column``), accuracy, low, high (95 %) and questions; arms and panels are drawn in
    the order in which they come. An arm that has only one budget (greedy) cannot spend more: a thin
    line leads on from it. Names stand at the ends of the lines; in the last panel, if there are
    several. ``narrow`` leaves them out and puts two panels in a row, for a phone. ``thin_arms``
    arms are thin and have no band.
    """
    panels = list(points["panel"].unique())
    arms = list(points["arm"].unique())
    positions = _panel_positions(len(panels), narrow)
    floor, ceiling = _accuracy_range(
        points["low" if bands else "accuracy"], points["high" if bands else "accuracy"]
    )
    left, right = float(points["x"].min()), float(points["x"].max())
    edges = _x_range(left, right, log)
    tones = dict(zip(points["arm"], points["tone"], strict=True))
    markers = _marker_by_arm(arms, tones)

    data, layout, notes = [], {}, []
    for number, (panel, place) in enumerate(zip(panels, positions, strict=True)):
        suffix = str(number + 1) if number else ""
        axis_refs = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        panel_points = points[points["panel"] == panel]
        rows_by_arm = [panel_points[panel_points["arm"] == arm].sort_values("x") for arm in arms]
        if bands:
            for index, (arm, rows) in enumerate(zip(arms, rows_by_arm, strict=True)):
                if len(rows) > 1 and arm not in thin_arms:
                    x, low, high = (rows[name].tolist() for name in ("x", "low", "high"))
                    data.append(
                        band_trace(x, low, high, tones[arm], f"band {number} {index}", **axis_refs)
                    )
        for index, (arm, rows) in enumerate(zip(arms, rows_by_arm, strict=True)):
            if len(rows):
                data += _curve_traces(
                    rows,
                    arm,
                    tones[arm],
                    markers[arm],
                    cost_column,
                    right,
                    f"{number} {index}",
                    axis_refs,
                )
                if arm in thin_arms:
                    data[-1] |= {
                        "opacity": 0.6,
                        "line": data[-1]["line"] | {"width": LINE_WIDTH / 2},
                    }
        first_column = place.column == 0
        layout[f"xaxis{suffix}"] = make_axis(
            COST_AXES[cost_column].title if len(panels) == 1 or place.middle else "",
            domain=place.x,
            anchor=f"y{suffix}",
            range=[math.log10(edge) for edge in edges] if log else list(edges),
            type="log" if log else "linear",
            **_tick_layout(cost_column, points["budget"], edges, log, len(panels) > 1),
        )
        layout[f"yaxis{suffix}"] = percent_axis(
            y_title if first_column else "",
            domain=place.y,
            anchor=f"x{suffix}",
            range=[floor, ceiling],
            showticklabels=first_column,
        )
        if len(panels) > 1:
            notes.append(
                annotation(f"<b>{panel}</b>", place.x[0], place.y[1], yanchor="bottom", yshift=4)
            )
        if number == len(panels) - 1 and not narrow:
            labels = [
                (arm, rows.iloc[-1])
                for arm, rows in zip(arms, rows_by_arm, strict=True)
                if len(rows)
            ]
            height = (ceiling - floor) * LABEL_HEIGHT / BASE_HEIGHT
            ends = spread_labels(
                [float(end["accuracy"]) for _, end in labels], height, floor, ceiling
            )
            for index, ((arm, end), y) in enumerate(zip(labels, ends, strict=True)):
                data.append(
                    _leader_line(end, y, right, edges[1], tones[arm], f"leader {index}", axis_refs)
                )
                notes.append(annotation(arm, 1, y, yref=axis_refs["yaxis"], xshift=6))
    room = 16 if narrow else 14 + LABEL_CHARACTER_WIDTH * max(map(len, arms))
    margin = {"l": 54 if narrow else 62, "r": room, "t": 30 if len(panels) > 1 else 12, "b": 52}
    return make_figure(data, **layout, annotations=notes, margin=margin)


def _curve_traces(
    rows: pd.DataFrame,
    arm: str,
    name: str,
    marker: str,
    cost_column: str,
    right: float,
    part: str,
    axis_refs: Figure,
) -> list[dict[str, Any]]:
    """Line, markers and hover text of each point."""
    style = colour_style(name)
    unit = COST_AXES[cost_column].unit
    hover_texts = [
        f"<b>{arm}</b><br>N = {row.budget}"
        + ("" if cost_column == "budget" else f" · {_format_number(row.x)} {unit}")
        + f"<br>{row.accuracy:.1%} right ({100 * row.low:.1f}–{row.high:.1%})<br>{row.questions} "
        "questions"
        for row in rows.itertuples()
    ]
    traces = [
        line_trace(
            rows["x"].tolist(),
            rows["accuracy"].tolist(),
            name,
            f"line {part}",
            mode="lines+markers",
            marker={"symbol": marker, "size": 8, "color": style.light, "line": {"width": 0}},
            text=hover_texts,
            hovertemplate="%{text}<extra></extra>",
            cliponaxis=False,
            **axis_refs,
        )
    ]
    if len(rows) == 1 and rows["x"].iloc[0] < right:
        level = float(rows["accuracy"].iloc[0])
        thin = {"color": style.light, "width": 1.4, "dash": plotly_dash(style, 1.8)}
        span = [float(rows["x"].iloc[0]), right]
        traces.append(
            line_trace(
                span, [level, level], name, f"on {part}", line=thin, hoverinfo="skip", **axis_refs
            )
        )
    return traces


def _leader_line(
    end: pd.Series, y: float, right: float, edge: float, name: str, part: str, axis_refs: Figure
) -> Figure:
    """The thin line from the last point of an arm to its name at the edge."""
    x, level = float(end["x"]), float(end["accuracy"])
    alone = [right] if x < right else []
    thin = {"color": colour_style(name).light, "width": 1}
    return line_trace(
        [x, *alone, edge],
        [level, *[y] * len(alone), y],
        name,
        part,
        line=thin,
        opacity=0.55,
        hoverinfo="skip",
        **axis_refs,
    )


def _format_number(number: float) -> str:
    """
    >>> _format_number(0.25), _format_number(12.34), _format_number(5200.0)
    ('0.25', '12.3', '5,200')
    """
    return format_amount(number) if number >= 100 else f"{number:.3g}"


def _marker_by_arm(arms: Sequence[str], tones: dict[str, str]) -> dict[str, str]:
    """A marker an arm: arms that share colour and dash differ in it."""
    seen: dict[str, int] = {}
    markers = {}
    for arm in arms:
        turn = seen[tones[arm]] = seen.get(tones[arm], -1) + 1
        markers[arm] = MARKER_SYMBOLS[turn % len(MARKER_SYMBOLS)]
    return markers


def _accuracy_range(low: pd.Series, high: pd.Series) -> tuple[float, float]:
    """The part of 0..1 to show: all there is and a little air, and never less than a tenth."""
    floor, ceiling = float(low.min()), float(high.max())
    padding = max(0.04 * (ceiling - floor), (0.1 - (ceiling - floor)) / 2, 0.01)
    return max(-0.01, floor - padding), min(1.01, ceiling + padding)


def _x_range(left: float, right: float, log: bool) -> tuple[float, float]:
    """The range of x: all points, and some air on both sides."""
    if log:
        padding = max(right / left, 2.0) ** 0.035
        return left / padding, right * padding
    padding = 0.035 * (right - left or right or 1.0)
    return left - padding, right + padding


def _tick_layout(
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
        "ticktext": [_format_number(value).replace(".0", "") for value in values],
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
        rows_by_arm = [part * 10.0**decade for decade in decades for part in parts]
        panel_points = [value for value in rows_by_arm if low <= value <= high]
        found = panel_points or found
        if len(panel_points) <= most:
            break
    return found


@dataclass(frozen=True)
class _PanelPosition:
    x: list[float]
    y: list[float]
    column: int
    middle: bool
    """Whether the title of the x-axis stands under this panel."""


def _panel_positions(count: int, narrow: bool) -> list[_PanelPosition]:
    """Where the panels stand, as shares of the figure: in a row, or two in each row."""
    columns = min(count, 2 if narrow else count)
    rows = math.ceil(count / columns)
    width, height = 1 / columns, 1 / rows
    gap_x, gap_y = 0.022 if columns > 1 else 0.0, 0.1 if rows > 1 else 0.0
    positions = []
    for number in range(count):
        row, column = divmod(number, columns)
        x = [column * width + (gap_x / 2 if column else 0), (column + 1) * width - (gap_x / 2)]
        top = 1 - row * height
        positions.append(
            _PanelPosition(
                [round(x[0], 4), round(min(x[1], 1.0), 4)],
                [
                    round(max(0.0, top - height + (gap_y if row < rows - 1 else 0)), 4),
                    round(top, 4),
                ],
                column,
                row == rows - 1 and column == (columns - 1) // 2,
            )
        )
    return positions
