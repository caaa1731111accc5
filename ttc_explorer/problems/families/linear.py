"""A linear equation: computing, then a substitution check."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random

from ttc_explorer.problems.families.family import Family
from ttc_explorer.problems.families.script import Script, check, near, signed, term
from ttc_explorer.problems.families.understanding import SOLVING, Question

Given = tuple[int, int, int, int]


class Linear(Family):
    """``given``: (a, b, c, d) of ax+b=cx+d, a > c >= 0; the solution is an integer."""

    name = "linear"
    title = "Linear equation"
    kind = "computing"
    shown = "end"
    phrasings = ("Solve {equation}.", "Find x if {equation}.", "What is x when {equation}?")
    slots: Mapping[str, str] = {"equation": r"[-+\dx]+=[-+\dx]+"}

    def draw(self, rng: Random, level: int) -> Given:
        top, reach, shift = ((4, 6, 9), (6, 9, 9), (6, 9, 12), (8, 9, 12), (9, 12, 20))[level - 1]
        both_sides = level not in (1, 3)  # small numbers on both sides are easier than large ones on one
        while True:
            a, x = rng.randint(2, top), rng.randint(-reach if level >= 4 else 1, reach)
            c = rng.randint(1, a - 1) if both_sides else 0
            b = rng.randint(-shift if both_sides else 1, shift)
            d = a * x + b - c * x
            if b and d and a - c > 1:
                return a, b, c, d

    def fill(self, given: Given) -> dict[str, str]:
        a, b, c, d = given
        right = f"{term(c, 'x')}{signed(d)}" if c else str(d)
        return {"equation": f"{term(a, 'x')}{signed(b)}={right}"}

    def read(self, slots: Mapping[str, str]) -> Given | None:
        match = re.fullmatch(
            r"(\d{1,3})x([-+]\d{1,4})=(?:(\d{0,3})x(?=[-+]))?([-+]?\d{1,4})", slots["equation"]
        )
        if not match:
            return None
        a, b, d = int(match[1]), int(match[2]), int(match[4])
        c = 0 if match[3] is None else int(match[3] or 1)
        return (a, b, c, d) if a > c and (d - b) % (a - c) == 0 else None

    def understand(self, question: Question) -> Given | None:
        equations = question.equations(1, 1, SOLVING | {"big", "integer", "large", "linear", "number"})
        if not equations or len(equations[0].unknowns) != 1:
            return None
        unknown = equations[0].unknowns[0]
        sides = equations[0].left, equations[0].right
        if not all(set(side) <= {unknown, ""} for side in sides):
            return None
        (c, d), (a, b) = sorted((side.get(unknown, 0), side.get("", 0)) for side in sides)
        if c < 0:
            a, c = a - c, 0
        return self.take(**self.fill((a, b, c, d))) if b else None

    def write(self, given: Given, script: Script) -> None:
        a, b, c, d = given
        slope = a - c
        if c:
            script.say(f"{a}x-{c}x=")
            slope = script.decide(a - c, near(a - c, 1))
            script.end("x")
        script.say(f"{d}{signed(-b)}=")
        right = script.decide(d - b, near(d - b))
        script.end()
        script.say(f"{slope}x={right} x=")
        value = round(right / slope)
        x = script.decide(value, near(value))
        script.end()
        left_side, right_side = a * x + b, c * x + d
        script.say(
            check(
                f"{a}*{x}{signed(b)}={a * x}{signed(b)}",
                left_side,
                right_side,
                f"{c}*{x}{signed(d)}={c * x}{signed(d)}" if c else "",
            )
        )
        script.end()
        script.end(f"Answer: {x}")
