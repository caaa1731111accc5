"""Many problems at once: from files (JSON lines, CSV, Parquet), data sets of the Hub, and the
families."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ttc_explorer.problems.answer_reader import read_answer
from ttc_explorer.problems.families import FAMILIES, LEVELS
from ttc_explorer.problems.problem import BadInput, Problem, typed_problem
from ttc_explorer.problems.sample_problems import sample_problems

QUESTION_COLUMNS = ("text", "question", "problem", "prompt")
ANSWER_COLUMNS = ("answer", "reference", "final_answer", "solution")


BENCHMARKS = {
    "gsm8k": "openai/gsm8k/main:test",
    "math500": "HuggingFaceH4/MATH-500:test",
    "aime24": "HuggingFaceH4/aime_2024:train",
    "aime25": "math-ai/aime25:test",
}
"""Short names of data sets on the Hub: OWNER/NAME/CONFIGURATION:SPLIT."""

PARQUET_BRANCH = "refs/convert/parquet"
"""The branch in which the Hub keeps every data set as Parquet, in CONFIGURATION/SPLIT/*.parquet."""


def resolve_problems(
    spec: str, question: str | None = None, answer: str | None = None, seed: int = 0
) -> list[Problem]:
    """The problems that ``spec`` stands for: ``families:COUNT`` (different ones of the test split,
    families and levels in turn, by ``seed``), a name of BENCHMARKS, ``hub:OWNER/NAME:SPLIT`` or
    ``hub:OWNER/NAME/CONFIGURATION:SPLIT``, or a file. Columns as in ``load_problems``. Raises
    BadInput.
    """
    kind, _, rest = spec.partition(":")
    if kind == "families":
        if not rest.isdecimal() or not 1 <= int(rest) <= 1_000_000:
            raise BadInput("Say how many problems of the families you want: families:400, say.")
        return [
            solved_problem.problem
            for solved_problem in sample_problems(list(FAMILIES), LEVELS, int(rest), seed, "test")
        ]
    if spec in BENCHMARKS or kind == "hub":
        hub_path = BENCHMARKS.get(spec, rest)
        return _parse_problems(
            _hub_rows(hub_path), hub_path, hub_path.partition(":")[0], question, answer
        )
    if not Path(spec).suffix:
        raise BadInput(
            f"'{spec[:80]}' are no problems: give families:COUNT, {', '.join(BENCHMARKS)}, "
            "hub:OWNER/NAME:SPLIT, or a .jsonl, .csv or .parquet file."
        )
    return load_problems(spec, question, answer)


def load_problems(
    path: str | Path, question: str | None = None, answer: str | None = None
) -> list[Problem]:
    r"""The problems of a ``.jsonl``, ``.csv`` or ``.parquet`` file, one a row.

    ``question`` and ``answer`` name the columns; without them the first of QUESTION_COLUMNS and of
    ANSWER_COLUMNS that is there is taken, and a file without answers is fine. An answer may be a
    whole solution that marks it (GSM8K's ``#### N``, a ``\boxed{}``). Raises BadInput with what to
    mend.
    """
    path = Path(path)
    return _parse_problems(_read_rows(path), path.name, path.stem, question, answer)


def _parse_problems(
    rows: list[dict[str, Any]], title: str, source: str, question: str | None, answer: str | None
) -> list[Problem]:
    if not rows:
        raise BadInput(f"{title} holds no questions.")
    columns = list(dict.fromkeys(key for row in rows for key in row))
    question = _pick_column(question, QUESTION_COLUMNS, columns, title)
    if question is None:
        raise BadInput(f"{title} has no column of questions: name one of {', '.join(columns)}.")
    answer = _pick_column(
        answer, [name for name in ANSWER_COLUMNS if name != question], columns, title
    )
    return [
        _parse_problem(row, n, question, answer, title, source)
        for n, row in enumerate(rows, start=1)
    ]


def _hub_rows(hub_path: str) -> list[dict[str, Any]]:
    """The rows of OWNER/NAME:SPLIT or OWNER/NAME/CONFIGURATION:SPLIT, downloaded once and then
    cached."""
    match = re.fullmatch(r"([\w.-]+/[\w.-]+)(?:/([\w.-]+))?:([\w.-]+)", hub_path)
    if not match:
        raise BadInput(
            "Name a data set as hub:OWNER/NAME:SPLIT, or as hub:OWNER/NAME/CONFIGURATION:SPLIT."
        )
    name, configuration, split = match.groups()
    files = f"{configuration or 'default'}/{split}/*.parquet"

    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(
            name, repo_type="dataset", revision=PARQUET_BRANCH, allow_patterns=files
        )
    except Exception as error:  # of many kinds: no network, no such data set, not for everybody
        raise BadInput(
            f"The data set {name} cannot be read from Hugging Face: check its name and the "
            "network, "
            "or give a file."
        ) from error
    tables = [_read_parquet(file) for file in sorted(Path(folder).glob(files))]
    if not tables:
        raise BadInput(
            f"The data set {name} has no split '{split}' in the configuration "
            f"'{configuration or 'default'}': name both, as hub:OWNER/NAME/CONFIGURATION:SPLIT."
        )
    return [row for table in tables for row in table]


def _read_rows(path: Path) -> list[dict[str, Any]]:
    readers = {".jsonl": _read_jsonl, ".csv": _read_csv, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise BadInput(
            f"{path.name} is not a file of questions: give a .jsonl, .csv or .parquet file."
        )
    try:
        return reader(path)
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.") from None
    except OSError as error:
        raise BadInput(
            f"{path.name} cannot be read: {error.strerror or 'it is damaged'}."
        ) from None
    except BadInput:
        raise
    except ValueError:  # what the parsers of pandas, pyarrow and Python's text decoding raise
        raise BadInput(f"{path.name} is damaged or is no {path.suffix} file.") from None


def _read_jsonl(path: Path) -> list[dict[str, Any]]:
    return list(_parse_json_lines(path.read_text(encoding="utf-8-sig").split("\n"), path))


def _parse_json_lines(lines: Sequence[str], path: Path) -> Iterator[dict[str, Any]]:
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
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig").to_dict(
        "records"
    )


def _read_parquet(path: Path) -> list[dict[str, Any]]:
    return pd.read_parquet(path).to_dict("records")


def _pick_column(
    spec: str | None, default_names: Sequence[str], columns: Sequence[str], title: str
) -> str | None:
    if spec is None:
        return next((name for name in default_names if name in columns), None)
    if spec not in columns:
        raise BadInput(f'{title} has no column "{spec}"; it has {", ".join(columns)}.')
    return spec


def _parse_problem(
    row: dict[str, Any], number: int, question: str, answer: str | None, title: str, source: str
) -> Problem:
    text = row.get(question)
    if not isinstance(text, str):
        raise BadInput(f'Row {number} of {title} has no text in the column "{question}".')
    reference = "" if answer is None or _is_missing(row.get(answer)) else str(row[answer])
    try:
        problem = typed_problem(text, read_answer(reference) or reference)
    except BadInput as error:
        raise BadInput(f"Row {number} of {title}: {error}") from None
    family, level = row.get("family"), str(row.get("level"))
    return Problem(
        problem.text,
        problem.answer,
        family=family if isinstance(family, str) and family else None,
        level=int(level) if level in ("1", "2", "3", "4", "5") else None,
        source=source,
    )


def _is_missing(value: Any) -> bool:
    return value is None or value != value  # NaN, pandas's empty cell
