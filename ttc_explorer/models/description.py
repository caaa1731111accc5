"""What people should know about a model before it is loaded: size, memory, form, why it is of no use here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, PreTrainedConfig

from ttc_explorer.models import catalogue, needs
from ttc_explorer.models.catalogue import REVISERS, SHIPPED, parts_of
from ttc_explorer.models.codec import chats
from ttc_explorer.models.connect import connect, connect_verifier
from ttc_explorer.models.connection import is_address
from ttc_explorer.models.devices import best_device, best_dtype, free_memory
from ttc_explorer.models.generic import forkable_context
from ttc_explorer.models.hub import download_size, downloaded_folder, unreachable
from ttc_explorer.models.loading import format_of, tokenizer_in
from ttc_explorer.models.needs import Need
from ttc_explorer.models.presets import PRESETS, Judge, Preset, published
from ttc_explorer.models.protocol import ModelError

LINES = "a line a step"
PARAGRAPHS = "a chat, a paragraph a step, the answer in \\boxed{}"
TOKEN_PRM = "the chance that a solution ends right from each step"
REREADS = (
    "Its memory cannot be forked (a sliding window or a recurrent state), so it reads the text so far again "
    "for every step: slower, and the ledger counts it."
)


FRESH, PATIENCE = 10.0, 30.0
"""Seconds for which a server's word holds, as pages ask often, and that it may take over one answer."""


@dataclass(frozen=True)
class Part:
    """A generator or a verifier. ``source`` is shipped, folder, Hugging Face or server; ``format`` says how
    it is spoken to or what its score means, of a server what it proved to do, ``notes`` what is out of the
    ordinary. ``forks`` is as in ``protocol.py``; one that ``chats`` revises when asked to. ``parameters`` and
    ``need`` are None where nobody can know before loading. ``unusable`` is one sentence, or None."""

    name: str
    role: str
    source: str
    title: str
    format: str
    parameters: int | None = None
    need: Need | None = None
    rereads: bool = False
    forks: bool = True
    chats: bool = False
    notes: tuple[str, ...] = ()
    licence: str | None = None
    unusable: str | None = None


@dataclass(frozen=True)
class Description:
    """A generator with its verifier. ``reviser`` is trained, prompted, or None. ``room`` is how many
    solutions fit beside the weights in the memory of ``device``; batches are cut to that."""

    name: str
    generator: Part
    verifier: Part | None
    reviser: str | None
    device: str
    room: int | None
    unusable: str | None


_asked: dict[tuple[str, str], tuple[float, Part]] = {}


def describe(name: str) -> Description:
    """What ``catalogue.load(name)`` would give, without loading weights. Raises ModelError for no name."""
    generator_name, verifier_name = parts_of(name)
    generator = _generator(generator_name)
    verifier = _verifier(verifier_name) if verifier_name else None
    parts = [part for part in (generator, verifier) if part]
    needed = {part.name: part.need for part in parts if part.need}
    device = torch.device("cpu") if generator_name in SHIPPED else best_device()
    free = free_memory(device)
    room = None
    if needed and free is not None:
        sizes = needed.values()
        both = Need(0, sum(need.weights for need in sizes), sum(need.solution for need in sizes))
        room = both.solutions(free)
    unusable = next((part.unusable for part in parts if part.unusable), None)
    trained = any(SHIPPED[part].files() for part in REVISERS.get(generator_name, ())[:1])
    return Description(
        name=name,
        generator=generator,
        verifier=verifier,
        reviser="trained" if trained else "prompted" if generator.chats else None,
        device=str(device),
        room=room,
        unusable=unusable or (needs.too_large(needed) if needed else None),
    )


def listed() -> list[dict[str, object]]:
    """What can be named here: the shipped models that are here, and the presets, each with ``usable`` and,
    if it is not, ``why`` in a sentence."""
    found = [entry | {"usable": True, "why": None} for entry in catalogue.available()]
    for preset in PRESETS.values():
        said = describe(preset.name)
        found.append(
            {
                "name": preset.name,
                "role": "generator with verifier",
                "title": preset.title,
                "parameters": preset.parameters,
                "verifier": preset.judge.source,
                "verifier_parameters": preset.judge.parameters,
                "bytes": sum(part.need.weights for part in (said.generator, said.verifier)),
                "source": "Hugging Face",
                "licence": preset.licence,
                "usable": said.unusable is None,
                "why": said.unusable,
            }
        )
    return found


def _generator(name: str) -> Part:
    if name in SHIPPED:
        return _shipped(name)
    return _foreign(name, "generator", _as_generator)


def _verifier(name: str) -> Part:
    if name in SHIPPED:
        return _shipped(name)
    return _foreign(name, "verifier", _as_verifier)


