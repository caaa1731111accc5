"""A solution that breaks off for want of room has no answer, and the run says so."""

from dataclasses import replace

import pytest

from tests.search.fakes import ToyReviser, make_checker, toy_run
from tests.search.test_speaking_requests import ScriptedGenerator
from ttc_explorer.models.protocol import Step
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.trace import dump_trace, load_trace
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.search.tree_replay import TreeReplay
from ttc_explorer.search.voting import ranked_votes


class CutGenerator(ScriptedGenerator):
    """Every text that it writes breaks off. It chats: an answer need not be marked."""

    supports_chat = True

    def __init__(self, text):
        super().__init__(lambda prefix, temperature: text)

    def extend(self, jobs):
        return [replace(row, finished=True, cut=True) for row in super().extend(jobs)]


class CutReviser(ToyReviser):
    """Its first attempts break off."""

    def extend(self, jobs):
        rows = super().extend(jobs)
        return [replace(row, finished=True, cut=True) for row in rows]


def run_to_end(generator, strategy, reviser=None, **settings):
    run = toy_run(strategy, 2, verifier=None, selector="majority", **settings)
    driver = Driver(generator, None, make_checker, reviser=reviser)
    driver.add(run)
    while driver.tick():
        pass
    assert run.error is None
    return run


def votes(run):
    return [(vote.answer, vote.count) for vote in ranked_votes(run.tree, "majority", "last")]


def cut_notes(run):
    return [(note.data["cut"], note.data["solutions"]) for note in run.tree.notes]


@pytest.mark.parametrize("merge", [True, False])
def test_an_answer_of_a_solution_that_breaks_off_does_not_vote(merge):
    """«So there are 12» may have become «So there are 12 boxes of 7 eggs»."""
    run = run_to_end(CutGenerator("So there are 12"), "best_of_n", merge=merge)
    assert votes(run) == []
    assert cut_notes(run) == [(2, 2)]
    assert "2 solutions broke off" in run.tree.notes[-1].text


def test_an_attempt_of_a_reviser_that_breaks_off_does_not_vote():
    run = run_to_end(ScriptedGenerator(lambda *_: "Answer: 3"), "revise", CutReviser(), chains=1)
    assert votes(run) == []
    assert cut_notes(run) == [(2, 2)]


def test_an_answer_that_the_budget_forced_votes_even_if_it_is_cut():
    class Forced(CutGenerator):
        def extend(self, jobs):
            rows = super().extend(jobs)
            return [
                replace(row, text=f"{job.forced}4}}") if job.forced else row
                for job, row in zip(jobs, rows, strict=True)
            ]

    run = run_to_end(Forced("So there are 12"), "budget_forcing", waits=0)
    assert votes(run) == [("4", 2)]


def test_what_breaks_off_and_what_ends_in_the_same_text_are_two_nodes():
    tree = SearchTree()
    tree.merge = True
    cut = Step("7", 1, 0.0, True, None, cut=True)
    tree.add_steps([0] * 3, [cut, Step("7", 1, 0.0, True, "7"), cut])
    assert (tree.copies, tree.cut) == ([1, 2, 1], [False, True, False])
    assert tree.answer == [None, None, "7"]
    replay = TreeReplay(tree)
    for event in tree.events:
        replay.repeat(event)
    assert replay.tree.cut == tree.cut


def test_a_trace_keeps_it_and_refuses_a_step_that_goes_on():
    run = run_to_end(CutGenerator("So there are 12"), "best_of_n")
    data = dump_trace(run)
    assert load_trace(data).tree.cut == run.tree.cut == [False, True]
    open_step = run_to_end(ScriptedGenerator(lambda *_: "1 + 1"), "best_of_n", rounds=1)
    with pytest.raises(BadInput, match="node 1 broke off but is not finished"):
        load_trace(dump_trace(open_step).replace(b'"copies": 2', b'"copies": 2, "cut": true'))
