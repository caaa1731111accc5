"""Presets: toy models of the same architectures and formats, loaded by the presets' names, through every
strategy; and what is said of a model before it is loaded."""

from __future__ import annotations

import json
from functools import partial

import pytest
from torch import nn
from transformers import MambaConfig, MambaForCausalLM, MistralConfig, MistralForCausalLM

from tests.models.published import (
    linear,
    llama,
    llama_tokenizer,
    qwen,
    qwen_tokenizer,
    reheaded,
    saved,
)
from tests.models.test_catalogue import save
from tests.models.toys import toy_judge, toy_qwen2, toy_shape, toy_tokenizer
from ttc_explorer.models import catalogue, description, hub, needs
from ttc_explorer.models.description import describe, listed
from ttc_explorer.models.formats import QwenMathPRM, RLHFlow, Skywork
from ttc_explorer.models.presets import PRESETS
from ttc_explorer.models.prompts import QWEN_MATH, SYSTEM
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.grading import Grader, examine
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategies import STRATEGIES
from ttc_explorer.search.trace import dump, load


def generator(place, preset):
    make, tokenizer = (llama, llama_tokenizer()) if "Llama" in preset.name else (qwen, qwen_tokenizer())
    tied = "7B" not in preset.name
    model = make(tokenizer, tie_word_embeddings=tied, max_position_embeddings=2048)
    return saved(place / preset.source, model, tokenizer)


