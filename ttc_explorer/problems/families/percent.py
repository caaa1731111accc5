"""Percentages: a part, a changed price, or the price before the change; computing, then a check.

All percentages are multiples of 5, so that everything is counted in units of 5 %: 15 % of 80 is three units
of 80/20.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from ttc_explorer.problems.families.family import Family
from ttc_explorer.problems.families.script import Script, check, near

Given = tuple[str, int, int]
PART, RISE, FALL, BEFORE_RISE, BEFORE_FALL = "part", "rise", "fall", "before_rise", "before_fall"
UNIT, UNITS = 5, 20
"""Percent a unit, and units in the whole."""


class Percent(Family):
    """``given``: the kind of question, the percentage, and the number that is told."""

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
        kinds = ((PART,), (PART,), (RISE, FALL), (RISE, FALL), (BEFORE_RISE, BEFORE_FALL))[level - 1]
        kind = rng.choice(kinds)
        units = rng.randint(1, (10, 19, 8, 15, 10)[level - 1])
        unit = rng.randint(1, (9, 9, 9, 12, 9)[level - 1])
        return kind, UNIT * units, unit * _told_units(kind, units)

    def fill(self, given: Given) -> dict[str, str]:
        return {given[0]: str(given[1]), "number": str(given[2])}

    def read(self, slots: Mapping[str, str]) -> Given | None:
        kind = next(name for name in slots if name != "number")
        percent, number = int(slots[kind]), int(slots["number"])
        told = _told_units(kind, percent // UNIT)
        whole = percent and number and percent % UNIT == 0 and told > 0 and number % told == 0
        return (kind, percent, number) if whole else None

    def write(self, given: Given, script: Script) -> None:
        kind, percent, number = given
        units = percent // UNIT
        told = _told_units(kind, units)
        asked = {PART: units, RISE: UNITS + units, FALL: UNITS - units}.get(kind, UNITS)
        script.say(f"{UNIT}% is {number}/{told}=")
        unit = script.decide(number // told, near(number // told, 1))
        script.end(" " + check(f"{told}*{unit}", told * unit, number))
        value = asked * unit
        script.say(f"{asked}*{unit}=")
        result = script.decide(value, near(value, 1))
        script.end()
        script.end(check(f"{result}/{unit}", round(result / unit), asked))
        script.end(f"Answer: {result}")


def _told_units(kind: str, units: int) -> int:
    """How many units of 5 % the number that is told amounts to, if the change is ``units``."""
    return {BEFORE_RISE: UNITS + units, BEFORE_FALL: UNITS - units}.get(kind, UNITS)
