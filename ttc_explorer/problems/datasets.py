"""Many problems at once: from files (JSON lines, CSV, Parquet), data sets of the Hub, and the
families."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ttc_explorer.file_bounds import joined_rows, json_lines, read_within
from ttc_explorer.problems.families import FAMILIES, LEVELS
from ttc_explorer.problems.problem import BadInput, Problem
from ttc_explorer.problems.problem_rows import problems_from_rows
from ttc_explorer.problems.sample_problems import sample_problems
from ttc_explorer.table_files import read_csv_table, read_parquet_table

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
    spec: str,
    question: str | None = None,
    answer: str | None = None,
    seed: int = 0,
    report: Callable[[str], object] = lambda _: None,
) -> list[Problem]:
    """The problems that ``spec`` stands for.

    Args:
        spec: ``families:COUNT`` (different ones of the test split, families and levels in turn, by
            ``seed``), a name of BENCHMARKS, ``hub:OWNER/NAME:SPLIT`` or
            ``hub:OWNER/NAME/CONFIGURATION:SPLIT``, or a file.
        question: The column of questions, None to find it (``problem_rows.py``).
        answer: The column of answers, None to find it.
        seed: Of the families' problems.
        report: Gets one sentence if rows were left out as too long: which, and the columns taken.

    Raises:
        BadInput: Nothing can be made of it; the sentence says what to do.
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
        source = hub_path.partition(":")[0]
        return problems_from_rows(_hub_rows(hub_path), hub_path, source, question, answer, report)
    if not Path(spec).suffix:
        raise BadInput(
            f"'{spec[:80]}' are no problems: give families:COUNT, {', '.join(BENCHMARKS)}, "
            "hub:OWNER/NAME:SPLIT, or a .jsonl, .csv or .parquet file."
        )
    return load_problems(spec, question, answer, report)


def load_problems(
    path: str | Path,
    question: str | None = None,
    answer: str | None = None,
    report: Callable[[str], object] = lambda _: None,
) -> list[Problem]:
    r"""The problems of a ``.jsonl``, ``.csv`` or ``.parquet`` file, one a row.

    A file without answers is fine. An answer may be a whole solution that marks it (GSM8K's ``####
    N``, a ``\boxed{}``). Arguments and errors as in ``resolve_problems``.
    """
    path = Path(path)
    return problems_from_rows(_read_rows(path), path.name, path.stem, question, answer, report)


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
    tables = [_read_rows(file) for file in sorted(Path(folder).glob(files))]
    if not tables:
        raise BadInput(
            f"The data set {name} has no split '{split}' in the configuration "
            f"'{configuration or 'default'}': name both, as hub:OWNER/NAME/CONFIGURATION:SPLIT."
        )
    return joined_rows(tables, f"The data set {name}")


def _read_rows(path: Path) -> list[dict[str, Any]]:
    readers = {".jsonl": _read_jsonl, ".csv": _read_csv, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise BadInput(
            f"{path.name} is not a file of questions: give a .jsonl, .csv or .parquet file."
        )
    return read_within(path, reader, f"{path.name} is damaged or is no {path.suffix} file.")


def _read_jsonl(path: Path) -> list[dict[str, Any]]:
    return list(_parse_json_lines(json_lines(path.read_bytes(), path.name), path))


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
    return read_csv_table(path).to_dict("records")


def _read_parquet(path: Path) -> list[dict[str, Any]]:
    return read_parquet_table(path).to_pandas().to_dict("records")
