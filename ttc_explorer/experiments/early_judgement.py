"""Whether a verifier can judge where the decision falls: its AUC at the step where a family's first
errors are made.

The AUC over whole solutions says little about search: a text that prints its own check at the end
is easy to judge there, while the guess that decided it, lines before, is not. What a search prunes
by is the score at that guess.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

JUDGES_EARLY = 0.75
"""AUC at the deciding step from which on a verifier is said to judge it: half of the way from
guessing to knowing."""

_COLUMNS = ("family", "line_scores", "line_right")


@dataclass(frozen=True)
class EarlyJudgement:
    """``families``, one row a family: ``step`` where most first errors fall (1 the first line),
    their ``share`` there, the ``auc`` there, and the ``questions`` that it is the mean of.
    ``by_question`` (question → AUC there) is nan where its solutions are all right or all wrong at
    that step."""

    families: pd.DataFrame
    by_question: pd.Series


def early_judgement(probe: pd.DataFrame) -> EarlyJudgement | None:
    """The verifier's AUC at the deciding step, by family.

    Args:
        probe: one row a solution, with ``family``, ``line_scores`` (the verifier's, of each line)
            and ``line_right`` (an exact checker's word on each line).

    Returns:
        The AUC among solutions that are right up to that step, within each question and averaged
        over questions; None where the probe has no families, or was not checked line by line.
    """
    if any(column not in probe or probe[column].isna().all() for column in _COLUMNS):
        return None
    checked = probe[probe["line_right"].notna() & probe["line_scores"].notna()]
    rows: list[dict[str, object]] = []
    values: dict[int, float] = {}
    for family, solutions in checked.groupby("family"):
        first_errors = solutions["line_right"].map(_first_error)
        made = first_errors[first_errors >= 0]
        if made.empty:
            continue
        step = int(made.mode().iloc[0])
        is_reached = (solutions["line_right"].map(len) > step) & (
            (first_errors < 0) | (first_errors >= step)
        )
        reached = solutions[is_reached]
        right = reached["line_right"].str[step].astype(bool)
        scores = reached["line_scores"].str[step].astype(float)
        aucs = {
            question: area_under_curve(scores[rows_of], right[rows_of])
            for question, rows_of in reached.groupby("question").groups.items()
        }
        values |= aucs
        known = [auc for auc in aucs.values() if np.isfinite(auc)]
        rows.append(
            {
                "family": family,
                "step": step + 1,
                "share": float((made == step).mean()),
                "auc": float(np.mean(known)) if known else np.nan,
                "questions": len(known),
            }
        )
    if not rows:
        return None
    by_question = pd.Series(values, dtype=float).rename_axis("question")
    return EarlyJudgement(pd.DataFrame(rows).set_index("family"), by_question)


def area_under_curve(scores: pd.Series, right: pd.Series) -> float:
    """The chance that a right one scores above a wrong one, ties half; nan without both."""
    good, bad = scores[right].to_numpy(float), scores[~right].to_numpy(float)
    if not len(good) or not len(bad):
        return float("nan")
    above = (good[:, None] > bad).mean()
    return float(above + (good[:, None] == bad).mean() / 2)


def _first_error(right: NDArray[np.bool_]) -> int:
    """The place of the first wrong line, -1 for none."""
    marks = np.asarray(right, bool)
    return -1 if marks.all() else int(marks.argmin())
