"""How often a set of questions was looked at: what a verdict on it is worth.

Each time figures on the same questions lead to a change and are measured anew, they say less about
questions never seen. ``about.json`` of a folder of results counts that: ``purpose`` (``practice``
or ``exam``) and ``looks``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRACTICE, EXAM = "practice", "exam"


def describe_looks(about: Mapping[str, Any]) -> str:
    """How often the questions of some results were looked at, in a sentence.

    >>> describe_looks({"purpose": "exam", "looks": 1})
    'Final exam: fresh questions, opened once.'
    >>> describe_looks({})
    'How often these questions were looked at is not recorded.'
    """
    look_count = about.get("looks")
    if not isinstance(look_count, int):
        return "How often these questions were looked at is not recorded."
    times = "once" if look_count == 1 else f"{look_count} times"
    if about.get("purpose") == EXAM:
        return f"Final exam: fresh questions, opened {times}."
    return (
        f"Practice questions, not the final exam: their figures were looked at {times} while "
        "models "
        "and searches still changed, so they are provisional."
    )
