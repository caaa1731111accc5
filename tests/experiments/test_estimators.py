"""Estimators against brute force over all subsets, and against what the product itself would
choose."""

from __future__ import annotations

from itertools import combinations, permutations
from math import comb

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ttc_explorer.experiments.estimators import (
    VOTE_SUBSETS,
    best_at_k,
    expected_max_at_k,
    pass_at_k,
    success_at_k,
    vote_at_k,
    within_problem_auc,
)
from ttc_explorer.search.selector import SELECTORS, SolutionFeatures
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.search.voting import winning_vote

RIGHT = 0
"""The right answer, in all pools here; -1 cannot be read."""

EXACT = ("coverage", "best", "random")
SOLUTION = st.tuples(
    st.sampled_from([-1, RIGHT, 1, 2]), st.sampled_from([-0.5, 0.0, 0.25, 0.5, 1.0, np.nan])
)
POOLS = st.lists(SOLUTION, min_size=1, max_size=10)
EDGES = [
    [(RIGHT, 0.5)] * 5,
    [(1, 0.5)] * 5,
    [(-1, 0.5)] * 5,
    [(RIGHT, 0.5), (1, 0.5), (-1, 1.0)],
    [(RIGHT, 0.0)],
]


def arrays(pool):
    labels = np.array([[answer for answer, _ in pool]])
    return labels, labels == RIGHT, scored(np.array([[score for _, score in pool]], float))


def scored(scores):
    """Features of solutions with these scores; their confidence is the score of the one before."""
    unknown = np.full(scores.shape, np.nan)
    return SolutionFeatures(unknown, scores, np.roll(scores, 1, axis=1), np.zeros(scores.shape))


def expected(selector, subset):
    """The mean correctness of what ties for the first place, by the plain meaning of the
    selectors."""
    readable = [
        (answer, 0.0 if np.isnan(score) else score, score)
        for answer, score in subset
        if answer >= 0
    ]
    if selector == "coverage":
        return float(any(answer == RIGHT for answer, _, _ in readable))
    if not readable:
        return 0.0
    if selector == "random":
        return np.mean([answer == RIGHT for answer, _, _ in readable])
    if selector == "best":
        ranks = [-np.inf if np.isnan(score) else score for _, _, score in readable]
        best = [
            answer
            for (answer, _, _), rank in zip(readable, ranks, strict=True)
            if rank == max(ranks)
        ]
        return np.mean([answer == RIGHT for answer in best])
    ranks = {}
    for answer in {answer for answer, _, _ in readable}:
        scores = [score for other, score, _ in readable if other == answer]
        ranks[answer] = (len(scores), 0) if selector == "majority" else (sum(scores), len(scores))
    return np.mean(
        [answer == RIGHT for answer, rank in ranks.items() if rank == max(ranks.values())]
    )


@pytest.mark.slow
@pytest.mark.parametrize("selector", ["coverage", "best", "majority", "weighted", "random"])
def test_every_estimator_is_the_mean_over_all_subsets(selector):
    """The scores are binary fractions, whose sums are exact. Votes are exact where there are few
    subsets."""

    def check(pool):
        ks = [
            k
            for k in range(1, len(pool) + 1)
            if comb(len(pool), k) <= VOTE_SUBSETS or selector in EXACT
        ]
        got = success_at_k(selector, *arrays(pool), ks, seed=0)[0]
        for k, value in zip(ks, got, strict=True):
            brute = np.mean([expected(selector, subset) for subset in combinations(pool, k)])
            assert value == pytest.approx(brute, abs=1e-12), (k, pool)

    check = settings(max_examples=40)(given(POOLS)(check))
    for pool in EDGES:
        check = example(pool)(check)
    check()


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from([-1, RIGHT, 1]), st.sampled_from([0.25, 0.5])),
        min_size=2,
        max_size=4,
    )
)
def test_ties_are_broken_as_the_product_breaks_them(pool):
    """A run draws its samples in random order: the mean over all orders of what the product
    chooses."""

    def run(solutions, selector):
        tree = SearchTree()
        for answer, score in solutions:
            leaf = tree.add(0, "", finished=True, answer=None if answer < 0 else str(answer))
            tree.set_scores([leaf], [score])
        vote = winning_vote(tree, selector, "last")
        return vote is not None and vote.answer == str(RIGHT)

    for selector in ("best", "majority", "weighted"):
        for k in range(1, len(pool) + 1):
            runs = [run(solutions, selector) for solutions in permutations(pool, k)]
            got = success_at_k(selector, *arrays(pool), [k], seed=0)[0, 0]
            assert got == pytest.approx(np.mean(runs), abs=1e-12)


