"""Whether an answer is right, and whether two answers are the same."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import IO, Any, Literal, get_args

from ttc_explorer.asset_files import PACKAGE_FOLDER
from ttc_explorer.problems.answer_checker import AnswerChecker
from ttc_explorer.problems.answer_equality import MAX_CHARACTERS, answers_equal
from ttc_explorer.problems.answer_normalisation import normalise_answer
from ttc_explorer.problems.answer_reader import read_answer, read_solution
from ttc_explorer.problems.answer_values import WordAnswer, parse_value
from ttc_explorer.problems.families import recognise
from ttc_explorer.problems.problem import BadInput, Problem

log = logging.getLogger(__name__)

Verdict = Literal["equal", "different", "unreadable", "timeout"]
"""``timeout``: the comparison did not end within its limits of time and memory, so nobody knows."""

MAX_ANSWER_LENGTH = 20_000
"""Longer answers are unreadable, in characters."""


class Grader:
    r"""Compares answers: plain ones at once, formulas in a guarded process of its own
    (``formula_checker.py``).

    The process starts with the first formula and ends with the grader. Any thread may ask.

    >>> with Grader() as grader:
    ...     grader.verdict("1/2", r"Therefore it is $\boxed{0.5}$.")
    ...     grader.verdict("12", "10, 11 or 12")
    'equal'
    'different'
    """

    def __init__(self) -> None:
        self._process = _ComparisonProcess()
        self._compare_formulas = lru_cache(maxsize=10_000)(self._process.compare)

    def __enter__(self) -> Grader:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the process, so that it is loaded by the time that a formula comes."""
        self._process.start()

    def close(self) -> None:
        """End the process. A later formula starts another."""
        self._process.close()

    def equal(self, reference: str, answer: str) -> bool:
        """Whether two answers to one question are the same answer, as for votes.

        The order of a bare list counts: ``3,5`` and ``5,3`` differ where they stand for x and y,
        and a vote that is split does less harm than a right and a wrong answer that share one.
        """
        reference, answer = _read(reference), _read(answer)
        plain = _compare_plainly(reference, answer, ordered=True)
        return (plain or self._compare_formulas(reference, answer, True)) == "equal"

    def verdict(self, reference: str, prediction: str) -> Verdict:
        """Whether ``prediction``, an answer or a whole solution, agrees with the reference answer.

        A bare list agrees in any order: ``5, 3`` with ``3, 5``. What is written just as the
        reference is agrees with it, whatever it is.
        """
        plain = self.plain_verdict(reference, prediction)
        if plain is not None:
            return plain
        return self._compare_formulas(_read(reference), _read_solution(prediction), False)

    def plain_verdict(self, reference: str, prediction: str) -> Verdict | None:
        """``verdict`` where it takes no comparison of formulas, which is a thousand times slower;
        None where it does."""
        reference = _read(reference)
        if _is_copy(reference, prediction):
            return "equal"
        return _compare_plainly(reference, _read_solution(prediction), ordered=False)


def _compare_plainly(reference: str, answer: str, ordered: bool) -> Verdict | None:
    """The verdict on an answer that is read, None if formulas have to be compared for it."""
    if not answer.strip() or max(len(answer), len(reference)) > MAX_ANSWER_LENGTH:
        return "unreadable"
    decided = answers_equal(reference, answer, ordered, compare_formulas=lambda *_: None)
    if decided is not None:
        return "equal" if decided else "different"
    return "unreadable" if max(len(answer), len(reference)) > MAX_CHARACTERS else None


def _read(answer: str) -> str:
    """The answer that a text marks, or the text itself."""
    return read_answer(answer) or answer


def _read_solution(solution: str) -> str:
    """The answer of a whole solution, empty if it has none."""
    reading = read_solution(solution)
    return reading.text if reading else ""


def _is_copy(reference: str, prediction: str) -> bool:
    """Whether the prediction is the reference's own wording, which need not be readable."""
    if not reference.strip() or len(prediction) > 2 * len(reference) + 20:
        return False
    one, other = normalise_answer(reference), normalise_answer(prediction)
    if one == other:
        return reference == prediction or one != ""
    words = parse_value(one)
    return isinstance(words, WordAnswer) and words == parse_value(other)


