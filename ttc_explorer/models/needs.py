"""How much memory a model will take, told before it is loaded."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import AutoModel, AutoModelForCausalLM, PreTrainedConfig

from ttc_explorer.models.devices import best_device, best_dtype, free_memory
from ttc_explorer.models.protocol import NoRoom

SOLUTION = 2048
"""Tokens that we reckon for a question with its solution; few are longer."""


@dataclass(frozen=True)
class Need:
    """``weights`` is what loading takes, ``solution`` what each solution kept in memory takes besides, at
    SOLUTION tokens; in bytes."""

    parameters: int
    weights: int
    solution: int

    def solutions(self, free: int) -> int:
        """How many solutions there is room for beside the weights, in ``free`` bytes; batches are cut to
        what there is."""
        return max(0, (free - self.weights) // self.solution)


def need(parameters: int, values: int, dtype: torch.dtype) -> Need:
    """The need of a model with so many weights that keeps so many values of each token."""
    return Need(parameters, parameters * dtype.itemsize, values * dtype.itemsize * SOLUTION)


def need_of(config: PreTrainedConfig, dtype: torch.dtype) -> Need:
    """The need of the model that a configuration describes. The model is laid out without its weights."""
    kinds = config.architectures or [""]
    loader = AutoModelForCausalLM if kinds[0].endswith("ForCausalLM") else AutoModel
    with torch.device("meta"):
        model = loader.from_config(config, trust_remote_code=False)
    return need(sum(weight.numel() for weight in model.parameters()), values_of(config), dtype)


def values_of(config: PreTrainedConfig) -> int:
    """Numbers that the model keeps of each token: a key and a value a layer and key head."""
    text = config.get_text_config()
    heads = getattr(text, "num_attention_heads", None) or 1
    channels = getattr(text, "head_dim", None) or text.hidden_size // heads
    return 2 * text.num_hidden_layers * (getattr(text, "num_key_value_heads", None) or heads) * channels


def too_large(needs: dict[str, Need]) -> str | None:
    """One sentence if these models, by name, have no room together on this machine's device with at least
    one solution of each; None if they have, or if the free memory is not known."""
    device = best_device()
    free = free_memory(device)
    wanted = sum(one.weights + one.solution for one in needs.values())
    if free is None or wanted <= free:
        return None
    return (
        f"{' and '.join(needs)} need {_gigabytes(wanted)} of memory, and {_gigabytes(free)} are free on "
        f"{device}: choose a smaller model, or free some memory."
    )


def check_room(needs: dict[str, Need]) -> None:
    """Raise NoRoom if there is too little memory."""
    sentence = too_large(needs)
    if sentence:
        raise NoRoom(sentence)


def here(config: PreTrainedConfig) -> Need:
    """``need_of`` in the number format of this machine's device."""
    return need_of(config, best_dtype(best_device()))


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
