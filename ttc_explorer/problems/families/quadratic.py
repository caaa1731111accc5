"""Both roots of a quadratic: one decision (the pair), then two checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random
from typing import ClassVar

from ttc_explorer.problems.canonical_wording import word_list
from ttc_explorer.problems.families.family import Family, family
from ttc_explorer.problems.families.solution_writer import (
    SolutionWriter,
    format_check,
    format_signed,
    format_signed_term,
    format_values,
)
from ttc_explorer.problems.families.typed_problem_parser import EQUATION_WORDS, Question

Parameters = tuple[int, int]


@family
class QuadraticFamily(Family):
    """``parameters``: the two roots, ascending; neither is zero."""

    name = "quadratic"
    title = "Roots of a quadratic"
    kind = "one decision"
    errors_visible_at = "end"
    ordered = False
    templates = (
        "Solve {equation}.",
        "Find both roots of {equation}.",
        "For which two values of x does {equation} hold?",
    )
    slots: ClassVar[Mapping[str, str]] = {"equation": r"x\^2[-+x\d]*=0"}

    def draw(self, rng: Random, level: int) -> Parameters:
        # The smaller root is drawn from few values and the other from many: easy, and yet no small
        # space.
        small, large = ((5, 30), (9, 25), (12, 20), (8, 12), (12, 20))[level - 1]
        low = 1 if level <= 3 else -1
        while True:
            u = rng.randint(1, small) * rng.choice((low, 1))
            v = rng.randint(1, large) * rng.choice((low, 1))
            if u != v:
                return (min(u, v), max(u, v))

    def fill_slots(self, parameters: Parameters) -> dict[str, str]:
        u, v = parameters
        return {"equation": f"x^2{format_signed_term(-u - v, 'x')}{format_signed(u * v)}=0"}

    def parse_slots(self, slots: Mapping[str, str]) -> Parameters | None:
        match = re.fullmatch(r"x\^2(?:([-+]\d*)x)?([-+]\d+)=0", slots["equation"])
        if not match:
            return None
        middle, product = match[1], int(match[2])
        total = 0 if middle is None else -int(middle + "1" if middle in "+-" else middle)
        root = round(max(0, total * total - 4 * product) ** 0.5)
        u, v = (total - root) // 2, (total + root) // 2
        return (u, v) if u + v == total and u * v == product and u != v and u and v else None

    def parse_question(self, question: Question) -> Parameters | None:
        known = EQUATION_WORDS - {"lone"} | set(
            word_list(
                """
                both factor factoring factorisation factorise factorization factorize factors
                formula integer integers quadratic real root roots whole zeros
                """
            )
        )
        equations = question.equations(1, 2, known)
        return self.from_slots(equation=equations[0].standard_form) if equations else None

    def write_solution(self, parameters: Parameters, writer: SolutionWriter) -> None:
        a, b = parameters
        total, product = a + b, a * b

        def wrong(rng: Random) -> Parameters:
            """A pair with the right product, with the right sum, or near the right pair."""
            how = rng.random()
            if how < 0.35:
                divisors = [d for d in range(1, abs(product) + 1) if product % d == 0]
                u = rng.choice(divisors) * (rng.choice((1, -1)) if a < 0 else 1)
                v = product // u
            elif how < 0.7:
                shift = rng.choice((-1, 1)) * rng.randint(1, 4)
                u, v = a + shift, b - shift
            else:
                u, v = a + rng.randint(-3, 3), b + rng.randint(-3, 3)
            return (min(u, v), max(u, v))

        writer.write("try ")
        u, v = writer.decide(parameters, wrong, lambda pair: f"{pair[0]} and {pair[1]}")
        writer.end()
        writer.end(format_check(f"{u}*{v}", u * v, product))
        writer.end(format_check(f"{u}{format_signed(v)}", u + v, total))
        writer.end(f"Answer: {format_values((u, v))}")
