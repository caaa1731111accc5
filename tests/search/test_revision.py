"""Chains of revisions: their lengths, their shape, who votes, and what they need."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.fakes import ToyGenerator, Toys, ToyVerifier, make_checker, toy_run
from tests.search.scripted_replies import drive_with_replies
from ttc_explorer.models.protocol import Revise
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.primitives import ROOT
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategies.revision import revision
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.search.voting import ranked_votes


def run_revision(budget, chains):
    """The tree of a run in which every attempt answers 1, and what was asked for."""
    tree = SearchTree()
    search = revision(tree, budget, Settings(chains=chains, temperature=0.7))
    ending, asked = drive_with_replies(search, lambda request, place: "Answer: 1", lambda node: 0.5)
    assert ending == "done"
    return tree, [request for request in asked if isinstance(request, Revise)]


@settings(max_examples=150)
@given(st.integers(1, 64), st.integers(1, 64))
def test_chains_are_as_equal_as_can_be_and_sum_to_the_budget(budget, chains):
    tree, asked = run_revision(budget, chains)
    parents = Counter(tree.parent[1:])
    ends = [node for node in range(1, len(tree)) if not parents[node]]
    lengths = [tree.round[end] for end in ends]
    assert sum(lengths) == len(tree) - 1 == budget
    assert len(ends) == parents.pop(ROOT) == min(chains, budget)
    assert max(lengths) - min(lengths) <= 1
    assert set(parents.values()) <= {1}  # chains never branch
    assert len(asked) == max(lengths)  # one batch for all chains that are still short
    assert {request.temperature for request in asked} == {0.7}


def test_the_two_ends_of_the_ratio():
    parallel, asked = run_revision(4, 4)
    assert (parallel.parent[1:], len(asked)) == ([0, 0, 0, 0], 1)
    sequential, asked = run_revision(4, 1)
    assert (sequential.parent[1:], len(asked)) == ([0, 1, 2, 3], 4)


def test_the_last_round_goes_on_with_the_first_chains():
    tree, asked = run_revision(7, 3)
    assert [request.parents for request in asked] == [(0, 0, 0), (1, 2, 3), (4,)]
    assert tree.chain(7) == [1, 4, 7]


@settings(max_examples=30)
@given(st.integers(1, 16), st.integers(1, 16), st.integers(0, 99), st.booleans())
def test_every_attempt_is_paid_for_kept_and_counted(budget, chains, seed, own_verifier):
    toys = Toys(own_verifier)
    (run,) = toys.drive(toy_run("revise", budget, seed, chains=chains))
    assert (run.stopped, run.error) == ("done", None)
    assert run.ledger == replace(toys.processed(), seconds=0.0)
    assert len(list(run.tree.leaves())) == budget
    assert sum(vote.count for vote in ranked_votes(run.tree, "majority", "last")) == budget
    assert toys.held() == 0


def test_a_longer_budget_only_lengthens_the_chains():
    short, long = (Toys().drive(toy_run("revise", budget, chains=4))[0].tree for budget in (8, 16))
    assert long.text[: len(short)] == short.text
    assert long.parent[: len(short)] == short.parent


def test_without_a_reviser_it_is_refused_in_one_sentence():
    driver = Driver(ToyGenerator(), ToyVerifier(), make_checker)
    with pytest.raises(BadInput, match=r"^Revision needs a reviser, [^.]+\.$"):
        driver.add(toy_run("revise"))
