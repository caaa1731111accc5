"""The slider between parallel and sequential and the chains that it stands for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc_explorer.search.settings import MAX_BUDGET
from ttc_explorer.ui.pages.explore import BUDGETS
from ttc_explorer.ui.ratio import chains_at, described, position_of, steps


@pytest.mark.parametrize("budget", BUDGETS)
def test_every_place_is_one_way_to_split_the_budget(budget):
    chains = [chains_at(place, budget) for place in range(steps(budget) + 1)]
    assert chains == sorted(set(chains), reverse=True)
    assert (chains[0], chains[-1]) == (budget, 1)
    assert [position_of(number, budget) for number in chains] == list(range(len(chains)))
    assert len({described(place, budget) for place in range(len(chains))}) == len(chains)


@given(st.integers(1, MAX_BUDGET), st.integers(1, MAX_BUDGET), st.integers(0, 20))
def test_any_numbers_of_a_trace_have_a_place(chains, budget, place):
    assert 0 <= position_of(chains, budget) <= steps(budget)
    assert 1 <= chains_at(place, budget) <= budget
    assert chains_at(position_of(chains, budget), budget) >= min(chains, budget) or chains > budget


def test_a_place_says_what_it_means():
    assert described(0, 1) == "one attempt"
    assert [described(place, 8) for place in (0, 1, 3)] == [
        "8 attempts side by side",
        "4 chains × 2 attempts",
        "one chain of 8 attempts",
    ]
