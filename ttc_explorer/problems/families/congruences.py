"""A chain of congruences: every unknown is found from the one before, each with its own check."""

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
    format_values,
)
from ttc_explorer.problems.families.typed_problem_parser import EQUATION_WORDS, Question

Parameters = tuple[int, int, tuple[int, ...]]
UNKNOWNS = "abcdef"
_VOCABULARY = EQUATION_WORDS | set(
    word_list(
        "arithmetic both congruence congruences congruent everything linear residue residues system"
    )
)


@family
class CongruencesFamily(Family):
    """``parameters``: a prime modulus m, the first right side, and the coefficients.

    ``3a=4, 5b=a`` modulo 7: a solves the first, b the second, and so on.
    """

    name = "congruences"
    title = "Chain of congruences"
    kind = "several decisions"
    errors_visible_at = "every"
    templates = (
        "Modulo {modulus} solve {equations}.",
        "Working modulo {modulus}, find {unknowns} with {equations}.",
        "Solve {equations} (mod {modulus}).",
    )
    slots: ClassVar[Mapping[str, str]] = {
        "modulus": r"\d{1,2}",
        "equations": r"[\da-f=,]+",
        "unknowns": r"[a-f](?:,[a-f])*",
    }

    def draw(self, rng: Random, level: int) -> Parameters:
        modulus, count = rng.choice(
            (((5, 3),), ((5, 4), (7, 3)), ((7, 4),), ((7, 5), (11, 3)), ((11, 5),))[level - 1]
        )
        return (
            modulus,
            rng.randint(1, modulus - 1),
            tuple(rng.randint(2, modulus - 1) for _ in range(count)),
        )

    def fill_slots(self, parameters: Parameters) -> dict[str, str]:
        modulus, first, coefficients = parameters
        rights = [str(first), *UNKNOWNS]
        equations = (f"{c}{u}={r}" for c, u, r in zip(coefficients, UNKNOWNS, rights, strict=False))
        return {
            "modulus": str(modulus),
            "equations": ", ".join(equations),
            "unknowns": ", ".join(UNKNOWNS[: len(coefficients)]),
        }

    def parse_slots(self, slots: Mapping[str, str]) -> Parameters | None:
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

    def parse_question(self, question: Question) -> Parameters | None:
        moduli, equations = question.values_of("modulus"), question.values_of("equation")
        unknowns = sorted({unknown for equation in equations for unknown in equation.unknowns})
        count = len(equations)
        known = question.uses_only_words(_VOCABULARY, unknowns) and question.has_exactly(
            count, equation=count, modulus=len(moduli)
        )
        if not known or len(set(moduli)) != 1 or len(unknowns) != count:
            return None
        written, before = [], ""
        for i, equation in enumerate(sorted(equations, key=lambda equation: equation.unknowns[-1])):
            coefficient, link = (
                equation.coefficients.get(unknowns[i], 0),
                equation.coefficients.get(before, 0),
            )
            if (
                set(equation.coefficients) != {unknowns[i], before}
                or (i and abs(link) != 1)
                or coefficient * link >= 0
            ):
                return None
            right = UNKNOWNS[i - 1] if i else abs(link)
            written.append(f"{abs(coefficient)}{UNKNOWNS[i % len(UNKNOWNS)]}={right}")
            before = unknowns[i]
        return self.from_slots(modulus=str(moduli[0]), equations=",".join(written))

    def write_solution(self, parameters: Parameters, writer: SolutionWriter) -> None:
        modulus, target, coefficients = parameters
        found = []
        for unknown, coefficient in zip(UNKNOWNS, coefficients, strict=False):
            right = target * pow(coefficient, -1, modulus) % modulus
            writer.write(f"{unknown}=")
            value = writer.decide(right, lambda rng: rng.randint(1, modulus - 1))
            product = coefficient * value
            times = product // modulus
            computed = f"{coefficient}*{value}={product} {times}*{modulus}={times * modulus}"
            writer.end(
                " "
                + format_check(f"{computed} {product}-{times * modulus}", product % modulus, target)
            )
            found.append(value)
            target = value
        writer.end(f"Answer: {format_values(found)}")
