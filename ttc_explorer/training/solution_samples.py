"""Stage ``samples``: the base solves training problems; every step gets an exact label from its
family.

The solutions come from the product's own engine, through best-of-N without a verifier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import torch.distributed as dist

from ttc_explorer.atomic_files import replaced_file
from ttc_explorer.experiments.solver import Solver
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.models.tree_decoding import TreeGenerator
from ttc_explorer.problems.answer_checker import exact_match_checker
from ttc_explorer.problems.answer_reader import read_answer
from ttc_explorer.problems.families import RecognisedProblem
from ttc_explorer.problems.families.family import LEVELS
from ttc_explorer.problems.problem import Problem
from ttc_explorer.progress_reporting import CountedProgress
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings
from ttc_explorer.training.saved_models import load_tree_generator
from ttc_explorer.training.training_data import draw_parameters
from ttc_explorer.training.training_recipe import Recipe

SAMPLING_TEMPERATURE = 0.8
SOLUTION_COLUMNS = (
    "question",
    "sample",
    "text",
    "family",
    "level",
    "steps",
    "labels",
    "answer",
    "correct",
)
"""What every table of solutions has."""

MAX_CONCURRENT_RUNS = 64
"""Runs in progress together: the rows of one batch are this many times the samples of a problem."""


def draw_recognised_problems(
    split: str, count: int, seed: object
) -> Iterator[tuple[Problem, RecognisedProblem]]:
    """Seeded problems of all families and levels in their canonical wording, with their exact
    checkers."""
    rng = Random(f"{seed} {split}")
    for _ in range(count):
        family, parameters, level = draw_parameters(rng, split)
        recognised = RecognisedProblem(family, parameters)
        yield Problem(recognised.text, recognised.answer, family.name, level, "family"), recognised


def sample_solutions(
    generator: TreeGenerator,
    problems: list[tuple[Problem, RecognisedProblem]],
    samples: int,
    seed: int,
    temperature: float = SAMPLING_TEMPERATURE,
) -> pd.DataFrame:
    """One row a sampled solution: question (number), sample, text, family, level, steps, labels,
    answer, correct, generated_tokens. ``labels``: for each step, whether a right solution can begin
    so.
    """
    solver = Solver.from_models(generator, make_checker=exact_match_checker)
    driver = solver.driver()
    settings = Settings(temperature=temperature, selector="majority", merge=False)
    waiting = list(enumerate(problems))[::-1]
    running: dict[int, tuple[int, Problem, RecognisedProblem, Run]] = {}
    rows: list[dict[str, object]] = []
    with CountedProgress("problems sampled", len(problems)) as progress:
        while waiting or running:
            while waiting and len(running) < MAX_CONCURRENT_RUNS:
                number, (problem, recognised) = waiting.pop()
                run = solver.run(problem, "best_of_n", samples, seed + number, settings)
                driver.add(run)
                running[id(run)] = (number, problem, recognised, run)
            driver.tick()
            for key in [k for k, (*_, run) in running.items() if run.stopped]:
                number, problem, recognised, run = running.pop(key)
                if run.error:
                    raise ModelError(run.error)
                rows += _run_rows(number, problem, recognised, run)
            progress.done(len(problems) - len(waiting) - len(running))
    return pd.DataFrame(rows).sort_values(["question", "sample"], ignore_index=True)


def _run_rows(
    number: int, problem: Problem, recognised: RecognisedProblem, run: Run
) -> Iterator[dict[str, object]]:
    tree = run.tree
    for sample, leaf in enumerate(sorted(tree.leaves())):
        tokens = sum(tree.tokens[n] for n in tree.path(leaf))
        yield solution_row(number, sample, problem, recognised, tree.solution(leaf)) | {
            "generated_tokens": tokens
        }


def solution_row(
    number: int, sample: int, problem: Problem, recognised: RecognisedProblem, steps: list[str]
) -> dict[str, Any]:
    """One solution, judged exactly: the values of SOLUTION_COLUMNS. A step's label is 1 if a right
    solution can begin so."""
    answer = read_answer("\n".join(steps))
    is_correct = answer is not None and recognised.is_correct(answer)
    return {
        "question": number,
        "sample": sample,
        "text": problem.text,
        "family": problem.family,
        "level": problem.level,
        "steps": steps,
        "labels": [
            float(recognised.is_correct_prefix(steps[: i + 1])) for i in range(len(steps) - 1)
        ]
        + [float(is_correct)],
        "answer": answer,
        "correct": is_correct,
    }


def make_samples(recipe: Recipe, work: Path, out: Path) -> None:
    """Sample solutions of training and validation problems into ``work / "samples"``, a shard a
    process."""
    generator = load_tree_generator(out / "base-s", recipe.device)
    for split, count in (
        ("train", recipe.sampled_problems),
        ("val", max(len(LEVELS), recipe.sampled_problems // 16)),
    ):

        def make_shard(mine: list[tuple[Problem, RecognisedProblem]]) -> pd.DataFrame:
            return sample_solutions(generator, mine, recipe.samples, seed=recipe.seed)

        write_shards(
            work / "samples",
            split,
            list(draw_recognised_problems(split, count, recipe.seed)),
            make_shard,
        )


def write_shards(
    folder: Path, name: str, problems: list, make: Callable[[list], pd.DataFrame]
) -> None:
    """Let every process make the table of its share of ``problems``, unless it is there already.

    ``question`` numbers the problems of a process; in the file it numbers all of them.
    """
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}-{rank}.parquet"
    if target.exists():
        return
    table = make(problems[rank::world])
    table["question"] = table["question"] * world + rank
    with replaced_file(target) as new:
        table.to_parquet(new, index=False)


def read_shards(folder: Path, name: str) -> pd.DataFrame:
    """What all processes wrote with ``write_shards``."""
    return pd.concat(
        [pd.read_parquet(p) for p in sorted(folder.glob(f"{name}-*.parquet"))], ignore_index=True
    )
