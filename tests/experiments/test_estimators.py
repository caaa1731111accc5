"""Estimators against brute force over all subsets, and intervals against known truth."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc_explorer.experiments.estimators import bootstrap, pass_at_k, voted_at_k, within_problem_auc


@given(st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_share_of_subsets_with_a_right_sample(case):
    samples, right, k = case
    pool = [True] * right + [False] * (samples - right)
    subsets = list(combinations(pool, k))
    assert pass_at_k(right, samples, k) == pytest.approx(sum(map(any, subsets)) / len(subsets), abs=1e-12)


def test_pass_at_k_refuses_more_than_the_pool():
    with pytest.raises(ValueError, match="between 1 and the 4"):
        pass_at_k(1, 4, 5)


def chosen(answers, weights):
    sums = {}
    for answer, weight in zip(answers, weights, strict=True):
        if answer is not None:
            sums[answer] = sums.get(answer, 0) + weight
    return max(sums, key=sums.get) if sums else None


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), min_size=2, max_size=7), st.data())
def test_votes_approach_the_mean_over_all_subsets(pool, data):
    answers, weights = [a for a, _ in pool], [w + i / 100 for i, (_, w) in enumerate(pool)]
    k = data.draw(st.integers(1, len(pool)))
    truth = [
        chosen([answers[i] for i in s], [weights[i] for i in s]) == "a"
        for s in combinations(range(len(pool)), k)
    ]
    got = voted_at_k(answers, [a == "a" for a in answers], weights, k, subsets=3000, seed=0)
    assert got == pytest.approx(np.mean(truth), abs=0.05)
    if k == len(pool):
        assert got == np.mean(truth)


def test_unreadable_answers_never_vote():
    assert voted_at_k([None, None, "7"], [False, False, True], [1, 1, 1], 3, 1, 0) == 1.0
    assert voted_at_k([None, None], [False, False], [1, 1], 2, 1, 0) == 0.0


def test_auc_counts_pairs_within_questions_only():
    questions = [1, 1, 1, 2, 2, 3]
    correct = [True, False, False, True, False, True]
    scores = [0.5, 0.4, 0.5, 0.0, 1.0, 0.9]
    assert within_problem_auc(questions, correct, scores) == pytest.approx((0.75 + 0.0) / 2)
    assert np.isnan(within_problem_auc([1], [True], [0.5]))


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        _, low, high = bootstrap(rng.normal(0.3, 1.0, 100), resamples=300, seed=trial)
        covered += low <= 0.3 <= high
    assert 180 <= covered <= 199
