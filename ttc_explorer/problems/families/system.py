"""Two linear equations in two unknowns, found one after the other; the second equation checks both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random

from ttc_explorer.problems.families.family import Family
from ttc_explorer.problems.families.script import Script, check, joined, near, signed, signed_term, term
from ttc_explorer.problems.families.understanding import SOLVING, Question
from ttc_explorer.problems.notation import words

Given = tuple[tuple[int, int, int], tuple[int, int, int]]


class System(Family):
    """``given``: the two equations as (coefficient of x, of y, right side)."""

    name = "system"
    title = "Two equations, two unknowns"
    kind = "several decisions"
    shown = "end"
    phrasings = (
        "Solve {first} and {second}.",
        "Find x and y with {first} and {second}.",
        "What are x and y if {first} and {second}?",
    )
    slots: Mapping[str, str] = {"first": r"[-+\dxy]+=-?\d+", "second": r"[-+\dxy]+=-?\d+"}

    def draw(self, rng: Random, level: int) -> Given:
        reach, top = ((5, 2), (6, 2), (6, 3), (8, 4), (9, 5))[level - 1]
        while True:
            x, y = rng.randint(1, reach), rng.randint(1, reach)
            a, b, c, d = (rng.randint(1, top) for _ in range(4))
            if level >= 4 and rng.random() < 0.5:
                d = -d
            if a * d - b * c:
                return (a, b, a * x + b * y), (c, d, c * x + d * y)

    def fill(self, given: Given) -> dict[str, str]:
        first, second = (f"{term(a, 'x')}{signed_term(b, 'y')}={c}" for a, b, c in given)
        return {"first": first, "second": second}

    def read(self, slots: Mapping[str, str]) -> Given | None:
        rows = []
        for name in ("first", "second"):
            match = re.fullmatch(r"(\d*)x([-+]\d*)y=(-?\d{1,4})", slots[name])
            if not match:
                return None
            b = int(match[2] + "1" if match[2] in "+-" else match[2])
            rows.append((int(match[1] or 1), b, int(match[3])))
        given = (rows[0], rows[1])
        return given if _solved(given) else None

    def understand(self, question: Question) -> Given | None:
        known = SOLVING | set(words("both linear number pair simultaneous simultaneously system"))
        equations = question.equations(2, 2, known)
        unknowns = sorted({unknown for equation in equations for unknown in equation.unknowns})
        if len(unknowns) != 2 or not all(set(e.moved) <= {*unknowns, ""} for e in equations):
            return None
        rows = []
        for equation in equations:
            a, b, c = (equation.moved.get(what, 0) for what in (*unknowns, ""))
            if not a or not b:
                return None
            rows.append((a, b, -c) if a > 0 else (-a, -b, c))
        return self.take(**self.fill((rows[0], rows[1])))

    def key(self, given: Given) -> str:
        return repr(sorted(given))

    def write(self, given: Given, script: Script) -> None:
        (a, b, c), (d, e, f) = given
        solved = _solved(given)
        assert solved, "read and draw make only systems with a positive integer solution"
        script.say("x=")
        x = script.decide(solved[0], near(solved[0], 1))
        rest = c - a * x
        script.end(f" {c}-{a}*{x}={c}-{a * x}={rest}")
        script.say("y=")
        right = max(1, round(rest / b))
        y = script.decide(right, near(right, 1))
        script.end(" " + check(f"{b}*{y}", b * y, rest))
        script.end(check(f"{d}*{x}{signed(e)}*{y}={d * x}{signed(e * y)}", d * x + e * y, f))
        script.end(f"Answer: {joined((x, y))}")


def _solved(given: Given) -> tuple[int, int] | None:
    """The solution, if it is one, in positive integers, and the first equation gives y from x."""
    (a, b, c), (d, e, f) = given
    determinant = a * e - b * d
    if not determinant or b < 1:
        return None
    x, y = (c * e - b * f) / determinant, (a * f - c * d) / determinant
    return (round(x), round(y)) if x == round(x) > 0 and y == round(y) > 0 else None
