"""What a solution line claims in numbers, and whether it is true: every equality, every difference,
every verdict. The baseline verifier that merely reads the printed checks stands here too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

_FACTOR = re.compile(r"([*/])(-?\d{1,12})")
_TERM = re.compile(r"([-+]?)(-?\d{1,12})((?:[*/]-?\d{1,12})*)")
_DIVISION_WITH_REMAINDER = re.compile(r"(-?\d{1,12})/(\d{1,12})=(-?\d{1,12}) rest (-?\d{1,12})")
_CHECK = re.compile(r"(?<!\S)(\S+) want (\S+) off (\S*)(?: (ok|no)$)?")
_VERDICT = re.compile(r" (ok|no)$")


def evaluate_arithmetic(expression: str) -> Fraction | None:
    """The value of a sum of products of whole numbers such as ``3*-5+24/2``; None for any other
    text.

    >>> evaluate_arithmetic("3*-5+24/2"), evaluate_arithmetic("3x")
    (Fraction(-3, 1), None)
    """
    total, at = Fraction(0), 0
    while at < len(expression):
        term = _TERM.match(expression, at)
        if not term or (at and not term[1]):
            return None
        product = Fraction(int(term[2]))
        for sign, factor in _FACTOR.findall(term[3]):
            if sign == "/" and int(factor) == 0:
                return None
            product = product * int(factor) if sign == "*" else product / int(factor)
        total += -product if term[1] == "-" else product
        at = term.end()
    return total if at else None


def claim_truths(line: str) -> list[bool]:
    """The truth of each claim of a line. Equations in unknowns (``5x=10``) and decisions (``a=3``)
    claim nothing; what should be a number and is none is false.

    >>> claim_truths("a=5 2*5+3=14 want 13 off 0 ok")
    [False, False, True]
    """
    found = [
        int(a) == int(b) * int(q) + int(r) for a, b, q, r in _DIVISION_WITH_REMAINDER.findall(line)
    ]
    for word in _DIVISION_WITH_REMAINDER.sub("", line).split(" "):
        if "=" in word and not re.search(r"[a-z:]", word):
            for chain in word.split(","):
                sides = [evaluate_arithmetic(side) for side in chain.split("=")]
                found += [None not in (a, b) and a == b for a, b in pairwise(sides)]
    check = _CHECK.search(line)
    if check:
        got, want, off = (
            evaluate_arithmetic(part.rpartition("=")[2]) for part in check.groups()[:3]
        )
        if got is None or want is None or off is None:
            found.append(False)
        else:
            found.append(want - got == off)
        found.append(off is not None and check[4] == ("no" if off else "ok"))
    return found


def printed_verdict(line: str) -> str | None:
    """The verdict that a line ends with, ``ok`` or ``no``; None where it prints none.

    >>> printed_verdict("2*5+3=13 want 13 off 0 ok"), printed_verdict("a=5")
    ('ok', None)
    """
    match = _VERDICT.search(line)
    return match and match[1]


def printed_check_pass_rate(steps: Sequence[str]) -> float:
    """The baseline verifier: the share of the printed verdicts that say ``ok``; 1/2 where none is
    printed."""
    verdicts = [verdict for step in steps if (verdict := printed_verdict(step))]
    return verdicts.count("ok") / len(verdicts) if verdicts else 0.5
