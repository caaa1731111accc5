"""Published verifiers behind a server: the formats of ``test_verifier_formats.py``, read and scored
as their makers do, with what vLLM sends for their heads."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

from tests.models.test_verifier_formats import MAKERS, math_shepherd, qwen_math_prm, skywork
from tests.models.tiny_published_models import (
    QUESTION,
    STEPS,
    qwen_tokenizer,
    save_model,
    tiny_qwen,
)
from tests.server.toy_server import ToyServer, token_outputs
from ttc_explorer.models.generative_verifier import GenerativeVerifier
from ttc_explorer.models.prompts import QWEN_MATH_SYSTEM_PROMPT, SYSTEM_PROMPT
from ttc_explorer.models.protocol import Cost, ModelError, ScoreJob
from ttc_explorer.models.server_factory import connect_generator, connect_verifier

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("TTC_API_KEY", raising=False)


def server_of_folder(folder, *ignores):
    """A server of the model in a folder, by its architecture, as vLLM serves it."""
    kind = json.loads((folder / "config.json").read_text())["architectures"][0]
    if kind.endswith("ForCausalLM"):
        writer = AutoModelForCausalLM.from_pretrained(folder).eval()
        return ToyServer({"/pooling", *ignores}, folder=folder, writer=writer)
    judge = step_tag_outputs(folder)
    if kind.endswith("ForTokenClassification"):
        judge = token_outputs(AutoModelForTokenClassification.from_pretrained(folder).eval())
    elif kind.endswith("ForSequenceClassification"):
        judge = whole_text_outputs(
            AutoModelForSequenceClassification.from_pretrained(folder).eval()
        )
    return ToyServer({"completions", "chat/completions", *ignores}, folder=folder, judge=judge)


def step_tag_outputs(folder):
    """STEP pooling of Qwen2.5-Math-PRM: the softmax of its head at every ``<extra_0>``."""
    model, weights = (
        AutoModel.from_pretrained(folder).eval(),
        load_file(folder / "model.safetensors"),
    )
    mark = AutoTokenizer.from_pretrained(folder).convert_tokens_to_ids("<extra_0>")

    def judge(ids):
        states = model(torch.tensor([ids])).last_hidden_state[0]
        inner = (states @ weights["score.0.weight"].T + weights["score.0.bias"]).relu()
        chances = (inner @ weights["score.2.weight"].T + weights["score.2.bias"]).softmax(-1)
        return chances[torch.tensor(ids) == mark].tolist()

    return judge


def whole_text_outputs(model):
    """A sequence classifier's labels, flat: the sigmoid of one, the softmax of more."""

    def judge(ids):
        logits = model(torch.tensor([ids])).logits[0]
        return (logits.sigmoid() if len(logits) == 1 else logits.softmax(-1)).tolist()

    return judge


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "Skywork"])
def test_scores_are_those_of_the_makers_formula(name, tmp_path):
    folder, reference = MAKERS[name](tmp_path)
    with server_of_folder(folder).running() as running:
        verifier = connect_verifier(running.address, {})
        before = dict(running.usage)
        (prefilled,) = verifier.prefill([QUESTION])
        state, judged, cost = prefilled.state, [], Cost()
        for step in STEPS:
            row, other = verifier.score([ScoreJob(state, step), ScoreJob(state, "Or 4 - 3 = 1.")])
            assert other.score != row.score
            judged.append(row.score)
            cost += row.cost + other.cost
            state = row.state
        (together,) = verifier.score([ScoreJob(prefilled.state, "\n".join(STEPS))])
        cost += together.cost
    assert judged == pytest.approx(reference(STEPS), abs=1e-5)
    assert together.score == pytest.approx(judged[-1], abs=1e-6)
    assert cost.verifier == sum(running.usage.values()) - sum(before.values())
    assert cost == Cost(verifier=cost.verifier, verifier_flops=2000 * cost.verifier)


def test_a_value_head_that_no_server_gives_is_refused(tmp_path):
    folder, _ = skywork(tmp_path)
    with (
        ToyServer(folder=folder).running() as running,
        pytest.raises(ModelError, match="value head"),
    ):
        connect_verifier(running.address, {})


def test_a_language_model_of_no_known_format_judges_in_words(tmp_path):
    tokenizer = qwen_tokenizer()
    folder = save_model(tmp_path / "chatty", tiny_qwen(tokenizer), tokenizer)
    with server_of_folder(folder).running() as running:
        assert isinstance(connect_verifier(running.address, {}), GenerativeVerifier)
    with (
        ToyServer(folder=folder).running() as running,
        pytest.raises(ModelError, match="no verifier of a kind"),
    ):
        connect_verifier(running.address, {})


@pytest.mark.parametrize(
    ("lacks", "match"),
    [("logprob_token_ids", "would write [+] and -"), ("token_ids", "use `vllm serve MODEL`")],
)
def test_a_server_that_does_not_tell_the_signs_is_found_out_when_connecting(lacks, match, tmp_path):
    folder, _ = math_shepherd(tmp_path)
    with (
        server_of_folder(folder, lacks).running() as running,
        pytest.raises(ModelError, match=match),
    ):
        connect_verifier(running.address, {})


def test_a_head_that_is_served_as_a_generator_says_how_to_serve_it(tmp_path):
    folder, _ = qwen_math_prm(tmp_path)
    server = ToyServer({"/pooling"}, folder=folder, writer=tiny_qwen(qwen_tokenizer()))
    with server.running() as running, pytest.raises(ModelError, match="--runner pooling"):
        connect_verifier(running.address, {})


@pytest.mark.parametrize(
    ("name", "system"),
    [
        ("Qwen2.5-Math-1.5B-Instruct", QWEN_MATH_SYSTEM_PROMPT),
        ("Qwen2.5-1.5B-Instruct", SYSTEM_PROMPT),
    ],
)
@pytest.mark.parametrize("lacks", ["/pooling", "token_ids", "completions"])
def test_a_chat_model_gets_the_system_prompt_that_it_gets_here(name, system, lacks, tmp_path):
    """By ids, as a text, and as a chat."""
    tokenizer = qwen_tokenizer()
    folder = save_model(tmp_path / name, tiny_qwen(tokenizer), tokenizer)
    served = ToyServer({lacks}, model=name, folder=folder, writer=tiny_qwen(tokenizer))
    with served.running() as running:
        state = connect_generator(running.address, {}).prefill([QUESTION])[0].state
    if lacks == "completions":
        assert state.messages[0] == {"role": "system", "content": system}
        return
    content = state.content if isinstance(state.content, str) else tokenizer.decode(state.content)
    assert content.startswith(
        f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{QUESTION}"
    )
