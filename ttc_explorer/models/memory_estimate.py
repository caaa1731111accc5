"""How much memory a model will take, estimated before it is loaded."""

from __future__ import annotations

import torch
from transformers import AutoModel, AutoModelForCausalLM, PreTrainedConfig

from ttc_explorer.models.described_models import SOLUTION_TOKENS, MemoryEstimate
from ttc_explorer.models.devices import best_device, best_dtype, free_memory
from ttc_explorer.models.protocol import InsufficientMemory


def estimate_memory(parameters: int, values: int, dtype: torch.dtype) -> MemoryEstimate:
    """The memory of a model with so many weights that keeps so many values of each token."""
    return MemoryEstimate(
        parameters, parameters * dtype.itemsize, values * dtype.itemsize * SOLUTION_TOKENS
    )


def estimate_memory_of_config(config: PreTrainedConfig, dtype: torch.dtype) -> MemoryEstimate:
    """The memory of the model that a configuration describes. The model is laid out without its
    weights."""
    kinds = config.architectures or [""]
    loader = AutoModelForCausalLM if kinds[0].endswith("ForCausalLM") else AutoModel
    with torch.device("meta"):
        model = loader.from_config(config, trust_remote_code=False)
    return estimate_memory(
        sum(weight.numel() for weight in model.parameters()), kv_values_per_token(config), dtype
    )


def kv_values_per_token(config: PreTrainedConfig) -> int:
    """Numbers that the model keeps of each token: a key and a value a layer and key head."""
    text = config.get_text_config()
    heads = getattr(text, "num_attention_heads", None) or 1
    channels = getattr(text, "head_dim", None) or text.hidden_size // heads
    return (
        2
        * text.num_hidden_layers
        * (getattr(text, "num_key_value_heads", None) or heads)
        * channels
    )


def insufficient_memory_message(estimates: dict[str, MemoryEstimate]) -> str | None:
    """One sentence if these models, by name, have no room together on this machine's device with at
    least one solution of each; None if they have, or if the free memory is not known."""
    device = best_device()
    free = free_memory(device)
    required_bytes = sum(one.weights + one.solution for one in estimates.values())
    if free is None or required_bytes <= free:
        return None
    return (
        f"{' and '.join(estimates)} need {_format_gigabytes(required_bytes)} of memory, and "
        f"{_format_gigabytes(free)} are free on "
        f"{device}: choose a smaller model, or free some memory."
    )


def check_memory(estimates: dict[str, MemoryEstimate]) -> None:
    """Raise NoRoom if there is too little memory."""
    sentence = insufficient_memory_message(estimates)
    if sentence:
        raise InsufficientMemory(sentence)


def estimate_memory_on_best_device(config: PreTrainedConfig) -> MemoryEstimate:
    """``estimate_memory_of_config`` in the number format of this machine's device."""
    return estimate_memory_of_config(config, best_dtype(best_device()))


def _format_gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
