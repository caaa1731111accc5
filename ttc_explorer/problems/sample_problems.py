"""Problems sampled without repetition from chosen families and levels, the same for the same
seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

from ttc_explorer.problems.families import FAMILIES, Family
from ttc_explorer.problems.families.family import Parameters, line_text
from ttc_explorer.problems.problem import Problem

MAX_REPEATED_DRAWS = 1000
"""So many draws in a row without a new problem mean that a family has no more of them at that
level."""


@dataclass(frozen=True)
class SolvedProblem:
    """A problem with its worked solution: ``steps``, one a line, the answer line last.

    ``id`` names the problem itself, however it is worded.
    """

    id: str
    problem: Problem
    steps: tuple[str, ...]


def sample_problems(
    families: Sequence[str], levels: Sequence[int], count: int, seed: int, split: str
) -> list[SolvedProblem]:
    """``count`` different problems, or all that can be found; families take turns, and so do
    levels.

    A smaller sample of the same seed is the beginning of a larger one.
    """
    rng = Random(seed)
    used_ids: set[str] = set()
    sources = [
        _distinct_problems(FAMILIES[name], level, split, rng, used_ids)
        for level in levels
        for name in families
    ]
    return list(islice(_round_robin(sources), count))


def _round_robin(sources: list[Iterator[SolvedProblem]]) -> Iterator[SolvedProblem]:
    """One of each source, again and again, until all have run dry."""
    while sources:
        for source in list(sources):
            solved_problem = next(source, None)
            if solved_problem is None:
                sources.remove(source)
            else:
                yield solved_problem


def _distinct_problems(
    family: Family, level: int, split: str, rng: Random, used_ids: set[str]
) -> Iterator[SolvedProblem]:
    """Problems of one family and level whose id is not in ``used_ids`` yet, until draws bring
    nothing new."""
    repeated_draws = 0
    while repeated_draws < MAX_REPEATED_DRAWS:
        parameters = family.draw_from_split(rng, level, split)
        name = _problem_id(family, parameters)
        if name in used_ids:
            repeated_draws += 1
            continue
        used_ids.add(name)
        repeated_draws = 0
        steps = tuple(line_text(line) for line in family.worked_solution(parameters))
        yield SolvedProblem(name, family.problem(parameters, level, rng), steps)


def _problem_id(family: Family, parameters: Parameters) -> str:
    return f"{family.name}-{hashlib.sha256(family.key(parameters).encode()).hexdigest()[:12]}"
