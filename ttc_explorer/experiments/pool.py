"""A pool, one row a sampled solution, whoever sampled it: read from a file, checked, and made into arrays.

Columns: ``question`` (number or text) and, where known, ``sample``, ``answer`` (text; null if unreadable),
``correct`` and ``score``; all others are kept as they are. Questions may have different numbers of samples.
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

from ttc_explorer.experiments.importers import imported
from ttc_explorer.problems.grading import Grader
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.problems.reading import read_answer
from ttc_explorer.problems.spelling import compact, plain
from ttc_explorer.problems.values import Quantity, value_of

FORMATS = (".jsonl", ".json", ".parquet")


@dataclass(frozen=True)
class Block:
    """Questions with equally many samples. ``rows`` are those of the pool, question by question; ``labels``
    (questions, samples) number the answers as the estimators take them, and without answers are all 0.
    """

    rows: pd.DataFrame
    samples: int
    labels: NDArray[np.intp]

    @property
    def questions(self) -> NDArray[Any]:
        return self.rows["question"].to_numpy()[:: self.samples]

    @property
    def correct(self) -> NDArray[np.bool_]:
        return self._shaped(self.rows["correct"].to_numpy(bool))

    def column(self, name: str) -> NDArray[np.float64]:
        """A column of numbers, (questions, samples); what is missing is nan."""
        return self._shaped(self.rows[name].to_numpy(float, na_value=np.nan))

    def _shaped(self, values: NDArray[Any]) -> NDArray[Any]:
        return values.reshape(-1, self.samples)


def blocks(pool: pd.DataFrame) -> Iterator[Block]:
    """The questions of a pool, grouped by how many samples they have, the fewest first."""
    pool = pool.sort_values(["question", "sample"], kind="stable", ignore_index=True)
    labels = pd.factorize(pool["answer"])[0] if "answer" in pool else np.zeros(len(pool), np.intp)
    sizes = pool.groupby("question")["question"].transform("size").to_numpy()
    for samples in np.unique(sizes):
        rows = sizes == samples
        yield Block(pool[rows], int(samples), labels[rows].reshape(-1, samples))


def read_pool(
    path: str | Path, score: str = "score", tell: Callable[[str], None] = lambda _: None
) -> pd.DataFrame:
    """The pool of a ``.jsonl``, ``.json`` or ``.parquet`` file, its own kind or one of ``importers.py``.

    Without ``correct`` the answers are graded against a column ``reference``, which takes time: ``tell``
    hears how far it is. Of ``answer`` and ``score`` (by another name, if you like), one that is empty is left
    out. Equal answers to a question come out spelled alike: those that are right, and wrong ones of equal
    value. Raises BadInput, in one sentence, for whatever cannot be used.
    """
    path = Path(path)
    pool = imported(_table(path), path.name)
    if pool.empty:
        raise BadInput(f"{path.name} holds no solutions.")
    if "question" not in pool:
        raise BadInput(f"{path.name} is no pool: it has no column question, one row a sampled solution.")
    kind = pd.api.types.infer_dtype(pool["question"], skipna=False)
    if kind not in ("integer", "string") or pool["question"].isna().any():
        raise BadInput(f"The column question of {path.name} must hold whole numbers everywhere, or texts.")
    pool = _with_samples(pool, path.name)
    if "answer" in pool:
        pool["answer"] = _answers(pool["answer"], path.name)
        if pool["answer"].isna().all():
            pool = pool.drop(columns="answer")
    if score in pool:
        pool[score] = _scores(pool[score], path.name)
        if pool[score].isna().all():
            pool = pool.drop(columns=score)
    if "correct" not in pool:
        pool["correct"] = _graded(pool, path.name, tell)
    pool["correct"] = _booleans(pool["correct"], path.name)
    if "answer" in pool:
        pool["answer"] = _spelled_alike(pool)
    return pool


def _table(path: Path) -> pd.DataFrame:
    readers = dict(zip(FORMATS, (_read_jsonl, _read_json, pd.read_parquet), strict=True))
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
        raise BadInput(f"{path.name} cannot be read, or is damaged, or is no {path.suffix} file.") from None
    if table.columns.has_duplicates:
        raise BadInput(f"{path.name} has two columns of the same name: leave one out.")
    return table


def _read_jsonl(path: Path) -> pd.DataFrame:
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    return _objects([json.loads(line) for line in lines if line.strip()], path)


def _read_json(path: Path) -> pd.DataFrame:
    return _objects(json.loads(path.read_text(encoding="utf-8-sig")), path)


def _objects(rows: Any, path: Path) -> pd.DataFrame:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadInput(f"{path.name} is not a list of JSON objects, one a solution.")
    return pd.DataFrame(rows)


def _with_samples(pool: pd.DataFrame, title: str) -> pd.DataFrame:
    """The pool with its samples numbered, unless they are."""
    if "sample" not in pool:
        return pool.assign(sample=pool.groupby("question").cumcount())
    if pd.api.types.infer_dtype(pool["sample"], skipna=False) != "integer":
        raise BadInput(f"The column sample of {title} must hold whole numbers; or leave it out.")
    twice = pool[pool.duplicated(["question", "sample"])]
    if len(twice):
        question, sample = twice.iloc[0][["question", "sample"]]
        raise BadInput(f"{title} has sample {sample} of question {str(question)[:40]} twice.")
    return pool.copy()


def _answers(column: pd.Series, title: str) -> pd.Series:
    """Texts; numbers as texts; what is missing or empty as None."""

    def text(answer: Any) -> str | None:
        if isinstance(answer, str):
            return answer.strip() or None
        if answer is None or answer is pd.NA or (isinstance(answer, float) and np.isnan(answer)):
            return None
        if isinstance(answer, bool | np.bool_) or not isinstance(answer, int | float | np.number):
            raise BadInput(f"The column answer of {title} must hold texts or numbers, or nothing.")
        return str(answer)

    return pd.Series([text(answer) for answer in column], index=column.index, dtype=object)


def _scores(column: pd.Series, title: str) -> pd.Series:
    kinds = ("floating", "integer", "mixed-integer-float", "empty")
    usable = pd.api.types.infer_dtype(column, skipna=True) in kinds
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    if not usable or np.isinf(numbers).any():
        raise BadInput(f"The column {column.name} of {title} must hold finite numbers, or nothing.")
    return numbers


def _booleans(column: pd.Series, title: str) -> pd.Series:
    kind = pd.api.types.infer_dtype(column, skipna=False)
    if kind not in ("boolean", "integer") or not set(column.unique()) <= {0, 1}:
        raise BadInput(f"The column correct of {title} must say true or false for every solution.")
    return column.astype(bool)


def _graded(pool: pd.DataFrame, title: str, tell: Callable[[str], None]) -> pd.Series:
    """Whether each answer equals its reference; one that cannot be read or compared does not."""
    if "reference" not in pool or "answer" not in pool:
        raise BadInput(
            f"{title} does not say which solutions are right: add a column correct (true or false), or the "
            "columns answer and reference to grade by."
        )
    references = _answers(pool["reference"], title)
    pairs = list(zip(references, pool["answer"], strict=True))
    verdicts = {}
    with Grader() as grader:
        for pair in dict.fromkeys(pairs):
            verdicts[pair] = None not in pair and grader.verdict(*pair) == "equal"
            tell(f"{len(verdicts):,} answers graded")
    return pd.Series([verdicts[pair] for pair in pairs], index=pool.index)


def _spelled_alike(pool: pd.DataFrame) -> pd.Series:
    """The answers, each as the first of its question that equals it. All right ones do, as they equal the
    reference; wrong ones by their values (``problems/values.py``), or else by their letters."""
    says = {answer: _said(answer) for answer in pool["answer"].dropna().unique()}
    said = pd.Series(pd.factorize(pool["answer"].map(says))[0], index=pool.index)
    right = pool["correct"].groupby([pool["question"], said]).transform("all")
    said[right & (said >= 0)] = said.max() + 1
    return pool["answer"].groupby([pool["question"], said]).transform("first")


def _said(answer: str) -> tuple[Any, ...]:
    text = plain(read_answer(answer) or answer)
    value = value_of(text)
    return (value.numbers, value.unit) if isinstance(value, Quantity) else (compact(text),)
