"""Every published format of verifiers: tiny models of the same architecture, saved and loaded by
name, score as their makers' own formula does in one plain pass, step by step and in any tree."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForSequenceClassification,
    Qwen2ForTokenClassification,
)

from tests.models.tiny_published_models import (
    QUESTION,
    STEPS,
    llama_tokenizer,
    mistral_tokenizer,
    qwen_tokenizer,
    random_linear,
    replace_head,
    save_model,
    tiny_config,
    tiny_llama,
    tiny_mistral,
    tiny_qwen,
    with_random_weights,
)
from ttc_explorer.models import catalogue
from ttc_explorer.models.local_verifiers import StepVerifier, WholeTextVerifier
from ttc_explorer.models.prompts import QWEN_MATH_SYSTEM_PROMPT
from ttc_explorer.models.protocol import Cost, ModelError, ScoreJob
from ttc_explorer.problems.problem import BadInput

OTHER = ("We subtract: 4 - 3 = 1.\n", "<|im_end|>ки + -")


@torch.no_grad()
def hidden(model, ids):
    """What the transformer without its head says at each token: (tokens, width)."""
    return model.base_model(input_ids=torch.tensor([ids])).last_hidden_state[0]


# Each makes a folder, and returns it with a function from steps to the scores after each of them,
# by the makers' formula on the whole text.


def qwen_math_prm(place):
    """github.com/QwenLM, model card of Qwen2.5-Math-PRM-7B."""
    tokenizer = qwen_tokenizer()
    model = tiny_qwen(tokenizer)
    head = nn.Sequential(random_linear(32, 32, 1), nn.ReLU(), random_linear(32, 2, 2))
    folder = save_model(place / "Qwen2.5-Math-PRM-7B", model, tokenizer)
    replace_head(
        folder,
        {f"score.{name}": weight.data for name, weight in head.named_parameters()},
        architectures=["Qwen2ForProcessRewardModel"],
        auto_map={"AutoModel": "modeling_qwen2_rm.Qwen2ForProcessRewardModel"},
    )

    def reference(steps):
        said = "<extra_0>".join(steps) + "<extra_0>"
        messages = [
            {"role": "system", "content": QWEN_MATH_SYSTEM_PROMPT},
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": said},
        ]
        ids = tokenizer(tokenizer.apply_chat_template(messages, tokenize=False))["input_ids"]
        chances = head(hidden(model, ids)).softmax(-1).detach()
        mark = tokenizer.convert_tokens_to_ids("<extra_0>")
        return [float(chances[i, 1]) for i, number in enumerate(ids) if number == mark]

    return folder, reference


def math_shepherd(place):
    """Model card of peiyi9979/math-shepherd-mistral-7b-prm."""
    tokenizer = mistral_tokenizer()
    model = tiny_mistral(tokenizer)
    folder = save_model(place / "math-shepherd-mistral-7b-prm", model, tokenizer)
    candidates = tokenizer.encode("+ -")[-2:]
    tag = tokenizer.encode("ки")[-1]

    def reference(steps):
        text = QUESTION + " " + "\n".join(f"{step} ки" for step in steps)
        ids = tokenizer.encode(text)
        with torch.inference_mode():
            chances = (
                model(input_ids=torch.tensor([ids])).logits[0][:, candidates].softmax(-1)[:, 0]
            )
        return [float(chances[i]) for i, number in enumerate(ids) if number == tag]

    return folder, reference


def rlhflow(place):
    """github.com/RLHFlow/RLHF-Reward-Modeling, math-rm/prm_evaluate.py."""
    tokenizer = llama_tokenizer()
    model = tiny_llama(tokenizer)
    folder = save_model(place / "Llama3.1-8B-PRM-Deepseek-Data", model, tokenizer)
    candidates = [tokenizer.encode("+")[-1], tokenizer.encode("-")[-1]]

    def reference(steps):
        conversation, scores = [], []
        for place, step in enumerate(steps):
            said = f"{QUESTION} {step}" if place == 0 else step
            conversation.append({"role": "user", "content": said})
            conversation.append({"role": "assistant", "content": "+"})
            text = tokenizer.apply_chat_template(conversation, tokenize=False)
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            with torch.inference_mode():
                logits = model(input_ids=torch.tensor([ids])).logits[0, -3, candidates]
            scores.append(float(logits.softmax(-1)[0]))
        return scores

    return folder, reference


def skywork(place):
    """github.com/SkyworkAI/skywork-o1-prm-inference, model_utils."""
    tokenizer = qwen_tokenizer(bos_token="<|im_start|>")
    model = tiny_qwen(tokenizer)
    head = random_linear(32, 1, 3)
    folder = save_model(place / "Skywork-PRM", model, tokenizer)
    replace_head(
        folder, {"v_head.summary.weight": head.weight.data, "v_head.summary.bias": head.bias.data}
    )

    def reference(steps):
        ids, places = tokenizer.encode(tokenizer.bos_token + QUESTION + "\n"), []
        for step in steps:
            ids += [*tokenizer.encode(step), tokenizer.encode("\n")[-1]]
            places.append(len(ids) - 1)
        values = head(hidden(model, ids)).sigmoid().detach()
        return [float(values[i, 0]) for i in places]

    return folder, reference


def trl(place):
    """trl.PRMTrainer, tokenize_row."""
    tokenizer = qwen_tokenizer()
    model = with_random_weights(
        Qwen2ForTokenClassification(Qwen2Config(num_labels=2, **tiny_config(tokenizer)))
    )
    folder = save_model(place / "prm-of-trl", model, tokenizer)

    def reference(steps):
        ids, places = tokenizer.encode(QUESTION), []
        for step in steps:
            ids += [*tokenizer.encode(step), *tokenizer.encode("\n")]
            places.append(len(ids) - 1)
        with torch.inference_mode():
            chances = model(input_ids=torch.tensor([ids])).logits[0].softmax(-1)
        return [float(chances[i, 1]) for i in places]

    return folder, reference


def reward_model(kind, tokenizer, config, **labels):
    def make(place):
        model = with_random_weights(kind(config(**tiny_config(tokenizer), **labels)))
        folder = save_model(place / "reward-model", model, tokenizer)

        def reference(steps):
            scores = []
            for end in range(1, len(steps) + 1):
                solution = "\n\n".join(steps[:end])
                if tokenizer.chat_template:
                    said = [
                        {"role": "user", "content": QUESTION},
                        {"role": "assistant", "content": solution},
                    ]
                    text = tokenizer.apply_chat_template(said, tokenize=False)
                    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
                else:
                    ids = tokenizer(QUESTION, solution)["input_ids"]
                with torch.inference_mode():
                    logits = model(input_ids=torch.tensor([ids])).logits[0]
                scores.append(
                    float(logits.sigmoid() if len(logits) == 1 else logits.softmax(-1)[1])
                )
            return scores

        return folder, reference

    return make


MAKERS = {
    "Qwen2.5-Math-PRM": qwen_math_prm,
    "Math-Shepherd": math_shepherd,
    "RLHFlow": rlhflow,
    "Skywork": skywork,
    "TRL": trl,
    "reward model on Llama": reward_model(
        LlamaForSequenceClassification, llama_tokenizer(), config=LlamaConfig, num_labels=1
    ),
    "reward model on Qwen2": reward_model(
        Qwen2ForSequenceClassification, qwen_tokenizer(), config=Qwen2Config, num_labels=2
    ),
    "reward model on an encoder": reward_model(
        BertForSequenceClassification, mistral_tokenizer(), config=BertConfig, num_labels=1
    ),
}


@pytest.fixture
def alone(monkeypatch):
    monkeypatch.delenv("TTC_DEVICE", raising=False)
    monkeypatch.setattr(catalogue, "_model_cache", {})


@pytest.mark.slow
@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("name", MAKERS)
def test_scores_are_those_of_the_makers_formula(name, tmp_path):
    """Along a path of a tree that also has other children, judged in the same batches."""
    folder, reference = MAKERS[name](tmp_path)
    verifier = catalogue.load_verifier(str(folder))
    assert type(verifier) is (WholeTextVerifier if "encoder" in name else StepVerifier)
    whole = reference(STEPS)
    assert len({round(score, 4) for score in whole}) == 3, "the toy should tell steps apart"
    (prefilled,) = verifier.prefill([QUESTION])
    state, costs, judged = prefilled.state, [prefilled.cost], []
    for step in STEPS:
        job = ScoreJob(state, step)
        row, *others = verifier.score([job, *(ScoreJob(state, text) for text in OTHER), job])
        assert others[-1].score == row.score
        judged.append(row.score)
        costs.append(row.cost)
        state = row.state
    assert judged == pytest.approx(whole, abs=1e-5)
    assert all(
        cost.verifier > 0
        and cost.flops == cost.verifier_flops > 2 * verifier.parameters * cost.verifier
        for cost in costs[1:]
    )
    if type(verifier) is StepVerifier:
        assert [cost.verifier for cost in costs[2:]] < [state.row.length // 2] * 2, (
            "prefixes are not read again"
        )
    (together,) = verifier.score([ScoreJob(prefilled.state, "\n".join(STEPS))])
    assert together.score == pytest.approx(whole[-1], abs=1e-5)


@pytest.mark.usefixtures("alone")
def test_what_is_read_is_charged(tmp_path):
    folder, _ = qwen_math_prm(tmp_path)
    verifier = catalogue.load_verifier(str(folder))
    fed, read = [], verifier.backbone.read
    verifier.backbone.read = lambda ids, *args, **more: (
        fed.append(ids.numel()) or read(ids, *args, **more)
    )
    (prefilled,) = verifier.prefill([QUESTION])
    cost, state = prefilled.cost, prefilled.state
    for step in STEPS:
        (row,) = verifier.score([ScoreJob(state, step)])
        cost, state = cost + row.cost, row.state
    assert cost.verifier == sum(fed) == state.row.length


@pytest.mark.usefixtures("alone")
def test_cancelled_and_overlong_steps_are_not_read(tmp_path):
    tokenizer = llama_tokenizer()
    folder = save_model(
        tmp_path / "rlhflow", tiny_llama(tokenizer, max_position_embeddings=60), tokenizer
    )
    verifier = catalogue.load_verifier(str(folder))
    (prefilled,) = verifier.prefill(["1+1"])
    jobs = [
        ScoreJob(prefilled.state, "2"),
        ScoreJob(prefilled.state, "x" * 99),
        ScoreJob(prefilled.state, "2", lambda: True),
    ]
    fits, overlong, stopped = verifier.score(jobs)
    assert fits.score > 0
    assert (overlong.score, overlong.cost, overlong.state) == (0.0, Cost(), prefilled.state)
    assert (stopped.score, stopped.cost) == (0.0, Cost())
    with pytest.raises(BadInput, match="too long for the model"):
        verifier.prefill(["1+" * 99])


@pytest.mark.usefixtures("alone")
def test_a_verifier_with_a_short_sliding_window_reads_again_and_pays(tmp_path):
    tokenizer = mistral_tokenizer()
    config = MistralConfig(sliding_window=16, **tiny_config(tokenizer))
    model = with_random_weights(MistralForCausalLM(config))
    folder = save_model(tmp_path / "math-shepherd", model, tokenizer)
    verifier = catalogue.load_verifier(str(folder))
    assert verifier.backbone.recomputes_prefix
    (prefilled,) = verifier.prefill([QUESTION])
    assert prefilled.cost == Cost()
    (row,) = verifier.score([ScoreJob(prefilled.state, STEPS[0])])
    ids = tokenizer.encode(f"{QUESTION} {STEPS[0]} ки")
    assert row.cost.verifier == len(ids)
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids])).logits[0, -1, tokenizer.encode("+ -")[-2:]]
    assert row.score == pytest.approx(float(logits.softmax(-1)[0]), abs=1e-5)


@pytest.mark.usefixtures("alone")
def test_missing_weights_are_not_made_up(tmp_path):
    folder, _ = qwen_math_prm(tmp_path)
    weights = folder / "model.safetensors"
    kept = load_file(weights)
    save_file(
        {k: v for k, v in kept.items() if k != "score.0.weight"}, weights, metadata={"format": "pt"}
    )
    with pytest.raises(ModelError, match=r"score\.0\.weight is missing"):
        catalogue.load_verifier(str(folder))
    save_file(
        {k: v for k, v in kept.items() if "layers.1.mlp" not in k},
        weights,
        metadata={"format": "pt"},
    )
    with pytest.raises(ModelError, match=r"layers\.1\.mlp\.\w+\.weight is missing"):
        catalogue.load_verifier(str(folder))


@pytest.mark.usefixtures("alone")
def test_code_of_the_authors_is_never_run(tmp_path):
    folder, _ = qwen_math_prm(tmp_path)
    (folder / "modeling_qwen2_rm.py").write_text("raise SystemExit('ran')")
    assert catalogue.load_verifier(str(folder)).name == "Qwen2.5-Math-PRM-7B"
    config = json.loads((folder / "config.json").read_text()) | {"model_type": "never_heard_of"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="needs Python code of its authors, which is never run"):
        catalogue.load_verifier(str(folder))
