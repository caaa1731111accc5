"""Decoding over a tree gives what plain passes over whole texts give, and says exactly what it
cost."""

from __future__ import annotations

from dataclasses import replace
from weakref import ref

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from tests.models.toy_models import (
    CONTEXT,
    bias_towards_sums,
    count_what_is_read,
    randomize_weights,
    toy_config,
    toy_generator,
    toy_llama,
    toy_qwen2,
    toy_tokenizer,
)
from ttc_explorer.models import tree_decoding
from ttc_explorer.models.hf_backbone import HFBackbone
from ttc_explorer.models.llama_fast_path import FusedBackbone
from ttc_explorer.models.protocol import Cost, ExtendJob, RevisionContext, never_cancelled
from ttc_explorer.models.sampling import sample_tokens, uniform_draws
from ttc_explorer.models.step_codec import REVISION_RESERVE_TOKENS
from ttc_explorer.models.tree_decoding import TreeGenerator, is_answer_line
from ttc_explorer.problems.problem import BadInput

pytestmark = pytest.mark.slow

SCALED = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0}
QUESTIONS = ["3+4", "what is 12 + 29, and then some?", "1"]


def decode_ragged_tree(generator, rounds=4, children=3, keep=4, temperature=1.0):
    """(ids before, ids sampled, Sampled) for every job of a ragged tree over QUESTIONS."""
    steps = []
    texts = generator.codec.texts
    generator.codec.texts = lambda ids: steps.extend(ids) or texts(ids)
    prefilled = generator.prefill(QUESTIONS)
    live = [(generator.codec.prompt(q), o.state) for q, o in zip(QUESTIONS, prefilled, strict=True)]
    rows = []
    for round_ in range(rounds):
        parents = [parent for parent in live for _ in range(children)]
        if not parents:
            break
        jobs = [ExtendJob(state, temperature, (round_, i)) for i, (_, state) in enumerate(parents)]
        sampled = generator.extend(jobs)
        live = []
        for (ids, _), step, row in zip(parents, steps[-len(jobs) :], sampled, strict=True):
            rows.append((ids, step, row))
            if not row.finished:
                live.append((ids + step, row.state))
        live = live[-keep:]
    return rows


def plain_logprob(model, ids, step):
    """Log-probability of ``step`` after ``ids`` by one plain pass."""
    return sum(plain_logprobs(model, ids, step))


def plain_logprobs(model, ids, step):
    """Log-probability of each token of ``step`` after ``ids`` by one plain pass."""
    with torch.inference_mode():
        chances = model(input_ids=torch.tensor([ids + step])).logits[0].double().log_softmax(-1)
    return chances[len(ids) - 1 : -1].gather(1, torch.tensor(step)[:, None])[:, 0].tolist()


def with_toy_weights(model):
    """``model`` with toy weights."""
    model = model.eval()
    randomize_weights(model, 0)
    bias_towards_sums(model)
    return model


def gpt2():
    return GPT2LMHeadModel(
        GPT2Config(
            **toy_config(n_positions=CONTEXT, n_embd=32, n_layer=2, n_head=4),
        )
    )


PARTIAL = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.25}
MODELS = {
    "qwen2": (FusedBackbone, toy_qwen2),
    "llama": (FusedBackbone, lambda: toy_llama(num_key_value_heads=4)),
    "llama, one key head": (FusedBackbone, lambda: toy_llama(num_key_value_heads=1)),
    "qwen2, scaled rope": (HFBackbone, lambda: toy_qwen2(rope_parameters=SCALED)),
    "llama, attention with biases": (FusedBackbone, lambda: toy_llama(attention_bias=True)),
    "llama, biases everywhere": (HFBackbone, lambda: toy_llama(attention_bias=True, mlp_bias=True)),
    "qwen3": (
        HFBackbone,
        lambda: with_toy_weights(Qwen3ForCausalLM(Qwen3Config(head_dim=8, **toy_config()))),
    ),
    "gpt2": (HFBackbone, lambda: with_toy_weights(gpt2())),
    "gpt-neox": (
        HFBackbone,
        lambda: with_toy_weights(
            GPTNeoXForCausalLM(GPTNeoXConfig(**toy_config(rope_parameters=PARTIAL)))
        ),
    ),
}
BOTH = [HFBackbone, FusedBackbone]


