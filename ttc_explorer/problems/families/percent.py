"""Percentages: a part, a changed price, or the price before the change; computing, then a check.

All percentages are multiples of 5, so that everything is counted in units of 5 %: 15 % of 80 is three units
of 80/20.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from ttc_explorer.problems.families.family import Family
from ttc_explorer.problems.families.script import Script, check, near
from ttc_explorer.problems.families.understanding import FILLER, Question
from ttc_explorer.problems.notation import words

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
        kinds = ((PART,), (PART,), (RISE, FALL), (BEFORE_RISE, BEFORE_FALL), (RISE, FALL))[level - 1]
        kind = rng.choice(kinds)
        units = rng.randint(1, (10, 19, 10, 10, 15)[level - 1])
        unit = rng.randint(1, (15, 15, 12, 12, 15)[level - 1])
        return kind, UNIT * units, unit * _told_units(kind, units)

    def fill(self, given: Given) -> dict[str, str]:
        return {given[0]: str(given[1]), "number": str(given[2])}

    def read(self, slots: Mapping[str, str]) -> Given | None:
        kind = next(name for name in slots if name != "number")
        percent, number = int(slots[kind]), int(slots["number"])
        told = _told_units(kind, percent // UNIT)
        whole = percent and number and percent % UNIT == 0 and told > 0 and number % told == 0
        return (kind, percent, number) if whole else None

    def understand(self, question: Question) -> Given | None:
        if not question.holds(0, percent=1, numbers=1) or len(question.of("numbers")[0]) != 1:
            return None
        kind = _asked(question)
        told = {kind or PART: str(question.of("percent")[0]), "number": str(question.of("numbers")[0][0])}
        return self.take(**told) if kind else None

    def write(self, given: Given, script: Script) -> None:
        kind, percent, number = given
        units = percent // UNIT
        told = _told_units(kind, units)
        asked = {PART: units, RISE: UNITS + units, FALL: UNITS - units}.get(kind, UNITS)
        script.say(f"{UNIT}% is {number}/{told}=")
        unit = script.decide(number // told, near(number // told, 1))
        script.end(" " + check(_product(told, unit), told * unit, number))
        value = asked * unit
        script.say(f"{_product(asked, unit)}=")
        result = script.decide(value, near(value, 1))
        script.end()
        # The same product by the other factor's parts: another way, which can disagree.
        script.end(check(_product(unit, asked), value, result))
        script.end(f"Answer: {result}")


def _product(a: int, b: int) -> str:
    """a * b by the tens and ones of a, its result left to who reads on.

    >>> _product(27, 13), _product(8, 13)
    ('20*13=260 7*13=91 260+91', '8*13')
    """
    tens, ones = a // 10 * 10, a % 10
    if not tens or not ones:
        return f"{a}*{b}"
    return f"{tens}*{b}={tens * b} {ones}*{b}={ones * b} {tens * b}+{ones * b}"


_RISES = frozenset(
    words(
        """
        climb climbed climbs dearer grew grow grown grows higher increase increased increases increasing
        raise raised raises rise risen rises rose up
        """
    )
)
_FALLS = frozenset(
    words(
        """
        cheaper cut decrease decreased decreases decreasing discount discounted down drop dropped drops fall
        fallen falls fell less lower lowered lowers off reduced reduces reducing reduction
        """
    )
)
_BEFORE = frozenset(words("before earlier formerly initial initially old original originally"))
_AFTER = frozenset(
    words(
        """
    after afterwards discounted final finally later new now pay reduced sale selling
    """
    )
)
_AMOUNT = frozenset(words("amount cheaper difference higher less lower more saved"))
_ASKING = frozenset(words("calculate compute determine find how what which"))
_ELSEWHERE = frozenset(
    words("""
    again annual annually another average both double each every fraction half interest left loss month
    monthly months neither never next no not other others per profit ratio remain remaining remains rest
    save saved saves saving savings than times twice without year yearly years
    """)
)
"""Words of questions about something else, or about more than one percentage."""
_STORY = frozenset(
    words("""
    becomes bought but cost costs dollar dollars euro euros expensive goes item many much people percentage
    price priced prices sold some was went were worth
    """)
)
MOST_UNKNOWN = 5
"""Unknown words in a story: what is sold, and where."""


def _asked(question: Question) -> str | None:
    """The kind of question, if it is sure."""
    words = question.words
    rises, falls = words & _RISES or "expensive" in words, words & _FALLS
    if words & _ELSEWHERE or (rises and falls):
        return None
    asking = [clause for clause in question.clauses if {token.text for token in clause} & _ASKING]
    asking = {token.text for clause in asking or question.clauses[-1:] for token in clause}
    if not rises and not falls:
        return PART if _plain_part(question) or _told_part(question, asking) else None
    known = _RISES | _FALLS | _BEFORE | _AFTER | _STORY | FILLER
    if len(words - known) > MOST_UNKNOWN or asking & _AMOUNT:
        return None
    if asking & _BEFORE:
        sure = not asking & {"after", "afterwards", "new", "now"}
        return (BEFORE_RISE if rises else BEFORE_FALL) if sure else None
    told_after = "after" in words and "after" not in asking
    if asking & _AFTER and not told_after and not words & _BEFORE - {"originally", "initially"}:
        return RISE if rises else FALL
    costs = not asking.isdisjoint(("cost", "costs", "price", "worth")) and asking.isdisjoint(("did", "was"))
    if costs and not told_after and not words & _BEFORE - {"originally", "initially"}:
        return RISE if rises else FALL
    changed = [token.text or token.kind for token in question.tokens]
    at = changed.index("percent")
    by = changed[at - 1 : at] == ["by"] and "numbers" in changed[:at]
    return (RISE if rises else FALL) if by and words <= known - _STORY - {"up", "down"} else None


def _plain_part(question: Question) -> bool:
    """Whether it is "15 % of 80" with nothing but filler around."""
    row = [token.text or token.kind for token in question.tokens if token.text != "the"]
    at = row.index("percent")
    return row[at + 1 : at + 3] == ["of", "numbers"] and question.says_only({"much", "number"})


def _told_part(question: Question, asking: set[str]) -> bool:
    """Whether a number of things is told, what a percentage of them does, and how many do that."""
    if not {"how", "many"} <= asking:
        return False
    clause = next(clause for clause in question.clauses if any(token.kind == "percent" for token in clause))
    at = next(i for i, token in enumerate(clause) if token.kind == "percent")
    said = [token.text for token in clause[at + 1 :]]
    told = [part for part in question.clauses if not asking.issuperset(token.text for token in part)]
    elsewhere = {token.text for part in told for token in (part[:at] if part is clause else part)}
    doing = set(said) - FILLER
    if said[:1] == ["of"]:
        whole = [word for word in said[1:4] if word != "the"][:1]
        if not whole or whole[0] not in elsewhere | {"them", "these", "those", "which", "whom"}:
            return False
    asked = asking - FILLER - {"many", "?"}
    return bool(asked & doing - elsewhere) and asked <= doing | elsewhere


def _told_units(kind: str, units: int) -> int:
    """How many units of 5 % the number that is told amounts to, if the change is ``units``."""
    return {BEFORE_RISE: UNITS + units, BEFORE_FALL: UNITS - units}.get(kind, UNITS)
