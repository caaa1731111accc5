"""A verifier that remembers prefixes scores as one that reads whole solutions, and reads each token
once."""

from __future__ import annotations

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2ForTokenClassification,
    LlamaConfig,
    LlamaForTokenClassification,
    Qwen2Config,
    Qwen2ForTokenClassification,
)

from tests.models.toy_models import (
    count_what_is_read,
    randomize_weights,
    toy_config,
    toy_token_classifier,
    toy_tokenizer,
    toy_verifier,
)
from ttc_explorer.models.hf_backbone import HFBackbone
from ttc_explorer.models.llama_fast_path import FusedBackbone
from ttc_explorer.models.local_verifiers import TokenPRM
from ttc_explorer.models.protocol import Cost, ModelError, RevisionContext, ScoreJob
from ttc_explorer.problems.problem import BadInput

QUESTIONS = ["3+4", "what is 12 + 29, and then some?"]
STEPS = [
    ["3+4=7", "x" * 40, "", "Answer: 7"],
    ["7", "3+4=7", "<eos>", "é 漢"],
    ["Answer: 7", "1", "x" * 17, "2"],
]


def plain_score(model, ids):
    """The score at the last of ``ids`` by one plain pass."""
    with torch.inference_mode():
        return float(model(input_ids=torch.tensor([ids])).logits[0, -1].softmax(-1)[1])


def llama_token_classifier():
    model = LlamaForTokenClassification(
        LlamaConfig(num_labels=2, **toy_config(num_key_value_heads=4))
    ).eval()
    randomize_weights(model, 1)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("backbone", [HFBackbone, FusedBackbone])
@pytest.mark.parametrize("make", [toy_token_classifier, llama_token_classifier])
def test_scores_and_costs_are_those_of_plain_passes(make, backbone, monkeypatch):
    """Every parent gets four children of different lengths, one of which grows on."""
    monkeypatch.setattr(FusedBackbone, "supports", lambda model: backbone is FusedBackbone)
    model = make()
    prm = TokenPRM(model, toy_tokenizer(), "toy")
    assert type(prm.backbone) is backbone
    fed = count_what_is_read(prm.backbone)

    prefilled = prm.prefill(QUESTIONS)
    cost = sum((o.cost for o in prefilled), Cost())
    live = [(prm.codec.prompt(q), o.state) for q, o in zip(QUESTIONS, prefilled, strict=True)]
    for round_, texts in enumerate(STEPS):
        jobs = [ScoreJob(state, text) for _, state in live for text in texts]
        paths = [ids + step for ids, _ in live for step in prm.codec.steps(texts)]
        scored = prm.score(jobs)
        for ids, judged in zip(paths, scored, strict=True):
            assert judged.score == pytest.approx(plain_score(model, ids), abs=1e-4)
            cost += judged.cost
        children = list(zip(paths, [judged.state for judged in scored], strict=True))
        live = [children[round_], children[4 + round_]]
    assert cost == Cost(verifier=fed.tokens, verifier_flops=fed.flops(model))


def test_equal_steps_get_equal_scores():
    """In any company, to the last digit: a search breaks ties by age, not by rounding errors."""
    prm = toy_verifier()
    (prefilled,) = prm.prefill(["3+4"])
    job = ScoreJob(prefilled.state, "3+4=7")
    others = [ScoreJob(prefilled.state, "9" * n) for n in range(20)]
    assert len({judged.score for judged in prm.score([job, *others, job])[:: len(others) + 1]}) == 1
    assert prm.score([]) == []


def test_special_tokens_in_a_step_are_plain_text():
    """What a model spells out must not end a text, or begin one, in the eyes of its verifier."""
    codec = toy_verifier().codec
    tokenizer = toy_tokenizer()
    (ids,) = codec.steps(["<eos>"])
    assert not set(ids) & set(tokenizer.all_special_ids)
    assert ids[-1:] == tokenizer("\n")["input_ids"]