@pytest.fixture(params=BOTH, ids=["generic", "fused"])
def generator(request, monkeypatch):
    """The toy generator on either backbone."""
    monkeypatch.setattr(FusedBackbone, "supports", lambda model: request.param is FusedBackbone)
    toy = toy_generator()
    assert type(toy.backbone) is request.param
    return toy


@pytest.mark.parametrize("name", MODELS)
def test_logprobs_equal_a_plain_pass(name):
    backbone, make = MODELS[name]
    model = make()
    generator = TreeGenerator(model, toy_tokenizer(), name)
    assert type(generator.backbone) is backbone
    rows = decode_ragged_tree(generator)
    assert len({len(ids) for ids, _, _ in rows}) > 4, "the tree should be ragged"
    for ids, step, row in rows:
        assert len(step) == row.tokens
        assert row.token_logprobs == pytest.approx(plain_logprobs(model, ids, step), abs=1e-4)
        assert row.logprob == sum(row.token_logprobs)


def test_greedy_takes_the_likeliest_token(generator):
    model = toy_qwen2()
    for ids, step, _ in decode_ragged_tree(generator, temperature=0.0):
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([ids + step])).logits[0]
        assert logits[len(ids) - 1 : -1].argmax(-1).tolist() == step


def test_a_chain_shows_each_attempt_after_the_question_and_closed():
    codec, tokenizer = toy_generator().codec, toy_tokenizer()
    (ids,) = codec.chains([RevisionContext("3+4", ("3+4=8\nAnswer: 8", "<eos>"))], CONTEXT)
    asked = "<bos>3+4\n"
    assert tokenizer.decode(ids) == f"{asked}3+4=8\nAnswer: 8\n<eos>{asked}<eos>\n<eos>{asked}"
    assert ids.count(tokenizer.eos_token_id) == 2, "what an attempt spells out closes nothing"
    assert codec.chains([RevisionContext("3+4")], CONTEXT) == codec.prompts(["3+4"], CONTEXT)


def test_the_oldest_attempts_make_room():
    codec = toy_generator().codec
    attempts = [f"{n}" * 50 for n in range(9)]
    (ids,) = codec.chains([RevisionContext("3+4", tuple(attempts))], CONTEXT)
    (newest,) = codec.chains([RevisionContext("3+4", tuple(attempts[-6:]))], CONTEXT)
    assert ids == newest
    assert CONTEXT - len(ids) >= REVISION_RESERVE_TOKENS > CONTEXT - len(ids) - (len(ids) - 5) // 6
    with pytest.raises(BadInput, match="too long"):
        codec.chains([RevisionContext("3" * 600, ("7",))], CONTEXT)


@pytest.mark.parametrize("make", [toy_llama, toy_qwen2])
def test_revising_equals_a_plain_pass_over_the_chain(make):
    model = make()
    generator = TreeGenerator(model, toy_tokenizer(), "reviser")
    chains = [
        RevisionContext("3+4", ("3+4=8\nAnswer: 8", "Answer: 7")),
        RevisionContext("3+4"),
        RevisionContext(QUESTIONS[1], ("1",)),
    ]
    prefilled = generator.prefill_revisions(chains)
    prompts = generator.codec.chains(chains, CONTEXT)
    assert [o.cost.prefilled for o in prefilled] == [len(prompt) - 1 for prompt in prompts]
    steps = []
    texts = generator.codec.texts
    generator.codec.texts = lambda ids: steps.extend(ids) or texts(ids)
    rows = generator.extend(
        [ExtendJob(o.state, 1.0, (i, j)) for j in range(3) for i, o in enumerate(prefilled)]
    )
    for prompt, step, row in zip(prompts * 3, steps, rows, strict=True):
        assert row.logprob == pytest.approx(plain_logprob(model, prompt, step), abs=1e-4)


def test_tokens_follow_the_tempered_distribution():
    logits = torch.randn(1, 7, generator=torch.Generator().manual_seed(1))
    count, banned = 20_000, torch.tensor([False] * 6 + [True])
    ids, logprobs = map(
        torch.from_numpy,
        sample_tokens(
            logits,
            np.zeros(count, dtype=int),
            np.full(count, 0.5),
            uniform_draws([(3, i) for i in range(count)], 1)[:, 0],
            banned,
        ),
    )
    wanted = (logits[0, :6] / 0.5).softmax(-1)
    found = torch.bincount(ids, minlength=7) / count
    assert found[6] == 0
    assert torch.allclose(found[:6], wanted, atol=4 * (0.25 / count) ** 0.5)
    assert torch.allclose(logprobs.float(), logits[0].log_softmax(-1)[ids])


