"""The benchmark measures what it says: the same search, done the common way, and all figures are
there."""

from __future__ import annotations

import json

import pytest
import torch

from tests.models.toy_models import toy_qwen2, toy_token_classifier, toy_tokenizer
from ttc_explorer.experiments import benchmark
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


@pytest.mark.slow
def test_all_figures_are_there(shipped, monkeypatch):
    monkeypatch.setattr(benchmark, "ROWS", 4)
    monkeypatch.setattr(benchmark, "TOKENS", 3)
    monkeypatch.setattr(benchmark, "BUDGETS", (4,))
    monkeypatch.setattr(benchmark, "MATRIX", 32)
    figures = benchmark.run_bench(questions=1, repeats=1)
    json.dumps(figures)
    assert figures["decode"]["fused_ratio"] > 0
    assert figures["decode"]["fused_share_of_matrix_rate"] > 0
    for name in ("beam_4", "rebase_4", "best_of_n_4"):
        assert figures[name]["ratio"] > 0
        assert figures[name]["ours"]["generated_tokens"] > 4
        assert figures[name]["transformers"]["generated_tokens"] > 4


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
        steps = baseline._steps(prompts)
        scores = baseline._scores(
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
