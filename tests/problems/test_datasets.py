import json

import huggingface_hub
import pandas as pd
import pytest

from ttc_explorer.problems.datasets import load_problems, resolve_problems
from ttc_explorer.problems.families import FAMILIES
from ttc_explorer.problems.problem import BadInput, Problem

GSM8K = {
    "question": "How many legs have two spiders?",
    "answer": "Each has 8, 2*8 = <<2*8=16>>16.\n#### 16",
}
MATH = {
    "problem": "What is $1+1$?",
    "solution": r"It is $\boxed{2}$.",
    "level": "Level 1",
    "subject": "Algebra",
}
OURS = {
    "id": "linear-1",
    "text": "Solve 2x+7=17.",
    "answer": "5",
    "family": "linear",
    "level": 2,
    "steps": [],
}


def jsonl(folder, *rows):
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (GSM8K, Problem(GSM8K["question"], "16", source="questions")),
        (MATH, Problem("What is $1+1$?", "2", source="questions")),
        (OURS, Problem("Solve 2x+7=17.", "5", "linear", 2, "questions")),
        ({"question": "Why?"}, Problem("Why?", source="questions")),
        ({"question": "Why?", "answer": None}, Problem("Why?", source="questions")),
        ({"question": "Half?", "answer": 0.5}, Problem("Half?", "0.5", source="questions")),
    ],
)
def test_the_usual_columns_are_found(tmp_path, row, problem):
    assert load_problems(jsonl(tmp_path, row)) == [problem]


LAYOUTS = {
    "SVAMP": (
        {
            "ID": "chal-1",
            "Body": "Each pack of dvds costs 76 dollars. There is a discount of 25 dollars",
            "Question": "How much do you pay for each pack?",
            "Equation": "( 76.0 - 25.0 )",
            "Answer": "51.0",
        },
        "Each pack of dvds costs 76 dollars. There is a discount of 25 dollars. "
        "How much do you pay for each pack?",
        "51.0",
    ),
    "ASDiv": (
        {
            "body": "Seven red apples and two green apples are in the basket.",
            "question": "How many apples are in the basket?",
            "answer": "9 (apples)",
            "formula": "7+2=9",
        },
        "Seven red apples and two green apples are in the basket. "
        "How many apples are in the basket?",
        "9 (apples)",
    ),
    "MAWPS": (
        {
            "Question": "Joan has N_00 seashells and gives N_01 to Sam . How many are left ?",
            "Numbers": "70.0 43.5",
            "Equation": "- N_00 N_01",
            "Answer": 26.5,
        },
        "Joan has 70 seashells and gives 43.5 to Sam . How many are left ?",
        "26.5",
    ),
    "MAWPS of Qwen2.5-Math": (
        {"input": "Joan found 70 seashells. How many are 27 fewer?", "target": 43.0},
        "Joan found 70 seashells. How many are 27 fewer?",
        "43.0",
    ),
    "CARP": (
        {"content": "Solve $x+2=5$.", "answer": "3", "steps": ["x=5-2"]},
        "Solve $x+2=5$.",
        "3",
    ),
    "OlympiadBench": (
        {
            "id": 1606,
            "question": "Find all $x$.",
            "context": None,
            "solution": ["Long.", "Longer."],
            "final_answer": ["$2$", "$5$"],
            "is_multiple_answer": True,
        },
        "Find all $x$.",
        "$2$, $5$",
    ),
    "college_math": (
        {
            "data_source": "college_math.Algebra",
            "question_number": "exercise.1.1.3",
            "question": "Simplify $x \\cdot x$.",
            "answer": "$x^2$",
            "license": "CC",
        },
        "Simplify $x \\cdot x$.",
        "$x^2$",
    ),
    "AIME of compute-optimal-tts": (
        {
            "problem": "How many?",
            "solution": "We count for long. " * 30,
            "extracted_groundtruth": "204",
        },
        "How many?",
        "204",
    ),
    "AIME in capitals": (
        {"ID": "2024-II-4", "Problem": "Find $m+n$.", "Solution": "33", "Answer": 33},
        "Find $m+n$.",
        "33",
    ),
    "AQuA": (
        {
            "question": "Half of 42?",
            "options": ["A)20", "B)21", "C)22"],
            "rationale": "…",
            "correct": "B",
        },
        "Half of 42?\n(A) 20\n(B) 21\n(C) 22",
        "B",
    ),
    "MMLU": (
        {"question": "Half of 42?", "subject": "math", "choices": ["20", "21", "1"], "answer": 1},
        "Half of 42?\n(A) 20\n(B) 21\n(C) 1",
        "B",
    ),
    "ARC": (
        {
            "question": "Half?",
            "choices": {"text": ["20", "21"], "label": ["A", "B"]},
            "answerKey": "A",
        },
        "Half?\n(A) 20\n(B) 21",
        "A",
    ),
}


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layouts_in_use_are_read(tmp_path, layout, suffix):
    row, text, answer = LAYOUTS[layout]
    path = jsonl(tmp_path, row)
    if suffix == "parquet":
        path = tmp_path / "questions.parquet"
        pd.DataFrame([row]).to_parquet(path)
    assert load_problems(path) == [Problem(text, answer, source="questions")]


