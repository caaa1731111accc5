"""The stages of a recipe, in order; each can be run alone and resumed after a kill."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from ttc_explorer.atomic_files import disk_errors, replaced_folder
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.training.distillation import train_distilled
from ttc_explorer.training.family_measurement import measure_family, write_measurements
from ttc_explorer.training.generator_training import train_generator
from ttc_explorer.training.reviser_training import (
    make_reviser_chains,
    make_revisions,
    train_reviser,
    train_reviser_verifier,
)
from ttc_explorer.training.revision_pairs import make_revision_pairs
from ttc_explorer.training.rollouts import make_rollouts
from ttc_explorer.training.solution_samples import make_samples
from ttc_explorer.training.stage_workers import run_in_processes
from ttc_explorer.training.tokenizer import train_tokenizer
from ttc_explorer.training.training_recipe import RECIPES, Recipe
from ttc_explorer.training.verifier_training import train_orm, train_prm, train_prm_exact

Stage = Callable[[Recipe, Path, Path], None]


def _tokenizer_stage(recipe: Recipe, work: Path, out: Path) -> None:
    tokenizer = train_tokenizer(recipe.texts, recipe.seed, recipe.context)
    with replaced_folder(out / "tokenizer") as new:
        tokenizer.save_pretrained(new)


def _in_all_processes(stage: Stage) -> Stage:
    """The stage, run by all workers together."""
    return lambda recipe, work, out: run_in_processes(stage, recipe.workers, recipe, work, out)


def _measure_stage(recipe: Recipe, work: Path, out: Path) -> None:
    run_in_processes(measure_family, recipe.workers, recipe, work, out)
    write_measurements(recipe, work, out)


def _generator_stage(name: str) -> Stage:
    return lambda recipe, work, out: run_in_processes(
        train_generator, recipe.workers, recipe, work, out, name
    )


def _reviser_stage(recipe: Recipe, work: Path, out: Path) -> None:
    run_in_processes(train_reviser, recipe.workers, recipe, work, out, 0)
    for number in range(1, recipe.rounds + 1):
        run_in_processes(make_reviser_chains, recipe.workers, recipe, work, out, number)
        run_in_processes(train_reviser, recipe.workers, recipe, work, out, number)


def _reviser_verifier_stage(recipe: Recipe, work: Path, out: Path) -> None:
    run_in_processes(make_revisions, recipe.workers, recipe, work, out)
    run_in_processes(train_reviser_verifier, recipe.workers, recipe, work, out)


STAGES: dict[str, Stage] = {
    "tokenizer": _tokenizer_stage,
    "base-s": _generator_stage("base-s"),
    "base-m": _generator_stage("base-m"),
    "base-l": _generator_stage("base-l"),
    "samples": _in_all_processes(make_samples),
    "rollouts": _in_all_processes(make_rollouts),
    "prm": _in_all_processes(train_prm),
    "prm-exact": _in_all_processes(train_prm_exact),
    "orm": _in_all_processes(train_orm),
    "chains": _in_all_processes(make_revision_pairs),
    "reviser": _reviser_stage,
    "reviser-verifier": _reviser_verifier_stage,
    "distil": _in_all_processes(train_distilled),
    "measure": _measure_stage,
}

STAGE_INPUTS = {
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
"""The folders in the output that a stage reads; so the shipped models can be measured where they
are."""

WORK_FOLDERS = {
    "reviser": ("reviser", "own-chains"),
    "reviser-verifier": ("reviser-prm", "revisions"),
    "distil": ("distilled-s",),
}
"""The folders in ``work`` in which a stage keeps its place, where they do not bear its name."""


def train_family(recipe: str, out: Path, stage: str | None = None, resume: bool = False) -> None:
    """Make the shipped models in ``out``: all stages, or one. Raises BadInput.

    Each finished stage leaves a mark in ``out / "work"``; with ``resume`` marked stages are passed
    over and an interrupted one goes on from its checkpoint, otherwise the stages asked for start
    afresh.
    """
    if recipe not in RECIPES:
        raise BadInput(f"Unknown recipe '{recipe[:40]}': choose from {', '.join(RECIPES)}.")
    if stage is not None and stage not in STAGES:
        raise BadInput(f"Unknown stage '{stage[:40]}': choose from {', '.join(STAGES)}.")
    work = out / "work"
    with disk_errors(f"The folder {out} cannot be made"):
        work.mkdir(parents=True, exist_ok=True)
    for name in [stage] if stage else STAGES:
        done = work / f"{name}.done"
        missing = [folder for folder in STAGE_INPUTS[name] if not (out / folder).is_dir()]
        if missing:
            raise BadInput(
                f"Stage {name} reads {out / missing[0]}, which is not there: run the stages "
                "before it."
            )
        if resume and done.exists():
            continue
        with disk_errors(
            f"The stage {name} cannot be written to {out}",
            "What is finished stays: make room, then go on with --resume.",
        ):
            if not resume:
                done.unlink(missing_ok=True)
                for folder in WORK_FOLDERS.get(name, (name,)):
                    shutil.rmtree(work / folder, ignore_errors=True)
            STAGES[name](RECIPES[recipe], work, out)
            done.touch()
