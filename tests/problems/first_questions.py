"""First questions as people type them, and what the page says of each: the table of
``docs/first_questions.md``.

``python -m tests.problems.first_questions > docs/first_questions.md`` writes it anew; a test holds
that every row is true.
"""

from __future__ import annotations

import json
from pathlib import Path

FIRST_QUESTIONS = [
    json.loads(line)
    for line in (Path(__file__).parent / "first_questions.jsonl").read_text("utf-8").splitlines()
]
"""Rows: text, kind, and where there are such asked_as, answer and nearest (``read_question``)."""

HEAD = """# First questions

What Explore and Compare do when somebody's first question is of no kind that the built-in models
know, or is worded in another way than they learnt. Made by `tests/problems/first_questions.py`, and
tested against what the page reads.

- **Run**: it is of a kind that the models know. Where they get other words than were typed, the
  page says "Asked as". The right answer is known, so the run is graded.
- **Told**: plain arithmetic that the models did not learn. The page tells the exact answer, and
  that what the model says means nothing; no measured figures stand beside it.
- **Warned**: mathematics of another kind. The run is shown, with the sentence that its answer,
  score and agreement mean nothing.
- **Refused**: there is nothing to compute in it. Nothing runs.

Where it is of no kind that they know, one press brings the question in the last column, another
opens the real language models.

| typed | the page | right answer | instead, by one press |
|---|---|---|---|
"""


def _what_the_page_does(row: dict[str, str]) -> str:
    if row["kind"] == "family":
        return f"Run. Asked as: {row['asked_as']}" if "asked_as" in row else "Run"
    return {"arithmetic": "Told", "mathematics": "Warned", "other": "Refused"}[row["kind"]]


def first_questions_markdown() -> str:
    """The document."""
    rows = (
        (row["text"], _what_the_page_does(row), row.get("answer", ""), row.get("nearest", ""))
        for row in FIRST_QUESTIONS
    )
    lines = ("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in rows)
    return HEAD + "".join(lines).replace("*", "\\*")


if __name__ == "__main__":
    print(first_questions_markdown(), end="")
