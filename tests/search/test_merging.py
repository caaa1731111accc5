"""Equal steps are one node: what that changes of every search, and what it must not change."""

from collections import Counter
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.fakes import Toys, toy_run
from tests.search.scripted_replies import drive_with_replies
from ttc_explorer.models.protocol import Extend, PolicyDecision, Step, StrategyChoice
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.primitives import apply_allocation, proportional_allocation
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import Settings, recorded_settings
from ttc_explorer.search.strategies.beam import beam, beam_allocation
from ttc_explorer.search.strategies.dvts import dvts
from ttc_explorer.search.strategies.mcts import mcts
from ttc_explorer.search.strategies.rebase import rebase, softmax_allocation
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.search.voting import ranked_votes

SEARCHES = [name for name, entry in STRATEGIES.items() if not entry.needs_reviser]


def merging_tree(*texts, parent=0):
    """A tree whose samples have written these texts after one node."""
    tree = SearchTree()
    tree.merge = True
    tree.add_steps([parent] * len(texts), [step(text) for text in texts])
    return tree


def step(text):
    return Step(text, len(text), -1.0, text.startswith("Answer"), text[8:] or None)


def votes(tree, selector):
    return {
        vote.answer: (vote.count, pytest.approx(vote.weight))
        for vote in ranked_votes(tree, selector, "last")
    }


# --- the tree -------------------------------------------------------------------------------------


def test_samples_that_wrote_the_same_are_one_node_whenever_they_were_drawn():
    tree = merging_tree("a", "b", "a")
    assert tree.add_steps([0, 1], [step("b"), step("a")]) == [2, 3]
    assert (tree.text, tree.copies) == (["", "a", "b", "a"], [1, 2, 2, 1])


def test_an_end_is_no_step_and_a_rollout_neither():
    tree = merging_tree("a")
    ended = Step("a", 1, -1.0, finished=True, answer="2")
    assert tree.add_steps([0], [ended]) == [2]
    assert tree.add_steps([0], [step("a")], kind="rollout") == [3]


def test_attempts_of_a_reviser_stay_apart():
    tree = merging_tree("Answer: 2")
    attempts = [Step("Answer: 3", 1, -1.0, finished=True, answer="3")] * 2
    assert tree.add_steps([1, 1], attempts, kind="revision") == [2, 3]


def test_what_is_written_again_is_open_again():
    tree = merging_tree("a", "b")
    assert apply_allocation(tree, [1, 2], [2, 0]) == [1, 1]
    assert tree.status[1:] == ["kept", "pruned"]
    tree.add_steps([0, 0], [step("a"), step("b")])
    assert tree.status[1:] == ["kept", "open"]


def test_what_has_been_continued_is_not_pruned():
    tree = merging_tree("a")
    tree.set_status([1], "kept")
    tree.add_steps([1], [step("b")])
    apply_allocation(tree, [1, 2], [0, 0])
    assert tree.status[1:] == ["kept", "pruned"]


