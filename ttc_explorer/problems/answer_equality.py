r"""Whether two answers say the same: choices, sets, lists, tuples and named values, part by part.

Two parts are equal when they are spelled alike or have equal values (``answer_values.py``,
``exact_arithmetic.py``). Where that takes symbolic mathematics, the caller's ``compare_formulas``
decides. The rules, in the order in which they are tried:

- Answers that are spelled alike are equal, whatever they are.
- A reference that is one capital letter, A to E, is a multiple choice: ``(B)``, ``B. 12`` equal
  ``B``.
- ``(1,6]``, ``1 < x \le 6`` and a set-builder are one set of real numbers (``real_sets.py``).
- ``(3,5)`` and ``[3,5)`` are tuples or intervals: the order and the brackets count. ``\{3,5\}`` and
  ``5 or 3`` are sets. A bare ``3,5`` may be either, and is taken as the other side is; the caller
  says whether the order counts between two bare lists. A matrix is the list of its rows.
- A name counts only against another name: ``x = 3`` equals ``3``; ``x = 3`` and ``y = 3`` differ.
  Named values (``x=3, y=5``, ``(x,y) = (3,5)``) may stand in any order.
- Of ``a = b = c`` the last side counts, of ``a \approx b`` either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import TypeVar

from ttc_explorer.problems.answer_normalisation import normalise_answer, strip_insignificant_spaces
from ttc_explorer.problems.answer_values import (
    Quantity,
    WordAnswer,
    parse_value,
    units_agree,
)
from ttc_explorer.problems.exact_arithmetic import evaluate
from ttc_explorer.problems.number_words import parse_number_words
from ttc_explorer.problems.real_sets import Interval, RealSet, parse_real_set
from ttc_explorer.problems.units import split_unit

MAX_UNORDERED_MEMBERS = 64
"""Longer lists are compared in their order: pairing off takes time that grows with the square."""

MAX_CHARACTERS = 4_000
"""Of longer answers only the values are compared: they are numbers of very many digits."""

MAX_DEPTH = 4
"""Lists are taken apart so deep: lists of points, matrices in a list."""

Member = TypeVar("Member")
FormulaComparison = Callable[[str, str], bool | None]
"""Whether two formulas (reference first) are equal; None if undecided."""

_CHOICE = re.compile(
    r"(?:(?:option|choice)\s+)?\(?(?P<letter>[A-Ea-e])(?:\)|[.:](?=\s)|\)?$)[.:]?"
    r"(?:\s*(?P<rest>.*))?",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_SEPARATOR = re.compile(
    r"(?P<open>[\[({])|(?P<close>[\])}])|(?P<comma>[,;](?:\s*(?:and|or)\b)?|\b(?:and|or)\b)"
)
_BRACKETED = re.compile(r"(?P<left>[(\[]|\\\{)(?P<inner>.*)(?P<right>[)\]]|\\\})")
_NAME = re.compile(r"\\?[A-Za-z]+(?:_\{?\w\}?)?(?:\([a-z]\))?")
_MATRIX = re.compile(
    r"\s*\\begin ?\{(?P<kind>[pbB]?matrix|array)\}(?: ?\{[lcr|]*\})?"
    r"(?P<cells>(?:(?!\\begin).)*)\\end ?\{(?P=kind)\}"
)
_LETTER = r"(?:\\[a-z]+|[A-Za-z](?:_\{?\w\}?)?)"
_NAMED_POINT = re.compile(
    rf"\(\s*(?P<names>{_LETTER}(?:\s*,\s*{_LETTER})+)\s*\)"
    r"\s*(?:=|\\in(?![a-z]))\s*(?P<values>.*)"
)
_GROUP = re.compile(r";|\bor\b")
_ASSIGNED = re.compile(rf"{_NAME.pattern}\s*(?:=|\\in(?![a-z]))")


@dataclass(frozen=True)
class _Part:
    """One member: its whole text, what it says (``right``), and of what (``left``, before ``=``, if
    any)."""

    text: str
    left: str | None
    right: str


@dataclass(frozen=True)
class _Listing:
    """``brackets``: ``()``, ``[]``, ``(]``, ``[)``, ``{}`` or none. ``any_order`` and ``in_order``:
    the writing says so. ``named``: each part has a name of its own."""

    text: str
    parts: tuple[_Part, ...]
    brackets: str
    any_order: bool = False
    in_order: bool = False
    named: bool = False


def answers_equal(
    reference: str, answer: str, ordered: bool, compare_formulas: FormulaComparison
) -> bool | None:
    """Whether two answers, already read, are equal.

    Args:
        reference: The answer to compare with.
        answer: The other one.
        ordered: Whether the order counts between two bare lists.
        compare_formulas: Decides where it takes symbolic mathematics.

    Returns:
        None if neither the rules above nor ``compare_formulas`` can tell.
    """
    reference, answer = _plain(reference), _plain(answer)
    if _spelled_alike(reference, answer):
        return True
    if max(len(reference), len(answer)) > MAX_CHARACTERS:
        values = parse_value(reference), parse_value(answer)
        return values[0].equals(values[1]) if values[0] and values[1] else None
    return _any_equal(
        _sides_equal(one, other, ordered, compare_formulas)
        for one in _approximate_sides(reference)
        for other in _approximate_sides(answer)
    )


def _sides_equal(
    reference: str, answer: str, ordered: bool, compare_formulas: FormulaComparison
) -> bool | None:
    choices = _CHOICE.fullmatch(reference), _CHOICE.fullmatch(answer)
    if any(choice and choice["letter"].isupper() for choice in choices):
        return _choices_equal(reference, answer, choices, ordered, compare_formulas)
    sets = parse_real_set(reference), parse_real_set(answer)
    if sets[0] and sets[1] and (sets[0].certain or sets[1].certain):
        return _sets_equal(sets[0], sets[1], compare_formulas)
    verdict = _listings_equal(
        _parse_listing(reference), _parse_listing(answer), ordered, compare_formulas
    )
    if verdict is False and _THOUSANDS.search(reference + " " + answer):
        split_at_commas = [
            _parse_listing(_THOUSANDS.sub(", ", text)) for text in (reference, answer)
        ]
        return _listings_equal(split_at_commas[0], split_at_commas[1], ordered, compare_formulas)
    return verdict


@lru_cache(maxsize=1024)
def _plain(text: str) -> str:
    return normalise_answer(text)


def _spelled_alike(one: str, other: str) -> bool:
    return strip_insignificant_spaces(one) == strip_insignificant_spaces(other)


def _choices_equal(
    reference: str,
    answer: str,
    choices: tuple[re.Match[str] | None, re.Match[str] | None],
    ordered: bool,
    compare_formulas: FormulaComparison,
) -> bool | None:
    """Two choices are equal by their letters; a choice and a value by what is chosen, as in
    ``(B) 8``."""
    one, other = choices
    if one and other:
        return one["letter"].upper() == other["letter"].upper()
    if one:
        reference = one["rest"] or ""
    elif other:
        answer = other["rest"] or ""
    if not reference or not answer:
        return False
    return answers_equal(reference, answer, ordered, compare_formulas)


def _approximate_sides(text: str) -> list[str]:
    r"""The exact and the rounded value of ``\sqrt{7} \approx 2.65``."""
    sides = [side.strip() for side in text.split(r"\approx")]
    return sides if len(sides) == 2 and all(sides) else [text]


def _sets_equal(
    reference: RealSet, answer: RealSet, compare_formulas: FormulaComparison
) -> bool | None:
    if reference.name and answer.name and reference.name != answer.name:
        return False
    if len(reference.intervals) != len(answer.intervals):
        return False
    return _pair_off(
        reference.intervals,
        answer.intervals,
        lambda one, other: _intervals_equal(one, other, compare_formulas),
    )


def _intervals_equal(
    reference: Interval, answer: Interval, compare_formulas: FormulaComparison
) -> bool | None:
    brackets = (reference.left_closed, reference.right_closed)
    if brackets != (answer.left_closed, answer.right_closed):
        return False
    return _all_equal(
        one == other if one is None or other is None else _texts_equal(one, other, compare_formulas)
        for one, other in ((reference.left, answer.left), (reference.right, answer.right))
    )


@lru_cache(maxsize=1024)
def _parse_listing(text: str, depth: int = 0) -> _Listing:
    """Take a plain text apart at its outermost commas, "and" and "or"."""
    name = _ASSIGNED.match(text)
    matrix = _MATRIX.fullmatch(text, name.end() if name else 0)
    if matrix:
        return _parse_matrix(text, matrix["cells"])
    inner, brackets = _strip_brackets(text)
    if not inner.strip() or parse_number_words(text) is not None:
        return _Listing(text, (_parse_part(text),), "")
    point = _NAMED_POINT.fullmatch(text) if depth < MAX_DEPTH else None
    if point:
        values = _parse_listing(point["values"].strip(), depth + 1)
        return _name_point(text, point["names"].split(","), values)
    name = _ASSIGNED.match(inner)
    if name and not brackets:
        unnamed, its_brackets = _strip_brackets(inner[name.end() :])
        if its_brackets:
            inner, brackets = unnamed, its_brackets
    pieces, joined = _split_members(inner)
    if len(pieces) == 1 and brackets in ("()", "[]") and not re.search(r"[<>=]", text):
        if depth == MAX_DEPTH:
            return _Listing(text, (_parse_part(text),), "")
        return replace(_parse_listing(inner, depth + 1), text=text)
    if len(pieces) == 1 and brackets != "{}":
        pieces, brackets = [text], ""
    if len(pieces) == 1 and pieces[0].count(r"\pm") == 1:
        pieces, joined = [pieces[0].replace(r"\pm", sign) for sign in "+-"], True
    parts = tuple(_parse_part(piece) for piece in pieces)
    names = [part.left for part in parts if part.left and _NAME.fullmatch(part.left)]
    named = 1 < len(parts) == len(set(names))
    return _Listing(text, parts, brackets, joined or brackets == "{}", named=named)


def _parse_matrix(text: str, cells: str) -> _Listing:
    """The rows of a matrix, each a list of its cells; of one row or column, the cells."""
    rows = [[cell.strip() for cell in row.split("&")] for row in cells.split(r"\\") if row.strip()]
    if len(rows) == 1:
        rows = [[cell] for cell in rows[0]]
    parts = tuple(_Part(row, None, row) for row in ("; ".join(cells) for cells in rows))
    return _Listing(text, parts, "", in_order=True)


def _name_point(text: str, names: list[str], values: _Listing) -> _Listing:
    """``(x,y) = (3,5)`` names the values; of several points, each is one value."""
    if len(names) != len(values.parts) or values.any_order:
        return values
    parts = tuple(
        replace(part, left=name.strip()) for name, part in zip(names, values.parts, strict=True)
    )
    return _Listing(text, parts, values.brackets, in_order=True, named=True)


def _strip_brackets(text: str) -> tuple[str, str]:
    r"""The text inside brackets that embrace all of it, and the brackets; else the text itself and
    none.

    >>> _strip_brackets(r"[1,2)"), _strip_brackets(r"\{1\}"), _strip_brackets("(1)+(2)")
    (('1,2', '[)'), ('1', '{}'), ('(1)+(2)', ''))
    """
    text = text.strip()
    embraced = _BRACKETED.fullmatch(text)
    if embraced is None:
        return text, ""
    depth = 0
    for bracket in re.finditer(r"[\[({]|[\])}]", text):
        depth += 1 if bracket[0] in "[({" else -1
        if depth == 0 and bracket.end() < len(text):
            return text, ""
    return embraced["inner"], embraced["left"][-1] + embraced["right"][-1]


def _split_members(text: str) -> tuple[list[str], bool]:
    """The members of a listing, and whether "or" or "and" joins them. ``1,000`` is one member."""
    groups = _split_at(_GROUP, text)
    if len(groups) > 1 and all(len(_ASSIGNED.findall(group)) > 1 for group in groups):
        return [f"({group})" for group in groups], True
    pieces, start, depth, joined = [], 0, 0, False
    for match in _SEPARATOR.finditer(text):
        if match["open"] or match["close"]:
            depth += 1 if match["open"] else -1
        elif depth == 0 and not _is_thousands(text, match):
            piece = text[start : match.start()].strip()
            if piece or match["comma"] in ",;":
                pieces.append(piece)
            start = match.end()
            joined = joined or match["comma"] not in ",;"
    return [*pieces, text[start:].strip()], joined


def _split_at(separator: re.Pattern[str], text: str) -> list[str]:
    """The pieces between the separators that stand outside brackets."""
    pieces, start = [], 0
    for match in separator.finditer(text):
        before = text[: match.start()]
        if sum(map(before.count, "([{")) == sum(map(before.count, ")]}")):
            pieces.append(text[start : match.start()].strip())
            start = match.end()
    return [piece for piece in (*pieces, text[start:].strip()) if piece]


def _is_thousands(text: str, comma: re.Match[str]) -> bool:
    return bool(
        comma[0] == ","
        and re.search(
            r"(?:^|[^\d,])\d{1,3}(?:,\d{3})*$", text[max(0, comma.start() - 40) : comma.start()]
        )
        and re.match(r"\d{3}(?!\d)", text[comma.end() : comma.end() + 4])
    )


def _parse_part(text: str) -> _Part:
    """A piece, split at its last ``=`` where that is no equation to be solved but says what
    something is."""
    left, equals, right = (side.strip() for side in text.rpartition("="))
    if equals and left and right and not re.search(r"[<>]|\\(?:ne|le|ge|lt|gt)(?![a-z])", left):
        letters = re.sub(r"\\[a-z]+", "", left)
        unknown = re.search("[A-Za-z]", letters)
        if (
            _NAME.fullmatch(left)
            or (unknown and not re.search(r"[a-z]|[-+]", letters))  # lengths of geometry: AB/CD
            or ("=" in left and _NAME.fullmatch(left.partition("=")[0].strip()))
            or (_is_value(right) and not (unknown and re.search("[-+]", left)))
        ):
            return _Part(text, strip_insignificant_spaces(left.partition("=")[0]), right)
    return _Part(text, None, text)


def _is_value(text: str) -> bool:
    return parse_value(text) is not None or evaluate(text) is not None


def _listings_equal(
    reference: _Listing,
    answer: _Listing,
    ordered: bool,
    compare_formulas: FormulaComparison,
    depth: int = 0,
) -> bool | None:
    if len(reference.parts) == len(answer.parts) == 1:
        return _parts_equal(reference.parts[0], answer.parts[0], compare_formulas, depth)
    if len(reference.parts) != len(answer.parts):
        many = _may_be_set(reference.text) or _may_be_set(answer.text)
        return compare_formulas(reference.text, answer.text) if many else False
    if reference.brackets and answer.brackets and reference.brackets != answer.brackets:
        return False

    def equal(one: _Part, other: _Part) -> bool | None:
        return _parts_equal(one, other, compare_formulas, depth)

    if (
        reference.named != answer.named
    ):  # the names say the order, which may be that of the alphabet
        named, bare = (reference, answer) if reference.named else (answer, reference)
        if not bare.any_order:
            return _all_equal(
                equal(one, other) if named is reference else equal(other, one)
                for one, other in zip(_in_order_of_names(named), bare.parts, strict=True)
            )
    any_order = reference.any_order or answer.any_order or (reference.named and answer.named)
    in_order = reference.in_order or answer.in_order or ordered
    unbracketed = not reference.brackets and not answer.brackets
    if len(answer.parts) <= MAX_UNORDERED_MEMBERS and (any_order or (unbracketed and not in_order)):
        return _pair_off(reference.parts, answer.parts, equal)
    return _all_equal(
        equal(one, other) for one, other in zip(reference.parts, answer.parts, strict=True)
    )


def _in_order_of_names(named: _Listing) -> tuple[_Part, ...]:
    """The parts in the order in which a point would hold them: that of the alphabet, if the names
    are letters."""
    if named.in_order or not all(len(part.left or "") == 1 for part in named.parts):
        return named.parts
    return tuple(sorted(named.parts, key=lambda part: part.left or ""))


def _may_be_set(text: str) -> bool:
    """Whether a text may stand for more members than it shows: a union, an interval, an
    inequality."""
    return bool(
        re.search(r"[<>]|\\(?:cup|cap|setminus|mid|infty|lt|gt|leq?|geq?)(?![a-zA-Z])", text)
    )


def _pair_off(
    reference: Sequence[Member],
    answer: Sequence[Member],
    equal: Callable[[Member, Member], bool | None],
) -> bool | None:
    """Whether the members can be paired off, in any order. A member of either side that no member
    of the other can equal decides."""

    @cache
    def verdict(i: int, j: int) -> bool | None:
        return equal(reference[i], answer[j])

    left = list(range(len(answer)))
    unsure = []
    for i in range(len(reference)):
        verdicts = [verdict(i, j) for j in left]
        if True in verdicts:
            del left[verdicts.index(True)]
        elif None in verdicts:
            unsure.append(i)
        else:
            return False
    if any(all(verdict(i, j) is False for i in unsure) for j in left):
        return False
    return None if unsure else True


def _all_equal(verdicts: Iterable[bool | None]) -> bool | None:
    seen = list(verdicts)
    return False if False in seen else None if None in seen else True


def _any_equal(verdicts: Iterable[bool | None]) -> bool | None:
    seen = list(verdicts)
    return True if True in seen else None if None in seen else False


def _parts_equal(
    reference: _Part, answer: _Part, compare_formulas: FormulaComparison, depth: int
) -> bool | None:
    if any("=" in part.text and not part.left for part in (reference, answer)) and all(
        "=" in part.text for part in (reference, answer)
    ):
        return compare_formulas(reference.text, answer.text)  # an equation against an equation
    if (
        not reference.left
        or not answer.left
        or reference.left == answer.left
        or _is_named_in_words(reference.left, answer.left)
    ):
        return _texts_equal(reference.right, answer.right, compare_formulas, depth)
    names = _NAME.fullmatch(reference.left) and _NAME.fullmatch(answer.left)
    if not re.search("[A-Za-z]", reference.left + answer.left) or (
        names and _is_value(reference.right)
    ):
        return False
    return compare_formulas(reference.text, answer.text)


def _is_named_in_words(*names: str) -> bool:
    """Whether a name is a word, such as ``Area``: the other may well call the same thing ``A``."""
    return any(isinstance(parse_value(name), WordAnswer) for name in names)


def _texts_equal(
    reference: str, answer: str, compare_formulas: FormulaComparison, depth: int = 0
) -> bool | None:
    if strip_insignificant_spaces(reference) == strip_insignificant_spaces(answer):
        return True
    values = parse_value(reference), parse_value(answer)
    if values[0] is not None and values[1] is not None:
        return values[0].equals(values[1])
    if not reference or not answer or any(_is_not_formula(value) for value in values):
        return False
    exact = evaluate(reference), evaluate(answer)
    if exact[0] is not None and exact[1] is not None:
        return exact[0] == exact[1]
    if depth < MAX_DEPTH:
        listings = _parse_listing(reference), _parse_listing(answer)
        if any(len(listing.parts) > 1 for listing in listings):
            return _listings_equal(*listings, True, compare_formulas, depth + 1)
    if ("=" in reference) != ("=" in answer):
        return False
    (plain_reference, unit), (plain_answer, other_unit) = split_unit(reference), split_unit(answer)
    if not units_agree(unit, other_unit):
        return False
    return compare_formulas(
        reference if unit in _VALUE_UNITS else plain_reference,
        answer if other_unit in _VALUE_UNITS else plain_answer,
    )


_VALUE_UNITS = ("%", "°")
"""The signs that change a formula's value."""


def _is_not_formula(value: Quantity | WordAnswer | None) -> bool:
    return isinstance(value, WordAnswer) or (value is not None and len(value.numbers) > 1)
