"""Percentages: a part, a changed price, or the price before the change; computing, then a check.

All percentages are multiples of 5, so that everything is counted in units of 5 %: 15 % of 80 is
three units of 80/20.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from ttc_explorer.problems.canonical_wording import word_list
from ttc_explorer.problems.families.family import Family, family
from ttc_explorer.problems.families.solution_writer import SolutionWriter, format_check, near_miss
from ttc_explorer.problems.families.typed_problem_parser import FILLER_WORDS, Question

Parameters = tuple[str, int, int]
PART, RISE, FALL, BEFORE_RISE, BEFORE_FALL = "part", "rise", "fall", "before_rise", "before_fall"
UNIT, UNITS = 5, 20
"""Percent a unit, and units in the whole."""


@family
class PercentFamily(Family):
    """``parameters``: the kind of question, the percentage, and the known number."""

    name = "percent"
    title = "Percentages"
    kind = "computing"
    errors_visible_at = "end"
    templates = (
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
    slots: ClassVar[Mapping[str, str]] = {
        "number": r"\d{1,4}",
        **dict.fromkeys((PART, RISE, FALL, BEFORE_RISE, BEFORE_FALL), r"\d{1,3}"),
    }

    def draw(self, rng: Random, level: int) -> Parameters:
        kinds = ((PART,), (PART,), (RISE, FALL), (BEFORE_RISE, BEFORE_FALL), (RISE, FALL))[
            level - 1
        ]
        kind = rng.choice(kinds)
        units = rng.randint(1, (10, 19, 10, 10, 15)[level - 1])
        unit = rng.randint(1, (15, 15, 12, 12, 15)[level - 1])
        return kind, UNIT * units, unit * _units_in_known_number(kind, units)

    def fill_slots(self, parameters: Parameters) -> dict[str, str]:
        return {parameters[0]: str(parameters[1]), "number": str(parameters[2])}

    def parse_slots(self, slots: Mapping[str, str]) -> Parameters | None:
        kind = next(name for name in slots if name != "number")
        percent, number = int(slots[kind]), int(slots["number"])
        known = _units_in_known_number(kind, percent // UNIT)
        whole = percent and number and percent % UNIT == 0 and known > 0 and number % known == 0
        return (kind, percent, number) if whole else None

    def parse_question(self, question: Question) -> Parameters | None:
        if (
            not question.has_exactly(0, percent=1, numbers=1)
            or len(question.values_of("numbers")[0]) != 1
        ):
            return None
        kind = _question_kind(question)
        known = {
            kind or PART: str(question.values_of("percent")[0]),
            "number": str(question.values_of("numbers")[0][0]),
        }
        return self.from_slots(**known) if kind else None

    def write_solution(self, parameters: Parameters, writer: SolutionWriter) -> None:
        kind, percent, number = parameters
        units = percent // UNIT
        known = _units_in_known_number(kind, units)
        asked = {PART: units, RISE: UNITS + units, FALL: UNITS - units}.get(kind, UNITS)
        writer.write(f"{UNIT}% is {number}/{known}=")
        unit = writer.decide(number // known, near_miss(number // known, 1))
        writer.end(" " + format_check(_format_product(known, unit), known * unit, number))
        value = asked * unit
        writer.write(f"{_format_product(asked, unit)}=")
        result = writer.decide(value, near_miss(value, 1))
        writer.end()
        # The same product by the other factor's parts: another way, which can disagree.
        writer.end(format_check(_format_product(unit, asked), value, result))
        writer.end(f"Answer: {result}")


def _format_product(a: int, b: int) -> str:
    """a * b by the tens and ones of a, its result left to the reader.

    >>> _format_product(27, 13), _format_product(8, 13)
    ('20*13=260 7*13=91 260+91', '8*13')
    """
    tens, ones = a // 10 * 10, a % 10
    if not tens or not ones:
        return f"{a}*{b}"
    return f"{tens}*{b}={tens * b} {ones}*{b}={ones * b} {tens * b}+{ones * b}"


_RISE_WORDS = frozenset(
    word_list(
        """
        climb climbed climbs dearer grew grow grown grows higher increase increased increases
        increasing raise raised raises rise risen rises rose up
        """
    )
)
_FALL_WORDS = frozenset(
    word_list(
        """
        cheaper cut decrease decreased decreases decreasing discount discounted down drop dropped
        drops fall fallen falls fell less lower lowered lowers off reduced reduces reducing
        reduction
        """
    )
)
_BEFORE_WORDS = frozenset(
    word_list("before earlier formerly initial initially old original originally")
)
_AFTER_WORDS = frozenset(
    word_list(
        """
    after afterwards discounted final finally later new now pay reduced sale selling
    """
    )
)
_AMOUNT_WORDS = frozenset(word_list("amount cheaper difference higher less lower more saved"))
_QUESTION_WORDS = frozenset(word_list("calculate compute determine find how what which"))
_OUT_OF_SCOPE_WORDS = frozenset(
    word_list("""
    again annual annually another average both double each every fraction half interest left loss
    month monthly months neither never next no not other others per profit ratio remain remaining
    remains rest save saved saves saving savings than times twice without year yearly years
    """)
)
"""Words of questions about something else, or about more than one percentage."""
_STORY_WORDS = frozenset(
    word_list("""
    becomes bought but cost costs dollar dollars euro euros expensive goes item many much people
    percentage price priced prices sold some was went were worth
    """)
)
MAX_UNKNOWN_STORY_WORDS = 5
"""Unknown words in a story: what is sold, and where."""


def _question_kind(question: Question) -> str | None:
    """The kind of question; None where it is not certain."""
    words = question.words
    rises, falls = words & _RISE_WORDS or "expensive" in words, words & _FALL_WORDS
    if words & _OUT_OF_SCOPE_WORDS or (rises and falls):
        return None
    questions = [
        clause for clause in question.clauses if {token.text for token in clause} & _QUESTION_WORDS
    ]
    asking = {token.text for clause in questions or question.clauses[-1:] for token in clause}
    if not rises and not falls:
        return (
            PART if _is_plain_part(question) or _is_part_of_known_whole(question, asking) else None
        )
    known = _RISE_WORDS | _FALL_WORDS | _BEFORE_WORDS | _AFTER_WORDS | _STORY_WORDS | FILLER_WORDS
    if len(words - known) > MAX_UNKNOWN_STORY_WORDS or asking & _AMOUNT_WORDS:
        return None
    if asking & _BEFORE_WORDS:
        sure = not asking & {"after", "afterwards", "new", "now"}
        return (BEFORE_RISE if rises else BEFORE_FALL) if sure else None
    after_is_stated = "after" in words and "after" not in asking
    if (
        asking & _AFTER_WORDS
        and not after_is_stated
        and not words & _BEFORE_WORDS - {"originally", "initially"}
    ):
        return RISE if rises else FALL
    costs = not asking.isdisjoint(("cost", "costs", "price", "worth")) and asking.isdisjoint(
        ("did", "was")
    )
    if costs and not after_is_stated and not words & _BEFORE_WORDS - {"originally", "initially"}:
        return RISE if rises else FALL
    changed = [token.text or token.kind for token in question.tokens]
    at = changed.index("percent")
    by = changed[at - 1 : at] == ["by"] and "numbers" in changed[:at]
    return (
        (RISE if rises else FALL) if by and words <= known - _STORY_WORDS - {"up", "down"} else None
    )


def _is_plain_part(question: Question) -> bool:
    """Whether it is "15 % of 80" with nothing but filler around."""
    row = [token.text or token.kind for token in question.tokens if token.text != "the"]
    at = row.index("percent")
    return row[at + 1 : at + 3] == ["of", "numbers"] and question.uses_only_words(
        {"much", "number"}
    )


def _is_part_of_known_whole(question: Question, asking: set[str]) -> bool:
    """Whether a number of things is given, what a percentage of them does, and how many do that."""
    if not {"how", "many"} <= asking:
        return False
    clause = next(
        clause for clause in question.clauses if any(token.kind == "percent" for token in clause)
    )
    at = next(i for i, token in enumerate(clause) if token.kind == "percent")
    following = [token.text for token in clause[at + 1 :]]
    known = [
        part for part in question.clauses if not asking.issuperset(token.text for token in part)
    ]
    elsewhere = {token.text for part in known for token in (part[:at] if part is clause else part)}
    doing = set(following) - FILLER_WORDS
    if following[:1] == ["of"]:
        whole = [word for word in following[1:4] if word != "the"][:1]
        if not whole or whole[0] not in elsewhere | {"them", "these", "those", "which", "whom"}:
            return False
    asked = asking - FILLER_WORDS - {"many", "?"}
    return bool(asked & doing - elsewhere) and asked <= doing | elsewhere


def _units_in_known_number(kind: str, units: int) -> int:
    """How many units of 5 % the known number amounts to, if the change is ``units``."""
    return {BEFORE_RISE: UNITS + units, BEFORE_FALL: UNITS - units}.get(kind, UNITS)
