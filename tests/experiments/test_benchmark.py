"""The benchmark measures what it says: the same search, done the common way, and all figures are
there."""

from __future__ import annotations

import json
import sys

import pytest
import torch

from tests.models.toy_models import toy_qwen2, toy_token_classifier, toy_tokenizer
from ttc_explorer.experiments import benchmark
from ttc_explorer.experiments.peers.peer import find_peers
from ttc_explorer.models import catalogue
from ttc_explorer.models.protocol import ExtendJob, ModelError, ScoreJob


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Toy models where the shipped ones belong."""
    monkeypatch.setattr(catalogue, "MODELS_FOLDER", tmp_path)
    monkeypatch.setattr(catalogue, "_model_cache", {})
    for name, model in (("base-s", toy_qwen2()), ("prm-exact", toy_token_classifier())):
        model.save_pretrained(tmp_path / name)
        toy_tokenizer().save_pretrained(tmp_path / name)
    return catalogue.load_models()


BEAM = """
class BeamSearch:
    def __init__(self, steps, prm, width):
        self.steps, self.prm, self.width = steps, prm, width

    async def ainfer(self, lm, question, budget):
        first = await lm.agenerate([[Message(question)]] * budget, stop="\\n")
        texts = [message["content"] for message in first]
        turns = [[Message(question), Message(text + "\\n")] for text in texts]
        await lm.agenerate(turns[: self.width], stop="\\n")
        assert all(0 <= score <= 1 for score in await self.prm.ascore(question, texts))


class Message:
    def __init__(self, content):
        self.content = content
"""
STEPS = """
class StepGeneration:
    def __init__(self, max_steps, step_token, stop_token, temperature):
        assert (step_token, stop_token) == ("\\n", "Answer:")
"""


SAL_BEAM = """
from vllm import LLM, SamplingParams

def beam_search(examples, config, llm, prm):
    question, = examples["problem"]
    turns = [{"role": "system", "content": ""}, {"role": "user", "content": question}]
    ask = SamplingParams(stop=["two line ends"])
    prompts = llm.get_tokenizer().apply_chat_template([turns] * config.n, tokenize=False)
    first = [output.outputs[0] for output in llm.generate(prompts, ask, use_tqdm=False)]
    more = [[*turns, {"role": "assistant", "content": one.text}] for one in first]
    prompts = llm.get_tokenizer().apply_chat_template(more[: config.beam_width])
    last = [output.outputs[0] for output in llm.generate(prompts, SamplingParams(stop=None))]
    assert {output.stop_reason for output in last} == {None}
    scores = prm.score([question] * 2, [[one.text] for one in first[:2]])
    assert all(0 <= score <= 1 for (score,), in scores)
"""
SAL_CONFIG = "from types import SimpleNamespace as Config"
STAND_INS = {
    "its_hub/core/algorithms/beam_search.py": BEAM,
    "its_hub/core/lms/step_generation.py": STEPS,
    "sal/search/beam_search.py": SAL_BEAM,
    "sal/config.py": SAL_CONFIG,
}


@pytest.fixture
def peers(tmp_path):
    """A folder with what stands for the libraries; none of it is a module when the test is done."""

    def forget():
        for name in [name for name in sys.modules if name.partition(".")[0] in ("its_hub", "sal")]:
            del sys.modules[name]

    forget()
    for path, text in STAND_INS.items():
        (tmp_path / "peers" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "peers" / path).write_text(text)
    yield tmp_path / "peers"
    forget()


def test_peers_that_are_not_there_are_left_out(tmp_path):
    found, missing = find_peers(tmp_path, None)
    assert not found
    assert missing == {
        "its_hub": "left out: there is no folder its_hub in the folder of peers",
        "search_and_learn": "left out: there is no folder sal in the folder of peers",
    }
    assert find_peers(None, None) == ({}, {})
    assert str(tmp_path) not in sys.path


@pytest.mark.slow
def test_all_figures_are_there(shipped, peers, monkeypatch):
    monkeypatch.setattr(benchmark, "ROWS", 4)
    monkeypatch.setattr(benchmark, "TOKENS", 3)
    monkeypatch.setattr(benchmark, "BUDGETS", (4,))
    monkeypatch.setattr(benchmark, "MATRIX", 32)
    figures = benchmark.run_bench(questions=1, repeats=1, peers=peers)
    json.dumps(figures)
    assert figures["decode"]["fused_ratio"] > 0
    assert figures["decode"]["fused_share_of_matrix_rate"] > 0
    for name in ("beam_4", "rebase_4", "best_of_n_4"):
        assert figures[name]["transformers"]["ratio"] > 0
        assert figures[name]["ours"]["generated_tokens"] > 4
        assert figures[name]["transformers"]["generated_tokens"] > 4
    for name in ("its_hub", "search_and_learn"):
        assert figures["beam_4"][name]["ratio"] > 0
        assert figures["beam_4"][name]["generated_tokens"] > 4
        assert name not in figures["rebase_4"].keys() | figures.keys()
    assert "vllm" not in sys.modules


def test_the_yardstick_takes_the_same_steps_and_scores(shipped, monkeypatch):
    """At temperature 0 both decode the same line, and both verifiers say the same about it."""
    baseline = benchmark.TransformersBaseline(
        toy_qwen2(), toy_token_classifier(), shipped.generator.codec
    )
    generate = baseline.model.generate
    monkeypatch.setattr(
        baseline.model,
        "generate",
        lambda **asked: generate(**asked | {"do_sample": False, "temperature": 1.0}),
    )
    questions = ["3+4", "a longer one: 12+29"]
    prompts = [baseline.codec.prompt(question) for question in questions]
    with torch.inference_mode():
        steps = baseline.steps(prompts)
        scores = baseline.scores(
            [prompt + step for prompt, step in zip(prompts, steps, strict=True)]
        )
    prefilled = shipped.generator.prefill(questions)
    rows = shipped.generator.extend(
        [ExtendJob(o.state, 0.0, (i,)) for i, o in enumerate(prefilled)]
    )
    assert baseline.codec.texts(steps) == [row.text for row in rows]
    read = shipped.verifier.prefill(questions)
    scored = shipped.verifier.score(
        [ScoreJob(o.state, r.text) for o, r in zip(read, rows, strict=True)]
    )
    assert [j.score for j in scored] == pytest.approx(scores, abs=1e-4)


def test_without_models_there_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "MODELS_FOLDER", tmp_path)
    monkeypatch.setattr(catalogue, "_model_cache", {})
    with pytest.raises(ModelError, match="is missing: make it with"):
        benchmark.run_bench()
