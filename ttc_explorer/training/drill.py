"""Arithmetic drill: lines of plain computation in the notation of the families' solutions.

A solution spends most of its tokens on other things; here every line asks for one result, so that a small
model learns to compute its checks from fewer tokens. What is asked is given; only results carry loss.
"""

from __future__ import annotations

from random import Random

from ttc_explorer.problems.families.script import Line, Segment, check

QUESTION = "Compute."
LINES = 12

Asked = tuple[str, str]
"""What is given and what is to be learnt of a line."""


def drill(rng: Random) -> list[Line]:
    """LINES lines. They hold single operations on small numbers, never a problem of a family."""
    asked = (rng.choice(_KINDS)(rng) for _ in range(LINES))
    return [(Segment(given, given=True), Segment(learnt)) for given, learnt in asked]


def _size(rng: Random) -> int:
    """The size of a number: mostly one or two digits, now and then three."""
    return rng.choice((9, 9, 20, 50, 99, 99, 200))


def _sum(rng: Random) -> Asked:
    a, b = rng.randint(0, _size(rng)), rng.randint(0, _size(rng))
    a, b = a * rng.choice((1, 1, -1)), b * rng.choice((1, -1))
    return f"{a}{b:+d}=", str(a + b)


def _product(rng: Random) -> Asked:
    a, b = rng.randint(1, rng.choice((12, 20))), rng.randint(1, rng.choice((12, 20, 30)))
    a, b = a * rng.choice((1, 1, -1)), b * rng.choice((1, 1, -1))
    if rng.random() < 0.3:
        c, d = rng.randint(1, 12), rng.randint(-12, 12)
        return f"{a}*{b}{c:+d}*{d}=", f"{a * b}{c * d:+d}={a * b + c * d}"
    return f"{a}*{b}=", str(a * b)


def _quotient(rng: Random) -> Asked:
    b, q = rng.randint(2, 20), rng.randint(1, 20)
    if rng.random() < 0.3:
        a = b * q + rng.randint(1, b - 1)
        return f"{a}-", f"{a // b}*{b}={a}-{a // b * b}={a % b}"
    return f"{b * q}/{b}=", str(q)


def _difference(rng: Random) -> Asked:
    """The end of a check: what was got, what is wanted."""
    want = rng.randint(-_size(rng), _size(rng))
    how = rng.random()
    got = want if how < 0.25 else want + rng.randint(-12, 12) if how < 0.6 else rng.randint(-60, 150)
    given, _, learnt = check(str(got), got, want).partition(" off ")
    return f"{given} off ", learnt


_KINDS = (_sum, _sum, _product, _product, _quotient, _difference, _difference)
