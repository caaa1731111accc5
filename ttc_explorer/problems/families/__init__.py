"""The procedural families: problems without end, each with worked steps and an exact checker.

A new family is one file and one line in FAMILIES.
"""

from __future__ import annotations

from random import Random

from ttc_explorer.problems.families.congruences import CongruencesFamily
from ttc_explorer.problems.families.cubic import CubicFamily
from ttc_explorer.problems.families.family import LEVELS, SPLITS, Family, RecognisedProblem
from ttc_explorer.problems.families.fraction import FractionFamily
from ttc_explorer.problems.families.gcd import GcdFamily
from ttc_explorer.problems.families.linear import LinearFamily
from ttc_explorer.problems.families.percent import PercentFamily
from ttc_explorer.problems.families.quadratic import QuadraticFamily
from ttc_explorer.problems.families.roots import RootsFamily
from ttc_explorer.problems.families.sequence import SequenceFamily
from ttc_explorer.problems.families.subset import SubsetFamily
from ttc_explorer.problems.families.system import SystemFamily
from ttc_explorer.problems.families.target import TargetFamily
from ttc_explorer.problems.families.typed_problem_parser import parse_typed_problem
from ttc_explorer.problems.families.word import WordProblemFamily
from ttc_explorer.problems.problem import Problem

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        QuadraticFamily(),
        CubicFamily(),
        RootsFamily(),
        CongruencesFamily(),
        SystemFamily(),
        TargetFamily(),
        SubsetFamily(),
        WordProblemFamily(),
        LinearFamily(),
        FractionFamily(),
        GcdFamily(),
        SequenceFamily(),
        PercentFamily(),
    )
}


def recognise(text: str) -> RecognisedProblem | None:
    """The family problem that ``text`` words, or None: what the shipped models were not trained
    on."""
    for family in FAMILIES.values():
        parameters = family.recognise(text)
        if parameters is not None:
            return RecognisedProblem(family, parameters)
    question = parse_typed_problem(text)
    meant = (
        [(family, family.parse_question(question)) for family in FAMILIES.values()]
        if question
        else []
    )
    found = [
        RecognisedProblem(family, parameters)
        for family, parameters in meant
        if parameters is not None
    ]
    return found[0] if len(found) == 1 else None


def to_canonical_wording(text: str) -> str:
    """A family problem in the wording that the shipped models know best; any other text as it
    is."""
    found = recognise(text)
    return text if found is None else found.text


def draw_problem(family: str, level: int, rng: Random, split: str = "test") -> Problem:
    """A fresh problem of a family and level from one split (train, val or test)."""
    family_of_problem = FAMILIES[family]
    return family_of_problem.problem(
        family_of_problem.draw_from_split(rng, level, split), level, rng
    )


__all__ = [
    "FAMILIES",
    "LEVELS",
    "SPLITS",
    "Family",
    "RecognisedProblem",
    "draw_problem",
    "recognise",
    "to_canonical_wording",
]
