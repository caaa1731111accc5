"""Equal answers of a run under one spelling, each judged once."""

from __future__ import annotations

from ttc_explorer.problems.answer_checker import AnswerChecker
from ttc_explorer.problems.answer_reader import read_answer


class AnswerGroups:
    """Groups the answers of finished solutions by ``checker``, and writes into ``correct`` whether
    each group's answer is right, where the reference is known."""

    def __init__(self, checker: AnswerChecker, correct: dict[str, bool]) -> None:
        self._checker = checker
        self._correct = correct
        self._canonical: dict[str, str] = {}

    def read(self, solution: str) -> str | None:
        """A finished solution's answer, spelled as the first answer that was equal to it; None if
        none can be read."""
        answer = read_answer(solution)
        if answer is None:
            return None
        if answer not in self._canonical:
            known = dict.fromkeys(self._canonical.values())
            equal = (other for other in known if self._checker.equal(other, answer))
            self._canonical[answer] = next(equal, answer)
            if self._canonical[answer] == answer and self._checker.is_correct is not None:
                self._correct[answer] = self._checker.is_correct(answer)
        return self._canonical[answer]
