"""Charts of the pages Findings and Verifier, of any figure against any other: lines with bands,
reliability, places of the first wrong step. Pure, in the look of ``plotly_figures.py``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ttc_explorer.experiments.calibration import NO_ERROR, Calibration
from ttc_explorer.experiments.findings.verdict import FindingChart
from ttc_explorer.ui.components.accuracy_curves import PERCENT_STYLE
from ttc_explorer.ui.components.line_chart import ChartAxis, line_chart, padded_range
from ttc_explorer.ui.components.plotly_figures import (
    LEGEND_LAYOUT,
    Figure,
    annotation,
    line_trace,
    make_axis,
    make_figure,
    percent_axis,
)
from ttc_explorer.ui.strategy_colours import colour_style
from ttc_explorer.ui.theme import TEXT_COLOUR

HEATMAP_RGB = "12,63,174"
MAX_CELL_OPACITY = 0.55
"""Opacity of the fullest square of a heat map: ink is still read on it, in light and dark."""
MAX_STEPS_SHOWN = 8
"""Steps that a heat map tells apart; later ones are taken together."""


def finding_chart(
    chart: FindingChart, narrow: bool = False, label_height: float = 19 / 300
) -> Figure:
    """The curve behind a finding, or any other of its kind.

    Args:
        chart: its axes, and rows with panel, line, tone, x, y, low and high.
        narrow: for a phone: a legend above instead of names at the ends of the lines.
        label_height: of a name, as a share of the figure.
    """
    rows = pd.DataFrame(chart.rows)
    low, high = float(rows["low"].min()), float(rows["high"].max())
    padding = max(0.06 * (high - low), 0.01)
    bottom, top = low - padding, high + padding
    style: Figure = {"zeroline": chart.kind == "difference", "zerolinecolor": "#8592a6"}
    if chart.kind == "share":
        bottom, top = max(-0.01, bottom), min(1.01, top)
        style |= PERCENT_STYLE
    else:
        style["tickformat"] = "+.0%" if chart.kind == "difference" else ".2f"
    left, right = padded_range(rows["x"], chart.log, 0.05)
    every = 2 if narrow and rows["panel"].nunique() > 1 else 1
    return line_chart(
        rows.assign(text=[_hover_text(chart, row) for row in rows.itertuples()]),
        ChartAxis(chart.x, left, right, chart.log, _tick_layout(rows["x"], chart.log, every)),
        ChartAxis(chart.y, bottom, top, style=style),
        narrow=narrow,
        legend=True,
        label_height=label_height,
    )


def reliability_diagram(found: Sequence[tuple[str, str, Calibration]]) -> Figure:
    """Score against the share that is right: (name, colour style, calibration) each. On the
    diagonal a score is a chance."""
    diagonal = {"color": "#8592a6", "width": 1.2, "dash": "4px,4px"}
    data = [
        line_trace(
            [0, 1], [0, 1], "other", "even", line=diagonal, hoverinfo="skip", showlegend=False
        )
    ]
    for number, (name, tone, each) in enumerate(found):
        reliability = each.reliability
        x: list[float | None] = []
        y: list[float | None] = []
        for reliability_bin in reliability.itertuples():
            x += [reliability_bin.score, reliability_bin.score, None]
            y += [reliability_bin.low, reliability_bin.high, None]
        thin = {"color": colour_style(tone).light, "width": 1.6}
        data.append(
            line_trace(
                x,
                y,
                tone,
                f"reach {number}",
                line=thin,
                opacity=0.6,
                hoverinfo="skip",
                showlegend=False,
            )
        )
        hover_texts = [
            f"<b>{name}</b><br>score {reliability_bin.score:.2f}: {reliability_bin.right:.1%} "
            f"right ({100 * reliability_bin.low:.1f}–{reliability_bin.high:.1%})<br>"
            f"{reliability_bin.count:,} of {each.count:,}"
            for reliability_bin in reliability.itertuples()
        ]
        data.append(
            line_trace(
                reliability["score"].tolist(),
                reliability["right"].tolist(),
                tone,
                f"line {number}",
                mode="lines+markers",
                text=hover_texts,
                hovertemplate="%{text}<extra></extra>",
                showlegend=True,
                customdata=reliability[["low", "high"]].values.tolist(),
                marker={"size": 8, "color": colour_style(tone).light, "line": {"width": 0}},
            )
            | {"name": name}
        )
    return make_figure(
        data,
        xaxis=percent_axis("Score", range=[-0.02, 1.02], tickformat=".1f"),
        yaxis=percent_axis("Really right", range=[-0.03, 1.03]),
        showlegend=True,
        legend=LEGEND_LAYOUT,
        margin={"l": 54, "r": 14, "t": 30, "b": 50},
    )


def first_error_heatmap(table: pd.DataFrame) -> Figure:
    """Where the first wrong step is (rows) and where the verifier says (columns): shares of each
    row."""
    last = min(int(table[["true", "predicted"]].to_numpy().max()), MAX_STEPS_SHOWN - 1)
    order = [*range(last + 1), NO_ERROR]
    counted = pd.crosstab(table["true"].clip(upper=last), table["predicted"].clip(upper=last))
    counts = counted.reindex(index=order, columns=order, fill_value=0).to_numpy(float)
    row_totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, row_totals, out=np.zeros_like(counts), where=row_totals > 0)
    more = int(table[["true", "predicted"]].to_numpy().max()) > last
    names = [str(place + 1) + ("+" if more and place == last else "") for place in order[:-1]] + [
        "none"
    ]
    hover_texts = [
        [
            f"first wrong step: {row}<br>said: {column}<br>{counts[i, j]:,.0f} solutions, "
            f"{shares[i, j]:.0%} of the row"
            for j, column in enumerate(names)
        ]
        for i, row in enumerate(names)
    ]
    notes = [
        annotation(
            f"{shares[i, j]:.0%}", j, i, xref="x", yref="y", xanchor="center",
            font={"size": 12 if i != j else 13, "color": TEXT_COLOUR[0]},
        )
        for i in range(len(names)) for j in range(len(names)) if shares[i, j] >= 0.05
    ]  # fmt: skip
    heat = {
        "type": "heatmap",
        "z": shares.tolist(),
        "x": names,
        "y": names,
        "zmin": 0,
        "zmax": 1,
        "colorscale": [
            [0, f"rgba({HEATMAP_RGB},0.03)"],
            [1, f"rgba({HEATMAP_RGB},{MAX_CELL_OPACITY})"],
        ],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "text": hover_texts,
        "hovertemplate": "%{text}<extra></extra>",
    }
    plain = {"type": "category", "showgrid": False, "ticks": ""}
    return make_figure(
        [heat],
        xaxis=make_axis("Where the verifier says it is", **plain),
        yaxis=make_axis("First wrong step", autorange="reversed", **plain),
        annotations=notes,
        margin={"l": 62, "r": 10, "t": 10, "b": 50},
    )


def _hover_text(chart: FindingChart, row: Any) -> str:
    written = {"share": "{:.1%}", "difference": "{:+.1%}"}.get(chart.kind, "{:.3f}").format
    x = f"{row.x:,.0f}" if row.x >= 10 or row.x == int(row.x) else f"{row.x:.2g}"
    return (
        f"<b>{row.line}</b><br>{chart.x}: {x}<br>{written(row.y)} ({written(row.low)} to "
        f"{written(row.high)})"
    )


def _tick_layout(x: pd.Series, log: bool, every: int) -> dict[str, Any]:
    """At the values themselves where they are few, as budgets are, or at every so many of them;
    else wherever Plotly finds good."""
    values = sorted(set(x))
    if log and len(values) <= 10 and all(value == int(value) for value in values):
        values = values[every - 1 :: every]
        return {
            "tickvals": values,
            "ticktext": [f"{value:,.0f}" for value in values],
            "tickangle": 0,
        }
    return {"exponentformat": "SI", "nticks": 7, "tickangle": 0}
