"""The endpoint ``grade``: whether a prediction equals a reference answer."""

from __future__ import annotations

from ttc_explorer.problems.grading import Grader
from ttc_explorer.ui.endpoints.endpoint_requests import Replies, check_texts, in_a_sentence


class GradeEndpoint:
    """What grades for programs; formulas in one guarded process, which the first of them starts."""

    def __init__(self) -> None:
        self._grader = Grader()

    @in_a_sentence
    def grade(self, reference: str, prediction: str) -> Replies:
        """Say whether a prediction equals the reference answer: equal, different, unreadable, or
        timeout where the comparison took too long.

        Args:
            reference: the right answer, such as "1/2"
            prediction: an answer or a whole solution, such as "So it is 0.5."
        """
        check_texts(reference=reference, prediction=prediction)
        verdict = self._grader.verdict(reference, prediction)
        yield {"verdict": verdict, "equal": verdict == "equal"}
