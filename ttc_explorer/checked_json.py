"""JSON from outside: parsed without NaN, checked throughout by pydantic models, and refused in one
sentence."""

from __future__ import annotations

import json
from typing import NoReturn

from pydantic import BaseModel, ConfigDict, ValidationError

from ttc_explorer.file_bounds import json_extent


class Record(BaseModel):
    """An object of a file from outside. Nothing is converted (a text is no number), numbers are
    finite, and keys of a later version are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


MAX_VALUES = 3_000_000
"""Most values of a document, each of which takes some 60 bytes in memory."""
MAX_DEPTH = 64
"""Most lists and objects within each other."""


class TooLargeJson(ValueError):
    """JSON that is not parsed because of its size; the message is a clause about it."""


def parse_json(data: bytes | str) -> object:
    """The value of a JSON text in UTF-8.

    Raises:
        ValueError: it is none, or it holds NaN or Infinity.
        TooLargeJson: it holds too many values, or is nested too deeply.
    """
    values, depth = json_extent(data.encode() if isinstance(data, str) else data)
    if values > MAX_VALUES:
        raise TooLargeJson(f"it holds more than {MAX_VALUES:,} values")
    if depth > MAX_DEPTH:
        raise TooLargeJson(f"it is nested {depth:,} deep, and {MAX_DEPTH} is the most")
    text = data if isinstance(data, str) else data.decode("utf-8")
    value: object = json.loads(text, parse_constant=_refuse_constant)
    return value


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number in JSON")


def describe_error(error: ValueError, whole: str) -> str:
    """The first fault as a clause that names its place, without a full stop.

    Args:
        error: what ``parse_json`` raised, or a model's ``model_validate``.
        whole: what was read, as it is called within a sentence: ``the trace``.

    >>> class Node(Record):
    ...     score: float
    >>> class Tree(Record):
    ...     nodes: list[Node]
    >>> try:
    ...     Tree.model_validate({"nodes": [{"score": 1.0}, {"score": "high"}]})
    ... except ValidationError as error:
    ...     describe_error(error, "the tree")
    "'score' of node 1 is of the wrong kind"
    """
    if isinstance(error, TooLargeJson):
        return str(error)
    if not isinstance(error, ValidationError):
        return "its JSON cannot be read"
    fault = error.errors(include_url=False, include_input=False)[0]
    context = fault.get("ctx", {})
    if fault["type"] == "value_error":  # our own validators say everything themselves
        return str(context["error"]).rstrip(".")
    return f"{_describe_place(fault['loc'], whole)} {_describe_fault(fault['type'], context)}"


def _describe_place(location: tuple[int | str, ...], whole: str) -> str:
    """``("nodes", 1, "score")`` is ``'score' of node 1``."""
    place = ""
    for name, index in zip(location, (*location[1:], None), strict=True):
        if isinstance(name, int):
            continue
        part = f"{name.removesuffix('s')} {index}" if isinstance(index, int) else f"'{name}'"
        place = f"{part} of {place}" if place else part
    return place if any(isinstance(part, int) for part in location) else f"{place} of {whole}"


def _describe_fault(kind: str, context: dict[str, object]) -> str:
    match kind:
        case "missing":
            return "is missing"
        case "greater_than_equal":
            return f"is out of range: at least {context['ge']}"
        case "less_than_equal":
            return f"is out of range: at most {context['le']}"
        case "finite_number":
            return "is out of range: no finite number"
        case "string_too_long":
            return f"is longer than {context['max_length']:,} characters"
        case "too_long":
            return f"has more than {context['max_length']:,} entries"
        case "too_short":
            return "has too few entries"
        case "string_unicode":
            return "is not proper text"
        case "literal_error":
            return f"is unknown here: it must be {context['expected']}"
    return "is of the wrong kind"
