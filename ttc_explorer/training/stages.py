"""The stages of a recipe, in order; each can be run alone and resumed after a kill."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.training.base import train_base
from ttc_explorer.training.chains import make_chains
from ttc_explorer.training.distil import train_distilled
from ttc_explorer.training.measure import finish, measure
from ttc_explorer.training.recipe import RECIPES, Recipe
from ttc_explorer.training.reviser import (
    make_own_chains,
    make_revisions,
    train_reviser,
    train_reviser_verifier,
)
from ttc_explorer.training.rollouts import make_rollouts
from ttc_explorer.training.samples import make_samples
from ttc_explorer.training.tokenizer import train_tokenizer
from ttc_explorer.training.verifier import train_orm, train_prm, train_prm_exact
from ttc_explorer.training.workers import run_workers

Stage = Callable[[Recipe, Path, Path], None]


def _tokenizer(recipe: Recipe, work: Path, out: Path) -> None:
    train_tokenizer(recipe.texts, recipe.seed, recipe.context).save_pretrained(out / "tokenizer")


def _spread(stage: Stage) -> Stage:
    """The stage, run by all workers together."""
    return lambda recipe, work, out: run_workers(stage, recipe.workers, recipe, work, out)


def _measure(recipe: Recipe, work: Path, out: Path) -> None:
    run_workers(measure, recipe.workers, recipe, work, out)
    finish(recipe, work, out)


def _base(name: str) -> Stage:
    return lambda recipe, work, out: run_workers(train_base, recipe.workers, recipe, work, out, name)


def _reviser(recipe: Recipe, work: Path, out: Path) -> None:
    run_workers(train_reviser, recipe.workers, recipe, work, out, 0)
    for number in range(1, recipe.rounds + 1):
        run_workers(make_own_chains, recipe.workers, recipe, work, out, number)
        run_workers(train_reviser, recipe.workers, recipe, work, out, number)


def _reviser_verifier(recipe: Recipe, work: Path, out: Path) -> None:
    run_workers(make_revisions, recipe.workers, recipe, work, out)
    run_workers(train_reviser_verifier, recipe.workers, recipe, work, out)


STAGES: dict[str, Stage] = {
    "tokenizer": _tokenizer,
    "base-s": _base("base-s"),
    "base-m": _base("base-m"),
    "base-l": _base("base-l"),
    "samples": _spread(make_samples),
    "rollouts": _spread(make_rollouts),
    "prm": _spread(train_prm),
    "prm-exact": _spread(train_prm_exact),
    "orm": _spread(train_orm),
    "chains": _spread(make_chains),
    "reviser": _reviser,
    "reviser-verifier": _reviser_verifier,
    "distil": _spread(train_distilled),
    "measure": _measure,
}

NEEDS = {
    "tokenizer": (),
    "base-s": ("tokenizer",),
    "base-m": ("tokenizer",),
    "base-l": ("tokenizer",),
    "samples": ("base-s",),
    "rollouts": ("base-s",),
    "prm": ("tokenizer", "base-s", "work/samples", "work/rollouts"),
    "prm-exact": ("tokenizer", "base-s", "work/samples"),
    "orm": ("tokenizer", "base-s", "work/samples"),
    "chains": ("base-s",),
    "reviser": ("tokenizer", "base-s", "work/chains"),
    "reviser-verifier": ("tokenizer", "reviser", "prm-exact"),
    "distil": ("tokenizer", "base-s", "prm-exact", "work/samples"),
    "measure": ("base-s", "prm-exact"),
}
"""The folders in the output that a stage reads; so the shipped models can be measured where they are."""

LEAVES = {
    "reviser": ("reviser", "own-chains"),
    "reviser-verifier": ("reviser-prm", "revisions"),
    "distil": ("distilled-s",),
}
"""The folders in ``work`` in which a stage keeps its place, where they do not bear its name."""


def train_family(recipe: str, out: Path, stage: str | None = None, resume: bool = False) -> None:
    """Make the shipped models in ``out``: all stages, or one. Raises BadInput.

    Each finished stage leaves a mark in ``out / "work"``; with ``resume`` marked stages are passed over and
    an interrupted one goes on from its checkpoint, otherwise the stages asked for start afresh.
    """
    if recipe not in RECIPES:
        raise BadInput(f"Unknown recipe '{recipe[:40]}': choose from {', '.join(RECIPES)}.")
    if stage is not None and stage not in STAGES:
        raise BadInput(f"Unknown stage '{stage[:40]}': choose from {', '.join(STAGES)}.")
    work = out / "work"
    work.mkdir(parents=True, exist_ok=True)
    for name in [stage] if stage else STAGES:
        done = work / f"{name}.done"
        missing = [folder for folder in NEEDS[name] if not (out / folder).is_dir()]
        if missing:
            raise BadInput(
                f"Stage {name} reads {out / missing[0]}, which is not there: run the stages before it."
            )
        if resume and done.exists():
            continue
        if not resume:
            done.unlink(missing_ok=True)
            for folder in LEAVES.get(name, (name,)):
                shutil.rmtree(work / folder, ignore_errors=True)
        STAGES[name](RECIPES[recipe], work, out)
        done.touch()
