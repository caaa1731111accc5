"""Revision chains: every attempt once in its row, flips as the verdicts say, the selected one
marked."""

import re
from html import unescape
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.e2e.scripted_runs import scripted_run_states
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.run import Run
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.voting import solution_weights, winning_vote
from ttc_explorer.ui.components.node_inspector import node_inspector
from ttc_explorer.ui.components.revision_chain import chains_html, revision_chains


def chained(*rows, right="17"):
    """A run of revisions with these answers, a chain a row; ``right`` None: nobody knows the right
    one."""
    run = Run(Problem("x + 1 = 18?", right), "base", "prm", "revise", 16, 0, Settings())
    for row in rows:
        node = 0
        for answer in row:
            node = run.tree.add(
                node, f"x = {answer}\nAnswer: {answer}", kind="revision", answer=answer
            )
            run.tree.set_scores([node], [0.5])
            if right and answer is not None:
                run.correct[answer] = answer == right
    run.stopped = "done"
    return run


def attempts(html):
    return {
        int(node): (classes.split(), unescape(label))
        for classes, node, label in re.findall(
            r'<button type="button" class="([^"]*)" data-node="(\d+)" [^>]*aria-label="([^"]*)"',
            html,
        )
    }


@given(
    st.lists(st.lists(st.sampled_from(["17", "4", "5", None]), min_size=1, max_size=6), min_size=1)
)
def test_rows_are_the_chains_and_flips_are_flips(rows):
    run = chained(*rows)
    found = revision_chains(run)
    assert [[attempt.answer for attempt in row] for row in found] == rows
    assert sorted(attempt.node for row in found for attempt in row) == list(range(1, len(run.tree)))
    for row in found:
        assert row[0].transition == "first"
        for before, after in pairwise(row):
            was, now = before.answer == "17", after.answer == "17"
            if run.correct and was != now:
                assert after.transition == ("lost" if was else "found")
            elif run.correct:
                assert after.transition == ("same" if before.answer == after.answer else "changed")


def test_without_a_reference_answers_only_change():
    (row,) = revision_chains(chained(["17", "4", "4"], right=None))
    assert [attempt.transition for attempt in row] == ["first", "changed", "same"]
    assert {attempt.right for attempt in row} == {None}


@pytest.mark.parametrize("selector", SELECTORS)
def test_the_view_marks_what_the_rule_selects(selector):
    *_, run = scripted_run_states("revise", 16, chains=4)
    leaf = winning_vote(run.tree, selector, "last").leaf
    cards = attempts(chains_html(run, "r", selector, "last", picked=leaf))
    assert set(cards) == set(run.tree.leaves())
    assert [node for node, (classes, _) in cards.items() if "chosen" in classes] == [leaf]
    voices = {node for node, (classes, _) in cards.items() if {"voice", "chosen"} & set(classes)}
    if selector == "weighted":
        assert voices >= {
            node
            for node, weight in solution_weights(run.tree, "weighted", "last").items()
            if weight
        }
    else:
        assert voices == {leaf}


def test_the_view_grows_with_the_run_and_says_what_was_lost():
    seen = 0
    for run in scripted_run_states("revise", 16, chains=4):
        cards = attempts(chains_html(run, "r", "weighted", "last", picked=0))
        assert len(cards) == sum(1 for _ in run.tree.leaves()) >= seen
        seen = len(cards)
    run = chained(["17", "4"])
    assert "right before, now wrong" in attempts(chains_html(run, "r", "best", "last", 0))[2][1]


def test_other_runs_have_no_chain_view():
    *_, run = scripted_run_states("beam", 4)
    assert chains_html(run, "r", "weighted", "last", 0) == ""
    *_, run = scripted_run_states("hybrid", 8)
    assert "revision" in run.tree.kind
    assert chains_html(run, "r", "weighted", "last", 0) == ""


def test_the_inspector_opens_an_attempt_with_what_changed():
    run = chained(["17", "4", "4"])
    html = node_inspector(run, 2)
    assert "Attempt 2" in html
    assert re.findall("<ins>(.*?)</ins>", html) == ["4", "4"]
    assert re.findall("<del>(.*?)</del>", html) == ["17", "17"]
    assert "✓→✗" in html
    assert "<ins>" not in node_inspector(run, 3)
    assert "Its lines" in node_inspector(run, 1)


def test_a_revision_of_a_found_solution_is_compared_with_its_steps():
    *_, run = scripted_run_states("hybrid", 8)
    tree = run.tree
    node = next(node for node in range(len(tree)) if tree.kind[node] == "revision")
    assert tree.kind[tree.parent[node]] == "answer"
    assert "What changed since attempt 1" in node_inspector(run, node)


@pytest.mark.parametrize(
    "line", ["<img src=x onerror=alert(1)>", "${alert(1)}", "{{value}}", '" onload="x']
)
def test_hostile_attempts_are_shown_as_texts(line):
    run = chained([line, line + "2"], right=line)
    for html in (chains_html(run, line, "weighted", "last", 1), node_inspector(run, 2)):
        assert "<img" not in html
        assert not re.search(r"[$`{}\\]", html)
        assert '" onload' not in html
