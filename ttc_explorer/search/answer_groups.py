"""Equal answers of a run under one spelling, each judged once."""

from __future__ import annotations

from ttc_explorer.problems.answer_checker import AnswerChecker
from ttc_explorer.problems.answer_phrase import has_value
from ttc_explorer.problems.answer_reader import AnswerReading, read_answer, read_solution
from ttc_explorer.search.run import Run


class AnswerGroups:
    """Groups the answers of a run's finished solutions.

    Args:
        checker: Says which answers are equal.
        run: ``run.correct`` gets whether each group's answer is right, where the reference is
            known; the tree's notes say so when an answer was read that no solution marks.
        reads_unmarked: Whether the answer of a solution without a mark is read from its end, as a
            chat model's is. A model that was taught to mark its answers gives none without a mark.
    """

    def __init__(self, checker: AnswerChecker, run: Run, reads_unmarked: bool) -> None:
        self._checker = checker
        self._run = run
        self._reads_unmarked = reads_unmarked
        self._has_noted = False
        self._canonical = {answer: answer for answer in run.tree.answer if answer is not None}

    def read(self, solution: str) -> str | None:
        """A finished solution's answer, spelled as the first answer that was equal to it; None if
        none can be read."""
        answer = self.read_interim(solution)
        is_correct = self._checker.is_correct
        if answer is not None and is_correct is not None and answer not in self._run.correct:
            self._run.correct[answer] = is_correct(answer)
        return answer

    def read_interim(self, solution: str) -> str | None:
        """The same of an answer that nobody gives yet: it is not judged."""
        answer = self._read_unmarked(solution) if self._reads_unmarked else read_answer(solution)
        if answer is None:
            return None
        if answer not in self._canonical:
            known = dict.fromkeys(self._canonical.values())
            equal = (other for other in known if self._checker.equal(other, answer))
            self._canonical[answer] = next(equal, answer)
        return self._canonical[answer]

    def _read_unmarked(self, solution: str) -> str | None:
        reading = read_solution(solution)
        if reading is None or not (reading.is_marked or has_value(reading.text)):
            return None  # a last sentence without a value (it was cut, say) states nothing
        if not reading.is_marked and not self._has_noted:
            self._has_noted = True
            self._run.tree.note(_note(reading), read_from=reading.source.value)
        return reading.text


def _note(reading: AnswerReading) -> str:
    return (
        f"Where a solution marks no answer, one is read: {reading.text[:80]} from "
        f"{reading.source.value}."
    )
