"""Single tensors out of a folder's safetensors: heads that transformers has no class for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from ttc_explorer.models.protocol import ModelError


def load_linear(folder: Path, name: str) -> nn.Linear:
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
