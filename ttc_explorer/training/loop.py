"""One training loop for every stage: AdamW, cosine schedule, several processes, resumable after a kill.

A checkpoint holds weights, optimiser state and the place in the data; what follows from it does not depend on
whether training was interrupted.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ttc_explorer.training.data import Batches

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Schedule:
    """``steps`` optimiser steps at peak rate ``rate``, linear warm-up, cosine decay to a fiftieth."""

    steps: int
    rate: float
    warmup: int = 100
    weight_decay: float = 0.05

    def at(self, step: int) -> float:
        decay = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.steps)))
        return self.rate * min(1.0, (step + 1) / self.warmup) * decay


class Checkpoint:
    """A folder with the newest state of one stage: ``state.safetensors`` and ``place.json``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, model: nn.Module, optimiser: torch.optim.Optimizer, place: dict[str, object]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        tensors = {f"model.{k}": v.detach().contiguous().clone() for k, v in _unshared(model).items()}
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{k}": torch.as_tensor(v).clone() for k, v in state.items()}
        save_file(tensors, self.folder / "new.safetensors", metadata={"place": json.dumps(place)})
        # The rename is the commit: a kill leaves the old state or the new one, never half of one.
        os.replace(self.folder / "new.safetensors", self.folder / "state.safetensors")

    def load(self, model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, object] | None:
        """Restore both and return the place, or None where nothing was saved."""
        from safetensors import safe_open

        path = self.folder / "state.safetensors"
        if not path.exists():
            return None
        tensors = load_file(path)
        model.load_state_dict(
            {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}, strict=False
        )
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("optimiser."):
                _, index, name = key.split(".", 2)
                state.setdefault(int(index), {})[name] = value
        optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
        with safe_open(path, framework="pt") as file:
            return json.loads(file.metadata()["place"])


def _unshared(model: nn.Module) -> dict[str, Tensor]:
    """The state dict without tied copies, which safetensors does not store."""
    seen, kept = set(), {}
    for name, tensor in model.state_dict().items():
        if tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            kept[name] = tensor
    return kept


def train(
    model: nn.Module,
    batches: Batches,
    loss: Loss,
    schedule: Schedule,
    folder: Path,
    validate: Callable[[], dict[str, float]],
    *,
    minutes_between_checkpoints: float = 3.0,
    report_every: int = 100,
) -> pd.DataFrame:
    """Train ``model`` in place; return the log: step, tokens, seconds, rate, loss, ``validate``'s figures.

    Where torch.distributed is initialised each process reads its own ``batches`` and gradients are averaged.
    Resumes from ``folder`` if a checkpoint is there.
    """
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    parameters = list(model.parameters())
    matrices = [p for p in parameters if p.ndim == 2]
    optimiser = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": schedule.weight_decay},
            {"params": [p for p in parameters if p.ndim != 2], "weight_decay": 0.0},
        ],
        lr=schedule.rate,
        betas=(0.9, 0.98),
    )
    # Each process has its own place in its own stream; the step and the weights are the same in all.
    own = Checkpoint(folder / f"rank{rank}")
    place = own.load(model, optimiser) or {
        "step": 0,
        "pool": 0,
        "batch": 0,
        "tokens": 0,
        "seconds": 0.0,
        "log": [],
    }
    log, start, saved = list(place["log"]), time.monotonic() - place["seconds"], time.monotonic()
    step, tokens, mean = place["step"], place["tokens"], None
    stream: Iterator = batches.starting_at(place["pool"], place["batch"])
    device = parameters[0].device
    while step < schedule.steps:
        pool, batch, ids, targets = next(stream)
        for group in optimiser.param_groups:
            group["lr"] = schedule.at(step)
        value = loss(ids.to(device), targets.to(device))
        value.backward()
        if world > 1:
            _average_gradients(parameters, world)
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        step += 1
        tokens += int((ids != batches.pad).sum()) * world
        mean = value.item() if mean is None else 0.98 * mean + 0.02 * value.item()
        last = step == schedule.steps
        if rank == 0 and (step % report_every == 0 or last):
            seconds = time.monotonic() - start
            log.append(
                {"step": step, "tokens": tokens, "seconds": seconds, "rate": schedule.at(step), "loss": mean}
                | validate()
            )
            _report(folder.name, log[-1], schedule.steps)
        due = torch.tensor(float(last or time.monotonic() - saved > 60 * minutes_between_checkpoints))
        if world > 1:
            dist.broadcast(due, 0)
        if due:
            saved = time.monotonic()
            seconds = time.monotonic() - start
            own.save(
                model,
                optimiser,
                {
                    "step": step,
                    "pool": pool,
                    "batch": batch + 1,
                    "tokens": tokens,
                    "seconds": seconds,
                    "log": log,
                },
            )
    return pd.DataFrame(log)


def _average_gradients(parameters: list[nn.Parameter], world: int) -> None:
    flat = torch.cat([p.grad.flatten() for p in parameters])
    dist.all_reduce(flat)
    flat /= world
    offset = 0
    for p in parameters:
        p.grad.copy_(flat[offset : offset + p.numel()].view_as(p))
        offset += p.numel()


def _report(stage: str, row: dict[str, float], steps: int) -> None:
    left = row["seconds"] / row["step"] * (steps - row["step"])
    figures = "  ".join(
        f"{k} {v:.4g}" for k, v in row.items() if k not in ("step", "seconds", "rate", "tokens")
    )
    print(
        f"{stage}  step {row['step']}/{steps}  {row['tokens'] / 1e6:.2f}M tokens  {figures}  "
        f"{left / 60:.0f} min left",
        file=sys.stderr,
        flush=True,
    )
