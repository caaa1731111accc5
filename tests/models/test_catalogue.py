"""Names lead to models or to one clear sentence."""

from __future__ import annotations

import json

import pytest
import torch

from tests.models.toys import toy_judge, toy_qwen2, toy_tokenizer
from ttc_explorer.models import catalogue
from ttc_explorer.models.protocol import ExtendJob, ModelError, ScoreJob


def save(folder, model):
    """As shipped: half precision, with its tokenizer."""
    model.half().save_pretrained(folder)
    toy_tokenizer().save_pretrained(folder)


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Toy models where the shipped ones belong, and nothing loaded yet."""
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    monkeypatch.setattr(catalogue, "_loaded", {})
    save(tmp_path / "base-s", toy_qwen2())
    save(tmp_path / "prm", toy_judge())
    return tmp_path


def test_the_shipped_pair_is_the_default_and_loaded_once(shipped):
    generator, verifier = catalogue.load()
    assert (generator.name, verifier.name) == ("base-s", "prm")
    assert catalogue.load("base-s") is catalogue.load()
    (opened,) = generator.open(["3+4"])
    (row,) = generator.extend([ExtendJob(opened.state, 0.0, (0,))])
    assert row.state.row.block.planes[0].dtype == torch.float32
    (question,) = verifier.open(["3+4"])
    assert 0 < verifier.score([ScoreJob(question.state, row.text)])[0].score < 1


def test_what_is_available(shipped):
    (entry,) = catalogue.available()
    json.dumps(entry)
    assert entry["name"] == "base-s"
    assert entry["parameters"] == sum(w.numel() for m in (toy_qwen2(), toy_judge()) for w in m.parameters())
    assert 2 * entry["parameters"] < entry["bytes"] < 3 * entry["parameters"]
    (shipped / "prm" / "model.safetensors").unlink()
    assert catalogue.available() == []


def test_a_folder_with_or_without_a_verifier(shipped, tmp_path):
    save(tmp_path / "mine", toy_qwen2(3))
    alone = catalogue.load(str(tmp_path / "mine"))
    assert (alone.generator.name, alone.verifier) == ("mine", None)
    assert catalogue.load(f"{tmp_path / 'mine'}+prm").verifier.name == "prm"


def test_missing_weights_name_the_command_that_makes_them(shipped, monkeypatch):
    monkeypatch.setattr(catalogue, "FOLDER", shipped / "elsewhere")
    with pytest.raises(
        ModelError, match=r"is missing: make it with `python -m ttc_explorer train --recipe cpu"
    ):
        catalogue.load()
    assert catalogue.available() == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("no/such-model", "no folder 'no/such-model'"),
        ("", "Name a model: base-s"),
        ("../..", "holds no generator"),
        ("base-s+base-s", "cannot be the verifier: it is a Qwen2ForCausalLM"),
        ("prm", "cannot be the generator: it is a Qwen2ForTokenClassification"),
        ("base-s+no/such-model", "no folder 'no/such-model'"),
    ],
)
def test_other_names_get_one_sentence(shipped, monkeypatch, name, sentence):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match=sentence) as refused:
        catalogue.load(name)
    assert "\n" not in str(refused.value)


def test_broken_weights_get_one_sentence(shipped):
    (shipped / "base-s" / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(ModelError, match="holds no generator that can be read"):
        catalogue.load()


def test_threads(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.delenv("TTC_THREADS", raising=False)
    catalogue.use_threads(900_000)
    assert torch.get_num_threads() == 1
    monkeypatch.setenv("TTC_THREADS", "2")
    catalogue.use_threads(900_000)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
    monkeypatch.setenv("TTC_THREADS", "many")
    with pytest.raises(ModelError, match="TTC_THREADS"):
        catalogue.use_threads(900_000)
