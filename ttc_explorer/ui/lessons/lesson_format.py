"""The format of a lesson, version 1: a JSON file in ``assets/lessons/``, or in a folder that
TTC_LESSONS names. ``docs/lessons.md`` says how to write one.

Files are untrusted: their texts are only ever written as text, their states pass through the
address's own checks, their conditions are comparisons of known facts, never code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from ttc_explorer.asset_files import LESSONS_FOLDER
from ttc_explorer.checked_json import Record, describe_error, parse_json
from ttc_explorer.environment import read_environment

VERSION = 1
MAX_FILE_BYTES = 200_000
MAX_LESSONS = 100

FACTS: dict[str, str] = {
    "over": "the run on screen has ended",
    "strategy": "its strategy, by its name: best_of_n, beam, …",
    "n": "its budget",
    "seed": "its seed",
    "solutions": "finished solutions",
    "answers": "different answers among them",
    "right": "solutions that are right",
    "wrong": "solutions that are wrong",
    "found": "whether at least one solution is right",
    "chosen_right": "whether the chosen answer is right, by the rule that is set",
    "answer": "the chosen answer",
    "agreement": "the share of solutions that end in the chosen answer, in percent",
    "score": "the best score of a solution with the chosen answer",
    "majority_right": "whether the answer by majority is right",
    "weighted_right": "whether the answer by weighted votes is right",
    "best_right": "whether the answer of the best-scored solution is right",
    "best_score": "the highest score of a solution",
    "wrong_score": "the highest score of a wrong solution, 0 without one",
    "selector": "the rule that chooses the answer: majority, weighted, best, …",
    "tokens": "tokens written",
    "judged": "tokens that the verifier read",
    "passes": "model passes that waited for one another",
    "steps": "nodes of the tree, without the question",
    "pruned": "nodes that were given up",
    "first_steps": "different first steps",
    "first_copies": "samples that wrote the most frequent first step",
    "first_kept": "different first steps that were continued",
    "repaired": "attempts of a chain that turned a wrong answer right",
    "spoiled": "attempts of a chain that turned a right answer wrong",
    "picked": "whether the learner opened a step of the tree",
    "picked_score": "the score of the opened step, 0 where it has none",
    "picked_wrong": "whether nothing right can follow the opened step, by the exact check",
    "page": "the page that is open",
}
"""What conditions and texts may ask of the run on screen, and of the page (``run_facts.js``)."""

PLACES: dict[str, str] = {
    "question": "#ask",
    "strategy": "#strategy",
    "settings": "#more",
    "width": "#width-row",
    "chains": "#ratio",
    "budget": "#budget",
    "run": "#buttons",
    "result": ".viewer-headline",
    "cards": ".viewer-cards",
    "tree": ".viewer-tree",
    "answer_by": ".viewer-rules",
    "votes": ".viewer-votes",
    "inspector": ".viewer-side",
    "related": "#beside",
    "pages": "#pages > .tab-wrapper",
}
"""What a step can highlight, and where that stands on the page."""

_NAME = r"(?:[a-z]\w*\.)?[a-z]\w*"
_CONDITION = re.compile(rf"({_NAME}) (=|!=|<=|>=|<|>) ([^=<>]{{1,60}})")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def _check_fact(name: str) -> None:
    if name.rpartition(".")[2] not in FACTS:
        raise ValueError(f"there is no fact '{name[:40]}': docs/lessons.md lists them")


def _condition(text: str) -> str:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text[:60]}' is no condition: write, for instance, right >= 1")
    _check_fact(match[1])
    return text


def _text_with_facts(text: str) -> str:
    for name in _PLACEHOLDER.findall(text):
        _check_fact(name)
    return text


def _place(name: str) -> str:
    if name not in PLACES:
        raise ValueError(f"nothing can be highlighted as '{name[:40]}': {', '.join(PLACES)}")
    return name


Line = Annotated[str, Field(min_length=1, max_length=120)]
Paragraph = Annotated[str, Field(min_length=1, max_length=1200)]
FactText = Annotated[str, Field(min_length=1, max_length=1200), AfterValidator(_text_with_facts)]
"""A text in which {right} stands for a fact of the run."""
Condition = Annotated[str, AfterValidator(_condition)]
Conditions = Annotated[list[Condition], Field(max_length=8)]
"""Comparisons that hold together: ``right >= 1``, ``strategy = beam``, ``tokens > one.tokens``."""
Places = Annotated[list[Annotated[str, AfterValidator(_place)]], Field(max_length=4)]
StateValue = str | int | float | bool


class Choice(Record):
    """An answer to a prediction; right if all conditions hold of the run. One without conditions is
    right where no other is."""

    text: Line
    when: Conditions = Field(default_factory=list)


class Prediction(Record):
    """A question that is asked before Run is enabled."""

    question: Annotated[str, Field(min_length=1, max_length=300)]
    choices: Annotated[list[Choice], Field(min_length=2, max_length=5)]

    @model_validator(mode="after")
    def _one_choice_is_right(self) -> Prediction:
        if sum(not choice.when for choice in self.choices) != 1:
            raise ValueError("one choice of a prediction, and only one, is without 'when'")
        return self


class Outcome(Record):
    """What is said of the run, if the conditions hold; the first that does is said."""

    text: FactText
    when: Conditions = Field(default_factory=list)


class Step(Record):
    """A step of a lesson.

    Attributes:
        title: in a few words.
        text: paragraphs, with ``**bold**``, ``*italic*``, code between backquotes, and terms of the
            glossary as ``[[score]]``, or ``[[scores|score]]``.
        state: what to set on the page, by the names of the address; what earlier steps set stays.
        highlight: names of PLACES.
        predict: asked before Run is enabled.
        happened: what to say of this run, when it has ended.
        tables: what the shipped tables say: a text with figures (``lesson_figures.py``).
        complete: when the step is done; without it when the run that it sets has ended, or, if it
            neither asks nor says anything of a run, when the learner goes on.
        keep: a name by which later steps may ask for this step's facts: ``{one.tokens}``.
    """

    title: Line
    text: Annotated[list[Paragraph], Field(min_length=1, max_length=6)]
    state: Annotated[dict[Line, StateValue], Field(max_length=20)] = Field(default_factory=dict)
    highlight: Annotated[list[Annotated[str, AfterValidator(_place)]], Field(max_length=4)] = Field(
        default_factory=list
    )
    predict: Prediction | None = None
    happened: Annotated[list[Outcome], Field(max_length=8)] = Field(default_factory=list)
    tables: Annotated[str, Field(max_length=1200)] = ""
    complete: Conditions = Field(default_factory=list)
    keep: Annotated[str, Field(max_length=20, pattern=r"^[a-z]*$")] = ""


class TeacherNotes(Record):
    """What a teacher wants to know: the answer to expect, and what to do if the run differs."""

    expect: Annotated[str, Field(min_length=1, max_length=400)]
    differs: Annotated[str, Field(min_length=1, max_length=400)]


class LessonFile(Record):
    """A lesson as its file has it: ``order`` is where it stands in the list."""

    version: Literal[1]
    title: Line
    order: Annotated[int, Field(ge=0, le=10_000)]
    minutes: Annotated[int, Field(ge=1, le=30)]
    aim: Annotated[str, Field(min_length=1, max_length=300)]
    teacher: TeacherNotes
    steps: Annotated[list[Step], Field(min_length=1, max_length=20)]


@dataclass(frozen=True)
class Lesson:
    """A lesson and its name, which is its file's, in links too."""

    name: str
    content: LessonFile


