"""The procedural families: problems without end, each with worked steps and an exact checker.

One a file; each registers itself, here or in somebody's own file (``extensions.py``). The shipped
models know those of the package: of a new one they know nothing until they are trained on it.
"""

from __future__ import annotations

from random import Random

from ttc_explorer.problems.arithmetic_reader import family_wording
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
    found_by_template = _match_templates(text)
    if found_by_template is not None:
        return found_by_template
    question = parse_typed_problem(text)
    meant = (
        [(each, each.parse_question(question)) for each in FAMILIES.values()] if question else []
    )
    found = [
        RecognisedProblem(each, parameters) for each, parameters in meant if parameters is not None
    ]
    if len(found) == 1:
        return found[0]
    wording = None if found else family_wording(text)
    return None if wording is None else _match_templates(wording)


def _match_templates(text: str) -> RecognisedProblem | None:
    for each in FAMILIES.values():
        parameters = each.recognise(text)
        if parameters is not None:
            return RecognisedProblem(each, parameters)
    return None


def other_wording(text: str) -> str | None:
    """The wording in which the shipped models get a problem that somebody put in words of their
    own; None where it is a family's own wording, or no problem of a family.

    >>> other_wording("twice a number plus 3 is 11"), other_wording("Solve 2x+3=11.")
    ('Solve 2x+3=11.', None)
    """
    found = recognise(text)
    return None if found is None or _match_templates(text) else found.text


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
    "other_wording",
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
