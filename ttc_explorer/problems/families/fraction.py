"""Adding and subtracting fractions: computing, with a check of each expansion."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import gcd, lcm
from random import Random

from ttc_explorer.problems.families.family import Family
from ttc_explorer.problems.families.script import Script, check, near, signed
from ttc_explorer.problems.families.understanding import Question
from ttc_explorer.problems.notation import words

Given = tuple[int, int, str, int, int]
_SIGNS = {
    **dict.fromkeys(("add", "adding", "added", "plus", "sum", "total"), "+"),
    **dict.fromkeys(("difference", "minus", "subtract", "take"), "-"),
}
"""Words that join two fractions, and how."""
_WORDS = _SIGNS.keys() | set(
    words(
        """
        between both exact expression form fraction fractions irreducible lowest much reduced result
        simplest simplified simplify single terms together
        """
    )
)


class Fraction(Family):
    """``given``: (a, b, sign, c, d) of a/b + c/d or a/b - c/d, lowest terms, positive result."""

    name = "fraction"
    title = "Sum of fractions"
    kind = "computing"
    shown = "every"
    phrasings = ("Compute {sum}.", "What is {sum} in lowest terms?", "Work out {sum}.")
    slots: Mapping[str, str] = {"sum": r"\d{1,2}/\d{1,2}[-+]\d{1,2}/\d{1,2}"}

    def draw(self, rng: Random, level: int) -> Given:
        low, high = ((2, 8), (2, 9), (2, 9), (3, 10), (4, 12))[level - 1]
        while True:
            b, d = rng.randint(low, high), rng.randint(low, high)
            a, c = rng.randint(1, b - 1), rng.randint(1, d - 1)
            sign = rng.choice("+-") if level >= 3 else "+"
            if b != d and gcd(a, b) == gcd(c, d) == 1 and (sign == "+" or a * d > c * b):
                return a, b, sign, c, d

    def fill(self, given: Given) -> dict[str, str]:
        a, b, sign, c, d = given
        return {"sum": f"{a}/{b}{sign}{c}/{d}"}

    def read(self, slots: Mapping[str, str]) -> Given | None:
        match = re.fullmatch(r"(\d+)/(\d+)([-+])(\d+)/(\d+)", slots["sum"])
        if not match:
            return None
        a, b, sign, c, d = int(match[1]), int(match[2]), match[3], int(match[4]), int(match[5])
        return (a, b, sign, c, d) if b and d and (sign == "+" or a * d > c * b) and a and c else None

    def understand(self, question: Question) -> Given | None:
        if not question.says_only(_WORDS):
            return None
        if question.holds(2, sum=1):
            a, b, sign, c, d = question.of("sum")[0]
        elif question.holds(2, fraction=2) and len(question.words & _SIGNS.keys()) == 1:
            ((a, b), (c, d)) = question.of("fraction")
            word = next(iter(question.words & _SIGNS.keys()))
            sign = _SIGNS[word]
            if word in ("subtract", "take"):
                a, b, c, d = c, d, a, b
        else:
            return None
        return self.take(sum=f"{a}/{b}{sign}{c}/{d}")

    def key(self, given: Given) -> str:
        a, b, sign, c, d = given
        return repr((sorted(((a, b), (c, d))) if sign == "+" else ((a, b), (c, d)), sign))

    def write(self, given: Given, script: Script) -> None:
        a, b, sign, c, d = given
        common = lcm(b, d)
        tops = []
        for top, bottom in ((a, b), (c, d)):
            script.say(f"{top}/{bottom}=")
            right = top * (common // bottom)
            new = script.decide(right, near(right, 1))
            tops.append(new)
            script.end(
                f"/{common} " + check(f"{new}*{bottom}", new * bottom, top * common, f"{top}*{common}")
            )
        total = tops[0] + tops[1] if sign == "+" else tops[0] - tops[1]
        script.say(f"{tops[0]}{sign}{tops[1]}=")
        numerator = script.decide(total, near(total))
        back = numerator - tops[1] if sign == "+" else numerator + tops[1]
        script.end(" " + check(f"{numerator}{signed(-tops[1] if sign == '+' else tops[1])}", back, tops[0]))
        script.say(f"{numerator}/{common} by ")
        divisor = gcd(numerator, common)
        shared = script.decide(
            divisor, lambda rng: rng.choice([k for k in range(1, common + 1) if common % k == 0])
        )
        script.end()
        script.end(f"Answer: {numerator // shared}/{common // shared}")
