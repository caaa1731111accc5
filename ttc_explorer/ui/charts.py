"""Charts of the pages Findings and Verifier, of any figure against any other: lines with bands, reliability,
places of the first wrong step. Pure, in the look of ``figures.py``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ttc_explorer.experiments.calibration import NONE, Calibration
from ttc_explorer.experiments.findings.verdict import Chart
from ttc_explorer.ui.figures import LETTER, Figure, axis, band, figure, line, note, share_axis, spread
from ttc_explorer.ui.palette import look
from ttc_explorer.ui.theme import INK

BLUE = "12,63,174"
LEGEND = {
    "orientation": "h",
    "y": 1.02,
    "yanchor": "bottom",
    "x": 0,
    "font": {"size": 13},
    "bgcolor": "rgba(0,0,0,0)",
}
DEEPEST = 0.55
"""Opacity of the fullest square of a heat map: ink is still read on it, in light and dark."""
MOST_PLACES = 8
"""Steps that a heat map tells apart; later ones are taken together."""


def curves(chart: Chart, narrow: bool = False, label: float = 19 / 300) -> Figure:
    """Lines with their 95 % bands, a panel a value of ``panel``. Names stand at the ends of the lines, or, on
    a narrow screen, in a legend above. ``label`` is the height of a name, as a share of the figure."""
    rows = pd.DataFrame(chart.rows)
    names, panels = list(rows["line"].unique()), list(rows["panel"].unique())
    tones = dict(zip(rows["line"], rows["tone"], strict=True))
    low, high = float(rows["low"].min()), float(rows["high"].max())
    air = max(0.06 * (high - low), 0.01)
    reach = [low - air, high + air]
    if chart.kind == "share":
        reach = [max(-0.01, reach[0]), min(1.01, reach[1])]
    left, right = float(rows["x"].min()), float(rows["x"].max())
    edges = _edges(left, right, chart.log)
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    notes = []
    width = 1 / len(panels)
    for number, panel in enumerate(panels):
        suffix = str(number + 1) if number else ""
        at = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
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
                    band(
                        x,
                        each["low"].tolist(),
                        each["high"].tolist(),
                        tones[name],
                        f"band {tag}",
                        showlegend=False,
                        **at,
                    ),
                )
            said = [_said(name, chart, row) for row in each.itertuples()]
            data.append(
                line(
                    x, y, tones[name], f"line {tag}", mode="lines+markers", text=said,
                    marker={"size": 7, "color": look(tones[name]).light, "line": {"width": 0}},
                    hovertemplate="%{text}<extra></extra>", showlegend=narrow and number == 0, meta=panel,
                    customdata=each[["low", "high"]].values.tolist(), **at,
                ) | {"name": name}
            )  # fmt: skip
        domain = [
            number * width + (0.02 if number else 0),
            (number + 1) * width - (0.0 if len(panels) == 1 else 0.02),
        ]
        layout[f"xaxis{suffix}"] = axis(
            chart.x if number == (len(panels) - 1) // 2 else "",
            domain=domain,
            anchor=f"y{suffix}",
            type="log" if chart.log else "linear",
            range=[math.log10(edge) for edge in edges] if chart.log else list(edges),
            **_ticks(rows["x"], chart.log, every=2 if narrow and len(panels) > 1 else 1),
        )
        scale = share_axis if chart.kind == "share" else axis
        titled = (
            {} if chart.kind == "share" else {"tickformat": "+.0%" if chart.kind == "difference" else ".2f"}
        )
        layout[f"yaxis{suffix}"] = scale(
            chart.y if number == 0 else "",
            anchor=f"x{suffix}",
            range=reach,
            showticklabels=number == 0,
            zeroline=chart.kind == "difference",
            zerolinecolor="#8592a6",
            **titled,
        )
        if panel:
            notes.append(note(f"<b>{panel}</b>", domain[0], 1, yanchor="bottom", yshift=4))
    if not narrow:
        last = rows[rows["panel"] == panels[-1]].sort_values("x").groupby("line", sort=False).last()
        ends = last.reindex([name for name in names if name in last.index])["y"]
        places = spread(ends.tolist(), (reach[1] - reach[0]) * label, *reach)
        suffix = str(len(panels)) if len(panels) > 1 else ""
        for number, (name, y) in enumerate(zip(ends.index, places, strict=True)):
            path = [float(last["x"][name]), edges[1]], [float(ends[name]), y]
            thin = {"color": look(tones[name]).light, "width": 1}
            at: dict[str, Any] = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
            at |= {"hoverinfo": "skip", "opacity": 0.55, "showlegend": False}
            data.append(line(*path, tones[name], f"leader {number}", line=thin, **at))
            notes.append(note(name, 1, y, yref=f"y{suffix}", xshift=6))
    room = 16 if narrow else 14 + LETTER * max(map(len, names))
    top = (26 if any(panels) else 10) + (24 if narrow else 0)
    return figure(
        data,
        **layout,
        annotations=notes,
        margin={"l": 54, "r": room, "t": top, "b": 50},
        showlegend=narrow,
        legend=LEGEND | ({"y": 1.17} if any(panels) else {}),  # above the names of the panels
    )


def reliability(found: Sequence[tuple[str, str, Calibration]]) -> Figure:
    """Score against the share that is right: (name, tone, calibration) each. On the diagonal a score is a
    chance."""
    even = {"color": "#8592a6", "width": 1.2, "dash": "4px,4px"}
    data = [line([0, 1], [0, 1], "other", "even", line=even, hoverinfo="skip", showlegend=False)]
    for number, (name, tone, each) in enumerate(found):
        bars = each.bars
        x: list[float | None] = []
        y: list[float | None] = []
        for bar in bars.itertuples():
            x += [bar.score, bar.score, None]
            y += [bar.low, bar.high, None]
        thin = {"color": look(tone).light, "width": 1.6}
        data.append(
            line(x, y, tone, f"reach {number}", line=thin, opacity=0.6, hoverinfo="skip", showlegend=False)
        )
        said = [
            f"<b>{name}</b><br>score {bar.score:.2f}: {bar.right:.1%} right "
            f"({100 * bar.low:.1f}–{bar.high:.1%})<br>{bar.count:,} of {each.count:,}"
            for bar in bars.itertuples()
        ]
        data.append(
            line(
                bars["score"].tolist(), bars["right"].tolist(), tone, f"line {number}", mode="lines+markers",
                text=said, hovertemplate="%{text}<extra></extra>", showlegend=True,
                customdata=bars[["low", "high"]].values.tolist(),
                marker={"size": 8, "color": look(tone).light, "line": {"width": 0}},
            ) | {"name": name}
        )  # fmt: skip
    return figure(
        data,
        xaxis=share_axis("Score", range=[-0.02, 1.02], tickformat=".1f"),
        yaxis=share_axis("Really right", range=[-0.03, 1.03]),
        showlegend=True,
        legend=LEGEND,
        margin={"l": 54, "r": 14, "t": 30, "b": 50},
    )


def wrong_steps(table: pd.DataFrame) -> Figure:
    """Where the first wrong step is (rows) and where the verifier says (columns): shares of each row."""
    last = min(int(table[["true", "said"]].to_numpy().max()), MOST_PLACES - 1)
    order = [*range(last + 1), NONE]
    counted = pd.crosstab(table["true"].clip(upper=last), table["said"].clip(upper=last))
    counts = counted.reindex(index=order, columns=order, fill_value=0).to_numpy(float)
    of = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, of, out=np.zeros_like(counts), where=of > 0)
    more = int(table[["true", "said"]].to_numpy().max()) > last
    names = [str(place + 1) + ("+" if more and place == last else "") for place in order[:-1]] + ["none"]
    said = [
        [
            f"first wrong step: {row}<br>said: {column}<br>{counts[i, j]:,.0f} solutions, "
            f"{shares[i, j]:.0%} of the row"
            for j, column in enumerate(names)
        ]
        for i, row in enumerate(names)
    ]
    notes = [
        note(
            f"{shares[i, j]:.0%}", j, i, xref="x", yref="y", xanchor="center",
            font={"size": 12 if i != j else 13, "color": INK[0]},
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
        "colorscale": [[0, f"rgba({BLUE},0.03)"], [1, f"rgba({BLUE},{DEEPEST})"]],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "text": said,
        "hovertemplate": "%{text}<extra></extra>",
    }
    plain = {"type": "category", "showgrid": False, "ticks": ""}
    return figure(
        [heat],
        xaxis=axis("Where the verifier says it is", **plain),
        yaxis=axis("First wrong step", autorange="reversed", **plain),
        annotations=notes,
        margin={"l": 62, "r": 10, "t": 10, "b": 50},
    )


def _said(name: str, chart: Chart, row: Any) -> str:
    written = {"share": "{:.1%}", "difference": "{:+.1%}"}.get(chart.kind, "{:.3f}").format
    x = f"{row.x:,.0f}" if row.x >= 10 or row.x == int(row.x) else f"{row.x:.2g}"
    return f"<b>{name}</b><br>{chart.x}: {x}<br>{written(row.y)} ({written(row.low)} to {written(row.high)})"


def _edges(left: float, right: float, log: bool) -> tuple[float, float]:
    if log:
        air = max(right / left, 2.0) ** 0.05
        return left / air, right * air
    air = 0.05 * (right - left or 1.0)
    return left - air, right + air


def _ticks(x: pd.Series, log: bool, every: int) -> dict[str, Any]:
    """At the values themselves where they are few, as budgets are, or at every so many of them; else wherever
    Plotly finds good."""
    values = sorted(set(x))
    if log and len(values) <= 10 and all(value == int(value) for value in values):
        values = values[every - 1 :: every]
        return {"tickvals": values, "ticktext": [f"{value:,.0f}" for value in values], "tickangle": 0}
    return {"exponentformat": "SI", "nticks": 7, "tickangle": 0}
