"""Subset sum: pick numbers, largest first, until nothing rests; only the end shows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from random import Random

from ttc_explorer.problems.families.family import Family
from ttc_explorer.problems.families.script import Script, check, joined, summed
from ttc_explorer.problems.families.understanding import Question
from ttc_explorer.problems.notation import words

Given = tuple[tuple[int, ...], int]
_CUES = frozenset(words("add adding adds sum summing sums together total totals totalling"))
_WORDS = _CUES | set(
    words("""
    below choose choosing collection elements equals few list number obtain pick picking possible reach
    select selecting selection set some subset sum summing take target together up way whose you
    """)
)


class Subset(Family):
    """``given``: different numbers, ascending, and the sum that some of them must have."""

    name = "subset"
    title = "Subset sum"
    kind = "several decisions"
    shown = "end"
    ordered = False
    phrasings = (
        "Pick from {numbers} numbers that sum to {target}.",
        "Which of {numbers} add up to {target}?",
        "Choose some of {numbers} with sum {target}.",
    )
    slots: Mapping[str, str] = {"numbers": r"\d{1,2}(?:,\d{1,2})+", "target": r"\d{1,3}"}

    def draw(self, rng: Random, level: int) -> Given:
        count, picked, largest = ((4, 2, 10), (5, 2, 15), (5, 3, 18), (6, 3, 24), (7, 3, 30))[level - 1]
        numbers = tuple(sorted(rng.sample(range(2, largest + 1), count)))
        return numbers, sum(rng.sample(numbers, picked))

    def fill(self, given: Given) -> dict[str, str]:
        return {"numbers": ", ".join(map(str, given[0])), "target": str(given[1])}

    def read(self, slots: Mapping[str, str]) -> Given | None:
        numbers = tuple(sorted(set(map(int, slots["numbers"].split(",")))))
        given = (numbers, int(slots["target"]))
        return given if len(numbers) <= 10 and _subset(*given) else None

    def understand(self, question: Question) -> Given | None:
        choice = question.choice()
        if (
            not choice
            or "all" in question.words
            or not question.says_only(_WORDS)
            or question.words.isdisjoint(_CUES)
        ):
            return None
        return self.take(numbers=",".join(map(str, choice[0])), target=str(choice[1]))

    def write(self, given: Given, script: Script) -> None:
        numbers, target = given
        rest, picked = target, []
        right = _subset(numbers, target)
        while rest > 0:
            left = [n for n in numbers if n <= rest and (not picked or n < picked[-1])]
            if not left:
                break
            right = _subset(left, rest) or left[-1:]
            pick = script.decide(right[0], lambda rng, near=left[-4:]: rng.choice(near))
            picked.append(pick)
            script.end(f" {rest}-{pick}={rest - pick}")
            rest -= pick
        script.end("sum " + check(summed(picked), sum(picked), target))
        script.end(f"Answer: {joined(picked)}")

    def right(self, given: Given, answer: str) -> bool:
        """Any subset with the sum, in any order."""
        if not re.fullmatch(r"\s*\d{1,3}(\s*,\s*\d{1,3})*\s*", answer):
            return False
        picked = [int(n) for n in answer.split(",")]
        return len(set(picked)) == len(picked) and set(picked) <= set(given[0]) and sum(picked) == given[1]

    def consistent(self, given: Given, steps: Sequence[str]) -> bool:
        """The numbers picked so far are different, are there, and can be completed; what rests is true."""
        numbers, target = given
        left, rest = list(numbers), target
        for step in steps:
            if step.startswith("Answer:"):
                return self.right(given, step.removeprefix("Answer:"))
            if step.startswith("sum"):
                if rest:
                    return False
                continue
            match = re.fullmatch(r"(\d{1,3}) \d{1,4}-\d{1,3}=(\d{1,4})", step)
            if not match or int(match[1]) not in left or int(match[2]) != rest - int(match[1]):
                return False
            left.remove(int(match[1]))
            rest = int(match[2])
        return rest == 0 or _subset(left, rest) is not None


def _subset(numbers: Sequence[int], target: int) -> list[int] | None:
    """The smallest subset with this sum, descending (of equally small ones that with the largest numbers)."""
    descending = sorted(numbers, reverse=True)
    for size in range(1, len(descending) + 1):
        for picked in combinations(descending, size):
            if sum(picked) == target:
                return list(picked)
    return None
