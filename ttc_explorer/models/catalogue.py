"""Names to models: the shipped family, presets, any folder or Hugging Face model that fits, and servers.

A name is ``GENERATOR`` or ``GENERATOR+VERIFIER``; each part is a shipped model, a preset, a folder, a Hugging
Face name, or the address of a server. A shipped generator and a preset bring a verifier along, and a reviser
if there is one for it; any other without a verifier can be sampled and voted on, not searched. A model that
chats revises when it is asked to.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from logging import CRITICAL, getLogger
from math import prod
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import torch
from safetensors import safe_open
from transformers import AutoConfig, PreTrainedConfig
from transformers.utils import logging

from ttc_explorer.models import loading, needs
from ttc_explorer.models.chat import ChatGenerator
from ttc_explorer.models.codec import chats
from ttc_explorer.models.connect import Own, connect, connect_verifier
from ttc_explorer.models.connection import is_address
from ttc_explorer.models.decoding import TreeGenerator
from ttc_explorer.models.devices import best_device, best_dtype, release
from ttc_explorer.models.hub import Tell, downloaded_folder, folder_of, silent
from ttc_explorer.models.presets import PRESETS, Judge, published
from ttc_explorer.models.prompted import PromptedReviser
from ttc_explorer.models.prompts import boxes_answer, system_of
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
from ttc_explorer.models.server import ServerGenerator
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

    def fingerprint(self) -> str:
        """By this the weights are known again: the beginning of their SHA-256."""
        return sha256(b"".join(path.read_bytes() for path in self.files())).hexdigest()[:16]


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


def fingerprints(names: Iterable[str | None]) -> dict[str, str]:
    """The fingerprints of the shipped models among these names. What was measured with a model holds for its
    weights, and not for others that came to bear its name."""
    return {name: SHIPPED[name].fingerprint() for name in names if name in SHIPPED}


class Late:
    """A Reviser or RevisionVerifier of the shipped family that is loaded when it is first used."""

    prompted = False

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


def load(name: str = DEFAULT, tell: Tell = silent) -> Models:
    """The models of that name, loaded once a process, a reviser when it is first used; ``tell`` hears how far
    a download is. Raises ModelError if they cannot be used."""
    if name in _loaded:
        return _loaded[name]
    with _lock:
        if name not in _loaded:
            logging.disable_progress_bar()
            getLogger("huggingface_hub").setLevel(CRITICAL)  # its retries; what failed is said once, by us
            _loaded[name] = _load(name, tell)
        return _loaded[name]


def forget(kept: Collection[str]) -> None:
    """Let go of all models but the shipped ones and those of the names ``kept``: others need their memory."""
    with _lock:
        for name in [name for name in _loaded if name not in kept and parts_of(name)[0] not in SHIPPED]:
            del _loaded[name]
    release()


def parts_of(name: str) -> tuple[str, str | None]:
    """The names of the generator and of the verifier, if there is one. Raises ModelError."""
    generator, _, verifier = name.partition("+")
    if not generator:
        raise ModelError(f"Name a model: {', '.join(SHIPPED)}, a preset, a folder, or a Hugging Face model.")
    if generator in SHIPPED:
        return generator, verifier or VERIFIER
    if generator in PRESETS:
        return PRESETS[generator].source, verifier or PRESETS[generator].judge.source
    return generator, verifier or None


def _load(name: str, tell: Tell) -> Models:
    generator_name, verifier_name = parts_of(name)
    _check_room(generator_name, verifier_name)
    generator = load_generator(generator_name, tell)
    verifier = load_verifier(verifier_name, tell) if verifier_name else None
    reviser, revision_verifier = None, None
    if generator_name in REVISERS:
        reviser, revision_verifier = (
            Late(part) if SHIPPED[part].files() else None for part in REVISERS[generator_name]
        )
    elif is_address(generator_name):
        reviser = generator if generator.chats else None
    elif generator.chats:
        reviser = PromptedReviser(generator)
    use_threads(generator.parameters)
    return Models(generator, verifier, reviser, revision_verifier)


def _check_room(*names: str | None) -> None:
    """Raise NoRoom if there is too little memory for these models, before anything large is downloaded."""
    needs.check_room({name: need for name in names if name and (need := need_before(name))})


def need_before(name: str) -> needs.Need | None:
    """The memory that a model will take here, by what is known of it or by its configuration, a small file;
    None for a shipped one, which is small, for one on a server, and if loading will say what is wrong."""
    model = published(name)
    if model:
        return needs.need(model.parameters, model.values, best_dtype(best_device()))
    if name in SHIPPED or is_address(name):
        return None
    try:
        return needs.here(read_config(Path(name) if Path(name).is_dir() else downloaded_folder(name) or name))
    except Exception:  # whatever a folder or a network can hold
        return None


def load_generator(name: str, tell: Tell = silent) -> TreeGenerator | ServerGenerator | ChatGenerator:
    """The generator in a shipped folder, any folder, on the Hub, or on a server. Raises ModelError."""
    if is_address(name):
        return connect(name, own_models())
    _check_room(name)
    folder = _folder(name, "generator", tell)
    with _one_sentence(name, "generator"):
        config = read_config(folder)
        check_kind(config, "ForCausalLM", "generator", name)
        if name in SHIPPED:
            model, tokenizer = loading.load_causal(folder, torch.device("cpu"), torch.float32)
            return TreeGenerator(model, tokenizer, name, max_step_tokens=SHIPPED_STEP, notation=in_notation)
        device = best_device()
        model, tokenizer = loading.load_causal(folder, device, best_dtype(device))
        manner: dict[str, Any] = {}
        if chats(tokenizer):
            manner = {"system": system_of(name), "is_final": boxes_answer}
        return TreeGenerator(model, tokenizer, Path(name).name, max_step_tokens=FOREIGN_STEP, **manner)


def load_verifier(name: str, tell: Tell = silent) -> Verifier:
    """The verifier in a shipped folder, any folder, on the Hub, or on a server. Raises ModelError."""
    if is_address(name):
        return connect_verifier(name, own_models())
    _check_room(name)
    folder = _folder(name, "verifier", tell)
    with _one_sentence(name, "verifier"):
        config = read_config(folder)
        if name in SHIPPED:
            check_kind(config, "ForTokenClassification", "verifier", name)
            return loading.load_own(folder, name, in_notation)
        known = published(name)
        format = known.format if isinstance(known, Judge) else loading.format_of(config, folder, name)
        if format is None:
            check_kind(config, "ForTokenClassification", "verifier", name)
        device = best_device()
        return loading.load_judge(folder, format, Path(name).name, device, best_dtype(device))


def own_models() -> dict[str, Own]:
    """The shipped models that are here, by name, as a server may serve them."""
    return {
        entry.name: Own(FOLDER / entry.name, parameters_of(entry.files()))
        for entry in SHIPPED.values()
        if entry.files()
    }


def available() -> list[dict[str, object]]:
    """The shipped models that are here: name, role, title, parameters, bytes on disk, source."""
    return [
        {
            "name": entry.name,
            "role": entry.role,
            "title": entry.title,
            "parameters": parameters_of(entry.files()),
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


def read_config(folder: Path | str) -> PreTrainedConfig:
    return AutoConfig.from_pretrained(folder, trust_remote_code=False)


def _folder(name: str, role: str, tell: Tell) -> Path:
    """Where the model's files are, once they are here. Raises ModelError."""
    if name not in SHIPPED:
        return folder_of(name, tell)
    if not (FOLDER / name).is_dir():
        raise ModelError(f"The shipped {role} '{name}' is missing: make it with `{TRAIN}`.")
    return FOLDER / name


def check_kind(config: PreTrainedConfig, ending: str, role: str, name: str) -> None:
    kind = (config.architectures or ["model of unknown kind"])[0]
    if not kind.endswith(ending):
        raise ModelError(f"'{name}' cannot be the {role}: it is a {kind}, and a {ending[3:]} is needed.")


@contextmanager
def _one_sentence(name: str, role: str) -> Iterator[None]:
    """Whatever transformers says about a folder it cannot read, in one sentence."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"The folder '{name}' holds no {role} that can be read: {reason}") from error


def parameters_of(files: Sequence[Path]) -> int:
    """How many numbers safetensors files hold, by their headers alone."""
    return sum(map(_parameters, files))


def _parameters(file: Path) -> int:
    with safe_open(file, framework="pt") as weights:
        return sum(prod(weights.get_slice(key).get_shape()) for key in weights.keys())  # noqa: SIM118
