"""Bins of equal size where they should be, and read from nothing but the probe."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc_explorer.experiments.difficulty import (
    absolute_bins,
    bin_of_score,
    mean_scores,
    oracle_bins,
    predicted_edges,
)


def probe(shares, samples=4, scores=None):
    """Question i has shares[i] right ones among its samples, and all of them the score
    scores[i]."""
    rows = [
        (q, s, s < share, (scores or shares)[q])
        for q, share in enumerate(shares)
        for s in range(samples)
    ]
    return pd.DataFrame(rows, columns=["question", "sample", "correct", "score"]).sample(
        frac=1, random_state=0
    )


@pytest.mark.slow
@settings(max_examples=40)
@given(st.lists(st.integers(0, 4), min_size=5, max_size=40), st.integers(0, 3))
def test_oracle_bins_are_of_equal_size_and_in_order(shares, seed):
    bins = oracle_bins(probe(shares), seed)
    assert list(bins.index) == list(range(len(shares)))
    sizes = bins.value_counts()
    assert set(sizes.index) == {1, 2, 3, 4, 5}
    assert sizes.max() - sizes.min() <= 1
    table = pd.DataFrame({"share": shares, "bin": bins})
    hardest, easiest = table.groupby("bin")["share"].min(), table.groupby("bin")["share"].max()
    assert all(hardest[b] >= easiest[b + 1] for b in range(1, 5))


def test_equal_questions_are_split_by_the_seed_alone():
    table = probe([2] * 20)
    assert oracle_bins(table, 1).equals(oracle_bins(table, 1))
    assert not oracle_bins(table, 1).equals(oracle_bins(table, 2))


def test_absolute_bins_by_hand():
    # pass@1: 0, 1/8, 2/8, 3/8, 4/8, 5/8, 6/8, 7/8, 1
    assert absolute_bins(probe(range(9), samples=8)).tolist() == [5, 4, 4, 3, 3, 2, 2, 1, 1]


def test_predicted_difficulty_uses_no_references():
    scores = [0.1, 0.9, 0.5, 0.7, 0.3]
    table = probe([4, 0, 4, 0, 4], scores=scores)
    assert mean_scores(table).tolist() == pytest.approx(scores)
    assert predicted_edges(table.drop(columns="correct")) == predicted_edges(table)


def test_the_first_samples_are_those_with_the_lowest_numbers():
    table = probe([1] * 5, scores=[0.1, 0.2, 0.3, 0.4, 0.5])
    table.loc[table["sample"] > 1, "score"] = 0.9 - table["score"]
    assert mean_scores(table, samples=2).tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


@settings(max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=10, max_size=40, unique=True))
def test_edges_give_a_live_question_the_bin_it_would_have_had(scores):
    table = probe([1] * len(scores), samples=1, scores=scores)
    edges = predicted_edges(table)
    assert list(edges) == sorted(edges)
    bins = [bin_of_score(score, edges) for score in scores]
    assert max(map(bins.count, bins)) <= len(scores) / 5 + 1
    assert [b for _, b in sorted(zip(scores, bins, strict=True), reverse=True)] == sorted(bins)


def test_bins_have_a_name():
    assert oracle_bins(probe([1, 2, 3, 4, 0])).name == "bin"


@pytest.mark.parametrize(("score", "expected"), [(-1.0, 5), (0.2, 4), (0.79, 2), (2.0, 1)])
def test_bins_beyond_the_edges(score, expected):
    assert bin_of_score(score, (0.2, 0.4, 0.6, 0.8)) == expected
