"""One training loop for every stage: Muon and AdamW, cosine schedule, several processes, resumable
after a kill.

A checkpoint holds weights, optimiser state and the place in the data; what follows from it does not
depend on whether training was interrupted.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd
import torch
import torch.distributed as dist
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from ttc_explorer.atomic_files import replaced_file
from ttc_explorer.progress_reporting import CountedProgress
from ttc_explorer.training.muon import Muon
from ttc_explorer.training.training_data import TrainingBatches

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Schedule:
    """``steps`` optimiser steps at peak rate ``rate``, linear warm-up, cosine decay to a fiftieth.
    The rate is that of the matrices (Muon); all other weights learn at ADAMW_RATE_SHARE of it
    (AdamW). With ``half`` wide matrices are multiplied in bfloat16 where the processor has
    instructions for it; weights stay in single precision. On narrow ones the conversions cost more
    than they spare."""

    steps: int
    rate: float
    warmup: int = 100
    weight_decay: float = 0.05
    half: bool = False

    def rate_share(self, step: int) -> float:
        """The share of the peak rate at a step."""
        decay = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.steps)))
        return min(1.0, (step + 1) / self.warmup) * decay


ADAMW_RATE_SHARE = 0.4


def matmul_dtype(schedule: Schedule, device: torch.device) -> torch.dtype:
    """What matrices are multiplied in: a processor without the instructions only imitates
    bfloat16."""
    able = torch.cpu._is_avx512_bf16_supported() if device.type == "cpu" else device.type == "cuda"
    return torch.bfloat16 if schedule.half and able else torch.float32


def make_optimisers(
    model: nn.Module, schedule: Schedule, dtype: torch.dtype
) -> list[torch.optim.Optimizer]:
    """Muon, multiplying in ``dtype``, for the matrices within layers; AdamW for embeddings, heads,
    norms and biases."""
    inner = {name: p for name, p in model.named_parameters() if p.ndim == 2 and ".layers." in name}
    rest = [p for name, p in model.named_parameters() if name not in inner]
    return [
        Muon(inner.values(), schedule.rate, schedule.weight_decay, dtype),
        torch.optim.AdamW(
            rest, ADAMW_RATE_SHARE * schedule.rate, betas=(0.9, 0.98), weight_decay=0.0
        ),
    ]


@dataclass(frozen=True)
class Position:
    """The place in a training: optimiser steps done, the place of each process in its stream (pool,
    batch), tokens read, seconds spent, the running mean of the loss, and the log so far."""

    step: int
    streams: list[tuple[int, int]]
    tokens: int = 0
    seconds: float = 0.0
    mean: float | None = None
    log: list[dict[str, float]] = field(default_factory=list)


COLUMNS_NOT_REPORTED = ("step", "tokens", "seconds", "rate")
"""Columns of the log that progress does not spell out."""


class Checkpoint:
    """The newest state of one stage in ``folder / "state.safetensors"``: weights and optimisers,
    which are the same in all processes, and as metadata the place in the training."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(
        self, model: nn.Module, optimisers: list[torch.optim.Optimizer], position: Position
    ) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        tensors = {
            f"model.{k}": v.detach().contiguous().clone()
            for k, v in _untied_state_dict(model).items()
        }
        for number, optimiser in enumerate(optimisers):
            for index, state in optimiser.state_dict()["state"].items():
                tensors |= {
                    f"optimiser.{number}.{index}.{k}": torch.as_tensor(v).clone()
                    for k, v in state.items()
                }
        # The rename is the commit: a kill leaves the old state or the new one, never half of one.
        with replaced_file(self.folder / "state.safetensors") as new:
            save_file(tensors, new, metadata={"place": json.dumps(asdict(position))})

    def load(self, model: nn.Module, optimisers: list[torch.optim.Optimizer]) -> Position | None:
        """Restore all and return the place, or None where nothing was saved."""
        path = self.folder / "state.safetensors"
        if not path.exists():
            return None
        tensors = load_file(path)
        model.load_state_dict(
            {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")},
            strict=False,
        )
        states: list[dict[int, dict[str, Tensor]]] = [{} for _ in optimisers]
        for key, value in tensors.items():
            if key.startswith("optimiser."):
                _, number, index, name = key.split(".", 3)
                states[int(number)].setdefault(int(index), {})[name] = value
        for optimiser, state in zip(optimisers, states, strict=True):
            optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
        with safe_open(path, framework="pt") as file:
            return Position(**json.loads(file.metadata()["place"]))


def _untied_state_dict(model: nn.Module) -> dict[str, Tensor]:
    """The state dict without tied copies, which safetensors does not store."""
    seen, kept = set(), {}
    for name, tensor in model.state_dict().items():
        if tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            kept[name] = tensor
    return kept


def train(
    model: PreTrainedModel,
    batches: TrainingBatches,
    loss: Loss,
    schedule: Schedule,
    folder: Path,
    validate: Callable[[], dict[str, float]],
    *,
    minutes_between_checkpoints: float = 3.0,
    report_every: int = 100,
) -> pd.DataFrame:
    """Train ``model`` in place; return the log: step, tokens, seconds, rate, loss, ``validate``'s
    figures.

    Where torch.distributed is initialised each process reads its own ``batches`` and gradients are
    averaged. Resumes from ``folder`` if a checkpoint is there.
    """
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    parameters = list(model.parameters())
    device = parameters[0].device
    dtype = matmul_dtype(schedule, device)
    if dtype is torch.bfloat16 and device.type == "cpu":
        model.set_attn_implementation(
            "eager"
        )  # the fused one's backward pass is slower here than all of it
    muon_and_adamw = make_optimisers(model, schedule, dtype)
    peaks = [optimiser.param_groups[0]["lr"] for optimiser in muon_and_adamw]
    checkpoint = Checkpoint(folder)
    position = checkpoint.load(model, muon_and_adamw) or Position(0, [(0, 0)] * world)
    step, tokens, mean, log = position.step, position.tokens, position.mean, list(position.log)
    saved = time.monotonic()
    start = saved - position.seconds
    stream = batches.from_position(*position.streams[rank])
    latest = ""
    with CountedProgress(folder.name, schedule.steps, step) as progress:
        while step < schedule.steps:
            pool, batch, ids, targets = next(stream)
            for optimiser, peak in zip(muon_and_adamw, peaks, strict=True):
                optimiser.param_groups[0]["lr"] = peak * schedule.rate_share(step)
            with torch.autocast(device.type, dtype, enabled=dtype is not torch.float32):
                value = loss(ids.to(device), targets.to(device))
            value.backward()
            if world > 1:
                _average_gradients(parameters, world)
            nn.utils.clip_grad_norm_(parameters, 1.0)
            for optimiser in muon_and_adamw:
                optimiser.step()
                optimiser.zero_grad()
            step += 1
            tokens += int((ids != batches.pad).sum()) * world
            mean = value.item() if mean is None else 0.98 * mean + 0.02 * value.item()
            last = step == schedule.steps
            if rank == 0 and (step % report_every == 0 or last):
                seconds = time.monotonic() - start
                log.append(
                    {
                        "step": step,
                        "tokens": tokens,
                        "seconds": seconds,
                        "rate": schedule.rate * schedule.rate_share(step),
                        "loss": mean,
                    }
                    | validate()
                )
                latest = "  ".join(
                    f"{k} {log[-1][k]:.4g}" for k in log[-1] if k not in COLUMNS_NOT_REPORTED
                )
            if rank == 0 and step % 10 == 0:
                progress.done(step, f"{tokens / 1e6:.2f}M tokens  {latest}")
            checkpoint_due = torch.tensor(
                float(last or time.monotonic() - saved > 60 * minutes_between_checkpoints)
            )
            if world > 1:
                dist.broadcast(checkpoint_due, 0)
            if checkpoint_due:
                saved = time.monotonic()
                streams = _gather_positions((pool, batch + 1), world)
                position = Position(step, streams, tokens, saved - start, mean, log)
                if rank == 0:
                    checkpoint.save(model, muon_and_adamw, position)
    return pd.DataFrame(log)


def _gather_positions(position: tuple[int, int], world: int) -> list[tuple[int, int]]:
    """The places (pool, batch) of all processes in their own streams."""
    positions = [position] * world
    if world > 1:
        dist.all_gather_object(positions, position)
    return positions


def _average_gradients(parameters: list[nn.Parameter], world: int) -> None:
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= world
    offset = 0
    for gradient in gradients:
        gradient.copy_(flat[offset : offset + gradient.numel()].view_as(gradient))
        offset += gradient.numel()
