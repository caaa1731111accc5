"""Models whose memory cannot be forked search all the same: they read prefixes again, and pay for
it."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    JambaConfig,
    JambaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from tests.models.test_tree_decoding import QUESTIONS, decode_ragged_tree, plain_logprob
from tests.models.toy_models import bias_towards_sums, randomize_weights, toy_config, toy_tokenizer
from ttc_explorer.models.hf_backbone import HFBackbone, forkable_context
from ttc_explorer.models.protocol import Cost, ExtendJob
from ttc_explorer.models.stateless_backbone import StatelessBackbone
from ttc_explorer.models.tree_decoding import TreeGenerator

pytestmark = pytest.mark.slow


def with_toy_weights(model):
    """``model`` with toy weights."""
    randomize_weights(model, 0)
    bias_towards_sums(model)
    return model.eval()


def jamba():
    shape = toy_config(
        attn_layer_period=2, attn_layer_offset=1, num_experts=1, num_experts_per_tok=1
    )
    return JambaForCausalLM(
        JambaConfig(use_mamba_kernels=False, mamba_d_state=4, mamba_dt_rank=4, **shape)
    )


MODELS = {
    "sliding window": lambda: MistralForCausalLM(MistralConfig(**toy_config(sliding_window=8))),
    "some layers slide": lambda: Qwen2ForCausalLM(
        Qwen2Config(**toy_config(use_sliding_window=True, sliding_window=8, max_window_layers=1))
    ),
    "recurrent": lambda: MambaForCausalLM(
        MambaConfig(
            vocab_size=290, hidden_size=32, num_hidden_layers=1, state_size=4, eos_token_id=2
        )
    ),
    "recurrent and attending": jamba,
    "attention of its own kind": lambda: BloomForCausalLM(
        BloomConfig(vocab_size=290, hidden_size=32, n_layer=1, n_head=2, eos_token_id=2)
    ),
}


ATTENTION_WIDTHS = dict.fromkeys(MODELS, 2 * 32) | {
    "recurrent": 0,
    "recurrent and attending": 32,
    "attention of its own kind": 32,
}
"""Layers that attend, times their width."""


@pytest.mark.parametrize("name", MODELS)
def test_logprobs_and_costs_are_those_of_plain_passes(name):
    """Over a ragged tree whose rows end at different times."""
    model = with_toy_weights(MODELS[name]())
    generator = TreeGenerator(model, toy_tokenizer(), name)
    assert type(generator.backbone) is StatelessBackbone
    fed = Counter()
    forward = model.forward
    model.forward = lambda input_ids, **more: (
        fed.update(tokens=input_ids.numel()) or forward(input_ids=input_ids, **more)
    )
    rows = decode_ragged_tree(generator, rounds=3)
    model.forward = forward
    cost = sum((row.cost for _, _, row in rows), Cost())
    assert cost.cached == 0
    assert cost.generator_computed == fed["tokens"] < cost.prefilled + cost.generated
    contexts = sum(sum(range(1, len(ids) + len(step))) for ids, step, _ in rows)
    attention = 4 * ATTENTION_WIDTHS[name] * contexts
    processed = cost.prefilled + cost.generated
    assert cost.flops == 2 * generator.parameters * processed + attention
    assert len({len(ids) for ids, _, _ in rows}) > 3, "the tree should be ragged"
    for ids, step, row in rows:
        assert row.cost.prefilled == len(ids) - 1
        assert row.logprob == pytest.approx(plain_logprob(model, ids, step), abs=1e-3)


def test_opening_reads_nothing_and_company_makes_no_difference():
    generator = TreeGenerator(
        with_toy_weights(MODELS["sliding window"]()), toy_tokenizer(), "sliding"
    )
    prefilled = generator.prefill(QUESTIONS)
    assert [one.cost for one in prefilled] == [Cost()] * 3
    jobs = [ExtendJob(one.state, 1.0, (i, j)) for j in range(3) for i, one in enumerate(prefilled)]
    for job, row in zip(jobs, generator.extend(jobs), strict=True):
        (alone,) = generator.extend([job])
        assert (row.text, row.cost) == (alone.text, alone.cost)
        assert row.logprob == pytest.approx(alone.logprob, abs=1e-4)
    stopped = [ExtendJob(prefilled[0].state, 1.0, (0, 0), lambda: True), jobs[1]]
    cancelled, other = generator.extend(stopped)
    assert (cancelled.tokens, cancelled.cost) == (0, Cost())
    assert other.text == generator.extend([jobs[1]])[0].text


def test_a_long_sliding_window_is_full_attention_within_itself():
    shape = toy_config(max_position_embeddings=8192)
    model = with_toy_weights(MistralForCausalLM(MistralConfig(sliding_window=4096, **shape)))
    generator = TreeGenerator(model, toy_tokenizer(), "mistral")
    assert type(generator.backbone) is HFBackbone
    assert generator.backbone.context == 4096
    for ids, step, row in decode_ragged_tree(generator, rounds=2):
        assert row.logprob == pytest.approx(plain_logprob(model, ids, step), abs=1e-4)
    mixed = Gemma2Config(sliding_window=4096, head_dim=8, **shape)
    assert forkable_context(mixed) == 4096
    gemma = TreeGenerator(with_toy_weights(Gemma2ForCausalLM(mixed)), toy_tokenizer(), "gemma")
    assert type(gemma.backbone) is HFBackbone
    assert (
        torch.tensor([row.cost.cached for _, _, row in decode_ragged_tree(gemma, rounds=2)]).min()
        > 0
    )
