"""Training at toy size: every stage, a kill and resume that changes nothing, and no leak of test problems."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification, AutoTokenizer

from ttc_explorer.problems.families import FAMILIES, LEVELS, recognise
from ttc_explorer.problems.families.family import line_text
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.training.base import make_examples
from ttc_explorer.training.data import IGNORED, Batches, Encoder, Example
from ttc_explorer.training.loop import Schedule, train
from ttc_explorer.training.samples import draw_problems, read_samples
from ttc_explorer.training.stages import STAGES, train_family
from ttc_explorer.training.tokenizer import train_tokenizer
from ttc_explorer.training.verifier import SampledPairs, made_pair


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(texts=400, seed=0, context=512)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    out = tmp_path_factory.mktemp("smoke")
    train_family("smoke", out)
    return out


def test_digits_and_line_ends_stand_alone_and_any_text_survives(tokenizer):
    for text in ("x=123\n456", "Émile's 3½ × ∑ 漢字\t\n\n👩‍🏫", "want 12 off -3 no"):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.decode(ids) == text
        pieces = [tokenizer.decode([i]) for i in ids]
        assert all(len(p) == 1 for p in pieces if any(c in "0123456789\n" for c in p))


def test_wrong_decisions_carry_no_loss_and_everything_after_them_does(tokenizer):
    encoder = Encoder(tokenizer)
    for name, family in FAMILIES.items():
        rng = Random(name)
        given = family.draw_split(rng, 3, "train")
        lines = family.mistaken(given, rng)
        example = encoder.language(family.say(given, rng), lines)
        learnt = tokenizer.decode([int(t) for t in example.targets if t != IGNORED], skip_special_tokens=True)
        kept = "".join("".join(s.text for s in line if not s.wrong) + "\n" for line in lines)
        # A token on the border of a wrong decision may go with it, so a few characters can be missing.
        assert learnt.replace(" ", "") == kept.replace(" ", "")


def test_smoke_makes_models_that_transformers_loads(smoke):
    generator = AutoModelForCausalLM.from_pretrained(smoke / "base-s")
    verifier = AutoModelForTokenClassification.from_pretrained(smoke / "prm")
    tokenizer = AutoTokenizer.from_pretrained(smoke / "prm")
    trained_with = AutoTokenizer.from_pretrained(smoke / "tokenizer")
    for text in ("Compute 2/3+11/14.", "There are some coins in Mia's box.", "  a\n\n b?!"):
        assert tokenizer(text)["input_ids"] == trained_with(text)["input_ids"]
    assert generator.dtype == verifier.dtype == torch.float16
    assert verifier.config.num_labels == 2
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Solve\n2x+5=9."}], add_generation_prompt=True, tokenize=False
    )
    assert prompt == "<bos>Solve 2x+5=9.\n"
    for folder in ("base-s", "prm"):
        assert "Measured" in (smoke / folder / "README.md").read_text(encoding="utf-8")
        assert len(pd.read_parquet(smoke / folder / "training.parquet"))
    assert json.loads((smoke / "measured.json").read_text())["questions"] == 13


def test_finished_stages_are_not_run_again_on_resume(smoke, monkeypatch):
    for name in STAGES:
        monkeypatch.setitem(STAGES, name, lambda *_: pytest.fail("ran again"))
    train_family("smoke", smoke, resume=True)


def test_a_stage_without_its_forerunner_and_unknown_names_are_refused(tmp_path):
    with pytest.raises(BadInput, match=r"reads .*tokenizer, which is not there"):
        train_family("smoke", tmp_path, stage="base")
    with pytest.raises(BadInput, match="Unknown recipe"):
        train_family("large", tmp_path)
    with pytest.raises(BadInput, match="Unknown stage"):
        train_family("smoke", tmp_path, stage="rlhf")


def test_no_test_problem_in_any_training_data(smoke, tokenizer):
    """Every text that any stage reads is recognised, and stands in its own split."""
    encoder = Encoder(tokenizer)
    rng = Random(0)
    texts = [family.say(g, rng) for family in FAMILIES.values() for g in [family.draw_split(rng, 2, "train")]]
    for example in [
        e for _ in range(150) for e in make_examples(encoder, rng, "train", 0.5) + made_pair(encoder, rng)
    ]:
        texts.append(tokenizer.decode(example.ids[1:]).split("\n")[0])
    texts += list(read_samples(smoke / "work", "train")["text"])
    for text in texts:
        found = recognise(text)
        assert found is not None
        assert found.family.split(found.given) == "train"
    assert all(judge.family.split(judge.given) == "test" for _, judge in draw_problems("test", 30, 0))


def test_samples_are_labelled_by_the_exact_checker(smoke):
    table = read_samples(smoke / "work", "train")
    assert set(table["level"]) <= set(LEVELS)
    for row in table.itertuples():
        judge = recognise(row.text)
        assert row.correct == (row.answer is not None and judge.right(row.answer))
        assert len(row.labels) == len(row.steps)
        assert list(row.labels[:-1]) == [
            judge.consistent(list(row.steps[:i])) for i in range(1, len(row.steps))
        ]
        assert row.labels[-1] == row.correct


def test_sampled_pairs_are_balanced(tokenizer):
    family = FAMILIES["linear"]
    given = family.draw_split(Random(1), 1, "train")
    steps = [line_text(line) for line in family.worked(given)]
    rows = [
        {"question": q, "text": "Solve 2x+5=9.", "steps": steps, "labels": [c] * len(steps), "correct": c}
        for q, sides in ((0, (True, False, False, False)), (1, (True, True)))
        for c in sides
    ]
    pairs = SampledPairs(Encoder(tokenizer), pd.DataFrame(rows))
    drawn = pairs(Random(0))
    labels = [[t for t in example.targets if t != IGNORED] for example in drawn]
    assert sorted(label[-1] for label in labels) == [0.0, 1.0]
    assert all(len(label) == len(steps) for label in labels)


class Killed(Exception):
    pass


@pytest.mark.parametrize("killed_at", [1, 4, 6])
def test_killed_and_resumed_gives_the_same_weights(tmp_path, killed_at):
    def make(rng: Random) -> list[Example]:
        ids = [rng.randrange(1, 8) for _ in range(rng.randint(2, 6))]
        return [Example(ids, [float(i) for i in ids])]

    def run(folder, die_after=None):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Embedding(8, 4), torch.nn.Linear(4, 1))
        calls = 0

        def loss(ids, targets):
            nonlocal calls
            calls += 1
            if calls - 1 == die_after:
                raise Killed
            return ((model(ids)[..., 0] - targets)[targets != IGNORED] ** 2).mean()

        batches = Batches(make, tokens=12, pool=8, seed=3, pad=0)
        schedule = Schedule(steps=8, rate=1e-2, warmup=2)
        log = train(
            model, batches, loss, schedule, folder, dict, minutes_between_checkpoints=0, report_every=2
        )
        return model, log

    whole, whole_log = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "cut", die_after=killed_at)
    resumed, resumed_log = run(tmp_path / "cut")
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)
    assert list(whole_log["tokens"]) == list(resumed_log["tokens"])
    assert replace(Schedule(8, 1.0)).at(8) < 0.05
    assert load_file(tmp_path / "cut" / "rank0" / "state.safetensors")