@dataclass(frozen=True)
class Lessons:
    """All lessons, in their order, and a sentence on each file that cannot be used."""

    entries: tuple[Lesson, ...]
    faults: tuple[str, ...]


def read_lesson(data: bytes, name: str) -> LessonFile:
    """The lesson of a file.

    Args:
        data: what the file holds.
        name: the file's, for the sentence on what is wrong.

    Raises:
        ValueError: it is none; the sentence says what to change.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"{name} cannot be used: it has more than {MAX_FILE_BYTES:,} bytes.")
    try:
        return LessonFile.model_validate(parse_json(data))
    except ValueError as error:
        raise ValueError(f"{name} cannot be used: {describe_error(error, 'the lesson')}.") from None


def load_lessons(folders: list[Path]) -> Lessons:
    """The lessons of these folders, ``*.json`` each. A file that cannot be used takes none of the
    others with it."""
    entries: dict[str, Lesson] = {}
    faults: list[str] = []
    files = [path for folder in folders for path in sorted(folder.glob("*.json"))]
    for path in files[:MAX_LESSONS]:
        try:
            entries[path.stem] = Lesson(path.stem, read_lesson(path.read_bytes(), path.name))
        except (OSError, ValueError) as error:
            faults.append(str(error))
    ordered = sorted(entries.values(), key=lambda each: (each.content.order, each.name))
    return Lessons(tuple(ordered), tuple(faults))


@cache
def all_lessons() -> Lessons:
    """Those shipped, and those of the folder that TTC_LESSONS names."""
    own = read_environment().lessons
    return load_lessons([LESSONS_FOLDER, *([Path(own)] if own else [])])
