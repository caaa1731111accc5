"""Decoding the trie gives, token for token, what decoding every row by itself gives, and says what
either costs."""

from __future__ import annotations

from dataclasses import asdict, fields

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import MistralConfig, MistralForCausalLM

from tests.models.row_decoding import RowGenerator, RowVerifier
from tests.models.test_tree_decoding import gpt2, with_toy_weights
from tests.models.toy_models import (
    count_what_is_read,
    toy_config,
    toy_generator,
    toy_llama,
    toy_qwen2,
    toy_token_classifier,
    toy_tokenizer,
)
from ttc_explorer.models import trie_batch
from ttc_explorer.models.backbone import append_tokens
from ttc_explorer.models.kv_cache import EMPTY_ROW
from ttc_explorer.models.local_verifiers import TokenPRM
from ttc_explorer.models.protocol import ExtendJob
from ttc_explorer.models.tree_decoding import TreeGenerator
from ttc_explorer.models.trie_batch import TrieBatch
from ttc_explorer.problems.answer_checker import exact_match_checker
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategy import STRATEGIES

pytestmark = pytest.mark.slow

QUESTIONS = ["3+4", "3+5", "what is 12 + 29?"]
MODELS = {
    "llama": toy_llama,
    "qwen2": toy_qwen2,
    "gpt2": lambda: with_toy_weights(gpt2()),
    "re-reading": lambda: with_toy_weights(
        MistralForCausalLM(MistralConfig(**toy_config(sliding_window=8)))
    ),
}
SEARCHES = [
    name
    for name, each in STRATEGIES.items()
    if each.verifier != "nothing" and not each.needs_reviser
]
COMPUTED = {"generator_tokens_computed", "verifier_tokens_computed"}

runs = st.tuples(
    st.sampled_from(QUESTIONS),
    st.sampled_from(SEARCHES),
    st.integers(1, 9),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.8, 1.5]),
    st.sampled_from(["line", "tokens:6", "pattern:[0-4]$"]),
)


@pytest.fixture(scope="module", params=MODELS)
def models(request):
    """Generator and verifier, and the same by rows."""
    model, judge = MODELS[request.param](), toy_token_classifier()
    generator = TreeGenerator(model, toy_tokenizer(), "toy", max_step_tokens=12)
    verifier = TokenPRM(judge, toy_tokenizer(), "toy prm")
    return (generator, verifier), (RowGenerator(model, generator), RowVerifier(judge, verifier))


def search(models, asked):
    """Runs of ``asked``, all in one driver."""
    driver = Driver(*models, exact_match_checker)
    found = []
    for question, strategy, budget, seed, temperature, step in asked:
        chosen = Settings(temperature=temperature, rounds=4, step=step)
        names = [model.name for model in models]
        run = Run(Problem(question), *names, strategy, budget, seed, chosen)
        driver.add(run)
        found.append(run)
    while driver.tick():
        pass
    for run in found:
        assert run.error is None
    return found


def method_costs(run):
    """What the run cost by the method: all that does not depend on where it ran."""
    return {
        name: value
        for name, value in asdict(run.ledger).items()
        if name not in {"seconds", "peak_memory", *COMPUTED}
    }


@settings(max_examples=4, derandomize=True, suppress_health_check=list(HealthCheck))
@given(asked=st.lists(runs, min_size=1, max_size=4))
def test_trees_and_costs_are_those_of_rows(models, asked):
    """In any company, of the same question and of others; and what was computed was read."""
    here, by_rows = models
    fed = [count_what_is_read(model.backbone) for model in here]
    found = search(here, asked)
    for run, one in zip(found, asked, strict=True):
        (wanted,) = search(by_rows, [one])
        tree, expected = run.tree, wanted.tree
        assert tree.parent == expected.parent
        assert tree.text == expected.text
        assert tree.tokens == expected.tokens
        assert tree.status == expected.status
        assert tree.logprob == pytest.approx(expected.logprob, abs=1e-4)
        assert tree.score == pytest.approx(expected.score, abs=1e-4)
        assert method_costs(run) == method_costs(wanted)
    computed = [sum(getattr(run.ledger, name) for run in found) for name in sorted(COMPUTED)]
    assert computed[1] == fed[1].tokens
    if not here[0].backbone.recomputes_prefix:  # which reads more than it is given
        assert computed[0] == fed[0].tokens
    for model, read in zip(here, fed, strict=True):
        model.backbone.read = read.original
    assert {field.name for field in fields(found[0].ledger)} >= COMPUTED


class CancelledAfter:
    """A cancel flag that is set once it has been asked ``times`` times; each is asked before every
    token of its row."""

    def __init__(self, times):
        self.left = times

    def __call__(self):
        self.left -= 1
        return self.left < 0


rows = st.tuples(
    st.integers(0, 5),  # which prefix
    st.sampled_from([0.0, 0.8, 1.5]),
    st.integers(0, 2),  # seed
    st.integers(0, 4) | st.just(99),  # cancelled after
)


