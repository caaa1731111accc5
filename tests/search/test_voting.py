"""Votes and choices on small trees whose right outcome is plain to see."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.search.voting import (
    aggregate_scores,
    ranked_votes,
    solution_features,
    solution_score,
    solution_weights,
    winning_vote,
)


def tree_of(*solutions):
    """A tree of finished solutions, each (answer, step scores)."""
    tree = SearchTree()
    for answer, scores in solutions:
        node = 0
        for place, score in enumerate(scores):
            last = place == len(scores) - 1
            node = tree.add(node, "s", finished=last, answer=answer if last else None)
            if score is not None:
                tree.set_scores([node], [score])
    return tree


def answers(tree, selector, aggregate="last"):
    return [vote.answer for vote in ranked_votes(tree, selector, aggregate)]


def test_aggregates():
    assert aggregate_scores([0.5, 0.2, 0.8], "last") == 0.8
    assert aggregate_scores([0.5, 0.2, 0.8], "min") == 0.2
    assert aggregate_scores([0.5, 0.2, 0.8], "prod") == pytest.approx(0.08)
    assert aggregate_scores([0.5, 0.2, 0.8], "mean") == pytest.approx(0.5)


def test_solution_score_reads_the_whole_path():
    tree = tree_of(("1", [0.5, 0.2, 0.8]))
    assert solution_score(tree, 3, "min") == 0.2
    assert solution_score(tree, 2, "last") == 0.2
    assert solution_score(tree_of(("1", [0.5, None])), 2, "min") is None


def test_the_three_selectors_can_disagree():
    tree = tree_of(
        ("a", [0.1]), ("a", [0.1]), ("a", [0.1]), ("b", [0.6]), ("b", [0.5]), ("c", [0.9])
    )
    assert answers(tree, "majority") == ["a", "b", "c"]
    assert answers(tree, "weighted") == ["b", "c", "a"]
    assert answers(tree, "best") == ["c", "b", "a"]
    vote = ranked_votes(tree, "weighted", "last")[0]
    assert (vote.count, vote.leaf, vote.score) == (2, 4, 0.6)
    assert vote.weight == pytest.approx(1.1)


def test_the_aggregate_decides_what_is_best():
    tree = tree_of(("a", [0.9, 0.5]), ("b", [0.2, 0.6]))
    assert winning_vote(tree, "best", "last").answer == "b"
    assert winning_vote(tree, "best", "min").answer == "a"


def test_ties_go_to_the_older_and_majority_looks_at_no_score():
    assert answers(tree_of(("a", [0.1]), ("b", [0.2])), "majority") == ["a", "b"]
    for selector in ("majority", "weighted", "best"):
        assert answers(tree_of(("b", [0.2]), ("a", [0.2])), selector) == ["b", "a"]
    assert winning_vote(tree_of(("a", [0.2]), ("a", [0.2])), "best", "last").leaf == 1


def test_unreadable_answers_and_unfinished_solutions_do_not_vote():
    tree = tree_of((None, [0.9]), ("a", [0.1]))
    tree.set_scores([tree.add(0, "going on")], [1.0])
    assert answers(tree, "weighted") == ["a"]
    assert winning_vote(tree_of((None, [0.9])), "majority", "last") is None
    assert winning_vote(SearchTree(), "weighted", "last") is None


def test_without_scores_majority_still_counts():
    tree = tree_of(("a", [None]), ("b", [None]), ("b", [None]))
    (first, second) = ranked_votes(tree, "majority", "last")
    assert (first.answer, first.count, first.weight, first.leaf, first.score) == (
        "b",
        2,
        2.0,
        2,
        None,
    )
    assert second.answer == "a"


# --- revisions ------------------------------------------------------------------------------------


def tree_of_chains(*chains, tree=None, parent=0):
    """The tree with chains of revisions below ``parent``, each attempt an (answer, score)."""
    tree = tree or SearchTree()
    for chain in chains:
        node = parent
        for answer, score in chain:
            node = tree.add(node, "attempt", finished=True, answer=answer, kind="revision")
            tree.set_scores([node], [score])
    return tree


def test_a_revision_is_a_solution_by_itself():
    tree = tree_of_chains([("a", 0.9), ("b", 0.4)])
    for aggregate in ("last", "min", "prod", "mean"):
        assert solution_score(tree, 2, aggregate) == 0.4
    assert answers(tree, "best") == ["a", "b"]


def test_within_a_chain_the_heaviest_answer_wins_and_its_best_attempt_speaks_for_it():
    tree = tree_of_chains([("a", 0.3), ("b", 0.5), ("a", 0.4), ("c", 0.6)])
    assert solution_weights(tree, "weighted", "last") == {1: 0, 2: 0, 3: 0.4, 4: 0}
    (first, *others) = ranked_votes(tree, "weighted", "last")
    assert (first.answer, first.count, first.weight, first.leaf, first.score) == (
        "a",
        2,
        0.4,
        3,
        0.4,
    )
    assert [(vote.answer, vote.count, vote.weight) for vote in others] == [("b", 1, 0), ("c", 1, 0)]


def test_across_chains_each_has_one_voice_by_weight_and_a_flat_vote_by_majority():
    """One chain repeats a; two end in b; the flat vote and the flat sum both say a."""
    tree = tree_of_chains([("a", 0.6)] * 5, [("b", 0.4), ("a", 0.3)], [("b", 0.5)])
    assert answers(tree, "majority") == ["a", "b"]
    assert answers(tree, "weighted") == ["b", "a"]
    assert answers(tree, "best") == ["a", "b"]
    assert ranked_votes(tree, "weighted", "last")[0].weight == pytest.approx(0.4 + 0.5)
    assert ranked_votes(tree, "weighted", "last")[1].weight == 0.6


def test_the_solution_that_was_revised_is_the_first_attempt_of_the_chain():
    tree = tree_of(("a", [0.2, 0.7]), ("b", [0.8]))
    tree_of_chains([("b", 0.3), ("b", 0.3)], [("c", 0.9)], tree=tree, parent=2)
    # chains a b b, a c, and b alone: their winners are a (0.7 against 0.6), c and b
    assert solution_weights(tree, "weighted", "last") == {2: 0.7, 3: 0.8, 4: 0, 5: 0, 6: 0.9}
    # by the product a has 0.14 as a solution of two steps, and b wins the first chain
    assert solution_weights(tree, "weighted", "prod") == {2: 0, 3: 0.8, 4: 0.3, 5: 0, 6: 0.9}


def test_chains_that_share_their_winner_share_one_voice():
    tree = tree_of(("a", [0.9]))
    tree_of_chains([("b", 0.1)], [("c", 0.1)], [("d", 0.1)], tree=tree, parent=1)
    assert ranked_votes(tree, "weighted", "last")[0].weight == 0.9


def test_ties_in_a_chain_go_to_the_older_and_unreadable_attempts_do_not_vote():
    assert solution_weights(
        tree_of_chains([("a", 0.5), ("b", 0.5), ("b", 0.0)]), "weighted", "last"
    ) == {1: 0.5, 2: 0, 3: 0}
    assert solution_weights(tree_of_chains([("a", 0.5), ("a", 0.5)]), "weighted", "last") == {
        1: 0.5,
        2: 0,
    }
    unread = (None, 0.9)
    assert solution_weights(tree_of_chains([unread, ("a", 0.1)], [unread]), "weighted", "last") == {
        1: 0,
        2: 0.1,
        3: 0,
    }


def test_rollouts_have_no_voice():
    tree = tree_of(("a", [0.1]))
    rollout_node = tree.add(0, "Answer: b", finished=True, answer="b", kind="rollout")
    tree.set_scores([rollout_node], [1.0])
    for selector in ("majority", "weighted", "best"):
        assert answers(tree, selector) == ["a"]
    assert solution_weights(tree, "weighted", "last") == {1: 0.1}


# --- without a verifier ---------------------------------------------------------------------------


def test_random_draws_a_readable_solution_uniformly_and_by_the_seed():
    tree = tree_of(("a", [0.9]), ("b", [0.1]), (None, [0.9]), ("b", [0.2]), ("c", [0.3]))
    drawn = Counter()
    for seed in range(2000):
        tree.seed = seed
        vote = winning_vote(tree, "random", "last")
        assert vote == winning_vote(tree, "random", "last")
        drawn[vote.leaf] += 1
    assert set(drawn) == {1, 2, 4, 5}
    assert all(abs(count - 500) < 5 * math.sqrt(2000 * 0.25 * 0.75) for count in drawn.values())


def test_a_draw_stays_as_it_was_while_the_tree_grows():
    tree = tree_of(("a", [None]), ("b", [None]))
    before = solution_weights(tree, "random", "last")
    tree.add(0, "s", finished=True, answer="c")
    assert solution_weights(tree, "random", "last").items() >= before.items()


def confident_tree(*solutions):
    """A tree of finished solutions, each (answer, token log-probabilities of its steps)."""
    tree = SearchTree()
    for answer, steps in solutions:
        node = 0
        for place, logprobs in enumerate(steps):
            last = place == len(steps) - 1
            node = tree.add(
                node,
                "s",
                tokens=len(logprobs),
                token_logprobs=logprobs,
                finished=last,
                answer=answer,
            )
    return tree


def test_confidence_weighs_by_the_chosen_tokens_of_the_whole_solution():
    unsure_first = [[-1.0] * 16, [-0.1] * 24]
    unsure_last = [[-0.1] * 24, [-0.5] * 16]
    tree = confident_tree(("a", unsure_first), ("b", unsure_last), ("c", [[]]))
    expected = {
        "mean": (-(16 + 2.4) / 40, -(2.4 + 8) / 40),
        "tail": (-0.1, -0.5),
        "lowest_group": (-1.0, -0.5),
    }
    for confidence, (first, second) in expected.items():
        weights = solution_weights(tree, "confidence", "last", confidence)
        assert weights == pytest.approx({2: math.exp(first), 4: math.exp(second), 5: 0})
    assert winning_vote(tree, "confidence", "last", "tail").answer == "a"
    assert winning_vote(tree, "confidence", "last", "lowest_group").answer == "b"


def test_a_selector_reads_nothing_that_it_does_not_say_it_needs():
    tree = confident_tree(("a", [[-0.1]]), ("b", [[-0.2]]))
    tree.set_scores([1, 2], [0.1, 0.9])
    for name, entry in SELECTORS.items():
        features = solution_features(tree, [1, 2], name, "last")
        assert math.isnan(features.score[0]) == (entry.needs != "scores")
        assert math.isnan(features.confidence[0]) == (entry.needs != "logprobs")


def test_a_weight_that_is_no_number_weighs_nothing(monkeypatch):
    """A rule from outside may divide by 0; such a solution must not win, nor reach the page."""
    tree = SearchTree()
    for answer in ("1", "2"):
        tree.add(0, answer, finished=True, answer=answer)
    rule = replace(SELECTORS["majority"], weigh=lambda features: np.array([np.inf, 0.5]))
    monkeypatch.setitem(SELECTORS._entries, "majority", rule)
    votes = ranked_votes(tree, "majority", "last")
    assert [(vote.answer, vote.weight) for vote in votes] == [("2", 0.5), ("1", 0.0)]
