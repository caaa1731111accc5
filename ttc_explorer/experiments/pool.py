"""A pool, one row a sampled solution, whoever sampled it: read from a file, checked, and made into
arrays.

Columns: ``question`` (number or text) and, where known, ``sample``, ``answer`` (text; null if
unreadable), ``correct`` and ``score``; all others are kept as they are. Questions may have
different numbers of samples.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ttc_explorer.experiments.importers import import_samples
from ttc_explorer.problems.answer_normalisation import normalise_answer, strip_insignificant_spaces
from ttc_explorer.problems.answer_reader import read_answer
from ttc_explorer.problems.answer_values import Quantity, parse_value
from ttc_explorer.problems.grading import Grader
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.selector import SELECTORS, SolutionFeatures

POOL_SUFFIXES = (".jsonl", ".json", ".parquet")


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
        return self.rows["question"].to_numpy()[:: self.samples]

    @property
    def correct(self) -> NDArray[np.bool_]:
        return self._reshape(self.rows["correct"].to_numpy(bool))

    def column(self, name: str) -> NDArray[np.float64]:
        """A column of numbers, (questions, samples); what is missing is nan."""
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
        return values.reshape(-1, self.samples)


def question_blocks(pool: pd.DataFrame) -> Iterator[QuestionBlock]:
    """The questions of a pool, grouped by how many samples they have, the fewest first."""
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
    """The column that a selector needs and the pool has not, or has no value in; None if it can be
    estimated.

    Raises:
        BadInput: there is no such selector.
    """
    rule = SELECTORS.find(selector)
    needed = {"scores": [score], "logprobs": [confidence], "nothing": []}[rule.needs]
    if rule.combine == "sum":
        needed.append("answer")
    return next((name for name in needed if name not in pool or pool[name].isna().all()), None)


def read_pool(
    path: str | Path, score: str = "score", on_progress: Callable[[str], None] = lambda _: None
) -> pd.DataFrame:
    """The pool of a ``.jsonl``, ``.json`` or ``.parquet`` file, its own kind or one of
    ``importers.py``.

    Without ``correct`` the answers are graded against a column ``reference``, which takes time:
    ``on_progress`` is called with a message on how far it is. Of ``answer`` and ``score`` (by
    another name, if you like), one that is empty is left out. Equal answers to a question come out
    in one canonical form: those that are right, and wrong ones of equal value. Raises BadInput, in
    one sentence, for whatever cannot be used.
    """
    path = Path(path)
    pool = import_samples(_read_pool_file(path), path.name)
    if pool.empty:
        raise BadInput(f"{path.name} holds no solutions.")
    if "question" not in pool:
        raise BadInput(
            f"{path.name} is no pool: it has no column question, one row a sampled solution."
        )
    kind = pd.api.types.infer_dtype(pool["question"], skipna=False)
    if kind not in ("integer", "string") or pool["question"].isna().any():
        raise BadInput(
            f"The column question of {path.name} must hold whole numbers everywhere, or texts."
        )
    pool = _number_samples(pool, path.name)
    if "answer" in pool:
        pool["answer"] = _normalise_answers(pool["answer"], path.name)
        if pool["answer"].isna().all():
            pool = pool.drop(columns="answer")
    if score in pool:
        pool[score] = _validate_scores(pool[score], path.name)
        if pool[score].isna().all():
            pool = pool.drop(columns=score)
    if "correct" not in pool:
        pool["correct"] = _grade_answers(pool, path.name, on_progress)
    pool["correct"] = _validate_booleans(pool["correct"], path.name)
    if "answer" in pool:
        pool["answer"] = _canonicalise_answers(pool)
    return pool


def _read_pool_file(path: Path) -> pd.DataFrame:
    readers = dict(zip(POOL_SUFFIXES, (_read_jsonl, _read_json, pd.read_parquet), strict=True))
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise BadInput(f"{path.name} is not a pool: give a .jsonl, .json or .parquet file.")
    try:
        table = reader(path)
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.") from None
    except BadInput:
        raise
    except Exception:  # the parsers raise errors of many kinds, and none of them is our fault
        raise BadInput(
            f"{path.name} cannot be read, or is damaged, or is no {path.suffix} file."
        ) from None
    if table.columns.has_duplicates:
        raise BadInput(f"{path.name} has two columns of the same name: leave one out.")
    return table


def _read_jsonl(path: Path) -> pd.DataFrame:
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    return _rows_from_objects([json.loads(line) for line in lines if line.strip()], path)


def _read_json(path: Path) -> pd.DataFrame:
    return _rows_from_objects(json.loads(path.read_text(encoding="utf-8-sig")), path)


def _rows_from_objects(rows: Any, path: Path) -> pd.DataFrame:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadInput(f"{path.name} is not a list of JSON objects, one a solution.")
    return pd.DataFrame(rows)


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
    """Texts; numbers as texts; what is missing or empty as None."""

    def text(answer: Any) -> str | None:
        if isinstance(answer, str):
            return answer.strip() or None
        if answer is None or answer is pd.NA or (isinstance(answer, float) and np.isnan(answer)):
            return None
        if isinstance(answer, bool | np.bool_) or not isinstance(answer, int | float | np.number):
            raise BadInput(
                f"The column answer of {file_name} must hold texts or numbers, or nothing."
            )
        return str(answer)

    return pd.Series([text(answer) for answer in column], index=column.index, dtype=object)


def _validate_scores(column: pd.Series, file_name: str) -> pd.Series:
    kinds = ("floating", "integer", "mixed-integer-float", "empty")
    usable = pd.api.types.infer_dtype(column, skipna=True) in kinds
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    if not usable or np.isinf(numbers).any():
        raise BadInput(
            f"The column {column.name} of {file_name} must hold finite numbers, or nothing."
        )
    return numbers


def _validate_booleans(column: pd.Series, file_name: str) -> pd.Series:
    kind = pd.api.types.infer_dtype(column, skipna=False)
    if kind not in ("boolean", "integer") or not set(column.unique()) <= {0, 1}:
        raise BadInput(
            f"The column correct of {file_name} must say true or false for every solution."
        )
    return column.astype(bool)


def _grade_answers(
    pool: pd.DataFrame, file_name: str, on_progress: Callable[[str], None]
) -> pd.Series:
    """Whether each answer equals its reference; one that cannot be read or compared does not."""
    if "reference" not in pool or "answer" not in pool:
        raise BadInput(
            f"{file_name} does not say which solutions are right: add a column correct (true or "
            "false), or the "
            "columns answer and reference to grade by."
        )
    references = _normalise_answers(pool["reference"], file_name)
    pairs = list(zip(references, pool["answer"], strict=True))
    verdicts = {}
    with Grader() as grader:
        for pair in dict.fromkeys(pairs):
            verdicts[pair] = None not in pair and grader.verdict(*pair) == "equal"
            on_progress(f"{len(verdicts):,} answers graded")
    return pd.Series([verdicts[pair] for pair in pairs], index=pool.index)


def _canonicalise_answers(pool: pd.DataFrame) -> pd.Series:
    """The answers, each as the first of its question that equals it. All right ones do, as they
    equal the reference; wrong ones by their values (``problems/answer_values.py``), or else by
    their letters."""
    answer_keys = {answer: _answer_key(answer) for answer in pool["answer"].dropna().unique()}
    key_codes = pd.Series(pd.factorize(pool["answer"].map(answer_keys))[0], index=pool.index)
    right = pool["correct"].groupby([pool["question"], key_codes]).transform("all")
    key_codes[right & (key_codes >= 0)] = key_codes.max() + 1
    return pool["answer"].groupby([pool["question"], key_codes]).transform("first")


def _answer_key(answer: str) -> tuple[Any, ...]:
    text = normalise_answer(read_answer(answer) or answer)
    value = parse_value(text)
    return (
        (value.numbers, value.unit)
        if isinstance(value, Quantity)
        else (strip_insignificant_spaces(text),)
    )
