"""The exchange of model size for thinking: the formulas, matched budgets, and the front by brute
force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.experiments.test_allocation import table
from tests.experiments.test_cross_fitting import crossing
from ttc_explorer.experiments.model_size_exchange import (
    OUT_OF_RANGE,
    PAPER_RATIOS,
    bracket_budget,
    cheapest_match,
    compare_at_equal_flops,
    inference_multiplier,
    is_pareto_optimal,
    pareto_front,
    pretraining_flops,
    ratio_for_multiplier,
)
from ttc_explorer.problems.problem import BadInput

BEST = ("best_of_n", "{}", "weighted")


def test_the_papers_multipliers():
    assert [inference_multiplier(14, ratio) for ratio in PAPER_RATIOS] == pytest.approx(
        [257.75, 63.37, 15.77], abs=0.005
    )
    assert inference_multiplier(1, 0.3) == 1


def test_a_verifier_as_large_halves_what_the_small_model_may_write():
    for ratio in PAPER_RATIOS:
        assert inference_multiplier(14, ratio, verifier=1) == pytest.approx(
            inference_multiplier(14, ratio) / 2
        )


@given(st.floats(1, 50), st.floats(0.01, 100), st.floats(0, 2), st.floats(1e6, 1e9))
def test_total_flops_are_equal_at_the_multiplier(larger, ratio, verifier, pretraining):
    def total(parameters, times, read):
        """X = 6·P·D_pretrain and Y = 2·P·D_inference, what a verifier reads of it beside it."""
        inference = times * ratio * pretraining
        return pretraining_flops(parameters, pretraining) + 2 * parameters * inference * (1 + read)

    small = total(1e6, inference_multiplier(larger, ratio, verifier), verifier)
    assert small == pytest.approx(total(larger * 1e6, 1, 0.0))


@given(st.floats(1.1, 50), st.floats(0.01, 100), st.floats(0, 2))
def test_the_ratio_of_a_multiplier(larger, ratio, verifier):
    assert ratio_for_multiplier(
        larger, inference_multiplier(larger, ratio, verifier), verifier
    ) == pytest.approx(ratio)
    assert ratio_for_multiplier(larger, larger) == float("inf")
    assert ratio_for_multiplier(larger, larger / (1 + verifier), verifier) > 1e9


@pytest.mark.parametrize("case", [(0.5, 1, 0), (2, 0, 0), (2, 1, -1), (float("nan"), 1, 0)])
def test_impossible_sizes_are_refused(case):
    with pytest.raises(BadInput, match="at least 1"):
        inference_multiplier(*case)


@pytest.mark.parametrize(
    ("budget", "around"),
    [(1, (1, 1, 0)), (2, (1, 4, 0.5)), (4, (4, 4, 0)), (0.99, None), (4.01, None)],
)
def test_between_budgets_in_the_logarithm_and_never_beyond(budget, around):
    assert bracket_budget([4, 1], budget) == around
    assert bracket_budget([], budget) is None


def test_the_small_models_budget_is_the_multiplier():
    """m = 3 lies between 2 and 4 samples, log2(1.5) of the way."""
    chance = np.full(30, 0.5)
    got = compare_at_equal_flops(
        table(chance), pd.Series(chance), pd.Series(chance), 1.5, 1.0, BEST, resamples=5
    )
    part = np.log2(1.5)
    assert got["budget"][0] == 3
    assert got["small"].tolist() == pytest.approx([(1 - part) * 0.75 + part * 0.9375] * 6)
    few = compare_at_equal_flops(
        table(chance), pd.Series(chance), pd.Series(chance), 1.5, 1.0, BEST, samples=4, resamples=5
    )
    assert few["budget"][0] == 12


def test_the_policy_spends_the_small_models_budget_on_the_best_arm_of_each_bin():
    evidence, easy = crossing()
    large = pd.Series(0.3, index=easy.index)
    policy = compare_at_equal_flops(evidence, large, easy, 2, 0.5, resamples=60)  # m = 8
    plain = compare_at_equal_flops(evidence, large, easy, 2, 0.5, BEST, resamples=60)
    assert policy["winner"].tolist() == ["small"] * 6
    assert plain["winner"].tolist()[1:4] == ["small"] * 3
    assert (plain["difference"][4:] < 0).all()


def test_the_small_model_wins_where_thinking_helps_and_loses_where_it_does_not():
    chance = np.repeat([0.9, 0.6, 0.4, 0.2, 0.0], 40)
    large = pd.Series(np.repeat([0.9, 0.7, 0.5, 0.3, 0.3], 40))
    got = compare_at_equal_flops(
        table(chance), large, pd.Series(chance), 4, 1.0, BEST, resamples=100
    )  # m = 13
    assert got["budget"][0] == pytest.approx(13)
    assert got["bin"].tolist() == list(range(6))
    assert got["winner"].tolist() == ["small", *["small"] * 4, "large"]
    assert got["difference"].tolist() == pytest.approx((got["small"] - got["large"]).tolist())
    assert got["difference"][5] == pytest.approx(-0.3)
    assert got["difference"][0] == pytest.approx(got["difference"][1:].mean())


def test_an_interval_that_touches_zero_is_open():
    """One question in thirty is lost: a resample in three is without it, and finds no
    difference."""
    never = pd.Series(np.zeros(30))
    large = never.where(never.index > 0, 1.0)
    got = compare_at_equal_flops(
        table(never.to_numpy()), large, never, 2, 1.0, BEST, resamples=200
    ).iloc[0]
    assert got["low"] < 0 == got["high"]
    assert got["winner"] == "open"
    won = compare_at_equal_flops(
        table(large.to_numpy()), never, never, 2, 1.0, BEST, resamples=200
    ).iloc[0]
    assert won["low"] == 0 < won["high"]
    assert won["winner"] == "open"


def test_a_noisy_tie_is_open_and_too_large_a_budget_is_beyond():
    chance = np.full(60, 0.5)
    coin = pd.Series(np.random.default_rng(0).random(60) < 0.97).astype(float)
    got = compare_at_equal_flops(
        table(chance), coin, pd.Series(np.arange(60.0)), 2, 1.0, BEST, resamples=100
    )
    assert got["winner"][0] == "open"
    beyond = compare_at_equal_flops(table(chance), coin, pd.Series(np.arange(60.0)), 14, 0.16, BEST)
    assert set(beyond["winner"]) == {OUT_OF_RANGE}
    assert beyond["difference"].isna().all()
    with pytest.raises(BadInput, match="same problems"):
        compare_at_equal_flops(
            table(chance), coin.set_axis(coin.index + 100), pd.Series(np.arange(60.0)), 2, 1.0, BEST
        )


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), min_size=1, max_size=12))
def test_the_front_by_brute_force(points):
    cost, accuracy = np.array(points, float).T
    got = is_pareto_optimal(cost, accuracy)
    for i, (c, a) in enumerate(points):
        beaten = any(
            (c2 <= c and a2 >= a) and ((c2, a2) != (c, a) or j < i)
            for j, (c2, a2) in enumerate(points)
            if j != i
        )
        assert got[i] == (not beaten)


def test_pretraining_can_push_a_large_model_off_the_front():
    small, large = table(np.full(10, 0.3)), table(np.full(10, 0.8), (1,))
    small["flops"], large["flops"] = small["budget"] * 1.0, 3.0
    coverage = small.assign(selector="coverage", value=1.0)
    models = {"s": pd.concat([small, coverage]), "l": large}
    alone = pareto_front(models)
    assert alone[alone["best"]]["model"].tolist().count("l") == 1
    assert "coverage" not in set(alone["selector"])
    burdened = pareto_front(models, {"s": 100.0, "l": 5000.0}, queries=10)
    assert burdened[burdened["best"]]["model"].unique().tolist() == ["s"]
    assert burdened["flops"].min() == pytest.approx(11)


# --- as accurate as the large model, for less -----------------------------------------------------


def ways(values, questions):
    """Evidence of one strategy at budgets 1, 2, ...: budget k costs k FLOPs; values (budgets,
    questions)."""
    return pd.concat(
        pd.DataFrame({"question": np.arange(questions), "value": value}).assign(
            strategy="best_of_n", settings="{}", budget=k, flops=float(k)
        )
        for k, value in enumerate(values, 1)
    )


def test_the_match_is_the_cheapest_that_is_accurate_enough():
    large = pd.Series(0.5, index=range(20))
    match = cheapest_match(ways(np.tile([[0.2], [0.6], [0.9]], 20), 20), large)
    assert match.ways == (("best_of_n", "{}", 2),) * 2
    assert (match.flops, match.accuracy, match.large_accuracy) == (2.0, pytest.approx(0.6), 0.5)
    assert cheapest_match(ways(np.full((3, 20), 0.4), 20), large) is None


@pytest.mark.slow
def test_a_match_chosen_among_noise_is_not_flattered():
    """Ways that are as good as each other: the chosen one looks better where it was chosen, not
    here."""
    rng = np.random.default_rng(0)
    large = pd.Series(0.6, index=range(40))
    noise = [ways((rng.random((40, 40)) < 0.5).astype(float), 40) for _ in range(60)]
    found = [match.accuracy for table in noise if (match := cheapest_match(table, large))]
    assert len(found) > 40
    assert abs(np.mean(found) - 0.5) < 4 * np.std(found) / len(found) ** 0.5
