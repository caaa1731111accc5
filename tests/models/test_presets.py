"""Presets: toy models of the same architectures and formats, loaded by the presets' names, through
every strategy; and what is said of a model before it is loaded."""

from __future__ import annotations

import json
from functools import partial

import pytest
from torch import nn
from transformers import MambaConfig, MambaForCausalLM, MistralConfig, MistralForCausalLM

from tests.models.test_catalogue import save_shipped
from tests.models.tiny_published_models import (
    llama_tokenizer,
    qwen_tokenizer,
    random_linear,
    replace_head,
    save_model,
    tiny_llama,
    tiny_qwen,
)
from tests.models.toy_models import toy_config, toy_qwen2, toy_token_classifier, toy_tokenizer
from ttc_explorer.models import catalogue, hub, memory_estimate, model_description
from ttc_explorer.models.model_description import describe, list_models
from ttc_explorer.models.presets import MODEL_PRESETS
from ttc_explorer.models.prompts import QWEN_MATH_SYSTEM_PROMPT, SYSTEM_PROMPT
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.models.verifier_formats import QwenMathPRMFormat, RLHFlowFormat, SkyworkFormat
from ttc_explorer.problems.grading import Grader, make_answer_checker
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.search.trace import dump_trace, load_trace


def save_toy_generator(place, preset):
    make, tokenizer = (
        (tiny_llama, llama_tokenizer()) if "Llama" in preset.name else (tiny_qwen, qwen_tokenizer())
    )
    tied = "7B" not in preset.name
    model = make(tokenizer, tie_word_embeddings=tied, max_position_embeddings=2048)
    return save_model(place / preset.source, model, tokenizer)


def save_toy_verifier(place, preset):
    """A toy of the preset's verifier."""
    if preset.verifier.format is RLHFlowFormat:
        tokenizer = llama_tokenizer()
        return save_model(place / preset.verifier.source, tiny_llama(tokenizer), tokenizer)
    tokenizer = qwen_tokenizer()
    folder = save_model(place / preset.verifier.source, tiny_qwen(tokenizer), tokenizer)
    if preset.verifier.format is SkyworkFormat:
        head = random_linear(32, 1, 1)
        return replace_head(
            folder, {f"v_head.summary.{k}": w.data for k, w in head.named_parameters()}
        )
    assert preset.verifier.format is QwenMathPRMFormat
    head = nn.Sequential(random_linear(32, 32, 1), nn.ReLU(), random_linear(32, 2, 2))
    return replace_head(
        folder,
        {f"score.{k}": w.data for k, w in head.named_parameters()},
        architectures=["Qwen2ForProcessRewardModel"],
    )


@pytest.fixture
def downloaded(tmp_path, monkeypatch):
    """Toys stand where the downloads of the presets would."""

    def folder(name):
        return tmp_path / name if (tmp_path / name / "config.json").is_file() else None

    monkeypatch.setattr(hub, "downloaded_folder", folder)
    monkeypatch.setattr(model_description, "downloaded_folder", folder)
    monkeypatch.setattr(memory_estimate, "free_memory", lambda device: 10**12)
    monkeypatch.setattr(catalogue, "FOREIGN_MAX_STEP_TOKENS", 10)
    monkeypatch.setattr(catalogue, "_model_cache", {})
    return tmp_path


@pytest.fixture(scope="module")
def grader():
    with Grader() as grader:
        yield grader


@pytest.mark.slow
@pytest.mark.parametrize("name", MODEL_PRESETS)
def test_each_preset_runs_every_strategy(name, downloaded, grader):
    preset = MODEL_PRESETS[name]
    save_toy_generator(downloaded, preset)
    save_toy_verifier(downloaded, preset)
    models = catalogue.load_models(name)
    assert catalogue.load_models(name) is models
    assert models.generator.name == name
    assert models.verifier.name == preset.verifier.source.rpartition("/")[2]
    assert models.reviser.prompted
    prompt = models.generator.codec.prompt("1+1")
    prompt_text = models.generator.codec._tokenizer.decode(prompt)
    assert (QWEN_MATH_SYSTEM_PROMPT if "Math" in name else SYSTEM_PROMPT) in prompt_text
    driver = Driver(
        models.generator,
        models.verifier,
        partial(make_answer_checker, grader=grader),
        reviser=models.reviser,
    )
    runs = [
        Run(
            Problem("What is 3 + 4?", "7"),
            name,
            models.verifier.name,
            strategy,
            4,
            0,
            Settings(rounds=3, width=2),
        )
        for strategy in STRATEGIES
    ]
    for run in runs:
        driver.add(run)
    while driver.tick():
        pass
    for run in runs:
        assert run.error is None, run.strategy
        assert run.ledger.generated_tokens > 0
        assert run.ledger.verifier_tokens > 0 or run.strategy == "greedy"
        assert load_trace(dump_trace(run)).ledger == run.ledger
    assert "peak_memory" not in json.loads(dump_trace(runs[0]))["ledger"], (
        "not known on a processor"
    )
    runs[0].ledger.peak_memory = 12_345
    assert load_trace(dump_trace(runs[0])).ledger == runs[0].ledger
    revising = next(run for run in runs if run.strategy == "revise")
    assert revising.reviser == f"{name}, prompted"


