"""The command line: what it prints, where, and how it ends. Models are toys, except in the last
tests."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.search.fakes import ToyGenerator, ToyVerifier
from ttc_explorer.cli.main import cli
from ttc_explorer.models import catalogue
from ttc_explorer.problems.families import FAMILIES, recognise
from ttc_explorer.search.trace import load_trace as load_trace

ROOT = Path(__file__).parents[2]
QUESTION = "Solve 3x+5=20."


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def toys(monkeypatch):
    pair = catalogue.ModelSet(ToyGenerator(), ToyVerifier())
    monkeypatch.setattr(catalogue, "load_models", lambda *_: pair)


def refused(result: Result, *words: str) -> None:
    """Bad input: status 2, one line on stderr with these words, nothing on stdout."""
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.endswith("\n")
    assert result.stderr.count("\n") == 1
    for word in words:
        assert word in result.stderr


# --- help -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "solve",
        "problems",
        "grade",
        "sweep",
        "policy",
        "findings",
        "misled",
        "curves",
        "models",
        "train",
        "bench",
        "app",
    ],
)
def test_every_command_explains_itself_with_an_example(command):
    result = call(command, "--help")
    assert result.exit_code == 0
    assert f"Example: {command}" in result.stdout


def test_no_command_lists_the_commands():
    result = call()
    assert result.exit_code == 0
    assert "solve" in result.stdout


@pytest.mark.slow
def test_help_loads_nothing_heavy():
    code = (
        "import sys, ttc_explorer.cli.main; print(sorted({'torch', 'transformers', 'gradio'} & "
        "set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


# --- solve ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("toys")
def test_solve_prints_answer_votes_and_cost():
    result = call("solve", QUESTION, "--answer", 5, "--strategy", "best_of_n", "--budget", 64)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout.startswith("Answer: ")
    assert "right" in result.stdout
    assert "wrong" in result.stdout
    assert "64 solutions" in result.stdout
    assert "Generator:" in result.stdout
    assert "Verifier:" in result.stdout


@pytest.mark.usefixtures("toys")
def test_solve_as_json_is_the_trace_and_repeats_itself():
    command = ("solve", QUESTION, "--strategy", "beam", "--budget", 16, "--seed", 3, "--json")
    first, second = (json.loads(call(*command).stdout) for _ in range(2))
    for trace in (first, second):
        del trace["ledger"]["seconds"], trace["timeline"]["seconds"]
    assert first == second
    assert first["version"] == 2
    assert (first["strategy"], first["budget"], first["seed"]) == ("beam", 16, 3)
    other = json.loads(call(*command[:-2], 4, "--json").stdout)
    assert other["nodes"] != first["nodes"]


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize("name", ["run.json", "run.json.gz"])
def test_solve_saves_the_trace_that_it_prints(tmp_path, name):
    result = call("solve", QUESTION, "--budget", 4, "--trace", tmp_path / name, "--json")
    saved = (tmp_path / name).read_bytes()
    assert load_trace(saved).problem.text == QUESTION
    plain = gzip.decompress(saved) if name.endswith(".gz") else saved
    assert json.loads(plain) == json.loads(result.stdout)


@pytest.mark.usefixtures("toys")
def test_solve_takes_settings():
    settings = ("--set", "temperature=0.5", "--set", "selector=majority", "--set", "width=2")
    settings += ("--set", "merge=false")
    trace = json.loads(call("solve", QUESTION, "--budget", 4, *settings, "--json").stdout)
    assert trace["settings"]["temperature"] == 0.5
    assert trace["settings"]["selector"] == "majority"
    assert trace["settings"]["width"] == 2
    assert trace["settings"]["merge"] is False


LINK = (
    "http://127.0.0.1:7860/#page=explore&q=Solve+3x%2B5%3D20.&a=5&strategy=dvts&n=8&seed=3&width=2"
    "&selector=best&run=1&at=4"
)


@pytest.mark.usefixtures("toys")
def test_solve_does_what_a_link_says_unless_it_is_told_otherwise():
    trace = json.loads(call("solve", "--link", LINK, "--json").stdout)
    assert (trace["problem"]["text"], trace["problem"]["answer"]) == ("Solve 3x+5=20.", "5")
    assert (trace["strategy"], trace["budget"], trace["seed"]) == ("dvts", 8, 3)
    assert (trace["settings"]["width"], trace["settings"]["selector"]) == (2, "best")
    told = ("--budget", 16, "--seed", 0, "--strategy", "beam", "--set", "width=4")
    trace = json.loads(call("solve", "7+8", "--link", LINK, *told, "--json").stdout)
    assert trace["problem"]["text"] == "7+8"
    assert (trace["strategy"], trace["budget"], trace["seed"]) == ("beam", 16, 0)
    assert (trace["settings"]["width"], trace["settings"]["selector"]) == (4, "best")


@pytest.mark.usefixtures("toys")
def test_what_a_link_says_wrongly_is_one_sentence_and_the_default():
    result = call("solve", "--link", "#q=7%2B8&n=many&step=sometimes&width=2", "--json")
    assert result.exit_code == 0
    assert result.stderr.count("In the address, n must be") == 1
    assert "step must be line, paragraph" in result.stderr
    trace = json.loads(result.stdout)
    assert (trace["budget"], trace["settings"]["width"]) == (16, 2)
    assert (
        trace["settings"]["step"]
        == json.loads(call("solve", "7+8", "--json").stdout)["settings"]["step"]
    )
    refused(call("solve", "--link", "#n=4"), "--link")
    refused(call("solve", "--link", "#q=7%2B8&model=/etc"), "--model")


@pytest.mark.usefixtures("toys")
def test_solve_says_so_when_the_problem_is_of_an_unknown_kind():
    result = call("solve", "Why is the sky blue?", "--budget", 4, "--json")
    assert result.exit_code == 0
    assert "none of them" in result.stderr
    assert json.loads(result.stdout)["problem"]["text"] == "Why is the sky blue?"


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([""], "empty"),
        (["   "], "empty"),
        (["1+" * 50_000], "100,000"),
        ([], "problem"),
        ([QUESTION, "--budget", 0], "from 1 to 256"),
        ([QUESTION, "--budget", 257], "from 1 to 256"),
        ([QUESTION, "--budget", "abc"], "--budget"),
        ([QUESTION, "--seed", -1], "--seed"),
        ([QUESTION, "--seed", 2**64], "seed"),
        ([QUESTION, "--strategy", "guess"], "guess"),
        ([QUESTION, "--set", "colour=3"], "colour"),
        ([QUESTION, "--set", "selector=loudest"], "selector"),
        ([QUESTION, "--set", "width=many"], "width"),
        ([QUESTION, "--set", "temperature=nan"], "temperature"),
        ([QUESTION, "--set", "width"], "KEY=VALUE"),
        ([QUESTION, "--answer", "7" * 500], "answer"),
        ([QUESTION + "\udcff"], "no text"),
        ([QUESTION, "--trace", "run.txt"], ".json"),
        ([QUESTION, "--trace", "no/such/folder/run.json"], "folder"),
        ([QUESTION, "--frobnicate"], "--frobnicate"),
        ([QUESTION, "two\nlines"], "two"),
    ],
)
def test_solve_refuses_bad_input_in_one_line(arguments, words):
    refused(call("solve", *arguments), words)


def test_without_a_verifier_a_plain_solve_is_best_of_n_by_majority(monkeypatch):
    alone = catalogue.ModelSet(ToyGenerator(), None)
    monkeypatch.setattr(catalogue, "load_models", lambda *_: alone)
    result = call("solve", QUESTION, "--model", "some/model", "--budget", 4, "--json")
    assert result.exit_code == 0
    written = json.loads(result.stdout)
    assert (written["strategy"], written["settings"]["selector"]) == ("best_of_n", "majority")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--strategy", "beam"], ("GENERATOR+VERIFIER", "best_of_n")),
        (["--set", "selector=weighted"], ("selector=majority", "confidence")),
    ],
)
def test_what_needs_a_verifier_is_refused_before_models_are_loaded(monkeypatch, arguments, words):
    monkeypatch.setattr(catalogue, "load_models", None)
    refused(call("solve", QUESTION, "--model", "some/model", *arguments), *words)


def test_solve_refuses_models_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "MODELS_FOLDER", tmp_path)
    monkeypatch.setattr(catalogue, "_model_cache", {})
    refused(call("solve", QUESTION), "missing")
    refused(call("solve", QUESTION, "--model", tmp_path), str(tmp_path))


def test_a_model_that_fails_is_reported_in_one_line(monkeypatch):
    pair = catalogue.ModelSet(ToyGenerator(), ToyVerifier(refuses="Solve"))
    monkeypatch.setattr(catalogue, "load_models", lambda *_: pair)
    refused(call("solve", QUESTION, "--budget", 2), "model failed")


def test_ctrl_c_ends_with_130_and_without_a_traceback(monkeypatch):
    generator = ToyGenerator()

    def interrupt() -> None:
        raise KeyboardInterrupt

    generator.before_token = interrupt
    monkeypatch.setattr(
        catalogue, "load_models", lambda *_: catalogue.ModelSet(generator, ToyVerifier())
    )
    result = call("solve", QUESTION)
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "Interrupted.\n")


# --- problems -------------------------------------------------------------------------------------


def rows(result: Result) -> list[dict]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_problems_are_complete_and_different():
    made = rows(call("problems", "--family", "all", "--level", "3-5", "--count", 60, "--seed", 7))
    assert len({row["id"] for row in made}) == 60
    assert {row["family"] for row in made} == set(FAMILIES)
    assert {row["level"] for row in made} == {3, 4, 5}
    for row in made:
        known = recognise(row["text"])
        assert known.family.name == row["family"]
        assert known.is_correct(row["answer"])
        assert known.is_correct_prefix(row["steps"])
        assert row["steps"][-1] == f"Answer: {row['answer']}"


def test_problems_repeat_with_the_seed_and_a_short_list_begins_a_long_one():
    command = ("problems", "--family", "linear", "--level", 2, "--seed", 5, "--count")
    assert rows(call(*command, 4)) == rows(call(*command, 9))[:4]
    assert rows(call(*command, 4)) != rows(call(*command[:-2], 6, "--count", 4))


def test_splits_share_no_problem():
    ids = [
        {row["id"] for row in rows(call("problems", "--level", 1, "--count", 60, "--split", split))}
        for split in ("train", "val", "test")
    ]
    assert not ids[0] & ids[1]
    assert not ids[0] & ids[2]
    assert not ids[1] & ids[2]


def test_problems_say_when_there_are_no_more():
    result = call(
        "problems", "--family", "quadratic", "--level", 1, "--split", "val", "--count", 100_000
    )
    made = rows(result)
    assert f"only {len(made)} different problems" in result.stderr
    assert len({row["id"] for row in made}) == len(made)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--family", "poetry"], "poetry"),
        (["--level", 0], "level"),
        (["--level", 6], "level"),
        (["--level", "5-2"], "level"),
        (["--level", "low"], "level"),
        (["--count", 0], "--count"),
        (["--count", "ten"], "--count"),
        (["--seed", -1], "--seed"),
        (["--split", "dev"], "dev"),
    ],
)
def test_problems_refuse_bad_input_in_one_line(arguments, word):
    refused(call("problems", *arguments), word)


# --- grade ----------------------------------------------------------------------------------------

PREDICTIONS = """\
{"reference": "12", "prediction": "3*4=12\\nAnswer: 12", "id": "a\u2028b"}

