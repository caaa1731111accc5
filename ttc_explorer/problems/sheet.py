"""A sheet of problems: different ones from chosen families and levels, the same for the same seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

from ttc_explorer.problems.families import FAMILIES, Family
from ttc_explorer.problems.families.family import Given, line_text
from ttc_explorer.problems.problem import Problem

MISSES = 1000
"""So many draws in a row without a new problem mean that a family has no more of them at that level."""


@dataclass(frozen=True)
class Worked:
    """A problem with its worked solution: ``steps``, one a line, the answer line last.

    ``id`` names the problem itself, however it is worded.
    """

    id: str
    problem: Problem
    steps: tuple[str, ...]


def sheet(families: Sequence[str], levels: Sequence[int], count: int, seed: int, split: str) -> list[Worked]:
    """``count`` different problems, or all that can be found; families take turns, and so do levels.

    A shorter sheet of the same seed is the beginning of a longer one.
    """
    rng = Random(seed)
    taken: set[str] = set()
    sources = [_different(FAMILIES[name], level, split, rng, taken) for level in levels for name in families]
    return list(islice(_in_turns(sources), count))


def _in_turns(sources: list[Iterator[Worked]]) -> Iterator[Worked]:
    """One of each source, again and again, until all have run dry."""
    while sources:
        for source in list(sources):
            worked = next(source, None)
            if worked is None:
                sources.remove(source)
            else:
                yield worked


def _different(family: Family, level: int, split: str, rng: Random, taken: set[str]) -> Iterator[Worked]:
    """Problems of one family and level that are not ``taken`` yet, until draws bring nothing new."""
    misses = 0
    while misses < MISSES:
        given = family.draw_split(rng, level, split)
        name = _name(family, given)
        if name in taken:
            misses += 1
            continue
        taken.add(name)
        misses = 0
        steps = tuple(line_text(line) for line in family.worked(given))
        yield Worked(name, family.problem(given, level, rng), steps)


def _name(family: Family, given: Given) -> str:
    return f"{family.name}-{hashlib.sha256(family.key(given).encode()).hexdigest()[:12]}"