# --- shares ---------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(0, 6))
def test_shares_follow_the_copies_and_nobody_kept_goes_empty(copies, more):
    width = len(copies) + more
    found = proportional_allocation(copies, width)

    def distance(shares):
        exact = [width * count / sum(copies) for count in copies]
        return sum((s - e) ** 2 / e for s, e in zip(shares, exact, strict=True))

    every = [
        shares
        for shares in product(range(1, width + 1), repeat=len(copies))
        if sum(shares) == width
    ]
    assert found in map(list, every)
    assert distance(found) == pytest.approx(min(map(distance, every)))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_where_all_are_kept_each_gets_its_copies(copies):
    assert proportional_allocation(copies, sum(copies)) == copies


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(1, 8))
def test_a_beam_of_single_copies_is_shared_as_evenly_as_can_be(scores, width):
    ranking = sorted(range(len(scores)), key=lambda index: -scores[index])
    survivors = ranking[: max(1, len(scores) // width)]
    children = Counter(survivors[slot % len(survivors)] for slot in range(len(scores)))
    expected = [children[index] for index in range(len(scores))]
    assert beam_allocation(scores, [1] * len(scores), width) == expected


def test_a_beam_keeps_different_steps():
    assert beam_allocation([0.9, 0.8, 0.1], [5, 2, 1], 4) == [6, 2, 0]
    assert beam_allocation([0.9, 0.8, 0.1], [1, 6, 1], 4) == [1, 7, 0]
    assert beam_allocation([0.9, 0.8, 0.1], [6, 1, 1], 1) == [6, 1, 1]
    assert beam_allocation([0.9], [8], 2) == [8]


def test_rebase_gives_a_step_the_shares_of_its_copies():
    apart = softmax_allocation([0.9, 0.9, 0.9, 0.5], [1, 1, 1, 1], 400)
    assert softmax_allocation([0.9, 0.5], [3, 1], 400) == [sum(apart[:3]), apart[3]]


# --- searches -------------------------------------------------------------------------------------


SCORES = {"a": 0.9, "b": 0.8, "c": 0.1, "Answer: 1": 0.5}


def scripted(search, first, budget, **changed):
    """What a merging search asks to continue after its first round, in which it was given these
    letters; all solutions end in the second."""
    tree = SearchTree()
    tree.merge = True

    def write(request, place):
        return first[place] if not any(request.parents) else "Answer: 1"

    _, requests = drive_with_replies(
        search(tree, budget, Settings(**changed)), write, lambda node: SCORES[tree.text[node]]
    )
    asked = [request.parents for request in requests if isinstance(request, Extend)]
    return tree, asked[1]


def test_what_each_search_goes_on_from():
    tree, parents = scripted(beam, "aaaaabbc", 8, width=4)
    assert parents == (1,) * 6 + (2,) * 2
    assert tree.status[1:4] == ["kept", "kept", "pruned"]
    tree, parents = scripted(dvts, "abbcacca", 8, width=4)  # subtrees: abbc, acca
    assert parents == (1,) * 8
    assert tree.status[1:4] == ["kept", "pruned", "pruned"]
    tree, parents = scripted(dvts, "bbccacca", 8, width=4)
    assert parents == (1,) * 4 + (3,) * 4
    tree, parents = scripted(rebase, "aaaaabbc", 8)
    assert parents == (1,) * 6 + (2,) * 2
    tree, parents = scripted(mcts, "aabc", 8, width=4)
    assert parents == (1,) * 4
    assert (tree.copies[1], tree.visits[1]) == (2, 2)  # its own score, and the end below it


@pytest.mark.parametrize("name", SEARCHES)
@settings(max_examples=15)
@given(
    budget=st.integers(1, 32),
    seed=st.integers(0, 2**63 - 1),
    width=st.integers(1, 8),
    rounds=st.integers(1, 12),
    terms=st.sampled_from([1, 2]),
)
def test_copies_are_the_samples_that_were_drawn(name, budget, seed, width, rounds, terms):
    toys = Toys(terms=terms)
    (run,) = toys.drive(toy_run(name, budget, seed, width=width, rounds=rounds))
    assert sum(run.tree.copies) - 1 == sum(toys.generator.batches)
    assert sum(type(event).__name__ == "CopyAdded" for event in run.tree.events) == sum(
        copies - 1 for copies in run.tree.copies
    )


@settings(max_examples=25)
@given(
    name=st.sampled_from(["best_of_n", "adaptive"]),
    budget=st.integers(1, 32),
    seed=st.integers(0, 2**63 - 1),
    rounds=st.integers(1, 12),
    terms=st.sampled_from([1, 2]),
)
def test_where_nothing_is_pruned_merging_changes_no_vote_and_no_cost(
    name, budget, seed, rounds, terms
):
    one, apart = (
        Toys(terms=terms).drive(toy_run(name, budget, seed, rounds=rounds, merge=merge))[0]
        for merge in (True, False)
    )
    assert set(apart.tree.copies) == {1}
    assert one.ledger == apart.ledger
    assert one.tree.solution_count() == apart.tree.solution_count()
    for selector in set(SELECTORS) - {"random"}:
        assert votes(one.tree, selector) == votes(apart.tree, selector)


@settings(max_examples=25)
@given(budget=st.integers(1, 32), seed=st.integers(0, 2**63 - 1), width=st.integers(2, 8))
def test_a_kept_step_of_a_merged_beam_is_none_of_the_others(budget, seed, width):
    (run,) = Toys(terms=2).drive(toy_run("beam", budget, seed, width=width))
    tree = run.tree
    for parent in range(len(tree)):
        children = [tree.text[child] for child in tree.children(parent)]
        assert len(set(children)) == len(children)


def test_subtrees_that_choose_one_step_go_on_from_it_side_by_side():
    toys = Toys(terms=1)
    (run,) = toys.drive(toy_run("dvts", 16, seed=1, width=4))
    tree = run.tree
    (first,) = [node for node in tree.children(0) if tree.kind[node] == "step"]
    written = sum(tree.copies[child] for child in tree.children(first))
    ends = sum(tree.copies[node] for node in tree.children(0) if tree.kind[node] == "answer")
    assert tree.copies[first] == 16 - ends
    assert 4 <= written <= tree.copies[first]


def test_a_lookahead_pays_for_every_place():
    toys = Toys(terms=1)
    (run,) = toys.drive(toy_run("lookahead", 8, seed=0, width=4, rounds=3))
    tree = run.tree
    for node in range(1, len(tree)):
        if tree.kind[node] == "rollout" and tree.kind[tree.parent[node]] == "step":
            assert tree.copies[node] == tree.copies[tree.parent[node]]


def test_mcts_at_temperature_0_comes_to_its_end():
    (run,) = Toys().drive(toy_run("mcts", 16, seed=0, temperature=0.0))
    assert run.stopped == "done"
    assert run.tree.solution_count() == 16
    assert len(run.tree) == 1 + max(run.tree.round)


def test_auto_follows_a_choice_as_it_was_measured():
    choice = {
        True: StrategyChoice("beam", (("merge", True),)),
        False: StrategyChoice("beam"),
    }
    for merge in (True, False):
        toys = Toys(decide=lambda _, merge=merge: PolicyDecision(3, (choice[merge],) * 5), terms=1)
        (run,) = toys.drive(toy_run("auto", 16, seed=3))
        assert run.tree.merge == merge
    toys = Toys(decide=lambda _: PolicyDecision(3, (StrategyChoice("best_of_n"),) * 5))
    (run,) = toys.drive(toy_run("auto", 16, seed=3))
    assert run.tree.merge


# --- votes ----------------------------------------------------------------------------------------


def test_a_leaf_of_four_copies_weighs_as_four_solutions():
    tree = merging_tree(*["Answer: 2"] * 4, "Answer: 3")
    tree.set_scores([1, 2], [0.2, 0.7])
    assert votes(tree, "majority") == {"2": (4, 4.0), "3": (1, 1.0)}
    assert votes(tree, "weighted") == {"2": (4, 0.8), "3": (1, 0.7)}
    assert votes(tree, "best") == {"3": (1, 0.7), "2": (4, 0.2)}
    assert [vote.answer for vote in ranked_votes(tree, "weighted", "last")] == ["2", "3"]


def test_a_lot_falls_on_each_copy_alike():
    chosen = Counter()
    for seed in range(3000):
        tree = merging_tree(*["Answer: 2"] * 3, "Answer: 3")
        tree.seed = seed
        chosen[ranked_votes(tree, "random", "last")[0].answer] += 1
    assert chosen["2"] / 3000 == pytest.approx(0.75, abs=0.04)


@settings(max_examples=60)
@given(
    copies=st.integers(1, 4),
    scores=st.lists(st.floats(0.01, 1), min_size=1, max_size=4),
    attempts=st.lists(
        st.tuples(st.sampled_from(["2", "3"]), st.floats(0.01, 1)), min_size=1, max_size=6
    ),
)
def test_chains_of_a_leaf_with_copies_vote_like_chains_of_as_many_leaves(copies, scores, attempts):
    """Revisions of it are revisions of one copy after the other."""
    one = merging_tree(*["Answer: 2"] * copies)
    apart = SearchTree()
    apart.add_steps([0] * copies, [step("Answer: 2")] * copies)
    for tree in (one, apart):
        ends = list(tree.leaves())
        tree.set_scores(ends, [scores[0]] * len(ends))
        for number, (answer, score) in enumerate(attempts):
            revised = Step("Answer", 1, -1.0, finished=True, answer=answer)
            parent = ends[number % len(ends)]
            tree.set_scores(tree.add_steps([parent], [revised], kind="revision"), [score])
    assert votes(one, "weighted") == votes(apart, "weighted")
    assert votes(one, "majority") == votes(apart, "majority")


# --- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), (False, False), ("true", True), ("False", False), ("0", False), (1, True)],
)
def test_merge_is_true_or_false(value, expected):
    assert Settings().with_values({"merge": value}).merge is expected


@pytest.mark.parametrize("value", ["maybe", "", 2, None, 0.5])
def test_merge_is_nothing_else(value):
    with pytest.raises(BadInput, match="merge must be true or false"):
        Settings().with_values({"merge": value})


def test_what_does_not_say_merge_was_recorded_without():
    assert Settings().merge
    assert not recorded_settings({"width": 2}).merge
    assert recorded_settings({"merge": True}).merge
