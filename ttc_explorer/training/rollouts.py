"""Stage ``rollouts``: step labels without an exact checker, as in the paper.

From the end of every step of a solution the base goes on several times; the label of the step is the share of
these rollouts that end right (arXiv 2408.03314, section 5.1 and appendix D; Math-Shepherd, arXiv 2312.08935).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ttc_explorer.models.decoding import TreeGenerator
from ttc_explorer.models.protocol import ExtendJob, State
from ttc_explorer.problems.families import Recognised
from ttc_explorer.problems.problem import Problem
from ttc_explorer.progress import Counted
from ttc_explorer.training.recipe import Recipe
from ttc_explorer.training.samples import COLUMNS, TEMPERATURE, draw_problems, in_parts, load_generator, row

AT_ONCE = 16
"""Problems whose prefixes are remembered together."""

ROUNDS = 40

Stream = tuple[int, ...]
Prefix = tuple[State, Stream, list[str]]
"""A beginning of a solution: the model's state, its random stream, the steps so far."""


def make_rollouts(recipe: Recipe, work: Path, out: Path) -> None:
    """Label solutions of training problems by rollouts into ``work / "rollouts"``, a part a process."""
    generator = load_generator(out / "base-s", recipe.device)
    problems = list(draw_problems("train", recipe.rolled, f"{recipe.seed} rollouts"))

    def rolled(mine: list[tuple[Problem, Recognised]]) -> pd.DataFrame:
        return roll_out(generator, mine, recipe.rolled_samples, recipe.rollouts, recipe.seed)

    in_parts(work / "rollouts", "train", problems, rolled)


def roll_out(
    generator: TreeGenerator,
    problems: Sequence[tuple[Problem, Recognised]],
    samples: int,
    rollouts: int,
    seed: int,
) -> pd.DataFrame:
    """One row a solution, as ``samples.row`` has it, but ``labels`` are shares of rollouts that end right."""
    rows: list[dict[str, object]] = []
    progress = Counted("problems rolled out", len(problems))
    for first in range(0, len(problems), AT_ONCE):
        group = problems[first : first + AT_ONCE]
        opened = generator.open([problem.text for problem, _ in group])
        starts: list[Prefix] = [
            (state.state, (seed, first + place, sample), [])
            for place, state in enumerate(opened)
            for sample in range(samples)
        ]
        solutions, prefixes = _finish(generator, starts)
        again: list[Prefix] = [
            (state, (*stream, len(steps), rollout), steps)
            for prefix in prefixes
            for state, stream, steps in prefix
            for rollout in range(rollouts)
        ]
        ends = iter(_finish(generator, again)[0])
        for number, (solution, prefix) in enumerate(zip(solutions, prefixes, strict=True)):
            place, sample = divmod(number, samples)
            problem, judge = group[place]
            shares = [
                float(np.mean([row(0, 0, problem, judge, next(ends))["correct"] for _ in range(rollouts)]))
                for _ in prefix
            ]
            made = row(first + place, sample, problem, judge, solution)
            rows.append(made | {"labels": [*shares, float(made["correct"])]})
        progress.done(first + len(group))
    return pd.DataFrame(rows, columns=COLUMNS)


def _finish(generator: TreeGenerator, starts: list[Prefix]) -> tuple[list[list[str]], list[list[Prefix]]]:
    """Write every beginning to its end. Returns the whole solutions, and of each its proper prefixes that are
    longer than its beginning."""
    solutions = [steps for *_, steps in starts]
    prefixes: list[list[Prefix]] = [[] for _ in starts]
    live = [(place, state, stream) for place, (state, stream, _) in enumerate(starts)]
    for number in range(ROUNDS):
        jobs = [ExtendJob(state, TEMPERATURE, (*stream, number)) for _, state, stream in live]
        replies = generator.extend(jobs)
        going = []
        for (place, _, stream), reply in zip(live, replies, strict=True):
            solutions[place] = [*solutions[place], reply.text]
            if not reply.finished:
                prefixes[place].append((reply.state, stream, solutions[place]))
                going.append((place, reply.state, stream))
        live = going
        if not live:
            break
    # Of a solution that never ends, the last prefix is all of it.
    return solutions, [p[: len(s) - 1] for s, p in zip(solutions, prefixes, strict=True)]
