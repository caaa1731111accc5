"""Adding and subtracting fractions: computing, with a check of each expansion."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import gcd, lcm
from random import Random
from typing import ClassVar

from ttc_explorer.problems.canonical_wording import word_list
from ttc_explorer.problems.families.family import Family, family
from ttc_explorer.problems.families.solution_writer import (
    SolutionWriter,
    format_check,
    format_signed,
    near_miss,
)
from ttc_explorer.problems.families.typed_problem_parser import Question

Parameters = tuple[int, int, str, int, int]
_SIGN_WORDS = {
    **dict.fromkeys(("add", "adding", "added", "plus", "sum", "total"), "+"),
    **dict.fromkeys(("difference", "minus", "subtract", "take"), "-"),
}
"""Words that join two fractions, and how."""
_VOCABULARY = _SIGN_WORDS.keys() | set(
    word_list(
        """
        between both exact expression form fraction fractions irreducible lowest much reduced result
        simplest simplified simplify single terms together
        """
    )
)


@family
class FractionFamily(Family):
    """``parameters``: (a, b, sign, c, d) of a/b + c/d or a/b - c/d, lowest terms, positive
    result."""

    name = "fraction"
    title = "Sum of fractions"
    kind = "computing"
    errors_visible_at = "every"
    templates = ("Compute {sum}.", "What is {sum} in lowest terms?", "Work out {sum}.")
    slots: ClassVar[Mapping[str, str]] = {"sum": r"\d{1,2}/\d{1,2}[-+]\d{1,2}/\d{1,2}"}

    def draw(self, rng: Random, level: int) -> Parameters:
        low, high = ((2, 8), (2, 9), (2, 9), (3, 10), (4, 12))[level - 1]
        while True:
            b, d = rng.randint(low, high), rng.randint(low, high)
            a, c = rng.randint(1, b - 1), rng.randint(1, d - 1)
            sign = rng.choice("+-") if level >= 3 else "+"
            if b != d and gcd(a, b) == gcd(c, d) == 1 and (sign == "+" or a * d > c * b):
                return a, b, sign, c, d

    def fill_slots(self, parameters: Parameters) -> dict[str, str]:
        a, b, sign, c, d = parameters
        return {"sum": f"{a}/{b}{sign}{c}/{d}"}

    def parse_slots(self, slots: Mapping[str, str]) -> Parameters | None:
        match = re.fullmatch(r"(\d+)/(\d+)([-+])(\d+)/(\d+)", slots["sum"])
        if not match:
            return None
        a, b, sign, c, d = int(match[1]), int(match[2]), match[3], int(match[4]), int(match[5])
        return (
            (a, b, sign, c, d) if b and d and (sign == "+" or a * d > c * b) and a and c else None
        )

    def parse_question(self, question: Question) -> Parameters | None:
        if not question.uses_only_words(_VOCABULARY):
            return None
        if question.has_exactly(2, sum=1):
            a, b, sign, c, d = question.values_of("sum")[0]
        elif question.has_exactly(2, fraction=2) and len(question.words & _SIGN_WORDS.keys()) == 1:
            ((a, b), (c, d)) = question.values_of("fraction")
            word = next(iter(question.words & _SIGN_WORDS.keys()))
            sign = _SIGN_WORDS[word]
            if word in ("subtract", "take"):
                a, b, c, d = c, d, a, b
        else:
            return None
        return self.from_slots(sum=f"{a}/{b}{sign}{c}/{d}")

    def key(self, parameters: Parameters) -> str:
        a, b, sign, c, d = parameters
        return repr((sorted(((a, b), (c, d))) if sign == "+" else ((a, b), (c, d)), sign))

    def write_solution(self, parameters: Parameters, writer: SolutionWriter) -> None:
        a, b, sign, c, d = parameters
        common = lcm(b, d)
        tops = []
        for top, bottom in ((a, b), (c, d)):
            writer.write(f"{top}/{bottom}=")
            right = top * (common // bottom)
            new = writer.decide(right, near_miss(right, 1))
            tops.append(new)
            writer.end(
                f"/{common} "
                + format_check(f"{new}*{bottom}", new * bottom, top * common, f"{top}*{common}")
            )
        total = tops[0] + tops[1] if sign == "+" else tops[0] - tops[1]
        writer.write(f"{tops[0]}{sign}{tops[1]}=")
        numerator = writer.decide(total, near_miss(total))
        back = numerator - tops[1] if sign == "+" else numerator + tops[1]
        writer.end(
            " "
            + format_check(
                f"{numerator}{format_signed(-tops[1] if sign == '+' else tops[1])}", back, tops[0]
            )
        )
        writer.write(f"{numerator}/{common} by ")
        divisor = gcd(numerator, common)
        shared = writer.decide(
            divisor, lambda rng: rng.choice([k for k in range(1, common + 1) if common % k == 0])
        )
        writer.end()
        writer.end(f"Answer: {numerator // shared}/{common // shared}")
