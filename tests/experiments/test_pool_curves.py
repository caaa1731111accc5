"""Curves of a small made-up pool against a count by hand."""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ttc_explorer.cli.main import cli
from ttc_explorer.experiments.pool import read_pool
from ttc_explorer.experiments.pool_curves import (
    CURVE_COLUMNS,
    available_selectors,
    default_ks,
    pool_curves,
)
from ttc_explorer.experiments.score_weights import score_mapping, score_weights
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.selector import SELECTORS

# Question: eight answers with their scores; "r" is right, "?" cannot be read.
POOL = {
    0: "r .9  r .8  r .7  a .6  a .5  a .4  a .3  b .2",  # most votes a, most weight r
    # best a; both weigh 0.9, and r has the votes
    1: "a .9  r .3  r .3  r .3  b .2  b .1  c .1  c .1",
    2: "r .6  r .5  r .4  r .4  r .4  r .3  r .2  r .1",  # all right
    3: "a .6  b .5  c .4  a .4  b .4  c .3  a .2  b .1",  # all wrong
    # three votes each, so that majority cannot tell; r weighs more
    4: "a .5  a .4  a .1  r .9  r .8  r .1  b .7  ? .99",
}


def pool():
    rows = []
    for question, text in POOL.items():
        words = text.split()
        for sample, (answer, score) in enumerate(zip(words[::2], words[1::2], strict=True)):
            known = None if answer == "?" else answer
            right = answer == "r"
            rows.append((question, sample, known, right, float(score)))
    return pd.DataFrame(rows, columns=["question", "sample", "answer", "correct", "score"])


def choice(selector, group):
    """What the product would choose from all solutions of a question, in plain Python."""
    solutions = [row for row in group.itertuples() if isinstance(row.answer, str)]
    counts, weights = Counter(), Counter()
    for row in solutions:
        counts[row.answer] += 1
        weights[row.answer] += row.score
    if selector == "best":
        return max(solutions, key=lambda row: row.score).answer
    return max(weights, key=lambda answer: (round(weights[answer], 9), counts[answer]))


def chance_by_majority(group):
    """The share of right ones among the answers with the most votes."""
    counts = Counter(answer for answer in group["answer"] if isinstance(answer, str))
    leaders = [answer for answer, count in counts.items() if count == max(counts.values())]
    return leaders.count("r") / len(leaders)


def hand_count(selector):
    """The accuracy with all eight."""
    if selector == "majority":
        return np.mean([chance_by_majority(group) for _, group in pool().groupby("question")])
    return np.mean([choice(selector, group) == "r" for _, group in pool().groupby("question")])


def call(*arguments):
    return CliRunner().invoke(cli, ["curves", *map(str, arguments)])


@pytest.mark.parametrize(
    ("selector", "share"), [("best", 0.6), ("majority", 0.5), ("weighted", 0.8)]
)
def test_all_eight_equal_the_count_by_hand(selector, share):
    row = pool_curves(pool(), [8], [selector]).iloc[0]
    assert row["accuracy"] == pytest.approx(hand_count(selector)) == pytest.approx(share)
    assert row["low"] <= row["accuracy"] <= row["high"]
    assert row["questions"] == 5


def test_one_sample_is_worth_the_same_by_every_selector():
    table = pool_curves(pool(), [1], ["coverage", "best", "majority", "weighted"])
    assert table["accuracy"].to_numpy() == pytest.approx((3 + 3 + 8 + 0 + 3) / 40)
    assert list(table) == list(CURVE_COLUMNS)


def test_questions_with_fewer_samples_count_as_far_as_they_go():
    ragged = pool()[lambda table: (table["question"] != 2) | (table["sample"] < 3)]
    table = pool_curves(ragged, [1, 3, 4], ["coverage"]).set_index("k")
    assert table["questions"].tolist() == [5, 5, 4]
    assert table.loc[1, "accuracy"] == pytest.approx((3 / 8 + 3 / 8 + 1 + 0 + 3 / 8) / 5)
    assert default_ks(ragged) == [1, 2, 4, 8]


def test_another_score_is_another_choice():
    table = pool().assign(score_min=lambda rows: -rows["score"])
    # By the lowest score: b, b or c, r, b, and a or r.
    assert pool_curves(table, [8], ["best"], "score_min")["accuracy"].iloc[0] == pytest.approx(
        1.5 / 5
    )


def enumerated(table, selector, k):
    """The accuracy over all k-subsets, by a vote in plain Python; ties share equally."""
    chances = []
    for _, group in table.groupby("question"):
        rows = list(group.itertuples())
        for subset in combinations(rows, k):
            weights, counts = Counter(), Counter()
            for row in subset:
                counts[row.answer] += 1
                weights[row.answer] += row.weight if selector == "weighted" else 1
            best = max((round(weights[answer], 9), counts[answer]) for answer in counts)
            winners = [a for a in counts if (round(weights[a], 9), counts[a]) == best]
            right = {row.answer for row in rows if row.correct}
            chances.append(sum(answer in right for answer in winners) / len(winners))
    return np.mean(chances)


def logit(probability):
    return math.log(probability / (1 - probability))


SCORES = {
    "logits": ([logit(p) for p in (0.9, 0.2, 0.3, 0.4, 0.6)], "logistic"),
    "log-probabilities": ([math.log(p) for p in (0.9, 0.2, 0.3, 0.4, 0.6)], "softmax"),
    "ratings": ([5.0, 3.0, 3.5, 3.9, 4.5], "softmax"),
}


