"""Stage ``rollouts``: step labels without an exact checker, as in the paper.

From the end of every step of a solution the base goes on several times; the label of the step is
the share of these rollouts that end right (arXiv 2408.03314, section 5.1 and appendix D;
Math-Shepherd, arXiv 2312.08935).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ttc_explorer.models.protocol import ExtendJob, State
from ttc_explorer.models.tree_decoding import TreeGenerator
from ttc_explorer.problems.families import RecognisedProblem
from ttc_explorer.problems.problem import Problem
from ttc_explorer.progress_reporting import CountedProgress
from ttc_explorer.training.saved_models import load_tree_generator
from ttc_explorer.training.solution_samples import (
    SAMPLING_TEMPERATURE,
    SOLUTION_COLUMNS,
    draw_recognised_problems,
    solution_row,
    write_shards,
)
from ttc_explorer.training.training_recipe import Recipe

PROBLEMS_PER_BATCH = 16
"""Problems whose prefixes are remembered together."""

MAX_STEPS = 40

RngPath = tuple[int, ...]
SolutionPrefix = tuple[State, RngPath, list[str]]
"""A beginning of a solution: the model's state, its random stream, the steps so far."""


def make_rollouts(recipe: Recipe, work: Path, out: Path) -> None:
    """Label solutions of training problems by rollouts into ``work / "rollouts"``, a shard a
    process."""
    generator = load_tree_generator(out / "base-s", recipe.device)
    problems = list(
        draw_recognised_problems("train", recipe.rollout_problems, f"{recipe.seed} rollouts")
    )

    def make_shard(mine: list[tuple[Problem, RecognisedProblem]]) -> pd.DataFrame:
        return label_by_rollouts(
            generator, mine, recipe.rollout_samples, recipe.rollouts, recipe.seed
        )

    write_shards(work / "rollouts", "train", problems, make_shard)


def label_by_rollouts(
    generator: TreeGenerator,
    problems: Sequence[tuple[Problem, RecognisedProblem]],
    samples: int,
    rollouts: int,
    seed: int,
) -> pd.DataFrame:
    """One row a solution, as ``solution_samples.solution_row`` has it, but ``labels`` are shares of
    rollouts that end right."""
    rows: list[dict[str, object]] = []
    with CountedProgress("problems rolled out", len(problems)) as progress:
        for first in range(0, len(problems), PROBLEMS_PER_BATCH):
            group = problems[first : first + PROBLEMS_PER_BATCH]
            prefilled = generator.prefill([problem.text for problem, _ in group])
            starts: list[SolutionPrefix] = [
                (state.state, (seed, first + place, sample), [])
                for place, state in enumerate(prefilled)
                for sample in range(samples)
            ]
            solutions, prefixes = _complete_prefixes(generator, starts)
            again: list[SolutionPrefix] = [
                (state, (*rng_path, len(steps), rollout), steps)
                for prefix in prefixes
                for state, rng_path, steps in prefix
                for rollout in range(rollouts)
            ]
            ends = iter(_complete_prefixes(generator, again)[0])
            for number, (solution, prefix) in enumerate(zip(solutions, prefixes, strict=True)):
                place, sample = divmod(number, samples)
                problem, recognised = group[place]
                shares = [
                    float(
                        np.mean(
                            [
                                solution_row(0, 0, problem, recognised, next(ends))["correct"]
                                for _ in range(rollouts)
                            ]
                        )
                    )
                    for _ in prefix
                ]
                made = solution_row(first + place, sample, problem, recognised, solution)
                rows.append(made | {"labels": [*shares, float(made["correct"])]})
            progress.done(first + len(group))
    return pd.DataFrame(rows, columns=SOLUTION_COLUMNS)


def _complete_prefixes(
    generator: TreeGenerator, starts: list[SolutionPrefix]
) -> tuple[list[list[str]], list[list[SolutionPrefix]]]:
    """Write every beginning to its end. Returns the whole solutions, and of each its proper
    prefixes that are longer than its beginning."""
    solutions = [steps for *_, steps in starts]
    prefixes: list[list[SolutionPrefix]] = [[] for _ in starts]
    live = [(place, state, rng_path) for place, (state, rng_path, _) in enumerate(starts)]
    for number in range(MAX_STEPS):
        jobs = [
            ExtendJob(state, SAMPLING_TEMPERATURE, (*rng_path, number))
            for _, state, rng_path in live
        ]
        replies = generator.extend(jobs)
        going = []
        for (place, _, rng_path), reply in zip(live, replies, strict=True):
            solutions[place] = [*solutions[place], reply.text]
            if not reply.finished:
                prefixes[place].append((reply.state, rng_path, solutions[place]))
                going.append((place, reply.state, rng_path))
        live = going
        if not live:
            break
    # Of a solution that never ends, the last prefix is all of it.
    return solutions, [p[: len(s) - 1] for s, p in zip(solutions, prefixes, strict=True)]
