"""Folders of results: what was written is what is read, and what is damaged is refused in one
sentence."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from tests.experiments.synthetic import save, synthetic
from ttc_explorer.experiments.result_tables import TABLE_COLUMNS, Results
from ttc_explorer.problems.problem import BadInput


@pytest.fixture(scope="module")
def made():
    return synthetic(questions=6, samples=4).results


@pytest.fixture
def folder(made, tmp_path):
    save(made, tmp_path / "base")
    return tmp_path / "base"


def test_what_was_written_is_read(made, folder):
    read = Results.load(folder)
    assert read.about == made.about
    for name in TABLE_COLUMNS:
        before, after = getattr(made, name), getattr(read, name)
        assert list(after) == list(before)
        assert after["question"].tolist() == before["question"].tolist()
    assert list(read.probe["lines"].iloc[0]) == made.probe["lines"].iloc[0]


def test_all_folders_by_the_name_of_the_model(made, folder):
    (folder.parent / "policy.json").write_text("{}")
    (folder.parent / "empty").mkdir()
    assert list(Results.all(folder.parent)) == ["synthetic"]


def test_tables_that_were_not_made_are_absent(folder):
    for name in ("pool", "probe", "runs", "attempts"):
        (folder / f"{name}.parquet").unlink()
    read = Results.load(folder)
    assert read.pool is read.probe is read.runs is read.attempts is None


def changed(folder, name, change):
    path = folder / f"{name}.parquet"
    change(pd.read_parquet(path)).to_parquet(path)


def test_what_is_damaged_is_refused_in_one_sentence(made, folder):
    def refused(complaint):
        with pytest.raises(BadInput, match=complaint) as caught:
            Results.load(folder)
        assert "\n" not in str(caught.value)
        save(made, folder)

    (folder / "about.json").unlink()
    refused("no folder of results")
    (folder / "about.json").write_text("[" * 100_000)
    refused("damaged")
    (folder / "about.json").write_text(json.dumps({**made.about, "version": 2}))
    refused("another version")
    (folder / "problems.parquet").unlink()
    refused("has no problems.parquet")
    (folder / "runs.parquet").write_bytes(b"PAR1 and no more")
    refused("runs.parquet is damaged")
    changed(folder, "pool", lambda table: table.drop(columns=["correct", "verifier_flops"]))
    refused("no column correct, verifier_flops")
    changed(folder, "pool", lambda table: table.assign(correct="yes"))
    refused("column correct of .*another kind")
    changed(folder, "runs", lambda table: table.assign(question=table["question"] + 1))
    refused("runs.parquet .* has questions that problems.parquet has not")
