"""The findings as rows, and what stands behind them."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pandas as pd
import pytest

from ttc_explorer.experiments.calibration import NO_ERROR
from ttc_explorer.experiments.findings.verdict import (
    FINDING_VERDICTS,
    AnswerRow,
    Finding,
    FindingChart,
    Interval,
)
from ttc_explorer.ui.components import analysis_charts, findings_view, law_view, plotly_figures

ROWS = [
    {"panel": "", "line": name, "tone": tone, "x": x, "y": y, "low": y - 0.1, "high": y + 0.1}
    for name, tone in (("beam search", "beam"), ("best-of-N", "best_of_n"))
    for x, y in ((4.0, 0.4), (16.0, 0.5), (64.0, 0.45))
]
FINDING = Finding(
    "F1", "A claim, <b>not</b> markup.", "5.3", "holds", "More.", "sweep --out DIR && findings DIR",
    "A test.", 0.1, 0.05, 0.15, 0.0, None, "points", 0.001, 0.01, 0.99, 400,
    ["All questions", "Verifier judges the deciding step", "It cannot"],
    [
        AnswerRow("Beam search", [
            Interval(0.1, 0.05, 0.15, "holds"), Interval(0.2, 0.1, 0.3, "holds"),
            Interval(-0.1, -0.2, -0.05, "does not hold"),
        ]),
        AnswerRow("REBASE", [Interval(0.02, -0.1, 0.1), None, Interval(0.01, -0.1, 0.1)]),
    ],
    ("target", 0.2), FindingChart("Samples N", "Accuracy", ROWS),
)  # fmt: skip
UNTESTED = Finding(
    "F14a", "Another.", "7", "not testable here", "There is no larger model yet.", "findings DIR"
)


def test_a_row_says_claim_figure_and_verdict_and_trusts_no_text():
    text = findings_view.findings_list([FINDING, UNTESTED], "F14a")
    assert text.count("<li>") == 2
    assert "+10.0 points" in text
    assert "<b>not" not in text
    assert "it cannot: <b>−10.0</b> does not hold" in text
    assert re.findall(r'aria-pressed="(\w+)"', text) == ["false", "true"]


@pytest.mark.parametrize(
    ("above", "below", "span"),
    [(0.0, None, (90, 180)), (None, 0.0, (0, 90)), (-0.1, 0.1, (45, 135))],
)
def test_where_a_finding_would_hold_is_shaded(above, below, span):
    text = findings_view.findings_list([replace(FINDING, above=above, below=below)], "")
    x, width = map(
        float, re.search(r'class="holds" x="([\d.]+)" y="0" width="([\d.]+)"', text).groups()
    )
    assert (x, x + width) == span


def test_figures_beyond_the_scale_stay_on_it():
    text = findings_view.findings_list([replace(FINDING, estimate=5.0, low=-9.0, high=9.0)], "")
    assert 'd="M0.0 10.0H180.0"' in text
    assert 'cx="180.0"' in text


def test_a_ratio_is_on_a_scale_of_doublings_around_one():
    text = findings_view.findings_list(
        [replace(FINDING, unit="ratio", estimate=1.0, low=0.125, high=8.0, above=1.0)], ""
    )
    assert 'd="M0.0 10.0H180.0"' in text
    assert 'cx="90.0"' in text


def test_behind_an_untested_finding_is_why():
    assert UNTESTED.said in findings_view.finding_details(UNTESTED)
    assert "<dl" not in findings_view.finding_details(UNTESTED)
    text = findings_view.finding_details(FINDING)
    assert "A test. More. Without the family target it would be +20.0 points" in text
    assert "section 5.3 of the paper, in our words" in text
    assert text.count("<td>") == 7
    assert text.count("does not hold</span>") == 1
    assert "99 %" in text
    assert findings_view.reproduction_command(FINDING).count("<br>") == 1


def test_the_law_is_drawn_on_common_scales_and_names_its_ends():
    rows = [
        {"panel": search, "line": family, "tone": "beam", "x": auc, "y": gain, "low": gain - 0.1}
        | {"high": gain + 0.1}
        for search in ("Beam search, M = 4", "REBASE")
        for family, auc, gain in (("target", 0.5, -0.4), ("roots", 1.0, 0.1), ("fit", 0.5, -0.3))
    ]
    slopes = [AnswerRow("Beam search, M = 4", [Interval(0.08, 0.02, 0.1)])]
    law = replace(
        FINDING, id="L1", unit="auc_slope", rows=slopes,
        chart=FindingChart("AUC", "Gain", rows, "difference", log=False),
    )  # fmt: skip
    text = law_view.law_view(law, UNTESTED)
    assert text.count("<figure>") == 2
    assert text.count("<circle") == 4
    assert "+8.0 (+2.0 to +10.0)" in text
    assert "target: AUC 0.50, −40.0 points" in text
    assert UNTESTED.said in text
    assert "<figure>" not in law_view.law_view(UNTESTED, None)


def test_the_tally_counts_each_verdict_that_there_is():
    text = findings_view.verdict_counts([FINDING, FINDING, UNTESTED], "Looked at 3 times.")
    assert "Looked at 3 times." in text
    assert ">2 <span" in text
    assert [verdict for verdict in FINDING_VERDICTS if f'"{verdict}"' in text] == [
        "holds",
        "not testable here",
    ]


@pytest.mark.parametrize("narrow", [False, True])
def test_the_curve_has_a_line_and_a_band_for_each_name(narrow):
    drawn = analysis_charts.finding_chart(FINDING.chart, narrow)
    lines = [trace for trace in drawn["data"] if trace.get("mode") == "lines+markers"]
    assert [trace["name"] for trace in lines] == ["beam search", "best-of-N"]
    assert sum(trace.get("fill") == "toself" for trace in drawn["data"]) == 2
    json.loads(plotly_figures.to_plot_data(drawn).plot)


def test_the_heat_map_shares_out_each_row():
    table = pd.DataFrame(
        {"true": [0, 0, 1, NO_ERROR, 12], "predicted": [0, NO_ERROR, 1, NO_ERROR, 3]}
    )
    heat = analysis_charts.first_error_heatmap(table)["data"][0]
    assert heat["x"][-1] == "none"
    assert heat["x"][-2] == "8+"
    first, last = heat["z"][0], heat["z"][-1]
    assert (first[0], first[-1]) == (0.5, 0.5)
    assert last[-1] == 1.0