def make_answer_checker(problem: Problem, grader: Grader) -> AnswerChecker:
    """How to compare answers to ``problem``: exactly, as its family does, if it has one; else by
    the grader, and against the reference answer if there is one."""
    recognised = recognise(problem.text)
    if recognised is not None:
        return AnswerChecker(recognised.equal, recognised.is_correct)
    reference = problem.answer
    if reference is None:
        return AnswerChecker(grader.equal)
    return AnswerChecker(grader.equal, lambda answer: grader.verdict(reference, answer) == "equal")


def grade_lines(lines: Iterable[str], grader: Grader) -> Iterator[dict[str, Any]]:
    """JSON lines with ``reference`` and ``prediction``, each with its ``verdict`` and ``equal``
    added.

    Empty lines are skipped. Raises BadInput, naming the line, when one cannot be used.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise BadInput(f"Line {number} is not JSON: write one object a line.") from None
        if not isinstance(row, dict):
            raise BadInput(f"Line {number} is not a JSON object with a reference and a prediction.")
        reference, prediction = (
            _field_text(row, key, number) for key in ("reference", "prediction")
        )
        verdict = grader.verdict(reference, prediction)
        yield {**row, "verdict": verdict, "equal": verdict == "equal"}


def _field_text(row: dict[str, Any], key: str, number: int) -> str:
    """A text or number of a row as text; a prediction may be null."""
    value = row.get(key)
    if value is None and key == "prediction" and key in row:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadInput(f'Line {number} has no "{key}": give it as a text or a number.')
    if key == "reference" and not str(value).strip():
        raise BadInput(f'Line {number} has an empty "reference".')
    return str(value)


class _ComparisonProcess:
    """The guarded process, started when first asked and started again should it ever end."""

    def __init__(self) -> None:
        self._reset()

    def compare(self, reference: str, answer: str, ordered: bool) -> Verdict:
        self._disown_after_fork()
        with self._lock:
            for _ in range(2):
                reply = self._request_verdict(json.dumps([reference, answer, ordered]))
                if reply:
                    return reply
        log.error("the process that compares formulas does not start or does not live")
        return "timeout"

    def start(self) -> None:
        self._disown_after_fork()
        with self._lock:
            self._pipes()

    def close(self) -> None:
        with self._lock:
            if self._owner == os.getpid():
                self._terminate()

    def _reset(self) -> None:
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._subprocess: subprocess.Popen[str] | None = None

    def _disown_after_fork(self) -> None:
        if self._owner != os.getpid():  # the process belongs to our parent
            self._reset()

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        """What the process reads and what it writes; it is started if it does not run."""
        if self._subprocess is None:
            self._subprocess = subprocess.Popen(
                [sys.executable, "-m", "ttc_explorer.problems.formula_checker"],
                cwd=PACKAGE_FOLDER.parent,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,  # the terminal's Ctrl-C is for us
            )
            self._finalizer = weakref.finalize(self, _kill, self._subprocess, self._owner)
        return _pipes(self._subprocess)

    def _request_verdict(self, line: str) -> Verdict | None:
        """The reply to a line, None if the process ended instead."""
        requests, replies = self._pipes()
        verdict: Verdict | None = None
        try:
            print(line, file=requests, flush=True)
            reply = replies.readline().strip()
            verdict = next((each for each in get_args(Verdict) if each == reply), None)
        except BrokenPipeError:
            pass
        finally:
            if verdict is None:  # it died, or we were interrupted before it replied
                self._terminate()
        return verdict

    def _terminate(self) -> None:
        if self._subprocess is not None:
            self._finalizer()
            requests, replies = _pipes(self._subprocess)
            with contextlib.suppress(BrokenPipeError):
                requests.close()
            replies.close()
            self._subprocess = None


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    """What it reads and what it writes."""
    assert process.stdin
    assert process.stdout
    return process.stdin, process.stdout


def _kill(process: subprocess.Popen[str], owner: int) -> None:
    """End the process and its fork at once, if it is ours."""
    if os.getpid() == owner:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


__all__ = [
    "MAX_ANSWER_LENGTH",
    "Grader",
    "Verdict",
    "grade_lines",
    "make_answer_checker",
    "read_answer",
]
