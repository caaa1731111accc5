"""Five questions that whoever did the first three lessons can answer from what they saw."""

from __future__ import annotations

from typing import NamedTuple


class TeacherQuestion(NamedTuple):
    """A question, and the answer to expect."""

    question: str
    answer: str


TEACHER_QUESTIONS = (
    TeacherQuestion(
        "What does N stand for, and what does a larger N cost?",
        "How many solutions the strategy may spend on a question; tokens and FLOPs grow in "
        "proportion, waiting time hardly does where attempts run side by side.",
    ),
    TeacherQuestion(
        "Sixteen tries, one of them right: when is the answer right?",
        "When the right one is also chosen. A majority overlooks it; a verifier that scores it "
        "highest finds it.",
    ),
    TeacherQuestion(
        "What is coverage, and why can no way of choosing beat it?",
        "The share of questions with at least one right solution: what was not found cannot be "
        "chosen.",
    ),
    TeacherQuestion(
        "A step has the score 0.5. What does the verifier say?",
        "That it cannot tell: about half of the solutions that go on from there are expected to "
        "end right.",
    ),
    TeacherQuestion(
        "How can a wrong solution have a high score?",
        "The verifier never sees the right answer, it judges how good the text looks; the more "
        "solutions are tried, the likelier one is wrong and liked.",
    ),
)
