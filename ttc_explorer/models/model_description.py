"""What people should know about a model before it is loaded: size, memory, form, why it is of no
use here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PreTrainedConfig

from ttc_explorer.models import catalogue, memory_estimate
from ttc_explorer.models.catalogue import SHIPPED_MODELS, SHIPPED_REVISERS, split_model_name
from ttc_explorer.models.described_models import (
    MemoryEstimate,
    ModelDescription,
    ModelSetDescription,
)
from ttc_explorer.models.devices import best_device, best_dtype, free_memory
from ttc_explorer.models.generative_verifier import NO_CHAT_JUDGE, GenerativeVerifier
from ttc_explorer.models.hf_backbone import forkable_context
from ttc_explorer.models.http_client import is_server_address
from ttc_explorer.models.hub import download_obstacle, download_size, downloaded_folder
from ttc_explorer.models.model_files import check_model_folder, check_model_path
from ttc_explorer.models.model_loading import detect_verifier_format, has_head, load_tokenizer
from ttc_explorer.models.presets import MODEL_PRESETS, ModelPreset, VerifierPreset, find_preset
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.models.server_factory import connect_generator, connect_verifier
from ttc_explorer.models.server_verifier import ServerVerifier
from ttc_explorer.models.step_codec import supports_chat
from ttc_explorer.models.verifier_formats import GenerativeFormat

LINE_STEPS = "a line a step"
CHAT_STEPS = "a chat, a paragraph a step, the answer in \\boxed{}"
TOKEN_PRM_SCORE = "the chance that a solution ends right from each step"
RECOMPUTES_NOTE = (
    "Its memory cannot be forked (a sliding window or a recurrent state), so it reads the text so "
    "far again "
    "for every step: slower, and the ledger counts it."
)
BASE_MODEL_NOTE = (
    "It has no chat template, so it was not taught to answer: it just goes on from the question."
)


SERVER_CACHE_SECONDS, SERVER_TIMEOUT = 10.0, 30.0
"""Seconds for which what a server said is kept, as pages ask often, and that it may take over one
answer."""


_server_cache: dict[tuple[str, str], tuple[float, ModelDescription]] = {}


def describe(name: str) -> ModelSetDescription:
    """What ``catalogue.load_models(name)`` would give, without loading weights. Raises ModelError
    for no name."""
    generator_name, verifier_name = split_model_name(name)
    generator = _describe_generator(generator_name)
    verifier = _describe_verifier(verifier_name) if verifier_name else None
    parts = [part for part in (generator, verifier) if part]
    needed = {part.name: part.need for part in parts if part.need}
    device = torch.device("cpu") if generator_name in SHIPPED_MODELS else best_device()
    free = free_memory(device)
    room = None
    if needed and free is not None:
        sizes = needed.values()
        both = MemoryEstimate(
            0, sum(need.weights for need in sizes), sum(need.solution for need in sizes)
        )
        room = both.max_solutions(free)
    unusable = next((part.unusable for part in parts if part.unusable), None)
    trained = any(
        SHIPPED_MODELS[part].weight_files() for part in SHIPPED_REVISERS.get(generator_name, ())[:1]
    )
    return ModelSetDescription(
        name=name,
        generator=generator,
        verifier=verifier,
        reviser="trained" if trained else "prompted" if generator.supports_chat else None,
        device=str(device),
        room=room,
        unusable=unusable
        or (memory_estimate.insufficient_memory_message(needed) if needed else None),
    )


def list_models() -> list[dict[str, object]]:
    """What can be named here: the shipped models that are here, and the presets, each with
    ``usable`` and, if it is not, ``why`` in a sentence."""
    found = [entry | {"usable": True, "why": None} for entry in catalogue.list_shipped_models()]
    for preset in MODEL_PRESETS.values():
        description = describe(preset.name)
        found.append(
            {
                "name": preset.name,
                "role": "generator with verifier",
                "title": preset.title,
                "parameters": preset.parameters,
                "verifier": preset.verifier.source,
                "verifier_parameters": preset.verifier.parameters,
                "bytes": sum(
                    part.need.weights
                    for part in (description.generator, description.verifier)
                    if part is not None and part.need is not None
                ),
                "source": "Hugging Face",
                "licence": preset.licence,
                "usable": description.unusable is None,
                "why": description.unusable,
            }
        )
    return found


def _describe_generator(name: str) -> ModelDescription:
    if name in SHIPPED_MODELS:
        return _describe_shipped(name)
    return _describe_foreign(name, "generator", _generator_from_config)


def _describe_verifier(name: str) -> ModelDescription:
    if name in SHIPPED_MODELS:
        return _describe_shipped(name)
    return _describe_foreign(name, "verifier", _verifier_from_config)


def _describe_shipped(name: str) -> ModelDescription:
    entry = SHIPPED_MODELS[name]
    title, step_format = (
        entry.title,
        LINE_STEPS if entry.role in ("generator", "reviser") else TOKEN_PRM_SCORE,
    )
    if not entry.weight_files():
        sentence = (
            f"The shipped {entry.role} '{name}' is missing: make it with "
            f"`{catalogue.TRAIN_COMMAND}`."
        )
        return ModelDescription(name, entry.role, "shipped", title, step_format, unusable=sentence)
    size = catalogue.count_parameters(entry.weight_files())
    values = memory_estimate.kv_values_per_token(
        catalogue.read_config(catalogue.MODELS_FOLDER / name)
    )
    need = memory_estimate.estimate_memory(size, values, torch.float32)
    return ModelDescription(name, entry.role, "shipped", title, step_format, size, need)


def _describe_foreign(
    name: str, role: str, read: Callable[[str, Path | None, PreTrainedConfig], ModelDescription]
) -> ModelDescription:
    """A generator or verifier by folder, Hugging Face name or address."""
    if is_server_address(name):
        return _describe_served(name, role)
    folder = Path(name) if Path(name).is_dir() else downloaded_folder(name)
    preset = find_preset(name)
    if preset and not folder:
        return _describe_preset(preset, name, role)
    source = "folder" if Path(name).is_dir() else "Hugging Face"
    try:
        check_model_path(name)
        if folder:
            check_model_folder(folder, name)
        size = None if folder else download_size(name)
        part = read(name, folder, catalogue.read_config(folder or name))
        note = (
            ()
            if size is None
            else (f"{size / 1e9:.1f} GB are downloaded when it is first loaded.",)
        )
        return replace(part, notes=(*part.notes, *note))
    except ModelError as error:
        sentence = str(error)
    except Exception:  # whatever a folder or a network can hold
        sentence = f"What '{name}' holds is no model that can be read here: choose another one."
    return ModelDescription(name, role, source, name, "unknown", unusable=sentence)


def _describe_served(name: str, role: str) -> ModelDescription:
    """A generator or verifier on a server, which is asked; what it said holds for
    SERVER_CACHE_SECONDS."""
    since, part = _server_cache.get((name, role), (float("-inf"), None))
    if part is None or time.monotonic() - since > SERVER_CACHE_SECONDS:
        part = _describe_by_probing(name, role)
        _server_cache[name, role] = time.monotonic(), part
    return part


def _describe_by_probing(name: str, role: str) -> ModelDescription:
    connect = connect_generator if role == "generator" else connect_verifier
    try:
        model = connect(name, catalogue.servable_models(), timeout=SERVER_TIMEOUT)
    except ModelError as error:
        return ModelDescription(
            name, role, "server", "a model on a server", "not known", unusable=str(error)
        )
    found = model.capabilities
    assert found is not None  # a server that was connected to was asked
    match model:
        case ServerVerifier():
            step_format = model.format.title
        case GenerativeVerifier():
            step_format = GenerativeFormat.title
        case _:
            step_format = found.summary()
    return ModelDescription(
        name,
        role,
        "server",
        f"{found.model} on a server",
        step_format,
        found.parameters or None,
        notes=found.missing() if role == "generator" else (),
        supports_prefix_continuation=getattr(model, "supports_prefix_continuation", True),
        supports_chat=getattr(model, "supports_chat", False),
    )


def _describe_preset(model: ModelPreset | VerifierPreset, name: str, role: str) -> ModelDescription:
    """A published model that is not downloaded."""
    why = download_obstacle(name, model.gated)
    chats = GenerativeFormat.title if role == "verifier" else CHAT_STEPS
    return ModelDescription(
        name,
        role,
        "Hugging Face",
        model.title,
        model.format.title if isinstance(model, VerifierPreset) else chats,
        model.parameters,
        memory_estimate.estimate_memory(model.parameters, model.values, best_dtype(best_device())),
        supports_chat=isinstance(model, ModelPreset),
        licence=model.licence,
        unusable=why and f"'{name}' {why}.",
    )


def _generator_from_config(
    name: str, folder: Path | None, config: PreTrainedConfig
) -> ModelDescription:
    catalogue.check_architecture(config, "ForCausalLM", "generator", name)
    model = AutoModelForCausalLM._model_mapping.get(type(config), None)
    context = forkable_context(config)
    recomputes_prefix = not context or getattr(model, "_is_stateful", False)
    notes = [RECOMPUTES_NOTE] if recomputes_prefix else []
    if context and context < (getattr(config, "max_position_embeddings", None) or 0):
        notes.append(f"Its context is cut to its sliding window of {context:,} tokens.")
    tokenizer = load_tokenizer(folder) if folder else None
    if tokenizer:
        catalogue.check_chat_template(tokenizer, name)
    if tokenizer and not tokenizer.chat_template:
        notes.append(BASE_MODEL_NOTE)
    is_chat_model = not tokenizer or supports_chat(tokenizer)
    step_format = CHAT_STEPS if is_chat_model else LINE_STEPS
    options: dict[str, Any] = {
        "recomputes_prefix": recomputes_prefix,
        "supports_chat": is_chat_model,
        "notes": tuple(notes),
    }
    return _description_from_config(name, "generator", folder, config, step_format, **options)


def _verifier_from_config(
    name: str, folder: Path | None, config: PreTrainedConfig
) -> ModelDescription:
    preset = find_preset(name)
    format = (
        preset.format
        if isinstance(preset, VerifierPreset)
        else detect_verifier_format(config, folder, name)
    )
    if format is None:
        raise catalogue.unusable_architecture(config, "ForTokenClassification", "verifier", name)
    if folder and not has_head(format) and not supports_chat(load_tokenizer(folder)):
        raise ModelError(NO_CHAT_JUDGE.format(name))
    return _description_from_config(name, "verifier", folder, config, format.title)


def _description_from_config(
    name: str,
    role: str,
    folder: Path | None,
    config: PreTrainedConfig,
    step_format: str,
    **options: Any,
) -> ModelDescription:
    need, preset = memory_estimate.estimate_memory_on_best_device(config), find_preset(name)
    return ModelDescription(
        name,
        role,
        "folder" if Path(name).is_dir() else "Hugging Face",
        preset.title if preset else (config.architectures or ["unknown"])[0],
        step_format,
        need.parameters,
        need,
        licence=preset.licence if preset else None,
        **options,
    )
