"""Compute-optimal: the probe, the advice and what is made of it, the fallbacks."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.fakes import (
    ToyGenerator,
    Toys,
    ToyVerifier,
    make_checker,
    toy_run,
    written_tokens,
)
from tests.search.scripted_replies import drive_with_replies
from tests.search.test_adaptive import all_solutions
from ttc_explorer.models.protocol import PolicyDecision, StrategyChoice
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.search.trace import dump_trace, load_trace
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.search.voting import ranked_votes

POLICY = (
    StrategyChoice("revise", (("chains", 1),)),
    StrategyChoice("best_of_n"),
    StrategyChoice("beam", (("width", 2),)),
    StrategyChoice("mcts"),
    StrategyChoice("revise", (("chains", 8),)),
)


def toys_with_policy(bin, choices=POLICY):
    """Toys whose policy finds every question in that bin, and the list of what it was asked."""
    asked = []

    def decide(query):
        asked.append(query)
        return PolicyDecision(bin, choices)

    return Toys(decide=decide), asked


def test_without_a_policy_it_is_best_of_n_and_says_so():
    (run,) = Toys().drive(toy_run("auto", 16))
    (plain,) = Toys().drive(toy_run("best_of_n", 16))
    assert all_solutions(run.tree) == all_solutions(plain.tree)
    tokens = ("generated_tokens", "prefill_tokens", "verifier_tokens")
    assert all(getattr(run.ledger, name) == getattr(plain.ledger, name) for name in tokens)
    assert (
        ranked_votes(run.tree, "majority", "last")[0].answer
        == ranked_votes(plain.tree, "majority", "last")[0].answer
    )
    (note,) = run.tree.notes
    assert "No policy has been measured yet" in note.text
    assert (note.data["probe"], note.data["rest"]) == (4, 12)


@pytest.mark.parametrize("rounds", [40, 2])
def test_the_evidence_is_the_mean_score_at_the_ends_of_the_probe(rounds):
    """Of those ends, too, that the rounds have cut off: with two rounds, some have."""
    toys, asked = toys_with_policy(2)
    (run,) = toys.drive(toy_run("auto", 20, rounds=rounds))
    (probe,) = Toys().drive(toy_run("best_of_n", 5, rounds=rounds))
    inner = set(probe.tree.parent)
    scores = [probe.tree.score[node] for node in range(len(probe.tree)) if node not in inner]
    assert probe.stopped == ("done" if rounds == 40 else "budget")
    (query,) = asked
    assert query.mean_score == pytest.approx(sum(scores) / 5)
    assert query.budget == 20
    assert run.tree.notes[0].data["mean_score"] == query.mean_score


@pytest.mark.parametrize(("budget", "probe"), [(1, 1), (2, 1), (7, 1), (8, 2), (64, 16), (256, 16)])
def test_the_probe_is_a_quarter_from_one_to_sixteen(budget, probe):
    (run,) = Toys().drive(toy_run("auto", budget, rounds=3))
    assert run.tree.notes[0].data["probe"] == probe
    assert run.tree.notes[0].data["rest"] == budget - probe


def test_a_budget_of_one_asks_nobody():
    toys, asked = toys_with_policy(1)
    (run,) = toys.drive(toy_run("auto", 1))
    assert (run.stopped, asked, len(list(run.tree.leaves()))) == ("done", [], 1)
    assert run.tree.notes[0].text.endswith("the probe was the whole budget.")


def test_the_choice_gets_the_rest_with_its_settings_and_the_probe_votes_with_it():
    toys, _ = toys_with_policy(1)
    (run,) = toys.drive(toy_run("auto", 16, chains=3))
    tree = run.tree
    found = [leaf for leaf in tree.leaves() if tree.kind[leaf] == "answer"]
    revisions = [node for node in tree.leaves() if tree.kind[node] == "revision"]
    assert (len(found), len(revisions)) == (4, 12)
    assert (
        tree.chain(revisions[-1]) == revisions
    )  # one chain, as the policy has it and not as the run
    assert sum(vote.count for vote in ranked_votes(tree, "majority", "last")) == 16


@pytest.mark.parametrize("name", ["beam", "lookahead", "revise"])
def test_a_choice_is_followed_as_it_was_measured_whatever_the_visitor_had_set(name):
    trees = []
    for others in ({}, {"width": 1, "lookahead": 3, "chains": 9}):
        toys, _ = toys_with_policy(4, (StrategyChoice(name),) * 5)
        (run,) = toys.drive(toy_run("auto", 20, **others))
        trees.append(run.tree.events)
    assert trees[0] == trees[1]
    assert not {"width", "lookahead", "chains"} & set(STRATEGIES["auto"].settings)


def test_the_note_shows_bin_choice_and_neighbours():
    (run,) = toys_with_policy(3)[0].drive(toy_run("auto", 16))
    (note,) = run.tree.notes
    choices = ['revise {"chains": 1}', "best_of_n {}", 'beam {"width": 2}', "mcts {}"]
    assert (note.data["bin"], note.data["choice"]) == (3, 'beam {"width": 2}')
    assert note.data["choices"] == [*choices, 'revise {"chains": 8}']
    assert "bin 3 of 5. The policy's choice for the rest: Beam search (width 2)." in note.text
    assert note.text.endswith(
        "It would have been Best-of-N in bin 2, Monte Carlo tree search in bin 4."
    )
    assert load_trace(dump_trace(run)).tree.notes == run.tree.notes


@pytest.mark.parametrize(
    ("bin", "only"), [(1, "Best-of-N in bin 2."), (5, "Monte Carlo tree search in bin 4.")]
)
def test_the_outer_bins_have_one_neighbour(bin, only):
    (run,) = toys_with_policy(bin)[0].drive(toy_run("auto", 8))
    assert run.tree.notes[0].text.endswith(f"It would have been {only}")


def test_a_choice_that_needs_a_reviser_falls_back_where_there_is_none():
    driver = Driver(
        ToyGenerator(),
        ToyVerifier(),
        make_checker,
        clock=lambda: 0.0,
        decide=lambda query: PolicyDecision(1, POLICY),
    )
    run = toy_run("auto", 16)
    driver.add(run)
    while driver.tick():
        pass
    (plain,) = Toys().drive(toy_run("best_of_n", 16))
    (note,) = run.tree.notes
    assert (run.stopped, run.error) == ("done", None)
    assert all_solutions(run.tree) == all_solutions(plain.tree)
    assert (
        "Revision (chains 1), needs a reviser, and there is none here: best-of-N goes on."
        in note.text
    )
    assert (note.data["bin"], note.data["choice"]) == (1, "best_of_n {}")


@pytest.mark.parametrize(
    "name", ["best_of_n", "beam", "lookahead", "dvts", "rebase", "particles", "mcts"]
)
def test_a_search_takes_the_solutions_of_a_probe_for_none_of_its_own(name):
    def grown(probed):
        tree, rng = SearchTree(), Random(1)
        for _ in range(probed):
            tree.set_scores([tree.add(0, "Answer: 1", finished=True, answer="1")], [0.99])
        search = STRATEGIES[name].search(tree, 12, Settings(width=2))
        drive_with_replies(
            search, lambda *_: rng.choice(["on", "on", "Answer: 1"]), lambda _: rng.random()
        )
        first_new_node = probed + 1
        return [max(parent - probed, 0) for parent in tree.parent[first_new_node:]], tree.status[
            first_new_node:
        ]

    assert grown(6) == grown(0)


@settings(max_examples=50)
@given(
    name=st.sampled_from([name for name in STRATEGIES if name != "auto"]),
    budget=st.integers(1, 40),
    seed=st.integers(0, 99),
    width=st.integers(0, 6),
    chains=st.integers(1, 9),
    rounds=st.integers(1, 40),
)
def test_whatever_is_chosen_no_more_than_the_budget_is_written_and_all_is_paid_for(
    name, budget, seed, width, chains, rounds
):
    chosen = {"width": width, "chains": chains}
    settings_of_choice = tuple(
        pair for pair in chosen.items() if pair[0] in STRATEGIES[name].settings
    )
    toys, _ = toys_with_policy(4, (StrategyChoice(name, settings_of_choice),) * 5)
    (run,) = toys.drive(toy_run("auto", budget, seed, rounds=rounds))
    assert run.error is None
    assert run.stopped in ("done", "budget")
    assert run.tree.solution_count() <= budget
    assert run.ledger == replace(toys.processed(), seconds=0.0)
    assert run.ledger.generated_tokens == written_tokens(run.tree)
    if run.stopped == "done":
        assert "open" not in run.tree.status
    assert toys.held() == 0
