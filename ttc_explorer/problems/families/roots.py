"""A chain of quadratics, each with one positive unknown and the one before it; each shows its own
check."""

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
    format_signed_term,
    format_sum,
    format_values,
    near_miss,
)
from ttc_explorer.problems.families.typed_problem_parser import EQUATION_WORDS, Question

Parameters = tuple[tuple[int, int], ...]
UNKNOWNS = "abcde"


@family
class RootsFamily(Family):
    """``parameters``: for each unknown u its linear coefficient and its right side: u^2+3u(+one
    before)=28."""

    name = "roots"
    title = "Chain of quadratics"
    kind = "several decisions"
    errors_visible_at = "every"
    templates = (
        "Find positive integers with {equations}.",
        "Solve {equations} in positive integers.",
        "Which positive integers {unknowns} satisfy {equations}?",
    )
    slots: ClassVar[Mapping[str, str]] = {
        "equations": r"[-+\da-e^=,]+",
        "unknowns": r"[a-e](?:,[a-e])*",
    }

    def draw(self, rng: Random, level: int) -> Parameters:
        count, reach, linear = ((2, 7, 5), (3, 7, 5), (4, 9, 8), (3, 10, 9), (4, 12, 9))[level - 1]
        before, parameters = 0, []
        for _ in range(count):
            value, coefficient = rng.randint(2, reach), rng.randint(1, linear)
            parameters.append((coefficient, value * value + coefficient * value + before))
            before = value
        return tuple(parameters)

    def fill_slots(self, parameters: Parameters) -> dict[str, str]:
        equations = []
        for i, (coefficient, right) in enumerate(parameters):
            unknown = UNKNOWNS[i]
            before = f"+{UNKNOWNS[i - 1]}" if i else ""
            equations.append(
                f"{unknown}^2{format_signed_term(coefficient, unknown)}{before}={right}"
            )
        return {
            "equations": ", ".join(equations),
            "unknowns": ", ".join(UNKNOWNS[: len(parameters)]),
        }

    def parse_slots(self, slots: Mapping[str, str]) -> Parameters | None:
        parameters, before = [], 0
        for i, equation in enumerate(slots["equations"].split(",")):
            if i >= len(UNKNOWNS):
                return None
            unknown = UNKNOWNS[i]
            tail = rf"\+{UNKNOWNS[i - 1]}" if i else ""
            match = re.fullmatch(rf"{unknown}\^2\+(\d{{0,2}}){unknown}{tail}=(\d{{1,4}})", equation)
            if not match:
                return None
            coefficient, right = int(match[1] or 1), int(match[2])
            value = _positive_root(coefficient, right - before)
            if not value:
                return None
            parameters.append((coefficient, right))
            before = value
        return tuple(parameters)

    def parse_question(self, question: Question) -> Parameters | None:
        count = len(question.values_of("equation"))
        known = EQUATION_WORDS | set(
            word_list("both integer integers natural pair positive system whole")
        )
        equations = sorted(
            question.equations(count, count, known), key=lambda equation: equation.unknowns[-1:]
        )
        if count < 2 or question.words.isdisjoint({"positive", "natural"}):
            return None
        parameters, before = [], ""
        for equation in equations:
            unknown = equation.unknowns[-1]
            square, linear, link, right = (
                equation.coefficients.get(what, 0)
                for what in (f"{unknown}^2", unknown, before or "none", "")
            )
            if (
                abs(square) != 1
                or link != (square if before else 0)
                or len(equation.coefficients) > 3 + bool(before)
            ):
                return None
            parameters.append((linear * square, -right * square))
            before = unknown
        return self.from_slots(
            equations=self.fill_slots(tuple(parameters))["equations"].replace(" ", "")
        )

    def write_solution(self, parameters: Parameters, writer: SolutionWriter) -> None:
        found: list[int] = []
        for i, (coefficient, right) in enumerate(parameters):
            before = found[-1] if found else 0
            best = max(1, _nearest_root(coefficient, right - before))
            writer.write(f"{UNKNOWNS[i]}=")
            value = writer.decide(best, near_miss(best, 1))
            square, linear = value * value, coefficient * value
            terms = format_sum([square, linear, before] if i else [square, linear])
            computed = f"{value}*{value}={square} {coefficient}*{value}={linear} {terms}"
            writer.end(" " + format_check(computed, square + linear + before, right))
            found.append(value)
        writer.end(f"Answer: {format_values(found)}")


def _nearest_root(coefficient: int, right: int) -> int:
    """The integer nearest to the positive root of u^2 + coefficient·u = right."""
    return round((-coefficient + max(0, coefficient**2 + 4 * right) ** 0.5) / 2)


def _positive_root(coefficient: int, right: int) -> int | None:
    root = _nearest_root(coefficient, right)
    return root if root > 0 and root * root + coefficient * root == right else None
