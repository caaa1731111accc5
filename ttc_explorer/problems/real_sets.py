r"""Sets of real numbers as people write them: intervals, inequalities, unions, set-builders.

``(1,6]``, ``1 < x \le 6`` and ``\{x \mid 1 < x \le 6\}`` are one set. A set is read as its
intervals; whoever compares two sets compares the ends, so that ends may be any formula.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from ttc_explorer.problems.exact_arithmetic import evaluate

MAX_CHARACTERS = 600
MAX_PIECES = 12

_NAME = r"(?:[A-Za-z](?:_\{?\w\}?)?|\\(?:theta|alpha|beta|lambda|mu)|[a-z]\([a-z]\))"
_RELATION = re.compile(r"(<|>|\\le(?![a-zA-Z])|\\ge(?![a-zA-Z])|\\ne(?![a-zA-Z]))")
_INTERVAL = re.compile(r"([(\[])(.*)([)\]])")
_MEMBERSHIP = re.compile(rf"({_NAME})\s*\\in(?![a-zA-Z])\s*(.*)")
_BUILDER = re.compile(
    rf"\\\{{\s*({_NAME})\s*(?:\\in\s*\\mathbb\{{R\}}\s*)?"
    r"(?:[|:]|\\(?:mid|colon)(?![a-zA-Z]))\s*(.*)\\\}"
)
_SINGLE = re.compile(r"\\\{([^{}]*)\\\}")
_REALS = re.compile(
    r"\\mathbb\{R\}|(?:the )?(?:set of )?all (?:the )?real(?: number)?s?(?: [a-z])?", re.IGNORECASE
)
_REALS_WITHOUT = re.compile(
    r"(?:\\mathbb\{R\}|all real numbers)\s*(?:\\setminus|\\backslash|-|\\|except)\s*"
    r"(?:\\\{)?(.*?)(?:\\\})?"
)
_LEFT_OUT = re.compile(rf"({_NAME})\s*\\ne\s+([^=<>\\]+)")
_INFINITY = re.compile(r"\+?\s*\\infty")
_MINUS_INFINITY = re.compile(r"-\s*\\infty")


@dataclass(frozen=True)
class Interval:
    """From ``left`` to ``right``, both as written; None stands for an infinite end."""

    left: str | None
    right: str | None
    left_closed: bool = False
    right_closed: bool = False


@dataclass(frozen=True)
class RealSet:
    """A union of intervals, of the values of ``name`` if the writing says so.

    ``certain``: the writing is that of a set. A bare ``(1,6)`` is a point as often as an interval,
    so it is taken for a set only against one that is certain.
    """

    intervals: tuple[Interval, ...]
    name: str | None = None
    certain: bool = True


def parse_real_set(text: str) -> RealSet | None:
    r"""The set of real numbers that a plain text writes down; None if it is none.

    >>> parse_real_set(r"1 < x \le 6").intervals == parse_real_set("(1,6]").intervals
    True
    >>> union = parse_real_set(r"(-\infty,2) \cup (2,\infty)")
    >>> parse_real_set(r"x \ne 2").intervals == union.intervals
    True
    """
    text = text.strip()
    if len(text) > MAX_CHARACTERS or not re.search(r"[<>(\[]|\\(?:le|ge|ne|mathbb)|\breal", text):
        return None
    builder = _BUILDER.fullmatch(text)
    if builder:
        inner = _parse_condition(builder[2])
        return inner and RealSet(inner.intervals, None)
    member = _MEMBERSHIP.fullmatch(text)
    if member:
        inner = _parse_union(member[2])
        return inner and RealSet(inner.intervals, member[1])
    return _parse_union(text) or _parse_condition(text)


def _parse_union(text: str) -> RealSet | None:
    without = _REALS_WITHOUT.fullmatch(text)
    if without:
        ends = [end.strip() for end in re.split(r",|\band\b", without[1])]
        return RealSet(_all_but(ends)) if all(ends) else None
    pieces = [piece.strip() for piece in re.split(r"\\cup(?![a-zA-Z])|\bor\b|\band\b", text)]
    if len(pieces) > MAX_PIECES or (len(pieces) > 1 and not re.search(r"\\cup|\bor\b", text)):
        return None
    intervals = [_parse_interval(piece) for piece in pieces]
    found = tuple(interval for interval in intervals if interval is not None)
    if len(found) < len(pieces):
        return None
    bare = len(pieces) == 1 and found[0].left_closed == found[0].right_closed
    certain = r"\cup" in text or r"\infty" in text or not bare or bool(_REALS.fullmatch(text))
    return RealSet(found, None, certain and not (len(pieces) > 1 and r"\cup" not in text))


def _parse_interval(text: str) -> Interval | None:
    if _REALS.fullmatch(text):
        return Interval(None, None)
    single = _SINGLE.fullmatch(text)
    if single and "," not in single[1] and single[1].strip():
        return Interval(single[1], single[1], True, True)
    match = _INTERVAL.fullmatch(text)
    ends = _split_at_comma(match[2]) if match else None
    if match is None or ends is None:
        return None
    left, right = ends
    if _INFINITY.fullmatch(left) or _MINUS_INFINITY.fullmatch(right):
        return None
    open_left, open_right = _MINUS_INFINITY.fullmatch(left), _INFINITY.fullmatch(right)
    return Interval(
        None if open_left else left,
        None if open_right else right,
        match[1] == "[" and not open_left,
        match[3] == "]" and not open_right,
    )


def _split_at_comma(text: str) -> tuple[str, str] | None:
    """The two sides of the only comma outside brackets."""
    depth, commas = 0, []
    for position, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if depth < 0:
            return None
        if sign in ",;" and depth == 0:
            commas.append(position)
    if len(commas) != 1:
        return None
    left, right = text[: commas[0]].strip(), text[commas[0] + 1 :].strip()
    return (left, right) if left and right else None


def _parse_condition(text: str) -> RealSet | None:
    """Inequalities in one name, joined by "or", or by "and" and commas."""
    left_out = _LEFT_OUT.fullmatch(text)
    if left_out and len(ends := re.split(r"\s*,\s*(?:and\b)?|\band\b", left_out[2])) > 1:
        return RealSet(_all_but([end.strip() for end in ends]), left_out[1])
    pieces = [
        piece.strip(" ,") for piece in re.split(r"\bor\b|\\(?:vee|lor|cup)(?![a-zA-Z])", text)
    ]
    if len(pieces) > MAX_PIECES:
        return None
    name: str | None = None
    intervals: list[Interval] = []
    for piece in pieces:
        parts = [_parse_chain(part) for part in re.split(r"\band\b|,|\\(?:wedge|land)\b", piece)]
        known = [part for part in parts if part is not None]
        if not known or len(known) < len(parts) or {part[0] for part in known} != {known[0][0]}:
            return None
        if name not in (None, known[0][0]):
            return None
        name = known[0][0]
        joined = _intersect([part[1] for part in known])
        if joined is None:
            return None
        intervals.extend(joined)
    return RealSet(tuple(intervals), name)


def _parse_chain(text: str) -> tuple[str, Interval | str] | None:
    """``1 < x \\le 6``: the name and the interval, or the one value that ``x \\ne 6`` leaves
    out."""
    sides = [side.strip() for side in _RELATION.split(text)]
    values, relations = sides[::2], sides[1::2]
    if not all(values) or "=" in text:
        return None
    names = [index for index, value in enumerate(values) if re.fullmatch(_NAME, value)]
    if len(values) == 2 and len(names) == 1:
        place = names[0]
        relation = relations[0] if place == 0 else _turned(relations[0])
        name, end = values[place], values[1 - place]
        if relation == r"\ne":
            return name, end
        closed = relation in (r"\le", r"\ge")
        if relation in ("<", r"\le"):
            return name, _interval(None, end, False, closed)
        return name, _interval(end, None, closed, False)
    if len(values) == 3 and re.fullmatch(_NAME, values[1]) and r"\ne" not in relations:
        left, right = values[0], values[2]
        if relations[0] in (">", r"\ge"):
            left, right, relations = right, left, [_turned(relations[1]), _turned(relations[0])]
        if not {*relations} <= {"<", r"\le"}:
            return None
        return values[1], _interval(left, right, relations[0] == r"\le", relations[1] == r"\le")
    return None


def _interval(
    left: str | None, right: str | None, left_closed: bool, right_closed: bool
) -> Interval:
    left = None if left is None or _MINUS_INFINITY.fullmatch(left) else left
    right = None if right is None or _INFINITY.fullmatch(right) else right
    return Interval(
        left, right, left_closed and left is not None, right_closed and right is not None
    )


def _turned(relation: str) -> str:
    return {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}.get(relation, relation)


def _intersect(parts: list[Interval | str]) -> tuple[Interval, ...] | None:
    """What several conditions leave together; None where that takes comparing their ends."""
    left_out = [part for part in parts if isinstance(part, str)]
    intervals = [part for part in parts if isinstance(part, Interval)]
    if not intervals:
        return _all_but(left_out)
    if left_out or len(intervals) > 2:
        return None
    if len(intervals) == 1:
        return (intervals[0],)
    for below, above in (intervals, intervals[::-1]):
        if below.right is None and above.left is None:
            return (Interval(below.left, above.right, below.left_closed, above.right_closed),)
    return None


def _all_but(values: list[str]) -> tuple[Interval, ...]:
    """The reals without some values, in their order where arithmetic tells it."""
    places = {value: number.real for value in values if (number := evaluate(value))}
    if len(places) == len(values):
        values = sorted(values, key=places.__getitem__)
    ends = [None, *values, None]
    return tuple(Interval(left, right) for left, right in itertools.pairwise(ends))
