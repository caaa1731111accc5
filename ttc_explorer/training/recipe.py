"""The recipes: what is trained, how large, on how much; ``cpu`` made what is shipped."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ttc_explorer.training.loop import Schedule
from ttc_explorer.training.shapes import Shape


@dataclass(frozen=True)
class Recipe:
    """``texts`` solved problems teach the tokenizer; ``tokens`` is ids a batch and process; ``sampled``
    problems × ``samples`` solutions teach the verifier."""

    name: str
    texts: int
    shape: Shape
    context: int
    tokens: int
    base: Schedule
    verifier: Schedule
    verifier_layers: int
    sampled: int
    samples: int
    measured: int
    """Problems of the test split on which the finished pair is measured."""
    workers: int = 2
    pool: int = 2048
    seed: int = 0
    device: str = "cpu"


CPU = Recipe(
    name="cpu",
    texts=20_000,
    shape=Shape(width=128, layers=4, inner=384, heads=4),
    context=1024,
    tokens=2048,
    base=Schedule(steps=3600, rate=2.5e-3),
    verifier=Schedule(steps=800, rate=1.5e-3, warmup=50),
    verifier_layers=2,
    sampled=3000,
    samples=8,
    measured=300,
)

RECIPES = {
    "smoke": replace(
        CPU,
        name="smoke",
        texts=500,
        shape=Shape(width=32, layers=1, inner=64, heads=1),
        tokens=512,
        base=Schedule(steps=8, rate=2e-3, warmup=2),
        verifier=Schedule(steps=6, rate=2e-3, warmup=2),
        verifier_layers=1,
        sampled=26,
        samples=4,
        measured=13,
        workers=1,
        pool=64,
    ),
    "cpu": CPU,
    "gpu": replace(
        CPU,
        name="gpu",
        tokens=65_536,
        base=Schedule(steps=8000, rate=2.5e-3),
        verifier=Schedule(steps=4000, rate=1.5e-3),
        sampled=50_000,
        workers=1,
        pool=32_768,
        device="cuda",
    ),
}
