"""Two linear equations in two unknowns, found one after the other; the second equation checks
both."""

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
    format_term,
    format_values,
    near_miss,
)
from ttc_explorer.problems.families.typed_problem_parser import EQUATION_WORDS, Question

Parameters = tuple[tuple[int, int, int], tuple[int, int, int]]


@family
class SystemFamily(Family):
    """``parameters``: the two equations as (coefficient of x, of y, right side)."""

    name = "system"
    title = "Two equations, two unknowns"
    kind = "several decisions"
    errors_visible_at = "end"
    templates = (
        "Solve {first} and {second}.",
        "Find x and y with {first} and {second}.",
        "What are x and y if {first} and {second}?",
    )
    slots: ClassVar[Mapping[str, str]] = {"first": r"[-+\dxy]+=-?\d+", "second": r"[-+\dxy]+=-?\d+"}

    def draw(self, rng: Random, level: int) -> Parameters:
        reach, top = ((5, 2), (6, 2), (6, 3), (8, 4), (9, 5))[level - 1]
        while True:
            x, y = rng.randint(1, reach), rng.randint(1, reach)
            a, b, c, d = (rng.randint(1, top) for _ in range(4))
            if level >= 4 and rng.random() < 0.5:
                d = -d
            if a * d - b * c:
                return (a, b, a * x + b * y), (c, d, c * x + d * y)

    def fill_slots(self, parameters: Parameters) -> dict[str, str]:
        first, second = (
            f"{format_term(a, 'x')}{format_signed_term(b, 'y')}={c}" for a, b, c in parameters
        )
        return {"first": first, "second": second}

    def parse_slots(self, slots: Mapping[str, str]) -> Parameters | None:
        rows = []
        for name in ("first", "second"):
            match = re.fullmatch(r"(\d*)x([-+]\d*)y=(-?\d{1,4})", slots[name])
            if not match:
                return None
            b = int(match[2] + "1" if match[2] in "+-" else match[2])
            rows.append((int(match[1] or 1), b, int(match[3])))
        parameters = (rows[0], rows[1])
        return parameters if _positive_solution(parameters) else None

    def parse_question(self, question: Question) -> Parameters | None:
        known = EQUATION_WORDS | set(
            word_list("both linear number pair simultaneous simultaneously system")
        )
        equations = question.equations(2, 2, known)
        unknowns = sorted({unknown for equation in equations for unknown in equation.unknowns})
        if len(unknowns) != 2 or not all(set(e.coefficients) <= {*unknowns, ""} for e in equations):
            return None
        rows = []
        for equation in equations:
            a, b, c = (equation.coefficients.get(what, 0) for what in (*unknowns, ""))
            if not a or not b:
                return None
            rows.append((a, b, -c) if a > 0 else (-a, -b, c))
        return self.from_slots(**self.fill_slots((rows[0], rows[1])))

    def key(self, parameters: Parameters) -> str:
        return repr(sorted(parameters))

    def write_solution(self, parameters: Parameters, writer: SolutionWriter) -> None:
        (a, b, c), (d, e, f) = parameters
        solved = _positive_solution(parameters)
        assert solved, "read and draw make only systems with a positive integer solution"
        writer.write("x=")
        x = writer.decide(solved[0], near_miss(solved[0], 1))
        rest = c - a * x
        writer.end(f" {c}-{a}*{x}={c}-{a * x}={rest}")
        writer.write("y=")
        right = max(1, round(rest / b))
        y = writer.decide(right, near_miss(right, 1))
        writer.end(" " + format_check(f"{b}*{y}", b * y, rest))
        writer.end(
            format_check(
                f"{d}*{x}{format_signed(e)}*{y}={d * x}{format_signed(e * y)}", d * x + e * y, f
            )
        )
        writer.end(f"Answer: {format_values((x, y))}")


def _positive_solution(parameters: Parameters) -> tuple[int, int] | None:
    """The solution, if it is one, in positive integers, and the first equation gives y from x."""
    (a, b, c), (d, e, f) = parameters
    determinant = a * e - b * d
    if not determinant or b < 1:
        return None
    x, y = (c * e - b * f) / determinant, (a * f - c * d) / determinant
    return (round(x), round(y)) if x == round(x) > 0 and y == round(y) > 0 else None
