"""Models from a folder to the device: plain ones, and verifiers whose heads transformers has no
class for.

Only safetensors are read, and no code of a model's authors ever runs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn
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
from ttc_explorer.models.verifier_formats import (
    LocalVerifierFormat,
    MathShepherdFormat,
    OutcomeRewardFormat,
    QwenMathPRMFormat,
    RLHFlowFormat,
    SkyworkFormat,
    TRLFormat,
    uses_line_format,
)

VALUE_HEAD = "v_head.summary.weight"
"""How TRL's value heads are called in a file of weights; Skywork's PRMs have one."""

CAUSAL_LM_FORMATS: dict[str, type[LocalVerifierFormat]] = {
    "shepherd": MathShepherdFormat,
    "rlhflow": RLHFlowFormat,
    "prm-deepseek-data": RLHFlowFormat,
    "prm-mistral-data": RLHFlowFormat,
}
"""Formats of verifiers that are plain language models, by what stands in their names: nothing in
their files tells them from a generator."""


def load_causal_lm(
    folder: Path, device: torch.device, dtype: torch.dtype
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A language model and its tokenizer."""
    return _load_complete(AutoModelForCausalLM, folder, device, dtype), load_tokenizer(folder)


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def detect_verifier_format(
    config: PreTrainedConfig, folder: Path | None, name: str
) -> type[LocalVerifierFormat] | None:
    """The format of a verifier, by its configuration, the names of its weights, and last by its
    own; None if it is none that we know. Without a folder, by what else there is."""
    kind = (config.architectures or [""])[0]
    if kind.endswith("ForProcessRewardModel"):
        return QwenMathPRMFormat
    if kind.endswith("ForPrmModel") or (folder and find_tensor(folder, VALUE_HEAD)):
        return SkyworkFormat
    if kind.endswith("ForSequenceClassification"):
        return OutcomeRewardFormat
    if kind.endswith("ForTokenClassification"):
        return TRLFormat
    if kind.endswith("ForCausalLM"):
        return next(
            (format for part, format in CAUSAL_LM_FORMATS.items() if part in name.lower()), None
        )
    return None


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
    if format is TRLFormat:
        return _load_token_classifier(folder, tokenizer, name, device, dtype)
    if format is OutcomeRewardFormat:
        return _load_sequence_classifier(folder, tokenizer, name, device, dtype)
    if format is QwenMathPRMFormat:
        parts = [_load_linear(folder, f"score.{place}") for place in (0, 2)]
        model = _load_with_head(folder, nn.Sequential(parts[0], nn.ReLU(), parts[1]), device, dtype)
    elif format is SkyworkFormat:
        model = _load_with_head(
            folder, _load_linear(folder, VALUE_HEAD.removesuffix(".weight")), device, dtype
        )
    else:
        model = _load_complete(AutoModelForCausalLM, folder, device, dtype)
    return StepVerifier(model, name, format(tokenizer))


def _load_token_classifier(
    folder: Path,
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
    return StepVerifier(model, name, TRLFormat(tokenizer))


def _load_sequence_classifier(
    folder: Path,
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
    format = OutcomeRewardFormat(tokenizer)
    if not isinstance(model, GenericForSequenceClassification):
        return WholeTextVerifier(model, name, format)
    return StepVerifier(_load_with_head(folder, model.score, device, dtype), name, format)


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


def _load_linear(folder: Path, name: str) -> nn.Linear:
    """The linear map whose weight and bias have that name, at the end of theirs, in the folder's
    files."""
    weight, bias = find_tensor(folder, f"{name}.weight"), find_tensor(folder, f"{name}.bias")
    if weight is None:
        raise ModelError(
            f"The weights in {folder.name} are not complete: {name}.weight is missing."
        )
    values = weight()
    linear = nn.Linear(values.shape[1], values.shape[0], bias=bias is not None)
    with torch.no_grad():
        linear.weight.copy_(values)
        if bias is not None:
            linear.bias.copy_(bias())
    return linear.requires_grad_(False)


def find_tensor(folder: Path, name: str) -> Callable[[], Tensor] | None:
    """Reads the tensor of that name, at the end of its own, from the folder's safetensors; None
    without."""
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as weights:
            keys = [key for key in weights.keys() if f".{key}".endswith(f".{name}")]  # noqa: SIM118
        if keys:
            return partial(_read_tensor, file, keys[0])
    return None


def _read_tensor(file: Path, key: str) -> Tensor:
    with safe_open(file, framework="pt") as weights:
        return weights.get_tensor(key)