{"reference": "1/2", "prediction": "so it is $\\\\boxed{0.5}$"}
{"reference": "12", "prediction": "13"}
{"reference": "12", "prediction": ""}
"""


def test_grade_prints_the_lines_with_verdicts(tmp_path):
    file = tmp_path / "predictions.jsonl"
    file.write_text(PREDICTIONS, encoding="utf-8")
    result = call("grade", "--jsonl", file, "--json")
    graded = rows(result)
    assert [row["verdict"] for row in graded] == ["equal", "equal", "different", "unreadable"]
    assert [row["equal"] for row in graded] == [True, True, False, False]
    assert graded[0]["id"] == "a\u2028b"
    assert result.stderr == ""
    summed_up = call("grade", "--jsonl", file)
    assert summed_up.stdout == result.stdout
    assert summed_up.stderr == "2 equal, 1 different, 1 unreadable\n"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"reference": "1", "prediction": "1"}\nnot json\n', "Line 2"),
        ("[1, 2]\n", "Line 1"),
        ('{"reference": "1"}\n', "prediction"),
        ('{"reference": "1", "prediction": "1"}\n' + "[" * 100_000, "nested 100,000 deep"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_grade_refuses_bad_files_in_one_line(tmp_path, text, word):
    file = tmp_path / "predictions.jsonl"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(call("grade", "--jsonl", file), word)


def test_grade_refuses_what_is_no_file(tmp_path):
    refused(call("grade", "--jsonl", tmp_path / "none.jsonl"), "none.jsonl")
    refused(call("grade", "--jsonl", tmp_path), "directory")
    refused(call("grade"), "--jsonl")


# --- models, train --------------------------------------------------------------------------------


def test_models_without_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "MODELS_FOLDER", tmp_path)
    assert not [e for e in json.loads(call("models", "--json").stdout) if e["source"] == "shipped"]
    assert "not here" in call("models").stdout


def test_train_refuses_bad_input_in_one_line(tmp_path):
    out = tmp_path / "out"
    refused(call("train", "--recipe", "magic", "--out", out), "magic")
    refused(call("train", "--recipe", "smoke", "--stage", "magic", "--out", out), "magic")
    refused(call("train", "--recipe", "smoke", "--stage", "prm", "--out", out), "tokenizer")
    refused(call("train", "--recipe", "smoke"), "--out")
    file = tmp_path / "file"
    file.touch()
    refused(call("train", "--recipe", "smoke", "--out", file), "file")


# --- the shipped models ---------------------------------------------------------------------------


def test_models_lists_the_shipped_family():
    entries = json.loads(call("models", "--json").stdout)
    assert {"base-s": "generator", "prm-exact": "verifier"}.items() <= {
        e["name"]: e["role"] for e in entries
    }.items()
    assert all(entry["parameters"] > 100_000 for entry in entries)
    assert "base-s" in call("models").stdout


def test_a_model_is_described_before_it_is_loaded():
    told = call("models", "base-s").stdout.splitlines()
    assert told[0].startswith("base-s, generator: small")
    assert "MB of memory" in told[1]
    assert told[-1].startswith("Usable here, on cpu")
    missing = call("models", "no/such").stdout.splitlines()
    assert missing[-1].startswith("Not usable here: There is no folder 'no/such'")
    assert json.loads(call("models", "no/such", "--json").stdout)["unusable"]
    refused(call("models", ""), "Name a model")


def in_a_process(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "ttc_explorer", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_a_process_writes_nothing_but_the_trace():
    done = in_a_process("solve", QUESTION, "--budget", "4", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    trace = json.loads(done.stdout)
    assert trace["correct"] in (True, False)
    assert trace["ledger"]["verifier_tokens"] > 0


@pytest.mark.slow
def test_a_process_refuses_a_problem_that_the_model_has_no_room_for_in_one_line():
    done = in_a_process("solve", "7+" * 1900)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "too long" in done.stderr
