"""What holds for every strategy, whatever the seed, the budget and the settings: the audit of its
budget, and that no node is an orphan and no solution counts twice.
"""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.fakes import Toys, sample_counts, toy_run, written_tokens
from ttc_explorer.models.protocol import PolicyDecision, StrategyChoice
from ttc_explorer.search.strategy import STRATEGIES, reads_scores
from ttc_explorer.search.trace import dump_trace, load_trace, to_trace
from ttc_explorer.search.voting import ranked_votes, solution_weights


@st.composite
def audits(draw, strategy):
    """A run of the strategy and the toys to do it with, with or without what they may lack."""
    choice = st.sampled_from([name for name in STRATEGIES if name != "auto"]).map(StrategyChoice)
    decision = draw(
        st.none() | st.tuples(*[choice] * 5).map(lambda choices: PolicyDecision(3, choices))
    )
    run = toy_run(
        strategy,
        budget=draw(st.integers(1, 64)),
        seed=draw(st.integers(0, 2**63 - 1)),
        width=draw(st.integers(0, 64)),
        lookahead=draw(st.integers(0, 4)),
        chains=draw(st.integers(1, 64)),
        rounds=draw(st.integers(1, 40)),
        selector=draw(st.sampled_from(["majority", "best", "weighted"])),
        aggregate=draw(st.sampled_from(["last", "min", "prod", "mean"])),
        merge=draw(st.booleans()),
        step=draw(st.sampled_from(["line", "check", "tokens:20", "pattern:[02468]$"])),
    )
    terms = draw(st.sampled_from([1, 2, 30]))
    return run, Toys(draw(st.booleans()), decide=lambda _: decision, terms=terms)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=25)
@given(data=st.data())
def test_every_strategy_pays_for_what_it_does_and_keeps_to_its_budget(strategy, data):
    run, toys = data.draw(audits(strategy))
    toys.drive(run)
    tree, budget = run.tree, run.budget
    assert run.error is None
    assert run.stopped in ("done", "budget")

    # the ledger, off by 0
    assert replace(run.ledger, seconds=0.0) == toys.processed()
    assert run.ledger.generated_tokens == written_tokens(tree)
    assert toys.held() == 0

    # N solutions and N · rounds steps at most; only a lookahead adds to that, k steps for each of
    # its own
    kinds = sample_counts(tree)
    steps = kinds["step"] + kinds["answer"]
    lines = sum(len(tree.solution(n)) for n in range(len(tree)) if tree.kind[n] == "revision")
    leaves = list(tree.leaves())
    solutions = tree.solution_count()
    assert 1 <= solutions <= budget or run.stopped == "budget"
    assert solutions <= budget
    assert steps + lines <= budget * run.settings.rounds
    assert kinds["rollout"] <= run.settings.lookahead * steps
    together = STRATEGIES[strategy].parallel_rows(budget, run.settings)
    assert max(toys.generator.batches + toys.reviser.batches) <= min(together, budget)

    # each solution once
    assert solutions == kinds["answer"] + kinds["revision"]
    readable = [tree.copies[leaf] for leaf in leaves if tree.answer[leaf] is not None]
    votes = ranked_votes(tree, run.settings.selector, "last")
    assert sum(vote.count for vote in votes) == sum(readable)
    assert list(solution_weights(tree, "weighted", "last")) == leaves

    # equal steps are one node, or each sample is one
    steps_of = list(zip(tree.parent, tree.kind, tree.text, strict=True))
    merged = [step for step in steps_of if step[1] != "revision"]
    if tree.merge:
        assert len(set(merged)) == len(merged)
    if not run.settings.merge:
        assert set(tree.copies) == {1}

    scored = reads_scores(strategy, run.settings.selector, run.budget)
    assert scored == bool(run.ledger.verifier_tokens)

    # nobody is an orphan, and nobody is left undecided
    parents = set(tree.parent)
    for node in range(1, len(tree)):
        parent = tree.parent[node]
        assert 0 <= parent < node
        assert (tree.score[node] is not None) == scored
        if tree.kind[node] == "revision":
            assert parent == 0 or tree.status[parent] == "finished"
        elif tree.kind[node] == "rollout":
            assert tree.kind[parent] in ("step", "rollout")
        else:
            assert tree.status[parent] == "kept"
        assert tree.status[node] != "kept" or node in parents
        assert tree.status[node] != "open" or run.stopped == "budget"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_repeats_itself_and_survives_as_a_trace(strategy):
    first, second = (Toys().drive(toy_run(strategy, 16, seed=5))[0] for _ in range(2))
    assert to_trace(first) == to_trace(second)
    loaded = load_trace(dump_trace(first))
    assert vars(loaded.tree) == vars(first.tree)
    assert to_trace(loaded) == to_trace(first)


def test_every_strategy_is_the_same_alone_and_in_company():
    for together in Toys().drive(*[toy_run(name, 9, seed=1) for name in STRATEGIES]):
        (alone,) = Toys().drive(toy_run(together.strategy, 9, seed=1))
        assert vars(together.tree) == vars(alone.tree)
        assert together.ledger == alone.ledger
