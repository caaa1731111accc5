"""Folders that cannot be loaded are told before anything is loaded, with what to do."""

import json
import shutil

import pytest
from safetensors.torch import save_file
from torch import zeros

from tests.models.toy_models import toy_qwen2, toy_tokenizer
from ttc_explorer.models import catalogue
from ttc_explorer.models.model_description import describe
from ttc_explorer.models.protocol import ModelError

BROKEN_TEMPLATE = "{{ undefined_fn(messages) }} role"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder that can be loaded."""
    folder = tmp_path_factory.mktemp("models") / "whole"
    toy_qwen2(0).save_pretrained(folder)
    toy_tokenizer().save_pretrained(folder)
    return folder


def empty(folder):
    for file in folder.iterdir():
        file.unlink()


def change_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def only_gguf(folder):
    empty(folder)
    (folder / "tiny.Q4.gguf").write_bytes(b"GGUF")


def lora(folder):
    empty(folder)
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base"}')
    save_file({"lora": zeros(2)}, folder / "adapter_model.safetensors")


def pickled(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def lfs_pointer(folder):
    (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid x\n")


def half(folder):
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


def no_header(folder):
    (folder / "model.safetensors").write_bytes(b"\xff" * 100)


def missing_shard(folder):
    names = {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))


def no_tokenizer(folder):
    (folder / "tokenizer.json").unlink()


def quantised(folder):
    change_config(folder, quantization_config={"quant_method": "awq", "bits": 4})


def custom_code(folder):
    change_config(folder, model_type="their_own", auto_map={"AutoModelForCausalLM": "modeling.X"})


def broken_template(folder):
    (folder / "chat_template.jinja").write_text(BROKEN_TEMPLATE)


def rwkv(folder):
    change_config(folder, model_type="rwkv", architectures=["RwkvForCausalLM"])


FAULTS = {
    empty: r"is empty, so it is no model",
    only_gguf: r"is a GGUF file.*`llama-server -m .*tiny\.Q4\.gguf --port 8080`.*address http",
    lora: r"is a LoRA adapter of org/base, not a model: merge it",
    pickled: r"are pickles \(pytorch_model\.bin\).*convert them",
    lfs_pointer: r"model\.safetensors in .* is a Git LFS pointer.*run `git lfs pull`",
    half: r"is not whole \(.* MB are there\): copy or download it again",
    no_header: r"is not whole: copy or download it again",
    missing_shard: r"model-00002-of-00002\.safetensors is missing .*1 of 2 files",
    no_tokenizer: r"holds no tokenizer",
    quantised: r"is quantised \(awq\) and cannot be read here as it is",
    custom_code: r"needs Python code of its authors, which is never run here",
    broken_template: r"The chat template of .* fails \(.*undefined_fn",
    rwkv: r"a RwkvForCausalLM takes no cache that is known here",
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_what_cannot_be_loaded_is_not_called_usable(whole, tmp_path, fault):
    folder = tmp_path / "mine"
    shutil.copytree(whole, folder)
    fault(folder)
    told = describe(str(folder)).unusable
    with pytest.raises(ModelError, match=FAULTS[fault]) as refused:
        catalogue.load_generator(str(folder))
    assert told == str(refused.value)
    assert "\n" not in told


def test_a_file_is_no_folder(tmp_path):
    for name, sentence in (("a.GGUF", "llama-server -m"), ("config.json", "name the folder")):
        (tmp_path / name).write_text("")
        told = describe(str(tmp_path / name)).unusable
        assert sentence in told
        with pytest.raises(ModelError) as refused:
            catalogue.load_generator(str(tmp_path / name))
        assert str(refused.value) == told


def test_a_whole_folder_is_usable_and_home_is_expanded(whole, monkeypatch):
    monkeypatch.setenv("HOME", str(whole.parent))
    assert catalogue.split_model_name("~/whole+~/judge") == (
        str(whole),
        str(whole.parent / "judge"),
    )
    description = describe("~/whole")
    assert description.unusable is None
    assert catalogue.load_generator(str(whole)).name == "whole"


def test_gpt2_counts_as_a_causal_language_model(whole, tmp_path):
    config = catalogue.read_config(whole)
    config.architectures = ["BertForMaskedLM"]
    with pytest.raises(ModelError, match="a CausalLM is needed"):
        catalogue.check_architecture(config, "ForCausalLM", "generator", "x")
    config.architectures = ["GPT2LMHeadModel"]
    catalogue.check_architecture(config, "ForCausalLM", "generator", "x")
