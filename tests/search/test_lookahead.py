"""Lookahead search: where a step leads decides whether it is kept; with k = 0 it is beam search."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.fakes import Toys, sample_counts, toy_run, written_tokens
from tests.search.test_strategies import scripted_search
from ttc_explorer.models.protocol import Extend
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategies.beam import beam
from ttc_explorer.search.strategies.lookahead import lookahead
from ttc_explorer.search.voting import ranked_votes


def test_the_score_at_the_end_of_the_rollout_decides_what_is_kept():
    first = ("promises much", 0.9), ("promises little", 0.2)
    plain = scripted_search(beam, 2, width=2)
    plain.play(*first)
    assert plain.statuses == "kept pruned"

    ahead = scripted_search(lookahead, 2, width=2, lookahead=2)
    ahead.play(*first)
    ahead.play(("still fine", 0.95), ("getting better", 0.3))
    ahead.play(("a dead end", 0.1), ("nearly there", 0.8))
    assert ahead.tree.status[1:3] == ["pruned", "kept"]
    assert ahead.asked[1:] == [
        Extend((1, 2), 0.0, keep_state=True, rollout=True),
        Extend((3, 4), 0.0, rollout=True),
    ]
    # The rollout is discarded: the step goes on by fresh samples at the run's temperature.
    assert ahead.request == Extend((2, 2), 0.8)


def test_a_rollout_ends_where_its_solution_does_and_never_votes():
    ahead = scripted_search(lookahead, 2, width=2, lookahead=3)
    ahead.play(("a", 0.5), ("b", 0.6))
    ahead.play(("Answer: 1", 0.7), ("c", 0.9))
    assert ahead.request.parents == (4,)
    ahead.play(("d", 0.8))
    ahead.play(("e", 0.1))
    assert ahead.tree.status[1:3] == [
        "kept",
        "pruned",
    ]  # 0.7 at the answer against 0.1 at the third step
    assert ahead.tree.kind[3:] == ["rollout"] * 4
    assert ranked_votes(ahead.tree, "majority", "last") == []
    ahead.play(("Answer: 1", 0.2), ("Answer: 2", 0.3))
    assert ahead.stopped == "done"
    assert {vote.answer: vote.count for vote in ranked_votes(ahead.tree, "majority", "last")} == {
        "1": 1,
        "2": 1,
    }


def test_the_aggregate_reads_the_path_through_the_rollout():
    # a: 0.9, then 0.3 in the rollout; b: 0.4, then 0.5
    for aggregate, kept in {"last": 2, "min": 2, "prod": 1, "mean": 1}.items():
        ahead = scripted_search(lookahead, 2, width=2, lookahead=1, aggregate=aggregate)
        ahead.play(("a", 0.9), ("b", 0.4))
        ahead.play(("c", 0.3), ("d", 0.5))
        assert ahead.request.parents == (kept, kept)


def test_a_rollout_is_no_longer_than_a_solution_may_be():
    ahead = scripted_search(lookahead, 2, width=2, lookahead=40, rounds=3)
    while not ahead.stopped:
        ahead.play(*[("s", 0.5)] * len(ahead.request.parents))
    assert ahead.stopped == "budget"
    assert [request.rollout for request in ahead.asked] == [False, True, True, False, True, False]
    assert max(ahead.tree.round) == 3


@settings(max_examples=20)
@given(
    st.integers(1, 32),
    st.integers(0, 99),
    st.integers(0, 8),
    st.sampled_from(["last", "min", "mean"]),
)
def test_no_lookahead_is_beam_search(budget, seed, width, aggregate):
    shared = {"budget": budget, "seed": seed, "width": width, "aggregate": aggregate}
    ahead, plain = Toys().drive(
        toy_run("lookahead", lookahead=0, **shared), toy_run("beam", **shared)
    )
    assert vars(ahead.tree) == vars(plain.tree)
    assert ahead.ledger == plain.ledger


@pytest.mark.parametrize("k", [1, 3])
def test_it_costs_up_to_k_steps_more_for_each(k):
    (run,) = Toys().drive(toy_run("lookahead", 16, lookahead=k))
    samples = sample_counts(run.tree)
    assert 0 < samples["rollout"] <= k * (samples["step"] + samples["answer"])
    assert run.ledger.generated_tokens == written_tokens(run.tree)


@pytest.mark.parametrize("k", [-1, 41, "x"])
def test_lookahead_has_limits(k):
    with pytest.raises(BadInput, match="lookahead"):
        Settings().with_values({"lookahead": k})
