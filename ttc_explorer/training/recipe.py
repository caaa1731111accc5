"""The recipes: what is trained, how large, on how much; ``cpu`` made what is shipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ttc_explorer.training.loop import Schedule
from ttc_explorer.training.shapes import Shape


@dataclass(frozen=True)
class Size:
    """A generator to train from nothing."""

    shape: Shape
    schedule: Schedule


@dataclass(frozen=True)
class Recipe:
    """``texts`` solved problems teach the tokenizer; ``tokens`` is ids a batch and process; ``bases`` are the
    generators by folder name, all on the same stream; ``verifier_layers`` more layers make a verifier of S.

    ``sampled`` problems × ``samples`` solutions teach verifiers and reviser; ``rolled`` of these problems ×
    ``rolled_samples`` × ``rollouts`` from each step give the Monte-Carlo labels. ``chains`` problems make the
    chains of the reviser's first round and of ``rounds`` more (``reviser_again``); ``measured`` problems of
    the test split are looked at at the end, and up to ``rungs`` of every family and level by the generators
    alone.
    """

    name: str
    texts: int
    bases: Mapping[str, Size]
    context: int
    tokens: int
    verifier_layers: int
    prm_exact: Schedule
    prm: Schedule
    orm: Schedule
    reviser: Schedule
    reviser_again: Schedule
    reviser_verifier: Schedule
    distil: Schedule
    sampled: int
    samples: int
    rolled: int
    rolled_samples: int
    rollouts: int
    chains: int
    rounds: int
    measured: int
    rungs: int
    workers: int = 2
    pool: int = 2048
    seed: int = 0
    device: str = "cpu"


_STREAM = 2800
"""Steps of every base of the cpu recipe, 2 × 2048 ids each: 11 million tokens."""

CPU = Recipe(
    name="cpu",
    texts=20_000,
    bases={
        "base-s": Size(Shape(width=128, layers=4, inner=384, heads=4), Schedule(_STREAM, rate=3e-3)),
        "base-m": Size(
            Shape(width=256, layers=4, inner=704, heads=4), Schedule(_STREAM, rate=2e-3, half=True)
        ),
        "base-l": Size(
            Shape(width=384, layers=7, inner=1024, heads=6), Schedule(_STREAM, rate=1.5e-3, half=True)
        ),
    },
    context=1024,
    tokens=2048,
    verifier_layers=2,
    prm_exact=Schedule(3000, rate=3e-3),
    prm=Schedule(600, rate=3e-3, warmup=50),
    orm=Schedule(500, rate=3e-3, warmup=50),
    reviser=Schedule(2400, rate=3e-3),
    reviser_again=Schedule(1200, rate=2e-3, warmup=50),
    reviser_verifier=Schedule(400, rate=2e-3, warmup=50),
    distil=Schedule(400, rate=1.5e-3, warmup=50),
    sampled=6000,
    samples=12,
    rolled=1000,
    rolled_samples=4,
    rollouts=8,
    chains=1500,
    rounds=4,
    measured=150,
    rungs=40,
)

_TOY = Schedule(steps=4, rate=2e-3, warmup=2)
_TINY = Shape(width=32, layers=1, inner=64, heads=1)

RECIPES = {
    "smoke": replace(
        CPU,
        name="smoke",
        texts=500,
        bases={name: Size(_TINY, _TOY) for name in CPU.bases},
        context=384,
        tokens=512,
        verifier_layers=1,
        prm_exact=_TOY,
        prm=_TOY,
        orm=_TOY,
        reviser=_TOY,
        reviser_again=_TOY,
        reviser_verifier=_TOY,
        distil=_TOY,
        sampled=26,
        samples=4,
        rolled=6,
        rolled_samples=2,
        rollouts=2,
        chains=4,
        rounds=2,
        measured=6,
        rungs=1,
        workers=1,
        pool=64,
    ),
    "cpu": CPU,
    "gpu": replace(
        CPU,
        name="gpu",
        tokens=65_536,
        bases={
            name: replace(size, schedule=replace(size.schedule, steps=6000))
            for name, size in CPU.bases.items()
        },
        prm_exact=Schedule(4000, rate=3e-3),
        prm=Schedule(2000, rate=3e-3),
        orm=Schedule(1500, rate=3e-3),
        reviser=Schedule(4000, rate=3e-3),
        reviser_again=Schedule(2000, rate=2e-3),
        reviser_verifier=Schedule(1500, rate=2e-3),
        distil=Schedule(1000, rate=1.5e-3),
        sampled=50_000,
        rolled=10_000,
        rolled_samples=16,
        rollouts=16,
        chains=20_000,
        workers=1,
        pool=32_768,
        device="cuda",
    ),
}