def test_the_full_name_is_the_generator_alone(downloaded):
    preset = MODEL_PRESETS["Qwen2.5-0.5B-Instruct"]
    save_toy_generator(downloaded, preset)
    models = catalogue.load_models(preset.source)
    assert (models.generator.name, models.verifier) == (preset.name, None)
    description = describe(preset.source)
    assert (description.verifier, description.reviser, description.unusable) == (
        None,
        "prompted",
        None,
    )
    assert description.generator.need.parameters == models.generator.parameters


@pytest.mark.usefixtures("downloaded")
def test_presets_that_are_not_here_say_why(monkeypatch):
    why = {
        True: "'meta-llama/Llama-3.2-1B-Instruct' is not downloaded, and its licence must be "
        "accepted first",
        False: "'Qwen/Qwen2.5-Math-7B-Instruct' is not downloaded, and Hugging Face cannot be "
        "reached",
    }
    for reachable, sentence in why.items():
        monkeypatch.setattr(hub.constants, "is_offline_mode", lambda: False)
        monkeypatch.setattr(hub, "hub_reachable", lambda reachable=reachable: reachable)
        monkeypatch.setattr(hub, "get_token", lambda: None)
        entries = {
            entry["name"]: entry for entry in list_models() if entry["source"] == "Hugging Face"
        }
        json.dumps(entries)
        assert list(entries) == list(MODEL_PRESETS)
        assert any(str(entry["why"]).startswith(sentence) for entry in entries.values())
    monkeypatch.setattr(hub, "hub_reachable", lambda: True)
    assert describe("Qwen2.5-Math-7B-Instruct").unusable is None
    monkeypatch.setattr(memory_estimate, "free_memory", lambda device: 20 * 10**9)
    assert "need 5" in describe("Qwen2.5-Math-7B-Instruct").unusable
    with pytest.raises(ModelError, match=r"Qwen2\.5-Math-7B-Instruct and .* GB of memory"):
        catalogue.load_models("Qwen2.5-Math-7B-Instruct")


def test_a_folder_too_large_for_this_machine_is_refused_before_its_weights_are_read(
    downloaded, monkeypatch
):
    tokenizer = qwen_tokenizer()
    folder = save_model(downloaded / "big", tiny_qwen(tokenizer), tokenizer)
    monkeypatch.setattr(catalogue.model_loading, "load_causal_lm", None)
    monkeypatch.setattr(memory_estimate, "free_memory", lambda device: 1000)
    with pytest.raises(ModelError, match="big need"):
        catalogue.load_models(str(folder))
    assert describe(str(folder)).unusable.startswith(f"{folder} need")


def test_descriptions_say_what_is_out_of_the_ordinary(downloaded):
    sliding = MistralForCausalLM(MistralConfig(**toy_config(sliding_window=8)))
    long = MistralForCausalLM(
        MistralConfig(**toy_config(sliding_window=4096, max_position_embeddings=9000))
    )
    mamba = MambaForCausalLM(MambaConfig(vocab_size=290, hidden_size=32, num_hidden_layers=1))
    models_by_name = {"sliding": sliding, "long": long, "mamba": mamba, "plain": toy_qwen2()}
    for name, model in models_by_name.items():
        save_model(downloaded / name, model, toy_tokenizer())
    parts = {name: describe(str(downloaded / name)).generator for name in models_by_name}
    assert {name: part.recomputes_prefix for name, part in parts.items()} == {
        "sliding": True,
        "long": False,
        "mamba": True,
        "plain": False,
    }
    assert "4,096" in parts["long"].notes[0]
    assert parts["plain"].notes == ()
    assert {part.format for part in parts.values()} == {model_description.LINE_STEPS}
    for name, model in models_by_name.items():
        assert parts[name].parameters == sum(weight.numel() for weight in model.parameters())


def test_the_shipped_family_and_nonsense_are_described_too(downloaded, monkeypatch):
    monkeypatch.setattr(catalogue, "MODELS_FOLDER", downloaded)
    save_shipped(downloaded / "base-s", toy_qwen2())
    assert "prm-exact' is missing: make it" in describe("base-s").unusable
    save_shipped(downloaded / "prm-exact", toy_token_classifier())
    description = describe("base-s")
    assert (description.unusable, description.reviser, description.device) == (None, None, "cpu")
    assert description.room > 100
    assert "no folder 'no/such'" in describe("no/such").unusable
    assert "cannot be the generator" in describe(str(downloaded / "prm-exact")).unusable
    assert describe("http://127.0.0.1:1/v1").generator.source == "server"
    assert "cannot be reached" in describe("http://127.0.0.1:1/v1").unusable
    with pytest.raises(ModelError, match="Name a model"):
        describe("+prm")


@pytest.mark.slow
def test_downloads_tell_how_far_they_are():
    """As huggingface_hub's snapshot_download uses a progress bar: totals grow, updates add up."""
    lines = []
    bar_class = hub.progress_bar_class("some/model", lines.append)
    silent_bar = bar_class(
        total=0, initial=0, disable=False, name="huggingface_hub.snapshot_download.transfer"
    )
    byte_bar = bar_class(
        total=0, initial=0, disable=False, name="huggingface_hub.snapshot_download"
    )
    for one in (silent_bar, byte_bar):
        one.total += 2_000_000_000
        one.refresh()
        one.update(500_000_000)
        one.set_description("x")
        one.update(250_000_000)
        one.close()
    assert lines == [
        "some/model: 0.50 of 2.00 GB downloaded",
        "some/model: 0.75 of 2.00 GB downloaded",
    ]
    assert list(bar_class(range(3), desc="Fetching 3 files")) == [0, 1, 2]
