"""Subset sum: pick numbers, largest first, until nothing rests; only the end shows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from random import Random
from typing import ClassVar

from ttc_explorer.problems.canonical_wording import word_list
from ttc_explorer.problems.families.family import Family, family
from ttc_explorer.problems.families.solution_writer import (
    SolutionWriter,
    format_check,
    format_sum,
    format_values,
    one_of,
)
from ttc_explorer.problems.families.typed_problem_parser import Question

Parameters = tuple[tuple[int, ...], int]
_CUE_WORDS = frozenset(
    word_list("add adding adds sum summing sums together total totals totalling")
)
_VOCABULARY = _CUE_WORDS | set(
    word_list("""
    below choose choosing collection elements equals few list number obtain pick picking possible
    reach select selecting selection set some subset sum summing take target together up way whose
    you
    """)
)


@family
class SubsetFamily(Family):
    """``parameters``: different numbers, ascending, and the sum that some of them must have."""

    name = "subset"
    title = "Subset sum"
    kind = "several decisions"
    errors_visible_at = "end"
    ordered = False
    templates = (
        "Pick from {numbers} numbers that sum to {target}.",
        "Which of {numbers} add up to {target}?",
        "Choose some of {numbers} with sum {target}.",
    )
    slots: ClassVar[Mapping[str, str]] = {"numbers": r"\d{1,2}(?:,\d{1,2})+", "target": r"\d{1,3}"}

    def draw(self, rng: Random, level: int) -> Parameters:
        count, picked, largest = ((4, 2, 10), (5, 2, 15), (5, 3, 18), (6, 3, 24), (7, 3, 30))[
            level - 1
        ]
        numbers = tuple(sorted(rng.sample(range(2, largest + 1), count)))
        return numbers, sum(rng.sample(numbers, picked))

    def fill_slots(self, parameters: Parameters) -> dict[str, str]:
        return {"numbers": ", ".join(map(str, parameters[0])), "target": str(parameters[1])}

    def parse_slots(self, slots: Mapping[str, str]) -> Parameters | None:
        numbers = tuple(sorted(set(map(int, slots["numbers"].split(",")))))
        parameters = (numbers, int(slots["target"]))
        return parameters if len(numbers) <= 10 and _smallest_subset(*parameters) else None

    def parse_question(self, question: Question) -> Parameters | None:
        choice = question.choice()
        if (
            not choice
            or "all" in question.words
            or not question.uses_only_words(_VOCABULARY)
            or question.words.isdisjoint(_CUE_WORDS)
        ):
            return None
        return self.from_slots(numbers=",".join(map(str, choice[0])), target=str(choice[1]))

    def write_solution(self, parameters: Parameters, writer: SolutionWriter) -> None:
        numbers, target = parameters
        rest = target
        picked: list[int] = []
        right = _smallest_subset(numbers, target)
        while rest > 0:
            left = [n for n in numbers if n <= rest and (not picked or n < picked[-1])]
            if not left:
                break
            right = _smallest_subset(left, rest) or left[-1:]
            pick = writer.decide(right[0], one_of(left[-4:]))
            picked.append(pick)
            writer.end(f" {rest}-{pick}={rest - pick}")
            rest -= pick
        writer.end("sum " + format_check(format_sum(picked), sum(picked), target))
        writer.end(f"Answer: {format_values(picked)}")

    def is_correct(self, parameters: Parameters, answer: str) -> bool:
        """Any subset with the sum, in any order."""
        if not re.fullmatch(r"\s*\d{1,3}(\s*,\s*\d{1,3})*\s*", answer):
            return False
        picked = [int(n) for n in re.findall(r"\d+", answer)]
        return (
            len(set(picked)) == len(picked)
            and set(picked) <= set(parameters[0])
            and sum(picked) == parameters[1]
        )

    def is_correct_prefix(self, parameters: Parameters, steps: Sequence[str]) -> bool:
        """The numbers picked so far are different, are there, and can be completed; what rests is
        true."""
        numbers, target = parameters
        left, rest = list(numbers), target
        for step in steps:
            if step.startswith("Answer:"):
                return self.is_correct(parameters, step.removeprefix("Answer:"))
            if step.startswith("sum"):
                if rest:
                    return False
                continue
            match = re.fullmatch(r"(\d{1,3}) \d{1,4}-\d{1,3}=(\d{1,4})", step)
            if not match or int(match[1]) not in left or int(match[2]) != rest - int(match[1]):
                return False
            left.remove(int(match[1]))
            rest = int(match[2])
        return rest == 0 or _smallest_subset(left, rest) is not None


def _smallest_subset(numbers: Sequence[int], target: int) -> list[int] | None:
    """The smallest subset with this sum, descending (of equally small ones that with the largest
    numbers)."""
    descending = sorted(numbers, reverse=True)
    for size in range(1, len(descending) + 1):
        for picked in combinations(descending, size):
            if sum(picked) == target:
                return list(picked)
    return None
