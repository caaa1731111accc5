"""A pool, one row a sampled solution, whoever sampled it: read from a file, checked, and made into
arrays.

Columns, in any case: ``question`` (number or text) and, where known, ``sample``, ``answer`` (text;
null if unreadable), ``correct`` and ``score``; all others are kept as they are. Questions may have
different numbers of samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ttc_explorer.experiments.answer_merging import merge_equal_answers
from ttc_explorer.experiments.importers import UnknownFormat, detect_format, import_document
from ttc_explorer.experiments.importers.source_document import SourceDocument, read_document
from ttc_explorer.experiments.pool_grading import graded_so_far
from ttc_explorer.file_bounds import bounds_in_force, named_keys
from ttc_explorer.problems.answer_reader import read_solution
from ttc_explorer.problems.grading import Grader
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.selector import SELECTORS, SolutionFeatures

POOL_COLUMNS = ("question", "sample", "answer", "correct", "score", "reference")
"""What a pool's columns are called, whatever their case in the file."""

MEASURED_COLUMNS = ("generated_tokens", "confidence_mean")
"""Of numbers, where there are any: some selectors go by them."""


@dataclass(frozen=True)
class QuestionBlock:
    """Questions with equally many samples. ``rows`` are those of the pool, question by question;
    ``labels`` (questions, samples) number the answers as the estimators take them, and without
    answers are all 0.
    """

    rows: pd.DataFrame
    samples: int
    labels: NDArray[np.intp]

    @property
    def questions(self) -> NDArray[Any]:
        names: NDArray[Any] = self.rows["question"].to_numpy()
        return names[:: self.samples]

    @property
    def correct(self) -> NDArray[np.bool_]:
        return self._reshape(self.rows["correct"].to_numpy(bool))

    def column(self, name: str) -> NDArray[np.float64]:
        """A column of numbers, (questions, samples); what is missing is nan.

        Args:
            name: of a column of numbers.

        Returns:
            (questions, samples).
        """
        return self._reshape(self.rows[name].to_numpy(float, na_value=np.nan))

    def features(
        self, score: str = "score", confidence: str = "confidence_mean"
    ) -> SolutionFeatures:
        """What a selector may weigh the solutions by.

        Args:
            score: the column of the scores.
            confidence: the column of the model's own confidences.

        Returns:
            Arrays of shape (questions, samples); nan everywhere where there is no such column. The
            draw is constant: an estimator averages over all draws.
        """
        unknown = np.full(self.labels.shape, np.nan)
        tokens, scores, confidences = (
            self.column(name) if name in self.rows else unknown
            for name in ("generated_tokens", score, confidence)
        )
        return SolutionFeatures(tokens, scores, confidences, np.zeros(self.labels.shape))

    def _reshape(self, values: NDArray[Any]) -> NDArray[Any]:
        reshaped: NDArray[Any] = values.reshape(-1, self.samples)
        return reshaped


def question_blocks(pool: pd.DataFrame) -> Iterator[QuestionBlock]:
    """The questions of a pool, grouped by how many samples they have, the fewest first.

    Args:
        pool: one row a sampled solution.

    Returns:
        Blocks of questions with equally many samples.
    """
    pool = pool.sort_values(["question", "sample"], kind="stable", ignore_index=True)
    labels = pd.factorize(pool["answer"])[0] if "answer" in pool else np.zeros(len(pool), np.intp)
    sizes = pool.groupby("question")["question"].transform("size").to_numpy()
    for samples in np.unique(sizes):
        rows = sizes == samples
        yield QuestionBlock(pool[rows], int(samples), labels[rows].reshape(-1, samples))


def missing_column(
    pool: pd.DataFrame,
    selector: str,
    score: str = "score",
    confidence: str = "confidence_mean",
) -> str | None:
    """The column that a selector needs and the pool has not, or has no value in.

    Args:
        pool: one row a solution.
        selector: its name.
        score: the column of the scores.
        confidence: the column of the model's own confidences.

    Returns:
        The column's name; None if the selector can be estimated.

    Raises:
        BadInput: there is no such selector.
    """
    rule = SELECTORS.find(selector)
    needed = {"scores": [score], "logprobs": [confidence], "nothing": []}[rule.needs]
    if rule.combine == "sum":
        needed.append("answer")
    return next((name for name in needed if name not in pool or pool[name].isna().all()), None)


class UnknownColumns(BadInput):
    """A table that lacks a column of a pool: people may say which of its own stands for it.

    Attributes:
        found: the columns that the file has.
    """

    def __init__(self, message: str, found: Sequence[str]) -> None:
        super().__init__(message)
        self.found = tuple(found)