def test_choices_survive_a_csv_file(tmp_path):
    path = tmp_path / "q.csv"
    row = {"Question": "Half of 42?", "options": ["A)20", "B)It's 21"], "correct": "B"}
    pd.DataFrame([row]).to_csv(path, index=False)
    assert load_problems(path)[0].text == "Half of 42?\n(A) 20\n(B) It's 21"


def test_a_row_that_is_too_long_is_left_out_and_counted(tmp_path):
    rows = [{"Problem": "One?", "Answer": "1"}, {"Problem": "x" * 4001, "Answer": "2"}]
    rows += [{"Problem": "Three?", "Answer": "3" * 401}, {"Problem": "Four?", "Answer": "4"}]
    said = []
    found = load_problems(jsonl(tmp_path, *rows), report=said.append)
    assert [problem.answer for problem in found] == ["1", "4"]
    (sentence,) = said
    assert "2 rows (2, 3) were left out" in sentence
    assert '"Problem"' in sentence
    assert '"Answer"' in sentence
    assert "--answer-column" in sentence
    with pytest.raises(BadInput, match="--answer-column"):
        load_problems(jsonl(tmp_path, rows[2]))


def test_a_named_column_is_found_whatever_its_case(tmp_path):
    (problem,) = load_problems(jsonl(tmp_path, {"Task": "One?", "Key": "1"}), "task", "KEY")
    assert (problem.text, problem.answer) == ("One?", "1")


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_every_format_gives_the_same_problems(tmp_path, suffix):
    table = pd.DataFrame({"question": ["One, two?", "Wo ist π?"], "answer": ["3", "#### 4"]})
    path = tmp_path / f"set.{suffix}"
    if suffix == "jsonl":
        table.to_json(path, orient="records", lines=True)
    elif suffix == "csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    assert load_problems(path) == [
        Problem("One, two?", "3", source="set"),
        Problem("Wo ist π?", "4", source="set"),
    ]


