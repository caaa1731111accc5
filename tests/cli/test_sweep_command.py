"""The command sweep: on files of any kind, with models from folders, stopped and resumed; and what
it refuses."""

from __future__ import annotations

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from tests.cli.test_main import call, refused
from tests.models.toy_models import toy_qwen2, toy_token_classifier, toy_tokenizer
from ttc_explorer.experiments import sweep_jobs
from ttc_explorer.experiments.sweep_checkpoint import SweepCheckpoint
from ttc_explorer.models import catalogue

pytestmark = pytest.mark.slow

ASKED = pd.DataFrame(
    {"task": ["What is 3 + 4?", "What is 5 - 2?"], "solved": ["#### 7", r"So \boxed{3}."]}
)
WRITERS = {".jsonl": "to_json", ".csv": "to_csv", ".parquet": "to_parquet"}


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> str:
    """A generator and a verifier in folders."""
    folder = tmp_path_factory.mktemp("models")
    for name, model in (("writer", toy_qwen2()), ("judge", toy_token_classifier())):
        model.save_pretrained(folder / name)
        toy_tokenizer().save_pretrained(folder / name)
    return f"{folder / 'writer'}+{folder / 'judge'}"


@pytest.fixture(autouse=True)
def small(monkeypatch) -> None:
    """Short steps, and a task a question."""
    monkeypatch.setattr(catalogue, "FOREIGN_MAX_STEP_TOKENS", 8)
    monkeypatch.setattr(sweep_jobs, "BATCH_ROWS", 1)


def file_of(folder, suffix: str):
    options = {".jsonl": {"orient": "records", "lines": True}}.get(suffix, {"index": False})
    getattr(ASKED, WRITERS[suffix])(folder / f"asked{suffix}", **options)
    return folder / f"asked{suffix}"


def order(problems, out, pair: str) -> list[object]:
    return [
        "sweep", "--problems", problems, "--out", out, "--model", pair, "--samples", 2,
        "--set", "rounds=3", "--strategy", "beam width=2", "--budget", 2,
        "--question-column", "task", "--answer-column", "solved",
    ]  # fmt: skip


def tables(out) -> dict[str, pd.DataFrame]:
    found = {file.stem: pd.read_parquet(file) for file in sorted(out.glob("*.parquet"))}
    return {name: table.drop(columns="seconds", errors="ignore") for name, table in found.items()}


def test_files_of_every_kind_make_the_same_tables(pair, tmp_path):
    for suffix in WRITERS:
        done = call(*order(file_of(tmp_path, suffix), tmp_path / suffix[1:], pair))
        assert done.exit_code == 0, done.stderr
        assert f"{tmp_path / suffix[1:] / 'pool.parquet'}: 4 rows" in done.stdout
    first = tables(tmp_path / "jsonl")
    assert list(first) == ["pool", "problems", "runs"]
    assert list(first["problems"]["answer"]) == ["7", "3"]
    assert list(first["runs"]["settings"]) == ['{"merge": true, "rounds": 3, "width": 2}'] * 2
    for other in ("csv", "parquet"):
        for name, table in tables(tmp_path / other).items():
            assert_frame_equal(table, first[name])


def test_stopped_and_resumed_it_is_the_same(pair, tmp_path, monkeypatch):
    problems, out = file_of(tmp_path, ".jsonl"), tmp_path / "out"
    call(*order(problems, tmp_path / "whole", pair))
    save_task, kept = SweepCheckpoint.save_task, []

    def stop(parts, task, made):
        if len(kept) == 2:
            raise KeyboardInterrupt
        kept.append(task)
        save_task(parts, task, made)

    with monkeypatch.context() as patch:
        patch.setattr(SweepCheckpoint, "save_task", stop)
        assert call(*order(problems, out, pair)).exit_code == 130
    refused(call(*order(problems, out, pair)), "--resume")
    assert call(*order(problems, out, pair), "--resume").exit_code == 0
    for name, table in tables(tmp_path / "whole").items():
        assert_frame_equal(table, tables(out)[name])
    again = call(*order(problems, out, pair), "--resume")
    assert again.stdout == f"{out} is complete.\n"


@pytest.mark.parametrize("after", [0, 2])
def test_a_full_disk_is_one_sentence_and_the_sweep_goes_on(
    pair, tmp_path, monkeypatch, full_disk, after
):
    problems, out = file_of(tmp_path, ".jsonl"), tmp_path / "out"
    call(*order(problems, tmp_path / "whole", pair))
    save_task, kept = SweepCheckpoint.save_task, []

    def save_until_full(parts, task, made):
        if len(kept) == after:
            with full_disk(500):
                save_task(parts, task, made)
        kept.append(task)
        save_task(parts, task, made)

    with monkeypatch.context() as patch:
        patch.setattr(SweepCheckpoint, "save_task", save_until_full)
        refused(call(*order(problems, out, pair)), str(out), "File too large", "--resume")
    assert len(list((out / "parts").iterdir())) == 2 + after
    assert not list(out.rglob("*.new"))
    assert call(*order(problems, out, pair), "--resume").exit_code == 0
    for name, table in tables(tmp_path / "whole").items():
        assert_frame_equal(table, tables(out)[name])
    with full_disk(500):
        refused(call(*order(problems, tmp_path / "next", pair)), "next", "cannot be made")
    assert list((tmp_path / "next").iterdir()) == []


def test_questions_without_time_are_left_out_and_listed(pair, tmp_path):
    problems, out = file_of(tmp_path, ".csv"), tmp_path / "out"
    done = call(*order(problems, out, pair), "--minutes-a-question", "0.0000001")
    assert done.exit_code == 0
    assert "4 times a question failed or took too long, and is left out" in done.stderr
    assert (
        pd.read_parquet(out / "failures.parquet")["error"]
        .str.startswith("It took longer than")
        .all()
    )
    done = call(*order(problems, out, pair), "--resume")
    assert (done.exit_code, done.stderr) == (0, "")
    assert not (out / "failures.parquet").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"--problems": "nonsense"}, "are no problems"),
        ({"--problems": "none.jsonl"}, "none.jsonl"),
        ({"--problems": "hub:nobody/nothing:test"}, "nobody/nothing"),
        ({"--question-column": "tasks"}, "tasks"),
        ({"--answer-column": "solutions"}, "solutions"),
        ({"--strategy": "beem"}, "beem"),
        ({"--strategy": "auto"}, "auto"),
        ({"--strategy": "beam width"}, "equals sign"),
        ({"--budget": "0"}, "budget"),
        ({"--set": "rounds"}, "KEY=VALUE"),
        ({"--model": "no/such"}, "no folder 'no/such'"),
        ({"--minutes-a-question": "0"}, "minutes"),
        ({"--samples": "-1"}, "samples"),
        ({"--limit": "x"}, "limit"),
        ({"--judge": "no/judge"}, "no folder 'no/judge'"),
        ({"--out": "asked.csv/out"}, "cannot be made"),
    ],
)
def test_bad_input_is_refused_in_one_line(pair, tmp_path, monkeypatch, changes, words):
    monkeypatch.chdir(tmp_path)
    file_of(tmp_path, ".csv")
    (name, *given) = order("asked.csv", "out", pair)
    options = dict(zip(given[::2], given[1::2], strict=True)) | changes
    refused(call(name, *(word for option in options.items() for word in option)), words)
    assert not (tmp_path / "out").exists()
