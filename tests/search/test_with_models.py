"""Searches on real, tiny, random torch models: the protocol holds, counts agree, the same seed
repeats."""

from dataclasses import asdict

import pytest

from tests.models.toy_models import (
    toy_generator,
    toy_llama,
    toy_token_classifier,
    toy_tokenizer,
    toy_verifier,
)
from tests.search.fakes import run_to_completion, toy_run, written_tokens
from tests.search.test_primitives import chains, mixture, run_of
from ttc_explorer.models.local_verifiers import TokenPRM
from ttc_explorer.models.protocol import RevisionContext
from ttc_explorer.models.tree_decoding import TreeGenerator
from ttc_explorer.problems.answer_checker import exact_match_checker
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.trace import dump_trace, load_trace, to_trace
from ttc_explorer.search.voting import winning_vote

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def models():
    return toy_generator(0), toy_verifier(1)


@pytest.fixture(scope="module")
def revisers():
    """A reviser on a random Llama model, and its verifier."""
    return {
        "reviser": TreeGenerator(toy_llama(2), toy_tokenizer(), "toy-reviser"),
        "revision_verifier": TokenPRM(toy_token_classifier(3), toy_tokenizer(), "toy-reviser-prm"),
    }


def drive_all(models, *runs, **revisers):
    driver = Driver(*models, make_checker=exact_match_checker, clock=lambda: 0.0, **revisers)
    for run in runs:
        driver.add(run)
    while driver.tick():
        pass
    return runs


@pytest.mark.parametrize("strategy", ["greedy", "best_of_n", "beam"])
def test_a_run_ends_repeats_and_survives_as_a_trace(models, strategy):
    first, second = (drive_all(models, toy_run(strategy, 8, rounds=12))[0] for _ in range(2))
    assert first.error is None
    assert first.stopped in ("done", "budget")
    assert to_trace(first) == to_trace(second)
    loaded = load_trace(dump_trace(first))
    assert to_trace(loaded) == to_trace(first)
    assert loaded.tree.events == first.tree.events
    scored = strategy != "greedy"
    assert all((score is not None) == scored for score in first.tree.score[1:])
    assert all(0 <= score <= 1 for score in first.tree.score[1:] if score is not None)


def test_the_ledger_agrees_with_the_tree_and_the_models(models):
    generator, verifier = models
    (run,) = drive_all(models, toy_run("beam", 8, rounds=12))
    ledger = run.ledger
    assert ledger.generated_tokens == written_tokens(run.tree)
    (prompt,) = generator.prefill([run.problem.text])
    assert ledger.prefill_tokens == prompt.cost.prefilled
    processed = ledger.generated_tokens + ledger.prefill_tokens
    assert ledger.generator_flops > 2 * generator.parameters * processed
    assert ledger.verifier_flops > 2 * verifier.parameters * ledger.verifier_tokens
    assert ledger.flops == ledger.generator_flops + ledger.verifier_flops
    assert winning_vote(run.tree, "weighted", "last")


COMPUTED = ("generator_tokens_computed", "verifier_tokens_computed")
"""Fields of the ledger that company changes: what runs have in common is computed once."""


def assert_same_method_costs(together, alone):
    together, alone = asdict(together), asdict(alone)
    for name in COMPUTED:
        assert together.pop(name) <= alone.pop(name)
    assert together == pytest.approx(alone)


def test_company_changes_nothing(models):
    wanted = [("beam", 8, 0), ("best_of_n", 5, 1), ("greedy", 1, 2), ("beam", 3, 3)]
    together = drive_all(models, *(toy_run(*given, rounds=8) for given in wanted))
    for given, run in zip(wanted, together, strict=True):
        (alone,) = drive_all(models, toy_run(*given, rounds=8))
        assert run.tree.text == alone.tree.text
        assert run.tree.parent == alone.tree.parent
        assert run.tree.status == alone.tree.status
        assert run.tree.score[1:] == pytest.approx(alone.tree.score[1:], abs=1e-5)
        assert run.tree.logprob == pytest.approx(alone.tree.logprob, abs=1e-4)
        assert_same_method_costs(run.ledger, alone.ledger)


def test_what_revisions_cost_is_what_the_models_read_and_wrote(models, revisers, search):
    search(chains)
    (run,) = drive_all(models, run_of(4, rounds=5), **revisers)
    assert (run.stopped, run.error) == ("done", None)
    tree, ledger, codec = run.tree, run.ledger, revisers["reviser"].codec
    ends = [0, *range(1, 7)]
    prompts = codec.chains(
        [
            RevisionContext(run.problem.text, tuple(tree.text[n] for n in tree.chain(end)))
            for end in ends
        ],
        512,
    )
    assert ledger.prefill_tokens == sum(len(prompt) - 1 for prompt in prompts)
    assert ledger.generated_tokens == written_tokens(tree)
    attempts = sum(len(ids) for ids in codec.steps(tree.text[1:]))
    assert ledger.verifier_tokens == sum(map(len, prompts)) + attempts
    processed = ledger.prefill_tokens + ledger.generated_tokens
    judge = revisers["revision_verifier"]
    assert ledger.generator_flops > 2 * revisers["reviser"].parameters * processed
    assert ledger.verifier_flops > 2 * judge.parameters * ledger.verifier_tokens


def test_revisions_and_lookahead_are_the_same_alone_and_in_company(models, revisers, search):
    search(mixture)
    together = drive_all(
        models, *(run_of(2 + seed, seed, rounds=4) for seed in range(3)), **revisers
    )
    for seed, run in enumerate(together):
        (alone,) = drive_all(models, run_of(2 + seed, seed, rounds=4), **revisers)
        assert run.error is None
        assert {"rollout", "revision"} <= set(run.tree.kind)
        assert run.tree.text == alone.tree.text
        assert run.tree.status == alone.tree.status
        assert run.tree.score[1:] == pytest.approx(alone.tree.score[1:], abs=1e-5)
        assert_same_method_costs(run.ledger, alone.ledger)
        assert to_trace(load_trace(dump_trace(run))) == to_trace(run)


def test_a_problem_longer_than_the_context_ends_with_a_sentence(models):
    run = run_to_completion(toy_run(text="1 + " * 900), *models, make_checker=exact_match_checker)
    assert "too long" in run.error
    assert len(run.tree) == 1
