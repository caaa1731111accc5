"""Percentages: a part, a changed price, or the price before the change; computing, then a check."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from ttc_explorer.problems.families.family import Family
from ttc_explorer.problems.families.script import Script, check, near

Given = tuple[str, int, int]
PART, RISE, FALL, BEFORE_RISE, BEFORE_FALL = "part", "rise", "fall", "before_rise", "before_fall"


class Percent(Family):
    """``given``: the kind of question, the percentage, and the number; the answer is an integer."""

    name = "percent"
    title = "Percentages"
    kind = "computing"
    shown = "end"
    phrasings = (
        "What is {part}% of {number}?",
        "Compute {part}% of {number}.",
        "A price of {number} rises by {rise}%. What is the new price?",
        "What is {number} increased by {rise}%?",
        "A price of {number} falls by {fall}%. What is the new price?",
        "What is {number} decreased by {fall}%?",
        "After a rise of {before_rise}% a price is {number}. What was it before?",
        "Which number increased by {before_rise}% gives {number}?",
        "After a discount of {before_fall}% a price is {number}. What was it before?",
        "Which number decreased by {before_fall}% gives {number}?",
    )
    slots: Mapping[str, str] = {
        "number": r"\d{1,4}",
        **dict.fromkeys((PART, RISE, FALL, BEFORE_RISE, BEFORE_FALL), r"\d{1,3}"),
    }

    def draw(self, rng: Random, level: int) -> Given:
        kinds = ((PART,), (PART,), (PART, RISE, FALL), (RISE, FALL), (BEFORE_RISE, BEFORE_FALL))[level - 1]
        percents = ((10, 20, 50), (5, 15, 25, 30, 40, 60), range(5, 100, 5), range(2, 96), range(5, 80, 5))
        while True:
            kind, percent = rng.choice(kinds), rng.choice(percents[level - 1])
            number = rng.randint(4, (100, 100, 200, 200, 200)[level - 1])
            if number * percent % 100 == 0:
                change = number * percent // 100
                after = {BEFORE_RISE: number + change, BEFORE_FALL: number - change}
                return kind, percent, after.get(kind, number)

    def fill(self, given: Given) -> dict[str, str]:
        return {given[0]: str(given[1]), "number": str(given[2])}

    def read(self, slots: Mapping[str, str]) -> Given | None:
        kind = next(name for name in slots if name != "number")
        given = (kind, int(slots[kind]), int(slots["number"]))
        return given if self._exact(given) else None

    def _exact(self, given: Given) -> bool:
        kind, percent, number = given
        factor = {BEFORE_RISE: 100 + percent, BEFORE_FALL: 100 - percent}.get(kind)
        if factor is None:
            return number * percent % 100 == 0
        return factor > 0 and number * 100 % factor == 0

    def write(self, given: Given, script: Script) -> None:
        kind, percent, number = given
        factor = {PART: percent, RISE: 100 + percent, FALL: 100 - percent}.get(kind)
        if factor is not None:
            if kind != PART:
                script.say(f"100{'+' if kind == RISE else '-'}{percent}=")
                factor = script.decide(factor, near(factor, 1))
                script.end()
            script.say(f"{factor}*{number}=")
            product = script.decide(factor * number, near(factor * number, 1))
            script.end()
            script.say(f"{product}/100=")
            value = script.decide(round(product / 100), near(round(product / 100), 1))
            script.end(" " + check(f"100*{value}", 100 * value, factor * number, f"{factor}*{number}"))
        else:
            right = 100 + percent if kind == BEFORE_RISE else 100 - percent
            script.say(f"100{'+' if kind == BEFORE_RISE else '-'}{percent}=")
            factor = script.decide(right, near(right, 1))
            script.end()
            script.say(f"100*{number}/{factor}=")
            best = round(100 * number / factor)
            value = script.decide(best, near(best, 1))
            script.end()
            script.end(check(f"{factor}*{value}", factor * value, 100 * number, f"100*{number}"))
        script.end(f"Answer: {value}")
