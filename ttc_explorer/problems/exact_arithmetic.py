r"""Exact values of arithmetic (``\frac{1}{52!}``, ``3 \cdot 2^{-90}``, ``i(3-i)``), unrounded.

A floating-point comparison calls two tiny numbers equal. Here a formula of numbers, ``i``, the four
operations, powers and factorials is a Gaussian rational, and two of them are equal or they are not.
Anything else (letters, roots, functions) is left to the symbolic comparison, and so is what would
take more than a moment: sizes are bounded before anything is computed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import factorial

MAX_BITS = 40_000
"""Bits that a numerator or denominator may take."""

MAX_FACTORIAL = 2_000
MAX_CHARACTERS = 2_000
MAX_DEPTH = 60

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?|\.\d+)|(?P<frac>\\frac)|(?P<times>\\times|\\cdot|\*)"
    r"|(?P<over>\\div|/)|(?P<unit>i(?![A-Za-z]))|(?P<sign>[-+^!(){}\[\]]))\s*"
)
_CLOSING = {"(": ")", "{": "}", "[": "]"}


class _NotArithmetic(ValueError):
    """The text holds something else, or is too large."""


@dataclass(frozen=True)
class Gaussian:
    """``real + imaginary·i`` with rational parts."""

    real: Fraction
    imaginary: Fraction = Fraction(0)

    def __add__(self, other: Gaussian) -> Gaussian:
        return Gaussian(self.real + other.real, self.imaginary + other.imaginary)

    def __neg__(self) -> Gaussian:
        return Gaussian(-self.real, -self.imaginary)

    def __mul__(self, other: Gaussian) -> Gaussian:
        return Gaussian(
            self.real * other.real - self.imaginary * other.imaginary,
            self.real * other.imaginary + self.imaginary * other.real,
        )

    def inverse(self) -> Gaussian:
        """``1/z``. Raises _NotArithmetic for zero."""
        norm = self.real**2 + self.imaginary**2
        if not norm:
            raise _NotArithmetic
        return Gaussian(self.real / norm, -self.imaginary / norm)

    def bits(self) -> int:
        """The length of the longest numerator or denominator, in bits."""
        return max(
            part.bit_length()
            for number in (self.real, self.imaginary)
            for part in (number.numerator, number.denominator)
        )


def evaluate(text: str) -> Gaussian | None:
    r"""The exact value of a formula of numbers and ``i``; None if it is more than arithmetic.

    Args:
        text: A formula in plain spelling (``answer_normalisation.normalise_answer``).

    >>> evaluate(r"\frac{1}{2^{3}} \cdot 3!").real, evaluate("i(3-i)") == evaluate("1+3i")
    (Fraction(3, 4), True)
    >>> evaluate("2x") is None
    True
    """
    if len(text) > MAX_CHARACTERS:
        return None
    try:
        return _Parser(_tokens(text)).whole()
    except _NotArithmetic:
        return None


def _tokens(text: str) -> list[str]:
    tokens = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _NotArithmetic
        kind = match.lastgroup
        tokens.append(
            {"times": "*", "over": "/", "frac": "frac"}.get(kind or "") or match[kind or 0]
        )
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent: sum, product, power, atom."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._position = 0
        self._depth = 0

    def whole(self) -> Gaussian:
        value = self._sum()
        if self._peek():
            raise _NotArithmetic
        return value

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._position += 1
        return token

    def _sum(self) -> Gaussian:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _NotArithmetic
        value = self._product()
        while self._peek() in ("+", "-"):
            sign = self._take()
            term = self._product()
            value = _bounded(value + (term if sign == "+" else -term))
        self._depth -= 1
        return value

    def _product(self) -> Gaussian:
        sign = 1
        while self._peek() in ("+", "-"):
            sign *= -1 if self._take() == "-" else 1
        value = self._power()
        while True:
            token = self._peek()
            if token == "*":
                self._take()
                value = _bounded(value * self._signed_power())
            elif token == "/":
                self._take()
                value = _bounded(value * self._signed_power().inverse())
            elif token in ("(", "frac", "i") or (token in ("{", "[") and token):
                value = _bounded(value * self._power())
            else:
                return -value if sign < 0 else value

    def _signed_power(self) -> Gaussian:
        if self._peek() in ("+", "-"):
            sign = self._take()
            value = self._power()
            return -value if sign == "-" else value
        return self._power()

    def _power(self) -> Gaussian:
        base = self._atom()
        while self._peek() == "!":
            self._take()
            base = _factorial(base)
        if self._peek() != "^":
            return base
        self._take()
        exponent = self._atom(signed=True)
        if self._peek() in ("^", "!"):
            raise _NotArithmetic
        return _raised(base, exponent)

    def _atom(self, signed: bool = False) -> Gaussian:
        token = self._take()
        if token == "frac":
            above = self._group()
            return _bounded(above * self._group().inverse())
        if token == "i":
            return Gaussian(Fraction(0), Fraction(1))
        if token in _CLOSING:
            self._position -= 1
            return self._group()
        if signed and token in ("-", "+"):
            value = self._atom()
            return -value if token == "-" else value
        if not token or not (token[0].isdigit() or token[0] == "."):
            raise _NotArithmetic
        return Gaussian(Fraction(token))

    def _group(self) -> Gaussian:
        closing = _CLOSING.get(self._take())
        if closing is None:
            raise _NotArithmetic
        value = self._sum()
        if self._take() != closing:
            raise _NotArithmetic
        return value


def _bounded(value: Gaussian) -> Gaussian:
    if value.bits() > MAX_BITS:
        raise _NotArithmetic
    return value


def _factorial(value: Gaussian) -> Gaussian:
    number = value.real
    if value.imaginary or number.denominator != 1 or not 0 <= number <= MAX_FACTORIAL:
        raise _NotArithmetic
    return Gaussian(Fraction(factorial(int(number))))


def _raised(base: Gaussian, exponent: Gaussian) -> Gaussian:
    power = exponent.real
    if exponent.imaginary or power.denominator != 1 or abs(power) > MAX_BITS:
        raise _NotArithmetic
    if base.bits() * abs(power) > MAX_BITS and base.bits() > 1:
        raise _NotArithmetic
    if power < 0:
        base = base.inverse()
    result = Gaussian(Fraction(1))
    for bit in f"{abs(int(power)):b}":
        result = result * result
        if bit == "1":
            result = result * base
    return result
