"""Names to models: the shipped family, and any folder or Hugging Face model that fits.

A name is ``GENERATOR`` or ``GENERATOR+VERIFIER``; each part is a shipped model, a folder, or a Hub id. A
shipped generator brings a verifier along, and a reviser if there is one for it; any other without a verifier
can be sampled and voted on, not searched.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from logging import CRITICAL, getLogger
from math import prod
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

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
from ttc_explorer.models.protocol import (
    Chain,
    ExtendJob,
    Generator,
    ModelError,
    Opened,
    Reviser,
    RevisionVerifier,
    Sampled,
    Scored,
    ScoreJob,
    Verifier,
)
from ttc_explorer.models.verifiers import TokenPRM
from ttc_explorer.problems.families import in_notation

FOLDER = Path(__file__).parents[2] / "assets" / "models"
"""Where the shipped models are, a folder each."""

DEFAULT, VERIFIER = "base-s", "prm-exact"
TRAIN = "python -m ttc_explorer train --recipe cpu --out assets/models"

SHIPPED_STEP, FOREIGN_STEP = 80, 512
"""Longest step of a shipped generator, whose lines are short, and of any other; in tokens."""

SMALL = 10_000_000


@dataclass(frozen=True)
class Entry:
    """A model of the shipped family: its folder, if it is here, and what people should know about it."""

    name: str
    role: str
    title: str

    def files(self) -> list[Path]:
        """Its weights that are really there."""
        return sorted((FOLDER / self.name).glob("*.safetensors"))


SHIPPED = {
    entry.name: entry
    for entry in (
        Entry(DEFAULT, "generator", "small, trained on our problem families"),
        Entry("base-m", "generator", "medium, trained on our problem families"),
        Entry("base-l", "generator", "large, trained on our problem families"),
        Entry("distilled-s", "generator", "small, trained again on what its verifier found right"),
        Entry(VERIFIER, "verifier", "judges steps, trained on exact labels of steps"),
        Entry("prm", "verifier", "judges steps, trained on how often rollouts from them end right"),
        Entry("orm", "verifier", "judges whole solutions: only its score of the last step counts"),
        Entry("reviser", "reviser", "small, trained to write a better answer after wrong ones"),
        Entry("reviser-prm", "revision verifier", "judges revisions, trained on the reviser's own"),
    )
}

REVISERS = {DEFAULT: ("reviser", "reviser-prm")}
"""The reviser that was made from a generator, and its verifier."""


class Late:
    """A Reviser or RevisionVerifier that is loaded when it is first used."""

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def _model(self) -> Any:
        load = load_generator if SHIPPED[self.name].role == "reviser" else load_verifier
        return load(self.name)

    @property
    def parameters(self) -> int:
        return self._model.parameters

    def open_chains(self, chains: Sequence[Chain]) -> list[Opened]:
        return self._model.open_chains(chains)

    def extend(self, jobs: Sequence[ExtendJob]) -> list[Sampled]:
        return self._model.extend(jobs)

    def score(self, jobs: Sequence[ScoreJob]) -> list[Scored]:
        return self._model.score(jobs)


class Models(NamedTuple):
    """Who answers, and, if anybody, who judges, who revises, and who judges revisions."""

    generator: Generator
    verifier: Verifier | None
    reviser: Reviser | None = None
    revision_verifier: RevisionVerifier | None = None


_loaded: dict[str, Models] = {}
_lock = Lock()


def load(name: str = DEFAULT) -> Models:
    """The models of that name, loaded once a process, a reviser when it is first used. Raises ModelError if
    they cannot be used."""
    with _lock:
        if name not in _loaded:
            logging.disable_progress_bar()
            getLogger("huggingface_hub").setLevel(CRITICAL)  # its retries; what failed is said once, by us
            generator, _, verifier = name.partition("+")
            if not generator:
                raise ModelError(f"Name a model: {', '.join(SHIPPED)}, a folder, or a Hugging Face model.")
            if not verifier and generator in SHIPPED:
                verifier = VERIFIER
            models = Models(
                load_generator(generator),
                load_verifier(verifier) if verifier else None,
                *(Late(part) if SHIPPED[part].files() else None for part in REVISERS.get(generator, ())),
            )
            use_threads(models.generator.parameters)
            _loaded[name] = models
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
    return TokenPRM(model, tokenizer, Path(name).name, in_notation if name in SHIPPED else str)


def available() -> list[dict[str, object]]:
    """The shipped models that are here: name, role, title, parameters, bytes on disk, source."""
    return [
        {
            "name": entry.name,
            "role": entry.role,
            "title": entry.title,
            "parameters": sum(map(_parameters, entry.files())),
            "bytes": sum(file.stat().st_size for file in entry.files()),
            "source": "shipped",
        }
        for entry in SHIPPED.values()
        if entry.files()
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
    shipped = name in SHIPPED
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
