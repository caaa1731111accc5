"""The slider between parallel and sequential and the chains that it stands for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc_explorer.search.settings import MAX_BUDGET
from ttc_explorer.ui.components.chain_ratio import (
    chain_count,
    describe_split,
    last_position,
    nearest_position,
)
from ttc_explorer.ui.components.strategy_controls import BUDGETS


@pytest.mark.parametrize("budget", BUDGETS)
def test_every_place_is_one_way_to_split_the_budget(budget):
    chains = [chain_count(place, budget) for place in range(last_position(budget) + 1)]
    assert chains == sorted(set(chains), reverse=True)
    assert (chains[0], chains[-1]) == (budget, 1)
    assert [nearest_position(number, budget) for number in chains] == list(range(len(chains)))
    assert len({describe_split(place, budget) for place in range(len(chains))}) == len(chains)


@given(st.integers(1, MAX_BUDGET), st.integers(1, MAX_BUDGET), st.integers(0, 20))
def test_any_numbers_of_a_trace_have_a_place(chains, budget, place):
    assert 0 <= nearest_position(chains, budget) <= last_position(budget)
    assert 1 <= chain_count(place, budget) <= budget
    assert (
        chain_count(nearest_position(chains, budget), budget) >= min(chains, budget)
        or chains > budget
    )


def test_a_place_says_what_it_means():
    assert describe_split(0, 1) == "one attempt"
    assert [describe_split(place, 8) for place in (0, 1, 3)] == [
        "8 attempts side by side",
        "4 chains × 2 attempts",
        "one chain of 8 attempts",
    ]
