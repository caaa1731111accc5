r"""Exact values of simple answers: numbers however they are written, with the unit beside them, and
words.

What stands here is decided without symbolic mathematics, in microseconds. The rules, where writers
differ:

- A unit counts only against another unit: ``18 dollars``, ``$18`` and ``18`` are equal, ``18 cm``
  and ``18 m`` are not. What was counted (``18 pears``) is no unit.
- A percentage equals its value and its number: ``50%`` equals ``0.5`` and ``50`` (a question may
  ask "what percent"), and no other percentage.
- A decimal of six or more places stands for a fraction that does not end: ``0.333333`` equals
  ``1/3``, ``0.33`` does not.
- Three dots or a bar repeat the last digits for ever: ``0.666...`` and ``0.\overline{6}`` equal
  ``2/3``.
- ``2.5 million``, ``7K`` and ``twenty-one`` are numbers.
- A time or ratio ``6:30`` equals only the same numbers; a numeral with a base, ``10_2``, only
  itself.
- Words equal the same words, in capitals or not; letters in an order (``BAC``) are a word. What
  says that there is no solution equals the empty set.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from ttc_explorer.problems.number_words import SCALES, parse_number_words
from ttc_explorer.problems.units import split_unit

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?![\d])|\d{1,3}(?:[ ]\d{3})+(?![\d])|\d+)"
_DECIMAL = rf"(?:{_DIGITS}(?:\.\d*)?|\.\d+)"
_WHOLE_FRACTION = r"\\frac\s*\{\s*\d+\s*\}\s*\{\s*\d+\s*\}"
_NUMBER = re.compile(
    rf"""(?P<sign>[-+]\s*)?
    (?:
        (?P<pair>\d{{1,9}}(?:\s*:\s*\d{{1,9}}){{1,2}})
      | (?P<whole>{_DIGITS})(?:\s+(?=\d)|\s*(?=\\))(?P<part>\d+\s*/\s*\d+|{_WHOLE_FRACTION})
      | (?P<lead>\d*\.\d*)(?:\\(?:overline|bar|dot)\s*(?:\{{\s*(?P<period>\d+)\s*\}}|(?P<digit>\d))
                             |\((?P<enclosed>\d+)\)|(?P<dots>\.\.\.))
      | \\frac\s*\{{\s*(?P<above>-?{_DECIMAL})\s*\}}\s*\{{\s*(?P<below>-?{_DECIMAL})\s*\}}
      | (?P<numerator>{_DECIMAL})\s*/\s*(?P<denominator>-?{_DECIMAL})
      | (?P<decimal>{_DECIMAL})(?:[eE](?P<exponent>[-+]?\d{{1,3}})
                               |\s*(?:\\times|\\cdot|\*|x)\s*10\s*\^\s*\{{?\s*(?P<power>[-+]?\d{{1,3}})\s*\}}?)?
    )""",
    re.VERBOSE,
)
_SCALED = re.compile(
    rf"(?P<number>.*\d)(?: ?(?P<scale>{'|'.join(SCALES)})\b|(?P<letter>[KkMB])(?![A-Za-z]))"
    r"(?P<rest>.*)",
    re.IGNORECASE,
)
_SCALE_LETTERS = {"K": 10**3, "M": 10**6, "B": 10**9}
_NO_SOLUTION = re.compile(
    r"\\emptyset|\\\{ ?\\\}|none|(?:the )?empty(?: set)?|(?:there (?:is|are) )?no"
    r"(?: (?:real|integer|such|positive|possible|valid|rational|complex))*"
    r" (?:solutions?|roots?|values?(?: of [a-z])?|integers?|numbers?|[a-z])(?: exists?)?"
    r"|(?:does|do) not have (?:a |any )?(?:real )?solutions?",
    re.IGNORECASE,
)
NO_SOLUTION = "no solution"
_BASED = re.compile(r"-?[\dA-Z]+\s*_\s*(?:\d+|\{\s*\d+\s*\})")
_WORD = re.compile(r"[^\W\d_]{4,}")
_LETTER_ORDER = re.compile(r"[A-Z]{2,}|(?i:yes|no|odd|even|all)")
_CHUNK = 4000
"""Digits that Python turns into a number at once (``sys.set_int_max_str_digits``)."""
_FUNCTION = re.compile(
    r"\\(?:begin|end)\s*\{[^{}]*\}|\\[a-zA-Z]+|\b(?:sqrt|cbrt|frac|arc(?:sin|cos|tan)|infinity|"
    r"floor|ceil)\b"
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
        if not units_agree(self.unit, other.unit):
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


def units_agree(one: str | None, other: str | None) -> bool:
    """Whether two units do not speak against each other; ``°`` leaves open which degrees."""
    return (
        not one or not other or one == other or (one[0] == other[0] == "°" and "°" in (one, other))
    )


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
    if _NO_SOLUTION.fullmatch(text):
        return WordAnswer(NO_SOLUTION)
    return _parse_quantity(text) or _parse_words(text)


def _parse_quantity(text: str) -> Quantity | None:
    scaled = _SCALED.fullmatch(text)
    if scaled and (scaled["scale"] or not scaled["letter"].islower() or scaled["letter"] == "k"):
        factor = (
            SCALES[scaled["scale"].lower()]
            if scaled["scale"]
            else _SCALE_LETTERS[scaled["letter"].upper()]
        )
        number = _parse_quantity(scaled["number"])
        unit = split_unit(f"1{scaled['rest']}")[1] if scaled["rest"] else None
        if number is not None and (unit or re.fullmatch(r"[A-Za-z .()]*", scaled["rest"])):
            return Quantity(tuple(n * factor for n in number.numbers), 0, number.unit or unit)
    rest, unit = split_unit(text)
    match = _NUMBER.fullmatch(rest)
    numbers = _parse_numbers(match) if match else None
    if match and numbers:
        places = 0 if match["exponent"] or match["power"] else _places(match["decimal"] or "")
        return Quantity(numbers, places, unit)
    spelled = parse_number_words(rest) if rest[:1].isalpha() else None
    return Quantity((spelled,)) if spelled is not None else _parse_counted_words(rest)


def _parse_counted_words(text: str) -> Quantity | None:
    """``four apples``: a spelled number and what was counted."""
    first, _, noun = text.partition(" ")
    number = parse_number_words(first) if noun and noun.isalpha() and len(noun) > 2 else None
    return None if number is None else Quantity((number,), 0, split_unit(f"1 {noun}")[1])


def _parse_words(text: str) -> WordAnswer | None:
    if _BASED.fullmatch(text):
        return WordAnswer(re.sub(r"[\s{}]", "", text))
    if _LETTER_ORDER.fullmatch(text):
        return WordAnswer(text.casefold())
    rest = split_unit(text)[0]
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
        if match["lead"] is not None:
            return _parse_repeating(match, sign)
        if match["above"] or match["numerator"]:
            above = _parse_decimal(match["above"] or match["numerator"])
            below = _parse_decimal(match["below"] or match["denominator"])
            return (sign * above / below,)
        power = int(match["exponent"] or match["power"] or 0)
        return (sign * _parse_decimal(match["decimal"]) * Fraction(10) ** power,)
    except ZeroDivisionError:
        return None


def _parse_repeating(match: re.Match[str], sign: int) -> tuple[Fraction, ...] | None:
    """A decimal whose last digits repeat for ever; None where the dots do not say which."""
    lead = match["lead"]
    period = match["period"] or match["digit"] or match["enclosed"] or _repeated_end(lead)
    if not period:
        return None
    places = len(lead.partition(".")[2])
    tail = Fraction(int(period), 10 ** len(period) - 1) / 10**places
    return (sign * (_parse_decimal(lead if lead != "." else "0") + tail),)


def _repeated_end(decimal: str) -> str:
    """The shortest group of digits that a decimal ends with twice.

    >>> _repeated_end("0.8333"), _repeated_end("0.4545"), _repeated_end("3.14159")
    ('3', '45', '')
    """
    digits = decimal.partition(".")[2][-40:]
    return next(
        (
            digits[-length:]
            for length in range(1, len(digits) // 2 + 1)
            if digits[-length:] == digits[-2 * length : -length]
        ),
        "",
    )


def _places(decimal: str) -> int:
    return len(decimal.partition(".")[2])


def _parse_decimal(text: str) -> Fraction:
    """A decimal, with a minus sign or without."""
    digits = text.replace(",", "").replace(" ", "")
    whole, _, places = digits.removeprefix("-").partition(".")
    value = Fraction(_parse_int(whole + places), 10 ** len(places))
    return -value if digits.startswith("-") else value


def _parse_int(digits: str) -> int:
    """An integer of any length."""
    number = 0
    for start in range(0, len(digits), _CHUNK):
        chunk = digits[start : start + _CHUNK]
        number = number * 10 ** len(chunk) + int(chunk)
    return number


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
