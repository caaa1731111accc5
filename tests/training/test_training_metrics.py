"""The figures of the cards, on small tables worked out by hand."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from ttc_explorer.problems.families import FAMILIES
from ttc_explorer.training.model_cards import model_cards, write_cards
from ttc_explorer.training.training_metrics import (
    compute_metrics,
    first_wrong_step_f1,
    generator_metrics,
    question_metrics,
    revision_metrics,
    rewording_metrics,
    true_line_share,
    verifier_metrics,
)
from ttc_explorer.training.training_recipe import RECIPES

EVERY = next(f.name for f in FAMILIES.values() if f.errors_visible_at == "every")
END = next(f.name for f in FAMILIES.values() if f.errors_visible_at == "end")
QUESTIONS = 10


def family(question):
    return EVERY if question % 2 else END


def solution(question, sample, correct, score=0.5):
    return {
        "question": question,
        "sample": sample,
        "family": family(question),
        "level": 1 + question % 5,
        "correct": correct,
        "answer": "right" if correct else f"wrong {sample}",
        "steps": ["1+1=2", "Answer: 2" if correct else "2+2=5"],
        "labels": [1.0, float(correct)],
        "prm-exact": [0.9, score],
        "rule": 0.5,
    }


def probe():
    """Question 0 is the easiest, question 9 the hardest."""
    return pd.DataFrame(
        solution(q, sample, sample < QUESTIONS - q)
        for q in range(QUESTIONS)
        for sample in range(QUESTIONS)
    )


def pool():
    """Four solutions a question: one right, or in odd questions three; the right ones score
    best."""
    rows = []
    for q in range(QUESTIONS):
        right = 3 if q % 2 else 1
        rows += [
            solution(q, sample, sample < right, 0.8 if sample < right else 0.2)
            for sample in range(4)
        ]
    return pd.DataFrame(rows)


def runs(weighted, **more):
    """One run a question; ``weighted`` says of a question whether it ended right."""
    rows = [
        {
            "question": q,
            "family": family(q),
            "level": 1 + q % 5,
            **{selector: bool(weighted(q)) for selector in ("majority", "best", "weighted")},
            **dict.fromkeys(
                ("generated_tokens", "verifier_tokens", "prefill_tokens", "flops", "depth"), q
            ),
            **{name: of(q) for name, of in more.items()},
        }
        for q in range(QUESTIONS)
    ]
    return pd.DataFrame(rows)


def few(correct):
    return pd.DataFrame(
        solution(q, sample, correct(q, sample)) for q in range(QUESTIONS) for sample in (-1, 0, 1)
    )


def tables():
    """What there is when nothing but S and its verifier has been trained."""
    return {
        "probe": probe(),
        "pool": pool(),
        "base-s": few(lambda q, sample: sample == -1 and q < 5),
        "beam 16": runs(lambda q: q % 2),
        "beam 64": runs(lambda q: q < 9),
        "dvts 64": runs(lambda q: False),
        "lookahead 16": runs(lambda q: q in (0, 2)),
        "rewordings": rewordings(),
    }


def rewordings():
    rows = [
        (0, True, True, True),
        (0, True, False, True),
        (1, False, True, False),
        (1, False, False, True),
    ]
    return pd.DataFrame(rows, columns=["question", "held_out", "reworded", "correct"])


def test_bins_come_from_the_probe_alone():
    table = question_metrics(pool(), probe(), seed=0)
    assert list(table["bin"]) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    turned = pool().assign(correct=lambda t: ~t["correct"])
    assert list(question_metrics(turned, probe(), seed=0)["bin"]) == list(table["bin"])


def test_pass_and_votes_by_question():
    table = question_metrics(pool(), probe(), seed=0)
    assert list(table["pass@1"])[:2] == [0.25, 0.75]
    assert set(table["pass@4"]) == {1.0}
    # One right answer at 0.8 beats three different wrong ones at 0.2; by heads all four tie.
    assert set(table["weighted@4"]) == {1.0}
    unsure = pool().assign(
        **{"prm-exact": lambda t: [[0.9, 0.1 if c else 0.6] for c in t["correct"]]}
    )
    assert list(question_metrics(unsure, probe(), seed=0)["weighted@4"])[:2] == [0.0, 0.0]


def test_unreadable_answers_do_not_vote(tmp_path):
    table = pool()
    table.loc[~table["correct"], "answer"] = None
    table.to_parquet(tmp_path / "pool.parquet")
    read = pd.read_parquet(tmp_path / "pool.parquet")
    assert read["answer"].isna().sum() == 20
    # Alone in its question and with the lowest score, the only readable answer wins.
    read["prm-exact"] = [[0.9, 0.1 if correct else 0.9] for correct in read["correct"]]
    assert set(question_metrics(read, probe(), seed=0)["weighted@64"]) == {1.0}


def test_first_wrong_step_f1():
    labels = pd.Series([[1, 0, 0], [0, 0], [1, 1], [1, 1, 1]])
    found = pd.Series([[0.9, 0.1, 0.2], [0.9, 0.1], [0.9, 0.8], [0.9, 0.5, 0.9]])
    # Of two wrong ones one is found where it begins, both right ones are left alone: 2 · ½ · 1 / (½
    # + 1).
    assert first_wrong_step_f1(labels, found) == pytest.approx(2 / 3)
    assert first_wrong_step_f1(labels, found, threshold=0.6) == pytest.approx(0.5)
    assert first_wrong_step_f1(labels, labels) == 1.0
    assert first_wrong_step_f1(labels[2:], found[2:]) == 0.0


def test_true_lines_counts_lines_that_claim_something():
    assert true_line_share([["x=3", "1+1=2", "2+2=5"], ["1=1,2=3"], ["3*4=12"]]) == 0.5


def test_generator_figures_keep_the_greedy_solution_apart():
    metrics = generator_metrics(few(lambda q, sample: sample == -1 or q == 0))
    assert metrics["greedy"] == 1.0
    assert metrics["pass@1"] == pytest.approx(0.1)
    assert metrics["by_level"] == {"1": 0.5, "2": 0.0, "3": 0.0, "4": 0.0, "5": 0.0}


def test_a_greedy_solution_that_never_ended_is_wrong():
    table = few(lambda q, sample: True)
    table = table[(table["sample"] >= 0) | (table["question"] > 0)]
    metrics = generator_metrics(table)
    count = table["question"].nunique()
    assert metrics["questions"] == count
    assert metrics["greedy"] == pytest.approx((count - 1) / count)


def ladder_of(**right):
    """Eight samples of twelve questions a level of one family; ``right`` says how many of the
    questions are solved, level by level."""
    rows = [
        {
            "question": f"{name} {level} {q}",
            "family": name,
            "level": level,
            "sample": sample,
            "correct": q < solved,
        }
        for name, levels in right.items()
        for level, solved in enumerate(levels, start=1)
        for q in range(12)
        for sample in range(8)
    ]
    return pd.DataFrame(rows)


def test_a_level_that_is_easier_than_a_lower_one_is_named_unless_chance_explains_it():
    metrics = generator_metrics(ladder_of(gcd=(10, 4, 11), word=(6, 7, 5)))
    assert metrics["easier"] == [{"family": "gcd", "level": 3, "than": 2}]


def test_families_and_levels_weigh_the_same_however_many_problems_they_have():
    table = ladder_of(gcd=(12, 0), word=(0, 0))
    few_of_one = table[(table["level"] != 1) | table["question"].str.endswith(" 0")]
    assert generator_metrics(few_of_one)["pass@1"] == 0.25
    assert generator_metrics(few_of_one)["by_level"] == {"1": 0.5, "2": 0.0}


def test_verifier_figures():
    scored = pool()
    metrics = verifier_metrics(scored, question_metrics(scored, probe(), 0), "prm-exact", seed=0)
    assert metrics["auc"] == 1.0
    assert metrics["first_wrong_step_f1"] == 1.0
    assert metrics["weighted"]["64"] == 1.0
    rule = verifier_metrics(scored, question_metrics(scored, probe(), 0), "rule", seed=0)
    assert rule["auc"] == 0.5
    assert "first_wrong_step_f1" not in rule


def test_revisions_broken_and_mended():
    chains = pd.DataFrame({"right": [[True, False, True, True], [False, False, True, False]]})
    metrics = revision_metrics({"revise 1x16": chains})
    # Of three right attempts that a next one follows two are broken, of three wrong ones two are
    # mended.
    assert metrics == {
        "pass@1": [0.5, 0.0, 1.0, 0.5],
        "broken": pytest.approx(2 / 3),
        "mended": pytest.approx(2 / 3),
    }


def test_summarise_without_the_models_that_are_not_there():
    metrics = compute_metrics(tables(), seed=0)
    assert metrics["questions"] == QUESTIONS
    assert set(metrics["generators"]) == {"base-s"}
    assert set(metrics["verifiers"]) == {"prm-exact", "rule"}
    assert set(metrics["played"]) == {"beam 16", "beam 64", "dvts 64", "lookahead 16"}
    assert "revisions" not in metrics
    json.dumps(metrics)


def test_differences_are_paired_by_question_and_bin():
    found = compute_metrics(tables(), seed=0)["differences"]
    value = {title: one["value"] for title, one in found.items()}
    asked = {title: one["questions"] for title, one in found.items()}
    # Weighted is right everywhere; beam 64 misses question 9 (odd, of the hardest bin).
    assert value["beam 64 - weighted, checks at every decision"] == pytest.approx(-0.2)
    assert value["beam 64 - weighted, bins 4-5"] == pytest.approx(-0.25)
    assert value["beam 64 - weighted, bins 1-2"] == 0
    assert asked["beam 64 - weighted, bins 4-5"] == 4
    assert value["dvts 64 - weighted, bins 1-2"] == -1
    assert value["lookahead - beam at 16, shown at the end"] == pytest.approx(0.4)
    assert value["lookahead 16 - beam 64, shown at the end"] == pytest.approx(-0.6)
    assert all(one["low"] <= one["value"] <= one["high"] for one in found.values())


def test_revisions_are_compared_when_they_were_played():
    chain = [False] * 5 + [True] * 11
    more = {
        "right": lambda q: chain if q < 5 else [True] * 16,
        "text": lambda q: ["1+1=2\n2+2=5"] * 16,
    }
    played = tables() | {
        "revise 1x16": runs(lambda q: True, **more),
        "revise 4x4": runs(lambda q: q < 8, **more),
        "revise 16x1": runs(lambda q: q < 5, **more),
        "base-l": few(lambda q, sample: True),
    }
    metrics = compute_metrics(played, seed=0)
    value = {title: one["value"] for title, one in metrics["differences"].items()}
    assert value["revision 8 - first answer"] == 0.5
    assert value["revise 1x16 - parallel, weighted"] == 0.5
    assert value["revise 4x4 - parallel, majority"] == pytest.approx(0.3)
    assert value["revise 1x16 - parallel, weighted, bins 1-2"] == 0
    assert value["base-l - base-s, greedy"] == 0.5
    assert metrics["true_lines"]["reviser"] == 0.5
    assert metrics["revisions"]["broken"] == 0


def test_cards_are_written_for_what_was_measured(tmp_path):
    """Not for a reviser whose chains were never played."""
    log = pd.DataFrame([{"step": 4, "tokens": 100, "seconds": 60.0}])
    for name in model_cards(RECIPES["smoke"]):
        (tmp_path / name).mkdir()
        log.to_parquet(tmp_path / name / "training.parquet")
    write_cards(RECIPES["smoke"], compute_metrics(tables(), seed=0), tmp_path)
    written = {path.parent.name for path in tmp_path.glob("*/README.md")}
    assert written == {"base-s", "prm-exact"}
    text = (tmp_path / "prm-exact" / "README.md").read_text(encoding="utf-8")
    assert "| PRM, exact labels | 1.000 | 1.00 | 100.0 % | 100.0 % |" in text


def test_rewordings_are_counted_apart_from_those_that_were_developed_on():
    assert rewording_metrics(rewordings()) == {
        "all": {"questions": 2, "reworded": 0.5, "in notation": 1.0},
        "held out": {"questions": 1, "reworded": 1.0, "in notation": 1.0},
    }
