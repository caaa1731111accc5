"""The public Python API: what a notebook imports."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest

import ttc_explorer as ttc
from tests.test_ground import ROOT
from ttc_explorer.problems.problem import BadInput


@pytest.fixture(scope="module")
def run():
    return ttc.solve("Solve 3x+5=20.", strategy="beam", budget=4, seed=0)


@pytest.mark.slow
def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, ttc_explorer as ttc; ttc.Settings, ttc.strategy, ttc.Solver, dir(ttc); "
        "print(sorted({'torch', 'transformers', 'gradio'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_every_name_is_there_and_no_other():
    for name in ttc.__all__:
        assert getattr(ttc, name) is not None
        assert name in dir(ttc)
    with pytest.raises(AttributeError, match="solv"):
        _ = ttc.solv


def test_a_run_has_answer_votes_tree_and_cost(run):
    assert run.answer == run.votes[0].answer == "5"
    assert run.correct == {answer.answer: answer.answer == "5" for answer in run.votes}
    assert isinstance(run.tree, ttc.SearchTree)
    assert run.ledger.verifier_tokens > 0
    assert "answer '5'" in repr(run)


@pytest.mark.slow
def test_a_run_is_the_trace_of_the_command(run):
    command = ["solve", "Solve 3x+5=20.", "--budget", "4", "--json"]
    printed = json.loads(
        subprocess.run(
            [sys.executable, "-m", "ttc_explorer", *command],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout
    )  # fmt: skip
    ours = json.loads(json.dumps(run.trace()))
    for trace in (printed, ours):
        del trace["ledger"]["seconds"], trace["timeline"]["seconds"]
    assert ours == printed


def test_a_run_is_saved_loaded_and_shown(run, tmp_path):
    run.save(tmp_path / "run.json.gz")
    again = ttc.load_trace(tmp_path / "run.json.gz")
    assert again.trace() == run.trace()
    again.to_html(tmp_path / "run.html")
    page = (tmp_path / "run.html").read_text("utf-8")
    assert page.startswith("<!")
    assert "Solve 3x+5=20." in page
    assert "<iframe" in run._repr_html_()
    for wrong in (tmp_path / "no" / "run.html", tmp_path):
        with pytest.raises(BadInput, match="cannot be saved"):
            run.to_html(wrong)
    with pytest.raises(BadInput, match="cannot be saved"):
        run.save(tmp_path / "no" / "run.json")
    with pytest.raises(BadInput, match="cannot be read"):
        ttc.load_trace(tmp_path / "none.json")


def test_strategies_are_compared_on_one_problem(run):
    runs = ttc.compare("Solve 3x+5=20.", ["greedy", "beam"], budget=4)
    assert list(runs) == ["greedy", "beam"]
    assert runs["beam"].tree.events == run.tree.events
    assert {each.answer for each in runs.values()} == {"5"}


def test_curves_of_a_table_and_of_a_file(tmp_path):
    pool = pd.DataFrame(
        {
            "question": [0, 0, 1, 1],
            "answer": ["1", "2", "3", "3"],
            "correct": [True, False, True, True],
            "score": [0.9, 0.1, 0.5, 0.5],
        }
    )
    pool.to_csv(tmp_path / "pool.csv", index=False)
    rows = ttc.curves(pool, [1, 2], ["coverage", "best"])
    assert rows["accuracy"].tolist() == [0.75, 1.0, 0.75, 1.0]
    assert ttc.curves(tmp_path / "pool.csv", [1, 2], ["coverage", "best"]).equals(rows)
    with pytest.raises(BadInput, match="loudest"):
        ttc.curves(pool, [1], ["loudest"])


@pytest.mark.slow
def test_a_touch_goes_on_from_a_node_as_the_search_would_have():
    """What is read again gives the model the state that it had: the likeliest solution, gone on
    with from each of its steps, is the same solution."""
    with ttc.Solver() as solver:
        run = solver.solve("Solve 3x+5=20.", strategy="greedy", budget=1, temperature=0.0)
        size = len(run.tree)
        assert size > 3
        for node in range(size - 1):
            again = solver.touch(run, "expand", node, samples=2)
            assert again.tree.text == run.tree.text
            assert again.tree.copies == [1] * (node + 1) + [3] * (size - node - 1)
        own = solver.touch(run, "force", 0, samples=1, text="20-5=15")
        assert own.tree.text == run.tree.text
        assert own.ledger.verifier_tokens == run.ledger.verifier_tokens
