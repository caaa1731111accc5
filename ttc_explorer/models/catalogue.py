"""Names to models: the shipped pair, and any folder or Hugging Face model that fits.

A name is ``GENERATOR`` or ``GENERATOR+VERIFIER``; each part is a shipped model, a folder, or a Hub id. A
shipped generator brings its verifier along; any other without one can be sampled and voted on, not searched.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from logging import CRITICAL, getLogger
from math import prod
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import torch
from safetensors import safe_open
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from ttc_explorer.models.decoding import TreeGenerator
from ttc_explorer.models.protocol import Generator, ModelError, Verifier
from ttc_explorer.models.verifiers import TokenPRM
from ttc_explorer.problems.families import in_notation

FOLDER = Path(__file__).parents[2] / "assets" / "models"
"""Where the shipped models are, a folder each."""

DEFAULT = "base-s"
TRAIN = "python -m ttc_explorer train --recipe cpu --out assets/models"

SHIPPED_STEP, FOREIGN_STEP = 80, 512
"""Longest step of a shipped generator, whose lines are short, and of any other; in tokens."""

SMALL = 10_000_000


@dataclass(frozen=True)
class Entry:
    """A shipped generator and its verifier (names of folders), and what people should know about them."""

    name: str
    verifier: str
    title: str

    def files(self) -> list[Path]:
        """The weights of both that are really there."""
        return sorted(
            path for part in (self.name, self.verifier) for path in (FOLDER / part).glob("*.safetensors")
        )


SHIPPED = {
    DEFAULT: Entry(DEFAULT, "prm", "Small generator with its verifier, trained on our problem families")
}


class Pair(NamedTuple):
    """Who answers and, if anybody, who judges."""

    generator: Generator
    verifier: Verifier | None


_loaded: dict[str, Pair] = {}
_lock = Lock()


def load(name: str = DEFAULT) -> Pair:
    """The models of that name, loaded once a process. Raises ModelError if they cannot be used."""
    with _lock:
        if name not in _loaded:
            logging.disable_progress_bar()
            getLogger("huggingface_hub").setLevel(CRITICAL)  # its retries; what failed is said once, by us
            generator, _, verifier = name.partition("+")
            if not generator:
                raise ModelError(f"Name a model: {', '.join(SHIPPED)}, a folder, or a Hugging Face model.")
            if not verifier and generator in SHIPPED:
                verifier = SHIPPED[generator].verifier
            pair = Pair(load_generator(generator), load_verifier(verifier) if verifier else None)
            use_threads(pair.generator.parameters)
            _loaded[name] = pair
        return _loaded[name]


def load_generator(name: str) -> TreeGenerator:
    """The generator in a shipped folder, any folder, or on the Hub. Raises ModelError."""
    model, tokenizer = _read(AutoModelForCausalLM, "ForCausalLM", "generator", name)
    if name in SHIPPED:
        return TreeGenerator(model, tokenizer, name, max_step_tokens=SHIPPED_STEP, notation=in_notation)
    return TreeGenerator(model, tokenizer, Path(name).name, max_step_tokens=FOREIGN_STEP)


def load_verifier(name: str) -> TokenPRM:
    """The process reward model in a shipped folder, any folder, or on the Hub. Raises ModelError."""
    model, tokenizer = _read(AutoModelForTokenClassification, "ForTokenClassification", "verifier", name)
    shipped = name in {entry.verifier for entry in SHIPPED.values()}
    return TokenPRM(model, tokenizer, Path(name).name, in_notation if shipped else str)


def available() -> list[dict[str, object]]:
    """The shipped models that are here: name, title, verifier, parameters of both, bytes on disk, source."""
    return [
        {
            "name": entry.name,
            "title": entry.title,
            "verifier": entry.verifier,
            "parameters": sum(map(_parameters, entry.files())),
            "bytes": sum(file.stat().st_size for file in entry.files()),
            "source": "shipped",
        }
        for entry in SHIPPED.values()
        if {file.parent.name for file in entry.files()} == {entry.name, entry.verifier}
    ]


def use_threads(parameters: int) -> None:
    """Set how many threads torch works with, for a model of so many weights.

    The environment variable TTC_THREADS decides. Without it, a model of less than SMALL weights gets one
    thread: its operations are so short that threads wait for each other longer than they work (ten times
    slower, measured, with two threads on two cores that had other work); a larger one gets all cores.
    """
    wanted = os.environ.get("TTC_THREADS") or str(1 if parameters < SMALL else os.cpu_count() or 1)
    if not wanted.isdecimal() or not 1 <= int(wanted) <= 1024:
        raise ModelError("TTC_THREADS must be a whole number of threads, from 1 to 1024.")
    torch.set_num_threads(int(wanted))


def _read(loader: type, ending: str, role: str, name: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Model and tokenizer by name. Only safetensors, and no code from the model's authors, is ever loaded."""
    shipped = name in SHIPPED or name in {entry.verifier for entry in SHIPPED.values()}
    place = FOLDER / name if shipped else Path(name)
    if shipped and not place.is_dir():
        raise ModelError(f"The shipped {role} '{name}' is missing: make it with `{TRAIN}`.")
    source = str(place) if place.is_dir() else name
    try:
        kinds = AutoConfig.from_pretrained(source).architectures or ["of unknown kind"]
        if not kinds[0].endswith(ending):
            raise ModelError(
                f"'{name}' cannot be the {role}: it is a {kinds[0]}, and a {ending[3:]} is needed."
            )
        model = loader.from_pretrained(source, dtype=torch.float32, use_safetensors=True)
        return model, AutoTokenizer.from_pretrained(source)
    except ModelError:
        raise
    except Exception as error:
        if not place.is_dir():
            raise ModelError(
                f"There is no folder '{name}', and no model of that name can be read from Hugging Face."
            ) from error
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"The folder '{name}' holds no {role} that can be read: {reason}") from error


def _parameters(file: Path) -> int:
    """How many numbers a safetensors file holds, by its header alone."""
    with safe_open(file, framework="pt") as weights:
        return sum(prod(weights.get_slice(key).get_shape()) for key in weights.keys())  # noqa: SIM118
