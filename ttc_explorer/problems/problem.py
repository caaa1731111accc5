"""A problem: the question as asked, and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass

MAX_CHARACTERS = 4000
"""Longest question text accepted anywhere, in characters."""

MAX_ANSWER_CHARACTERS = 400
"""Longest reference answer accepted anywhere, in characters."""


@dataclass(frozen=True)
class Problem:
    """One question.

    ``answer`` is the reference answer or None (a person may type a problem whose answer nobody
    knows). ``family`` and ``level`` (1 easiest to 5) are set for problems of the procedural
    families; ``source`` says where the problem came from: ``typed``, ``family``, or a data set's
    name.
    """

    text: str
    answer: str | None = None
    family: str | None = None
    level: int | None = None
    source: str = "typed"


class BadInput(ValueError):
    """Input from outside that cannot be used; the message is one clear sentence that says what to
    do."""


def typed_problem(text: str, answer: str | None = None) -> Problem:
    """A problem as a person typed it. Raises BadInput when it is empty or too long."""
    text = text.strip()
    if not text:
        raise BadInput("The problem is empty: type a question, or pick one of the examples.")
    if len(text) > MAX_CHARACTERS:
        raise BadInput(
            f"The problem is {len(text):,} characters long: shorten it to at most "
            f"{MAX_CHARACTERS:,}."
        )
    answer = (answer or "").strip() or None
    if any("\ud800" <= character <= "\udfff" for character in text + (answer or "")):
        raise BadInput(
            "The problem or its answer holds characters that are no text: type it again."
        )
    if answer and len(answer) > MAX_ANSWER_CHARACTERS:
        raise BadInput(
            "The reference answer is too long: give the final answer, in at most "
            f"{MAX_ANSWER_CHARACTERS} characters."
        )
    return Problem(text, answer)
