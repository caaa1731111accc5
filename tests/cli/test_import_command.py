"""Files of other tools on the command line: a pool, traces, or one line that says why not."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from tests.experiments.test_importers import FILES, saved
from ttc_explorer.cli.main import cli
from ttc_explorer.search.trace import load_trace


def call(*arguments):
    return CliRunner().invoke(cli, list(map(str, arguments)))


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_samples_become_a_pool_that_curves_reads(tmp_path, suffix):
    source, out = saved(tmp_path, "crucible", FILES["crucible"]), tmp_path / f"pool{suffix}"
    result = call("import", source, "--out", out)
    assert result.exit_code == 0
    assert (
        result.stderr == "crucible.json: crucible cassettes; 2 solutions to 1 questions, 1 right.\n"
    )
    drawn = call("curves", "--pool", out, "--k", 2, "--json")
    assert {row["selector"]: row["accuracy"] for row in json.loads(drawn.stdout)}["best"] == 1.0


def test_seeds_of_one_experiment_are_joined_by_their_questions(tmp_path):
    source = saved(tmp_path, "crucible", FILES["crucible"])
    result = call("import", source, source)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["sample"] for row in rows] == [0, 1, 2, 3]
    other = saved(tmp_path, "optillm", FILES["optillm"])
    mixed = call("import", source, other)
    assert mixed.exit_code == 2
    assert "optillm.json is of another kind (OptiLLM results)" in mixed.stderr


def test_trees_become_traces_in_a_folder(tmp_path):
    source, out = saved(tmp_path, "tree_of_thought", FILES["tree_of_thought"]), tmp_path / "trees"
    result = call("import", source, "--out", out)
    assert "1 search trees" in result.stderr
    (path,) = out.iterdir()
    assert load_trace(path.read_bytes()).correct == {"4*6*1*1": True, "4*6": False}
    only_trees = saved(tmp_path, "thinkbooster", FILES["thinkbooster"])
    assert "give --out a folder" in call("import", only_trees, "--out", tmp_path / "a.csv").stderr
    assert "3 steps, beam: '2 + 3?'" in call("import", only_trees).stdout


def test_columns_by_other_names(tmp_path):
    path = tmp_path / "scored.csv"
    rows = {"prompt": ["2+3?"] * 2, "completion": [5, 6], "gold": [5, 5], "reward": [2.5, -1]}
    pd.DataFrame(rows).to_csv(path, index=False)
    columns = ["--column", "question=Prompt", "--column", "answer=completion"]
    columns += ["--column", "reference=gold", "--column", "score=reward"]
    result = call("curves", "--pool", path, "--k", 2, "--selector", "weighted", "--json", *columns)
    assert [row["accuracy"] for row in json.loads(result.stdout)] == [1.0]
    assert "logistic function" in json.loads(result.stdout)[0]["note"]
    assert "logistic function" in result.stderr
    assert "Write a column as question=prompt" in call("import", path, "--column", "x").stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere.json"], "There is no file"),
        (["--format", "luck"], "Unknown format 'luck'"),
        (["--format", "autotts"], "is not what a file of AutoTTS replay stores looks like"),
        (["--out", "nowhere/pool.csv"], "in a folder that exists"),
        (["--out", "pool.txt"], "Name the pool with one of"),
    ],
)
def test_bad_arguments_are_one_line(tmp_path, monkeypatch, arguments, complaint):
    monkeypatch.chdir(tmp_path)
    source = saved(tmp_path, "crucible", FILES["crucible"])
    result = call("import", *([] if arguments == ["nowhere.json"] else [source]), *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert result.stderr.count("\n") <= 2
    assert "Traceback" not in result.stderr


def test_a_pool_without_scores_says_what_it_draws(tmp_path):
    source = saved(tmp_path, "autotts", FILES["autotts"])
    result = call("curves", "--pool", source)
    assert "no column score: it can draw coverage, majority, random" in result.stderr
