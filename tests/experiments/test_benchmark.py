"""The benchmark measures what it says: the same search, done the common way, and all figures are
there."""

from __future__ import annotations

import json
import sys

import pytest
import torch

from tests.models.toy_models import toy_qwen2, toy_token_classifier, toy_tokenizer
from ttc_explorer.experiments import benchmark
from ttc_explorer.experiments.peer_searches import find_peers
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


@pytest.fixture
def forget_its_hub(monkeypatch):
    """What stands for its_hub is no module any more when the test is done."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "its_hub"]:
        monkeypatch.delitem(sys.modules, name)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "its_hub"]:
        del sys.modules[name]


def test_peers_that_are_not_there_are_left_out(tmp_path):
    found, missing = find_peers(tmp_path, None)
    assert not found
    assert missing == {"its_hub": "left out: there is no folder its_hub in the folder of peers"}
    assert find_peers(None, None) == ({}, {})
    assert str(tmp_path) not in sys.path


@pytest.mark.slow
def test_all_figures_are_there(shipped, tmp_path, monkeypatch, forget_its_hub):
    monkeypatch.setattr(benchmark, "ROWS", 4)
    monkeypatch.setattr(benchmark, "TOKENS", 3)
    monkeypatch.setattr(benchmark, "BUDGETS", (4,))
    monkeypatch.setattr(benchmark, "MATRIX", 32)
    (tmp_path / "peers" / "its_hub" / "core" / "algorithms").mkdir(parents=True)
    (tmp_path / "peers" / "its_hub" / "core" / "lms").mkdir()
    (tmp_path / "peers" / "its_hub" / "core" / "algorithms" / "beam_search.py").write_text(BEAM)
    (tmp_path / "peers" / "its_hub" / "core" / "lms" / "step_generation.py").write_text(STEPS)
    figures = benchmark.run_bench(questions=1, repeats=1, peers=tmp_path / "peers")
    json.dumps(figures)
    assert figures["decode"]["fused_ratio"] > 0
    assert figures["decode"]["fused_share_of_matrix_rate"] > 0
    for name in ("beam_4", "rebase_4", "best_of_n_4"):
        assert figures[name]["transformers"]["ratio"] > 0
        assert figures[name]["ours"]["generated_tokens"] > 4
        assert figures[name]["transformers"]["generated_tokens"] > 4
    assert figures["beam_4"]["its_hub"]["ratio"] > 0
    assert figures["beam_4"]["its_hub"]["generated_tokens"] > 4
    assert "its_hub" not in figures["rebase_4"].keys() | figures.keys()


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
