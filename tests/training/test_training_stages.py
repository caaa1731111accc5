"""The stages at toy size: what they make, and a kill and resume that changes nothing."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager, nullcontext
from functools import partial
from random import Random

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoModelForTokenClassification,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
)

from ttc_explorer.models.tree_decoding import TreeGenerator
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.training import (
    generator_training,
    solution_samples,
    training_loop,
    training_stages,
    verifier_training,
)
from ttc_explorer.training.muon import Muon
from ttc_explorer.training.training_data import IGNORED, TrainingBatches, TrainingExample
from ttc_explorer.training.training_loop import Schedule, train
from ttc_explorer.training.training_recipe import RECIPES
from ttc_explorer.training.training_stages import STAGE_INPUTS, STAGES, train_family

GENERATORS = ("base-s", "base-m", "base-l", "reviser", "distilled-s")
VERIFIERS = ("prm-exact", "prm", "orm", "reviser-prm")
TABLES = ("samples", "rollouts", "chains", "own-chains", "revisions")


def test_smoke_makes_models_that_transformers_loads(smoke):
    trained_with = AutoTokenizer.from_pretrained(smoke.out / "tokenizer")
    for name in (*GENERATORS, *VERIFIERS):
        kind = AutoModelForCausalLM if name in GENERATORS else AutoModelForTokenClassification
        model = kind.from_pretrained(smoke.out / name)
        assert model.dtype == torch.float16
        assert name in GENERATORS or model.config.num_labels == 2
        assert all(torch.isfinite(p).all() for p in model.parameters())
        tokenizer = AutoTokenizer.from_pretrained(smoke.out / name)
        for text in ("Compute 2/3+11/14.", "There are some coins in Mia's box.", "  a\n\n b?!"):
            assert tokenizer(text)["input_ids"] == trained_with(text)["input_ids"]
        prompt = tokenizer.apply_chat_template(
            [{"role": "user", "content": "Solve\n2x+5=9."}],
            add_generation_prompt=True,
            tokenize=False,
        )
        assert prompt == "<bos>Solve 2x+5=9.\n"


def test_every_model_has_its_card_and_its_log(smoke):
    for name in (*GENERATORS, *VERIFIERS):
        card = (smoke.out / name / "README.md").read_text(encoding="utf-8")
        assert "## Measured" in card
        assert "| " in card.partition("## Measured")[2]
        log = pd.read_parquet(smoke.out / name / "training.parquet")
        assert log["step"].iloc[-1] == (12 if name == "reviser" else 4)  # it learns in three rounds
        assert {"tokens", "seconds", "rate", "loss"} < set(log)
    metrics = json.loads((smoke.out / "measured.json").read_text(encoding="utf-8"))
    assert metrics["questions"] == RECIPES["smoke"].measured_problems
    assert set(metrics["verifiers"]) == {"prm-exact", "prm", "orm", "rule"}
    assert len(metrics["revisions"]["pass@1"]) == 16


def test_finished_stages_are_not_run_again_on_resume(smoke, monkeypatch):
    for name in STAGES:
        monkeypatch.setitem(STAGES, name, lambda *_: pytest.fail("ran again"))
    train_family("smoke", smoke.out, resume=True)


@pytest.mark.parametrize("stage", [stage for stage in STAGES if STAGE_INPUTS[stage]])
def test_a_stage_without_its_forerunner_is_refused(tmp_path, stage):
    with pytest.raises(
        BadInput, match=rf"Stage {stage} reads .*{STAGE_INPUTS[stage][0]}, which is not there"
    ):
        train_family("smoke", tmp_path, stage=stage)


def test_unknown_names_are_refused(tmp_path):
    with pytest.raises(BadInput, match="Unknown recipe"):
        train_family("large", tmp_path)
    with pytest.raises(BadInput, match="Unknown stage"):
        train_family("smoke", tmp_path, stage="rlhf")


class Killed(BaseException):
    """Like a kill: nothing that handles errors handles it."""


class Killer:
    """Kills a stage once at a random optimiser step, and once at a random call of a generator."""

    def __init__(self, rng):
        self.rng = rng
        self.left = {}

    def aim(self):
        self.left = {"step": self.rng.randint(1, 4), "extend": self.rng.randint(1, 3)}

    def before(self, what, method):
        def struck(*arguments, **named):
            if what in self.left:
                self.left[what] -= 1
                if not self.left[what]:
                    del self.left[what]
                    raise Killed
            return method(*arguments, **named)

        return struck


def test_killed_in_every_stage_and_resumed_gives_the_same_weights(smoke, tmp_path, monkeypatch):
    killer = Killer(Random(8))
    monkeypatch.setattr(Muon, "step", killer.before("step", Muon.step))
    monkeypatch.setattr(TreeGenerator, "extend", killer.before("extend", TreeGenerator.extend))
    for module in (generator_training, verifier_training):
        monkeypatch.setattr(module, "train", partial(train, minutes_between_checkpoints=0))
    kills = {}
    for stage in STAGES:
        if stage == "measure":  # makes no weights
            continue
        killer.aim()
        kills[stage] = 0
        while True:
            try:
                train_family("smoke", tmp_path, stage, resume=True)
                break
            except Killed:
                kills[stage] += 1
    assert kills.pop("tokenizer") == 0
    assert kills.pop("reviser") == kills.pop("reviser-verifier") == 2  # they sample and train
    assert kills == dict.fromkeys(kills, 1)
    for name in (*GENERATORS, *VERIFIERS):
        whole, cut = (
            (out / name / "model.safetensors").read_bytes() for out in (smoke.out, tmp_path)
        )
        assert whole == cut
        logs = (pd.read_parquet(out / name / "training.parquet") for out in (smoke.out, tmp_path))
        pd.testing.assert_frame_equal(*(log.drop(columns="seconds") for log in logs))
    for name in TABLES:
        tables = sorted((smoke.out / "work" / name).glob("*"))
        assert tables
        for table in tables:
            assert table.read_bytes() == (tmp_path / "work" / name / table.name).read_bytes()


@pytest.mark.parametrize(
    ("stage", "module", "place", "writes"),
    [
        ("tokenizer", training_stages, "replaced_folder", 0),
        ("base-s", training_loop, "replaced_file", 2),
        ("base-s", generator_training, "replaced_folder", 0),
        ("samples", solution_samples, "replaced_file", 0),
        ("prm-exact", verifier_training, "replaced_folder", 0),
    ],
)
def test_a_full_disk_is_one_sentence_and_the_stage_goes_on(
    smoke, tmp_path, monkeypatch, full_disk, stage, module, place, writes
):
    """The disk is full after some ``writes`` by way of ``place``."""
    out = tmp_path / "out"
    shutil.copytree(smoke.out, out)
    for made in (out / stage, out / "work" / stage):
        shutil.rmtree(made, ignore_errors=True)
    (out / "work" / f"{stage}.done").unlink()
    new_place, written = getattr(module, place), []

    @contextmanager
    def fill(path):
        full = len(written) == writes
        with new_place(path) as new, full_disk(500) if full else nullcontext():
            yield new
        written.append(path)

    for trains in (generator_training, verifier_training):
        monkeypatch.setattr(trains, "train", partial(train, minutes_between_checkpoints=0))
    with monkeypatch.context() as patched:
        patched.setattr(module, place, fill)
        with pytest.raises(BadInput, match=f"The stage {stage} cannot be written.*--resume"):
            train_family("smoke", out, stage)
    assert len(written) == writes
    assert list(out.rglob("*.new")) == []
    assert not (out / stage).exists()
    train_family("smoke", out, stage, resume=True)
    for file in ("tokenizer.json", "model.safetensors"):
        for whole in smoke.out.glob(f"{stage}/{file}"):
            assert (out / stage / file).read_bytes() == whole.read_bytes()
    for whole in (smoke.out / "work" / stage).glob("*.parquet"):
        assert (out / "work" / stage / whole.name).read_bytes() == whole.read_bytes()


class Toy(nn.Module):
    """The smallest model with an embedding, a matrix within a layer, and a head."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.ModuleDict({"layers": nn.ModuleList([nn.Linear(4, 4)])})
        self.embed, self.head = nn.Embedding(8, 4), nn.Linear(4, 1)

    def forward(self, ids):
        return self.head(self.body["layers"][0](self.embed(ids)).tanh())[..., 0]