@given(st.sets(st.lists(st.integers(0, 2**63), max_size=4).map(tuple), min_size=2, max_size=6))
def test_streams_are_told_apart_by_name(names):
    """Also names that differ only in zeros at their end."""
    names = [*names, *((*name, 0) for name in names if (*name, 0) not in names)]
    assert len({tuple(row) for row in uniform_draws(names, 3).tolist()}) == len(names)


@pytest.mark.slow
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_company_makes_no_difference(generator, data):
    """The same state and stream give the same step, alone or in any batch, in any order."""
    states = [prefilled.state for prefilled in generator.prefill(QUESTIONS)]
    states += [
        row.state
        for row in generator.extend([ExtendJob(s, 1.0, (i, 1)) for i in range(3) for s in states])
        if not row.finished
    ]
    job = st.builds(
        ExtendJob,
        st.sampled_from(states),
        st.sampled_from([0.0, 0.7, 1.3]),
        st.tuples(st.integers(0, 9), st.integers(0, 9)),
    )
    jobs = data.draw(st.lists(job, min_size=1, max_size=9))
    for one, row in zip(jobs, generator.extend(jobs), strict=True):
        (alone,) = generator.extend([one])
        assert (row.text, row.tokens, row.finished) == (alone.text, alone.tokens, alone.finished)
        assert row.logprob == pytest.approx(alone.logprob, abs=1e-4)
        assert row.cost == alone.cost


def test_large_batches_are_decoded_in_turns(monkeypatch):
    generator = toy_generator()
    (prefilled,) = generator.prefill(["3+4"])
    jobs = [ExtendJob(prefilled.state, 1.0, (i,)) for i in range(11)]
    together = [row.text for row in generator.extend(jobs)]
    monkeypatch.setattr(tree_decoding, "MAX_ROWS", 4)
    generator = toy_generator()
    (prefilled,) = generator.prefill(["3+4"])
    jobs = [ExtendJob(prefilled.state, 1.0, (i,)) for i in range(11)]
    assert [row.text for row in generator.extend(jobs)] == together
    assert generator.extend([]) == []


def test_what_was_computed_is_what_the_model_processed(generator):
    """Every token that goes into the model, apart from padding, stands with somebody, once."""
    fed = count_what_is_read(generator.backbone)
    prefilled = generator.prefill(QUESTIONS)
    cost = sum((o.cost for o in prefilled), Cost())
    assert cost.prefilled == cost.generator_computed == fed.tokens
    assert cost.prefilled == sum(len(generator.codec.prompt(q)) - 1 for q in QUESTIONS)
    live = [(o.state, o.cost.prefilled) for o in prefilled]
    asked = []
    for round_ in range(4):
        flags = [lambda: asked.append(1) or len(asked) % 5 == 0, never_cancelled]
        jobs = [
            ExtendJob(state, 1.0, (round_, i), flags[i % 2])
            for i, (state, _) in enumerate(live)
            for _ in range(3)
        ]
        parents = [length for _, length in live for _ in range(3)]
        sampled = generator.extend(jobs)
        for length, row in zip(parents, sampled, strict=True):
            assert row.cost.generated == row.tokens
            assert row.cost.cached == (length if row.tokens else 0)
            cost += row.cost
        live = [
            (row.state, length + row.tokens)
            for length, row in zip(parents, sampled, strict=True)
            if not row.finished
        ][:5]
    assert cost.generator_computed == fed.tokens < cost.prefilled + cost.generated


def test_costs_of_the_method_are_those_of_each_row_alone(generator):
    """Which is all that is computed for it then; with others they are the same
    (``test_company_makes_no_difference``)."""
    fed = count_what_is_read(generator.backbone)
    for place, question in enumerate(QUESTIONS):
        fed.tokens = fed.contexts = 0
        (prefilled,) = generator.prefill([question])
        cost, state = prefilled.cost, prefilled.state
        for round_ in range(3):
            (row,) = generator.extend([ExtendJob(state, 1.0, (round_, place))])
            cost, state = cost + row.cost, row.state
        assert cost.prefilled + cost.generated == cost.generator_computed == fed.tokens
        assert cost.flops == cost.generator_flops == fed.flops(toy_qwen2())
    assert generator.parameters == sum(weight.numel() for weight in toy_qwen2().parameters())


