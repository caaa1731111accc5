"""A chain of congruences: every unknown is found from the one before, each with its own check."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random

from ttc_explorer.problems.families.family import Family
from ttc_explorer.problems.families.script import Script, check, joined
from ttc_explorer.problems.families.understanding import SOLVING, Question
from ttc_explorer.problems.notation import words

Given = tuple[int, int, tuple[int, ...]]
UNKNOWNS = "abcdef"
_WORDS = SOLVING | set(
    words("arithmetic both congruence congruences congruent everything linear residue residues system")
)


class Congruences(Family):
    """``given``: a prime modulus m, the first right side, and the coefficients.

    ``3a=4, 5b=a`` modulo 7: a solves the first, b the second, and so on.
    """

    name = "congruences"
    title = "Chain of congruences"
    kind = "several decisions"
    shown = "every"
    phrasings = (
        "Modulo {modulus} solve {equations}.",
        "Working modulo {modulus}, find {unknowns} with {equations}.",
        "Solve {equations} (mod {modulus}).",
    )
    slots: Mapping[str, str] = {
        "modulus": r"\d{1,2}",
        "equations": r"[\da-f=,]+",
        "unknowns": r"[a-f](?:,[a-f])*",
    }

    def draw(self, rng: Random, level: int) -> Given:
        modulus, count = rng.choice(
            (((5, 3),), ((5, 4), (7, 3)), ((7, 4),), ((7, 5), (11, 3)), ((11, 5),))[level - 1]
        )
        return modulus, rng.randint(1, modulus - 1), tuple(rng.randint(2, modulus - 1) for _ in range(count))

    def fill(self, given: Given) -> dict[str, str]:
        modulus, first, coefficients = given
        rights = [str(first), *UNKNOWNS]
        equations = (f"{c}{u}={r}" for c, u, r in zip(coefficients, UNKNOWNS, rights, strict=False))
        return {
            "modulus": str(modulus),
            "equations": ", ".join(equations),
            "unknowns": ", ".join(UNKNOWNS[: len(coefficients)]),
        }

    def read(self, slots: Mapping[str, str]) -> Given | None:
        modulus = int(slots["modulus"])
        coefficients, first = [], 0
        for i, equation in enumerate(slots["equations"].split(",")):
            match = re.fullmatch(r"(\d{1,2})([a-f])=(\d{1,2}|[a-f])", equation)
            if not match or i >= len(UNKNOWNS) or match[2] != UNKNOWNS[i]:
                return None
            if i == 0 and match[3].isdigit():
                first = int(match[3])
            elif i == 0 or match[3] != UNKNOWNS[i - 1]:
                return None
            coefficients.append(int(match[1]))
        prime = modulus > 2 and all(modulus % d for d in range(2, modulus))
        if not prime or not 0 < first < modulus or any(not 0 < c < modulus for c in coefficients):
            return None
        return modulus, first, tuple(coefficients)

    def understand(self, question: Question) -> Given | None:
        moduli, equations = question.of("modulus"), question.of("equation")
        unknowns = sorted({unknown for equation in equations for unknown in equation.unknowns})
        count = len(equations)
        known = question.says_only(_WORDS, unknowns) and question.holds(
            count, equation=count, modulus=len(moduli)
        )
        if not known or len(set(moduli)) != 1 or len(unknowns) != count:
            return None
        written, before = [], ""
        for i, equation in enumerate(sorted(equations, key=lambda equation: equation.unknowns[-1])):
            coefficient, link = equation.moved.get(unknowns[i], 0), equation.moved.get(before, 0)
            if (
                set(equation.moved) != {unknowns[i], before}
                or (i and abs(link) != 1)
                or coefficient * link >= 0
            ):
                return None
            right = UNKNOWNS[i - 1] if i else abs(link)
            written.append(f"{abs(coefficient)}{UNKNOWNS[i % len(UNKNOWNS)]}={right}")
            before = unknowns[i]
        return self.take(modulus=str(moduli[0]), equations=",".join(written))

    def write(self, given: Given, script: Script) -> None:
        modulus, target, coefficients = given
        found = []
        for unknown, coefficient in zip(UNKNOWNS, coefficients, strict=False):
            right = target * pow(coefficient, -1, modulus) % modulus
            script.say(f"{unknown}=")
            value = script.decide(right, lambda rng: rng.randint(1, modulus - 1))
            product = coefficient * value
            times = product // modulus
            computed = f"{coefficient}*{value}={product} {times}*{modulus}={times * modulus}"
            script.end(" " + check(f"{computed} {product}-{times * modulus}", product % modulus, target))
            found.append(value)
            target = value
        script.end(f"Answer: {joined(found)}")
