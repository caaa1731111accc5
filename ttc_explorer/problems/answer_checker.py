"""Compares the answers to one problem: which are equal, and which are correct."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ttc_explorer.problems.problem import Problem


@dataclass(frozen=True)
class AnswerChecker:
    """``equal`` says whether two answers are equal; ``is_correct`` whether one is correct, None
    without a reference."""

    equal: Callable[[str, str], bool]
    is_correct: Callable[[str], bool] | None = None


CheckerFactory = Callable[[Problem], AnswerChecker]


def exact_match_checker(problem: Problem) -> AnswerChecker:
    """Exact match: answers are equal if their strings are; there is no reference."""
    return AnswerChecker(str.__eq__)
