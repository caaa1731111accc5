"""A worked solution, written line by line: what is computed, what is decided, and what was decided
wrongly.

A *decision* is a piece of a line that the writer had to find (a guess, a computed value);
everything else on the line follows from the decisions. With ``InjectedErrors`` the writer decides
wrongly on purpose at one place and then carries on honestly: that is how the models meet wrong
guesses followed by true checks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True)
class Segment:
    """A piece of a line. ``wrong``: a decision that no right solution takes; ``prompt``: the prompt
    of a drill. Neither is ever trained on."""

    text: str
    decision: bool = False
    wrong: bool = False
    prompt: bool = False

    @property
    def in_loss(self) -> bool:
        return not (self.wrong or self.prompt)


SolutionLine = tuple[Segment, ...]


@dataclass(frozen=True)
class InjectedErrors:
    """Decide wrongly at decision number ``at`` (from 0), and now and then after it."""

    rng: Random
    at: int


class SolutionWriter:
    """Collects lines. ``format_value`` writes text, ``decide`` a decision, ``end`` closes the
    line."""

    def __init__(self, errors: InjectedErrors | None = None) -> None:
        self.lines: list[SolutionLine] = []
        self.decisions = 0
        self.has_error = False
        self._errors = errors
        self._line: list[Segment] = []

    def write(self, text: str) -> SolutionWriter:
        self._line.append(Segment(text))
        return self

    def end(self, text: str = "") -> None:
        """Close the line, after ``text``."""
        if text:
            self.write(text)
        self.lines.append(tuple(self._line))
        self._line = []

    def decide(
        self,
        right: Value,
        wrong: Callable[[Random], Value],
        format_value: Callable[[Value], str] = str,
    ) -> Value:
        """Write and return ``right``; where an error is injected, a value drawn by ``wrong`` until
        it differs."""
        value = right
        errors = self._errors
        if errors and (
            self.decisions == errors.at or (self.has_error and errors.rng.random() < 0.2)
        ):
            for _ in range(50):
                value = wrong(errors.rng)
                if value != right:
                    self.has_error = True
                    break
        self.decisions += 1
        self._line.append(Segment(format_value(value), decision=True, wrong=self.has_error))
        return value


def one_of(values: Sequence[Value]) -> Callable[[Random], Value]:
    """Any of the values as a wrong one."""
    return lambda rng: rng.choice(values)


def near_miss(right: int, low: int | None = None) -> Callable[[Random], int]:
    """A wrong value close to ``right``, at least ``low``: the mistakes that people and small models
    make."""

    def draw(rng: Random) -> int:
        value = right + rng.choice((-1, 1)) * rng.choice((1, 1, 1, 2, 2, 3, 4, 10))
        return value if low is None else max(low, value)

    return draw


def format_check(left_side: str, got: int, want: int, right_side: str = "") -> str:
    """A visible check: computed side, wanted side, difference and verdict.

    >>> format_check("3*5+4", 19, 21)
    '3*5+4=19 want 21 off 2 no'
    """
    left = f"{left_side}={got}" if left_side != str(got) else left_side
    right = f"{right_side}={want}" if right_side else str(want)
    return f"{left} want {right} off {want - got} {'ok' if want == got else 'no'}"


def format_sum(terms: Sequence[int]) -> str:
    """A sum, two terms at a time: a small model adds two numbers well, and three in one go badly.
    The last result is left to the reader.

    >>> format_sum([3, -5, 8]), format_sum([7])
    ('3-5=-2 -2+8', '7')
    """
    total, text = terms[0], str(terms[0])
    for number, term in enumerate(terms[1:]):
        text += (f"={total} {total}" if number else "") + format_signed(term)
        total += term
    return text


def format_values(values: Sequence[int]) -> str:
    """Values as the solutions write them: ``3,-5,8``."""
    return ",".join(map(str, values))


def format_signed(value: int) -> str:
    """A value with its sign, as a further term of a sum: ``+3`` or ``-3``."""
    return f"{value:+d}"


def format_term(coefficient: int, unknown: str) -> str:
    """``3x``, ``x``, ``-x``."""
    return {1: unknown, -1: f"-{unknown}"}.get(coefficient, f"{coefficient}{unknown}")


def format_signed_term(coefficient: int, unknown: str) -> str:
    """``+3x``, ``+x``, ``-x``; nothing for 0."""
    if not coefficient:
        return ""
    return ("+" if coefficient > 0 else "") + format_term(coefficient, unknown)