@settings(max_examples=3, derandomize=True, suppress_health_check=list(HealthCheck))
@given(asked=st.lists(rows, min_size=2, max_size=10))
def test_a_cancel_in_mid_step_stops_its_row_alone(models, asked):
    """Whatever its company, and whoever shares its row of the model; and what a cancelled row has
    written is a state to go on from."""

    def written(generator):
        prefilled = generator.prefill(QUESTIONS)
        firsts = [ExtendJob(prefilled[place // 2].state, 1.0, (place,)) for place in range(6)]
        states = [row.state for row in generator.extend(firsts)]
        jobs = [
            ExtendJob(states[place], temperature, (place, seed), CancelledAfter(times))
            for place, temperature, seed, times in asked
        ]
        cut = generator.extend(jobs)
        rest = generator.extend([ExtendJob(row.state, 0.8, (i,)) for i, row in enumerate(cut)])
        return [*cut, *rest]

    (generator, _), (by_rows, _) = models
    for row, expected in zip(written(generator), written(by_rows), strict=True):
        assert (row.text, row.tokens, row.finished) == (
            expected.text,
            expected.tokens,
            expected.finished,
        )
        assert row.token_logprobs == pytest.approx(expected.token_logprobs, abs=1e-4)
        assert row.cost.generated == expected.cost.generated


def test_equal_greedy_rows_are_read_once():
    generator = toy_generator()
    fed = count_what_is_read(generator.backbone)
    (prefilled,) = generator.prefill(["3+4"])
    fed.tokens = 0
    rows = generator.extend([ExtendJob(prefilled.state, 0.0, (i,)) for i in range(50)])
    assert len({row.text for row in rows}) == 1
    assert fed.tokens == rows[0].tokens
    assert [row.cost.generator_computed for row in rows] == [rows[0].tokens] + [0] * 49
    assert {row.cost.generated for row in rows} == {rows[0].tokens}


@pytest.mark.parametrize("in_slot", [1, 3, 100])
@pytest.mark.parametrize("name", ["qwen2", "gpt2"])
def test_however_rows_are_packed_they_read_the_same(name, in_slot, monkeypatch):
    """Alone in their slots, in few, or all in one; and packed anew time and again."""
    monkeypatch.setattr(trie_batch, "rows_per_slot", lambda *_: in_slot)
    monkeypatch.setattr(trie_batch, "PACKING_PASSES", 0)
    model = MODELS[name]()
    backbone = TreeGenerator(model, toy_tokenizer(), name).backbone
    texts = [[1, 5, 9], [1, 5, 9, 7, 7, 8], [4] * 20, [1, 5, 9, 7, 3]]
    random = np.random.default_rng(0)
    with torch.inference_mode():
        read = append_tokens(backbone, [EMPTY_ROW] * 4, texts, predict=False)
        batch = TrieBatch(backbone, [one.row for one in read], extra_tokens=2)
        for _ in range(12):
            parents = random.integers(0, len(texts), size=random.integers(3, 9))
            tokens = random.integers(3, 99, size=len(parents))
            texts = [[*texts[i], token] for i, token in zip(parents, tokens.tolist(), strict=True)]
            outputs = batch.read(parents, tokens)
            for index, text in enumerate(texts):
                plain = model(input_ids=torch.tensor([text])).logits[0, -1]
                assert torch.allclose(outputs[index], plain, atol=1e-4)
                assert batch.row(index).ids.tolist() == text


def test_rows_share_a_slot_as_far_as_they_are_related():
    """Strangers have slots of their own, those that differ in their last token have one together,
    and two families of such rows have a slot each."""
    lengths, strangers = np.full(8, 100), np.zeros(8, dtype=int)
    siblings = np.array([0] + [99] * 7)
    families = np.array([0, 99, 99, 99, 5, 99, 99, 99])
    assert trie_batch.rows_per_slot(lengths, strangers, 300.0) == 1
    assert trie_batch.rows_per_slot(lengths, siblings, 300.0) == 8
    assert trie_batch.rows_per_slot(lengths, families, 300.0) == 4


def test_a_slot_that_has_grown_wide_is_packed_anew():
    """Rows that go on without one another for long are no longer multiplied with all that the
    others write, however they began."""
    generator = toy_generator()
    (prefilled,) = generator.prefill(["3+4"])
    widths = []
    with torch.inference_mode():
        batch = TrieBatch(generator.backbone, [prefilled.state.row], extra_tokens=8)
        for step in range(60):
            count = 24
            batch.read(np.zeros(count, int) if step == 0 else np.arange(count), np.arange(count))
            widths.append(batch.row(0).block.width)
    assert max(widths) < 24 * 60 / 2


def test_a_wide_beam_keeps_its_trie_and_no_more():
    """256 rows that share all but their last tokens take little more than one."""
    generator = toy_generator()
    (prefilled,) = generator.prefill(["3" * 200])
    rows = generator.extend([ExtendJob(prefilled.state, 1.0, (i,)) for i in range(256)])
    blocks = {id(row.state.row.block): row.state.row.block for row in rows}.values()
    kept = sum(tensor.numel() for block in blocks for tensor in block.tensors)
    a_token = sum(tensor[0, :, 0].numel() for tensor in next(iter(blocks)).tensors)
    by_rows = sum(row.state.row.length for row in rows)
    computed = sum(row.cost.generator_computed for row in rows)
    assert kept < 2 * a_token * (200 + computed) < a_token * by_rows / 10
