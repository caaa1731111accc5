"""The search primitives through the driver, in small searches made up here: revisions, lookahead,
policy decisions."""

from dataclasses import asdict, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.search.fakes import (
    ToyReviser,
    Toys,
    ToyVerifier,
    make_checker,
    toy_run,
    written_tokens,
)
from ttc_explorer.models.protocol import (
    REVISION_CONTEXT,
    Extend,
    PolicyDecision,
    PolicyQuery,
    Score,
    ScoreJob,
    StrategyChoice,
)
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.primitives import ROOT, extend_and_score, greedy_rollouts, revise_and_score
from ttc_explorer.search.trace import dump_trace, load_trace, to_trace


def run_of(budget=8, seed=0, **changed):
    return toy_run("made_up", budget, seed, **changed)


def chains(tree, budget, settings):
    """Two chains of ``budget`` revisions each."""
    ends = [ROOT, ROOT]
    for _ in range(budget):
        ends = yield from revise_and_score(tree, ends, settings.temperature)
    return "done"


def mixture(tree, budget, settings):
    """Some of every primitive: a lookahead over steps that are extended twice, then revisions of
    what came out."""
    live = yield from extend_and_score(tree, [ROOT] * budget, settings.temperature, keep_state=True)
    live += yield from extend_and_score(tree, [ROOT], settings.temperature)
    for _ in range(settings.rounds - 1):
        if not live:
            break
        ends = yield from greedy_rollouts(tree, live, 2)
        ranked = sorted(zip(ends, live, strict=True), reverse=True)
        live = [node for _, node in ranked[: -(-len(live) // 2)]]
        tree.set_status([node for _, node in ranked[len(live) :]], "pruned")
        tree.set_status(live, "kept")
        grown = yield from extend_and_score(tree, live, settings.temperature, keep_state=True)
        live = grown + (yield from extend_and_score(tree, live, settings.temperature))
    leaves = list(tree.leaves())[:3]
    for _ in range(2):
        leaves = yield from revise_and_score(tree, [ROOT, *leaves, *leaves], settings.temperature)
    return "done"


def outcome(run):
    return vars(run.tree), asdict(run.ledger), run.stopped, run.error, run.correct, run.reviser


some_runs = st.builds(run_of, st.integers(1, 6), st.integers(0, 99), rounds=st.integers(1, 6))
fixture_is_fine = HealthCheck.function_scoped_fixture


# --- what holds for every primitive ---------------------------------------------------------------


@pytest.mark.parametrize("move", [chains, mixture])
@settings(max_examples=20, suppress_health_check=[fixture_is_fine])
@given(run=some_runs, own_verifier=st.booleans())
def test_the_ledger_equals_what_the_models_processed(search, move, run, own_verifier):
    search(move)
    toys = Toys(own_verifier)
    toys.drive(run)
    assert (run.stopped, run.error) == ("done", None)
    assert run.ledger == replace(toys.processed(), seconds=0.0)
    assert run.ledger.generated_tokens == written_tokens(run.tree)
    assert toys.held() == 0


@settings(max_examples=15, suppress_health_check=[fixture_is_fine])
@given(company=st.lists(some_runs, min_size=2, max_size=4), own_verifier=st.booleans())
def test_a_run_is_the_same_alone_and_in_company(search, company, own_verifier):
    search(mixture)
    for run in Toys(own_verifier).drive(*company):
        alone = run_of(run.budget, run.seed, rounds=run.settings.rounds)
        Toys(own_verifier).drive(alone)
        assert outcome(run) == outcome(alone)


# --- revisions ------------------------------------------------------------------------------------


def test_a_revision_is_a_whole_attempt_after_the_last_four(search):
    search(chains)
    toys = Toys()
    (run,) = toys.drive(run_of(6))
    tree = run.tree
    assert tree.kind[1:] == ["revision"] * 12
    assert tree.status[1:] == ["finished"] * 12
    assert tree.parent[1:] == [0, 0, *range(1, 11)]
    assert run.reviser == ToyReviser.name
    for node in range(1, 13):
        *steps, last = tree.solution(node)
        assert not any(step.startswith("Answer") for step in steps)
        assert last.startswith("Answer")
        assert tree.score[node] is not None
    # One chain for the question, read once for both first attempts; then one for each end.
    read = toys.reviser.chains
    assert [len(chain.attempts) for chain in read] == [0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 4]
    first = tree.chain(11)
    assert first == [1, 3, 5, 7, 9, 11]
    assert list(read[-2].attempts) == [tree.text[node] for node in first[:-1][-REVISION_CONTEXT:]]
    assert toys.revision_verifier.chains == read
    assert (toys.generator.prefilled, toys.verifier.read) == (0, 0)


def test_an_attempt_has_at_most_so_many_steps(search):
    search(chains)
    (run,) = Toys().drive(run_of(4, rounds=2))
    assert max(len(run.tree.solution(node)) for node in range(1, 9)) == 2
    cut = [node for node in range(1, 9) if "Answer" not in run.tree.text[node]]
    assert cut
    assert {run.tree.answer[node] for node in cut} == {None}
    assert {run.tree.status[node] for node in cut} == {"finished"}


def test_a_found_solution_is_the_first_attempt_of_its_chain(search):
    @search
    def after_best_of_n(tree, budget, settings):
        live = [ROOT] * budget
        while live:
            live = yield from extend_and_score(tree, live, settings.temperature)
        leaves = yield from revise_and_score(tree, list(tree.leaves()), settings.temperature)
        yield from revise_and_score(tree, leaves, settings.temperature)
        return "done"

    toys = Toys()
    (run,) = toys.drive(run_of(3))
    tree = run.tree
    leaves = [node for node in range(len(tree)) if tree.kind[node] == "answer"]
    solutions = ["\n".join(tree.solution(leaf)) for leaf in leaves]
    assert [chain.attempts for chain in toys.reviser.chains[:3]] == [(text,) for text in solutions]
    last = len(tree) - 1
    assert tree.chain(last) == [leaves[2], last - 3, last]
    assert toys.reviser.chains[-1].attempts == (solutions[2], tree.text[last - 3])
    assert len(list(tree.leaves())) == 9


def test_without_their_own_verifier_revisions_are_scored_after_the_question(search):
    search(chains)
    toys = Toys(revision_verifier=False)
    (run,) = toys.drive(run_of(3))
    expected = ToyVerifier()
    (query,) = expected.prefill([run.problem.text])
    jobs = [ScoreJob(query.state, text) for text in run.tree.text[1:]]
    assert run.tree.score[1:] == [judged.score for judged in expected.score(jobs)]
    assert toys.verifier.passes == 4  # the question once, then every round of attempts


def test_attempts_are_written_in_batches_shared_with_other_runs(search):
    search(chains)
    toys = Toys()
    first, second = run_of(2), run_of(2, seed=1)
    toys.drive(first, second)
    assert toys.reviser.batches[0] == 4
    steps = [[len(run.tree.solution(node)) for node in range(1, 5)] for run in (first, second)]
    assert sum(toys.reviser.batches) == sum(map(sum, steps))


def test_a_generator_that_revises_too_does_both_in_one_batch(search):
    search(chains)
    both, verifier = ToyReviser(), ToyVerifier()
    driver = Driver(both, verifier, make_checker, reviser=both)
    driver.add(run_of(2))
    driver.add(toy_run("best_of_n", 5))
    driver.tick()
    assert both.batches == [7]


def test_runs_that_need_a_reviser_are_refused_without_one(search):
    search(chains)
    with pytest.raises(BadInput, match="Made up needs a reviser"):
        Driver(ToyReviser(), ToyVerifier(), make_checker).add(run_of())


@pytest.mark.parametrize("how", ["cancelled", "deadline"])
def test_stopping_during_revisions_keeps_the_attempts_that_are_done(search, how):
    search(chains)
    now = [0.0]
    reviser, verifier = ToyReviser(), ToyVerifier()
    driver = Driver(ToyReviser(), verifier, make_checker, clock=lambda: now[0], reviser=reviser)
    run, whole = run_of(3, seed=1), run_of(3, seed=1)
    Toys(revision_verifier=False).drive(whole)
    lengths = [len(whole.tree.solution(node)) for node in (1, 2)]
    assert lengths[0] != lengths[1]
    driver.add(run, seconds=5)
    for _ in range(min(lengths)):
        driver.tick()
    assert len(run.tree) == 1
    if how == "deadline":
        now[0] = 6.0
    else:
        driver.cancel(run)
    assert not driver.tick()
    (done,) = range(1, len(run.tree))
    assert run.tree.text[done] == whole.tree.text[1 + lengths.index(min(lengths))]
    assert run.tree.answer[done] is not None
    assert (run.stopped, run.error, len(list(run.tree.leaves()))) == (how, None, 1)
    assert run.ledger.generated_tokens == reviser.generated
    assert not reviser.held


# --- nodes that are extended more than once -------------------------------------------------------


def test_the_children_of_a_node_are_the_same_asked_for_at_once_or_in_turns(search):
    @search
    def in_turns(tree, budget, settings):
        for turn in range(budget):
            yield from extend_and_score(
                tree, [ROOT], settings.temperature, keep_state=turn < budget - 1
            )
        return "done"

    toys = Toys()
    (turns,) = toys.drive(run_of(8))
    best = toy_run("best_of_n", 8, rounds=1)
    Toys().drive(best)
    assert turns.tree.text == best.tree.text
    assert turns.tree.score == best.tree.score
    assert toys.generator.prefilled == len(turns.problem.text)


def test_what_is_remembered_for_another_time_is_forgotten_when_pruned(search):
    held = []
    toys = Toys()

    @search
    def forgetful(tree, budget, settings):
        live = yield from extend_and_score(tree, [ROOT] * 8, settings.temperature)
        yield from extend_and_score(tree, live, settings.temperature, keep_state=True)
        held.append(toys.held())
        tree.set_status(range(1, len(tree)), "pruned")
        yield PolicyQuery(0.5, 1)
        yield from extend_and_score(tree, [ROOT], settings.temperature)
        held.append(toys.held())
        return "done"

    toys.drive(run_of())
    assert held[0] > 16
    assert held[1] <= 4


# --- lookahead ------------------------------------------------------------------------------------


def test_rollouts_are_ghosts_and_say_where_they_end(search):
    seen = {}

    @search
    def looking(tree, budget, settings):
        live = yield from extend_and_score(tree, [ROOT] * budget, settings.temperature)
        nodes = list(range(1, len(tree)))
        seen["ends"] = yield from greedy_rollouts(tree, nodes, 3)
        seen["nodes"] = nodes
        seen["ghosts"] = range(nodes[-1] + 1, len(tree))
        yield from extend_and_score(tree, live, settings.temperature)
        return "done"

    toys = Toys()
    (run,) = toys.drive(run_of(12))
    tree = run.tree
    assert {tree.kind[n] for n in seen["ghosts"]} == {"rollout"}
    assert {tree.status[n] for n in seen["ghosts"]} == {"pruned"}
    assert {tree.answer[n] for n in seen["ghosts"]} == {None}
    assert any(tree.text[n].startswith("Answer") for n in seen["ghosts"]), (
        "some rollouts should end"
    )
    depths = set()
    for node, found in zip(seen["nodes"], seen["ends"], strict=True):
        end, depth = node, 0
        while below := [n for n in tree.children(end) if tree.kind[n] == "rollout"]:
            (end,), depth = below, depth + 1
        assert found == end
        assert depth == 3 or tree.text[end].startswith("Answer")
        depths.add(depth)
    assert depths == {0, 1, 2, 3}
    assert run.correct.keys() <= set(tree.answer)
    best = toy_run("best_of_n", 12, rounds=2)
    Toys().drive(best)
    steps = [n for n in range(len(tree)) if tree.kind[n] != "rollout"]
    assert [tree.text[n] for n in steps] == best.tree.text, (
        "lookahead does not change what is sampled"
    )


# --- the policy -----------------------------------------------------------------------------------


def test_a_consultation_is_answered_by_whoever_advises(search):
    asked, replies = [], []
    decision = PolicyDecision(
        2, tuple(StrategyChoice(name) for name in ("greedy", "beam", "beam", "beam", "best_of_n"))
    )

    def decide(query):
        asked.append(query)
        return decision

    @search
    def consulting(tree, budget, settings):
        replies.append((yield PolicyQuery(0.25, budget)))
        yield from extend_and_score(tree, [ROOT], settings.temperature)
        replies.append((yield PolicyQuery(0.5, budget)))
        return "done"

    Toys(decide=decide).drive(run_of(4))
    assert (asked, replies) == ([PolicyQuery(0.25, 4), PolicyQuery(0.5, 4)], [decision, decision])
    Toys().drive(run_of(4))
    assert replies[2:] == [None, None]


def test_a_search_that_fails_ends_only_its_own_run(search):
    @search
    def broken(tree, budget, settings):
        raise RuntimeError("a bug")
        yield

    good = toy_run("best_of_n", 2)
    (bad, good) = Toys().drive(run_of(), good)
    assert "RuntimeError" in bad.error
    assert (good.stopped, good.error) == ("done", None)


def test_a_request_that_names_no_node_is_answered_at_once(search):
    replies = []

    @search
    def asking_nothing(tree, budget, settings):
        replies.append((yield Extend((), 1.0)))
        replies.append((yield Score(())))
        return "done"

    (run,) = Toys().drive(run_of())
    assert (run.stopped, replies, run.ledger.flops) == ("done", [(), ()], 0.0)


# --- traces ---------------------------------------------------------------------------------------


def test_a_run_of_every_move_survives_as_a_trace(search):
    search(mixture)
    (run,) = Toys().drive(run_of(6))
    assert {"rollout", "revision", "answer", "step"} <= set(run.tree.kind)
    assert to_trace(load_trace(dump_trace(run))) == to_trace(run)
