"""Findings -> HTML: a row each, its figure on a small common scale, its verdict; what stands behind
it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from ttc_explorer.experiments.findings import format_estimate
from ttc_explorer.experiments.findings.verdict import FINDING_VERDICTS, Finding
from ttc_explorer.ui.components.result_panels import count_noun, glossary_term
from ttc_explorer.ui.math_typesetting import escape_html

SCALE_HALF_WIDTH = {"points": 0.2, "slope": 0.04, "share": 0.4, "ratio": 3.0}
"""How far the scale of a unit goes to both sides of its middle; a ratio in doublings."""
SCALE_CENTRE = {"share": 0.2, "ratio": 1.0}
"""The middle of a scale, where it is not 0: a share is held against a fifth, a ratio against 1."""
SCALE_LABELS = {
    "points": "difference in accuracy, −20 to +20 points",
    "slope": "points for each doubling of N, −4 to +4",
    "share": "share, 0 to 60 %",
    "ratio": "times as much, ⅛ to 8",
}
WIDTH, HEIGHT = 180, 20


def findings_list(all_findings: Sequence[Finding], selected: str) -> str:
    """All rows; ``selected`` is pressed."""
    return f'<ol class="findings">{"".join(_finding_row(each, each.id == selected) for each in all_findings)}</ol>'


def verdict_counts(all_findings: Sequence[Finding]) -> str:
    """How many of each verdict."""
    counts = Counter(each.verdict for each in all_findings)
    chips = "".join(
        f"<span>{counts[verdict]} {verdict_chip(verdict)}</span>"
        for verdict in FINDING_VERDICTS
        if counts[verdict]
    )
    title = '<div class="top-line"><h2>What the paper found, tested here</h2></div>'
    return f'{title}<div class="tally">{chips}</div>'


def verdict_chip(verdict: str) -> str:
    """
    >>> verdict_chip("refuted")
    '<span class="verdict" data-verdict="refuted">refuted</span>'
    """
    return f'<span class="verdict" data-verdict="{verdict}">{verdict}</span>'


def finding_details(finding: Finding) -> str:
    """What stands above the curve of a finding: the claim, the test, the figures."""
    title = f'<div class="top-line"><h2>{finding.id}</h2>{verdict_chip(finding.verdict)}</div>'
    body = f'<p class="claim">{escape_html(finding.statement)}</p>'
    body += f'<p class="source">In the paper’s words: {escape_html(finding.paper)}.</p>'
    if finding.estimate is None:
        return f'{title}{body}<p class="reading">{escape_html(finding.said)}</p>'
    facts = (
        (_format_estimate(finding), glossary_term("figure and interval", "95 % interval")),
        (_format_p_value(finding.p), glossary_term("p", "p-value")),
        (_format_p_value(finding.corrected), glossary_term("p, corrected", "corrected p")),
        (count_noun(finding.questions or 0, "question"), "measured on"),
    )
    cells = "".join(
        f"<div><dt>{word}</dt><dd>{escape_html(figure)}</dd></div>" for figure, word in facts
    )
    said = f"{finding.test} {finding.said}".replace(" -", " −")
    return (
        f'{title}{body}<dl class="numbers">{cells}</dl><p class="reading">{escape_html(said)}</p>'
    )


def reproduction_command(finding: Finding) -> str:
    """The command that repeats a finding."""
    lines = "<br>".join(escape_html(part) for part in finding.command.split(" && "))
    return (
        '<p class="source">To repeat it, with DIR a folder of yours:</p><code '
        f'class="command">{lines}</code>'
    )


def _finding_row(finding: Finding, selected: bool) -> str:
    figure = '<span class="figure"></span>'
    if finding.estimate is not None:
        short, _, interval = _format_estimate(finding).partition(" (")
        reach = f"<small>{escape_html(interval.rstrip(')'))}</small>"
        figure = f'<span class="figure"><b>{escape_html(short)}</b> {reach}</span>'
    tip = f"In the paper’s words: {finding.paper}."
    pressed = "true" if selected else "false"
    return (
        f'<li><button type="button" data-finding="{finding.id}" aria-pressed="{pressed}" '
        f'data-tip="{escape_html(tip)}"><span class="id">{finding.id}</span>'
        f'<span class="claim">{escape_html(finding.statement)}</span>{_interval_svg(finding)}{figure}'
        f"{verdict_chip(finding.verdict)}</button></li>"
    )


def _interval_svg(finding: Finding) -> str:
    """The interval on the scale of its unit, and shaded, where the finding would hold."""
    if (
        finding.estimate is None
        or finding.low is None
        or finding.high is None
        or finding.unit is None
    ):
        return '<span class="scale"></span>'
    unit = finding.unit

    def at(value: float | None, beyond: float) -> float:
        """Place in pixels; None stands for no bound."""
        if value is None:
            return beyond
        middle = SCALE_CENTRE.get(unit, 0.0)
        off = math.log2(max(value, 1e-9) / middle) if unit == "ratio" else value - middle
        return WIDTH / 2 * (1 + max(-1.0, min(1.0, off / SCALE_HALF_WIDTH[unit])))

    left, right = at(finding.above, 0), at(finding.below, WIDTH)
    low, high, middle = at(finding.low, 0), at(finding.high, WIDTH), HEIGHT / 2
    label = (
        f"{format_estimate(finding)}; scale: {SCALE_LABELS[unit]}; shaded where the finding "
        "would hold"
    )
    return (
        f'<svg class="scale" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape_html(label)}">'
        f'<rect class="holds" x="{left:.1f}" y="0" width="{right - left:.1f}" height="{HEIGHT}"/>'
        f'<path class="null" d="M{WIDTH / 2} 0V{HEIGHT}"/>'
        f'<path class="reach" d="M{low:.1f} {middle}H{max(high, low + 0.5):.1f}"/>'
        f'<circle class="dot" cx="{at(finding.estimate, 0):.1f}" cy="{middle}" r="4.5"/></svg>'
    )


def _format_estimate(finding: Finding) -> str:
    """The figure with minus signs instead of hyphens."""
    return format_estimate(finding).replace("-", "−")


def _format_p_value(p: float | None) -> str:
    return "" if p is None else "below 0.001" if p < 0.001 else f"{p:.3f}"
