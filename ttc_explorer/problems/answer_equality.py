r"""Whether two answers say the same: choices, lists, tuples, sets and named values, part by part.

Two parts are equal when they are spelled alike or have equal values (``answer_values.py``). Where
that takes symbolic mathematics, the caller's ``compare_formulas`` decides. The rules:

- ``(3,5)`` and ``[3,5)`` are tuples or intervals: the order and the brackets count. ``\{3,5\}`` and
  ``5 or 3`` are sets. A bare ``3,5`` may be either, and is taken as the other side is; the caller
  says whether the order counts between two bare lists. Named values (``x=3, y=5``) may stand in any
  order.
- A name counts only against another name: ``x = 3`` equals ``3``; ``x = 3`` and ``y = 3`` differ.
- A reference that is one capital letter, A to E, is a multiple choice: ``(B)``, ``B. 12`` equal ``B``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ttc_explorer.problems.answer_normalisation import normalise_answer, strip_insignificant_spaces
from ttc_explorer.problems.answer_reader import read_answer
from ttc_explorer.problems.answer_values import Quantity, WordAnswer, parse_value
from ttc_explorer.problems.units import split_unit

MAX_UNORDERED_MEMBERS = 64
"""Longer lists are compared in their order: pairing off takes time that grows with the square."""

FormulaComparison = Callable[[str, str], bool | None]
"""Whether two formulas (reference first) are equal; None if undecided."""

_CHOICE = re.compile(r"(?:(?:option|choice)\s+)?\(?([A-Ea-e])(?:\)|[.:](?=\s)|\)?$)\.?(?:\s.*)?")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_SEPARATOR = re.compile(
    r"(?P<open>[\[({])|(?P<close>[\])}])|(?P<comma>[,;](?:\s*(?:and|or)\b)?|\b(?:and|or)\b)"
)
_BRACKETED = re.compile(r"(?P<left>[(\[]|\\\{)(?P<inner>.*)(?P<right>[)\]]|\\\})")
_NAME = re.compile(r"\\?[A-Za-z]+(?:_\{?\w\}?)?(?:\([a-z]\))?")
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
    """``brackets``: ``()``, ``[]``, ``(]``, ``[)``, ``{}`` or none. ``any_order``: the writing says
    so."""

    text: str
    parts: tuple[_Part, ...]
    brackets: str
    any_order: bool


def answers_equal(
    reference: str, answer: str, ordered: bool, compare_formulas: FormulaComparison
) -> bool | None:
    """Whether ``answer`` equals ``reference``; None if neither the rules above nor
    ``compare_formulas`` can tell.

    ``ordered``: whether the order counts between two bare lists.
    """
    reference, answer = _extracted_answer(reference), _extracted_answer(answer)
    if strip_insignificant_spaces(reference) == strip_insignificant_spaces(answer):
        return True
    choice = _CHOICE.fullmatch(reference)
    if choice and choice[1].isupper():
        chosen = _CHOICE.fullmatch(answer)
        return chosen is not None and chosen[1].upper() == choice[1]
    verdict = _listings_equal(
        _parse_listing(reference), _parse_listing(answer), ordered, compare_formulas
    )
    if verdict is False and _THOUSANDS.search(reference + " " + answer):
        split_reference, split_answer = (
            _parse_listing(_THOUSANDS.sub(", ", text)) for text in (reference, answer)
        )
        return _listings_equal(split_reference, split_answer, ordered, compare_formulas)
    return verdict


@lru_cache(maxsize=1024)
def _extracted_answer(text: str) -> str:
    """The answer in plain spelling, taken out of its box or sentence if it stands in one."""
    return normalise_answer(read_answer(text) or text)


@lru_cache(maxsize=1024)
def _parse_listing(text: str) -> _Listing:
    """Take a plain text apart at its outermost commas, "and" and "or"."""
    inner, brackets = _strip_brackets(text)
    name = _ASSIGNED.match(inner)
    if name and not brackets:
        unnamed, its_brackets = _strip_brackets(inner[name.end() :])
        if its_brackets:
            inner, brackets = unnamed, its_brackets
    pieces, joined = _split_members(inner)
    if len(pieces) == 1 and brackets != "{}":
        pieces, brackets = [text], ""
    if len(pieces) == 1 and pieces[0].count(r"\pm") == 1:
        pieces, joined = [pieces[0].replace(r"\pm", sign) for sign in "+-"], True
    parts = tuple(_parse_part(piece) for piece in pieces)
    named = len(parts) > 1 and all(part.left and _NAME.fullmatch(part.left) for part in parts)
    return _Listing(text, parts, brackets, joined or named or brackets == "{}")


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
    if equals and left and right and not re.search(r"[<>!]|\\(?:ne|le|ge|lt|gt)", left):
        unknown = re.search("[A-Za-z]", re.sub(r"\\[a-z]+", "", left))
        if _NAME.fullmatch(left) or (
            parse_value(right) and not (unknown and re.search("[-+]", left))
        ):
            return _Part(text, strip_insignificant_spaces(left), right)
    return _Part(text, None, text)


def _listings_equal(
    reference: _Listing, answer: _Listing, ordered: bool, compare_formulas: FormulaComparison
) -> bool | None:
    if len(reference.parts) == len(answer.parts) == 1:
        return _parts_equal(reference.parts[0], answer.parts[0], compare_formulas)
    if len(reference.parts) != len(answer.parts):
        many = _may_be_set(reference.text) or _may_be_set(answer.text)
        return compare_formulas(reference.text, answer.text) if many else False
    if reference.brackets and answer.brackets and reference.brackets != answer.brackets:
        return False
    both_unbracketed = not reference.brackets and not answer.brackets
    if len(answer.parts) <= MAX_UNORDERED_MEMBERS and (
        reference.any_order or answer.any_order or (both_unbracketed and not ordered)
    ):
        return _members_pair_off(reference.parts, answer.parts, compare_formulas)
    return _all_equal(
        _parts_equal(*pair, compare_formulas)
        for pair in zip(reference.parts, answer.parts, strict=True)
    )


def _may_be_set(text: str) -> bool:
    """Whether a text may stand for more members than it shows: a union, an interval, an
    inequality."""
    return bool(
        re.search(r"[<>]|\\(?:cup|cap|setminus|mid|infty|lt|gt|leq?|geq?)(?![a-zA-Z])", text)
    )


def _members_pair_off(
    reference: Sequence[_Part], answer: Sequence[_Part], compare_formulas: FormulaComparison
) -> bool | None:
    """Whether the members can be paired off, in any order."""
    left = list(answer)
    unsure = False
    for part in reference:
        verdicts = [_parts_equal(part, other, compare_formulas) for other in left]
        if True in verdicts:
            del left[verdicts.index(True)]
        elif None in verdicts:
            unsure = True
        else:
            return False
    return None if unsure else True


def _all_equal(verdicts: Iterable[bool | None]) -> bool | None:
    verdicts = list(verdicts)
    return False if False in verdicts else None if None in verdicts else True


def _parts_equal(
    reference: _Part, answer: _Part, compare_formulas: FormulaComparison
) -> bool | None:
    if (
        not reference.left
        or not answer.left
        or reference.left == answer.left
        or _is_named_in_words(reference, answer)
    ):
        return _texts_equal(reference.right, answer.right, compare_formulas)
    names = _NAME.fullmatch(reference.left) and _NAME.fullmatch(answer.left)
    if not re.search("[A-Za-z]", reference.left + answer.left) or (
        names and parse_value(reference.right)
    ):
        return False
    return compare_formulas(reference.text, answer.text)


def _is_named_in_words(*parts: _Part) -> bool:
    """Whether a name is a word, such as ``Area``: the other may well call the same thing ``A``."""
    return any(isinstance(parse_value(part.left), WordAnswer) for part in parts)


def _texts_equal(reference: str, answer: str, compare_formulas: FormulaComparison) -> bool | None:
    if strip_insignificant_spaces(reference) == strip_insignificant_spaces(answer):
        return True
    reference_value, answer_value = parse_value(reference), parse_value(answer)
    if reference_value and answer_value:
        return reference_value.equals(answer_value)
    if not reference or not answer:
        return False
    if _is_not_formula(reference_value) or _is_not_formula(answer_value):
        return False
    if ("=" in reference) != ("=" in answer):
        return False
    units = split_unit(reference)[1], split_unit(answer)[1]
    if all(units) and units[0] != units[1]:
        return False
    return compare_formulas(_without_unit(reference), _without_unit(answer))


def _without_unit(text: str) -> str:
    """A formula without its unit, but for the signs that change its value."""
    rest, unit = split_unit(text)
    return text if unit in ("%", "°") else rest


def _is_not_formula(value: Quantity | WordAnswer | None) -> bool:
    return isinstance(value, WordAnswer) or (value is not None and len(value.numbers) > 1)
