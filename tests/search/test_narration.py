"""Rounds are cut and told by events alone."""

import json
from itertools import product

import pytest

from tests.search.regenerate import CASES, run_case
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.narration import Narrator
from ttc_explorer.search.rounds import tree_rounds
from ttc_explorer.search.trace import dump_trace, load_trace, to_trace
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.search.tree_replay import TreeReplay

EVERY_CASE = list(product(CASES, (False, True)))


def told(tree, correct=()):
    narrator = Narrator(tree, dict(correct))
    return [str(narrator.describe(each)) for each in tree_rounds(tree)]


@pytest.mark.parametrize(("case", "merge"), EVERY_CASE)
def test_rounds_hold_every_event_and_every_sample_once(case, merge):
    run = run_case(case, merge)
    rounds = tree_rounds(run.tree)
    assert [event for each in rounds for event in each.events] == run.tree.events[1:]
    assert [each.number for each in rounds] == list(range(1, len(rounds) + 1))
    samples = [node for each in rounds for node in each.sampled]
    kinds = run.tree.kind
    assert len(samples) == sum(
        copies for node, copies in enumerate(run.tree.copies) if node and kinds[node] != "rollout"
    )
    if case != "mcts":  # a round is one request: none goes on from its own samples
        assert all(
            run.tree.parent[node] not in each.sampled for each in rounds for node in each.sampled
        )


def test_a_simulation_is_a_round():
    run = run_case("mcts", True)
    rounds = tree_rounds(run.tree)
    assert len(rounds) == run.tree.visits[0] == 5
    assert all(each.backed_up[0] == 0 for each in rounds)


def test_a_beams_round_says_what_was_tried_kept_and_pruned():
    assert told(run_case("beam", True).tree)[:2] == [
        "Round 1: 8 tries, 6 different; kept 1 at 0.86; pruned 3; "
        "3 solutions finished, answering 3 ×3.",
        "Round 2: 5 tries, all different; kept 1 at 0.99; pruned 2; "
        "2 solutions finished, answering 7, 2.",
    ]
    assert told(run_case("rebase", True).tree)[2] == (
        "Round 3: 3 tries from 2 steps, 1 to 2 each, all different; "
        "kept 2 between 0.69 and 0.79; pruned 1."
    )


def test_a_simulation_says_what_was_selected_expanded_and_backed_up():
    assert told(run_case("mcts", True).tree)[2] == (
        "Simulation 3: selected 2 steps down, to value 0.68 after 1 visit; expanded 2 levels: "
        "6 tries, all different, best score 1.00; reached the answer 3; backed up 1.00: "
        "the root's value is 0.84 after 3 visits."
    )


def test_lookahead_says_how_far_it_looked():
    assert "; looked 6 steps ahead; " in told(run_case("lookahead", False).tree)[0]


def test_revisions_say_what_was_mended_and_broken():
    tree = SearchTree()
    right, wrong, *_ = (
        tree.add(0, "Answer", finished=True, answer=answer, kind="revision") for answer in "538"
    )
    tree.set_scores([right, wrong], [0.5, 0.6])
    for parent, answer in ((right, "4"), (wrong, "5"), (wrong, "3"), (wrong, None)):
        tree.add(parent, "Answer", finished=True, answer=answer, kind="revision")
    known = {"5": True, "3": False, "4": False, "8": False}
    assert told(tree, known) == [
        "Round 1: 3 first attempts, answering 5, 3, 8.",
        "Round 2: 4 revisions: 1 mended (wrong → right), 1 broken (right → wrong), 1 changed, "
        "1 kept the answer.",
    ]
    assert told(tree)[1] == "Round 2: 4 revisions: 3 changed, 1 kept the answer."


def test_a_sentence_names_few_and_short_answers():
    tree = SearchTree()
    for answer in ("1", "1", "2\n3", "4" * 99, "5", "6"):
        tree.add(0, "Answer", finished=True, answer=answer)
    assert told(tree) == [
        "Round 1: 6 tries, all different; 6 solutions finished, answering 1 ×2, 2 3, "
        + "4" * 23
        + "… and 2 more."
    ]


@pytest.mark.parametrize(("case", "merge"), EVERY_CASE)
def test_a_replayed_tree_is_the_tree(case, merge):
    run = run_case(case, merge)
    replay = TreeReplay(run.tree)
    for event in run.tree.events:
        replay.repeat(event)
    assert vars(replay.tree) == vars(run.tree) | {"merge": run.tree.merge}


def test_the_timeline_says_what_each_round_had_cost():
    run = run_case("beam", True)
    loaded = load_trace(dump_trace(run))
    assert loaded.timeline == run.timeline
    ends, count = [], 1
    for each in tree_rounds(run.tree):
        count += len(each.events)
        ends.append(run.cost_after(count).generated_tokens)
    assert ends == sorted(ends)
    assert ends[0] == sum(run.tree.tokens[node] for node in tree_rounds(run.tree)[0].sampled)
    assert ends[-1] == run.ledger.generated_tokens
    assert run.cost_after(count + 1) is None


def test_a_timeline_that_fits_nothing_is_refused():
    trace = to_trace(run_case("greedy", False))
    for bad in ({"events": [2, 2]}, {"events": [1, 2], "seconds": [1]}, {"events": [-1]}):
        with pytest.raises(BadInput, match="timeline"):
            load_trace(json.dumps(trace | {"timeline": bad}).encode())
