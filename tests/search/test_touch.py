"""Hands in the tree: what a touch adds to a run that had ended, and what it leaves alone."""

import json

import pytest

from tests.search.fakes import Toys, toy_run
from tests.search.regenerate import run_case
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.delta import request_from_data, request_to_data, touched_run
from ttc_explorer.search.narration import Narrator
from ttc_explorer.search.rounds import tree_rounds
from ttc_explorer.search.touch import MAX_SAMPLES, describe_touches, touched_from
from ttc_explorer.search.trace import dump_trace, load_trace, to_trace


def done(run):
    (run,) = Toys(terms=2).drive(run)
    assert run.error is None
    return run


def open_step(run):
    """A step that the search kept or pruned."""
    tree = run.tree
    return next(node for node in range(1, len(tree)) if tree.status[node] == "pruned")


@pytest.fixture
def run():
    return run_case("beam", True)


def test_more_tries_from_a_node_are_solutions_of_the_run(run):
    before, node = to_trace(run), open_step(run)
    touched = done(touched_run(run, "expand", node, 4))
    assert to_trace(run) == before
    old, new = run.tree, touched.tree
    assert new.events[: len(old.events)] == old.events
    assert new.parent[: len(old)] == old.parent
    assert new.solution_count() == old.solution_count() + 4
    assert all(node in new.path(leaf) for leaf in range(len(old), len(new)))
    assert touched.stopped == "done"


def test_what_it_cost_is_counted_with_the_run(run):
    touched = done(touched_run(run, "expand", open_step(run), 4))
    old, new = run.ledger, touched.ledger
    added = range(len(run.tree), len(touched.tree))
    sampled = sum(touched.tree.tokens[node] for node in added)
    assert new.generated_tokens >= old.generated_tokens + sampled > old.generated_tokens
    assert new.prefill_tokens > old.prefill_tokens  # the way to the node is read again
    assert new.verifier_tokens > old.verifier_tokens
    assert touched.timeline[: len(run.timeline)] == run.timeline
    assert touched.timeline[-1].ledger == new


def test_a_step_of_ones_own_is_judged_and_gone_on_from(run):
    touched = done(touched_run(run, "force", 0, 3, "  my  own step "))
    node = touched.tree.text.index("my own step")
    tree = touched.tree
    assert (tree.parent[node], tree.tokens[node], tree.kind[node]) == (0, 0, "step")
    assert tree.score[node] is not None
    children = tree.children(node)
    assert sum(tree.copies[child] for child in children) == 3
    assert tree.solution_count() == run.tree.solution_count() + 3


def test_a_step_that_is_there_already_gets_one_more_copy(run):
    node = next(n for n in range(1, len(run.tree)) if run.tree.kind[n] == "step")
    parent, text = run.tree.parent[node], run.tree.text[node]
    touched = done(touched_run(run, "force", parent, 1, text))
    assert touched.tree.copies[node] == run.tree.copies[node] + 1


def test_judging_again_says_what_came_of_it(run):
    node = open_step(run)
    touched = done(touched_run(run, "judge", node))
    score = run.tree.score[node]
    assert touched.tree.score[node] == score
    assert touched.tree.notes[-1].text == (
        f"Judged again: a score of {score:.2f}, it was {score:.2f}."
    )
    assert touched.ledger.verifier_tokens > run.ledger.verifier_tokens
    assert not touched.touch_pending


def test_touches_are_reproduced_from_the_record_in_the_trace(run):
    first = done(touched_run(run, "expand", open_step(run), 4))
    second = done(touched_run(first, "force", 0, 2, "another way"))
    again = run
    for touch in load_trace(dump_trace(second)).touches:
        again = done(touched_run(again, touch.kind, touch.node, touch.samples, touch.text))
    assert to_trace(again) == to_trace(second)
    assert to_trace(load_trace(dump_trace(second))) == to_trace(second)
    twice = done(touched_run(first, "expand", first.touches[0].node, 4))
    added = first.tree.text[len(run.tree) :]
    assert twice.tree.text[len(first.tree) :] != added  # other samples than the first time


def test_a_touched_run_goes_through_a_process_as_it_is(run):
    asked = touched_run(run, "expand", open_step(run), 4)
    sent = request_from_data(json.loads(json.dumps(request_to_data(asked))))
    assert sent.touch_pending
    assert to_trace(done(sent)) == to_trace(done(asked))


def test_it_begins_a_round_of_its_own_and_is_marked(run):
    touched = done(touched_run(run, "expand", open_step(run), 4))
    rounds = tree_rounds(touched.tree, touched.touches)
    (by_hand,) = [each for each in rounds if each.by_hand]
    before = tree_rounds(run.tree)
    assert by_hand.number == len(before) + 1
    narrator = Narrator(touched.tree, touched.correct)
    said = [str(narrator.describe(each)) for each in rounds][len(before)]
    assert said.startswith(f"Round {by_hand.number}, by hand: 4 tries")
    assert touched_from(touched.tree, touched.touches) == len(run.tree)
    assert touched_from(run.tree, []) is None
    assert describe_touches(touched.touches) == "touched by hand: 4 more tries"


def test_a_touch_at_the_root_samples_other_solutions_than_the_search():
    run = done(toy_run("best_of_n", 4, seed=5, selector="majority"))
    touched = done(touched_run(run, "expand", 0, 4))
    assert touched.tree.solution_count() == 8


@pytest.mark.parametrize(
    ("kind", "node", "samples", "text", "sentence"),
    [
        ("expand", 10_000, 4, "", "no such node"),
        ("expand", True, 4, "", "no such node"),
        ("expand", "1", 4, "", "no such node"),
        ("expand", 0, 0, "", f"1 to {MAX_SAMPLES}"),
        ("expand", 0, MAX_SAMPLES + 1, "", f"1 to {MAX_SAMPLES}"),
        ("force", 0, 4, " \n", "Write the step"),
        ("force", 0, 4, None, "Write the step"),
        ("force", 0, 4, "x" * 501, "at most 500"),
        ("force", 0, 4, "a\0b", "printable"),
        ("judge", 0, 0, "", "judged again"),
        ("prune", 0, 4, "", "can be expanded"),
    ],
)
def test_what_is_impossible_is_one_sentence(run, kind, node, samples, text, sentence):
    with pytest.raises(BadInput, match=sentence):
        touched_run(run, kind, node, samples, text)


def test_a_run_that_goes_on_and_a_finished_solution_are_left_alone(run):
    leaf = next(run.tree.leaves())
    with pytest.raises(BadInput, match="before its end"):
        touched_run(run, "expand", leaf)
    run.stopped = None
    with pytest.raises(BadInput, match="goes on"):
        touched_run(run, "expand", 0)


def test_touches_that_fit_nothing_are_refused(run):
    trace = to_trace(done(touched_run(run, "expand", open_step(run), 4)))
    touch = trace["touches"][0]
    for bad in ({"events": 10**6}, {"node": len(trace["nodes"])}, {"kind": "x"}, {"samples": 99}):
        with pytest.raises(BadInput, match="touch"):
            load_trace(json.dumps(trace | {"touches": [touch | bad]}).encode())
    with pytest.raises(BadInput, match="out of order"):
        load_trace(json.dumps(trace | {"touches": [touch, touch]}).encode())