def test_columns_may_be_named(tmp_path):
    path = jsonl(tmp_path, {"q": "One?", "text": "no", "a": "1"}, {"q": "Two?", "text": "no"})
    assert load_problems(path, question="q", answer="a") == [
        Problem("One?", "1", source="questions"),
        Problem("Two?", None, source="questions"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("q.txt", b"", "give a .jsonl, .csv or .parquet file"),
        ("q.jsonl", b"", "holds no questions"),
        ("q.csv", b"", "damaged"),
        ("q.csv", b"question,answer\n", "holds no questions"),
        ("q.csv", b"a,b\n1,2\n", "no column of questions: name one of a, b"),
        ("q.csv", b"question\n\xff\xfe\n", "damaged"),
        ("q.csv", b'question\n"open\n', "damaged"),
        ("q.parquet", b"PAR1 nonsense", "damaged"),
        ("q.parquet", b"", "damaged"),
        ("q.jsonl", b'{"question": "a"}\n{"question"\n', "Line 2"),
        ("q.jsonl", b"[1]\n", "Line 1"),
        ("q.jsonl", b"[" * 100_000, "nested 100,000 deep"),
        ("q.jsonl", b"\xff\xfe", "damaged"),
        ("q.jsonl", b'{"question": 5}', "Row 1"),
        (
            "q.jsonl",
            b'{"question": "a"}\n{"question": " "}',
            "Row 2 of q.jsonl: The problem is empty",
        ),
    ],
)
def test_a_bad_file_gets_one_clear_line(tmp_path, name, content, says):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInput) as error:
        load_problems(path)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_or_column_is_named(tmp_path):
    with pytest.raises(BadInput, match="no file"):
        load_problems(tmp_path / "none.csv")
    with pytest.raises(BadInput, match='no column "a"; it has question'):
        load_problems(jsonl(tmp_path, {"question": "One?"}), answer="a")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(BadInput, match="cannot be read"):
        load_problems(tmp_path / "folder.csv")


# --- families and the Hub -------------------------------------------------------------------------


def test_families_take_turns_and_repeat_with_the_seed():
    found = resolve_problems("families:70", seed=3)
    assert found == resolve_problems("families:70", seed=3)
    assert found != resolve_problems("families:70", seed=4)
    assert {problem.family for problem in found[:13]} == set(FAMILIES)
    assert {problem.level for problem in found} == {1, 2, 3, 4, 5}
    assert len({problem.text for problem in found}) == 70
    assert all(problem.answer for problem in found)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A Hub on disk, which holds what ``place`` says; the calls it got."""
    calls = []

    def snapshot_download(name, **asked):
        calls.append((name, asked))
        return str(tmp_path / "hub")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)

    def place(path: str, **columns: list) -> None:
        file = tmp_path / "hub" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(columns).to_parquet(file)

    place.calls = calls
    return place


def test_a_benchmark_comes_from_the_hub_in_all_its_parts(hub):
    hub("main/test/0000.parquet", question=["1+1?"], answer=["It is 2.\n#### 2"])
    hub("main/test/0001.parquet", question=["2+1?"], answer=["#### 3"])
    hub("main/train/0000.parquet", question=["no"], answer=["no"])
    found = resolve_problems("gsm8k")
    assert [(p.text, p.answer, p.source) for p in found] == [
        ("1+1?", "2", "openai/gsm8k/main"),
        ("2+1?", "3", "openai/gsm8k/main"),
    ]
    ((name, asked),) = hub.calls
    assert name == "openai/gsm8k"
    assert asked["repo_type"] == "dataset"
    assert asked["revision"] == "refs/convert/parquet"
    assert asked["allow_patterns"] == "main/test/*.parquet"


def test_any_data_set_of_the_hub_by_its_columns(hub):
    hub("default/test/0000.parquet", aufgabe=["One?"], zahl=[7], level=[3])
    (problem,) = resolve_problems("hub:some-body/my.sums:test", "aufgabe", "zahl")
    assert (problem.text, problem.answer, problem.level) == ("One?", "7", 3)


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("families:", "families:400"),
        ("families:many", "families:400"),
        ("families:0", "families:400"),
        ("math501", "math500"),
        ("hub:gsm8k", "hub:OWNER/NAME:SPLIT"),
        ("hub:a/b/c/d:test", "hub:OWNER/NAME:SPLIT"),
        ("hub:openai/gsm8k:test", "no split 'test' in the configuration 'default'"),
    ],
)
def test_what_names_no_problems_gets_one_sentence(hub, named, says):
    hub("main/test/0000.parquet", question=["1+1?"], answer=["#### 2"])
    with pytest.raises(BadInput, match=says) as error:
        resolve_problems(named)
    assert "\n" not in str(error.value)


def test_without_a_network_one_sentence_says_so(monkeypatch):
    def fail(*asked, **more):
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(BadInput, match="the network"):
        resolve_problems("math500")
