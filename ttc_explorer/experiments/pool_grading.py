"""Which samples of a pool are right, where its file says only what the right answers are.

A pool may be large, and some formulas take a second to compare: whoever draws it need not wait for
the last one. Comparisons that are decided at once come first, question by question, then those that
need the process for formulas (``problems/grading.py``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator

import pandas as pd

from ttc_explorer.problems.grading import Grader, Verdict

FIRST_SECONDS = 0.25
"""After so long there is a first part, the next after twice as long, and so on, so that drawing the
parts costs no more than grading them."""

AnswerPair = tuple[str | None, str | None]


def graded_so_far(
    pool: pd.DataFrame,
    grader: Grader,
    on_progress: Callable[[str], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[pd.DataFrame]:
    """The questions of a pool that are graded, again and again until all are.

    Args:
        pool: ``question``, and ``correct``; or without it ``answer`` and ``reference``, each a text
            or None.
        grader: compares an answer with its reference.
        on_progress: called with a message on how far it is.
        clock: seconds.

    Returns:
        Pools with ``correct`` in every row: some questions with all their samples, at least one;
        the last is the whole pool, with its rows in their order. An answer that cannot be read or
        compared is wrong.
    """
    if "correct" in pool:
        yield pool
        return
    pairs = pd.Series(list(zip(pool["reference"], pool["answer"], strict=True)), pool.index)
    pairs_of = {
        question: list(dict.fromkeys(of_question))
        for question, of_question in pairs.groupby(pool["question"], sort=False)
    }
    all_pairs = pairs.nunique()
    verdicts: dict[AnswerPair, Verdict] = {}
    graded: set[Hashable] = set()

    def graded_questions() -> pd.DataFrame:
        rows = pool["question"].isin(graded)
        right = [verdicts[pair] == "equal" for pair in pairs[rows]]
        return pool[rows].assign(correct=right)

    wait = FIRST_SECONDS
    due, handed_out = clock() + wait, 0
    for decide in (grader.plain_verdict, grader.verdict):
        for question, of_question in pairs_of.items():
            if question in graded:
                continue
            for pair in of_question:
                if pair not in verdicts and (verdict := _verdict(decide, pair)):
                    verdicts[pair] = verdict
                    on_progress(f"{len(verdicts):,} of {all_pairs:,} answers graded")
            if all(pair in verdicts for pair in of_question):
                graded.add(question)
            else:
                grader.start()  # meanwhile the other plain ones are compared
            if clock() > due and handed_out < len(graded) < len(pairs_of):
                yield graded_questions()
                wait *= 2
                due, handed_out = clock() + wait, len(graded)
        if handed_out < len(graded) < len(pairs_of):
            yield graded_questions()
            handed_out = len(graded)
    yield graded_questions()


def _verdict(decide: Callable[[str, str], Verdict | None], pair: AnswerPair) -> Verdict | None:
    """The verdict on an answer, "unreadable" where one of the two is missing; None if ``decide``
    leaves it open."""
    reference, answer = pair
    return "unreadable" if reference is None or answer is None else decide(reference, answer)
