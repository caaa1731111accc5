"""Names to models: the shipped family, presets, any folder or Hugging Face model that fits, and
servers.

A name is ``GENERATOR`` or ``GENERATOR+VERIFIER``; each part is a shipped model, a preset, a folder,
a Hugging Face name, or the address of a server. A shipped generator and a preset bring a verifier
along, and a reviser if there is one for it; any other without a verifier can be sampled and voted
on, not searched. A chat model revises when it is asked to.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from inspect import signature
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
    PreTrainedConfig,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils import logging

from ttc_explorer.asset_files import MODELS_FOLDER
from ttc_explorer.models import memory_estimate, model_loading
from ttc_explorer.models.chat_client import ChatGenerator
from ttc_explorer.models.chat_reviser import PromptedReviser
from ttc_explorer.models.completions_client import CompletionsGenerator
from ttc_explorer.models.devices import best_device, best_dtype, free_unused_memory
from ttc_explorer.models.generative_verifier import GenerativeVerifier
from ttc_explorer.models.http_client import is_server_address
from ttc_explorer.models.hub import (
    OnProgress,
    downloaded_folder,
    fetch_model_folder,
    hub_reachable,
    no_progress,
)
from ttc_explorer.models.model_files import check_model_folder, check_model_path
from ttc_explorer.models.presets import MODEL_PRESETS, VerifierPreset, find_preset
from ttc_explorer.models.prompts import (
    merge_system_into_user,
    solution_messages,
    system_prompt_for,
)
from ttc_explorer.models.protocol import (
    DecodedStep,
    ExtendJob,
    Generator,
    ModelError,
    Prefilled,
    Reviser,
    RevisionContext,
    RevisionVerifier,
    ScoredStep,
    ScoreJob,
    Verifier,
)
from ttc_explorer.models.server_factory import ServableModel, connect_generator, connect_verifier
from ttc_explorer.models.stateless_backbone import CACHE_ARGUMENTS
from ttc_explorer.models.step_codec import supports_chat
from ttc_explorer.models.tree_decoding import TreeGenerator
from ttc_explorer.models.verifier_probe import untrained_note
from ttc_explorer.problems.answer_reader import has_boxed_answer
from ttc_explorer.problems.families import to_canonical_wording

DEFAULT_GENERATOR, DEFAULT_VERIFIER = "base-s", "prm-exact"
TRAIN_COMMAND = "python -m ttc_explorer train --recipe cpu --out assets/models"

SHIPPED_MAX_STEP_TOKENS, FOREIGN_MAX_STEP_TOKENS = 80, 512
"""Longest step of a shipped generator, whose lines are short, and of any other; in tokens."""


@dataclass(frozen=True)
class ShippedModel:
    """A model of the shipped family: its folder, if it is here, and what people should know about
    it."""

    name: str
    role: str
    title: str

    def weight_files(self) -> list[Path]:
        """Its weights that are really there."""
        return sorted((MODELS_FOLDER / self.name).glob("*.safetensors"))

    def fingerprint(self) -> str:
        """Identifies the weights: the beginning of their SHA-256."""
        return sha256(b"".join(path.read_bytes() for path in self.weight_files())).hexdigest()[:16]


SHIPPED_MODELS = {
    entry.name: entry
    for entry in (
        ShippedModel(DEFAULT_GENERATOR, "generator", "small, trained on our problem families"),
        ShippedModel("base-m", "generator", "medium, trained on our problem families"),
        ShippedModel("base-l", "generator", "large, trained on our problem families"),
        ShippedModel(
            "distilled-s", "generator", "small, trained again on what its verifier found right"
        ),
        ShippedModel(
            DEFAULT_VERIFIER, "verifier", "judges steps, trained on exact labels of steps"
        ),
        ShippedModel(
            "prm", "verifier", "judges steps, trained on how often rollouts from them end right"
        ),
        ShippedModel(
            "orm", "verifier", "judges whole solutions: only its score of the last step counts"
        ),
        ShippedModel(
            "reviser", "reviser", "small, trained to write a better answer after wrong ones"
        ),
        ShippedModel(
            "reviser-prm", "revision verifier", "judges revisions, trained on the reviser's own"
        ),
    )
}

SHIPPED_REVISERS = {DEFAULT_GENERATOR: ("reviser", "reviser-prm")}
"""The reviser that was made from a generator, and its verifier."""


def fingerprints(names: Iterable[str | None]) -> dict[str, str]:
    """The fingerprints of the shipped models among these names. What was measured with a model
    holds for its weights, and not for others that came to bear its name."""
    return {name: SHIPPED_MODELS[name].fingerprint() for name in names if name in SHIPPED_MODELS}


class LazyModel:
    """A Reviser or RevisionVerifier of the shipped family that is loaded when it is first used."""

    prompted = False

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def _model(self) -> Any:
        load = load_generator if SHIPPED_MODELS[self.name].role == "reviser" else load_verifier
        return load(self.name)

    @property
    def parameters(self) -> int:
        return self._model.parameters

    def prefill_revisions(self, chains: Sequence[RevisionContext]) -> list[Prefilled]:
        return self._model.prefill_revisions(chains)

    def extend(self, jobs: Sequence[ExtendJob]) -> list[DecodedStep]:
        return self._model.extend(jobs)

    def score(self, jobs: Sequence[ScoreJob]) -> list[ScoredStep]:
        return self._model.score(jobs)


class ModelSet(NamedTuple):
    """The generator and, where there are any, its verifier, its reviser and the verifier of
    revisions. ``verifier_note`` is ``verifier_probe.untrained_note`` of a verifier that is not
    ours."""

    generator: Generator
    verifier: Verifier | None
    reviser: Reviser | None = None
    revision_verifier: RevisionVerifier | None = None
    verifier_note: str = ""


_model_cache: dict[str, ModelSet] = {}
_lock = Lock()


def load_models(name: str = DEFAULT_GENERATOR, on_progress: OnProgress = no_progress) -> ModelSet:
    """The models of that name, loaded once a process, a reviser when it is first used;
    ``on_progress`` is told how far a download is. Raises ModelError if they cannot be used."""
    if name in _model_cache:
        return _model_cache[name]
    with _lock:
        if name not in _model_cache:
            logging.disable_progress_bar()
            getLogger("huggingface_hub").setLevel(
                CRITICAL
            )  # its retries; what failed is said once, by us
            _model_cache[name] = _load_model_set(name, on_progress)
        return _model_cache[name]


def unload_models(kept: Collection[str]) -> None:
    """Unload all models but the shipped ones and those of the names ``kept``: others need their
    memory."""
    with _lock:
        for name in [
            name
            for name in _model_cache
            if name not in kept and split_model_name(name)[0] not in SHIPPED_MODELS
        ]:
            del _model_cache[name]
    free_unused_memory()


def split_model_name(name: str) -> tuple[str, str | None]:
    """The names of the generator and of the verifier, if there is one. Raises ModelError."""
    generator, _, verifier = name.partition("+")
    generator, verifier = (
        os.path.expanduser(part) if part.startswith("~") else part for part in (generator, verifier)
    )
    if not generator:
        raise ModelError(
            f"Name a model: {', '.join(SHIPPED_MODELS)}, a preset, a folder, or a Hugging Face "
            "model."
        )
    if generator in SHIPPED_MODELS:
        return generator, verifier or DEFAULT_VERIFIER
    if generator in MODEL_PRESETS:
        return MODEL_PRESETS[generator].source, verifier or MODEL_PRESETS[generator].verifier.source
    return generator, verifier or None


def _load_model_set(name: str, on_progress: OnProgress) -> ModelSet:
    generator_name, verifier_name = split_model_name(name)
    _check_memory(generator_name, verifier_name)
    generator = load_generator(generator_name, on_progress)
    verifier: Verifier | None = None
    if verifier_name == generator_name:  # it judges what it writes
        verifier = GenerativeVerifier(generator)
    elif verifier_name:
        verifier = load_verifier(verifier_name, on_progress)
    reviser: Reviser | None = None
    revision_verifier: RevisionVerifier | None = None
    if generator_name in SHIPPED_REVISERS:
        reviser, revision_verifier = (
            LazyModel(part) if SHIPPED_MODELS[part].weight_files() else None
            for part in SHIPPED_REVISERS[generator_name]
        )
    elif is_server_address(generator_name):
        reviser = generator if generator.supports_chat else None
    elif isinstance(generator, TreeGenerator) and generator.supports_chat:
        reviser = PromptedReviser(generator)
    foreign = verifier if verifier_name not in SHIPPED_MODELS else None
    note = untrained_note(foreign) if foreign is not None else ""
    return ModelSet(generator, verifier, reviser, revision_verifier, note)


def _check_memory(*names: str | None) -> None:
    """Raise NoRoom if there is too little memory for these models, before anything large is
    downloaded."""
    memory_estimate.check_memory(
        {name: need for name in names if name and (need := estimate_before_loading(name))}
    )


def estimate_before_loading(name: str) -> memory_estimate.MemoryEstimate | None:
    """The memory that a model will take here, by what is known of it or by its configuration, a
    small file; None for a shipped one, which is small, for one on a server, and if loading will say
    what is wrong."""
    model = find_preset(name)
    if model:
        return memory_estimate.estimate_memory(
            model.parameters, model.values, best_dtype(best_device())
        )
    if name in SHIPPED_MODELS or is_server_address(name):
        return None
    folder = Path(name) if Path(name).is_dir() else downloaded_folder(name)
    if folder is None and not hub_reachable():
        return None
    try:
        return memory_estimate.estimate_memory_on_best_device(read_config(folder or name))
    except Exception:  # whatever a folder or a network can hold
        return None


def load_generator(
    name: str, on_progress: OnProgress = no_progress
) -> TreeGenerator | CompletionsGenerator | ChatGenerator:
    """The generator in a shipped folder, any folder, on the Hub, or on a server. Raises
    ModelError."""
    if is_server_address(name):
        return connect_generator(name, servable_models())
    _check_memory(name)
    folder = _model_folder(name, "generator", on_progress)
    with _as_model_error(name, "generator"):
        config = read_config(folder)
        check_architecture(config, "ForCausalLM", "generator", name)
        if name in SHIPPED_MODELS:
            model, tokenizer = model_loading.load_causal_lm(
                folder, torch.device("cpu"), torch.float32
            )
            return TreeGenerator(
                model,
                tokenizer,
                name,
                max_step_tokens=SHIPPED_MAX_STEP_TOKENS,
                rewrite_question=to_canonical_wording,
            )
        device = best_device()
        check_chat_template(model_loading.load_tokenizer(folder), name)
        model, tokenizer = model_loading.load_causal_lm(folder, device, best_dtype(device))
        chat_options: dict[str, Any] = {}
        if supports_chat(tokenizer):
            chat_options = {"system": system_prompt_for(name), "is_final": has_boxed_answer}
        return TreeGenerator(
            model,
            tokenizer,
            Path(name).name,
            max_step_tokens=FOREIGN_MAX_STEP_TOKENS,
            **chat_options,
        )


def check_chat_template(tokenizer: PreTrainedTokenizerBase, name: str) -> None:
    """Raise ModelError if the model's chat template cannot write a chat."""
    if not supports_chat(tokenizer):
        return
    messages = solution_messages("1 + 1")
    reasons = []
    for chat in (messages, merge_system_into_user(messages)):
        try:
            tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
            return
        except Exception as error:  # whatever a template raises
            reasons.append(" ".join(str(error).split())[:100])
    raise ModelError(
        f"The chat template of '{name}' fails ({reasons[-1]}): take chat_template.jinja or "
        "tokenizer_config.json from the original model."
    )


