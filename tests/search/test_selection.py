"""Votes and choices on small trees whose right outcome is plain to see."""

import pytest

from ttc_explorer.search.selection import aggregated, chosen, solution_score, votes
from ttc_explorer.search.tree import SearchTree


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
    return [vote.answer for vote in votes(tree, selector, aggregate)]


def test_aggregates():
    assert aggregated([0.5, 0.2, 0.8], "last") == 0.8
    assert aggregated([0.5, 0.2, 0.8], "min") == 0.2
    assert aggregated([0.5, 0.2, 0.8], "prod") == pytest.approx(0.08)
    assert aggregated([0.5, 0.2, 0.8], "mean") == pytest.approx(0.5)


def test_solution_score_reads_the_whole_path():
    tree = tree_of(("1", [0.5, 0.2, 0.8]))
    assert solution_score(tree, 3, "min") == 0.2
    assert solution_score(tree, 2, "last") == 0.2
    assert solution_score(tree_of(("1", [0.5, None])), 2, "min") is None


def test_the_three_selectors_can_disagree():
    tree = tree_of(("a", [0.1]), ("a", [0.1]), ("a", [0.1]), ("b", [0.6]), ("b", [0.5]), ("c", [0.9]))
    assert answers(tree, "majority") == ["a", "b", "c"]
    assert answers(tree, "weighted") == ["b", "c", "a"]
    assert answers(tree, "best") == ["c", "b", "a"]
    vote = votes(tree, "weighted", "last")[0]
    assert (vote.count, vote.leaf, vote.score) == (2, 4, 0.6)
    assert vote.weight == pytest.approx(1.1)


def test_the_aggregate_decides_what_is_best():
    tree = tree_of(("a", [0.9, 0.5]), ("b", [0.2, 0.6]))
    assert chosen(tree, "best", "last").answer == "b"
    assert chosen(tree, "best", "min").answer == "a"


def test_majority_ties_go_to_the_heavier_then_to_the_older():
    assert answers(tree_of(("a", [0.1]), ("b", [0.2])), "majority") == ["b", "a"]
    for selector in ("majority", "weighted", "best"):
        assert answers(tree_of(("b", [0.2]), ("a", [0.2])), selector) == ["b", "a"]
    assert chosen(tree_of(("a", [0.2]), ("a", [0.2])), "best", "last").leaf == 1


def test_unreadable_answers_and_unfinished_solutions_do_not_vote():
    tree = tree_of((None, [0.9]), ("a", [0.1]))
    tree.set_scores([tree.add(0, "going on")], [1.0])
    assert answers(tree, "weighted") == ["a"]
    assert chosen(tree_of((None, [0.9])), "majority", "last") is None
    assert chosen(SearchTree(), "weighted", "last") is None


def test_without_scores_majority_still_counts():
    tree = tree_of(("a", [None]), ("b", [None]), ("b", [None]))
    (first, second) = votes(tree, "majority", "last")
    assert (first.answer, first.count, first.weight, first.leaf, first.score) == ("b", 2, 0.0, 2, None)
    assert second.answer == "a"
