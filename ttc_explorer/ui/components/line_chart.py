"""The one chart of lines: panels side by side, lines with their intervals as bands, names at their
ends. Pure; in the look of ``plotly_figures.py``."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ttc_explorer.ui.components.plotly_figures import (
    BASE_HEIGHT,
    LABEL_CHARACTER_WIDTH,
    LABEL_HEIGHT,
    LEGEND_LAYOUT,
    LINE_WIDTH,
    Figure,
    annotation,
    band_trace,
    line_trace,
    make_axis,
    make_figure,
    plotly_dash,
    spread_labels,
)
from ttc_explorer.ui.strategy_colours import colour_style

MARKER_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "pentagon")
"""Of the first, second … line with the same colour style."""


@dataclass(frozen=True)
class ChartAxis:
    """An axis of a line chart.

    Attributes:
        title: what it measures, and in which unit.
        low: its least value.
        high: its largest value.
        log: logarithmic, which only the x-axis can be.
        style: more of its layout, as Plotly names it.
    """

    title: str
    low: float
    high: float
    log: bool = False
    style: Mapping[str, Any] = field(default_factory=dict)

    def layout(self, title: str, **place: Any) -> dict[str, Any]:
        """It as Plotly wants it, at a place and under a title, which may be empty."""
        edges = [self.low, self.high]
        if self.log:
            place |= {"type": "log", "range": [math.log10(edge) for edge in edges]}
        else:
            place |= {"type": "linear", "range": edges}
        return make_axis(title, **{**self.style, **place})


def padded_range(values: pd.Series, log: bool, share: float = 0.04) -> tuple[float, float]:
    """The range of an axis with room for all values and some air on both sides, a share of it."""
    low, high = float(values.min()), float(values.max())
    if log:
        air = max(high / low, 2.0) ** share
        return low / air, high * air
    padding = share * (high - low or high or 1.0)
    return low - padding, high + padding


def line_chart(
    points: pd.DataFrame,
    x: ChartAxis,
    y: ChartAxis,
    *,
    narrow: bool = False,
    bands: Collection[str] | None = None,
    thin: Collection[str] = (),
    markers: bool = True,
    lead_on: bool = False,
    columns: int | None = None,
    legend: bool = False,
    label_height: float = LABEL_HEIGHT / BASE_HEIGHT,
) -> Figure:
    """Lines with their intervals, a panel a value of the column ``panel``.

    Names stand at the ends of the lines, in the last panel if there are several.

    Args:
        points: a row a point: panel, line (its name on screen), tone (its colour style), x, y, low,
            high and text (what pointing at it says). Lines and panels are drawn in the order in
            which they come.
        x: the axis that all panels share.
        y: the axis that all panels share.
        narrow: for a phone: without names at the ends of the lines.
        bands: lines whose intervals are drawn; all unless given.
        thin: lines that stand back: thin, and without a band.
        markers: points are marked.
        lead_on: from a line of one point, which cannot spend more, a thin line leads on.
        columns: panels in a row; all of them unless given.
        legend: on a narrow screen, a legend above says what lines are.
        label_height: of a name, as a share of the figure.
    """
    panels, names = list(points["panel"].unique()), list(points["line"].unique())
    tones = dict(zip(points["line"], points["tone"], strict=True))
    symbols = _marker_symbols(names, tones)
    banded = (set(names) if bands is None else set(bands)) - set(thin)
    right = float(points["x"].max())
    keyed = narrow and legend

    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    notes: list[dict[str, Any]] = []
    for number, place in enumerate(panel_positions(len(panels), columns)):
        suffix = str(number + 1) if number else ""
        axes: dict[str, Any] = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        inside = points[points["panel"] == panels[number]]
        rows = {name: inside[inside["line"] == name].sort_values("x") for name in names}
        rows = {name: each for name, each in rows.items() if len(each)}
        for index, (name, each) in enumerate(rows.items()):
            if len(each) > 1 and name in banded:
                abscissas, low, high = (each[column].tolist() for column in ("x", "low", "high"))
                data.append(
                    band_trace(
                        abscissas,
                        low,
                        high,
                        tones[name],
                        f"band {number} {index}",
                        showlegend=False,
                        **axes,
                    )
                )
        for index, (name, each) in enumerate(rows.items()):
            data.append(
                _points_trace(
                    each, name, tones[name], symbols[name] if markers else "", name in thin,
                    f"line {number} {index}", axes | {"showlegend": keyed and number == 0},
                )
            )  # fmt: skip
            if lead_on and len(each) == 1 and each["x"].iloc[0] < right:
                data.append(_lead_on_trace(each, right, tones[name], f"on {number} {index}", axes))
        layout[f"xaxis{suffix}"] = x.layout(
            x.title if place.middle else "", domain=place.x, anchor=f"y{suffix}"
        )
        layout[f"yaxis{suffix}"] = y.layout(
            y.title if place.column == 0 else "",
            domain=place.y,
            anchor=f"x{suffix}",
            showticklabels=place.column == 0,
        )
        if panels[number]:
            title = f"<b>{panels[number]}</b>"
            notes.append(annotation(title, place.x[0], place.y[1], yanchor="bottom", yshift=4))
        if number == len(panels) - 1 and not narrow:
            ends = {name: each.iloc[-1] for name, each in rows.items()}
            labels = spread_labels(
                [float(end["y"]) for end in ends.values()],
                (y.high - y.low) * label_height,
                y.low,
                y.high,
            )
            for index, ((name, end), level) in enumerate(zip(ends.items(), labels, strict=True)):
                part = f"leader {index}"
                data.append(_leader_trace(end, level, right, x.high, tones[name], part, axes))
                notes.append(annotation(name, 1, level, yref=axes["yaxis"], xshift=6))
    titled = any(panels)
    margin = {
        "l": 54 if narrow else 62,
        "r": 16 if narrow else 14 + LABEL_CHARACTER_WIDTH * max(map(len, names)),
        "t": (30 if titled else 12) + (24 if keyed else 0),
        "b": 52,
    }
    if keyed:  # above the names of the panels
        layout |= {"legend": LEGEND_LAYOUT | ({"y": 1.17} if titled else {})}
    return make_figure(data, **layout, annotations=notes, margin=margin, showlegend=keyed)


def _points_trace(
    rows: pd.DataFrame,
    name: str,
    tone: str,
    symbol: str,
    thin: bool,
    part: str,
    more: Mapping[str, Any],
) -> Figure:
    """The line of these rows, and what pointing at each of its points says; what is saved of it as
    CSV is its name, panel and intervals too."""
    trace = line_trace(
        rows["x"].tolist(), rows["y"].tolist(), tone, part,
        mode="lines+markers" if symbol else "lines", text=rows["text"].tolist(),
        hovertemplate="%{text}<extra></extra>", cliponaxis=False, meta=str(rows["panel"].iloc[0]),
        customdata=rows[["low", "high"]].values.tolist(), **more,
    )  # fmt: skip
    trace["name"] = name
    if symbol:
        style = colour_style(tone)
        trace["marker"] = {"symbol": symbol, "size": 8, "color": style.light, "line": {"width": 0}}
    if thin:
        trace |= {"opacity": 0.6, "line": trace["line"] | {"width": LINE_WIDTH / 2}}
    return trace


def _lead_on_trace(
    rows: pd.DataFrame, right: float, tone: str, part: str, axes: Mapping[str, str]
) -> Figure:
    """The thin line from a single point to the right edge of the points."""
    style, level = colour_style(tone), float(rows["y"].iloc[0])
    thin = {"color": style.light, "width": 1.4, "dash": plotly_dash(style, 1.8)}
    ends = [float(rows["x"].iloc[0]), right]
    return line_trace(ends, [level, level], tone, part, line=thin, hoverinfo="skip", **axes)


def _leader_trace(
    end: pd.Series,
    level: float,
    right: float,
    edge: float,
    tone: str,
    part: str,
    axes: Mapping[str, str],
) -> Figure:
    """The thin line from the last point of a line to its name at the edge."""
    x = float(end["x"])
    between = [right] if x < right else []
    thin = {"color": colour_style(tone).light, "width": 1}
    return line_trace(
        [x, *between, edge],
        [float(end["y"]), *[level] * len(between), level],
        tone,
        part,
        line=thin,
        opacity=0.55,
        hoverinfo="skip",
        showlegend=False,
        **axes,
    )


def _marker_symbols(names: Sequence[str], tones: Mapping[str, str]) -> dict[str, str]:
    """A marker a line: lines that share colour and dash differ in it."""
    turns: dict[str, int] = {}
    symbols = {}
    for name in names:
        turn = turns[tones[name]] = turns.get(tones[name], -1) + 1
        symbols[name] = MARKER_SYMBOLS[turn % len(MARKER_SYMBOLS)]
    return symbols


@dataclass(frozen=True)
class PanelPosition:
    """Where a panel stands, as shares of the figure from left to right and from below.

    Attributes:
        x: its left and right edge.
        y: its lower and upper edge.
        column: its column, from 0.
        middle: the title of the x-axis stands under it.
    """

    x: list[float]
    y: list[float]
    column: int
    middle: bool


def panel_positions(count: int, columns: int | None = None) -> list[PanelPosition]:
    """Where that many panels stand: in rows of so many columns, or all in one row."""
    columns = min(count, columns or count)
    rows = math.ceil(count / columns)
    width, height = 1 / columns, 1 / rows
    gap_x, gap_y = 0.022 if columns > 1 else 0.0, 0.1 if rows > 1 else 0.0
    positions = []
    for number in range(count):
        row, column = divmod(number, columns)
        left = column * width + (gap_x / 2 if column else 0)
        right = min((column + 1) * width - gap_x / 2, 1.0)
        top = 1 - row * height
        bottom = max(0.0, top - height + (gap_y if row < rows - 1 else 0))
        positions.append(
            PanelPosition(
                [round(left, 4), round(right, 4)],
                [round(bottom, 4), round(top, 4)],
                column,
                row == rows - 1 and column == (columns - 1) // 2,
            )
        )
    return positions
