"""The recipes: what is trained, how large, on how much; ``cpu`` made what is shipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ttc_explorer.training.model_configs import ModelShape
from ttc_explorer.training.training_loop import Schedule


@dataclass(frozen=True)
class GeneratorRecipe:
    """A generator to train from nothing."""

    shape: ModelShape
    schedule: Schedule


@dataclass(frozen=True)
class Recipe:
    """``texts`` solved problems teach the tokenizer; ``tokens`` is ids a batch and process;
    ``bases`` are the generators by folder name, all on the same stream; ``verifier_layers`` more
    layers make a verifier of S.

    ``sampled_problems`` × ``samples`` solutions teach verifiers and reviser; ``rollout_problems``
    of these × ``rollout_samples`` × ``rollouts`` from each step give the Monte-Carlo labels.
    ``chains`` problems make the chains of the reviser's first round and of ``rounds`` more
    (``reviser_again``); ``measured_problems`` of the test split are looked at at the end, and up to
    ``problems_per_level`` of every family and level by the generators alone.
    """

    name: str
    texts: int
    bases: Mapping[str, GeneratorRecipe]
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
    sampled_problems: int
    samples: int
    rollout_problems: int
    rollout_samples: int
    rollouts: int
    chains: int
    rounds: int
    measured_problems: int
    problems_per_level: int
    workers: int = 2
    pool: int = 2048
    seed: int = 0
    device: str = "cpu"


_CPU_STEPS = 2800
"""Steps of every base of the cpu recipe, 2 × 2048 ids each: 11 million tokens."""

CPU_RECIPE = Recipe(
    name="cpu",
    texts=20_000,
    bases={
        "base-s": GeneratorRecipe(
            ModelShape(width=128, layers=4, ffn_width=384, heads=4), Schedule(_CPU_STEPS, rate=3e-3)
        ),
        "base-m": GeneratorRecipe(
            ModelShape(width=256, layers=4, ffn_width=704, heads=4),
            Schedule(_CPU_STEPS, rate=2e-3, half=True),
        ),
        "base-l": GeneratorRecipe(
            ModelShape(width=384, layers=7, ffn_width=1024, heads=6),
            Schedule(_CPU_STEPS, rate=1.5e-3, half=True),
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
    sampled_problems=6000,
    samples=12,
    rollout_problems=1000,
    rollout_samples=4,
    rollouts=8,
    chains=1500,
    rounds=4,
    measured_problems=150,
    problems_per_level=40,
)

_TOY_SCHEDULE = Schedule(steps=4, rate=2e-3, warmup=2)
_TOY_SHAPE = ModelShape(width=32, layers=1, ffn_width=64, heads=1)

RECIPES = {
    "smoke": replace(
        CPU_RECIPE,
        name="smoke",
        texts=500,
        bases={name: GeneratorRecipe(_TOY_SHAPE, _TOY_SCHEDULE) for name in CPU_RECIPE.bases},
        context=384,
        tokens=512,
        verifier_layers=1,
        prm_exact=_TOY_SCHEDULE,
        prm=_TOY_SCHEDULE,
        orm=_TOY_SCHEDULE,
        reviser=_TOY_SCHEDULE,
        reviser_again=_TOY_SCHEDULE,
        reviser_verifier=_TOY_SCHEDULE,
        distil=_TOY_SCHEDULE,
        sampled_problems=26,
        samples=4,
        rollout_problems=6,
        rollout_samples=2,
        rollouts=2,
        chains=4,
        rounds=2,
        measured_problems=6,
        problems_per_level=1,
        workers=1,
        pool=64,
    ),
    "cpu": CPU_RECIPE,
    "gpu": replace(
        CPU_RECIPE,
        name="gpu",
        tokens=65_536,
        bases={
            name: replace(size, schedule=replace(size.schedule, steps=6000))
            for name, size in CPU_RECIPE.bases.items()
        },
        prm_exact=Schedule(4000, rate=3e-3),
        prm=Schedule(2000, rate=3e-3),
        orm=Schedule(1500, rate=3e-3),
        reviser=Schedule(4000, rate=3e-3),
        reviser_again=Schedule(2000, rate=2e-3),
        reviser_verifier=Schedule(1500, rate=2e-3),
        distil=Schedule(1000, rate=1.5e-3),
        sampled_problems=50_000,
        rollout_problems=10_000,
        rollout_samples=16,
        rollouts=16,
        chains=20_000,
        workers=1,
        pool=32_768,
        device="cuda",
    ),
}
