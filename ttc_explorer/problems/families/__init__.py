"""The procedural families: problems without end, each with worked steps and an exact checker.

One a file; each registers itself, here or in somebody's own file (``extensions.py``). The shipped
models know those of the package: of a new one they know nothing until they are trained on it.
"""

from __future__ import annotations

from random import Random

from ttc_explorer.problems.families import (
    congruences,
    cubic,
    fraction,
    gcd,
    linear,
    percent,
    quadratic,
    roots,
    sequence,
    subset,
    system,
    target,
    word,
)
from ttc_explorer.problems.families.family import (
    FAMILIES,
    LEVELS,
    SPLITS,
    Family,
    RecognisedProblem,
)
from ttc_explorer.problems.families.typed_problem_parser import parse_typed_problem
from ttc_explorer.problems.problem import Problem

FAMILIES.put_first(
    (
        "quadratic",
        "cubic",
        "roots",
        "congruences",
        "system",
        "target",
        "subset",
        "word",
        "linear",
        "fraction",
        "gcd",
        "sequence",
        "percent",
    )
)


def recognise(text: str) -> RecognisedProblem | None:
    """The family problem that ``text`` words, or None: what the shipped models were not trained
    on."""
    for each in FAMILIES.values():
        parameters = each.recognise(text)
        if parameters is not None:
            return RecognisedProblem(each, parameters)
    question = parse_typed_problem(text)
    meant = (
        [(each, each.parse_question(question)) for each in FAMILIES.values()] if question else []
    )
    found = [
        RecognisedProblem(each, parameters) for each, parameters in meant if parameters is not None
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
    "congruences",
    "cubic",
    "draw_problem",
    "fraction",
    "gcd",
    "linear",
    "percent",
    "quadratic",
    "recognise",
    "roots",
    "sequence",
    "subset",
    "system",
    "target",
    "to_canonical_wording",
    "word",
]
