"""Values of untrusted JSON as what they should be; anything else is a TypeError, which the reader
of a format turns into one sentence."""

from __future__ import annotations

import math

from ttc_explorer.experiments.importers.source_document import Json
from ttc_explorer.problems.answer_reader import read_solution


def as_list(value: Json) -> list[Json]:
    """A list.

    Args:
        value: of a JSON document.

    Returns:
        The value itself, typed.

    Raises:
        TypeError: it is no list.
    """
    if not isinstance(value, list):
        raise TypeError(f"no list: {type(value).__name__}")
    return value


def as_dict(value: Json) -> dict[str, Json]:
    """An object.

    Args:
        value: of a JSON document.

    Returns:
        The value itself, typed.

    Raises:
        TypeError: it is no object.
    """
    if not isinstance(value, dict):
        raise TypeError(f"no object: {type(value).__name__}")
    return value


def as_text(value: Json) -> str:
    """A text.

    Args:
        value: of a JSON document.

    Returns:
        The value itself, typed.

    Raises:
        TypeError: it is no text.
    """
    if not isinstance(value, str):
        raise TypeError(f"no text: {type(value).__name__}")
    return value


def as_number(value: Json) -> float:
    """A finite number.

    Args:
        value: of a JSON document.

    Returns:
        The value itself, typed.

    Raises:
        TypeError: it is no number, or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"no finite number: {type(value).__name__}")
    return float(value)


def as_numbers(value: Json) -> list[float]:
    """A list of finite numbers."""
    return [as_number(number) for number in as_list(value)]


def as_count(value: Json) -> int:
    """A whole number, not below 0.

    Args:
        value: of a JSON document.

    Returns:
        The value itself, typed.

    Raises:
        TypeError: it is no whole number, or below 0.
    """
    number = as_number(value)
    if number < 0 or number != int(number):
        raise TypeError(f"no count: {number}")
    return int(number)


def as_name(value: Json) -> str | int:
    """What a file calls a question: a text or a whole number.

    Args:
        value: of a JSON document.

    Returns:
        The value itself, typed.

    Raises:
        TypeError: it is no text or whole number.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(f"no name: {type(value).__name__}")
    return value


def optional_number(value: Json) -> float | None:
    """A finite number, or None."""
    return None if value is None else as_number(value)


def solution_answer(value: Json) -> str | None:
    """The answer of a whole solution; None if none can be read."""
    reading = read_solution(as_text(value))
    return reading.text if reading else None