def test_cancelled_jobs_are_not_read():
    prm = toy_verifier()
    (prefilled,) = prm.prefill(["3+4"])
    stopped, judged = prm.score(
        [ScoreJob(prefilled.state, "7", lambda: True), ScoreJob(prefilled.state, "7")]
    )
    assert stopped.cost == Cost()
    assert judged.cost.verifier == 2


def test_what_does_not_fit_is_refused_or_scores_nothing():
    prm = TokenPRM(toy_token_classifier(max_position_embeddings=12), toy_tokenizer(), "short")
    with pytest.raises(BadInput, match="too long for the model"):
        prm.prefill(["3" * 12])
    (prefilled,) = prm.prefill(["3+4"])  # five tokens
    fits, overlong = prm.score(
        [ScoreJob(prefilled.state, "123456"), ScoreJob(prefilled.state, "1234567")]
    )
    assert fits.score > 0
    assert (overlong.score, overlong.cost) == (0.0, Cost())


def test_padding_may_reach_beyond_the_context():
    """A long prefix with a short step beside a short prefix with a long step, where positions are
    learnt."""
    config = GPT2Config(
        num_labels=2, **toy_config(max_position_embeddings=24, n_embd=32, n_layer=2, n_head=4)
    )
    model = GPT2ForTokenClassification(config).eval()
    randomize_weights(model, 0)
    prm = TokenPRM(model, toy_tokenizer(), "learnt positions")
    texts = ("3" * 18, "4"), ("3", "4" * 14)
    prefilled = prm.prefill([question for question, _ in texts])
    jobs = [ScoreJob(o.state, step) for o, (_, step) in zip(prefilled, texts, strict=True)]
    for judged, (question, step) in zip(prm.score(jobs), texts, strict=True):
        ids = prm.codec.prompt(question) + prm.codec.steps([step])[0]
        assert judged.score == pytest.approx(plain_score(model, ids), abs=1e-4)


@pytest.mark.parametrize("make", [toy_token_classifier, llama_token_classifier])
def test_an_attempt_of_several_lines_scores_as_its_last_line_does(make):
    prm = TokenPRM(make(), toy_tokenizer(), "toy")
    prefilled = prm.prefill(QUESTIONS)
    attempts = ["3+4=7\nAnswer: 7", "1\n" + "x" * 40 + "\n\nAnswer: 7", "Answer: 7"]
    jobs = [ScoreJob(o.state, text) for o in prefilled for text in attempts]
    whole = prm.score(jobs)
    for job, judged in zip(jobs, whole, strict=True):
        state, cost = job.state, Cost()
        for line in job.text.split("\n"):
            (last,) = prm.score([ScoreJob(state, line)])
            state, cost = last.state, cost + last.cost
        assert judged.score == pytest.approx(last.score, abs=1e-5)
        assert judged.cost == cost
        assert judged.state.length == state.length


def test_a_chain_is_read_and_judged_as_one_text():
    model = toy_token_classifier()
    prm = TokenPRM(model, toy_tokenizer(), "toy")
    chains = [
        RevisionContext("3+4", ("3+4=8\nAnswer: 8", "Answer: 7")),
        RevisionContext("3+4"),
        RevisionContext(QUESTIONS[1], ("1",)),
    ]
    prefilled = prm.prefill_revisions(chains)
    assert [o.cost.verifier for o in prefilled] == [
        len(prm.codec.chains([chain], 512)[0]) for chain in chains
    ]
    assert prefilled[1].cost == prm.prefill(["3+4"])[0].cost
    scored = prm.score([ScoreJob(o.state, "7\nAnswer: 7") for o in prefilled])
    for chain, judged in zip(chains, scored, strict=True):
        ids = prm.codec.chains([chain], 512)[0] + prm.codec.steps(["7\nAnswer: 7"])[0]
        assert judged.score == pytest.approx(plain_score(model, ids), abs=1e-4)


def test_a_classifier_with_other_labels_is_refused():
    model = Qwen2ForTokenClassification(Qwen2Config(num_labels=3, **toy_config()))
    with pytest.raises(ModelError, match="has 3 labels"):
        TokenPRM(model, toy_tokenizer(), "three")
