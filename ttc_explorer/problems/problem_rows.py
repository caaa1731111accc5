"""Rows of a data set made into problems: which columns hold what, in the layouts that are in use.

A column is found whatever its case. Besides question and answer a row may have a context that
belongs to the question (``body`` of SVAMP and ASDiv, ``context`` of OlympiadBench), the choices of
a multiple choice (AQuA, MMLU, ARC), and the numbers of a template (``N_00`` in MAWPS).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ttc_explorer.file_bounds import bounds_in_force, named_keys
from ttc_explorer.problems.answer_reader import read_answer
from ttc_explorer.problems.problem import (
    MAX_ANSWER_CHARACTERS,
    MAX_CHARACTERS,
    BadInput,
    Problem,
    typed_problem,
)

QUESTION_COLUMNS = ("text", "question", "problem", "prompt", "input", "content", "query")
ANSWER_COLUMNS = (
    "answer",
    "reference",
    "final_answer",
    "extracted_groundtruth",
    "expected_answer",
    "ground_truth",
    "gold",
    "gt",
    "correct",
    "target",
    "answerkey",
    "solution",
)
"""In the order in which they are looked for, in lower case."""

CONTEXT_COLUMNS = ("body", "context", "passage")
CHOICES_COLUMNS = ("choices", "options")
NUMBERS_COLUMN = "numbers"
LETTERS = "ABCDEFGHIJ"

Row = Mapping[str, Any]

_LETTERED = re.compile(r"\s*\(?([A-J])[).:]\s*(.*)", re.DOTALL)
_PLACEHOLDER = re.compile(r"\bN_(\d\d)\b")


@dataclass(frozen=True)
class Columns:
    """The columns of a table that are read, as the table spells them; None where there is none."""

    question: str
    answer: str | None
    context: str | None
    choices: str | None
    numbers: str | None

    @classmethod
    def find(
        cls, names: Sequence[str], title: str, question: str | None, answer: str | None
    ) -> Columns:
        """The columns among ``names``, those that ``question`` and ``answer`` name or else the
        usual ones. Raises BadInput, with the names that are there and the option to choose by."""
        chosen = _named(question, names, title) or _first(QUESTION_COLUMNS, names)
        if chosen is None:
            raise BadInput(
                f"{title} has no column of questions: name one of {named_keys(names)} with "
                "--question-column."
            )
        others = [name for name in names if name != chosen]
        return cls(
            chosen,
            _named(answer, names, title) or _first(ANSWER_COLUMNS, others),
            _first(CONTEXT_COLUMNS, others),
            _first(CHOICES_COLUMNS, others),
            _first((NUMBERS_COLUMN,), others),
        )

    def sentence(self) -> str:
        """Which columns were taken, and how to take others."""
        answers = f'answers from "{self.answer}"' if self.answer else "no answers"
        return (
            f'questions from the column "{self.question}", {answers} (--question-column and '
            "--answer-column name others)"
        )


def problems_from_rows(
    rows: Iterable[Row],
    title: str,
    source: str,
    question: str | None,
    answer: str | None,
    report: Callable[[str], object],
) -> list[Problem]:
    """The problems of a table, one a row.

    Args:
        rows: The rows, each by the names of its columns.
        title: What a sentence calls the table.
        source: The ``source`` of the problems.
        question: The column of questions, or None to find it.
        answer: The column of answers, or None to find it.
        report: Gets one sentence if rows were left out as too long: which, and the columns taken.

    Raises:
        BadInput: The table or a row of it cannot be used, with what to mend.
    """
    table = list(rows)
    if not table:
        raise BadInput(f"{title} holds no questions.")
    bounds_in_force().check_rows(table, title)
    columns = Columns.find(
        list(dict.fromkeys(key for row in table for key in row)), title, question, answer
    )
    problems, too_long = [], []
    for number, row in enumerate(table, start=1):
        text, reference = _question(row, number, columns, title), _reference(row, columns)
        if len(text) > MAX_CHARACTERS or len(reference) > MAX_ANSWER_CHARACTERS:
            too_long.append(number)
            continue
        try:
            typed = typed_problem(text, reference)
        except BadInput as error:
            raise BadInput(f"Row {number} of {title}: {error}") from None
        problems.append(_with_origin(typed, row, source))
    if not problems:
        raise BadInput(
            f"All rows of {title} are too long (questions of at most {MAX_CHARACTERS:,} "
            f"characters, answers of {MAX_ANSWER_CHARACTERS}): {columns.sentence()}."
        )
    if too_long:
        report(f"{title}: {_rows(too_long)} left out as too long; {columns.sentence()}.")
    return problems


def _rows(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"row {numbers[0]:,} was"
    shown = ", ".join(f"{number:,}" for number in numbers[:5])
    return f"{len(numbers):,} rows ({shown}{', …' if len(numbers) > 5 else ''}) were"


def _named(name: str | None, names: Sequence[str], title: str) -> str | None:
    """The column that somebody named, whatever its case."""
    if name is None:
        return None
    if name in names:
        return name
    found = _first((name.lower(),), names)
    if found is None:
        raise BadInput(f'{title} has no column "{name[:40]}"; it has {named_keys(names)}.')
    return found


def _first(wanted: Sequence[str], names: Sequence[str]) -> str | None:
    by_lower = {name.lower(): name for name in reversed(names)}
    return next((by_lower[name] for name in wanted if name in by_lower), None)


def _question(row: Row, number: int, columns: Columns, title: str) -> str:
    """The whole question: its context, its text, its choices."""
    text = row.get(columns.question)
    if not isinstance(text, str):
        raise BadInput(
            f'Row {number} of {title} has no text in the column "{columns.question}": name another '
            "with --question-column."
        )
    text = _fill_in(text.strip(), row.get(columns.numbers or ""))
    context = row.get(columns.context or "")
    if isinstance(context, str) and context.strip() and context.strip() not in text:
        text = f"{_ended(context.strip())} {text}"
    lines = [f"({letter}) {choice}" for letter, choice in _choices(row, columns)]
    return "\n".join([text, *lines])


def _ended(text: str) -> str:
    return text if text[-1] in ".?!:;," else f"{text}."


def _fill_in(text: str, numbers: object) -> str:
    """MAWPS keeps a question's numbers in a column of their own."""
    values = numbers.split() if isinstance(numbers, str) else _as_list(numbers)
    if not values:
        return text

    def value(match: re.Match[str]) -> str:
        place = int(match[1])
        return str(values[place]).removesuffix(".0") if place < len(values) else match[0]

    return _PLACEHOLDER.sub(value, text)


