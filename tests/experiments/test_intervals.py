"""Intervals against known truth, corrected p-values against worked examples."""

from __future__ import annotations

import gc
from math import exp, lgamma

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap as scipy_bootstrap
from scipy.stats import permutation_test
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from ttc_explorer.experiments.estimators import success_at_k
from ttc_explorer.experiments.intervals import (
    bootstrap,
    bootstrap_draws,
    holm_correction,
    percentile_interval,
    permutation_p_value,
    wilson_interval,
)
from ttc_explorer.search.selector import SolutionFeatures

POOLS = 100


def log_beta(a, b):
    return lgamma(a) + lgamma(b) - lgamma(a + b)


@pytest.mark.slow
def test_intervals_of_synthetic_pools_cover_the_truth_about_as_often_as_they_say():
    """Questions with pass@1 from Beta(1, 2): pass@4 is 1 - B(1, 6) / B(1, 2), and scores that know
    nothing leave best-of-4 at pass@1, a third."""
    truth = {"coverage": 1 - exp(log_beta(1, 6) - log_beta(1, 2)), "best": 1 / 3}
    covered = dict.fromkeys(truth, 0)
    for seed in range(POOLS):
        rng = np.random.default_rng(seed)
        correct = rng.random((80, 8)) < rng.beta(1, 2, 80)[:, None]
        for selector in truth:
            values = success_at_k(
                selector,
                1 - correct.astype(int),
                correct,
                SolutionFeatures(*[rng.random((80, 8))] * 4),
                [4],
                0,
            )[:, 0]
            _, low, high = bootstrap(values, resamples=200, seed=seed)
            covered[selector] += low <= truth[selector] <= high
    # 95 % of 100, give or take three standard deviations of 2.2.
    assert all(88 <= count <= 100 for count in covered.values()), covered


def test_a_statistic_is_recomputed_inside_each_resample():
    """The best of five equal columns looks better than it is; chosen anew in each draw, it does so
    there."""
    values = np.random.default_rng(0).normal(0, 1, (100, 5))
    value, low, high = bootstrap(
        np.arange(100), lambda drawn: values[drawn].mean(axis=0).max(), seed=3
    )
    assert value == values.mean(axis=0).max()
    assert low < value < high
    assert high > bootstrap(values[:, values.mean(axis=0).argmax()], seed=3)[2]


def test_figures_side_by_side_share_their_resamples():
    values = np.random.default_rng(0).random((50, 3))
    value, low, high = bootstrap(values, lambda rows: rows.mean(axis=0), seed=7)
    assert value.shape == low.shape == high.shape == (3,)
    one = bootstrap(values[:, 1], seed=7)
    assert (value[1], low[1], high[1]) == pytest.approx(one)
    drawn = bootstrap_draws(values[:, 1], seed=7)
    assert len(drawn) == 1000
    assert percentile_interval(drawn) == pytest.approx(one[1:])


def test_wilson():
    assert wilson_interval(8, 10) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
    assert wilson_interval(10, 10)[1:] == pytest.approx((0.7225, 1.0), abs=1e-4)
    with pytest.raises(ValueError, match="at least one trial"):
        wilson_interval(0, 0)


@given(st.integers(1, 200), st.data())
def test_wilson_is_that_of_statsmodels(trials, data):
    hits = data.draw(st.integers(0, trials))
    low, high = proportion_confint(hits, trials, method="wilson")
    assert wilson_interval(hits, trials) == pytest.approx((hits / trials, low, high), abs=1e-12)


@pytest.mark.slow
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_that_of_statsmodels(p_values):
    gc.freeze()  # theirs collects garbage at every call: slow in a process of many tests
    theirs = multipletests(p_values, method="holm")[1]
    gc.unfreeze()
    assert holm_correction(p_values) == pytest.approx(theirs)


def test_the_permutation_test_is_that_of_scipy():
    rng = np.random.default_rng(5)
    one, other = rng.normal(0.5, 1, 8), rng.normal(0, 1, 7)
    exact = permutation_test(
        (one, other),
        lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis),
        alternative="greater",
        n_resamples=np.inf,
        vectorized=True,
    )
    assert permutation_p_value(one, other, draws=20_000) == pytest.approx(exact.pvalue, abs=0.015)


def test_the_interval_is_the_middle_95_percent():
    drawn = np.random.default_rng(2).normal(size=(5000, 3))
    assert np.array(percentile_interval(drawn)) == pytest.approx(
        np.percentile(drawn, [2.5, 97.5], axis=0)
    )
    low, high = percentile_interval(np.arange(1001.0))
    assert (low, high) == pytest.approx((25, 975))


def test_the_bootstrap_interval_is_that_of_scipy():
    values = np.random.default_rng(4).gamma(2, 1, 60)
    reference = scipy_bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    _, low, high = bootstrap(values, resamples=20_000)
    assert (low, high) == pytest.approx((reference.low, reference.high), abs=0.02)


def test_holm_by_hand():
    assert holm_correction([0.01, 0.2, 0.03]) == pytest.approx([0.03, 0.2, 0.06])
    assert holm_correction([0.04, 0.04]) == pytest.approx([0.08, 0.08])
    assert holm_correction([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_lies_between_no_correction_and_bonferroni_and_keeps_the_order(p_values):
    corrected = holm_correction(p_values)
    for p, q in zip(p_values, corrected, strict=True):
        assert p <= q <= min(1.0, p * len(p_values)) + 1e-12 or p == q
    order = np.argsort(p_values)
    assert (np.diff(np.array(corrected)[order]) >= 0).all()
