"""Five questions that whoever did the first three lessons can answer from what they saw."""

from __future__ import annotations

from typing import NamedTuple


class TeacherQuestion(NamedTuple):
    """A question, the answer to expect, and the steps of lessons that show it."""

    question: str
    answer: str
    seen: str


TEACHER_QUESTIONS = (
    TeacherQuestion(
        "What does N stand for, and what does a larger N cost?",
        "How many solutions the strategy may spend on a question; tokens and FLOPs grow in "
        "proportion, waiting time hardly does where attempts run side by side.",
        "Lesson 1, steps 1 to 3: tokens and passes of N = 1 beside those of N = 16.",
    ),
    TeacherQuestion(
        "Sixteen tries, one of them right: when is the answer right?",
        "When the right one is also chosen. A majority overlooks it; a verifier that scores it "
        "highest finds it.",
        "Lesson 2, steps 1 and 2: the same sixteen by majority, then weighted.",
    ),
    TeacherQuestion(
        "What is coverage, and why can no way of choosing beat it?",
        "The share of questions with at least one right solution: what was not found cannot be "
        "chosen.",
        "Lesson 2, step 3: coverage, verifier and majority at N = 16 and 256.",
    ),
    TeacherQuestion(
        "A step has the score 0.5. What does the verifier say?",
        "That it cannot tell: about half of the solutions that go on from there are expected to "
        "end right.",
        "Lesson 3, steps 1 and 2: first guesses, then the jump at the check.",
    ),
    TeacherQuestion(
        "How can a wrong solution have a high score?",
        "The verifier never sees the right answer, it judges how good the text looks; the more "
        "solutions are tried, the likelier one is wrong and liked.",
        "Lesson 3, step 3: the highest score of a wrong solution.",
    ),
)
