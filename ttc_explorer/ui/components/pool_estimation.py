"""Somebody's pool as curves, one after the other, with word of how far it is in between."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ttc_explorer.experiments.estimators import COVERAGE
from ttc_explorer.experiments.importers import IMPORTERS
from ttc_explorer.experiments.pool import merge_answers, read_samples
from ttc_explorer.experiments.pool_curves import available_selectors, default_ks, each_curve
from ttc_explorer.experiments.pool_grading import graded_so_far
from ttc_explorer.file_bounds import bounds_in_force
from ttc_explorer.problems.grading import Grader
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.serving.free_memory import release_free_memory

MAX_FILE_NAME_CHARACTERS = 60
SECONDS_BETWEEN_MESSAGES = 0.3


@dataclass(frozen=True)
class UploadedPool:
    """A pool, estimated.

    Attributes:
        name: of the file, or of the model.
        curve_points: points as ``accuracy_curves`` takes them.
        questions: how many the points rest on.
        samples: the most of a question.
        notes: sentences on what was done with it.
        all_questions: how many there are: more than ``questions`` while they are graded.
        unfinished: what is estimated next; empty when all is.
        share: how many of the curves there are, from 0 to 1; of one that rests on some of the
            questions, the share of them.
    """

    name: str
    curve_points: pd.DataFrame
    questions: int
    samples: int
    notes: tuple[str, ...]
    all_questions: int
    unfinished: str = ""
    share: float = 1.0


Report = Callable[[UploadedPool | str], None]


def estimate_pool(
    path: Path, columns: Mapping[str, str] | None = None
) -> Iterator[UploadedPool | str]:
    """The pool in a file, with one curve more every time; and messages on how far it is. While
    answers are graded, the first curve rests on the questions that are.

    Args:
        path: the file.
        columns: names of a pool's columns in it (``read_pool``).

    Raises:
        BadInput: the file cannot be used, or takes longer than it may.
    """
    allowed = bounds_in_force().seconds

    def work(
        report: Callable[[UploadedPool | str], None], check_reader: Callable[[], None]
    ) -> None:
        latest = begun = time.monotonic()

        def on_progress(message: str) -> None:
            nonlocal latest
            check_reader()
            if time.monotonic() - begun > allowed:
                raise BadInput(
                    f"{path.name} takes more than {allowed:.0f} s to read: leave questions or "
                    "samples out."
                )
            if time.monotonic() - latest > SECONDS_BETWEEN_MESSAGES:
                latest = time.monotonic()
                report(message)

        samples = read_samples(path, columns=columns)
        selectors, questions = available_selectors(samples), samples["question"].nunique()
        with Grader() as grader:
            for graded in graded_so_far(samples, grader, on_progress):
                curves = list(each_curve(graded, default_ks(graded), [COVERAGE]))
                report(_uploaded_pool(path, graded, curves, selectors, questions))
            pool = merge_answers(graded, grader, on_progress)
        for curve in each_curve(pool, default_ks(pool), selectors[1:]):
            curves.append(curve)
            report(_uploaded_pool(path, pool, curves, selectors, questions))

    return _reports(work)


class _ReaderLeft(Exception):
    """Nobody waits for the reports any more."""


def _reports(
    work: Callable[[Report, Callable[[], None]], None],
) -> Iterator[UploadedPool | str]:
    """What ``work`` reports, as soon as it does; it runs in a thread, and what it raises is raised
    here. Its second argument ends it once whoever reads the reports has left."""
    reports: queue.SimpleQueue[UploadedPool | str | Exception | None] = queue.SimpleQueue()
    left = threading.Event()

    def check_reader() -> None:
        if left.is_set():
            raise _ReaderLeft

    def report(found: UploadedPool | str) -> None:
        check_reader()
        reports.put(found)

    def run() -> None:
        try:
            work(report, check_reader)
        except Exception as error:  # raised again where it is shown
            reports.put(error)
        reports.put(None)
        release_free_memory()

    threading.Thread(target=run, daemon=True, name="pool estimation").start()
    try:
        while (found := reports.get()) is not None:
            if isinstance(found, Exception):
                raise found
            yield found
    finally:
        left.set()


def _uploaded_pool(
    path: Path,
    pool: pd.DataFrame,
    curves: list[pd.DataFrame],
    selectors: list[str],
    all_questions: int,
) -> UploadedPool:
    sizes = pool.groupby("question").size()
    found = pd.concat(curves, ignore_index=True)
    notes = list(found["note"].dropna().unique()) if "note" in found else []
    if pool.attrs.get("format"):
        notes.insert(0, f"Read as {IMPORTERS[pool.attrs['format']].title}.")
    if "score" not in pool:
        notes.append("It has no scores: what a verifier would choose cannot be drawn.")
    lacking = [
        estimator_title(name).lower()
        for name, rule in SELECTORS.items()
        if rule.needs == "logprobs" and name not in selectors
    ]
    if lacking:
        notes.append(
            f"It has no column confidence_mean, made of the model's token log-probabilities: "
            f"{', '.join(lacking)} cannot be drawn."
        )
    following = selectors[len(curves) : len(curves) + 1]
    return UploadedPool(
        path.name[:MAX_FILE_NAME_CHARACTERS],
        curve_table(found),
        len(sizes),
        int(sizes.max()),
        tuple(notes),
        all_questions,
        "".join(map(estimator_title, following)),
        (len(curves) - 1 + len(sizes) / all_questions) / len(selectors),
    )


def curve_table(curves: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``pool_curves`` as the chart takes them."""
    return curves.rename(columns={"k": "budget"}).assign(
        arm=[estimator_title(name) for name in curves["selector"]],
        tone=curves["selector"],
        panel="",
    )


def estimator_title(name: str) -> str:
    """What people read for coverage or a selector."""
    return "Coverage" if name == COVERAGE else SELECTORS[name].title
