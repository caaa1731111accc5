"""Files of questions (JSON lines, CSV, Parquet) as problems."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ttc_explorer.problems.problem import BadInput, Problem, typed_problem
from ttc_explorer.problems.reading import read_answer

QUESTION_COLUMNS = ("text", "question", "problem", "prompt")
ANSWER_COLUMNS = ("answer", "reference", "final_answer", "solution")


def load_problems(path: str | Path, question: str | None = None, answer: str | None = None) -> list[Problem]:
    r"""The problems of a ``.jsonl``, ``.csv`` or ``.parquet`` file, one a row.

    ``question`` and ``answer`` name the columns; without them the first of QUESTION_COLUMNS and of
    ANSWER_COLUMNS that is there is taken, and a file without answers is fine. An answer may be a whole
    solution that marks it (GSM8K's ``#### N``, a ``\boxed{}``). Raises BadInput with what to mend.
    """
    path = Path(path)
    rows = _rows(path)
    if not rows:
        raise BadInput(f"{path.name} holds no questions.")
    columns = list(dict.fromkeys(key for row in rows for key in row))
    question = _column(question, QUESTION_COLUMNS, columns, path)
    if question is None:
        raise BadInput(f"{path.name} has no column of questions: name one of {', '.join(columns)}.")
    answer = _column(answer, [name for name in ANSWER_COLUMNS if name != question], columns, path)
    return [_problem(row, number, question, answer, path) for number, row in enumerate(rows, start=1)]


def _rows(path: Path) -> list[dict[str, Any]]:
    readers = {".jsonl": _read_jsonl, ".csv": _read_csv, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise BadInput(f"{path.name} is not a file of questions: give a .jsonl, .csv or .parquet file.")
    try:
        return reader(path)
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.") from None
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror or 'it is damaged'}.") from None
    except BadInput:
        raise
    except ValueError:  # what the parsers of pandas, pyarrow and Python's text decoding raise
        raise BadInput(f"{path.name} is damaged or is no {path.suffix} file.") from None


def _read_jsonl(path: Path) -> list[dict[str, Any]]:
    return list(_objects(path.read_text(encoding="utf-8-sig").split("\n"), path))


def _objects(lines: Sequence[str], path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise BadInput(f"Line {number} of {path.name} is not a JSON object.")
        yield row


def _read_csv(path: Path) -> list[dict[str, Any]]:
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig").to_dict("records")


def _read_parquet(path: Path) -> list[dict[str, Any]]:
    return pd.read_parquet(path).to_dict("records")


def _column(named: str | None, usual: Sequence[str], columns: Sequence[str], path: Path) -> str | None:
    if named is None:
        return next((name for name in usual if name in columns), None)
    if named not in columns:
        raise BadInput(f'{path.name} has no column "{named}"; it has {", ".join(columns)}.')
    return named


def _problem(row: dict[str, Any], number: int, question: str, answer: str | None, path: Path) -> Problem:
    text = row.get(question)
    if not isinstance(text, str):
        raise BadInput(f'Row {number} of {path.name} has no text in the column "{question}".')
    reference = "" if answer is None or _missing(row.get(answer)) else str(row[answer])
    try:
        problem = typed_problem(text, read_answer(reference) or reference)
    except BadInput as error:
        raise BadInput(f"Row {number} of {path.name}: {error}") from None
    family, level = row.get("family"), str(row.get("level"))
    return Problem(
        problem.text,
        problem.answer,
        family=family if isinstance(family, str) and family else None,
        level=int(level) if level in ("1", "2", "3", "4", "5") else None,
        source=path.stem,
    )


def _missing(value: Any) -> bool:
    return value is None or value != value  # NaN, pandas's empty cell
