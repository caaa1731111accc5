"""What people should know about a model before it is loaded: size, memory, form, why it is of no use here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig

from ttc_explorer.models import catalogue, needs
from ttc_explorer.models.catalogue import REVISERS, SHIPPED, parts_of
from ttc_explorer.models.codec import chats
from ttc_explorer.models.devices import best_device, best_dtype, free_memory
from ttc_explorer.models.generic import forkable_context
from ttc_explorer.models.hub import downloaded_folder, unreachable
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


@dataclass(frozen=True)
class Part:
    """A generator or a verifier. ``source`` is shipped, folder, Hugging Face or server; ``format`` says how
    it is spoken to or what its score means, ``notes`` what is out of the ordinary. ``parameters`` and
    ``need`` are None where nobody can know before loading. ``unusable`` is one sentence, or None."""

    name: str
    role: str
    source: str
    title: str
    format: str
    parameters: int | None = None
    need: Need | None = None
    rereads: bool = False
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
        reviser="trained" if trained else "prompted" if generator.format == PARAGRAPHS else None,
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
    """A part by folder or Hugging Face name."""
    if name.startswith(("http://", "https://")):
        return Part(name, role, "server", "a model on a server", "as the server tells when it is asked")
    folder = Path(name) if Path(name).is_dir() else downloaded_folder(name)
    known = published(name)
    if known and not folder:
        return _published(known, name, role)
    source = "folder" if Path(name).is_dir() else "Hugging Face"
    try:
        config = AutoConfig.from_pretrained(folder or name, trust_remote_code=False)
        return read(name, folder, config)
    except ModelError as error:
        sentence = str(error)
    except Exception:  # whatever a folder or a network can hold
        sentence = f"There is no model '{name}' here, and none of that name can be read from Hugging Face."
    return Part(name, role, source, name, "unknown", unusable=sentence)


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
    form = LINES if folder and not chats(tokenizer_in(folder)) else PARAGRAPHS
    return _read_part(name, "generator", folder, config, form, rereads=rereads, notes=tuple(notes))


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
        unusable=None if folder else _not_here(name),
        **more,
    )


def _not_here(name: str) -> str | None:
    why = unreachable(name, is_gated=False)
    return why and f"'{name}' {why}."
