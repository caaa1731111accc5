"""The findings as rows, and what stands behind them."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pandas as pd
import pytest

from ttc_explorer.experiments.calibration import NO_ERROR
from ttc_explorer.experiments.findings.verdict import FINDING_VERDICTS, Finding, FindingChart
from ttc_explorer.ui.components import analysis_charts, findings_view, plotly_figures

ROWS = [
    {"panel": "", "line": name, "tone": tone, "x": x, "y": y, "low": y - 0.1, "high": y + 0.1}
    for name, tone in (("beam search", "beam"), ("best-of-N", "best_of_n"))
    for x, y in ((4.0, 0.4), (16.0, 0.5), (64.0, 0.45))
]
FINDING = Finding(
    "F1", "A claim.", "the paper's <b>words</b>", "reproduced", "More.",
    "sweep --out DIR && findings DIR", "A test.", 0.1, 0.05, 0.15, 0.0, None, "points",
    0.001, 0.01, 400, FindingChart("Samples N", "Accuracy", ROWS),
)  # fmt: skip
UNTESTED = Finding(
    "F14", "Another.", "words", "untested", "There is no larger model yet.", "findings DIR"
)


def test_a_row_says_claim_figure_and_verdict_and_trusts_no_text():
    text = findings_view.findings_list([FINDING, UNTESTED], "F14")
    assert text.count("<li>") == 2
    assert "+10.0 points" in text
    assert "<b>words" not in text
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
    assert "A test. More." in findings_view.finding_details(FINDING)
    assert findings_view.reproduction_command(FINDING).count("<br>") == 1


def test_the_tally_counts_each_verdict_that_there_is():
    text = findings_view.verdict_counts([FINDING, FINDING, UNTESTED])
    assert ">2 <span" in text
    assert [verdict for verdict in FINDING_VERDICTS if f'"{verdict}"' in text] == [
        "reproduced",
        "untested",
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
