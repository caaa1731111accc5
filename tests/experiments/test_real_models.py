"""The table of real models: made from files by their names; figures equal to a count by hand."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from tests.experiments.test_importers import FILES
from ttc_explorer.cli.main import cli
from ttc_explorer.experiments.pool_curves import pool_curves
from ttc_explorer.experiments.real_models import SAMPLED, load_real_models

SHIPPED = Path(__file__).parents[2] / "assets" / "experiments" / "real_models.json"


def call(*arguments):
    return CliRunner().invoke(cli, ["real-curves", *map(str, arguments)])


def system(right):
    return {"is_correct": right, "solution": "secret text"}


def filled(folder):
    (folder / "crucible").mkdir()
    for seed in (0, 1, 2):
        path = folder / "crucible" / f"math500-bestofn-seed{seed}.json"
        path.write_text(json.dumps(FILES["crucible"]))
    rows = [
        {
            "question": "secret text",
            "6b_finetuning": system(False),
            "6b_verification": system(n < 3),
            "175b_finetuning": system(n < 2),
            "175b_verification": system(True),
        }
        for n in range(4)
    ]
    path = folder / "gsm8k_model_solutions_4.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_the_table_is_made_from_the_files_that_are_there(tmp_path):
    out = tmp_path / "table.json"
    result = call(filled(tmp_path), "--out", out)
    assert result.exit_code == 0
    models = {model.model: model for model in load_real_models(out)}
    assert len(models) == 5
    qwen = models["Qwen2.5-1.5B-Instruct, Skywork-o1-Open-PRM-1.5B"]
    # Six samples, three of them right; the best of all six has the score .75 and is right.
    assert qwen.at_most("coverage").k == 6
    assert qwen.at_most("best").accuracy == 1.0
    assert qwen.points[0].accuracy == pytest.approx(0.5)
    assert models["GPT-3 6B, verifier"].points[0].accuracy == pytest.approx(0.75)
    assert models["GPT-3 175B"].points[0].questions == 4
    assert "Only 4 of the file's 1,319 questions" in models["GPT-3 175B"].note
    assert "secret text" not in out.read_text()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere", "--out", "a.json"], "There is no folder"),
        ([".", "--out", "a.json"], "holds no file of a known source"),
        ([".", "--out", "a.txt"], "choose a .json file"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path, monkeypatch, arguments, complaint):
    monkeypatch.chdir(tmp_path)
    result = call(*arguments)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert complaint in result.stderr


def test_another_file_of_that_name_is_one_line(tmp_path):
    (tmp_path / "example_model_solutions.jsonl").write_text('{"question": "?"}\n')
    result = call(tmp_path, "--out", tmp_path / "a.json")
    assert result.exit_code == 2
    assert "Row 1 of example_model_solutions.jsonl is not" in result.stderr


def test_the_shipped_table_names_sources_and_licences_and_holds_no_texts():
    models = load_real_models(SHIPPED)
    assert {model.repository for model in models} >= {source.repository for source in SAMPLED}
    for model in models:
        assert model.licence in ("MIT", "Apache-2.0")
        assert model.points
        for point in model.points:
            assert 0 <= point.low <= point.accuracy <= point.high <= 1
    assert SHIPPED.stat().st_size < 30_000


ANSWER_COUNTS = json.loads((Path(__file__).parent / "real_answer_counts.json").read_text())
"""Of a source's file, for every question: [samples, right ones, how many answers have so many]."""


@pytest.mark.parametrize("file", ANSWER_COUNTS)
def test_the_shipped_majority_is_a_plain_count_of_votes(file):
    (model,) = [model for model in load_real_models(SHIPPED) if file in model.files]
    chances = []
    for answers in ANSWER_COUNTS[file]:
        most = max(votes for votes, _, _ in answers)
        tied = [(right / votes, many) for votes, right, many in answers if votes == most]
        chances.append(sum(share * many for share, many in tied) / sum(many for _, many in tied))
    shipped = model.at_most("majority")
    assert len(chances) == shipped.questions
    assert shipped.accuracy == pytest.approx(sum(chances) / len(chances), abs=1e-12)


@pytest.mark.parametrize("file", ANSWER_COUNTS)
def test_the_majority_of_a_pool_of_these_answers_is_the_shipped_one(file):
    (model,) = [model for model in load_real_models(SHIPPED) if file in model.files]
    shipped = model.at_most("majority")
    rows = []
    for question, answers in enumerate(ANSWER_COUNTS[file]):
        names = iter(range(1000))
        read = [
            (str(name), sample < right)
            for votes, right, many in answers
            for name in itertools.islice(names, many)
            for sample in range(votes)
        ]
        unread = [(None, False)] * (shipped.k - len(read))
        rows += [(question, answer, correct) for answer, correct in [*read, *unread]]
    pool = pd.DataFrame(rows, columns=["question", "answer", "correct"])
    pool["sample"] = pool.groupby("question").cumcount()
    majority = pool_curves(pool, [shipped.k], ["majority"])["accuracy"].item()
    assert majority == pytest.approx(shipped.accuracy, abs=1e-12)