def _choices(row: Row, columns: Columns) -> list[tuple[str, str]]:
    """The choices of a row and their letters."""
    value = row.get(columns.choices or "")
    if isinstance(value, Mapping) and "text" in value:  # ARC keeps texts and letters apart
        value = value["text"]
    if isinstance(value, Mapping):
        return [(str(letter), str(text)) for letter, text in value.items()]
    if isinstance(value, str):  # a list that went through a CSV file
        value = re.findall(r"""(?:^|[\[,])\s*(?:'([^']*)'|"([^"]*)")""", value)
        value = [single or double for single, double in value]
    choices = []
    for letter, text in zip(LETTERS, map(str, _as_list(value)), strict=False):
        lettered = _LETTERED.fullmatch(text)
        choices.append((lettered[1], lettered[2]) if lettered else (letter, text.strip()))
    return choices


def _reference(row: Row, columns: Columns) -> str:
    """The final answer of a row; empty if it has none."""
    value = row.get(columns.answer or "")
    choices = _choices(row, columns)
    values = [str(value) for value in _as_list(value) if not _is_missing(value)]
    text = ", ".join(values)
    is_number = isinstance(value, int) or hasattr(value, "__index__")
    is_place = is_number or (text.isdecimal() and text not in [choice for _, choice in choices])
    if choices and is_place and not isinstance(value, bool) and int(text) < len(choices):
        return choices[int(text)][0]
    return read_answer(text) or text


def _with_origin(problem: Problem, row: Row, source: str) -> Problem:
    family, level = row.get("family"), str(row.get("level"))
    return Problem(
        problem.text,
        problem.answer,
        family=family if isinstance(family, str) and family else None,
        level=int(level) if level in ("1", "2", "3", "4", "5") else None,
        source=source,
    )


def _as_list(value: object) -> list[Any]:
    """A list as JSON or Parquet gives it, or one value."""
    if isinstance(value, list | tuple):
        return list(value)
    if hasattr(value, "tolist") and getattr(value, "ndim", False):
        return list(value.tolist())
    return [] if value is None else [value]


def _is_missing(value: object) -> bool:
    return value is None or value != value  # NaN, pandas's empty cell