def read_pool(
    path: str | Path,
    score: str = "score",
    on_progress: Callable[[str], None] = lambda _: None,
    columns: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """The pool in a file: a table of ours (JSON lines, JSON, CSV, Parquet), or samples of another
    tool (``importers``).

    Without ``correct`` the answers are graded against a column ``reference``, which takes time. Of
    ``answer`` and ``score``, one that is empty is left out. Equal answers to a question, right or
    wrong, come out written alike (``answer_merging.py``).

    Args:
        path: the file.
        score: the column of the scores.
        on_progress: called with a message on how far it is.
        columns: for a column of a pool, the name it has in this file: ``{"question": "prompt"}``.

    Returns:
        One row a solution; the file's importer, if it took one, in ``attrs["format"]``.

    Raises:
        BadInput: in one sentence, for whatever cannot be used; UnknownColumns where naming a column
            may help.
    """
    pool = read_samples(path, score, columns)
    with Grader() as grader:
        return grade_and_merge(pool, grader, on_progress)


def read_samples(
    path: str | Path, score: str = "score", columns: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """As ``read_pool``, but not graded, and with answers written as they are.

    Args:
        path: the file.
        score: the column of the scores.
        columns: for a column of a pool, the name it has in this file.

    Returns:
        The samples of ``check_samples``; the file's importer, if it took one, in
        ``attrs["format"]``.

    Raises:
        BadInput: as of ``read_pool``.
    """
    path = Path(path)
    document = read_document(path)
    found = None if columns else detect_format(document)
    if found is None:
        pool = pool_table(document, columns or {}, score)
    else:
        pool = pd.DataFrame(import_document(document, found).samples)
        if pool.empty:
            raise BadInput(
                f"{path.name} holds search trees, no samples: open it on Explore, or with import."
            )
    pool = check_samples(pool, path.name, score)
    pool.attrs["format"] = found
    return pool


def grade_and_merge(
    pool: pd.DataFrame, grader: Grader, on_progress: Callable[[str], None] = lambda _: None
) -> pd.DataFrame:
    """Samples of ``check_samples`` as a pool: graded where they are not, and the equal answers of a
    question written alike.

    Args:
        pool: one row a solution, as ``check_samples`` returns it.
        grader: compares answers.
        on_progress: called with a message on how far it is.

    Returns:
        The pool with ``correct`` in every row.
    """
    *_, graded = graded_so_far(pool, grader, on_progress)
    return merge_answers(graded, grader, on_progress)


def merge_answers(
    pool: pd.DataFrame, grader: Grader, on_progress: Callable[[str], None] = lambda _: None
) -> pd.DataFrame:
    """A graded pool with the equal answers of a question written alike.

    Args:
        pool: one row a solution, with ``correct``.
        grader: compares answers.
        on_progress: called with a message on how far it is.

    Returns:
        The pool; the same one where it has no ``answer``.
    """
    if "answer" not in pool:
        return pool
    return pool.assign(answer=merge_equal_answers(pool, grader, on_progress))


def check_samples(pool: pd.DataFrame, file_name: str, score: str = "score") -> pd.DataFrame:
    """Samples with their columns checked and in one form, and numbered.

    Args:
        pool: one row a solution, with a column ``question``.
        file_name: what a sentence calls them.
        score: the column of the scores.

    Returns:
        The samples; with ``correct``, or to grade by, ``answer`` and ``reference`` (texts or None).

    Raises:
        BadInput: in one sentence, for whatever cannot be used; UnknownColumns where naming a column
            may help.
    """
    if pool.empty:
        raise BadInput(f"{file_name} holds no solutions.")
    kind = pd.api.types.infer_dtype(pool["question"], skipna=False)
    if kind not in ("integer", "string") or pool["question"].isna().any():
        raise BadInput(
            f"The column question of {file_name} must hold whole numbers everywhere, or texts."
        )
    pool = _number_samples(pool, file_name)
    if "answer" in pool:
        pool["answer"] = _normalise_answers(pool["answer"], file_name)
        if pool["answer"].isna().all():
            pool = pool.drop(columns="answer")
    if score in pool:
        pool[score] = _validate_numbers(pool[score], file_name)
        if pool[score].isna().all():
            pool = pool.drop(columns=score)
    for name in pool.columns.intersection(MEASURED_COLUMNS):
        numbers = _validate_numbers(pool[name], file_name)
        if pool[name].dtype == object:
            pool[name] = numbers
    if "correct" in pool:
        pool["correct"] = _validate_booleans(pool["correct"], file_name)
    elif "reference" in pool and "answer" in pool:
        pool["reference"] = _normalise_answers(pool["reference"], file_name)
    else:
        raise UnknownColumns(
            f"{file_name} does not say which solutions are right, so no curve can be drawn: add a "
            "column correct (true or false), or the columns answer and reference to grade by; "
            f"with them it draws {_drawable(pool, score)}.",
            [str(name) for name in pool.columns],
        )
    return pool


def pool_table(document: SourceDocument, columns: Mapping[str, str], score: str) -> pd.DataFrame:
    """The rows of a file as a table, with the columns of a pool under their own names.

    Args:
        document: rows of a file.
        columns: for a column of a pool, the name it has in this file.
        score: the column of the scores.

    Returns:
        One row a solution; the file's other columns stay as they are.

    Raises:
        BadInput: there is no row, or these are no rows.
        UnknownColumns: a column that was named is not there, or none is ``question``.
    """
    content = document.content
    if not isinstance(content, list | pd.DataFrame):
        raise UnknownFormat(document)
    if isinstance(content, list):
        bounds_in_force().check_rows(content, document.name)
    table = content if isinstance(content, pd.DataFrame) else pd.DataFrame(content)
    if table.empty:
        raise BadInput(f"{document.name} holds no solutions.")
    names = [str(name) for name in table.columns]
    taken: dict[str, str] = {}
    for name in dict.fromkeys([*columns, *POOL_COLUMNS, score]):
        if name in columns:
            found = _find_column(columns[name], names)
            if found is None:
                raise UnknownColumns(
                    f"{document.name} has no column {columns[name][:40]}: it has "
                    f"{named_keys(names)}.",
                    names,
                )
        else:
            found = _find_column(name, names)
        if found is not None:
            taken.setdefault(found, name)
    if "question" not in taken.values():
        raise UnknownColumns(str(UnknownFormat(document)), names)
    hidden = [name for name in names if name in taken.values() and name not in taken]
    return table.drop(columns=hidden).rename(columns=taken)


def _find_column(wanted: str, names: Sequence[str]) -> str | None:
    """The column of that name: as it is spelled, else whatever its case."""
    if wanted in names:
        return wanted
    alike = [name for name in names if name.strip().casefold() == wanted.strip().casefold()]
    return alike[0] if alike else None


def _number_samples(pool: pd.DataFrame, file_name: str) -> pd.DataFrame:
    """The pool with its samples numbered, unless they are."""
    if "sample" not in pool:
        return pool.assign(sample=pool.groupby("question").cumcount())
    if pd.api.types.infer_dtype(pool["sample"], skipna=False) != "integer":
        raise BadInput(
            f"The column sample of {file_name} must hold whole numbers; or leave it out."
        )
    duplicates = pool[pool.duplicated(["question", "sample"])]
    if len(duplicates):
        question, sample = duplicates.iloc[0][["question", "sample"]]
        raise BadInput(f"{file_name} has sample {sample} of question {str(question)[:40]} twice.")
    return pool.copy()


def _normalise_answers(column: pd.Series, file_name: str) -> pd.Series:
    """Texts; numbers as texts; what is missing or empty as None, and the answer of a whole
    solution."""

    def text(answer: Any) -> str | None:
        if isinstance(answer, str):
            answer = answer.strip()
            if "\n" not in answer:
                return answer or None
            reading = read_solution(answer)  # of several lines: a whole solution
            return reading.text if reading else None
        if answer is None or answer is pd.NA or (isinstance(answer, float) and np.isnan(answer)):
            return None
        if isinstance(answer, bool | np.bool_) or not isinstance(answer, int | float | np.number):
            raise BadInput(
                f"The column answer of {file_name} must hold texts or numbers, or nothing."
            )
        whole = isinstance(answer, float) and answer.is_integer() and abs(answer) < 2**53
        return str(int(answer)) if whole else str(answer)

    return pd.Series([text(answer) for answer in column], index=column.index, dtype=object)


def _validate_numbers(column: pd.Series, file_name: str) -> pd.Series:
    kinds = ("floating", "integer", "mixed-integer-float", "empty")
    usable = pd.api.types.infer_dtype(column, skipna=True) in kinds
    numbers = pd.to_numeric(column, errors="coerce").astype(float) if usable else column
    if not usable or np.isinf(numbers).any():
        raise BadInput(
            f"The column {column.name} of {file_name} must hold finite numbers, or nothing."
        )
    return numbers


def _validate_booleans(column: pd.Series, file_name: str) -> pd.Series:
    kind = pd.api.types.infer_dtype(column, skipna=False)
    if kind not in ("boolean", "integer", "floating") or not set(column.unique()) <= {0, 1}:
        raise BadInput(
            f"The column correct of {file_name} must say true or false for every solution."
        )
    return column.astype(bool)


def _drawable(pool: pd.DataFrame, score: str) -> str:
    """What a pool could draw if it said which solutions are right, and what for."""
    if score in pool:
        return "coverage, best, majority and weighted"
    return f"coverage and majority (best and weighted need a column {score[:40]} as well)"
