"""The three integer roots of a cubic: one decision (the triple), then three checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import combinations
from random import Random

from ttc_explorer.problems.families.family import Family
from ttc_explorer.problems.families.script import Script, check, joined, signed, signed_term, summed
from ttc_explorer.problems.families.understanding import SOLVING, Question
from ttc_explorer.problems.notation import words

Given = tuple[int, int, int]


class Cubic(Family):
    """``given``: three different roots, ascending, none zero."""

    name = "cubic"
    title = "Integer roots of a cubic"
    kind = "one decision"
    shown = "end"
    ordered = False
    phrasings = (
        "Find the integer roots of {equation}.",
        "Solve {equation} in integers.",
        "Which three integers solve {equation}?",
    )
    slots: Mapping[str, str] = {"equation": r"x\^3[-+x\d^]*=0"}

    def draw(self, rng: Random, level: int) -> Given:
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

    def fill(self, given: Given) -> dict[str, str]:
        total, pairs, product = _symmetric(given)
        return {
            "equation": f"x^3{signed_term(-total, 'x^2')}{signed_term(pairs, 'x')}{signed(-product)}=0",
        }

    def read(self, slots: Mapping[str, str]) -> Given | None:
        match = re.fullmatch(r"x\^3(?:([-+]\d*)x\^2)?(?:([-+]\d*)x)?([-+]\d+)=0", slots["equation"])
        if not match:
            return None
        total, pairs = (
            0 if part is None else int(part + "1" if part in "+-" else part) for part in match.groups()[:2]
        )
        product = int(match[3])
        roots = [n for n in range(-60, 61) if n and n**3 + total * n**2 + pairs * n + product == 0]
        return tuple(roots) if len(roots) == 3 else None  # type: ignore[return-value]

    def understand(self, question: Question) -> Given | None:
        known = SOLVING - {"lone"} | set(
            words("cubic integer integers polynomial real root roots whole zeros")
        )
        equations = question.equations(1, 3, known)
        return self.take(equation=equations[0].standard) if equations else None

    def write(self, given: Given, script: Script) -> None:
        total, pairs, product = _symmetric(given)

        def wrong(rng: Random) -> Given:
            """The right sum, or one or more roots near the right ones."""
            u, v, w = rng.sample(given, 3)
            shift = rng.choice((-1, 1)) * rng.randint(1, 3)
            moved = (u + shift, v - shift, w) if rng.random() < 0.5 else (u + shift, v, w)
            return tuple(sorted(moved))  # type: ignore[return-value]

        script.say("try ")
        roots = script.decide(given, wrong, lambda triple: " and ".join(map(str, triple)))
        script.end()
        u, v, w = roots
        script.end(check(summed(roots), sum(roots), total))
        spelled = " ".join(f"{a}*{b}={a * b}" for a, b in combinations(roots, 2))
        products = [a * b for a, b in combinations(roots, 2)]
        script.end(check(f"{spelled} {summed(products)}", sum(products), pairs))
        script.end(check(f"{u}*{v}={u * v} {u * v}*{w}", u * v * w, product))
        script.end(f"Answer: {joined(roots)}")


def _symmetric(roots: Given) -> tuple[int, int, int]:
    """Sum, sum of the pairwise products, product."""
    u, v, w = roots
    return sum(roots), sum(a * b for a, b in combinations(roots, 2)), u * v * w
