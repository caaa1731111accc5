"""Both roots of a quadratic: one decision (the pair), then two checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random

from ttc_explorer.problems.families.family import Family
from ttc_explorer.problems.families.script import Script, check, joined, signed, signed_term
from ttc_explorer.problems.families.understanding import SOLVING, Question
from ttc_explorer.problems.notation import words

Given = tuple[int, int]


class Quadratic(Family):
    """``given``: the two roots, ascending; neither is zero."""

    name = "quadratic"
    title = "Roots of a quadratic"
    kind = "one decision"
    shown = "end"
    ordered = False
    phrasings = (
        "Solve {equation}.",
        "Find both roots of {equation}.",
        "For which two values of x does {equation} hold?",
    )
    slots: Mapping[str, str] = {"equation": r"x\^2[-+x\d]*=0"}

    def draw(self, rng: Random, level: int) -> Given:
        # The smaller root is drawn from few values and the other from many: easy, and yet no small space.
        small, large = ((5, 30), (9, 25), (12, 20), (8, 12), (12, 20))[level - 1]
        low = 1 if level <= 3 else -1
        while True:
            u = rng.randint(1, small) * rng.choice((low, 1))
            v = rng.randint(1, large) * rng.choice((low, 1))
            if u != v:
                return (min(u, v), max(u, v))

    def fill(self, given: Given) -> dict[str, str]:
        u, v = given
        return {"equation": f"x^2{signed_term(-u - v, 'x')}{signed(u * v)}=0"}

    def read(self, slots: Mapping[str, str]) -> Given | None:
        match = re.fullmatch(r"x\^2(?:([-+]\d*)x)?([-+]\d+)=0", slots["equation"])
        if not match:
            return None
        middle, product = match[1], int(match[2])
        total = 0 if middle is None else -int(middle + "1" if middle in "+-" else middle)
        root = round(max(0, total * total - 4 * product) ** 0.5)
        u, v = (total - root) // 2, (total + root) // 2
        return (u, v) if u + v == total and u * v == product and u != v and u and v else None

    def understand(self, question: Question) -> Given | None:
        known = SOLVING - {"lone"} | set(
            words(
                """
                both factor factoring factorisation factorise factorization factorize factors formula
                integer integers quadratic real root roots whole zeros
                """
            )
        )
        equations = question.equations(1, 2, known)
        return self.take(equation=equations[0].standard) if equations else None

    def write(self, given: Given, script: Script) -> None:
        a, b = given
        total, product = a + b, a * b

        def wrong(rng: Random) -> Given:
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

        script.say("try ")
        u, v = script.decide(given, wrong, lambda pair: f"{pair[0]} and {pair[1]}")
        script.end()
        script.end(check(f"{u}*{v}", u * v, product))
        script.end(check(f"{u}{signed(v)}", u + v, total))
        script.end(f"Answer: {joined((u, v))}")
