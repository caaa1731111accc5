"""Choices are measured on held-out questions, and nothing is gained from noise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc_explorer.experiments.cross_fitting import (
    BASELINE,
    arms_by_budget,
    assign_halves,
    cells,
    compute_ratios,
    cross_fitted_arms,
    policy_curves,
    policy_regret,
    quintiles,
)
from ttc_explorer.experiments.evidence import COST_COLUMNS
from ttc_explorer.models.protocol import StrategyChoice
from ttc_explorer.problems.problem import BadInput

ARMS = ("best_of_n", "beam", "dvts", "mcts", "rebase")


def table(values, arms=ARMS, settings="{}", selector="weighted"):
    """Evidence from {budget: (arms, questions)}; a sample costs 10 tokens."""
    rows = []
    for budget, value in values.items():
        for arm, line in zip(arms, np.asarray(value, float), strict=False):
            frame = pd.DataFrame(
                {"question": np.arange(len(line)), "value": line, "budget": budget}
            )
            rows.append(frame.assign(strategy=arm, settings=settings, selector=selector))
    made = pd.concat(rows, ignore_index=True).assign(**dict.fromkeys(COST_COLUMNS, 10.0))
    return made.assign(generated_tokens=10.0 * made["budget"])


def easiness(questions, seed=0):
    return pd.Series(np.random.default_rng(seed).permutation(questions) / questions)


# --- halves and bins ------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.integers(5, 60), st.integers(0, 999), st.booleans())
def test_bins_are_fifths_of_the_weight_with_the_easiest_first(questions, seed, ties):
    rng = np.random.default_rng(seed)
    easy = rng.integers(0, 4, questions) / 4 if ties else rng.random(questions)
    bins = quintiles(easy, np.ones(questions), rng)
    sizes = np.bincount(bins, minlength=6)[1:]
    assert sizes.sum() == questions
    assert sizes.max() - sizes.min() <= 1
    for b in range(1, 5):
        assert easy[bins == b].min() >= easy[bins == b + 1].max()


@settings(max_examples=40)
@given(st.integers(5, 60), st.integers(0, 999))
def test_the_drawn_questions_of_a_bin_are_dealt_out_evenly_to_its_halves(questions, seed):
    """Those that a resample leaves out must not take the place of those it has."""
    rng = np.random.default_rng(seed)
    bins = rng.integers(1, 6, questions)
    weight = rng.multinomial(questions, np.full(questions, 1 / questions)).astype(float)
    group = assign_halves(bins, weight, rng)
    assert (group // 2 == bins).all()
    for b in range(1, 6):
        drawn = (bins == b) & (weight > 0)
        first, second = (int((drawn & (group % 2 == half)).sum()) for half in (0, 1))
        assert abs(first - second) <= 1


@settings(max_examples=40)
@given(st.integers(12, 50), st.integers(0, 999), st.data())
def test_what_a_question_says_never_changes_the_arm_it_is_measured_by(questions, seed, data):
    """Also in a resample, where a question may come several times."""
    rng = np.random.default_rng(seed)
    value = rng.random((4, questions))
    bins = rng.integers(1, 6, questions)
    weight = rng.multinomial(questions, np.full(questions, 1 / questions)).astype(float)
    asked = data.draw(st.integers(0, questions - 1))
    before = cross_fitted_arms(value, bins, weight, np.random.default_rng(seed))
    value[:, asked] = data.draw(st.permutations([0.0, 0.0, 0.0, 99.0]))
    after = cross_fitted_arms(value, bins, weight, np.random.default_rng(seed))
    assert before[asked] == after[asked]


def test_the_arm_of_a_question_is_the_best_of_the_other_half():
    """By hand: in a bin of two questions, each gets the arm that is best for the other."""
    value = np.array([[0, 1], [1, 0]], float)
    chosen = cross_fitted_arms(value, np.array([3, 3]), np.ones(2), np.random.default_rng(0))
    assert chosen.tolist() == [0, 1]


def test_of_equal_arms_best_of_n_wins():
    evidence = table({4: np.full((5, 40), 0.5)})
    evidence["generated_tokens"] += np.arange(len(evidence))  # as good, yet not the same search
    found = cells(evidence, easiness(40), resamples=20)
    assert {cell.choice for cell in found} == {BASELINE}


# --- noise and truth ------------------------------------------------------------------------------


def accuracy_gains(found, line, other=None):
    """The accuracy of a policy less that of another, or of best-of-N, at each budget: measured
    ones, and all resamples of it."""
    rows, others = found.indices(line), found.indices(other)
    budgets = found.table["budget"].to_numpy()
    assert budgets[rows].tolist() == budgets[others].tolist()
    accuracy = found.table["accuracy"].to_numpy()
    return accuracy[rows] - accuracy[others], found.draws[:, 0, rows] - found.draws[:, 0, others]


def test_nothing_is_gained_from_noise_where_choosing_and_measuring_alike_would_gain():
    gains, naive = [], []
    for seed in range(12):
        values = np.random.default_rng(seed).random((5, 100)) < 0.5
        found = policy_curves(
            table({16: values}), {"oracle": easiness(100, seed)}, resamples=1, seed=seed
        )
        gains.append(accuracy_gains(found, "oracle")[0][0])
        bins = quintiles(easiness(100, seed).to_numpy(), np.ones(100), np.random.default_rng(seed))
        best = [values[:, bins == b].mean(axis=1).max() for b in range(1, 6)]
        naive.append(np.mean(best) - values[0].mean())
    assert np.mean(gains) == pytest.approx(0, abs=3 * np.std(gains) / np.sqrt(12))
    assert np.mean(naive) > 0.08


def crossing(questions=200, budgets=(4, 16), seed=0):
    """Beam search is right on the harder half, best-of-N on the easier one; the rest is never
    right."""
    rng = np.random.default_rng(seed)
    easy = easiness(questions, seed)
    hard = easy.to_numpy() < 0.4
    right = rng.random((2, questions)) < np.where([hard, ~hard], 0.2, 0.8)
    none = np.zeros((1, questions))
    return table({budget: np.concatenate([right, none]) for budget in budgets}, ARMS[:3]), easy


def test_the_truly_best_arm_is_chosen_in_every_bin_and_its_accuracy_found():
    evidence, easy = crossing()
    found = cells(evidence, easy, resamples=100)
    assert [cell.choice.strategy for cell in found] == [*["best_of_n"] * 3, *["beam"] * 2] * 2
    assert all(cell.low <= cell.accuracy <= cell.high for cell in found)
    best = np.where(
        easy < 0.4,
        *(evidence[evidence["strategy"] == a]["value"][:200] for a in ("beam", "best_of_n")),
    )
    assert np.mean([cell.accuracy for cell in found]) == pytest.approx(best.mean(), abs=0.01)
    assert all(cell.candidates[0].share > 0.95 and cell.questions == 40 for cell in found)
    assert [candidate.choice.strategy for candidate in found[0].candidates[2:]] == ["dvts"]


def test_a_policy_beats_best_of_n_where_there_is_something_to_choose():
    evidence, easy = crossing()
    blind = pd.Series(np.random.default_rng(9).random(200))
    found = policy_curves(evidence, {"oracle": easy, "predicted": blind}, resamples=200)
    _, gains = accuracy_gains(found, "oracle")
    assert np.percentile(gains, 2.5, axis=0).min() > 0.05
    _, losses = accuracy_gains(found, "predicted", "oracle")
    assert (np.percentile(losses, 97.5, axis=0) < 0).all()
    for row in found.table[found.table["line"] == "static"].itertuples():
        own = evidence[(evidence["strategy"] == row.strategy) & (evidence["budget"] == row.budget)]
        assert row.accuracy == pytest.approx(own["value"].mean())
        assert row.low <= row.accuracy <= row.high


def test_regret_is_small_where_the_best_arm_is_clear():
    evidence, easy = crossing()
    lost = policy_regret(evidence, easy, resamples=50)
    assert (lost["regret"] < 0.01).all()
    noise = table({16: np.random.default_rng(0).random((5, 100)) < 0.5})
    assert policy_regret(noise, easiness(100), resamples=50)["regret"][0] > 0.03


# --- the same accuracy for less -------------------------------------------------------------------


def test_the_ratio_is_what_best_of_n_needs_over_what_the_policy_needs():
    """Best-of-N rises by 0.2 with each factor of 4; beam search at 4 is as good as best-of-N at
    16."""
    share = {1: 0.2, 4: 0.4, 16: 0.6, 64: 0.8}
    values = {b: [np.full(40, p)] for b, p in share.items()}
    values[4] = [np.full(40, 0.4), np.full(40, 0.6)]
    values[16] = [np.full(40, 0.6), np.full(40, 0.7)]
    values[64] = [np.full(40, 0.8), np.full(40, 0.9)]
    found = policy_curves(table(values), {"oracle": easiness(40)}, resamples=20)
    got = compute_ratios(found, "oracle")
    assert got["budget"].tolist() == [4, 16, 64]
    assert got["needed"].tolist() == pytest.approx([16, 32, np.inf])
    assert got["ratio"].tolist() == pytest.approx([4, 2, np.inf])
    assert got["low"].tolist() == pytest.approx([4, 2, np.inf])
    assert got["reached"].tolist() == [True, True, False]
    assert compute_ratios(found, "oracle", "generated_tokens")["ratio"][0] == pytest.approx(4)


def test_the_probe_is_charged_by_moving_the_curve_to_the_right():
    evidence, easy = crossing()
    probe = {"budget": 16.0, **dict.fromkeys(COST_COLUMNS, 7.0)}
    found = policy_curves(evidence, {"oracle": easy, "predicted": easy}, probe, resamples=20)
    plain, charged = (
        found.table.loc[found.indices("predicted")],
        found.table.loc[found.indices("charged")],
    )
    assert charged["accuracy"].tolist() == plain["accuracy"].tolist()
    assert (charged["budget"].to_numpy() - plain["budget"].to_numpy() == 16).all()
    assert (charged["flops"].to_numpy() - plain["flops"].to_numpy() == 7).all()
    free, paid = (
        compute_ratios(found, "predicted")["ratio"],
        compute_ratios(found, "charged")["ratio"],
    )
    assert (paid[np.isfinite(free)] < free[np.isfinite(free)]).all()


# --- what counts as an arm ------------------------------------------------------------------------


def test_only_whole_arms_counted_by_weighted_votes_are_chosen_among():
    values = table(
        {4: np.random.default_rng(0).random((4, 30))}, ("best_of_n", "beam", "auto", "dvts")
    )
    other = table({4: np.ones((1, 30))}, ("beam",), selector="coverage")
    partial = values[(values["strategy"] != "dvts") | (values["question"] < 29)]
    questions, arms = arms_by_budget(pd.concat([partial, other]))
    assert len(questions) == 30
    assert arms[4].choices == (BASELINE, StrategyChoice("beam"))
    assert arms[4].value.max() < 1


def test_without_best_of_n_or_a_probe_it_says_what_to_do():
    values = table({4: np.ones((1, 30))}, ("beam",))
    with pytest.raises(BadInput, match="sweep"):
        arms_by_budget(values)
    with pytest.raises(BadInput, match="probe"):
        cells(table({4: np.ones((5, 30))}), easiness(20))
    with pytest.raises(BadInput, match="at least 20"):
        cells(table({4: np.ones((5, 10))}), easiness(10))