def load_verifier(name: str, on_progress: OnProgress = no_progress) -> Verifier:
    """The verifier in a shipped folder, any folder, on the Hub, or on a server. Raises
    ModelError."""
    if is_server_address(name):
        return connect_verifier(name, servable_models())
    _check_memory(name)
    folder = _model_folder(name, "verifier", on_progress)
    with _as_model_error(name, "verifier"):
        config = read_config(folder)
        if name in SHIPPED_MODELS:
            check_architecture(config, "ForTokenClassification", "verifier", name)
            return model_loading.load_shipped_verifier(folder, name, to_canonical_wording)
        preset = find_preset(name)
        format = (
            preset.format
            if isinstance(preset, VerifierPreset)
            else model_loading.detect_verifier_format(config, folder, name)
        )
        if format is None:
            raise unusable_architecture(config, "ForTokenClassification", "verifier", name)
        if not model_loading.has_head(format):
            return GenerativeVerifier(load_generator(name, on_progress))
        device = best_device()
        return model_loading.load_foreign_verifier(
            folder, format, Path(name).name, device, best_dtype(device)
        )


def servable_models() -> dict[str, ServableModel]:
    """The shipped models that are here, by name, as a server may serve them."""
    return {
        entry.name: ServableModel(
            MODELS_FOLDER / entry.name, count_parameters(entry.weight_files())
        )
        for entry in SHIPPED_MODELS.values()
        if entry.weight_files()
    }