@pytest.mark.parametrize("killed_at", [1, 4, 7])
def test_the_loop_goes_on_from_its_checkpoint(tmp_path, killed_at):
    """Also when the checkpoint is older than the kill, and through the end of a pool."""

    def make(rng: Random) -> list[TrainingExample]:
        ids = [rng.randrange(1, 8) for _ in range(rng.randint(2, 6))]
        return [TrainingExample(ids, [float(i) for i in ids])]

    def run(folder, die_after=None, minutes=0.0):
        model, calls = Toy(), 0

        def loss(ids, targets):
            nonlocal calls
            calls += 1
            if calls - 1 == die_after:
                raise Killed
            return ((model(ids) - targets)[targets != IGNORED] ** 2).mean()

        batches = TrainingBatches(make, tokens=12, pool=8, seed=3, pad=0)
        schedule = Schedule(steps=8, rate=1e-2, warmup=2)
        log = train(
            model,
            batches,
            loss,
            schedule,
            folder,
            dict,
            minutes_between_checkpoints=minutes,
            report_every=2,
        )
        return model, log.drop(columns="seconds")

    whole, whole_log = run(tmp_path / "whole", minutes=60)
    with pytest.raises(Killed):
        run(tmp_path / "cut", die_after=killed_at)
    resumed, resumed_log = run(tmp_path / "cut", minutes=60)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)
    pd.testing.assert_frame_equal(whole_log, resumed_log)


def test_half_precision_is_for_products_only_and_learns_as_much(tmp_path):
    """Where the processor lacks the instructions both runs are in single precision, and alike."""

    def make(rng: Random) -> list[TrainingExample]:
        first = rng.randrange(1, 8)
        ids = [1 + (first + place) % 7 for place in range(6)]
        return [TrainingExample(ids, [*map(float, ids[1:]), IGNORED])]

    def run(half):
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=8,
            hidden_size=16,
            num_hidden_layers=1,
            intermediate_size=32,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=16,
        )
        model = LlamaForCausalLM(config)
        batches = TrainingBatches(make, tokens=48, pool=16, seed=0, pad=0)
        log = train(
            model,
            batches,
            lambda ids, targets: generator_training.language_loss(
                model(input_ids=ids).logits, targets
            ),
            Schedule(steps=40, rate=2e-2, warmup=2, half=half),
            tmp_path / str(half),
            dict,
        )
        assert {weight.dtype for weight in model.parameters()} == {torch.float32}
        return log["loss"].iloc[-1]

    single, half = run(False), run(True)
    assert half < 0.9 * np.log(8)
    assert half == pytest.approx(single, rel=0.05)


def test_the_rate_rises_and_falls_to_a_fiftieth():
    rates = [Schedule(100, 1.0, warmup=10).rate_share(step) for step in range(101)]
    assert np.argmax(rates) in (9, 10)
    assert rates[0] < 0.11
    assert rates[-1] == pytest.approx(0.02)
