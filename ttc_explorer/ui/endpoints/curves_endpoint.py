"""The endpoint ``curves``: accuracy against samples, from a pool that a program sends."""

from __future__ import annotations

import time
from typing import Any

import pandas as pd

from ttc_explorer.experiments.importers.source_document import SourceDocument
from ttc_explorer.experiments.pool import check_samples, grade_and_merge, pool_table
from ttc_explorer.experiments.pool_curves import available_selectors, default_ks, each_curve
from ttc_explorer.file_bounds import bounds_in_force
from ttc_explorer.problems.grading import Grader
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.settings import parse_seed
from ttc_explorer.ui.endpoints.endpoint_requests import Replies, check_texts, in_a_sentence

MAX_GRADED_ROWS = 1000
"""Solutions that are graded for a program, since each may take seconds."""
MAX_KS = 64
"""Numbers of samples at once: each takes as long as the one before."""
NAME = "The pool"


@in_a_sentence
def curves(
    pool: list[dict[str, Any]],
    k: list[int] | None = None,
    selectors: list[str] | None = None,
    score: str = "score",
    seed: int = 0,
) -> Replies:
    """Estimate accuracy against the number of samples, with 95 % intervals, from sampled solutions:
    the rows so far after each selector, at last all.

    Args:
        pool: rows of question, answer, correct (or reference), and score where there is one
        k: numbers of samples, such as [1, 4, 16]; powers of two where none are given
        selectors: of coverage, best, majority, weighted and so on; all that the pool allows
        score: the column that best and weighted go by
        seed: of the subsets and the bootstrap
    """
    check_texts(score=score)
    if not isinstance(pool, list) or not all(isinstance(row, dict) for row in pool) or not pool:
        raise BadInput("The pool must be a list of objects, one for each sampled solution.")
    if k is not None and not (isinstance(k, list) and all(type(each) is int for each in k)):
        raise BadInput("The k must be a list of whole numbers, such as [1, 4, 16].")
    if len(k or ()) > MAX_KS:
        raise BadInput(f"The k must be a list of at most {MAX_KS} whole numbers.")
    if selectors is not None and not isinstance(selectors, list):
        raise BadInput("The selectors must be a list of names.")
    allowed, begun = bounds_in_force().seconds, time.monotonic()

    def check_time(*progress: object) -> None:
        if time.monotonic() - begun > allowed:
            raise BadInput(
                f"{NAME} takes more than {allowed:.0f} s: leave questions or samples out."
            )

    document = SourceDocument(NAME, pool, lambda _: None)
    samples = check_samples(pool_table(document, {}, score), NAME, score)
    if "correct" not in samples and len(samples) > MAX_GRADED_ROWS:
        raise BadInput(
            f"Only {MAX_GRADED_ROWS:,} rows can be graded here: give a column correct, or use the "
            "command curves."
        )
    with Grader() as grader:
        solutions = grade_and_merge(samples, grader, check_time)
    wanted = selectors or available_selectors(solutions, score)
    check_texts(**{f"selector {place}": name for place, name in enumerate(wanted, 1)})
    rows: list[dict[str, Any]] = []
    for table in each_curve(solutions, k or default_ks(solutions), wanted, score, parse_seed(seed)):
        rows += [_plain(row) for _, row in table.iterrows()]
        yield {"rows": list(rows)}
        check_time()


def _plain(row: pd.Series) -> dict[str, Any]:
    """A row without what is missing, of Python's own numbers."""
    return {
        name: value.item() if hasattr(value, "item") else value
        for name, value in row.dropna().to_dict().items()
    }
