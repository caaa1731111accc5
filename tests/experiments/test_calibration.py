"""How good a verifier is, on scores whose quality is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.experiments.synthetic import synthetic
from ttc_explorer.experiments.calibration import (
    NO_ERROR,
    OVER_OPTIMISATION_RUNS,
    add_check_baseline,
    detect_first_errors,
    detect_first_errors_by_checks,
    find_over_optimisation_runs,
    measure_calibration,
    over_optimisation,
    selection_accuracy,
    step_calibration,
    within_problem_aucs,
)
from ttc_explorer.experiments.estimators import within_problem_auc
from ttc_explorer.problems.problem import BadInput


def test_scores_that_are_chances_lie_on_the_diagonal():
    rng = np.random.default_rng(0)
    scores = rng.random(20_000)
    right = rng.random(20_000) < scores
    found = measure_calibration(np.arange(20_000) // 20, scores, right, resamples=200)
    assert found.ece[0] < 0.02
    assert found.brier[0] == pytest.approx(1 / 6, abs=0.01)
    assert found.base_rate_brier[0] == pytest.approx(1 / 4, abs=0.01)
    assert (found.reliability["low"] <= found.reliability["score"] + 0.02).all()
    assert (found.reliability["high"] >= found.reliability["score"] - 0.02).all()


def test_a_boaster_is_off_by_what_it_boasts():
    found = measure_calibration(np.arange(100), np.ones(100), np.arange(100) < 60, resamples=50)
    assert found.ece[0] == pytest.approx(0.4)
    assert found.brier[0] == pytest.approx(0.4)
    assert found.reliability["right"].tolist() == [0.6]
    assert found.reliability["count"].tolist() == [100]


def test_the_auc_of_each_question_averages_to_that_of_all():
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "question": rng.integers(0, 12, 200),
            "correct": rng.random(200) < 0.5,
            "score": rng.integers(0, 5, 200) / 4,
        }
    )
    expected = within_problem_auc(table["question"], table["correct"], table["score"])
    assert within_problem_aucs(table).mean() == pytest.approx(expected)


def flawed(questions: int, predicted: bool) -> pd.DataFrame:
    """Four steps a solution, wrong from one on or nowhere; the verifier sees it (``predicted``) or
    scores at random."""
    rng = np.random.default_rng(3)
    rows = []
    for question in range(questions):
        first = int(rng.integers(0, 5))
        truth = [place < first for place in range(4)]
        scores = [0.9 if right else 0.2 for right in truth] if predicted else list(rng.random(4))
        lines = ["1+1=2 want 2 off 0 ok" if right else "1+1=3 want 2 off -1 no" for right in truth]
        rows.append((question, all(truth), scores[-1], lines, scores, truth))
    names = ["question", "correct", "score", "lines", "line_scores", "line_right"]
    return pd.DataFrame(rows, columns=names)


def test_a_verifier_that_sees_the_wrong_step_names_its_place():
    found = detect_first_errors(flawed(60, predicted=True), resamples=50)
    assert found.f1 == (1.0, 1.0, 1.0)
    assert (found.table["true"] == found.table["predicted"]).all()
    assert set(found.table["true"]) == {NO_ERROR, 0, 1, 2, 3}
    assert all(0.2 < threshold <= 0.9 for threshold in found.thresholds)


def test_a_verifier_that_guesses_names_few_and_the_printed_checks_name_all():
    probe = flawed(60, predicted=False)
    assert detect_first_errors(probe, resamples=50).f1[0] < 0.6
    assert detect_first_errors_by_checks(probe, resamples=50).f1[0] == 1.0
    assert add_check_baseline(probe)["score_checks"].tolist() == [
        np.mean(truth) for truth in probe["line_right"]
    ]


def test_the_threshold_of_one_half_is_chosen_on_the_other():
    """Of two halves whose scores mean different things, each is judged by what the other taught:
    badly."""
    probe = flawed(80, predicted=True)
    half = detect_first_errors(probe, resamples=2).table.groupby("question")["half"].first()
    shifted = [
        [score / 10 for score in scores] if half[question] else scores
        for question, scores in zip(probe["question"], probe["line_scores"], strict=True)
    ]
    found = detect_first_errors(probe.assign(line_scores=shifted), resamples=2)
    assert found.f1[0] < 0.8


def test_unknown_truth_is_left_out():
    probe = flawed(20, predicted=True)
    probe["line_right"] = [
        None if place % 2 else truth for place, truth in enumerate(probe["line_right"])
    ]
    assert len(detect_first_errors(probe, resamples=2).table) == 10
    assert step_calibration(probe, resamples=2).count == 40
    assert detect_first_errors(probe.assign(line_right=None), resamples=2) is None
    assert step_calibration(probe.assign(line_right=None), resamples=2) is None


def test_a_seeing_score_chooses_better_than_a_blind_one():
    made = synthetic(40, 16, seed=0).results
    pool = made.pool.assign(score_seeing=made.pool["correct"] * 0.8 + 0.1, score_blind=0.5)
    found = selection_accuracy(pool, ["score_seeing", "score_blind"], resamples=50)
    last = found[found["k"] == 4].set_index("score")["accuracy"]
    assert last["score_seeing"] > last["score_blind"] + 0.1
    assert found["k"].max() == 4


def test_the_score_of_the_best_liked_rises_with_n_whatever_is_right():
    made = synthetic(50, 16, seed=0).results
    found = over_optimisation(made.pool, made.probe, made.runs, resamples=50)
    for _, rows in found[(found["strategy"] == "best_of_n") & (found["figure"] == "score")].groupby(
        "bin"
    ):
        assert rows["value"].is_monotonic_increasing
    assert set(found["strategy"]) == {"best_of_n", "beam"}
    assert set(found["bin"]) == {1, 2, 3, 4, 5}


def test_the_misled_pair_is_the_one_whose_score_rose_most():
    made = synthetic(50, 16, seed=0).results
    runs = made.runs.copy()
    beams = (runs["strategy"] == "beam") & (runs["settings"] == "{}")
    runs.loc[beams, "best"] = True
    easy = made.probe.groupby("question")["correct"].mean().sort_values().index[-3:]
    for question, score in zip(easy, (0.6, 0.9, 0.7), strict=True):
        mine = beams & (runs["question"] == question)
        runs.loc[mine & (runs["budget"] == 4), "top_score"] = 0.5
        runs.loc[mine & (runs["budget"] == 64), ["top_score", "best"]] = [score, False]
    pair = find_over_optimisation_runs(replace(made, runs=runs))
    assert [pair[name].budget for name in OVER_OPTIMISATION_RUNS] == [4, 64]
    assert {each.question for each in pair.values()} == {int(easy[1])}
    runs.loc[beams, "best"] = True
    with pytest.raises(BadInput, match="No question"):
        find_over_optimisation_runs(replace(made, runs=runs))