@pytest.mark.parametrize("kind", SCORES)
@pytest.mark.parametrize("selector", ["majority", "weighted"])
@pytest.mark.parametrize("k", [2, 3, 4])
def test_curves_equal_enumeration_with_equal_wrong_answers_and_any_scores(
    tmp_path, kind, selector, k
):
    scores, mapping = SCORES[kind]
    answers = ["7", r"\frac{1}{2}", "0.5", "x = 3", "3"]  # 7 is right; the others are two
    rows = [
        {"question": q, "answer": a, "correct": a == "7", "score": s}
        for q in (0, 1)
        for a, s in zip(answers, scores[q:] + scores[:q], strict=True)
    ]
    path = tmp_path / "pool.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = pd.DataFrame(rows)
    table["answer"] = table["answer"].map(dict(zip(answers, "abbcc", strict=True)))
    if mapping == "logistic":
        table["weight"] = 1 / (1 + np.exp(-table["score"]))
    else:
        table["weight"] = table.groupby("question")["score"].transform(
            lambda each: np.exp(each) / np.exp(each).sum()
        )
    got = pool_curves(read_pool(path), [k], [selector])
    assert got["accuracy"].iloc[0] == pytest.approx(enumerated(table, selector, k))
    if selector == "weighted":
        assert mapping in got["note"].iloc[0]
    else:
        assert "note" not in got


def test_negative_scores_do_not_elect_the_fewest_votes(tmp_path):
    rows = [
        {"question": q, "answer": answer, "correct": answer == "A", "score": score}
        for q in (0, 1)
        for answer, score in (("A", -0.2), ("A", -0.2), ("A", -0.2), ("B", -0.5))
    ]
    assert pool_curves(pd.DataFrame(rows).assign(sample=list(range(4)) * 2), [4], ["weighted"])[
        "accuracy"
    ].tolist() == [1.0]


@given(
    st.lists(st.floats(-1e6, 1e6) | st.none(), min_size=1, max_size=12),
    st.lists(st.integers(0, 2), min_size=12, max_size=12),
)
def test_a_weight_is_never_negative_and_keeps_the_order(scores, questions):
    table = pd.DataFrame(
        {"question": questions[: len(scores)], "score": pd.Series(scores, dtype=float)}
    )
    weights = score_weights(table)
    assert weights.isna().equals(table["score"].isna())
    assert weights.dropna().between(0, 1).all()
    assert (score_mapping(table["score"]) is None) == table["score"].dropna().between(0, 1).all()
    for _, group in table.assign(weight=weights).dropna().groupby("question"):
        in_order = group.sort_values(["score", "weight"])
        assert in_order["weight"].is_monotonic_increasing


def test_what_the_pool_has_nothing_for_is_refused():
    table = pool()
    free = [name for name, entry in SELECTORS.items() if entry.needs == "nothing"]
    assert available_selectors(table.drop(columns="score")) == ["coverage", *free]
    one_decides = [
        name
        for name, entry in SELECTORS.items()
        if entry.combine == "max" and entry.needs != "logprobs"
    ]
    assert available_selectors(table.drop(columns="answer")) == ["coverage", *one_decides]
    with pytest.raises(BadInput, match="weighted needs a column score"):
        pool_curves(table.drop(columns="score"), [1], ["weighted"])
    with pytest.raises(BadInput, match="weighted needs a column answer"):
        pool_curves(table.drop(columns="answer"), [1], ["weighted"])
    with pytest.raises(BadInput, match="between 1 and 8"):
        pool_curves(table, [9], ["coverage"])
    with pytest.raises(BadInput, match="Unknown selector"):
        pool_curves(table, [1], ["luck"])


@pytest.mark.slow
def test_the_command(tmp_path):
    path, out = tmp_path / "pool.parquet", tmp_path / "curves.csv"
    pool().to_parquet(path)
    result = call("--pool", path, "--k", "2,8", "--out", out, "--json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert [(row["selector"], row["k"]) for row in rows[:3]] == [
        ("coverage", 2),
        ("coverage", 8),
        ("majority", 2),
    ]
    assert len(rows) == 2 * len(available_selectors(pool()))
    expected = pool_curves(read_pool(path), [2, 8], ["majority"])["accuracy"]
    assert [row["accuracy"] for row in rows if row["selector"] == "majority"] == pytest.approx(
        list(expected)
    )
    assert np.allclose(pd.read_csv(out)["accuracy"], [row["accuracy"] for row in rows])
    assert list(pd.read_csv(out)) == list(CURVE_COLUMNS)
    assert "coverage  1 " in call("--pool", path).stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--k", "two"], "whole numbers with commas"),
        (["--k", "0"], "between 1 and 8"),
        (["--selector", "luck"], "Unknown selector"),
        (["--score", "nothing", "--selector", "best"], "needs a column nothing"),
        (["--out", "curves.txt"], "choose a .csv file"),
    ],
)
def test_bad_arguments_are_one_line(tmp_path, arguments, complaint):
    path = tmp_path / "pool.parquet"
    pool().to_parquet(path)
    result = call("--pool", path, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr
    assert result.stderr.count("\n") == 1
