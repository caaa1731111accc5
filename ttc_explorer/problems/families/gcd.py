"""Greatest common divisor by Euclid's rule: computing, then a check that both numbers are
multiples.

The check cannot see a common divisor that is not the greatest: whoever judges by the printed checks
alone is fooled here.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd
from random import Random
from typing import ClassVar

from ttc_explorer.problems.canonical_wording import word_list
from ttc_explorer.problems.families.family import Family, family
from ttc_explorer.problems.families.solution_writer import SolutionWriter, format_check, near_miss
from ttc_explorer.problems.families.typed_problem_parser import Question

Parameters = tuple[int, int]
_GREATEST_WORDS = frozenset(word_list("biggest greatest highest largest"))
_DIVISOR_WORDS = frozenset(word_list("divide divided divides dividing divisible divisor factor"))
_VOCABULARY = (
    _GREATEST_WORDS
    | _DIVISOR_WORDS
    | set(
        word_list(
            """
            algorithm at between both common exactly euclid euclidean evenly gcd gcf hcf integer
            number whole
            """
        )
    )
)


@family
class GcdFamily(Family):
    """``parameters``: two different numbers, the larger first."""

    name = "gcd"
    title = "Greatest common divisor"
    kind = "computing"
    errors_visible_at = "end"
    templates = (
        "Find the greatest common divisor of {m} and {n}.",
        "What is gcd({m}, {n})?",
        "Which is the largest number that divides both {m} and {n}?",
    )
    slots: ClassVar[Mapping[str, str]] = {"m": r"\d{1,3}", "n": r"\d{1,3}"}

    def draw(self, rng: Random, level: int) -> Parameters:
        largest, divisor = ((30, 8), (42, 10), (56, 12), (75, 15), (99, 18))[level - 1]
        while True:
            common = rng.randint(2, divisor)
            m, n = (common * rng.randint(1, largest // common) for _ in range(2))
            if m != n:
                return max(m, n), min(m, n)

    def fill_slots(self, parameters: Parameters) -> dict[str, str]:
        return {"m": str(parameters[0]), "n": str(parameters[1])}

    def parse_slots(self, slots: Mapping[str, str]) -> Parameters | None:
        m, n = sorted((int(slots["m"]), int(slots["n"])), reverse=True)
        return (m, n) if m > n > 0 else None

    def parse_question(self, question: Question) -> Parameters | None:
        lists = question.values_of("numbers")
        numbers = [number for part in lists for number in part]
        named = not question.words.isdisjoint({"gcd", "gcf", "hcf"})
        described = question.words & _GREATEST_WORDS and question.words & _DIVISOR_WORDS
        known = question.has_exactly(2, numbers=len(lists)) and question.uses_only_words(
            _VOCABULARY
        )
        if len(numbers) != 2 or not known or not (named or described):
            return None
        return self.from_slots(m=str(numbers[0]), n=str(numbers[1]))

    def write_solution(self, parameters: Parameters, writer: SolutionWriter) -> None:
        m, n = parameters
        while n:
            writer.write(f"{m}-{m // n}*{n}={m}-{m // n * n}=")
            rest = writer.decide(m % n, near_miss(m % n, 0))
            writer.end()
            # An error may leave a rest that is not smaller; Euclid's rule goes on all the same.
            m, n = max(n, rest), min(n, rest)
        for number in parameters:
            times = round(number / m)
            writer.end(format_check(f"{times}*{m}", times * m, number))
        writer.end(f"Answer: {m}")

    def answer(self, parameters: Parameters) -> str:
        return str(gcd(*parameters))
