"""Sharing a budget: never more than there is, the optimum by brute force, a gain only where there
is one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc_explorer.experiments.allocation import (
    allocate,
    concave_envelope,
    shared_budget_allocation,
    shared_budget_gain,
    success_curves,
)
from ttc_explorer.problems.problem import BadInput

CURVES = st.integers(0, 9999).flatmap(
    lambda seed: st.tuples(st.just(seed), st.integers(1, 4), st.integers(1, 4))
)


def split(curves, totals):
    """Each question with a curve of its own."""
    return allocate(np.asarray(curves), np.arange(len(curves)), totals)


def random_curves(seed, questions, most, concave):
    rng = np.random.default_rng(seed)
    gains = rng.integers(0, 5, (questions, most)) / (5.0 * most)
    if concave:
        gains = -np.sort(-gains, axis=1)
    return np.pad(np.cumsum(gains, axis=1), ((0, 0), (1, 0)))


@settings(max_examples=80)
@given(CURVES, st.integers(0, 16))
def test_greedy_is_the_optimum_where_gains_fall(case, total):
    seed, questions, most = case
    curves = random_curves(seed, questions, most, concave=True)
    (got,) = split(curves, [total])
    plans = [p for p in product(range(most + 1), repeat=questions) if sum(p) <= total]
    best = max(sum(curves[i, k] for i, k in enumerate(plan)) for plan in plans)
    assert sum(curves[i, k] for i, k in enumerate(got)) == pytest.approx(best)


@settings(max_examples=80)
@given(CURVES, st.booleans())
def test_no_more_is_spent_than_there_is_and_more_budget_takes_nothing_away(case, concave):
    seed, questions, most = case
    curves = random_curves(seed, questions, most, concave)
    got = split(curves, range(questions * most + 3))
    assert (got.sum(axis=1) <= np.arange(len(got))).all()
    assert (np.diff(got, axis=0) >= 0).all()
    assert (got <= most).all()


def test_equal_questions_share_evenly():
    curves = np.tile([0.0, 0.5, 0.7, 0.8], (4, 1))
    (got,) = split(curves, [8])
    assert got.tolist() == [2, 2, 2, 2]


def test_what_promises_nothing_gets_nothing():
    (got,) = split(np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 1.0]]), [4])
    assert got.tolist() == [0, 1]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_the_envelope_lies_above_and_is_concave(values):
    curve = np.array([0.0, *values])
    over = concave_envelope(curve)
    gains = np.diff(over)
    assert (over >= curve - 1e-12).all()
    assert (gains >= -1e-12).all()
    assert (np.diff(gains) <= 1e-12).all()
    assert over.max() == pytest.approx(curve.max())


def table(chance, budgets=(1, 2, 4, 8, 16)):
    """Best-of-N as coverage of independent samples, each right with the question's own
    ``chance``."""
    rows = [
        pd.DataFrame(
            {"question": np.arange(len(chance)), "budget": k, "value": 1 - (1 - chance) ** k}
        )
        for k in budgets
    ]
    return pd.concat(rows).assign(strategy="best_of_n", settings="{}", selector="weighted")


def test_between_measured_budgets_a_straight_line_in_the_logarithm():
    questions, curve = success_curves(table(np.array([0.5, 0.1]), (1, 4)))
    assert questions.tolist() == [0, 1]
    assert curve[0, [0, 1, 2, 4]].tolist() == pytest.approx([0, 0.5, (0.5 + 0.9375) / 2, 0.9375])
    with pytest.raises(BadInput, match="from one sample on"):
        success_curves(table(np.array([0.5]), (2, 4)))


def test_sharing_pays_where_questions_differ_and_the_prediction_knows():
    chance = np.repeat([0.95, 0.5, 0.2, 0.1, 0.0], 20)
    known, blind = pd.Series(chance), pd.Series(np.random.default_rng(0).random(100))
    got = shared_budget_gain(table(chance), known, [2, 4], resamples=60)
    assert (got["low"] > 0.01).all()
    assert (got["spent"] <= got["budget"]).all()
    assert got["gain"].tolist() == pytest.approx((got["shared"] - got["even"]).tolist())
    assert shared_budget_gain(table(chance), blind, [4], resamples=60)["low"][0] < 0.01


def test_equal_questions_gain_nothing():
    chance = np.full(60, 0.3)
    got = shared_budget_gain(table(chance), pd.Series(np.arange(60.0)), [4], resamples=20)
    assert got["gain"][0] == pytest.approx(0, abs=1e-9)


def test_the_probe_is_given_to_the_even_split_too():
    chance = np.repeat([0.9, 0.2], 30)
    free = shared_budget_gain(table(chance), pd.Series(chance), [4], resamples=5)
    paid = shared_budget_gain(table(chance), pd.Series(chance), [4], probe=4, resamples=5)
    assert paid["even"][0] == pytest.approx((1 - (1 - chance) ** 8).mean())
    assert paid["shared"][0] == pytest.approx(free["shared"][0])
    with pytest.raises(BadInput, match="Only 16"):
        shared_budget_gain(table(chance), pd.Series(chance), [16], probe=4)


def test_who_gets_how_much():
    chance = np.repeat([0.95, 0.5, 0.2, 0.1, 0.0], 10)
    got = shared_budget_allocation(table(chance), pd.Series(chance), 4)
    assert got["question"].tolist() == list(range(50))
    assert got["samples"].sum() <= 200
    by_bin = got.groupby("bin")["samples"].mean()
    assert by_bin[5] == 0 < by_bin[1] < by_bin[3]
    assert got["even"].tolist() == pytest.approx((1 - (1 - chance) ** 4).tolist())
    with pytest.raises(BadInput, match="from 1 to the 16"):
        shared_budget_allocation(table(chance), pd.Series(chance), 17)