def judge(place, preset):
    """A toy of the preset's verifier."""
    if preset.judge.format is RLHFlow:
        tokenizer = llama_tokenizer()
        return saved(place / preset.judge.source, llama(tokenizer), tokenizer)
    tokenizer = qwen_tokenizer()
    folder = saved(place / preset.judge.source, qwen(tokenizer), tokenizer)
    if preset.judge.format is Skywork:
        head = linear(32, 1, 1)
        return reheaded(folder, {f"v_head.summary.{k}": w.data for k, w in head.named_parameters()})
    assert preset.judge.format is QwenMathPRM
    head = nn.Sequential(linear(32, 32, 1), nn.ReLU(), linear(32, 2, 2))
    return reheaded(
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
    monkeypatch.setattr(description, "downloaded_folder", folder)
    monkeypatch.setattr(needs, "free_memory", lambda device: 10**12)
    monkeypatch.setattr(catalogue, "FOREIGN_STEP", 10)
    monkeypatch.setattr(catalogue, "_loaded", {})
    return tmp_path


@pytest.fixture(scope="module")
def grader():
    with Grader() as grader:
        yield grader


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_runs_every_strategy(name, downloaded, grader):
    preset = PRESETS[name]
    generator(downloaded, preset)
    judge(downloaded, preset)
    models = catalogue.load(name)
    assert catalogue.load(name) is models
    assert models.generator.name == name
    assert models.verifier.name == preset.judge.source.rpartition("/")[2]
    assert models.reviser.prompted
    prompt = models.generator.codec.prompt("1+1")
    asked = models.generator.codec._tokenizer.decode(prompt)
    assert (QWEN_MATH if "Math" in name else SYSTEM) in asked
    driver = Driver(
        models.generator, models.verifier, partial(examine, grader=grader), reviser=models.reviser
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
        assert load(dump(run)).ledger == run.ledger
    assert "peak_memory" not in json.loads(dump(runs[0]))["ledger"], "not known on a processor"
    runs[0].ledger.peak_memory = 12_345
    assert load(dump(runs[0])).ledger == runs[0].ledger
    revising = next(run for run in runs if run.strategy == "revise")
    assert revising.reviser == f"{name}, prompted"


def test_the_full_name_is_the_generator_alone(downloaded):
    preset = PRESETS["Qwen2.5-0.5B-Instruct"]
    generator(downloaded, preset)
    models = catalogue.load(preset.source)
    assert (models.generator.name, models.verifier) == (preset.name, None)
    said = describe(preset.source)
    assert (said.verifier, said.reviser, said.unusable) == (None, "prompted", None)
    assert said.generator.need.parameters == models.generator.parameters


@pytest.mark.usefixtures("downloaded")
def test_presets_that_are_not_here_say_why(monkeypatch):
    why = {
        True: "'meta-llama/Llama-3.2-1B-Instruct' is not downloaded, and its licence must be accepted first",
        False: "'Qwen/Qwen2.5-Math-7B-Instruct' is not downloaded, and Hugging Face cannot be reached",
    }
    for reachable, sentence in why.items():
        monkeypatch.setattr(hub.constants, "is_offline_mode", lambda: False)
        monkeypatch.setattr(hub, "_reachable", lambda reachable=reachable: reachable)
        monkeypatch.setattr(hub, "get_token", lambda: None)
        entries = {entry["name"]: entry for entry in listed() if entry["source"] == "Hugging Face"}
        json.dumps(entries)
        assert list(entries) == list(PRESETS)
        assert any(str(entry["why"]).startswith(sentence) for entry in entries.values())
    monkeypatch.setattr(hub, "_reachable", lambda: True)
    assert describe("Qwen2.5-Math-7B-Instruct").unusable is None
    monkeypatch.setattr(needs, "free_memory", lambda device: 20 * 10**9)
    assert "need 5" in describe("Qwen2.5-Math-7B-Instruct").unusable
    with pytest.raises(ModelError, match=r"Qwen2\.5-Math-7B-Instruct and .* GB of memory"):
        catalogue.load("Qwen2.5-Math-7B-Instruct")


def test_a_folder_too_large_for_this_machine_is_refused_before_its_weights_are_read(downloaded, monkeypatch):
    tokenizer = qwen_tokenizer()
    folder = saved(downloaded / "big", qwen(tokenizer), tokenizer)
    (folder / "model.safetensors").unlink()
    monkeypatch.setattr(needs, "free_memory", lambda device: 1000)
    with pytest.raises(ModelError, match="big need"):
        catalogue.load(str(folder))
    assert describe(str(folder)).unusable.startswith(f"{folder} need")


def test_descriptions_say_what_is_out_of_the_ordinary(downloaded):
    sliding = MistralForCausalLM(MistralConfig(**toy_shape(sliding_window=8)))
    long = MistralForCausalLM(MistralConfig(**toy_shape(sliding_window=4096, max_position_embeddings=9000)))
    mamba = MambaForCausalLM(MambaConfig(vocab_size=290, hidden_size=32, num_hidden_layers=1))
    made = {"sliding": sliding, "long": long, "mamba": mamba, "plain": toy_qwen2()}
    for name, model in made.items():
        saved(downloaded / name, model, toy_tokenizer())
    parts = {name: describe(str(downloaded / name)).generator for name in made}
    assert {name: part.rereads for name, part in parts.items()} == {
        "sliding": True,
        "long": False,
        "mamba": True,
        "plain": False,
    }
    assert "4,096" in parts["long"].notes[0]
    assert parts["plain"].notes == ()
    assert {part.format for part in parts.values()} == {description.LINES}
    for name, model in made.items():
        assert parts[name].parameters == sum(weight.numel() for weight in model.parameters())


def test_the_shipped_family_and_nonsense_are_described_too(downloaded, monkeypatch):
    monkeypatch.setattr(catalogue, "FOLDER", downloaded)
    save(downloaded / "base-s", toy_qwen2())
    assert "prm-exact' is missing: make it" in describe("base-s").unusable
    save(downloaded / "prm-exact", toy_judge())
    said = describe("base-s")
    assert (said.unusable, said.reviser, said.device) == (None, None, "cpu")
    assert said.room > 100
    assert "no folder 'no/such'" in describe("no/such").unusable
    assert "cannot be the generator" in describe(str(downloaded / "prm-exact")).unusable
    assert describe("http://127.0.0.1:1/v1").generator.source == "server"
    assert "cannot be reached" in describe("http://127.0.0.1:1/v1").unusable
    with pytest.raises(ModelError, match="Name a model"):
        describe("+prm")


def test_downloads_tell_how_far_they_are():
    """As huggingface_hub's snapshot_download uses a progress bar: totals grow, updates add up."""
    lines = []
    bar = hub.teller("some/model", lines.append)
    quiet = bar(total=0, initial=0, disable=False, name="huggingface_hub.snapshot_download.transfer")
    loud = bar(total=0, initial=0, disable=False, name="huggingface_hub.snapshot_download")
    for one in (quiet, loud):
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
    assert list(bar(range(3), desc="Fetching 3 files")) == [0, 1, 2]
