"""Multi-stage word problems in plain English, told forwards or asked backwards from the end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random

from ttc_explorer.problems.families.family import Family
from ttc_explorer.problems.families.script import Script, near
from ttc_explorer.problems.families.story import read_story
from ttc_explorer.problems.families.understanding import Question
from ttc_explorer.problems.notation import normal

Given = tuple[bool, int, tuple[tuple[str, int], ...]]

NAMES = ("Tom", "Ann", "Mia", "Ben", "Lea", "Sam", "Eva", "Max")
THINGS = ("apples", "coins", "cards", "shells", "books", "stamps", "marbles", "stickers")
STAGES = {
    "+": ("{name} buys {n} more.", "{name} finds {n} more.", "A friend gives {name} {n} more."),
    "-": ("{name} gives away {n}.", "{name} loses {n}.", "{name} sells {n}."),
    "*": ("Then the number grows to {n} times as many.", "{name} wins until there are {n} times as many."),
    "/": ("{name} keeps one of {n} equal parts.", "{name} shares equally among {n} and keeps one share."),
}
FORWARD = (
    ("{name} has {n} {things}.", "How many {things} does {name} have now?"),
    ("There are {n} {things} in {name}'s box.", "How many {things} are there now?"),
)
BACKWARD = (
    ("{name} has some {things}.", "Now there are {n}. How many {things} did {name} have at first?"),
    (
        "There are some {things} in {name}'s box.",
        "In the end there are {n}. How many {things} were there first?",
    ),
)
INVERSE = {"+": "-", "-": "+", "*": "/", "/": "*"}


class Word(Family):
    """``given``: (backward, the number that is told, the stages as (sign, number)).

    Forwards the start is told and the end asked; backwards the end is told and the start asked.
    """

    name = "word"
    title = "Word problem"
    kind = "several decisions"
    shown = "end"
    phrasings = ()
    slots: Mapping[str, str] = {}

    def draw(self, rng: Random, level: int) -> Given:
        stages = (2, 3, 3, 3, 4)[level - 1]
        backward = level >= 4 or (level == 3 and rng.random() < 0.5)
        largest = (9, 12, 15, 20, 25)[level - 1]
        while True:
            start = value = rng.randint(3, largest)
            story: list[tuple[str, int]] = []
            for _ in range(stages):
                sign = rng.choice([s for s in "+-*/" if not story or s != story[-1][0]])
                n = rng.randint(2, 4) if sign in "*/" else rng.randint(2, largest)
                if (
                    (sign == "-" and n >= value)
                    or (sign == "/" and value % n)
                    or (sign == "*" and value * n > 99)
                ):
                    break
                value = _apply(value, sign, n)
                story.append((sign, n))
            else:
                return backward, value if backward else start, tuple(story)

    def fill(self, given: Given) -> dict[str, str]:
        raise AssertionError("a story is worded sentence by sentence")

    def read(self, slots: Mapping[str, str]) -> Given | None:
        raise AssertionError("a story is read sentence by sentence")

    def wordings(self, given: Given) -> list[str]:
        return [self._tell(given, "Tom", "apples", 0, [0] * len(given[2]))]

    def say(self, given: Given, rng: Random) -> str:
        choices = [rng.randrange(len(STAGES[sign])) for sign, _ in given[2]]
        return self._tell(given, rng.choice(NAMES), rng.choice(THINGS), rng.randrange(2), choices)

    def _tell(self, given: Given, name: str, things: str, frame: int, choices: list[int]) -> str:
        backward, told, story = given
        first, last = (BACKWARD if backward else FORWARD)[frame]
        sentences = [
            first,
            *(STAGES[sign][c].replace("{n}", str(n)) for (sign, n), c in zip(story, choices, strict=True)),
            last,
        ]
        return " ".join(sentences).format(name=name, things=things, n=told)

    def recognise(self, text: str) -> Given | None:
        rest = normal(text)
        for backward, frames in ((False, FORWARD), (True, BACKWARD)):
            for first, last in frames:
                start, end = _sentence(first).match(rest), re.search(_sentence(last).pattern + "$", rest)
                if not start or not end or start.end() > end.start():
                    continue
                story = _read_stages(rest[start.end() : end.start()])
                told = {**start.groupdict(), **end.groupdict()}.get("n")
                given = (backward, int(told), story) if told and story else None
                if given and _possible(given):
                    return given
        return None

    def understand(self, question: Question) -> Given | None:
        given = read_story(question.text)
        return given if given and _possible(given) else None

    def write(self, given: Given, script: Script) -> None:
        backward, told, story = given
        stages = [(INVERSE[sign], n) for sign, n in reversed(story)] if backward else list(story)
        value = told
        for sign, n in stages:
            script.say(f"{value}{sign}{n}=")
            right = _apply(value, sign, n)
            before, value = value, script.decide(right, near(right, 1))
            script.end(_left_over(before, n, value) if sign == "/" else "")
        script.end("check " + _undone(value, stages, told))
        script.end(f"Answer: {value}")


def _undone(value: int, stages: list[tuple[str, int]], told: int) -> str:
    """The stages taken back, last first, down to the number that was told. A division that does not come out
    ends the check: something before it was wrong."""
    parts = []
    for sign, n in reversed(stages):
        undo = INVERSE[sign]
        result = _apply(value, undo, n)
        rest = _left_over(value, n, result) if undo == "/" else ""
        parts.append(f"{value}{undo}{n}={result}{rest}")
        if rest:
            return " ".join([*parts, "no"])
        value = result
    return f"{' '.join(parts)} want {told} off {told - value} {'ok' if told == value else 'no'}"


def _left_over(number: int, divisor: int, quotient: int) -> str:
    """`` rest 2`` where a division by ``divisor`` does not come out as ``quotient``."""
    rest = number - divisor * quotient
    return f" rest {rest}" if rest else ""


def _apply(value: int, sign: str, n: int) -> int:
    """One stage; a division that does not come out (after a slip) is rounded."""
    return {"+": value + n, "-": value - n, "*": value * n, "/": round(value / n)}[sign]


def _possible(given: Given) -> bool:
    """Whether the story comes out in positive whole numbers."""
    backward, value, story = given
    for sign, n in [(INVERSE[s], n) for s, n in reversed(story)] if backward else story:
        if n < 1 or (sign == "/" and value % n):
            return False
        value = _apply(value, sign, n)
        if not 0 < value < 10_000:
            return False
    return True


def _sentence(text: str) -> re.Pattern[str]:
    """A sentence as a regular expression over normal texts."""
    pattern = re.escape(normal(text.replace("{", "slot").replace("}", "slot")))
    pattern = pattern.replace("slotnslot", r"(?P<n>\d{1,4})").replace("slotnameslot", r"[a-z]+")
    return re.compile(pattern.replace("slotthingsslot", r"[a-z]+") + r"\.?")


_STAGE_PATTERNS = [(sign, _sentence(text)) for sign, texts in STAGES.items() for text in texts]


def _read_stages(text: str) -> tuple[tuple[str, int], ...] | None:
    """The stages that ``text`` tells one after another, or None if a sentence is not understood."""
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
