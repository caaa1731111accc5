"""Beam search, then a beam over chains: how the budget is split, and who is revised."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.fakes import Toys, sample_counts, toy_run
from tests.search.scripted_replies import drive_with_replies
from ttc_explorer.models.protocol import Revise
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategies.hybrid import best_attempts, hybrid
from ttc_explorer.search.tree import SearchTree


def attempts_of(*solutions):
    """A tree of solutions of one step, each (answer, score)."""
    tree = SearchTree()
    for answer, score in solutions:
        tree.set_scores([tree.add(0, "s", finished=True, answer=answer)], [score])
    return tree


def run_hybrid(budget, texts, scores, **changed):
    """A run whose nodes 1, 2, … have these texts and scores: its tree, why it stopped, who was
    revised."""
    tree = SearchTree()
    texts = iter(texts)
    search = hybrid(tree, budget, Settings(**changed))
    ending, asked = drive_with_replies(
        search, lambda request, place: next(texts), lambda node: scores[node - 1]
    )
    return tree, ending, [request.parents for request in asked if isinstance(request, Revise)]


def test_the_best_leaves_are_revised_and_only_the_best_chains_go_on():
    found = ["Answer: 1", "Answer: 2", "Answer: 3", "Answer: 4"]
    revised = ["Answer: 5", "Answer: 6", "Answer: 7", "Answer: 8"]
    scores = [0.1, 0.6, 0.7, 0.5, 0.65, 0.2, 0.9, 0.3]
    tree, ending, revisions = run_hybrid(8, found + revised, scores, chains=2, width=1)
    assert revisions == [
        (3, 2),
        (3, 5),
    ]  # node 5 revised node 3 and came second; node 6 made node 2 worse
    assert tree.kind[5:] == ["revision"] * 4
    assert ending == "done"


def test_a_survivor_has_as_many_revisions_as_a_beam_has_children():
    texts = [f"Answer: {number}" for number in range(1, 9)]
    scores = [0.1, 0.6, 0.7, 0.5, 0.65, 0.2, 0.3, 0.9]
    _, _, revisions = run_hybrid(8, texts, scores, chains=4, width=4)
    assert revisions == [(3, 3, 3, 3)]
    _, _, revisions = run_hybrid(8, texts, scores, chains=4, width=2)
    assert revisions == [(3, 2, 3, 2)]
    texts = [f"Answer: {number}" for number in range(1, 13)]
    _, _, revisions = run_hybrid(12, texts, [0.1] * 11 + [0.9], chains=4, width=4)
    assert revisions == [(1, 1, 1, 1), (1, 1)]  # places that the budget does not fill are left out


def test_equal_answers_are_one_attempt_and_older_ones_win_ties():
    tree = attempts_of(("1", 0.9), ("1", 0.8), (None, 0.7), ("2", 0.4), (None, 0.6), ("3", 0.4))
    assert best_attempts(tree, 2, "last") == [1, 3]
    assert best_attempts(tree, 9, "last") == [1, 3, 4, 6]


def test_a_revision_is_ranked_by_its_own_score():
    tree = attempts_of(("1", 0.5), ("2", 0.6))
    tree.set_scores([tree.add(1, "s", answer="3", kind="revision")], [0.9])
    assert best_attempts(tree, 3, "min") == [3, 2, 1]


def test_where_search_finished_nothing_the_chains_begin_with_the_question():
    tree, ending, revisions = run_hybrid(
        4, ["on", "on", "Answer: 1", "Answer: 2"], [0.5] * 4, rounds=1
    )
    assert revisions == [(0, 0)]
    assert ending == "budget"
    assert [tree.answer[leaf] for leaf in tree.leaves()] == ["1", "2"]


def test_a_budget_of_one_is_a_beam_of_one_place():
    (run,) = Toys().drive(toy_run("hybrid", 1))
    (beam,) = Toys().drive(toy_run("beam", 1))
    assert (run.stopped, run.tree.text) == ("done", beam.tree.text)


@settings(max_examples=40)
@given(
    st.integers(1, 32),
    st.integers(0, 99),
    st.integers(1, 32),
    st.integers(0, 8),
    st.integers(1, 40),
    st.booleans(),
)
def test_half_is_searched_half_revised_and_all_paid_for(
    budget, seed, chains, width, rounds, own_verifier
):
    toys = Toys(own_verifier)
    (run,) = toys.drive(toy_run("hybrid", budget, seed, chains=chains, width=width, rounds=rounds))
    tree = run.tree
    assert run.error is None
    assert run.ledger == replace(toys.processed(), seconds=0.0)
    samples = sample_counts(tree)
    found = samples["answer"]
    assert samples["revision"] == budget // 2
    assert found <= budget - budget // 2
    assert (run.stopped == "done") == (found == budget - budget // 2)
    for node in range(1, len(tree)):
        if tree.kind[node] == "revision":
            assert tree.status[tree.parent[node]] == "finished" or not found
    assert toys.held() == 0
