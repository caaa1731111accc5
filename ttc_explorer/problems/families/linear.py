"""A linear equation: computing, then a substitution check."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random
from typing import ClassVar

from ttc_explorer.problems.families.family import Family, family
from ttc_explorer.problems.families.solution_writer import (
    SolutionWriter,
    format_check,
    format_signed,
    format_term,
    near_miss,
)
from ttc_explorer.problems.families.typed_problem_parser import EQUATION_WORDS, Question

Parameters = tuple[int, int, int, int]


@family
class LinearFamily(Family):
    """``parameters``: (a, b, c, d) of ax+b=cx+d, a > c >= 0; the solution is an integer."""

    name = "linear"
    title = "Linear equation"
    kind = "computing"
    errors_visible_at = "end"
    templates = ("Solve {equation}.", "Find x if {equation}.", "What is x when {equation}?")
    slots: ClassVar[Mapping[str, str]] = {"equation": r"[-+\dx]+=[-+\dx]+"}

    def draw(self, rng: Random, level: int) -> Parameters:
        top, reach, shift = ((4, 6, 9), (6, 9, 9), (6, 9, 12), (8, 9, 12), (9, 12, 20))[level - 1]
        both_sides = level not in (
            1,
            3,
        )  # small numbers on both sides are easier than large ones on one
        while True:
            a, x = rng.randint(2, top), rng.randint(-reach if level >= 4 else 1, reach)
            c = rng.randint(1, a - 1) if both_sides else 0
            b = rng.randint(-shift if both_sides else 1, shift)
            d = a * x + b - c * x
            if b and d and a - c > 1:
                return a, b, c, d

    def fill_slots(self, parameters: Parameters) -> dict[str, str]:
        a, b, c, d = parameters
        right = f"{format_term(c, 'x')}{format_signed(d)}" if c else str(d)
        return {"equation": f"{format_term(a, 'x')}{format_signed(b)}={right}"}

    def parse_slots(self, slots: Mapping[str, str]) -> Parameters | None:
        match = re.fullmatch(
            r"(\d{1,3})x([-+]\d{1,4})=(?:(\d{0,3})x(?=[-+]))?([-+]?\d{1,4})", slots["equation"]
        )
        if not match:
            return None
        a, b, d = int(match[1]), int(match[2]), int(match[4])
        c = 0 if match[3] is None else int(match[3] or 1)
        return (a, b, c, d) if a > c and (d - b) % (a - c) == 0 else None

    def parse_question(self, question: Question) -> Parameters | None:
        equations = question.equations(
            1, 1, EQUATION_WORDS | {"big", "integer", "large", "linear", "number"}
        )
        if not equations or len(equations[0].unknowns) != 1:
            return None
        unknown = equations[0].unknowns[0]
        sides = equations[0].left, equations[0].right
        if not all(set(side) <= {unknown, ""} for side in sides):
            return None
        (c, d), (a, b) = sorted((side.get(unknown, 0), side.get("", 0)) for side in sides)
        if c < 0:
            a, c = a - c, 0
        return self.from_slots(**self.fill_slots((a, b, c, d))) if b else None

    def write_solution(self, parameters: Parameters, writer: SolutionWriter) -> None:
        a, b, c, d = parameters
        slope = a - c
        if c:
            writer.write(f"{a}x-{c}x=")
            slope = writer.decide(a - c, near_miss(a - c, 1))
            writer.end("x")
        writer.write(f"{d}{format_signed(-b)}=")
        right = writer.decide(d - b, near_miss(d - b))
        writer.end()
        writer.write(f"{slope}x={right} x=")
        value = round(right / slope)
        x = writer.decide(value, near_miss(value))
        writer.end()
        left_side, right_side = a * x + b, c * x + d
        writer.write(
            format_check(
                f"{a}*{x}{format_signed(b)}={a * x}{format_signed(b)}",
                left_side,
                right_side,
                f"{c}*{x}{format_signed(d)}={c * x}{format_signed(d)}" if c else "",
            )
        )
        writer.end()
        writer.end(f"Answer: {x}")
