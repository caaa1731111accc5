"""Findings -> HTML: a row each, its figure on a small common scale, its verdict; what stands behind
it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from ttc_explorer.experiments.findings import format_estimate, format_interval
from ttc_explorer.experiments.findings.resampled_results import JUDGED_EARLY, JUDGED_LATE
from ttc_explorer.experiments.findings.verdict import FINDING_VERDICTS, Finding, Interval
from ttc_explorer.ui.html_templates import render
from ttc_explorer.ui.number_format import count_noun

SCALE_HALF_WIDTH = {"points": 0.2, "slope": 0.04, "auc_slope": 0.2, "share": 0.4, "ratio": 3.0}
"""How far the scale of a unit goes to both sides of its middle; a ratio in doublings."""
SCALE_CENTRE = {"share": 0.2, "ratio": 1.0}
"""The middle of a scale, where it is not 0: a share is held against a fifth, a ratio against 1."""
SCALE_LABELS = {
    "points": "difference in accuracy, −20 to +20 points",
    "slope": "points for each doubling of N, −4 to +4",
    "auc_slope": "points for each 0.1 of AUC, −20 to +20",
    "share": "share, 0 to 60 %",
    "ratio": "times as much, ⅛ to 8",
}
WIDTH, HEIGHT = 180, 20
FINDINGS_HELP = (
    "Press a finding to see the curve behind it. A dot is our figure, and its bar the interval at "
    "the level at which this finding is tested, stricter than 95 % because so many are tested "
    "together: it holds where the whole bar lies in the shaded part. An arrow: the bar goes on. "
    "What "
    "does not hold and what is open are results like the others."
)
KIND_NAMES = {JUDGED_EARLY: "verifier judges early", JUDGED_LATE: "it cannot"}
"""Names of the kinds of families where room is short."""


class IntervalDrawing(NamedTuple):
    """An interval on the scale of its unit, in pixels: shaded from ``left`` to ``right`` where the
    finding would hold, a stroke from ``low`` to ``high``, a ``dot`` at the figure, and arrows
    (paths) where the stroke goes on ``beyond`` an end."""

    width: int
    height: int
    label: str
    left: float
    right: float
    low: float
    high: float
    dot: float
    beyond: list[str]


class KindAnswer(NamedTuple):
    """The answer for one kind of families, in words."""

    name: str
    figure: str
    verdict: str


class AnswerCell(NamedTuple):
    """A figure of the table behind a finding; all empty where it was not measured."""

    figure: str = ""
    reach: str = ""
    verdict: str = ""


class AnswerTableRow(NamedTuple):
    """What was compared, and its figures."""

    name: str
    cells: list[AnswerCell]


class FindingRow(NamedTuple):
    """A row of the list: the figure and its interval in words, both empty if it is untested."""

    finding: Finding
    selected: bool
    figure: str
    reach: str
    interval: IntervalDrawing | None
    kinds: list[KindAnswer]


def findings_list(all_findings: Sequence[Finding], selected: str) -> Markup:
    """All rows; the finding of the id ``selected`` is pressed."""
    rows = [_finding_row(finding, finding.id == selected) for finding in all_findings]
    return render("findings_list.html", rows=rows, help=FINDINGS_HELP)


def verdict_counts(all_findings: Sequence[Finding], looks_note: str) -> Markup:
    """How many of each verdict, and how often the questions were looked at."""
    counts = Counter(finding.verdict for finding in all_findings)
    shown = [(verdict, counts[verdict]) for verdict in FINDING_VERDICTS if counts[verdict]]
    return render("verdict_counts.html", counts=shown, looks_note=looks_note)


def finding_details(finding: Finding) -> Markup:
    """What stands above the curve of a finding: the claim, the figures, the test."""
    if finding.estimate is None or finding.confidence is None:
        return render("finding_details.html", finding=finding, facts=[], rows=[], said=finding.said)
    facts = [
        (_format_estimate(finding), ("figure and interval", "95 % interval")),
        (f"{100 * finding.confidence:.3g} %", ("level of the interval", "interval level")),
        (count_noun(finding.questions or 0, "question"), ("measured on",)),
    ]
    if finding.corrected is not None:
        facts.insert(2, (_format_p_value(finding.corrected), ("p, corrected", "corrected p")))
    said = f"{finding.test} {finding.said}"
    if finding.without is not None:
        family, value = finding.without
        figure = format_interval(Interval(value, value, value), str(finding.unit)).partition(" (")[
            0
        ]
        said += f" Without the family {family} it would be {figure}: no other changes it as much."
    rows = [
        AnswerTableRow(row.name, [_answer_cell(cell, str(finding.unit)) for cell in row.cells])
        for row in finding.rows
    ]
    return render(
        "finding_details.html",
        finding=finding,
        facts=facts,
        columns=finding.columns,
        rows=rows if len(rows) > 1 or len(finding.columns) > 1 else [],
        said=said.replace(" -", " −"),
    )


def _answer_cell(cell: Interval | None, unit: str) -> AnswerCell:
    if cell is None:
        return AnswerCell()
    figure, _, reach = format_interval(cell, unit).replace("-", "−").partition(" (")
    for words in (" points a doubling", " points for 0.1 of AUC", " points", " times"):
        figure = figure.removesuffix(words)
    return AnswerCell(figure, reach.rstrip(")"), cell.verdict)


def reproduction_command(finding: Finding) -> Markup:
    """The command that repeats a finding."""
    return render("reproduction_command.html", steps=finding.command.split(" && "))


def _finding_row(finding: Finding, selected: bool) -> FindingRow:
    if finding.estimate is None:
        return FindingRow(finding, selected, "", "", None, [])
    figure, _, interval = _format_estimate(finding).partition(" (")
    kinds = [
        KindAnswer(
            KIND_NAMES.get(column, column),
            _answer_cell(cell, str(finding.unit)).figure,
            cell.verdict,
        )
        for column, cell in zip(finding.columns[1:], finding.rows[0].cells[1:], strict=True)
        if cell is not None
    ]
    return FindingRow(
        finding, selected, figure, interval.rstrip(")"), _draw_interval(finding), kinds
    )


def _draw_interval(finding: Finding) -> IntervalDrawing | None:
    """The interval on the scale of its unit; None where one of them is not known."""
    low, high, unit = finding.low, finding.high, finding.unit
    if finding.estimate is None or low is None or high is None or unit is None:
        return None
    left = 0.0 if finding.above is None else _scale_position(finding.above, unit)
    right = float(WIDTH) if finding.below is None else _scale_position(finding.below, unit)
    start, end = _scale_position(low, unit), _scale_position(high, unit)
    middle = HEIGHT / 2
    beyond = []
    if start == 0.0:
        beyond.append(f"M6 {middle - 5}L0 {middle}L6 {middle + 5}")
    if end == WIDTH:
        beyond.append(f"M{WIDTH - 6} {middle - 5}L{WIDTH} {middle}L{WIDTH - 6} {middle + 5}")
    return IntervalDrawing(
        WIDTH,
        HEIGHT,
        f"{format_estimate(finding)}; scale: {SCALE_LABELS[unit]}; shaded where the finding would "
        "hold",
        left,
        right,
        start,
        max(end, start + 0.5),
        _scale_position(finding.estimate, unit),
        beyond,
    )


def _scale_position(value: float, unit: str) -> float:
    """Where a value stands on the scale of its unit, in pixels; at its end if it is beyond."""
    middle = SCALE_CENTRE.get(unit, 0.0)
    off = math.log2(max(value, 1e-9) / middle) if unit == "ratio" else value - middle
    return WIDTH / 2 * (1 + max(-1.0, min(1.0, off / SCALE_HALF_WIDTH[unit])))


def _format_estimate(finding: Finding) -> str:
    """The figure with minus signs instead of hyphens."""
    return format_estimate(finding).replace("-", "−")


def _format_p_value(p: float | None) -> str:
    return "" if p is None else "below 0.001" if p < 0.001 else f"{p:.3f}"
