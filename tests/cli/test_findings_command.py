"""The commands about a finished sweep: findings, and misled."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.cli.test_main import call, refused
from tests.experiments.synthetic import save, synthetic
from tests.search.fakes import ToyGenerator, ToyVerifier
from ttc_explorer.experiments.calibration import OVER_OPTIMISATION_RUNS
from ttc_explorer.experiments.findings import FINDING_STATEMENTS
from ttc_explorer.models import catalogue
from ttc_explorer.search.trace import load_trace as load_trace


@pytest.fixture(scope="module")
def results():
    return synthetic(25, 8, seed=0).results


@pytest.mark.slow
def test_findings_prints_a_table_or_json_for_one_folder_or_many(results, tmp_path):
    save(results, tmp_path / "s")
    table = call("findings", tmp_path / "s")
    assert table.exit_code == 0
    assert table.stdout.startswith("L1  ")
    found = json.loads(call("findings", tmp_path, "--json").stdout)["findings"]
    assert [finding["id"] for finding in found] == list(FINDING_STATEMENTS)
    for finding in found:
        assert f"{finding['id']:<5}{finding['verdict']}" in table.stdout


def test_findings_refuses_a_folder_without_results(tmp_path):
    refused(call("findings", tmp_path), "no results")


def test_misled_records_both_runs(results, tmp_path, monkeypatch):
    monkeypatch.setattr(
        catalogue, "load_models", lambda *_: catalogue.ModelSet(ToyGenerator(), ToyVerifier())
    )
    runs = results.runs.copy()
    beams = (runs["strategy"] == "beam") & (runs["settings"] == "{}")
    runs.loc[beams & (runs["budget"] == 4), ["top_score", "best"]] = [0.5, True]
    runs.loc[beams & (runs["budget"] == 64), ["top_score", "best"]] = [0.9, False]
    save(replace(results, runs=runs), tmp_path)
    assert call("misled", tmp_path, "--out", tmp_path).exit_code == 0
    few, many = (
        load_trace((tmp_path / f"{name}.json.gz").read_bytes()) for name in OVER_OPTIMISATION_RUNS
    )
    assert (few.budget, many.budget) == (4, 64)
    for run in (few, many):  # the very run that was swept, with each sample a node of its own
        assert (run.settings.merge, run.settings.step) == (False, "line")
        assert set(run.tree.copies) == {1}
    assert few.problem == many.problem
    assert few.problem.text in set(results.problems["text"])


def test_misled_says_when_nothing_was(results, tmp_path):
    save(replace(results, runs=None), tmp_path)
    refused(call("misled", tmp_path, "--out", tmp_path), "sweep")
