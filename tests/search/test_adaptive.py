"""Best-of-N that stops early: the rule against brute force, when it stops, and what it then
says."""

import math
from collections import Counter
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.fakes import Toys, toy_run
from tests.search.scripted_replies import drive_with_replies
from ttc_explorer.models.protocol import Extend
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategies.adaptive import (
    CONFIDENCE_THRESHOLD,
    INITIAL_BATCH,
    adaptive,
    posterior_lead_probability,
)
from ttc_explorer.search.tree import SearchTree


def run_adaptive(budget, answers, scores=None, **changed):
    """A run whose solutions are one step long: its tree, why it stopped, and its batches."""
    tree = SearchTree()
    texts = iter(f"Answer: {answer}" if answer else "going on" for answer in answers)
    search = adaptive(tree, budget, Settings(**changed))
    judge = (lambda node: scores[node - 1]) if scores else (lambda node: 0.5)
    ending, asked = drive_with_replies(search, lambda request, place: next(texts), judge)
    return tree, ending, [len(request.parents) for request in asked if isinstance(request, Extend)]


def by_integration(lead, rival, cells=4000):
    """The share of p^lead (1 - p)^rival that lies above p = 1/2, by the midpoint rule."""
    middles = [(cell + 0.5) / cells for cell in range(cells)]
    density = [p**lead * (1 - p) ** rival for p in middles]
    return math.fsum(density[cells // 2 :]) / math.fsum(density)


@pytest.mark.parametrize(
    ("lead", "rival"), list(product((0, 1, 2, 3, 7, 20, 90), (0, 1, 2, 5, 19)))
)
def test_the_beta_rule_is_what_integration_finds(lead, rival):
    assert posterior_lead_probability(lead, rival) == pytest.approx(
        by_integration(lead, rival), abs=1e-5
    )


def test_the_first_batch_is_the_smallest_that_can_be_safe():
    assert (
        posterior_lead_probability(INITIAL_BATCH, 0)
        >= CONFIDENCE_THRESHOLD
        > posterior_lead_probability(INITIAL_BATCH - 1, 0)
    )


def test_the_rule_is_fair_and_defined_up_to_the_largest_budget():
    assert posterior_lead_probability(0, 0) == 0.5
    assert posterior_lead_probability(128, 128) == 0.5
    assert posterior_lead_probability(256, 0) == pytest.approx(1.0)
    assert posterior_lead_probability(5, 2) + posterior_lead_probability(2, 5) == 1.0


def test_it_stops_when_the_first_batch_agrees():
    tree, ending, batches = run_adaptive(16, "1111")
    (note,) = tree.notes
    assert (ending, batches) == ("done", [4])
    assert note.text.startswith("Stopped after 4 of 16 solutions: the leading answer is safe")
    assert dict(note.data) == {
        "written": 4,
        "saved": 12,
        "lead": 4,
        "rival": 0,
        "chance": 0.96875,
        "safe": True,
    }


def test_batches_grow_by_half_until_the_answer_is_safe():
    tree, _, batches = run_adaptive(64, "1222" + "22" + "222")
    assert batches == [4, 2, 3]  # 5 against 1 has a chance of 0.94, 8 against 1 is safe
    assert (tree.notes[0].data["lead"], tree.notes[0].data["rival"]) == (8, 1)
    _, _, batches = run_adaptive(64, "12" * 32)
    assert batches == [4, 2, 3, 4, 6, 9, 14, 21, 1]


def test_what_is_never_safe_spends_the_budget():
    tree, ending, batches = run_adaptive(5, "12121")
    assert (ending, batches, tree.notes[0].data["safe"]) == ("done", [4, 1], False)
    assert tree.notes[0].text.startswith(
        "Spent all of 5 solutions: the leading answer never became safe"
    )


def test_nothing_is_safe_while_the_selector_prefers_a_rarer_answer():
    answers, scores = "2111111", [0.9] + [0.1] * 6
    assert run_adaptive(7, answers, scores, selector="weighted")[2] == [4, 2, 1]
    assert run_adaptive(7, answers, scores, selector="majority")[2] == [
        4,
        2,
        1,
    ]  # 5 against 1 is not enough
    answers, scores = "211111111", [0.9] + [0.1] * 8
    assert run_adaptive(12, answers, scores, selector="majority")[2] == [4, 2, 3]
    assert run_adaptive(12, answers + "111", [*scores, *[0.1] * 3], selector="best")[2] == [
        4,
        2,
        3,
        3,
    ]


def test_unreadable_and_unfinished_solutions_speak_for_nothing():
    tree, ending, batches = run_adaptive(6, ["1", "1", "1", "", "1", "1"], rounds=1)
    assert (ending, batches) == ("budget", [4, 2])
    assert (tree.notes[0].data["lead"], tree.notes[0].data["rival"]) == (5, 0)
    tree, _, _ = run_adaptive(1, [""], rounds=1)
    assert (tree.notes[0].data["lead"], tree.notes[0].data["chance"]) == (0, 0.5)


@settings(max_examples=25)
@given(
    st.integers(1, 64),
    st.integers(0, 2**63 - 1),
    st.integers(1, 40),
    st.sampled_from(["majority", "best", "weighted"]),
    st.booleans(),
    st.sampled_from([1, 2, 30]),
)
def test_its_solutions_are_the_first_of_best_of_n(budget, seed, rounds, selector, merge, terms):
    same = {"rounds": rounds, "selector": selector, "merge": merge}
    toys = Toys(terms=terms)
    (run,) = toys.drive(toy_run("adaptive", budget, seed, **same))
    written = run.tree.notes[0].data["written"]
    (plain,) = Toys(terms=terms).drive(toy_run("best_of_n", written, seed, **same))
    assert written <= budget
    assert all_solutions(run.tree) == all_solutions(plain.tree)
    for tokens in ("generated_tokens", "prefill_tokens", "verifier_tokens"):
        assert getattr(run.ledger, tokens) == getattr(plain.ledger, tokens)
    assert run.ledger == replace(toys.processed(), seconds=0.0)
    assert toys.held() == 0


def all_solutions(tree):
    """All solutions, finished or not, and how many samples wrote each."""
    solutions = Counter()
    for node in range(1, len(tree)):
        if tree.status[node] in ("finished", "open"):
            solutions["\n".join(tree.solution(node))] += tree.copies[node]
    return solutions
