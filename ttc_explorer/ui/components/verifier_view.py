"""Measurements of a verifier -> HTML and figures. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd
from markupsafe import Markup

from ttc_explorer.experiments.calibration import Calibration, FirstErrorDetection
from ttc_explorer.experiments.findings.verdict import FindingChart
from ttc_explorer.experiments.result_tables import Results
from ttc_explorer.problems.families import FAMILIES
from ttc_explorer.ui.components.dot_plot import Dot, dot_plot
from ttc_explorer.ui.html_templates import render
from ttc_explorer.ui.number_format import count_noun

QUINTILE_LABELS = {1: "1 easiest", 2: "2", 3: "3", 4: "4", 5: "5 hardest"}
AUC_SCORES = {
    "score": ("PRM", "series-blue"),
    "score_checks": ("printed checks", "series-grey"),
}
"""Column of scores that are told right from wrong by -> its name here, and its colour style."""

ScoreNames = Mapping[str, tuple[str, str]]
"""Column of scores -> its name on screen, and its colour style."""


@dataclass(frozen=True)
class ScoreComparison:
    """How often the answer is right where these scores choose it: ``table`` as
    ``calibration.selection_accuracy`` gives it."""

    names: ScoreNames
    table: pd.DataFrame


@dataclass(frozen=True)
class VerifierMeasurements:
    """All that was measured of a verifier.

    Attributes:
        results: what it was measured on.
        questions: how many were asked.
        calibrations: of whole solutions, and of steps if they were judged: name, colour style,
            calibration.
        aucs: rows of ``calibration.auc_table``.
        first_errors: how often it names the first wrong step; None without steps.
        check_errors: the same of printed checks.
        aggregates: ways to make one score of many.
        verifiers: scores of several verifiers.
    """

    results: Results
    questions: int
    calibrations: list[tuple[str, str, Calibration]]
    aucs: pd.DataFrame
    first_errors: FirstErrorDetection | None
    check_errors: FirstErrorDetection | None
    aggregates: ScoreComparison
    verifiers: ScoreComparison


# --- figures --------------------------------------------------------------------------------------


def over_optimisation_chart(table: pd.DataFrame, narrow: bool) -> FindingChart:
    """The score of the best-liked solution, and how often it is right: a panel a bin; on a narrow
    screen the easiest, the middle and the hardest."""
    shown = (1, 3, 5) if narrow else tuple(QUINTILE_LABELS)
    lines = {"score": ("score", "series-vermilion-dashed"), "accuracy": ("right", "series-blue")}
    rows = [
        {
            "panel": QUINTILE_LABELS[row.bin],
            "line": lines[row.figure][0],
            "tone": lines[row.figure][1],
            "x": row.budget,
            "y": row.value,
            "low": row.low,
            "high": row.high,
        }
        for row in table.sort_values(["bin", "budget"]).itertuples()
        if row.bin in shown
    ]
    return FindingChart("Samples N", "Best-liked solution", rows)


def selection_chart(found: ScoreComparison) -> FindingChart:
    """Accuracy against N, a line a score that votes are weighted by."""
    rows = [
        {
            "panel": "",
            "line": found.names[row.score][0],
            "tone": found.names[row.score][1],
            "x": row.k,
            "y": row.accuracy,
            "low": row.low,
            "high": row.high,
        }
        for row in found.table.itertuples()
    ]
    return FindingChart("Samples N", "Accuracy, weighted votes", rows)


def auc_plot(table: pd.DataFrame) -> Markup:
    """Both scores in all families, the most reliable first."""
    ours = table[table["score"] == "score"].sort_values("auc", ascending=False)
    rows = []
    for family in ["", *(family for family in ours["family"] if family)]:
        title = FAMILIES[family].title if family in FAMILIES else family or "All"
        for score, (name, tone) in AUC_SCORES.items():
            first = score == "score"
            for row in table[(table["score"] == score) & (table["family"] == family)].itertuples():
                tip = (
                    f"{title}, {name}: {row.auc:.3f} ({row.low:.3f} to {row.high:.3f}), "
                    f"{count_noun(row.questions, 'question')} with right and wrong solutions"
                )
                rows.append(
                    Dot(
                        title if first else "", "" if first and family else name, tone, row.auc,
                        row.low, row.high, f"{row.auc:.2f}", tip, not family,
                    )
                )  # fmt: skip
    return dot_plot(rows, "{:.1f}".format, 0.5)


# --- tables ---------------------------------------------------------------------------------------


class Measure(NamedTuple):
    """A figure of a table, and its interval, if it has one."""

    value: str
    interval: str = ""


def calibration_table(found: Sequence[tuple[str, str, Calibration]]) -> Markup:
    """How far scores are from chances."""
    rows = [
        (
            name,
            [
                _measure(each.brier, ".3f"),
                Measure(f"{each.base_rate_brier[0]:.3f}"),
                _measure(each.ece, ".3f"),
            ],
        )
        for name, _, each in found
    ]
    heads = [("Brier", "Brier score"), ("by base rate", "base rate"), ("ECE", "ECE")]
    return render("measures_table.html", heads=heads, rows=rows)


def first_error_table(found: FirstErrorDetection, checks: FirstErrorDetection | None) -> Markup:
    """How often the first wrong step is named, by the verifier and by printed checks."""
    known = [("PRM", found), *([("printed checks only", checks)] if checks else [])]
    rows = [
        (name, [_measure(figure, ".0%") for figure in (each.wrong, each.right, each.f1)])
        for name, each in known
    ]
    heads = [("place found", "place found"), ("none seen", "none seen"), ("F1", "F1 of both")]
    return render("measures_table.html", heads=heads, rows=rows)


def selection_table(found: ScoreComparison) -> Markup:
    """The figures at the largest N."""
    largest = found.table[found.table["k"] == found.table["k"].max()]
    rows = [
        (found.names[row.score][0], [_measure((row.accuracy, row.low, row.high), ".1%")])
        for row in largest.itertuples()
    ]
    head = f"right at N = {largest['k'].iloc[0]}"
    return render("measures_table.html", heads=[head], rows=rows)


def _measure(figure: tuple[float, float, float], how: str) -> Measure:
    value, low, high = (f"{each:{how}}" for each in figure)
    return Measure(value, f"{low.rstrip('%')}–{high}")
