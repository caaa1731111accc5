"""Multi-stage word problems in plain English, asked forwards, or backwards from the end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random
from typing import ClassVar

from ttc_explorer.problems.canonical_wording import normalise_text
from ttc_explorer.problems.families.family import Family, family
from ttc_explorer.problems.families.narrative_parser import parse_narrative
from ttc_explorer.problems.families.solution_writer import SolutionWriter, near_miss
from ttc_explorer.problems.families.typed_problem_parser import Question

Parameters = tuple[bool, int, tuple[tuple[str, int], ...]]

NAMES = ("Tom", "Ann", "Mia", "Ben", "Lea", "Sam", "Eva", "Max")
THINGS = ("apples", "coins", "cards", "shells", "books", "stamps", "marbles", "stickers")
STAGE_TEMPLATES = {
    "+": ("{name} buys {n} more.", "{name} finds {n} more.", "A friend gives {name} {n} more."),
    "-": ("{name} gives away {n}.", "{name} loses {n}.", "{name} sells {n}."),
    "*": (
        "Then the number grows to {n} times as many.",
        "{name} wins until there are {n} times as many.",
    ),
    "/": (
        "{name} keeps one of {n} equal parts.",
        "{name} shares equally among {n} and keeps one share.",
    ),
}
FORWARD_FRAMES = (
    ("{name} has {n} {things}.", "How many {things} does {name} have now?"),
    ("There are {n} {things} in {name}'s box.", "How many {things} are there now?"),
)
BACKWARD_FRAMES = (
    ("{name} has some {things}.", "Now there are {n}. How many {things} did {name} have at first?"),
    (
        "There are some {things} in {name}'s box.",
        "In the end there are {n}. How many {things} were there first?",
    ),
)
INVERSE_OPERATION = {"+": "-", "-": "+", "*": "/", "/": "*"}


@family
class WordProblemFamily(Family):
    """``parameters``: (backward, the known number, the stages as (sign, number)).

    Forwards the start is known and the end asked for; backwards the end is known and the start
    asked for.
    """

    name = "word"
    title = "Word problem"
    kind = "several decisions"
    errors_visible_at = "end"
    templates = ()
    slots: ClassVar[Mapping[str, str]] = {}

    def draw(self, rng: Random, level: int) -> Parameters:
        stages = (2, 3, 3, 3, 4)[level - 1]
        backward = level >= 4 or (level == 3 and rng.random() < 0.5)
        largest = (9, 12, 15, 20, 25)[level - 1]
        while True:
            start = value = rng.randint(3, largest)
            operations: list[tuple[str, int]] = []
            for _ in range(stages):
                sign = rng.choice([s for s in "+-*/" if not operations or s != operations[-1][0]])
                n = rng.randint(2, 4) if sign in "*/" else rng.randint(2, largest)
                if (
                    (sign == "-" and n >= value)
                    or (sign == "/" and value % n)
                    or (sign == "*" and value * n > 99)
                ):
                    break
                value = _apply_operation(value, sign, n)
                operations.append((sign, n))
            else:
                return backward, value if backward else start, tuple(operations)

    def fill_slots(self, parameters: Parameters) -> dict[str, str]:
        raise AssertionError("a story is worded sentence by sentence")

    def parse_slots(self, slots: Mapping[str, str]) -> Parameters | None:
        raise AssertionError("a story is read sentence by sentence")

    def wordings(self, parameters: Parameters) -> list[str]:
        return [self._render(parameters, "Tom", "apples", 0, [0] * len(parameters[2]))]

    def random_wording(self, parameters: Parameters, rng: Random) -> str:
        choices = [rng.randrange(len(STAGE_TEMPLATES[sign])) for sign, _ in parameters[2]]
        return self._render(
            parameters, rng.choice(NAMES), rng.choice(THINGS), rng.randrange(2), choices
        )

    def _render(
        self, parameters: Parameters, name: str, things: str, frame: int, choices: list[int]
    ) -> str:
        backward, known_number, operations = parameters
        first, last = (BACKWARD_FRAMES if backward else FORWARD_FRAMES)[frame]
        sentences = [
            first,
            *(
                STAGE_TEMPLATES[sign][c].replace("{n}", str(n))
                for (sign, n), c in zip(operations, choices, strict=True)
            ),
            last,
        ]
        return " ".join(sentences).format(name=name, things=things, n=known_number)

    def recognise(self, text: str) -> Parameters | None:
        rest = normalise_text(text)
        for backward, frames in ((False, FORWARD_FRAMES), (True, BACKWARD_FRAMES)):
            for first, last in frames:
                start, end = (
                    _sentence_pattern(first).match(rest),
                    re.search(_sentence_pattern(last).pattern + "$", rest),
                )
                if not start or not end or start.end() > end.start():
                    continue
                operations = _parse_stage_sentences(rest[start.end() : end.start()])
                known_number = {**start.groupdict(), **end.groupdict()}.get("n")
                parameters = (
                    (backward, int(known_number), operations)
                    if known_number and operations
                    else None
                )
                if parameters and _stays_positive(parameters):
                    return parameters
        return None

    def parse_question(self, question: Question) -> Parameters | None:
        parameters = parse_narrative(question.text)
        return parameters if parameters and _stays_positive(parameters) else None

    def write_solution(self, parameters: Parameters, writer: SolutionWriter) -> None:
        backward, known_number, operations = parameters
        stages = (
            [(INVERSE_OPERATION[sign], n) for sign, n in reversed(operations)]
            if backward
            else list(operations)
        )
        value = known_number
        for sign, n in stages:
            writer.write(f"{value}{sign}{n}=")
            right = _apply_operation(value, sign, n)
            before, value = value, writer.decide(right, near_miss(right, 1))
            writer.end(_format_remainder(before, n, value) if sign == "/" else "")
        writer.end("check " + _check_by_inverse(value, stages, known_number))
        writer.end(f"Answer: {value}")


def _check_by_inverse(value: int, stages: list[tuple[str, int]], known_number: int) -> str:
    """The stages undone, last first, down to the known number. A division that does not come out
    ends the check: something before it was wrong."""
    parts = []
    for sign, n in reversed(stages):
        undo = INVERSE_OPERATION[sign]
        result = _apply_operation(value, undo, n)
        rest = _format_remainder(value, n, result) if undo == "/" else ""
        parts.append(f"{value}{undo}{n}={result}{rest}")
        if rest:
            return " ".join([*parts, "no"])
        value = result
    return (
        f"{' '.join(parts)} want {known_number} off {known_number - value} "
        f"{'ok' if known_number == value else 'no'}"
    )


def _format_remainder(number: int, divisor: int, quotient: int) -> str:
    """`` rest 2`` where a division by ``divisor`` does not come out as ``quotient``."""
    rest = number - divisor * quotient
    return f" rest {rest}" if rest else ""


def _apply_operation(value: int, sign: str, n: int) -> int:
    """One stage; a division that does not come out (after an error) is rounded."""
    return {"+": value + n, "-": value - n, "*": value * n, "/": round(value / n)}[sign]


def _stays_positive(parameters: Parameters) -> bool:
    """Whether the problem comes out in positive whole numbers."""
    backward, value, operations = parameters
    for sign, n in (
        [(INVERSE_OPERATION[s], n) for s, n in reversed(operations)] if backward else operations
    ):
        if n < 1 or (sign == "/" and value % n):
            return False
        value = _apply_operation(value, sign, n)
        if not 0 < value < 10_000:
            return False
    return True


def _sentence_pattern(text: str) -> re.Pattern[str]:
    """A sentence as a regular expression over normal texts."""
    pattern = re.escape(normalise_text(text.replace("{", "slot").replace("}", "slot")))
    pattern = pattern.replace("slotnslot", r"(?P<n>\d{1,4})").replace("slotnameslot", r"[a-z]+")
    return re.compile(pattern.replace("slotthingsslot", r"[a-z]+") + r"\.?")


_STAGE_PATTERNS = [
    (sign, _sentence_pattern(text)) for sign, texts in STAGE_TEMPLATES.items() for text in texts
]


def _parse_stage_sentences(text: str) -> tuple[tuple[str, int], ...] | None:
    """The stages in ``text``, one after another, or None if a sentence is not understood."""
    stages = []
    text = text.strip(" .")
    while text:
        for sign, pattern in _STAGE_PATTERNS:
            match = pattern.match(text)
            if match:
                stages.append((sign, int(match["n"])))
                text = text[match.end() :].strip(" .")
                break
        else:
            return None
    return tuple(stages)
