"""Pools from files: what is read, what is made of it, and what is refused in one sentence."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc_explorer.experiments.pool import UnknownColumns, question_blocks, read_pool
from ttc_explorer.problems.problem import BadInput


def solution(question=0, sample=0, **more):
    return {
        "question": question,
        "sample": sample,
        "answer": "5",
        "correct": True,
        "score": 0.5,
    } | more


def saved(tmp_path, rows, name="pool.jsonl"):
    path = tmp_path / name
    if path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    elif path.suffix == ".csv":
        pd.DataFrame(rows).to_csv(path, index=False)
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows), encoding="utf-8")
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["pool.jsonl", "pool.json", "pool.parquet", "pool.csv"])
def test_every_format_says_the_same(tmp_path, name):
    rows = [solution(q, s, correct=s == 0, tokens=7) for q in (0, 1) for s in range(3)]
    rows[1]["answer"] = None
    pool = read_pool(saved(tmp_path, rows, name))
    assert pool["question"].tolist() == [0, 0, 0, 1, 1, 1]
    assert pool["correct"].tolist() == [True, False, False] * 2
    assert pool["answer"].isna().tolist() == [False, True, False, False, False, False]
    assert pool["score"].tolist() == [0.5] * 6
    assert pool["tokens"].tolist() == [7] * 6


def test_lists_in_a_column_are_kept(tmp_path):
    for name in ("pool.jsonl", "pool.parquet"):
        pool = read_pool(saved(tmp_path, [solution(steps=[1, 2])], name))
        assert list(pool["steps"].iloc[0]) == [1, 2]


def test_spreadsheets_write_csv_their_own_way(tmp_path):
    path = tmp_path / "pool.csv"
    path.write_bytes(
        "\ufeffQuestion;Answer;Correct;Score\r\na;1,5;TRUE;\r\na;007;FALSE;0.5\r\nb;;False;1\r\n".encode()
    )
    pool = read_pool(path)
    assert pool["question"].tolist() == ["a", "a", "b"]
    assert pool["answer"].tolist()[:2] == ["1,5", "007"]
    assert pool["correct"].tolist() == [True, False, False]
    assert pool["score"].isna().tolist() == [True, False, False]


def test_columns_are_found_whatever_their_case_and_by_other_names(tmp_path):
    rows = [
        {"Prompt": "2 + 3?", "completion": "It is\nso.\nAnswer: 5", "Reward": 0.5, "answer": "5"},
        {"Prompt": "2 + 3?", "completion": "I see.\nAnswer: 6", "Reward": 0.7, "answer": "5"},
    ]
    path = saved(tmp_path, rows)
    with pytest.raises(UnknownColumns, match="Prompt, completion, Reward, answer") as caught:
        read_pool(path)
    assert caught.value.found == ("Prompt", "completion", "Reward", "answer")
    columns = {"question": "prompt", "answer": "completion", "reference": "answer"}
    pool = read_pool(path, "reward", columns=columns)
    assert pool["question"].tolist() == ["2 + 3?"] * 2
    assert pool["answer"].tolist() == ["5", "6"]
    assert pool["correct"].tolist() == [True, False]
    assert pool["reward"].tolist() == [0.5, 0.7]
    with pytest.raises(UnknownColumns, match="has no column text: it has Prompt"):
        read_pool(path, columns={"question": "text"})


def test_a_pool_without_labels_says_what_it_could_draw(tmp_path):
    rows = [{"question": 1, "answer": "5", "score": 0.5}]
    with pytest.raises(UnknownColumns, match="it draws coverage, best, majority and weighted"):
        read_pool(saved(tmp_path, rows))
    with pytest.raises(UnknownColumns, match="it draws coverage and majority"):
        read_pool(saved(tmp_path, [{"question": 1, "answer": "5"}]))


def test_a_column_that_is_stored_as_a_dictionary_is_a_column(tmp_path):
    path = saved(tmp_path, [solution(sample=n, answer="5") for n in range(9)], "pool.parquet")
    plain = read_pool(path)
    table = pd.read_parquet(path)
    table.astype({"answer": "category", "question": "category"}).to_parquet(path)
    assert read_pool(path).equals(plain)


def test_questions_may_have_different_numbers_of_samples(tmp_path):
    rows = [solution("a", 1, score=0.2), solution("b", 0), solution("a", 0, score=0.1, answer="")]
    small, large = question_blocks(read_pool(saved(tmp_path, rows)))
    assert (small.samples, list(small.questions)) == (1, ["b"])
    assert (large.samples, list(large.questions)) == (2, ["a"])
    assert large.column("score").tolist() == [[0.1, 0.2]]
    assert large.labels[0, 0] == -1
    assert large.labels[0, 1] >= 0
    assert large.correct.tolist() == [[True, True]]


def test_equal_answers_are_spelled_alike_within_a_question(tmp_path):
    answers = ["1/2", "0.5", r"\frac{1}{2}", "7", "7.0", "seven", r"x^2 - 1", r"(x-1)(x+1)"]
    correct = [False] * 6 + [True] * 2
    rows = [
        solution(0, i, answer=a, correct=c)
        for i, (a, c) in enumerate(zip(answers, correct, strict=True))
    ]
    rows += [solution(1, 0, answer="0.5", correct=False)]
    answers = read_pool(saved(tmp_path, rows))["answer"].tolist()
    assert answers == ["1/2"] * 3 + ["7"] * 3 + ["x^2 - 1"] * 2 + ["0.5"]


@pytest.mark.slow
def test_equal_wrong_answers_are_one_whatever_form_they_have(tmp_path):
    answers = [
        r"\sqrt{12}",
        r"2\sqrt{3}",
        "(x+1)^2",
        "x^2 + 2x + 1",
        "(1, 2)",
        "(1,2)",
        "3",
        r"2^2",
    ]
    rows = [solution(0, i, answer=a, correct=False) for i, a in enumerate(answers)]
    rows += [solution(0, 9, answer="4", correct=True)]  # a right one is never a wrong one
    merged = read_pool(saved(tmp_path, rows))["answer"].tolist()
    assert merged == [answers[i] for i in (0, 0, 2, 2, 4, 4, 6, 7)] + ["4"]


def test_verbatim_answers_are_equal_by_their_letters(tmp_path):
    rows = [
        solution(0, i, answer=a, correct=c, verbatim=True)
        for i, (a, c) in enumerate([("6*4", False), ("4*6", False), ("3*8", True), ("8*3", True)])
    ]
    merged = read_pool(saved(tmp_path, rows))["answer"].tolist()
    assert merged == ["6*4", "4*6", "3*8", "8*3"]


def test_a_right_answer_that_is_sometimes_called_wrong_stays_one_answer(tmp_path):
    rows = [solution(0, s, answer="5", correct=s > 0) for s in range(3)]
    assert read_pool(saved(tmp_path, rows))["answer"].tolist() == ["5"] * 3


def test_what_is_empty_is_left_out(tmp_path):
    pool = read_pool(
        saved(tmp_path, [solution(answer=None, score=None), solution(1, score=None, answer="")])
    )
    assert not {"answer", "score"} & set(pool)


def test_samples_are_numbered_where_they_are_not(tmp_path):
    rows = [{"question": q, "correct": True} for q in (3, 4, 3)]
    assert read_pool(saved(tmp_path, rows))["sample"].tolist() == [0, 0, 1]


def test_answers_are_graded_where_only_a_reference_is_known(tmp_path):
    rows = [
        {"question": 0, "answer": answer, "reference": reference}
        for answer, reference in [("0.5", "1/2"), ("2", "1/2"), (None, "1/2"), (7, 7), ("7", None)]
    ]
    progress_messages = []
    pool = read_pool(saved(tmp_path, rows), on_progress=progress_messages.append)
    assert pool["correct"].tolist() == [True, False, False, True, False]
    assert "5 of 5 answers graded" in progress_messages


def test_search_and_learn(tmp_path):
    rows = [
        {
            "problem": "What is 2 + 3?",
            "answer": "5",
            "level": 1,
            "completions": [r"So it is $\boxed{5}$.", r"It is $\boxed{6}$.", "I give up."],
            "scores": [[0.5, 0.9], [0.8, 0.1], [0.2]],
            "completion_tokens": [7, 8, 9],
            "pred": r"\boxed{5}",
        },
        {"problem": "1 + 1?", "answer": "2", "completions": [r"$\boxed{2}$"], "scores": [[0.5]]},
    ]
    for name in ("samples.jsonl", "samples.parquet"):
        pool = read_pool(saved(tmp_path, rows, name))
        assert pool["question"].tolist() == [0, 0, 0, 1]
        assert pool["correct"].tolist() == [True, False, False, True]
        assert pool["answer"].isna().tolist() == [False, False, True, False]
        assert pool["score"].tolist() == pool["score_last"].tolist() == [0.9, 0.1, 0.2, 0.5]
        assert pool["score_min"].tolist() == [0.5, 0.1, 0.2, 0.5]
        assert pool["score_prod"].tolist() == pytest.approx([0.45, 0.08, 0.2, 0.5])
        assert pool["generated_tokens"].tolist()[:3] == [7, 8, 9]


def test_large_language_monkeys(tmp_path):
    rows = [
        {
            "question": "Janet has 16 eggs …",
            "samples": ["…\n#### 18", "…\n#### 17", "…\n#### 18"],
            "is_corrects": [True, False, True],
            "orig_dset_idx": 7,
        }
    ]
    for name in ("samples.json", "samples.parquet"):
        pool = read_pool(saved(tmp_path, rows, name))
        assert pool["correct"].tolist() == [True, False, True]
        assert pool["answer"].tolist() == ["18", "17", "18"]
        assert "score" not in pool


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([], "holds no solutions"),
        ([{"text": "hello"}], "no column question"),
        ([{"question": 1, "answer": "5"}], "does not say which solutions are right"),
        ([solution(None)], "whole numbers everywhere, or texts"),
        ([solution(1), solution("a")], "whole numbers everywhere, or texts"),
        ([solution(1.5)], "whole numbers everywhere, or texts"),
        ([solution([1])], "whole numbers everywhere, or texts"),
        ([solution(), solution()], "sample 0 of question 0 twice"),
        ([solution(sample="x")], "column sample"),
        ([solution(answer=["5"])], "column answer"),
        ([solution(answer=True)], "column answer"),
        ([solution(correct=None)], "true or false for every solution"),
        ([solution(correct="yes")], "true or false for every solution"),
        ([solution(correct=2)], "true or false for every solution"),
        ([solution(correct=[1])], "true or false for every solution"),
        ([solution(score="high")], "finite numbers"),
        ([solution(score=float("inf"))], "finite numbers"),
        ([solution(score=[0.5])], "finite numbers"),
        ([solution(generated_tokens="many")], "column generated_tokens"),
        ([solution(generated_tokens=[1, 2])], "column generated_tokens"),
        ([solution(confidence_mean=float("inf"))], "column confidence_mean"),
        (
            [{"problem": "", "answer": "5", "completions": ["a", "b"], "scores": [[1.0]]}],
            "Row 1 of",
        ),
        ([{"problem": "", "answer": "5", "completions": None, "scores": [[1.0]]}], "Row 1 of"),
        ([{"problem": "", "answer": "5", "completions": [3], "scores": [[1.0]]}], "Row 1 of"),
        (
            [{"question": "", "samples": ["a"], "is_corrects": ["yes"]}],
            "true or false for every solution",
        ),
        (
            [{"question": "", "samples": 5, "is_corrects": [True]}],
            "Row 1 of pool.jsonl is not what a file of Large Language Monkeys",
        ),
    ],
)
def test_bad_pools_are_refused_in_one_sentence(tmp_path, rows, complaint):
    with pytest.raises(BadInput, match=complaint) as caught:
        read_pool(saved(tmp_path, rows))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["pool.txt", "pool", "nowhere.jsonl", "nowhere.parquet"])
def test_files_that_are_no_pools(tmp_path, name):
    with pytest.raises(BadInput, match=r"give a \.jsonl, \.json, \.csv or|There is no file"):
        read_pool(tmp_path / name)


@settings(max_examples=30)
@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(str.encode)
    | st.just(b"PAR1" + b"\0" * 50 + b"PAR1")
)
def test_no_content_crashes_the_reader(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("pool")
    for suffix in (".jsonl", ".json", ".csv", ".parquet"):
        path = folder / f"pool{suffix}"
        path.write_bytes(content)
        with pytest.raises(BadInput):
            read_pool(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@settings(max_examples=50)
@given(
    st.sampled_from(
        [
            ("question", "sample", "answer", "correct", "score"),
            ("problem", "answer", "completions", "scores"),
            ("question", "samples", "is_corrects"),
        ]
    ),
    st.data(),
)
def test_no_values_crash_the_reader(tmp_path_factory, columns, data):
    rows = data.draw(
        st.lists(st.fixed_dictionaries(dict.fromkeys(columns, JSON)), min_size=1, max_size=3)
    )
    try:
        pool = read_pool(saved(tmp_path_factory.mktemp("pool"), rows))
    except BadInput:
        return
    assert pool["correct"].dtype == bool
    assert sum(block.labels.size for block in question_blocks(pool)) == len(pool)
    assert "score" not in pool or not np.isinf(pool["score"]).any()
