"""Stage ``chains``: the base's own wrong attempts, each list followed by a right one (arXiv
2408.03314, 6.1).

Many solutions of a training problem are sampled at a higher temperature; each right one is paired
with wrong ones, of which the last is the closest to it by character edit distance: a slip worth
correcting.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ttc_explorer.problems.families import RecognisedProblem
from ttc_explorer.problems.problem import Problem
from ttc_explorer.training.saved_models import load_tree_generator
from ttc_explorer.training.solution_samples import (
    draw_recognised_problems,
    sample_solutions,
    write_shards,
)
from ttc_explorer.training.training_recipe import Recipe

PAIR_TEMPERATURE = 1.0
SAMPLES_PER_PROBLEM = 16
RIGHT_PER_PROBLEM = 2
"""Right solutions of one problem that are paired."""


def make_revision_pairs(recipe: Recipe, work: Path, out: Path) -> None:
    """Sample and pair solutions of training problems into ``work / "chains"``, a shard a
    process."""
    generator = load_tree_generator(out / "base-s", recipe.device)
    problems = list(draw_recognised_problems("train", recipe.chains, f"{recipe.seed} chains"))

    def make_shard(mine: list[tuple[Problem, RecognisedProblem]]) -> pd.DataFrame:
        return pair_attempts(
            sample_solutions(generator, mine, SAMPLES_PER_PROBLEM, recipe.seed, PAIR_TEMPERATURE)
        )

    write_shards(work / "chains", "train", problems, make_shard)


def pair_attempts(samples: pd.DataFrame) -> pd.DataFrame:
    """One row a right solution of a problem that has wrong ones too: question, text, family, level,
    ``right`` (its steps), ``wrong`` (the steps of all different wrong solutions, the closest last).
    """
    rows = []
    for question, group in samples.groupby("question", sort=True):
        texts = group["steps"].map("\n".join)
        right = list(dict.fromkeys(texts[group["correct"]]))[:RIGHT_PER_PROBLEM]
        wrong = list(dict.fromkeys(texts[~group["correct"] & group["answer"].notna()]))
        for solution in right if wrong else []:
            farthest_first = sorted(wrong, key=lambda other: -edit_distance(solution, other))
            rows.append(
                {
                    "question": question,
                    **{name: group[name].iloc[0] for name in ("text", "family", "level")},
                    "right": solution.split("\n"),
                    "wrong": [other.split("\n") for other in farthest_first],
                }
            )
    return pd.DataFrame(rows, columns=["question", "text", "family", "level", "right", "wrong"])


def edit_distance(one: str, other: str) -> int:
    """Levenshtein's: the fewest characters to insert, delete or replace.

    >>> edit_distance("kitten", "sitting")
    3
    """
    letters = np.frombuffer(other.encode("utf-32-le"), dtype=np.uint32)
    places = np.arange(len(letters) + 1)
    row = places
    for letter in one:
        replaced = row[:-1] + (letters != ord(letter))
        best = np.minimum(row[1:] + 1, replaced)
        # An insertion continues from the left, each place one more: a running minimum of what is
        # left.
        row = np.minimum.accumulate(np.concatenate(([row[0] + 1], best)) - places) + places
    return int(row[-1])