def test_a_cancelled_row_stops_where_it_is_and_the_others_go_on(generator):
    (prefilled,) = generator.prefill(["3+4"])
    calls = []
    jobs = [ExtendJob(prefilled.state, 1.0, (i,)) for i in range(8)]
    whole = generator.extend(jobs)
    assert max(row.tokens for row in whole[:4]) > 3

    def flag():
        calls.append(1)
        return len(calls) > 3

    stopping = [replace(job, cancelled=flag) if i < 4 else job for i, job in enumerate(jobs)]
    for i, (row, uncut) in enumerate(zip(generator.extend(stopping), whole, strict=True)):
        if i >= 4 or uncut.tokens <= 3:
            assert row.text == uncut.text
        else:
            assert row.tokens == 3
            assert not row.finished
            assert uncut.text.startswith(row.text)
    (unread,) = generator.extend([replace(jobs[0], cancelled=lambda: True)])
    assert (unread.tokens, unread.token_logprobs, unread.cost) == (0, (), Cost())


def test_a_step_ends_with_its_line_and_a_solution_with_its_answer(generator):
    (prefilled,) = generator.prefill(["3+4"])
    for row in generator.extend([ExtendJob(prefilled.state, 1.0, (i,)) for i in range(60)]):
        assert "\n" not in row.text
        assert row.finished == (
            is_answer_line(row.text) or row.state.last == toy_tokenizer().eos_token_id
        )


def test_a_solution_ends_where_the_context_does():
    model = toy_qwen2(max_position_embeddings=24)
    generator = TreeGenerator(model, toy_tokenizer(), "short", is_final=lambda text: False)
    assert len(generator.codec.prompt("3+4=?")) == 7
    live = [prefilled.state for prefilled in generator.prefill(["3+4=?"])] * 4
    lengths = []
    for round_ in range(24):
        sampled = generator.extend(
            [ExtendJob(state, 1.0, (round_, i)) for i, state in enumerate(live)]
        )
        lengths += [row.state.row.length for row in sampled if row.finished]
        live = [row.state for row in sampled if not row.finished]
        if not live:
            break
    assert max(lengths) == 24
    with pytest.raises(BadInput, match="too long for the model"):
        generator.prefill(["3" * 30])


def test_a_step_that_never_ends_is_ended():
    generator = TreeGenerator(toy_qwen2(), toy_tokenizer(), "terse", max_step_tokens=3)
    (prefilled,) = generator.prefill(["3+4"])
    sampled = generator.extend([ExtendJob(prefilled.state, 1.0, (i,)) for i in range(20)])
    cut = [row for row in sampled if row.tokens == 3 and row.state.last != 201]
    assert cut
    assert all(row.finished for row in cut)
    said_end = toy_tokenizer().eos_token_id
    assert [row.cut for row in sampled] == [
        row.tokens == 3 and row.state.last not in (201, said_end) for row in sampled
    ]


def test_a_question_cannot_spell_special_tokens():
    codec = toy_generator().codec
    assert codec.prompt("<bos>3<eos>+<e<eos>os>4<pad>") == codec.prompt("3+4")


def test_tokens_that_are_no_text_are_never_sampled():
    model = toy_qwen2()
    with torch.no_grad():
        model.lm_head.weight[:2, 0] = 3.0  # padding, beginning
        model.lm_head.weight[len(toy_tokenizer()) :, 0] = 3.0  # ids without a token
    generator = TreeGenerator(model, toy_tokenizer(), "tempted")
    (prefilled,) = generator.prefill(["3+4"])
    for temperature in (0.0, 1.0):
        jobs = [ExtendJob(prefilled.state, temperature, (i,)) for i in range(20)]
        assert all(2 <= row.state.last < len(toy_tokenizer()) for row in generator.extend(jobs))


def test_forgotten_states_free_their_memory():
    generator = toy_generator()
    (prefilled,) = generator.prefill(["3+4"])
    block = ref(prefilled.state.row.block)
    sampled = generator.extend([ExtendJob(prefilled.state, 1.0, (i,)) for i in range(4)])
    assert block() is not None
    del prefilled
    assert block() is None, "children keep no hold on their parents"
    kept, block = sampled[0].state, ref(sampled[0].state.row.block)
    del sampled
    assert block() is not None
    del kept
    assert block() is None
