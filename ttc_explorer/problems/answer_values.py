r"""Exact values of simple answers: numbers however they are written, with the unit beside them, and
words.

What stands here is decided without symbolic mathematics, in microseconds. The rules, where writers
differ:

- A unit counts only against another unit: ``18 dollars``, ``$18`` and ``18`` are equal, ``18 cm`` and
  ``18 m`` are not.
- A percentage equals its value and its number: ``50%`` equals ``0.5`` and ``50`` (a question may ask "what
  percent"), and no other percentage.
- A decimal of six or more places stands for a fraction that does not end: ``0.333333`` equals ``1/3``,
  ``0.33`` does not.
- A time or ratio ``6:30`` equals only the same numbers; a numeral with a base, ``10_2``, only itself.
- Words equal the same words, in capitals or not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from ttc_explorer.problems.units import split_unit

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?![\d])|\d+)"
_DECIMAL = rf"(?:{_DIGITS}(?:\.\d*)?|\.\d+)"
_WHOLE_FRACTION = r"\\frac\s*\{\s*\d+\s*\}\s*\{\s*\d+\s*\}"
_NUMBER = re.compile(
    rf"""(?P<sign>[-+]\s*)?
    (?:
        (?P<pair>\d{{1,9}}(?:\s*:\s*\d{{1,9}}){{1,2}})
      | (?P<whole>{_DIGITS})(?:\s+(?=\d)|\s*(?=\\))(?P<part>\d+\s*/\s*\d+|{_WHOLE_FRACTION})
      | \\frac\s*\{{\s*(?P<above>-?{_DECIMAL})\s*\}}\s*\{{\s*(?P<below>-?{_DECIMAL})\s*\}}
      | (?P<numerator>{_DECIMAL})\s*/\s*(?P<denominator>-?{_DECIMAL})
      | (?P<decimal>{_DECIMAL})(?:[eE](?P<exponent>[-+]?\d{{1,3}})
                               |\s*(?:\\times|\\cdot|\*|x)\s*10\s*\^\s*\{{?\s*(?P<power>[-+]?\d{{1,3}})\s*\}}?)?
    )""",
    re.VERBOSE,
)
_BASED = re.compile(r"-?[\dA-Z]+\s*_\s*(?:\d+|\{\s*\d+\s*\})")
_WORD = re.compile(r"[^\W\d_]{4,}")
_FUNCTION = re.compile(
    r"\\(?:begin|end)\s*\{[^{}]*\}|\\[a-zA-Z]+|\b(?:sqrt|cbrt|frac|arc(?:sin|cos|tan)|infinity|floor|ceil)\b"
)


@dataclass(frozen=True)
class Quantity:
    """``numbers`` is one value, or the members of a time or ratio. ``places``: written as a decimal
    with so many places. ``unit`` as ``units.split_unit`` names it, None without one."""

    numbers: tuple[Fraction, ...]
    places: int = 0
    unit: str | None = None

    def equals(self, other: AnswerValue) -> bool:
        if not isinstance(other, Quantity) or len(self.numbers) != len(other.numbers):
            return False
        if self.unit and other.unit and self.unit != other.unit:
            return False
        if _same_number(self, other):
            return True
        if "%" not in (self.unit, other.unit) or self.unit == other.unit:
            return False
        percent, number = (self, other) if self.unit == "%" else (other, self)
        hundredth = Quantity(
            tuple(n / 100 for n in percent.numbers), percent.places and percent.places + 2
        )
        return _same_number(hundredth, number)


@dataclass(frozen=True)
class WordAnswer:
    """An answer in words (``Tuesday``, ``no solution``), or a numeral that is read as it is
    spelled."""

    text: str

    def equals(self, other: AnswerValue) -> bool:
        return self == other


AnswerValue = Quantity | WordAnswer


@lru_cache(maxsize=1024)
def parse_value(text: str) -> AnswerValue | None:
    r"""The value of a plain text (``answer_normalisation.normalise_answer``); None if it takes more
    than arithmetic to tell.

    >>> parse_value("2 1/3") == parse_value(r"\frac{7}{3}") == Quantity((Fraction(7, 3),))
    True
    >>> parse_value("1,000.5 cm")
    Quantity(numbers=(Fraction(2001, 2),), places=1, unit='cm')
    """
    text = text.strip()
    while _in_parentheses(text):
        text = text[1:-1].strip()
    rest, unit = split_unit(text)
    match = _NUMBER.fullmatch(rest)
    numbers = _parse_numbers(match) if match else None
    if match and numbers:
        return Quantity(numbers, len((match["decimal"] or "").partition(".")[2]), unit)
    if _BASED.fullmatch(text):
        return WordAnswer(re.sub(r"[\s{}]", "", text))
    if _WORD.search(_FUNCTION.sub(" ", rest)):
        return WordAnswer(re.sub(r"[^\w+-]+", " ", text).strip().casefold())
    return None


def _in_parentheses(text: str) -> bool:
    return (
        len(text) > 2 and text[0] == "(" and text[-1] == ")" and not re.search(r"[()]", text[1:-1])
    )


def _parse_numbers(match: re.Match[str]) -> tuple[Fraction, ...] | None:
    """The values of a written number; None where it divides by zero or is no proper mixed
    number."""
    sign = -1 if "-" in (match["sign"] or "") else 1
    try:
        if match["pair"]:
            return tuple(sign * Fraction(n) for n in match["pair"].replace(" ", "").split(":"))
        if match["whole"]:
            part = Fraction(*map(int, re.findall(r"\d+", match["part"])))
            return (sign * (_parse_decimal(match["whole"]) + part),) if part < 1 else None
        if match["above"] or match["numerator"]:
            above, below = (
                match["above"] or match["numerator"],
                match["below"] or match["denominator"],
            )
            return (sign * _parse_decimal(above) / _parse_decimal(below),)
        power = int(match["exponent"] or match["power"] or 0)
        return (sign * _parse_decimal(match["decimal"]) * Fraction(10) ** power,)
    except ZeroDivisionError:
        return None


def _parse_decimal(text: str) -> Fraction:
    return Fraction(text.replace(",", "").removesuffix("."))


def _same_number(one: Quantity, other: Quantity) -> bool:
    if one.numbers == other.numbers:
        return True
    if len(one.numbers) != 1 or bool(one.places) == bool(other.places):
        return False
    decimal, exact = (one, other) if one.places else (other, one)
    return (
        decimal.places >= 6
        and not _terminates(exact.numbers[0])
        and abs(decimal.numbers[0] - exact.numbers[0]) < Fraction(1, 10**decimal.places)
    )


def _terminates(number: Fraction) -> bool:
    """Whether the decimal expansion ends: no prime factor but 2 and 5 in the denominator."""
    rest = number.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1
