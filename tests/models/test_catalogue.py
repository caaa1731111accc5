"""Names lead to models or to one clear sentence."""

from __future__ import annotations

import json

import pytest
import torch

from tests.models.toy_models import toy_qwen2, toy_token_classifier, toy_tokenizer
from ttc_explorer.models import catalogue, devices
from ttc_explorer.models.devices import thread_count, torch_threads
from ttc_explorer.models.protocol import ExtendJob, ModelError, RevisionContext, ScoreJob
from ttc_explorer.problems.problem import BadInput


def save_shipped(folder, model):
    """As shipped: half precision, with its tokenizer."""
    model.half().save_pretrained(folder)
    toy_tokenizer().save_pretrained(folder)


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Toy models where the shipped ones belong, and nothing loaded yet."""
    monkeypatch.setattr(catalogue, "MODELS_FOLDER", tmp_path)
    monkeypatch.setattr(catalogue, "_model_cache", {})
    save_shipped(tmp_path / "base-s", toy_qwen2())
    save_shipped(tmp_path / "prm-exact", toy_token_classifier())
    return tmp_path


@pytest.mark.slow
def test_the_shipped_pair_is_the_default_and_loaded_once(shipped):
    generator, verifier, reviser, revision_verifier, _ = catalogue.load_models()
    assert reviser is revision_verifier is None
    assert (generator.name, verifier.name) == ("base-s", "prm-exact")
    assert catalogue.load_models("base-s") is catalogue.load_models()
    (prefilled,) = generator.prefill(["3+4"])
    (row,) = generator.extend([ExtendJob(prefilled.state, 0.0, (0,))])
    assert row.state.row.block.tensors[0].dtype == torch.float32
    (question,) = verifier.prefill(["3+4"])
    assert 0 < verifier.score([ScoreJob(question.state, row.text)])[0].score < 1


def test_what_is_available(shipped):
    entries = catalogue.list_shipped_models()
    json.dumps(entries)
    assert [(entry["name"], entry["role"]) for entry in entries] == [
        ("base-s", "generator"),
        ("prm-exact", "verifier"),
    ]
    for entry, model in zip(entries, (toy_qwen2(), toy_token_classifier()), strict=True):
        assert entry["parameters"] == sum(weight.numel() for weight in model.parameters())
        assert 2 * entry["parameters"] < entry["bytes"] < 3 * entry["parameters"]
    (shipped / "prm-exact" / "model.safetensors").unlink()
    assert [entry["name"] for entry in catalogue.list_shipped_models()] == ["base-s"]


def test_a_reviser_comes_along_and_is_loaded_when_it_is_used(shipped, monkeypatch):
    save_shipped(shipped / "reviser", toy_qwen2(1))
    save_shipped(shipped / "reviser-prm", toy_token_classifier(1))
    read = []
    really = catalogue._model_folder
    monkeypatch.setattr(
        catalogue, "_model_folder", lambda name, *more: read.append(name) or really(name, *more)
    )
    models = catalogue.load_models()
    assert (models.reviser.name, models.revision_verifier.name) == ("reviser", "reviser-prm")
    assert read == ["base-s", "prm-exact"]
    chain = RevisionContext("3+4", ("Answer: 8",))
    (prefilled,) = models.reviser.prefill_revisions([chain])
    (row,) = models.reviser.extend([ExtendJob(prefilled.state, 0.0, (0,))])
    (judged,) = models.revision_verifier.prefill_revisions([chain])
    assert 0 < models.revision_verifier.score([ScoreJob(judged.state, row.text)])[0].score < 1
    assert read == ["base-s", "prm-exact", "reviser", "reviser-prm"]
    assert row.cost.generator_flops > 2 * models.reviser.parameters * row.tokens


@pytest.mark.slow
def test_other_shipped_verifiers_and_sizes_have_names(shipped):
    save_shipped(shipped / "orm", toy_token_classifier(2))
    save_shipped(shipped / "base-m", toy_qwen2(2))
    assert catalogue.load_models("base-s+orm").verifier.name == "orm"
    medium = catalogue.load_models("base-m")
    assert (medium.generator.name, medium.verifier.name, medium.reviser) == (
        "base-m",
        "prm-exact",
        None,
    )


@pytest.mark.slow
def test_a_folder_with_or_without_a_verifier(shipped, tmp_path):
    save_shipped(tmp_path / "mine", toy_qwen2(3))
    alone = catalogue.load_models(str(tmp_path / "mine"))
    assert (alone.generator.name, alone.verifier) == ("mine", None)
    assert catalogue.load_models(f"{tmp_path / 'mine'}+prm-exact").verifier.name == "prm-exact"


def test_missing_weights_name_the_command_that_makes_them(shipped, monkeypatch):
    monkeypatch.setattr(catalogue, "MODELS_FOLDER", shipped / "elsewhere")
    with pytest.raises(
        ModelError, match=r"is missing: make it with `python -m ttc_explorer train --recipe cpu"
    ):
        catalogue.load_models()
    assert catalogue.list_shipped_models() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("no/such-model", "no folder 'no/such-model'"),
        ("", "Name a model: base-s"),
        ("base-s+base-s", "was not taught to chat, so it cannot be asked to judge"),
        ("prm-exact", "cannot be the generator: it is a Qwen2ForTokenClassification"),
        ("base-s+no/such-model", "no folder 'no/such-model'"),
    ],
)
def test_other_names_get_one_sentence(shipped, monkeypatch, name, sentence):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match=sentence) as refused:
        catalogue.load_models(name)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (["notes.txt"], "holds no config.json, so it is no model"),
        ([], "is empty, so it is no model"),
    ],
)
def test_a_folder_without_a_model_gets_one_sentence(tmp_path, files, sentence):
    folder = tmp_path / "no-model"
    folder.mkdir()
    for name in files:
        (folder / name).write_text("not a model")
    with pytest.raises(ModelError, match=sentence) as refused:
        catalogue.load_models(str(folder))
    assert "\n" not in str(refused.value)


def test_broken_weights_get_one_sentence(shipped):
    (shipped / "base-s" / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(ModelError, match="holds no generator that can be read"):
        catalogue.load_models()


@pytest.mark.parametrize(
    ("gains", "threads"),
    [
        ({1: 1, 2: 2, 4: 4}, 4),
        ({1: 1, 2: 0.2, 4: 0.1}, 1),  # cores that others use, too
        ({1: 1, 2: 1.3, 4: 1.4}, 2),
        ({1: 1, 2: 1.1, 4: 1.2}, 1),
    ],
)
def test_more_threads_are_taken_only_where_they_help(gains, threads, monkeypatch):
    """``gains``: how many times as fast as one so many threads are."""
    monkeypatch.delenv("TTC_THREADS", raising=False)
    monkeypatch.setattr(devices.os, "cpu_count", lambda: 4)
    now = []
    monkeypatch.setattr(devices.torch, "set_num_threads", now.append)
    monkeypatch.setattr(devices, "_trial_seconds", lambda width: 1 / gains[now[-1]])
    devices._fastest_thread_count.cache_clear()
    before = torch.get_num_threads()
    assert thread_count(900_000) == threads
    assert now[-1] == before
    devices._fastest_thread_count.cache_clear()


def test_threads(monkeypatch):
    monkeypatch.delenv("TTC_THREADS", raising=False)
    before = torch.get_num_threads()
    monkeypatch.setenv("TTC_THREADS", "2")
    with torch_threads(900_000):
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == before
    monkeypatch.setenv("TTC_THREADS", "many")
    with pytest.raises(BadInput, match="TTC_THREADS"):
        thread_count(900_000)
