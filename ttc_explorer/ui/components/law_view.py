"""The law that opens the page Findings -> HTML: the gain of each search over best-of-N against how
well the verifier judges the deciding step, a dot a family. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from ttc_explorer.experiments.findings import format_interval
from ttc_explorer.experiments.findings.law_findings import FIT_LINE
from ttc_explorer.experiments.findings.verdict import Finding
from ttc_explorer.ui.html_templates import render
from ttc_explorer.ui.strategy_colours import ColourStyle, colour_style

PADDING = 8
NAMED = 2
"""Families named in a chart: those with the least and the greatest gain."""


class Size(NamedTuple):
    """Of a chart, in pixels."""

    width: int = 210
    height: int = 118


SIZE = Size()


class FamilyDot(NamedTuple):
    """A family in a chart, in pixels, and what pointing at it says."""

    x: float
    y: float
    low: float
    high: float
    tip: str


class LawPanel(NamedTuple):
    """The chart of a search: dots, the regression line, the height of no gain, some names (text, x,
    y, anchor), and the ``slope`` in words."""

    name: str
    slope: str
    label: str
    style: ColourStyle
    dots: list[FamilyDot]
    fit: str
    zero: float
    names: list[tuple[str, float, float, str]]


def law_view(law: Finding, cut: Finding | None) -> Markup:
    """The law, and where to cut a thought.

    Args:
        law: L1.
        cut: L2, None where nobody tested it.
    """
    panels = _panels(law) if law.chart is not None and law.estimate is not None else []
    said = f"{law.test} {law.said}" if law.test else law.said
    return render(
        "law.html",
        verdict=law.verdict,
        panels=panels,
        size=SIZE,
        axes="Across: AUC of the verifier at the step where the family’s first errors fall, one "
        "half "
        "(guessing) to 1. Up: gain over best-of-16. The dashed line is no gain; all charts have "
        "the "
        "same scales. Beside each name: points for each 0.1 of AUC.",
        said=said.replace(" -", " −"),
        cut=f"{cut.statement} {cut.said}" if cut is not None else "",
    )


def _panels(law: Finding) -> list[LawPanel]:
    assert law.chart is not None
    rows = law.chart.rows
    x = [float(row["x"]) for row in rows]
    y = [float(row[key]) for row in rows for key in ("low", "high")]
    slopes = {row.name: row.cells[0] for row in law.rows}

    def across(value: float) -> float:
        span = max(x) - min(x) or 1.0
        return PADDING + (value - min(x)) / span * (SIZE.width - 2 * PADDING)

    def up(value: float) -> float:
        span = max(y) - min(y) or 1.0
        return SIZE.height - PADDING - (value - min(y)) / span * (SIZE.height - 2 * PADDING)

    panels = []
    for name in dict.fromkeys(str(row["panel"]) for row in rows):
        own = [row for row in rows if row["panel"] == name]
        families = [row for row in own if row["line"] != FIT_LINE]
        fit = [row for row in own if row["line"] == FIT_LINE]
        slope = slopes.get(name)
        words = "" if slope is None else format_interval(slope, "auc_slope").replace("-", "−")
        figure, _, reach = words.partition(" points for 0.1 of AUC ")
        panels.append(
            LawPanel(
                name,
                f"{figure} {reach}",
                f"{name}: {words}",
                colour_style(str(families[0]["tone"])),
                [
                    FamilyDot(
                        across(row["x"]), up(row["y"]), up(row["low"]), up(row["high"]), _tip(row)
                    )
                    for row in families
                ],
                "M" + "L".join(f"{across(row['x']):.1f} {up(row['y']):.1f}" for row in fit),
                up(0.0),
                _names(families, across, up),
            )
        )
    return panels


def _names(families: Sequence[dict[str, Any]], across: Any, up: Any) -> list[Any]:
    """The families with the least and the greatest gain, written beside their dots."""
    ordered = sorted(families, key=lambda row: row["y"])
    found = []
    for row in (ordered[0], ordered[-1])[:NAMED]:
        x = across(row["x"])
        is_left = x < SIZE.width / 2
        found.append(
            (
                row["line"],
                x + (7 if is_left else -7),
                up(row["y"]) + 4,
                "start" if is_left else "end",
            )
        )
    return found


def _tip(row: dict[str, Any]) -> str:
    gain = f"{100 * row['y']:+.1f}".replace("-", "−")
    return f"{row['line']}: AUC {row['x']:.2f}, {gain} points"