def _shipped(name: str) -> Part:
    entry = SHIPPED[name]
    title, form = entry.title, LINES if entry.role in ("generator", "reviser") else TOKEN_PRM
    if not entry.files():
        sentence = f"The shipped {entry.role} '{name}' is missing: make it with `{catalogue.TRAIN}`."
        return Part(name, entry.role, "shipped", title, form, unusable=sentence)
    size = catalogue.parameters_of(entry.files())
    values = needs.values_of(catalogue.read_config(catalogue.FOLDER / name))
    need = needs.need(size, values, torch.float32)
    return Part(name, entry.role, "shipped", title, form, size, need)


def _foreign(name: str, role: str, read: Callable[[str, Path | None, PreTrainedConfig], Part]) -> Part:
    """A part by folder, Hugging Face name or address."""
    if is_address(name):
        return _served(name, role)
    folder = Path(name) if Path(name).is_dir() else downloaded_folder(name)
    known = published(name)
    if known and not folder:
        return _published(known, name, role)
    source = "folder" if Path(name).is_dir() else "Hugging Face"
    try:
        size = None if folder else download_size(name)
        part = read(name, folder, catalogue.read_config(folder or name))
        note = () if size is None else (f"{size / 1e9:.1f} GB are downloaded when it is first loaded.",)
        return replace(part, notes=(*part.notes, *note))
    except ModelError as error:
        sentence = str(error)
    except Exception:  # whatever a folder or a network can hold
        sentence = f"What '{name}' holds is no model that can be read here: choose another one."
    return Part(name, role, source, name, "unknown", unusable=sentence)


def _served(name: str, role: str) -> Part:
    """A part on a server, which is asked; what it said holds for FRESH seconds."""
    since, part = _asked.get((name, role), (float("-inf"), None))
    if part is None or time.monotonic() - since > FRESH:
        part = _found(name, role)
        _asked[name, role] = time.monotonic(), part
    return part


def _found(name: str, role: str) -> Part:
    try:
        model = (connect if role == "generator" else connect_verifier)(
            name, catalogue.own_models(), timeout=PATIENCE
        )
    except ModelError as error:
        return Part(name, role, "server", "a model on a server", "not known", unusable=str(error))
    found = model.abilities
    form = found.proved() if role == "generator" else model.format.title
    return Part(
        name,
        role,
        "server",
        f"{found.model} on a server",
        form,
        found.parameters or None,
        notes=found.missing() if role == "generator" else (),
        forks=getattr(model, "forks", True),
        chats=getattr(model, "chats", False),
    )


def _published(model: Preset | Judge, name: str, role: str) -> Part:
    """A published model that is not downloaded."""
    why = unreachable(name, model.gated)
    return Part(
        name,
        role,
        "Hugging Face",
        model.title,
        model.format.title if isinstance(model, Judge) else PARAGRAPHS,
        model.parameters,
        needs.need(model.parameters, model.values, best_dtype(best_device())),
        chats=isinstance(model, Preset),
        licence=model.licence,
        unusable=why and f"'{name}' {why}.",
    )


def _as_generator(name: str, folder: Path | None, config: PreTrainedConfig) -> Part:
    catalogue.check_kind(config, "ForCausalLM", "generator", name)
    model = AutoModelForCausalLM._model_mapping.get(type(config), None)
    context = forkable_context(config)
    rereads = not context or getattr(model, "_is_stateful", False)
    notes = [REREADS] if rereads else []
    if context and context < (getattr(config, "max_position_embeddings", None) or 0):
        notes.append(f"Its context is cut to its sliding window of {context:,} tokens.")
    talks = not folder or chats(tokenizer_in(folder))
    form = PARAGRAPHS if talks else LINES
    more = {"rereads": rereads, "chats": talks, "notes": tuple(notes)}
    return _read_part(name, "generator", folder, config, form, **more)


def _as_verifier(name: str, folder: Path | None, config: PreTrainedConfig) -> Part:
    known = published(name)
    format = known.format if isinstance(known, Judge) else format_of(config, folder, name)
    if format is None:
        catalogue.check_kind(config, "ForTokenClassification", "verifier", name)
    return _read_part(name, "verifier", folder, config, format.title)


def _read_part(
    name: str, role: str, folder: Path | None, config: PreTrainedConfig, form: str, **more: object
) -> Part:
    need, known = needs.here(config), published(name)
    return Part(
        name,
        role,
        "folder" if Path(name).is_dir() else "Hugging Face",
        known.title if known else (config.architectures or ["unknown"])[0],
        form,
        need.parameters,
        need,
        licence=known.licence if known else None,
        **more,
    )
