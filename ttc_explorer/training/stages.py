"""The stages of a recipe, in order; each can be run alone and resumed after a kill."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.training.base import train_base
from ttc_explorer.training.measure import finish, measure
from ttc_explorer.training.recipe import RECIPES, Recipe
from ttc_explorer.training.samples import make_samples
from ttc_explorer.training.tokenizer import train_tokenizer
from ttc_explorer.training.verifier import train_verifier
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


NEEDS = {
    "tokenizer": (),
    "base": ("tokenizer",),
    "samples": ("base-s",),
    "prm": ("tokenizer", "base-s", "work/samples"),
    "measure": ("base-s", "prm"),
}
"""The folders in the output that a stage reads; so the shipped models can be measured where they are."""

STAGES: dict[str, Stage] = {
    "tokenizer": _tokenizer,
    "base": _spread(train_base),
    "samples": _spread(make_samples),
    "prm": _spread(train_verifier),
    "measure": _measure,
}


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
            shutil.rmtree(work / name, ignore_errors=True)
        STAGES[name](RECIPES[recipe], work, out)
        done.touch()
