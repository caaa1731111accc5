"""The three integer roots of a cubic: one decision (the triple), then three checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import combinations
from random import Random
from typing import ClassVar

from ttc_explorer.problems.canonical_wording import word_list
from ttc_explorer.problems.families.family import Family, family
from ttc_explorer.problems.families.solution_writer import (
    SolutionWriter,
    format_check,
    format_signed,
    format_signed_term,
    format_sum,
    format_values,
)
from ttc_explorer.problems.families.typed_problem_parser import EQUATION_WORDS, Question

Parameters = tuple[int, int, int]


@family
class CubicFamily(Family):
    """``parameters``: three different roots, ascending, none zero."""

    name = "cubic"
    title = "Integer roots of a cubic"
    kind = "one decision"
    errors_visible_at = "end"
    ordered = False
    templates = (
        "Find the integer roots of {equation}.",
        "Solve {equation} in integers.",
        "Which three integers solve {equation}?",
    )
    slots: ClassVar[Mapping[str, str]] = {"equation": r"x\^3[-+x\d^]*=0"}

    def draw(self, rng: Random, level: int) -> Parameters:
        # One root is drawn from few values on the easy levels, so that there is little to find.
        first, low, high = (
            ((-1, 1), 2, 11),
            ((-2, 2), 1, 10),
            ((1, 11), 1, 11),
            ((-5, 8), -5, 8),
            ((-7, 9), -7, 9),
        )[level - 1]
        while True:
            roots = {rng.randint(*first), rng.randint(low, high), rng.randint(low, high)}
            if len(roots) == 3 and 0 not in roots:
                return tuple(sorted(roots))  # type: ignore[return-value]

    def fill_slots(self, parameters: Parameters) -> dict[str, str]:
        total, pairs, product = _symmetric_functions(parameters)
        middle_terms = format_signed_term(-total, "x^2") + format_signed_term(pairs, "x")
        return {"equation": f"x^3{middle_terms}{format_signed(-product)}=0"}

    def parse_slots(self, slots: Mapping[str, str]) -> Parameters | None:
        match = re.fullmatch(r"x\^3(?:([-+]\d*)x\^2)?(?:([-+]\d*)x)?([-+]\d+)=0", slots["equation"])
        if not match:
            return None
        total, pairs = (
            0 if part is None else int(part + "1" if part in "+-" else part)
            for part in match.groups()[:2]
        )
        product = int(match[3])
        roots = [n for n in range(-60, 61) if n and n**3 + total * n**2 + pairs * n + product == 0]
        return tuple(roots) if len(roots) == 3 else None  # type: ignore[return-value]

    def parse_question(self, question: Question) -> Parameters | None:
        known = EQUATION_WORDS - {"lone"} | set(
            word_list("cubic integer integers polynomial real root roots whole zeros")
        )
        equations = question.equations(1, 3, known)
        return self.from_slots(equation=equations[0].standard_form) if equations else None

    def write_solution(self, parameters: Parameters, writer: SolutionWriter) -> None:
        total, pairs, product = _symmetric_functions(parameters)

        def wrong(rng: Random) -> Parameters:
            """The right sum, or one or more roots near the right ones."""
            u, v, w = rng.sample(parameters, 3)
            shift = rng.choice((-1, 1)) * rng.randint(1, 3)
            moved = (u + shift, v - shift, w) if rng.random() < 0.5 else (u + shift, v, w)
            return tuple(sorted(moved))  # type: ignore[return-value]

        writer.write("try ")
        roots = writer.decide(parameters, wrong, lambda triple: " and ".join(map(str, triple)))
        writer.end()
        u, v, w = roots
        writer.end(format_check(format_sum(roots), sum(roots), total))
        spelled = " ".join(f"{a}*{b}={a * b}" for a, b in combinations(roots, 2))
        products = [a * b for a, b in combinations(roots, 2)]
        writer.end(format_check(f"{spelled} {format_sum(products)}", sum(products), pairs))
        writer.end(format_check(f"{u}*{v}={u * v} {u * v}*{w}", u * v * w, product))
        writer.end(f"Answer: {format_values(roots)}")


def _symmetric_functions(roots: Parameters) -> tuple[int, int, int]:
    """Sum, sum of the pairwise products, product."""
    u, v, w = roots
    return sum(roots), sum(a * b for a, b in combinations(roots, 2)), u * v * w
