"""Equal answers of a pool as one answer, the wrong ones too: to merge only the right ones flatters
every vote.

Most answers are compared by a canonical key alone. Only what has none, or may equal another key, is
compared in pairs, as ``problems/grading.py`` does for a live run's votes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from fractions import Fraction
from functools import lru_cache

import numpy as np
import pandas as pd

from ttc_explorer.problems.answer_normalisation import normalise_answer, strip_insignificant_spaces
from ttc_explorer.problems.answer_reader import read_answer
from ttc_explorer.problems.answer_values import Quantity, parse_value
from ttc_explorer.problems.grading import MAX_ANSWER_LENGTH, Grader

MAX_SECONDS = 20.0
"""Time for comparisons in pairs; answers that are left are compared by their keys."""

SLOW_SECONDS = 2.0

VERBATIM = "verbatim"
"""A column of true and false: answers that are no values, such as expressions to find, are equal
only where their letters are."""


def merge_equal_answers(
    pool: pd.DataFrame,
    grader: Grader,
    on_progress: Callable[[str], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> pd.Series:
    """The answers, each written as the first one of its question that equals it.

    All right answers of a question are one, as they equal the reference; a right and a wrong one
    never are. Verbatim ones are compared by their letters, right or wrong.

    Args:
        pool: ``question``, ``answer`` (None where it cannot be read), ``correct`` and, if any are
            to be compared by their letters, ``verbatim``.
        grader: compares formulas.
        on_progress: called with a message on how far it is.
        clock: seconds, for the limit of MAX_SECONDS.

    Returns:
        The column ``answer``, canonical.
    """
    verbatim = pool[VERBATIM].astype(bool) if VERBATIM in pool else np.zeros(len(pool), bool)
    keys: list[Hashable] = []
    for answer, by_letters in zip(pool["answer"], verbatim, strict=True):
        if isinstance(answer, str):
            keys.append((answer,) if by_letters else _answer_key(answer))
        else:
            keys.append(None)
        on_progress(f"{len(keys):,} answers read")
    codes = pd.Series(pd.factorize(pd.Series(keys, index=pool.index, dtype=object))[0], pool.index)
    groups = [pool["question"], codes]
    # A verdict that differs among equal answers does not make them two.
    right = pool["correct"].astype(bool).groupby(groups).transform("all") & (codes >= 0)
    right &= ~verbatim
    codes[right] = codes.max() + 1

    pairs = _PairComparison(grader, clock)
    candidates = pool.assign(code=codes)[(codes >= 0) & ~right & ~verbatim]
    first = candidates.drop_duplicates(["question", "code"])
    merged: dict[tuple[Hashable, int], int] = {}
    questions = first["question"].nunique()
    for done, (question, rows) in enumerate(first.groupby("question", sort=False), 1):
        classes: list[tuple[str, int]] = []
        formulas: list[tuple[str, int]] = []  # those among them that a whole number may equal
        for answer, code in zip(rows["answer"], rows["code"], strict=True):
            if pairs.out_of_time:
                break
            whole = _is_whole_number(answer)
            same = (
                other
                for name, other in (formulas if whole else classes)
                if pairs.equal(name, answer)
            )
            equal_code = next(same, None)
            if equal_code is None:
                classes.append((answer, code))
                if not whole:
                    formulas.append((answer, code))
            else:
                merged[question, code] = equal_code
            on_progress(f"{len(classes):,} different answers to a question compared")
        on_progress(f"answers to {done:,} of {questions:,} questions compared")
    if merged:
        owners = zip(pool["question"], codes, strict=True)
        codes = pd.Series([merged.get(owner, owner[1]) for owner in owners], pool.index)
    return pool["answer"].groupby([pool["question"], codes]).transform("first")


class _PairComparison:
    """Comparisons within MAX_SECONDS in all. An answer that one of them took long over (the grader
    gives up after some seconds) is not compared again."""

    def __init__(self, grader: Grader, clock: Callable[[], float]) -> None:
        self._grader = grader
        self._clock = clock
        self._deadline = clock() + MAX_SECONDS
        self._slow: set[str] = set()

    @property
    def out_of_time(self) -> bool:
        """Whether no two answers are compared any more."""
        return self._clock() > self._deadline

    def equal(self, answer: str, other: str) -> bool:
        """Whether two answers are equal, as far as time allows to tell."""
        begun = self._clock()
        if begun > self._deadline or {answer, other} & self._slow:
            return False
        equal = self._grader.equal(answer, other)
        if self._clock() - begun > SLOW_SECONDS:
            self._slow |= {answer, other}
        return equal


@lru_cache(maxsize=65_536)
def _answer_key(answer: str) -> Hashable:
    """What equal answers share, as far as it can be told from each alone."""
    if len(answer) > MAX_ANSWER_LENGTH:
        return (answer,)
    text = normalise_answer(read_answer(answer) or answer)
    value = parse_value(text)
    if isinstance(value, Quantity):
        return value.numbers, value.unit
    return (strip_insignificant_spaces(text),)


def _is_whole_number(answer: str) -> bool:
    match _answer_key(answer):
        case ((Fraction(denominator=1),), None):
            return True
    return False
