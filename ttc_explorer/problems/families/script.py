"""A worked solution, written line by line: what is computed, what is decided, and what was decided wrongly.

A *decision* is a piece of a line that the writer had to find (a guess, a computed value); everything else on
the line follows from the decisions. With a ``Slips`` the script decides wrongly on purpose at one place and
then carries on honestly: that is how the models meet wrong guesses followed by true checks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True)
class Segment:
    """A piece of a line. ``wrong``: a decision that no right solution takes; ``given``: what a drill asks.
    Neither is ever trained on."""

    text: str
    decision: bool = False
    wrong: bool = False
    given: bool = False

    @property
    def learnt(self) -> bool:
        return not (self.wrong or self.given)


Line = tuple[Segment, ...]


@dataclass(frozen=True)
class Slips:
    """Decide wrongly at decision number ``at`` (from 0), and now and then after it."""

    rng: Random
    at: int


class Script:
    """Collects lines. ``say`` writes text, ``decide`` a decision, ``end`` closes the line."""

    def __init__(self, slips: Slips | None = None) -> None:
        self.lines: list[Line] = []
        self.decisions = 0
        self.slipped = False
        self._slips = slips
        self._line: list[Segment] = []

    def say(self, text: str) -> Script:
        self._line.append(Segment(text))
        return self

    def end(self, text: str = "") -> None:
        """Close the line, after ``text``."""
        if text:
            self.say(text)
        self.lines.append(tuple(self._line))
        self._line = []

    def decide(
        self,
        right: Value,
        wrong: Callable[[Random], Value],
        write: Callable[[Value], str] = str,
    ) -> Value:
        """Write and return ``right``; where the script slips, a value drawn by ``wrong`` until it differs."""
        value = right
        slips = self._slips
        if slips and (self.decisions == slips.at or (self.slipped and slips.rng.random() < 0.2)):
            for _ in range(50):
                value = wrong(slips.rng)
                if value != right:
                    self.slipped = True
                    break
        self.decisions += 1
        self._line.append(Segment(write(value), decision=True, wrong=self.slipped))
        return value


def near(right: int, low: int | None = None) -> Callable[[Random], int]:
    """A wrong value close to ``right``, at least ``low``: the mistakes that people and small models make."""

    def draw(rng: Random) -> int:
        value = right + rng.choice((-1, 1)) * rng.choice((1, 1, 1, 2, 2, 3, 4, 10))
        return value if low is None else max(low, value)

    return draw


def check(computed: str, got: int, want: int, wanted: str = "") -> str:
    """A visible check: computed side, wanted side, difference and verdict.

    >>> check("3*5+4", 19, 21)
    '3*5+4=19 want 21 off 2 no'
    """
    left = f"{computed}={got}" if computed != str(got) else computed
    right = f"{wanted}={want}" if wanted else str(want)
    return f"{left} want {right} off {want - got} {'ok' if want == got else 'no'}"


def summed(terms: Sequence[int]) -> str:
    """A sum, two terms at a time: a small model adds two numbers well, and three in one go badly. The last
    result is left to who reads on.

    >>> summed([3, -5, 8]), summed([7])
    ('3-5=-2 -2+8', '7')
    """
    total, text = terms[0], str(terms[0])
    for number, term in enumerate(terms[1:]):
        text += (f"={total} {total}" if number else "") + signed(term)
        total += term
    return text


def joined(values: Sequence[int]) -> str:
    """Values as the solutions write them: ``3,-5,8``."""
    return ",".join(map(str, values))


def signed(value: int) -> str:
    """A value with its sign, as a further term of a sum: ``+3`` or ``-3``."""
    return f"{value:+d}"


def term(coefficient: int, unknown: str) -> str:
    """``3x``, ``x``, ``-x``."""
    return {1: unknown, -1: f"-{unknown}"}.get(coefficient, f"{coefficient}{unknown}")


def signed_term(coefficient: int, unknown: str) -> str:
    """``+3x``, ``+x``, ``-x``; nothing for 0."""
    if not coefficient:
        return ""
    return ("+" if coefficient > 0 else "") + term(coefficient, unknown)
