"""What the pages Verifier and Findings say, without a browser."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest

from tests.experiments.synthetic import save, synthetic
from tests.ui.toy_solver import finished_run
from ttc_explorer.experiments.calibration import OVER_OPTIMISATION_RUNS
from ttc_explorer.experiments.findings import dump_findings, evaluate_findings
from ttc_explorer.search.trace import dump_trace
from ttc_explorer.ui.pages.findings_page import FindingsPage
from ttc_explorer.ui.pages.verifier_page import VerifierPage
from ttc_explorer.ui.results_store import FINDINGS_FILE, ResultsStore


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    save(synthetic(30, 16, seed=2).results, folder / "s")
    return folder


def verifier_page(folder, recorded):
    with gr.Blocks():
        return VerifierPage(ResultsStore(folder), recorded)


def findings_page(folder):
    with gr.Blocks():
        return FindingsPage(folder)


def last(frames):
    return list(frames)[-1]


@pytest.mark.slow
def test_the_verifier_is_told_in_figures_and_numbers(folder, tmp_path):
    page = verifier_page(folder, tmp_path)
    measurements = page.draw_measurements("s")
    assert measurements[page.banner] == ""
    assert "judged by synthetic-prm" in measurements[page.status]
    assert measurements[page.calibration_table].count("<tr>") == 3
    assert "printed checks" in measurements[page.auc]
    assert "ORM" in measurements[page.judges_table]
    for figure in (page.calibration, page.places, page.aggregates, page.judges):
        assert json.loads(measurements[figure].plot)["data"]


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["best_of_n", "beam"])
def test_over_optimisation_has_a_panel_a_bin_and_three_on_a_phone(folder, tmp_path, shape):
    page = verifier_page(folder, tmp_path)
    for narrow, panels in ((False, 5), (True, 3)):
        layout = json.loads(page.draw_over_optimisation("s", shape, narrow)[page.over].plot)[
            "layout"
        ]
        assert sum(name.startswith("xaxis") for name in layout) == panels


def test_what_is_missing_is_one_sentence(folder, tmp_path):
    save(replace(synthetic(30, 16, seed=2).results, probe=None), tmp_path / "s")
    page = verifier_page(tmp_path, tmp_path)
    for frame in (
        page.draw_measurements("s"),
        page.draw_over_optimisation("s", "beam", False),
        page.draw_measurements("elsewhere"),
    ):
        assert frame[page.banner].count("<p") == 1
        assert frame[page.banner].count("alert")


@pytest.mark.slow
def test_recorded_runs_stand_side_by_side_only_if_both_are_there(folder, tmp_path):
    data = dump_trace(finished_run())
    (tmp_path / f"{OVER_OPTIMISATION_RUNS[0]}.json.gz").write_bytes(data)
    assert not hasattr(verifier_page(folder, tmp_path), "trees")
    (tmp_path / f"{OVER_OPTIMISATION_RUNS[1]}.json.gz").write_bytes(data)
    page = verifier_page(folder, tmp_path)
    drawn = page.draw_misled_runs()
    assert drawn[page.trees].count('["run",') == 2
    assert "What is 1" in drawn[page.misled_title]
    (tmp_path / f"{OVER_OPTIMISATION_RUNS[1]}.json.gz").write_bytes(data[:99])
    assert page.draw_misled_runs()[page.banner].count("alert")


@pytest.mark.slow
def test_stored_findings_are_shown_and_a_press_shows_what_is_behind(folder, tmp_path):
    found = evaluate_findings(folder, resamples=30)
    (tmp_path / FINDINGS_FILE).write_text(dump_findings(found), encoding="utf-8")
    page = findings_page(tmp_path)
    shown = last(page.show("F1", False))
    assert shown[page.findings_list].count("data-finding") == len(found)
    pressed = page.pick(False, SimpleNamespace(finding="F14a"))
    assert pressed[page.chosen] == "F14a"
    assert "larger model" in pressed[page.head]
    assert page.pick(False, SimpleNamespace(finding="F99")) == {page.chosen: gr.skip()}


def test_without_a_stored_file_they_are_worked_out_once(folder, monkeypatch):
    asked = []

    def tested(where):
        asked.append(where)
        return evaluate_findings(where, resamples=20)

    monkeypatch.setattr("ttc_explorer.ui.pages.findings_page.evaluate_findings", tested)
    page = findings_page(folder)
    first, second = page.show("F1", False)
    assert "Testing" in first[page.findings_list]
    assert "data-finding" in second[page.findings_list]
    assert len(list(page.show("F2", True))) == 1
    assert asked == [folder]


def test_a_damaged_file_and_no_results_are_said(tmp_path):
    assert "sweep" in findings_page(tmp_path).banner.value
    (tmp_path / FINDINGS_FILE).write_text("{")
    page = findings_page(tmp_path)
    assert "findings.json" in last(page.show("F1", False))[page.banner]