def test_random_subsets_come_close_and_the_curve_is_reproducible():
    rng = np.random.default_rng(1)
    labels = rng.integers(-1, 4, (30, 12))
    correct, scores = labels == RIGHT, rng.random((30, 12))
    for weights in (np.ones_like(scores), scores):
        every = vote_at_k(labels, correct, weights, [3, 6, 9], comb(12, 6), seed=0)
        some = vote_at_k(labels, correct, weights, [3, 6, 9], 200, seed=0)
        assert np.abs(some - every).max() < 0.15
        assert np.abs((some - every).mean(axis=0)).max() < 0.02
        assert np.array_equal(some, vote_at_k(labels, correct, weights, [3, 6, 9], 200, seed=0))
        assert not np.array_equal(some, vote_at_k(labels, correct, weights, [3, 6, 9], 200, seed=1))


def test_the_order_of_the_pool_does_not_matter():
    labels = np.array([[RIGHT, RIGHT, 1, 1, -1]])
    scores = np.array([[0.5, 0.25, 0.25, 0.5, 1.0]])
    for selector in ("best", "majority", "weighted"):
        one = success_at_k(selector, labels, labels == RIGHT, scored(scores), [5], 0)
        other = success_at_k(
            selector, labels[:, ::-1], labels[:, ::-1] == RIGHT, scored(scores[:, ::-1]), [5], 0
        )
        assert one == other == 0.5


def test_sums_that_differ_by_rounding_alone_are_a_tie():
    labels = np.array([[RIGHT, RIGHT, RIGHT, 1, 1, 1]])
    scores = np.array([[0.1, 0.2, 0.3, 0.3, 0.2, 0.1]])
    assert vote_at_k(labels, labels == RIGHT, scores, [6], VOTE_SUBSETS, 0) == 0.5


def test_large_pools_lose_no_precision():
    correct = np.arange(1025)
    assert pass_at_k(correct, 1024, 1) == pytest.approx(correct / 1024, abs=1e-12)
    exact = 1 - comb(1000, 37) / comb(1024, 37)
    assert pass_at_k(24, 1024, 37) == pytest.approx(exact, abs=1e-12)
    labels = np.ones((1, 1024), int)
    labels[0, -1] = RIGHT
    scores = np.arange(1024.0)[None]
    assert best_at_k(labels, labels == RIGHT, scores, [64])[0, 0] == pytest.approx(
        64 / 1024, abs=1e-12
    )


@given(st.lists(st.integers(0, 6), min_size=1, max_size=8), st.data())
def test_the_longest_of_k_is_the_mean_maximum_over_all_subsets(depths, data):
    k = data.draw(st.integers(1, len(depths)))
    brute = np.mean([max(subset) for subset in combinations(depths, k)])
    assert expected_max_at_k(np.array([depths], float), [k])[0, 0] == pytest.approx(
        brute, abs=1e-12
    )


@pytest.mark.parametrize("k", [0, 5])
def test_more_than_the_pool_is_refused(k):
    labels = np.zeros((1, 4), int)
    for selector in ("coverage", "best", "majority", "weighted"):
        with pytest.raises(ValueError, match="between 1 and the 4"):
            success_at_k(selector, labels, labels == 0, scored(np.ones((1, 4))), [k], 0)


def test_auc_counts_pairs_within_questions_only():
    questions = [1, 1, 1, 2, 2, 3]
    correct = [True, False, False, True, False, True]
    scores = [0.5, 0.4, 0.5, 0.0, 1.0, 0.9]
    assert within_problem_auc(questions, correct, scores) == pytest.approx((0.75 + 0.0) / 2)
    assert np.isnan(within_problem_auc([1], [True], [0.5]))


def test_random_is_best_of_n_whose_verifier_knows_nothing():
    """The closed form: a readable one there must be, and it is right as often as they are."""
    labels = np.array([[RIGHT, RIGHT, 1, 2, -1, -1]])
    got = success_at_k("random", labels, labels == RIGHT, scored(np.ones((1, 6))), [1, 2, 3], 0)[0]
    some_readable = [1 - comb(2, k) / comb(6, k) for k in (1, 2, 3)]
    assert got == pytest.approx([2 / 4 * chance for chance in some_readable])


def test_confidence_votes_by_the_confidences_alone():
    labels = np.array([[RIGHT, 1, 1]])
    confidence = np.array([[0.9, 0.4, 0.4]])
    features = SolutionFeatures(*[np.full((1, 3), np.nan)] * 2, confidence, np.zeros((1, 3)))
    assert success_at_k("confidence", labels, labels == RIGHT, features, [3], 0) == 1.0
    assert success_at_k("majority", labels, labels == RIGHT, features, [3], 0) == 0.0


def test_every_selector_can_be_estimated_and_knows_a_pool_that_is_all_right():
    labels = np.full((2, 4), RIGHT)
    for name in SELECTORS:
        got = success_at_k(name, labels, labels == RIGHT, scored(np.ones((2, 4))), [1, 3, 4], 0)
        assert got == pytest.approx(np.ones((2, 3)))
