"""What somebody's own question is to the shipped models: a problem of a kind that they know, plain
arithmetic, other mathematics, or nothing that they could solve at all.

The models answer whatever they are given, and sound sure of it: who shows their answer has to know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from ttc_explorer.problems.arithmetic_reader import arithmetic_value
from ttc_explorer.problems.canonical_wording import number_words_to_digits, to_ascii_math
from ttc_explorer.problems.families import RecognisedProblem, other_wording, recognise
from ttc_explorer.problems.problem import BadInput, Problem

QuestionKind = Literal["family", "arithmetic", "mathematics", "other"]

_MATHEMATICS = re.compile(
    r"[\d=+^<>]|\\[a-z]|[∫∑√π]"
    r"|\b(?:deriv|integra|equation|polynom|factor|matri|theorem|prove|proof|triang|fraction|percent"
    r"|sqrt|sine?\b|cosine|cos\b|tan\b|logarithm|log\b|limit of|prime|vector|angle|circle|sum of)"
)
_NEAREST = tuple(
    (re.compile(pattern), example)
    for pattern, example in (
        (r"percent|%|discount|interest", "What is 15% of 80?"),
        (r"x\^3|cubic|cubed", "Find the integer roots of x^3-6x^2+11x-6=0."),
        (r"[a-z]\^2|quadrat|parabola|root|sqrt|squared", "Solve x^2-5x+6=0."),
        (r"\bmod|remainder", "Modulo 7 solve 2a=4, 3b=a."),
        (r"y.*=.*=|\bsystem\b", "Find x and y with x+y=7 and x-y=1."),
        (r"=|equation|unknown|\bx\b", "Solve 3x+5=20."),
        (r"divisor|gcd|factor|prime", "What is gcd(24, 18)?"),
        (r"next|sequence|series|pattern", "What comes next: 2, 5, 8, 11?"),
        (r"\d ?/ ?\d|fraction|\d[ \d]*[-+] ?\d|plus|minus", "Compute 3/4+1/6."),
        (r"\d ?[*x] ?\d|times|product|multipl", "12 * 13"),
        (r"sum|add|make", "Which of 2, 5, 9, 11 add up to 16?"),
    )
)
ANY_EXAMPLE = "Solve 3x+5=20."


@dataclass(frozen=True)
class QuestionReading:
    """A typed question, read.

    Attributes:
        kind: ``family``, of a kind that the shipped models know; ``arithmetic``, whose exact value
            is known here though they did not learn it; ``mathematics`` of any other kind; or
            ``other``, with nothing to compute in it.
        recognised: the family's problem, of kind ``family``.
        asked_as: the family's wording, where the models get another one than was typed.
        answer: the exact answer, of the first two kinds.
        nearest: for the others, a question of about that sort which the models do know.
    """

    kind: QuestionKind
    recognised: RecognisedProblem | None = None
    asked_as: str | None = None
    answer: str | None = None
    nearest: str = ""


def read_question(text: str) -> QuestionReading:
    """Read a question that somebody typed.

    >>> read_question("17*23").kind, read_question("hello").kind
    ('arithmetic', 'other')
    """
    recognised = recognise(text)
    if recognised is not None:
        return QuestionReading("family", recognised, other_wording(text), recognised.answer)
    spelled = number_words_to_digits(to_ascii_math(text))
    nearest = next((example for clue, example in _NEAREST if clue.search(spelled)), ANY_EXAMPLE)
    value = arithmetic_value(text)
    if value is not None:
        return QuestionReading("arithmetic", answer=value, nearest=nearest)
    kind: QuestionKind = "mathematics" if _MATHEMATICS.search(spelled) else "other"
    return QuestionReading(kind, nearest=nearest)


def require_mathematics(text: str) -> None:
    """Refuse what has nothing to compute in it, which the shipped models would answer all the same.

    Raises:
        BadInput: it is no mathematics.
    """
    if read_question(text).kind == "other":
        raise BadInput(
            "Not run: there is nothing to compute in this. Type a mathematical problem, or load a "
            "real language model."
        )


def with_known_answer(problem: Problem) -> Problem:
    """The problem with its right answer, where it can be worked out exactly and nobody gave one."""
    if problem.answer is not None:
        return problem
    reading = read_question(problem.text)
    family = reading.recognised.family.name if reading.recognised else problem.family
    return replace(problem, answer=reading.answer, family=family)
