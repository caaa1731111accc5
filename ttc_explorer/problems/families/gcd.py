"""Greatest common divisor by Euclid's rule: computing, then a check that both numbers are multiples.

The check cannot see a common divisor that is not the greatest: whoever judges by the printed checks alone
is fooled here.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd
from random import Random

from ttc_explorer.problems.families.family import Family
from ttc_explorer.problems.families.script import Script, check, near
from ttc_explorer.problems.families.understanding import Question
from ttc_explorer.problems.notation import words

Given = tuple[int, int]
_GREATEST = frozenset(words("biggest greatest highest largest"))
_DIVISOR = frozenset(words("divide divided divides dividing divisible divisor factor"))
_WORDS = (
    _GREATEST
    | _DIVISOR
    | set(
        words(
            """
            algorithm at between both common exactly euclid euclidean evenly gcd gcf hcf integer number
            whole
            """
        )
    )
)


class Gcd(Family):
    """``given``: two different numbers, the larger first."""

    name = "gcd"
    title = "Greatest common divisor"
    kind = "computing"
    shown = "end"
    phrasings = (
        "Find the greatest common divisor of {m} and {n}.",
        "What is gcd({m}, {n})?",
        "Which is the largest number that divides both {m} and {n}?",
    )
    slots: Mapping[str, str] = {"m": r"\d{1,3}", "n": r"\d{1,3}"}

    def draw(self, rng: Random, level: int) -> Given:
        largest, divisor = ((30, 8), (42, 10), (56, 12), (75, 15), (99, 18))[level - 1]
        while True:
            common = rng.randint(2, divisor)
            m, n = (common * rng.randint(1, largest // common) for _ in range(2))
            if m != n:
                return max(m, n), min(m, n)

    def fill(self, given: Given) -> dict[str, str]:
        return {"m": str(given[0]), "n": str(given[1])}

    def read(self, slots: Mapping[str, str]) -> Given | None:
        m, n = sorted((int(slots["m"]), int(slots["n"])), reverse=True)
        return (m, n) if m > n > 0 else None

    def understand(self, question: Question) -> Given | None:
        lists = question.of("numbers")
        numbers = [number for part in lists for number in part]
        named = not question.words.isdisjoint({"gcd", "gcf", "hcf"})
        described = question.words & _GREATEST and question.words & _DIVISOR
        known = question.holds(2, numbers=len(lists)) and question.says_only(_WORDS)
        if len(numbers) != 2 or not known or not (named or described):
            return None
        return self.take(m=str(numbers[0]), n=str(numbers[1]))

    def write(self, given: Given, script: Script) -> None:
        m, n = given
        while n:
            script.say(f"{m}-{m // n}*{n}={m}-{m // n * n}=")
            rest = script.decide(m % n, near(m % n, 0))
            script.end()
            # A slip may leave a rest that is not smaller; Euclid's rule goes on all the same.
            m, n = max(n, rest), min(n, rest)
        for number in given:
            times = round(number / m)
            script.end(check(f"{times}*{m}", times * m, number))
        script.end(f"Answer: {m}")

    def answer(self, given: Given) -> str:
        return str(gcd(*given))
