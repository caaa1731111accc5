"""Models from a folder to the device: plain ones, and verifiers whose heads transformers has no
class for.

Only safetensors are read, and no code of a model's authors ever runs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeGuard

import torch
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.modeling_layers import GenericForSequenceClassification
from transformers.utils import logging

from ttc_explorer.models.local_verifiers import StepVerifier, TokenPRM, WholeTextVerifier
from ttc_explorer.models.protocol import ModelError, Verifier
from ttc_explorer.models.step_codec import uses_line_format
from ttc_explorer.models.verifier_formats import (
    VERIFIER_FORMATS,
    LocalVerifierFormat,
    RegisteredFormat,
)


def load_causal_lm(
    folder: Path, device: torch.device, dtype: torch.dtype
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A language model and its tokenizer."""
    return _load_complete(AutoModelForCausalLM, folder, device, dtype), load_tokenizer(folder)


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def detect_verifier_format(
    config: PreTrainedConfig, folder: Path | None, name: str
) -> type[RegisteredFormat] | None:
    """The format of a verifier, by its configuration, the names of its weights, and last by its
    own; None if it is none that we know. Without a folder, by what else there is. Any language
    model can be asked in words, so that is thought of last."""
    formats = sorted(VERIFIER_FORMATS.values(), key=lambda each: each.head == "words")
    return next((each for each in formats if each.matches(config, folder, name)), None)


def has_head(format: type[RegisteredFormat]) -> TypeGuard[type[LocalVerifierFormat]]:
    """Whether a verifier's score comes from a head, and not from its words."""
    return format.head != "words"


def load_shipped_verifier(
    folder: Path, name: str, rewrite_question: Callable[[str], str]
) -> TokenPRM:
    """A verifier of the shipped family."""
    model = _load_complete(
        AutoModelForTokenClassification, folder, torch.device("cpu"), torch.float32
    )
    return TokenPRM(model, load_tokenizer(folder), name, rewrite_question)


def load_foreign_verifier(
    folder: Path,
    format: type[LocalVerifierFormat],
    name: str,
    device: torch.device,
    dtype: torch.dtype,
) -> Verifier:
    """The verifier of that format in a folder. Raises ModelError if its weights do not fit it."""
    tokenizer = load_tokenizer(folder)
    match format.head:
        case "token_classifier":
            return _load_token_classifier(folder, format, tokenizer, name, device, dtype)
        case "sequence_classifier":
            return _load_sequence_classifier(folder, format, tokenizer, name, device, dtype)
        case "vocabulary":
            model = _load_complete(AutoModelForCausalLM, folder, device, dtype)
        case load_head:
            assert callable(load_head)  # who judges in words has no head to load
            model = _load_with_head(folder, load_head(folder), device, dtype)
    return StepVerifier(model, name, format(tokenizer))


def _load_token_classifier(
    folder: Path,
    format: type[LocalVerifierFormat],
    tokenizer: PreTrainedTokenizerBase,
    name: str,
    device: torch.device,
    dtype: torch.dtype,
) -> Verifier:
    """A PRM of TRL's, or one of our own recipe, whose template puts the question on a line."""
    model = _load_complete(AutoModelForTokenClassification, folder, device, dtype)
    if model.config.num_labels != 2:
        return TokenPRM(model, tokenizer, name)  # which says that this cannot be
    if uses_line_format(tokenizer):
        return TokenPRM(model, tokenizer, name)
    return StepVerifier(model, name, format(tokenizer))


def _load_sequence_classifier(
    folder: Path,
    format: type[LocalVerifierFormat],
    tokenizer: PreTrainedTokenizerBase,
    name: str,
    device: torch.device,
    dtype: torch.dtype,
) -> Verifier:
    """A reward model. One that reads from left to right scores at its last token and can go on from
    there."""
    model = _load_complete(AutoModelForSequenceClassification, folder, device, dtype)
    if (model.config.num_labels or 0) > 2:
        raise ModelError(
            f"{name} cannot be used as a verifier: it has {model.config.num_labels} labels, and a "
            "reward "
            "model has one (a reward) or two (wrong, right)."
        )
    input_format = format(tokenizer)
    if not isinstance(model, GenericForSequenceClassification):
        return WholeTextVerifier(model, name, input_format)
    return StepVerifier(_load_with_head(folder, model.score, device, dtype), name, input_format)


def _load_with_head(
    folder: Path, head: nn.Module, device: torch.device, dtype: torch.dtype
) -> PreTrainedModel:
    """The transformer in a folder with a head of ours at every token."""
    model = _load_complete(AutoModelForTokenClassification, folder, device, dtype, allowed="score.")
    model.score = head.to(device, dtype)
    return model.eval()


def _load_complete(
    loader: Any, folder: Path, device: torch.device, dtype: torch.dtype, allowed: str = "\n"
) -> PreTrainedModel:
    """The model in a folder. Raises ModelError if weights are missing, but for those that begin
    with ``allowed``: transformers would make them up."""
    previous_verbosity = logging.get_verbosity()
    # its report of missing weights, which a head of ours makes up for
    logging.set_verbosity_error()
    try:
        model, report = loader.from_pretrained(
            folder,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    finally:
        logging.set_verbosity(previous_verbosity)
    missing = sorted(key for key in report["missing_keys"] if not key.startswith(allowed))
    if missing:
        raise ModelError(f"The weights in {folder.name} are not complete: {missing[0]} is missing.")
    return model.to(device).eval()
