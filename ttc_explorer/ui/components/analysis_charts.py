"""Charts of the pages Findings and Verifier, of any figure against any other: lines with bands,
reliability, places of the first wrong step. Pure, in the look of ``plotly_figures.py``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ttc_explorer.experiments.calibration import NO_ERROR, Calibration
from ttc_explorer.experiments.findings.verdict import FindingChart
from ttc_explorer.ui.components.plotly_figures import (
    LABEL_CHARACTER_WIDTH,
    Figure,
    annotation,
    band_trace,
    line_trace,
    make_axis,
    make_figure,
    percent_axis,
    spread_labels,
)
from ttc_explorer.ui.strategy_colours import colour_style
from ttc_explorer.ui.theme import TEXT_COLOUR

HEATMAP_RGB = "12,63,174"
LEGEND_LAYOUT = {
    "orientation": "h",
    "y": 1.02,
    "yanchor": "bottom",
    "x": 0,
    "font": {"size": 13},
    "bgcolor": "rgba(0,0,0,0)",
}
MAX_CELL_OPACITY = 0.55
"""Opacity of the fullest square of a heat map: ink is still read on it, in light and dark."""
MAX_STEPS_SHOWN = 8
"""Steps that a heat map tells apart; later ones are taken together."""


def line_chart(chart: FindingChart, narrow: bool = False, label: float = 19 / 300) -> Figure:
    """Lines with their 95 % bands, a panel a value of ``panel``. Names stand at the ends of the
    lines, or, on a narrow screen, in a legend above. ``label`` is the height of a name, as a share
    of the figure."""
    rows = pd.DataFrame(chart.rows)
    names, panels = list(rows["line"].unique()), list(rows["panel"].unique())
    tones = dict(zip(rows["line"], rows["tone"], strict=True))
    low, high = float(rows["low"].min()), float(rows["high"].max())
    padding = max(0.06 * (high - low), 0.01)
    y_range = [low - padding, high + padding]
    if chart.kind == "share":
        y_range = [max(-0.01, y_range[0]), min(1.01, y_range[1])]
    left, right = float(rows["x"].min()), float(rows["x"].max())
    edges = _x_range(left, right, chart.log)
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    notes = []
    width = 1 / len(panels)
    for number, panel in enumerate(panels):
        suffix = str(number + 1) if number else ""
        axis_refs = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        inside = rows[rows["panel"] == panel]
        for index, name in enumerate(names):
            each = inside[inside["line"] == name].sort_values("x")
            if each.empty:
                continue
            x, y = each["x"].tolist(), each["y"].tolist()
            tag = f"{number} {index}"
            if len(each) > 1:
                data.insert(
                    0,
                    band_trace(
                        x,
                        each["low"].tolist(),
                        each["high"].tolist(),
                        tones[name],
                        f"band {tag}",
                        showlegend=False,
                        **axis_refs,
                    ),
                )
            hover_texts = [_hover_text(name, chart, row) for row in each.itertuples()]
            data.append(
                line_trace(
                    x, y, tones[name], f"line {tag}", mode="lines+markers", text=hover_texts,
                    marker={"size": 7, "color": colour_style(tones[name]).light, "line": {"width": 0}},
                    hovertemplate="%{text}<extra></extra>", showlegend=narrow and number == 0, meta=panel,
                    customdata=each[["low", "high"]].values.tolist(), **axis_refs,
                ) | {"name": name}
            )  # fmt: skip
        domain = [
            number * width + (0.02 if number else 0),
            (number + 1) * width - (0.0 if len(panels) == 1 else 0.02),
        ]
        layout[f"xaxis{suffix}"] = make_axis(
            chart.x if number == (len(panels) - 1) // 2 else "",
            domain=domain,
            anchor=f"y{suffix}",
            type="log" if chart.log else "linear",
            range=[math.log10(edge) for edge in edges] if chart.log else list(edges),
            **_tick_layout(rows["x"], chart.log, every=2 if narrow and len(panels) > 1 else 1),
        )
        scale = percent_axis if chart.kind == "share" else make_axis
        titled = (
            {}
            if chart.kind == "share"
            else {"tickformat": "+.0%" if chart.kind == "difference" else ".2f"}
        )
        layout[f"yaxis{suffix}"] = scale(
            chart.y if number == 0 else "",
            anchor=f"x{suffix}",
            range=y_range,
            showticklabels=number == 0,
            zeroline=chart.kind == "difference",
            zerolinecolor="#8592a6",
            **titled,
        )
        if panel:
            notes.append(annotation(f"<b>{panel}</b>", domain[0], 1, yanchor="bottom", yshift=4))
    if not narrow:
        last = rows[rows["panel"] == panels[-1]].sort_values("x").groupby("line", sort=False).last()
        ends = last.reindex([name for name in names if name in last.index])["y"]
        places = spread_labels(ends.tolist(), (y_range[1] - y_range[0]) * label, *y_range)
        suffix = str(len(panels)) if len(panels) > 1 else ""
        for number, (name, y) in enumerate(zip(ends.index, places, strict=True)):
            path = [float(last["x"][name]), edges[1]], [float(ends[name]), y]
            thin = {"color": colour_style(tones[name]).light, "width": 1}
            axis_refs: dict[str, Any] = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
            axis_refs |= {"hoverinfo": "skip", "opacity": 0.55, "showlegend": False}
            data.append(line_trace(*path, tones[name], f"leader {number}", line=thin, **axis_refs))
            notes.append(annotation(name, 1, y, yref=f"y{suffix}", xshift=6))
    room = 16 if narrow else 14 + LABEL_CHARACTER_WIDTH * max(map(len, names))
    top = (26 if any(panels) else 10) + (24 if narrow else 0)
    return make_figure(
        data,
        **layout,
        annotations=notes,
        margin={"l": 54, "r": room, "t": top, "b": 50},
        showlegend=narrow,
        legend=LEGEND_LAYOUT
        | ({"y": 1.17} if any(panels) else {}),  # above the names of the panels
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
            "right "
            f"({100 * reliability_bin.low:.1f}–{reliability_bin.high:.1%})<br>{reliability_bin.count:,} of {each.count:,}"
            for reliability_bin in reliability.itertuples()
        ]
        data.append(
            line_trace(
                reliability["score"].tolist(), reliability["right"].tolist(), tone, f"line {number}", mode="lines+markers",
                text=hover_texts, hovertemplate="%{text}<extra></extra>", showlegend=True,
                customdata=reliability[["low", "high"]].values.tolist(),
                marker={"size": 8, "color": colour_style(tone).light, "line": {"width": 0}},
            ) | {"name": name}
        )  # fmt: skip
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


def _hover_text(name: str, chart: FindingChart, row: Any) -> str:
    written = {"share": "{:.1%}", "difference": "{:+.1%}"}.get(chart.kind, "{:.3f}").format
    x = f"{row.x:,.0f}" if row.x >= 10 or row.x == int(row.x) else f"{row.x:.2g}"
    return (
        f"<b>{name}</b><br>{chart.x}: {x}<br>{written(row.y)} ({written(row.low)} to "
        f"{written(row.high)})"
    )


def _x_range(left: float, right: float, log: bool) -> tuple[float, float]:
    if log:
        padding = max(right / left, 2.0) ** 0.05
        return left / padding, right * padding
    padding = 0.05 * (right - left or 1.0)
    return left - padding, right + padding


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