def list_shipped_models() -> list[dict[str, object]]:
    """The shipped models that are here: name, role, title, parameters, bytes on disk, source."""
    return [
        {
            "name": entry.name,
            "role": entry.role,
            "title": entry.title,
            "parameters": count_parameters(entry.weight_files()),
            "bytes": sum(file.stat().st_size for file in entry.weight_files()),
            "source": "shipped",
        }
        for entry in SHIPPED_MODELS.values()
        if entry.weight_files()
    ]


def read_config(folder: Path | str) -> PreTrainedConfig:
    return AutoConfig.from_pretrained(folder, trust_remote_code=False)


def _model_folder(name: str, role: str, on_progress: OnProgress) -> Path:
    """Where the model's files are, once they are here. Raises ModelError."""
    if name not in SHIPPED_MODELS:
        check_model_path(name)
        folder = fetch_model_folder(name, on_progress)
        check_model_folder(folder, name)
        return folder
    if not (MODELS_FOLDER / name).is_dir():
        raise ModelError(f"The shipped {role} '{name}' is missing: make it with `{TRAIN_COMMAND}`.")
    return MODELS_FOLDER / name


def check_architecture(config: PreTrainedConfig, ending: str, role: str, name: str) -> None:
    """Raise ModelError unless the model's class has a name with that ending, or transformers
    counts it among causal language models where those are asked for (GPT2LMHeadModel)."""
    kind = (config.architectures or [""])[0]
    causal = ending == "ForCausalLM" and kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()
    if not (kind.endswith(ending) or causal):
        raise unusable_architecture(config, ending, role, name)
    if ending == "ForCausalLM":
        model = AutoModelForCausalLM._model_mapping.get(type(config), None)
        forward = getattr(model, "forward", None)
        if forward and not {*CACHE_ARGUMENTS} & signature(forward).parameters.keys():
            raise ModelError(
                f"'{name}' cannot be the {role}: a {kind} takes no cache that is known here. Serve "
                "it with a server that runs it, and use that address."
            )


def unusable_architecture(
    config: PreTrainedConfig, ending: str, role: str, name: str
) -> ModelError:
    """What to say of a model of another class than is needed."""
    kind = (config.architectures or ["model of unknown kind"])[0]
    return ModelError(
        f"'{name}' cannot be the {role}: it is a {kind}, and a {ending[3:]} is needed."
    )


@contextmanager
def _as_model_error(name: str, role: str) -> Iterator[None]:
    """Whatever transformers says about a folder it cannot read, in one sentence."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"The folder '{name}' holds no {role} that can be read: {reason}"
        ) from error


def count_parameters(weight_files: Sequence[Path]) -> int:
    """How many numbers safetensors files hold, by their headers alone."""
    return sum(map(_count_file_parameters, weight_files))


def _count_file_parameters(file: Path) -> int:
    with safe_open(file, framework="pt") as weights:
        return sum(prod(weights.get_slice(key).get_shape()) for key in weights.keys())  # noqa: SIM118
