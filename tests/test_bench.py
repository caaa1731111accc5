"""The benchmark measures what it says: the same search, done the common way, and all figures are there."""

from __future__ import annotations

import json

import pytest
import torch

from tests.models.toys import toy_judge, toy_qwen2, toy_tokenizer
from ttc_explorer import bench
from ttc_explorer.models import catalogue
from ttc_explorer.models.protocol import ExtendJob, ModelError, ScoreJob


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Toy models where the shipped ones belong."""
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    monkeypatch.setattr(catalogue, "_loaded", {})
    for name, model in (("base-s", toy_qwen2()), ("prm-exact", toy_judge())):
        model.save_pretrained(tmp_path / name)
        toy_tokenizer().save_pretrained(tmp_path / name)
    return catalogue.load()


def test_all_figures_are_there(shipped, monkeypatch):
    monkeypatch.setattr(bench, "ROWS", 4)
    monkeypatch.setattr(bench, "TOKENS", 3)
    monkeypatch.setattr(bench, "BUDGETS", (4,))
    figures = bench.run_bench(questions=1, repeats=1)
    json.dumps(figures)
    assert figures["decode"]["fused_ratio"] > 0
    assert figures["beam_4"]["ratio"] > 0
    assert figures["beam_4"]["ours"]["generated_tokens"] > 4


def test_the_yardstick_takes_the_same_steps_and_scores(shipped, monkeypatch):
    """At temperature 0 both decode the same line, and both verifiers say the same about it."""
    peer = bench.Peer(toy_qwen2(), toy_judge(), shipped.generator.codec)
    generate = peer.model.generate
    monkeypatch.setattr(
        peer.model, "generate", lambda **asked: generate(**asked | {"do_sample": False, "temperature": 1.0})
    )
    questions = ["3+4", "a longer one: 12+29"]
    prompts = [peer.codec.prompt(question) for question in questions]
    with torch.inference_mode():
        steps = peer._steps(prompts)
        scores = peer._scores([prompt + step for prompt, step in zip(prompts, steps, strict=True)])
    opened = shipped.generator.open(questions)
    rows = shipped.generator.extend([ExtendJob(o.state, 0.0, (i,)) for i, o in enumerate(opened)])
    assert peer.codec.texts(steps) == [row.text for row in rows]
    read = shipped.verifier.open(questions)
    judged = shipped.verifier.score([ScoreJob(o.state, r.text) for o, r in zip(read, rows, strict=True)])
    assert [j.score for j in judged] == pytest.approx(scores, abs=1e-4)


def test_without_models_there_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    monkeypatch.setattr(catalogue, "_loaded", {})
    with pytest.raises(ModelError, match="is missing: make it with"):
        bench.run_bench()
