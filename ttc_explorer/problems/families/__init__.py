"""The procedural families: problems without end, each with worked steps and an exact judge.

A new family is one file and one line in FAMILIES.
"""

from __future__ import annotations

from random import Random

from ttc_explorer.problems.families.congruences import Congruences
from ttc_explorer.problems.families.cubic import Cubic
from ttc_explorer.problems.families.family import LEVELS, SPLITS, Family, Recognised
from ttc_explorer.problems.families.fraction import Fraction
from ttc_explorer.problems.families.gcd import Gcd
from ttc_explorer.problems.families.linear import Linear
from ttc_explorer.problems.families.percent import Percent
from ttc_explorer.problems.families.quadratic import Quadratic
from ttc_explorer.problems.families.roots import Roots
from ttc_explorer.problems.families.sequence import Sequence
from ttc_explorer.problems.families.subset import Subset
from ttc_explorer.problems.families.system import System
from ttc_explorer.problems.families.target import Target
from ttc_explorer.problems.families.understanding import understood
from ttc_explorer.problems.families.word import Word
from ttc_explorer.problems.problem import Problem

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Quadratic(),
        Cubic(),
        Roots(),
        Congruences(),
        System(),
        Target(),
        Subset(),
        Word(),
        Linear(),
        Fraction(),
        Gcd(),
        Sequence(),
        Percent(),
    )
}


def recognise(text: str) -> Recognised | None:
    """The family problem that ``text`` words, or None: what the shipped models were not trained on."""
    for family in FAMILIES.values():
        given = family.recognise(text)
        if given is not None:
            return Recognised(family, given)
    question = understood(text)
    meant = [(family, family.understand(question)) for family in FAMILIES.values()] if question else []
    found = [Recognised(family, given) for family, given in meant if given is not None]
    return found[0] if len(found) == 1 else None


def in_notation(text: str) -> str:
    """A family problem in the wording that the shipped models know best; any other text as it is."""
    found = recognise(text)
    return text if found is None else found.text


def draw_problem(family: str, level: int, rng: Random, split: str = "test") -> Problem:
    """A fresh problem of a family and level from one split (train, val or test)."""
    maker = FAMILIES[family]
    return maker.problem(maker.draw_split(rng, level, split), level, rng)


__all__ = [
    "FAMILIES",
    "LEVELS",
    "SPLITS",
    "Family",
    "Recognised",
    "draw_problem",
    "in_notation",
    "recognise",
]
