"""What is wrong with the files of a model, seen before anything large is read: each in a sentence
that says what to do.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import CONFIG_MAPPING
from transformers.quantizers import AutoHfQuantizer

from ttc_explorer.models.protocol import ModelError

LFS_POINTER = b"version https://git-lfs"
"""What the file begins with that Git leaves in place of a large one."""

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "*.tiktoken")
MAX_HEADER_BYTES = 100_000_000
"""Longest header of a safetensors file, as its own library has it."""


def check_model_path(name: str) -> None:
    """Raise ModelError if a name leads to a file: models are folders."""
    path = Path(name)
    if not path.is_file():
        return
    if path.suffix.lower() == ".gguf":
        raise ModelError(gguf_message(path))
    raise ModelError(f"'{name}' is a file: name the folder that it is in.")


def gguf_message(file: Path) -> str:
    """What to do with a GGUF file."""
    return (
        f"'{file}' is a GGUF file, which llama.cpp reads and this does not: start its server with "
        f"`llama-server -m {file} --port 8080`, and use the address http://127.0.0.1:8080/v1."
    )


def check_model_folder(folder: Path, name: str) -> None:
    """Look at the files of a model, and no more of the weights than their headers.

    Args:
        folder: Where they are.
        name: What the model is called in the sentence.

    Raises:
        ModelError: It cannot be read here; one sentence says why, and what to do.
    """
    files = {file.name for file in folder.iterdir() if file.is_file()}
    ggufs = sorted(folder.glob("*.gguf"))
    if ggufs and not any(file.endswith(".safetensors") for file in files):
        raise ModelError(gguf_message(ggufs[0]))
    if "adapter_config.json" in files and "config.json" not in files:
        base = _read_json(folder / "adapter_config.json").get("base_model_name_or_path")
        raise ModelError(
            f"'{name}' is a LoRA adapter{f' of {base}' if isinstance(base, str) else ''}, not a "
            "model: merge it into its model (peft: merge_and_unload, then save_pretrained), and "
            "name the folder of that."
        )
    if "config.json" not in files:
        what = "holds no config.json" if files else "is empty"
        raise ModelError(
            f"The folder '{name}' {what}, so it is no model: name one that save_pretrained or "
            "`hf download` has written."
        )
    for file in sorted(files):
        with (folder / file).open("rb") as opened:
            if opened.read(len(LFS_POINTER)) == LFS_POINTER:
                raise ModelError(
                    f"{file} in '{name}' is a Git LFS pointer, not the file itself: run `git lfs "
                    "pull` in that folder."
                )
    config = _read_json(folder / "config.json")
    _check_code(config, name)
    _check_weights(folder, name)
    if not any(next(folder.glob(pattern), None) for pattern in TOKENIZER_FILES):
        raise ModelError(
            f"The folder '{name}' holds no tokenizer (tokenizer.json or tokenizer.model): copy the "
            "files of its model's tokenizer there."
        )
    _check_quantisation(config, name)


def _check_code(config: dict[str, Any], name: str) -> None:
    if "auto_map" in config and config.get("model_type") not in CONFIG_MAPPING:
        raise ModelError(
            f"'{name}' needs Python code of its authors, which is never run here: serve it with "
            "`vllm serve MODEL --trust-remote-code` if you trust them, and use that address."
        )


def _check_weights(folder: Path, name: str) -> None:
    weights = sorted(folder.glob("*.safetensors"))
    pickles = sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))
    if not weights and pickles:
        raise ModelError(
            f"The weights of '{name}' are pickles ({pickles[0]}), which can run code and are never "
            "read here: if you trust them, convert them with from_pretrained and save_pretrained "
            "of transformers, which writes safetensors."
        )
    if not weights:
        raise ModelError(
            f"The folder '{name}' holds no weights (*.safetensors): finish its download."
        )
    for index in folder.glob("*.safetensors.index.json"):
        named = _read_json(index).get("weight_map")
        shards = {str(file) for file in named.values()} if isinstance(named, dict) else set()
        missing = sorted(shards - {file.name for file in weights})
        if missing:
            raise ModelError(
                f"{missing[0]} is missing in '{name}' ({len(missing)} of {len(shards)} files of "
                "weights): finish its download."
            )
    for file in weights:
        expected, present = _expected_bytes(file), file.stat().st_size
        if expected != present:
            there = f"{present / 1e6:,.1f} of {expected / 1e6:,.1f} MB are there"
            raise ModelError(
                f"{file.name} in '{name}' is not whole"
                f"{f' ({there})' if expected else ''}: copy or download it again."
            )


def _expected_bytes(file: Path) -> int:
    """How long a safetensors file must be by its header: 8 bytes, the header that they count, and
    the tensors; 0 if it has none that can be read."""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header = _parse_object(opened.read(length)) if length < MAX_HEADER_BYTES else {}
    ends = [
        entry["data_offsets"][1]
        for key, entry in header.items()
        if key != "__metadata__" and isinstance(entry, dict) and "data_offsets" in entry
    ]
    return 8 + length + max(ends) if ends else 0


def _check_quantisation(config: dict[str, Any], name: str) -> None:
    """Quantised weights need packages and devices, of which transformers knows."""
    settings = config.get("quantization_config")
    if not isinstance(settings, dict):
        return
    try:
        quantizer = AutoHfQuantizer.from_config(settings, pre_quantized=True)
        quantizer.validate_environment(device_map=None)
    except Exception as error:  # a missing package, mostly, or a method that nobody knows
        reason = " ".join(str(error).split()).partition(". ")[0].rstrip(".")[:200]
        method = settings.get("quant_method", "in an unknown way")
        raise ModelError(
            f"'{name}' is quantised ({method}) and cannot be read here as it is ({reason}): choose "
            "a copy that is not quantised, or serve it with vLLM and use that address."
        ) from error


def _read_json(file: Path) -> dict[str, Any]:
    return _parse_object(file.read_bytes())


def _parse_object(content: bytes) -> dict[str, Any]:
    """A JSON object; an empty one if it is none."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
