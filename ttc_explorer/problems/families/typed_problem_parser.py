"""A question in any wording, taken apart: its words, and everything mathematical in it.

False understanding is worse than none. So the mathematics must be accounted for to the last sign
(``parse_typed_problem`` gives up on a sign that it cannot place), and no word may ask for something
else (``larger``, ``sum``, ``not``): of words that are neither filler nor the family's own a
question may have few.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from ttc_explorer.problems.canonical_wording import number_words_to_digits, to_ascii_math, word_list
from ttc_explorer.problems.families.solution_writer import format_signed, format_signed_term

MAX_QUESTION_LENGTH = 1000
"""Characters of the longest question that is looked at."""
MAX_SUM_TOKENS = 24
"""Tokens of the longest side of an equation."""

FILLER_WORDS = frozenset(
    word_list("""
    a about again algebra all also am an and answer any anyone are arithmetic as ask asked asking at
    be been believe book by calculate can carefully class clearly compute consider considering
    correct correctly could currently deduce denote detail details determine did do does doing each
    evaluate every exactly exam exercise explain explanation fill find following for from fulfil
    fulfill fulfills fulfils get getting give given gives giving got grade had hand has have he head
    hello help her here hey hi him his hold holds homework how i if in into is it its just kindly
    know learning lesson let like little look looking looks made make makes making math mathematics
    maths may maybe me might must my name need needed needs notation numbers obey obtain obtained of
    ok okay on or our out over page paper particular please pls plz possible practice practise
    problem put question quick quickly quiz read really reasoning satisfied satisfies satisfy
    satisfying say school see seen shall she should show shown simple so somebody someone sorry
    state step steps stuck student study such suppose task teacher tell test thank thanks that the
    their them then there these they think this those thx to today too true try trying tutor under
    understand us use using value values want wanted wants we what when where which who whose will
    wish with wondering work working would write writing written yet you your
    """)
)
"""Words that do not change what is asked."""

EQUATION_WORDS = frozenset(
    word_list(
        """
        equation equations lone solution solutions solve solved solves solving unknown unknowns
        variable variables
        """
    )
)

MAX_UNKNOWN_WORDS = 3
"""Unknown words that a question may have beside the filler and the words of its family."""

_ALTERING_STEMS = word_list(
    """
    absolut amount angl approx area averag bigg bound ceil chang circl close coefficient common
    compar complex composit constant conver count cub curv decimal decreas defin degree denominator
    deriv determinant differ digit discriminant distanc divi doubl draw estimat exceed except expand
    expon express extrem factor fals few floor formula fraction function gradient graph great half
    halv height high imagin impossib incorrect increas inequal infinit integra intercept interval
    invers irration larg latter least length less limit low magnitud many max median middle minim
    mistake more most multipl near negativ neither never non normal numerator opposit parabol
    parallel parity percent perimeter plot plus posit power previous prim probab produc proof prove
    quantit quot radi range rate ratio reciproc rectang remain remov revers round rule sequenc
    sketch slop small speed sqrt squar subset subtract sum surfac symmetr tangent terms than times
    total triang tripl twice type uniq vertex vertic volum weigh why width without wrong year
    """
)
_ALTERING_WORDS = word_list(
    """
    add added adding adds age before cos even gcd gcf hcf last lcm ln log lone max mean min minus
    mode much no nor not odd old only other sign signs sin tan unless until zero
    """
)
_ALTERING = re.compile(rf"(?:{'|'.join(_ALTERING_STEMS)})|(?:{'|'.join(_ALTERING_WORDS)})$|.*n't$")
"""Words that may ask for something else than the families do: by their beginnings, whole, and
negated."""

_COUNTED_NOUNS = frozenset(
    word_list("""
    different distinct elements equations following fractions given integer integers linear numbers
    positive roots solutions terms unknown unknowns values variables whole zeros
    """)
)
"""Nouns (and what stands before them) that a number counts rather than gives."""

_LINK_WORDS = frozenset(
    word_list("and are for given if in is or satisfying so such that when where with")
)
"""Words before which an ``a`` is an unknown, no article."""

_YES_OR_NO = re.compile(r"(?:^|[.?!:\n] ?)(?:is|are|was|were|does|has|have)\b(?! there\b)")

_TOKEN = re.compile(
    r"(?P<ordinal>\d{1,3}(?:st|nd|rd|th)\b)|(?P<number>\d+(?:\.\d+)?)|(?P<letter>[a-z](?![a-z']))"
    r"|(?P<word>[a-z]+(?:'[a-z]+)?)|(?P<blank>\?|_+|\.{2,})|(?P<mark>[.,;:!()\[\]{}\"'\n])"
    r"|(?P<space> )|(?P<sign>.)"
)
_ORDINALS = {
    word: place
    for place, word in enumerate(
        word_list("first second third fourth fifth sixth seventh eighth ninth tenth"), start=1
    )
}
_PHRASE_REWRITES = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        (r"\b(?:is |are |be )?(?:congruent|equal) (?:to|with)\b", "equals"),
        (r"(?:[-=]>|\\(?:rightarrow|implies|to)\b)", ","),
        (r">=? ?0(?![\d.])", " positive"),
        (r"\b((?:\d{1,6} ?)?[a-z]) squared\b", r"\1^2"),
        (r"\b((?:\d{1,6} ?)?[a-z]) cubed\b", r"\1^3"),
        (r"(?<=\d) times (?=[a-z]\b)", " "),
        (r"(?<=[\d ][\da-z]) plus (?=(?:\d|[a-z]\b))", " + "),
        (r"(?<=[\d ][\da-z]) minus (?=(?:\d|[a-z]\b))", " - "),
        (r"\bthe sum (?=[a-z\d]{1,3} ?\+)", " "),
        (r"\bfirst (?=solve|find|compute|calculate|determine|of all)", " "),
        (r"\bone after (?:the other|another)\b", " "),
        (r"\bprime factori[sz]ation\b", " "),
        (r"\b[a-z] ?\\subset(?:eq)? ?(?=\{|\\\{)", "subset "),
        (r"(?:\\in|∈) {0,3}(?:\\mathbb {0,3})?\{? ?r\b ?\}?", " real "),
        (r"(?:\\in|∈) {0,3}(?:\\mathbb {0,3})?\{? ?(?:z ?\}? ?\^ ?\{?\+\}?|n\b ?\}?)", " natural "),
        (r"(?:\\in|∈) {0,3}(?:\\mathbb {0,3})?\{? ?z\b ?\}?", " integer "),
        (r"\b(?:an?|any|one) (?:[a-z]+ )?(?:root|solution|zero)\b", "lone"),
        (r"\bper cent\b", "percent"),
        (r"(?<!th )(?<!xt )\bnumber of\b", "quantity of"),
        (r"\b(?:goes|go|fits|fit) into\b", "divides"),
        (r"\b[a-z] ?= ?(?=[\[{])", " "),
        (r"\bz ?/ ?(\d{1,3})(?: ?z)?\b", "mod \\1"),
        (r"\bat first\b", "initially"),
        (r"\bwithout (?:a |any )?remainder\b", "evenly"),
        (
            r"(?<![a-z\\])([a-z])([23])(?![\da-z.])",
            r"\1^\2",
        ),  # x2 is x² that lost its height on the way
        (r"(?<=[a-z]{2})-(?=[a-z]{2})", " "),
    )
)


class Token(NamedTuple):
    """A piece of a question. ``value``: what it says, for what is mathematical, as its ``kind`` has
    it: an int, a tuple of numbers, a Side, an Equation …"""

    kind: str
    text: str = ""
    value: Any = None
    touches_previous: bool = False
    """Whether it touches the token before it."""


Side = Mapping[str, int]
"""The coefficients of a sum by what they multiply: ``x^2``, ``x`` or, for the constant, nothing."""


@dataclass(frozen=True)
class Equation:
    left: Side
    right: Side

    @cached_property
    def coefficients(self) -> dict[str, int]:
        """The coefficients with everything moved to the left side; none is zero."""
        rows = (
            (what, self.left.get(what, 0) - self.right.get(what, 0))
            for what in {**self.left, **self.right}
        )
        return {what: coefficient for what, coefficient in rows if coefficient}

    @property
    def unknowns(self) -> list[str]:
        return sorted({what[0] for what in (*self.left, *self.right) if what})

    @property
    def standard_form(self) -> str:
        """The polynomial equation in x with leading coefficient 1, such as ``x^2-5x+6=0``; empty if
        there is none in whole numbers, or several unknowns."""
        falling = sorted(self.coefficients, key=lambda what: (len(what), what), reverse=True)
        if len(self.unknowns) != 1 or not falling:
            return ""
        leading = self.coefficients[falling[0]]
        if any(coefficient % leading for coefficient in self.coefficients.values()):
            return ""
        terms = (
            format_signed_term(self.coefficients[what] // leading, what.replace(what[:1], "x"))
            for what in falling
            if what
        )
        constant = self.coefficients.get("", 0) // leading
        return (
            "".join(terms).removeprefix("+") + (format_signed(constant) if constant else "") + "=0"
        )


@dataclass(frozen=True)
class Question:
    """``text``: the question, spelled, number words as numbers. ``tokens``: its pieces in order."""

    text: str
    tokens: tuple[Token, ...]

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(token.text for token in self.tokens if token.kind == "word")

    @cached_property
    def letters(self) -> frozenset[str]:
        """Single letters outside the equations, the articles left out."""
        return frozenset(
            token.text
            for token, following in pairwise((*self.tokens, Token("mark")))
            if token.kind == "letter"
            and (token.text != "a" or following.kind != "word" or following.text in _LINK_WORDS)
        )

    @cached_property
    def clauses(self) -> list[list[Token]]:
        """The tokens between the punctuation marks."""
        clauses: list[list[Token]] = [[]]
        for token in self.tokens:
            if token.kind in ("mark", "blank") or token.text == "if":
                clauses.append([])
            else:
                clauses[-1].append(token)
        return [clause for clause in clauses if clause]

    def values_of(self, kind: str) -> list:
        """The values of the tokens of a kind, in order."""
        return [token.value for token in self.tokens if token.kind == kind]

    def has_exactly(self, counted: int, **kinds: int) -> bool:
        """Whether this is all the mathematics there is: so many tokens of each kind, and every
        count that is given ("three numbers") is ``counted``."""
        found = Counter(token.kind for token in self.tokens if token.kind in _MATHEMATICAL)
        return found == kinds and set(self.values_of("count")) <= {counted}

    def uses_only_words(self, vocabulary: Collection[str], letters: Collection[str] = ()) -> bool:
        """Whether nothing else is said than the vocabulary and the letters are for, as far as one
        can tell: few words are unknown, and none of those may change what is asked."""
        unknown = self.words - FILLER_WORDS.union(vocabulary)
        harmless = len(unknown) <= MAX_UNKNOWN_WORDS and not any(map(_ALTERING.match, unknown))
        return harmless and self.letters <= {"i", *letters}

    def choice(self) -> tuple[tuple[int, ...], int] | None:
        """A list of numbers and one number beside it, if they are all the mathematics there is."""
        lists = sorted(self.values_of("numbers"), key=len, reverse=True)
        if (
            not lists
            or not self.has_exactly(len(lists[0]), numbers=2)
            or len(lists[0]) < 2
            or len(lists[1]) != 1
        ):
            return None
        return lists[0], lists[1][0]

    def equations(self, count: int, counted: int, vocabulary: Collection[str]) -> list[Equation]:
        """The equations, if they are all the mathematics there is, so many, and the words are
        known; else none."""
        equations = self.values_of("equation")
        unknowns = {unknown for equation in equations for unknown in equation.unknowns}
        known = self.has_exactly(counted, equation=count) and self.uses_only_words(
            vocabulary, unknowns
        )
        return equations if known and self.letters & unknowns in (set(), unknowns) else []


_MATHEMATICAL = frozenset(
    ("equation", "numbers", "fraction", "sum", "percent", "modulus", "ordinal")
)


def parse_typed_problem(text: str) -> Question | None:
    """The question that ``text`` asks, taken apart; None if a sign of it cannot be placed."""
    if len(text) > MAX_QUESTION_LENGTH:
        return None
    text = number_words_to_digits(to_ascii_math(text))
    if _YES_OR_NO.search(text):
        return None
    for pattern, new in _PHRASE_REWRITES:
        text = pattern.sub(new, text)
    tokens = _tokenise(text)
    if tokens is not None:
        tokens = _merge_equations(tokens)
    if tokens is not None:
        tokens = _merge_numbers(tokens)
    return None if tokens is None else Question(text, tuple(tokens))


def _tokenise(text: str) -> list[Token] | None:
    """The smallest pieces; None for numbers that no family has."""
    tokens: list[Token] = []
    touches_previous = False
    for match in _TOKEN.finditer(text):
        kind, piece = match.lastgroup or "", match[0]
        if kind == "space":
            touches_previous = False
            continue
        value: object = None
        if kind == "number":
            whole, _, decimals = piece.partition(".")
            if len(whole) > 6 or decimals.strip("0"):
                return None
            value = int(whole)
        elif kind == "word":
            piece = piece.removesuffix("'s")
            if piece in _ORDINALS:
                kind, value = "ordinal", _ORDINALS[piece]
        elif kind == "ordinal":
            value = int(piece[:-2])
        tokens.append(Token(kind, piece, value, touches_previous))
        touches_previous = True
    return tokens


def _merge_equations(tokens: list[Token]) -> list[Token] | None:
    """Each equation and each modulus as one token; None where a sum beside an equals sign goes on
    in a way that is not understood."""
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.text in ("=", "equals", "equal", "is", "gives", "yields"):
            start, left = _parse_sum_before(found)
            right, end = _parse_sum(tokens, at + 1)
            lone_unknown = (
                left is not None and list(left.values()) == [1] and len("".join(left)) < 2
            )
            is_equation = (
                token.text in ("=", "equals", "equal") or not lone_unknown
            )  # "for what x is" begins no equation
            if (
                left
                and right
                and is_equation
                and {*left, *right} != {""}
                and not _continues_sum(tokens, end)
            ):
                found[start:] = [Token("equation", value=Equation(left, right))]
                at = end
                continue
            open_end = at + 1 == len(tokens) or tokens[at + 1].kind in ("blank", "mark")
            if token.text != "=" or (found and found[-1].kind == "word"):
                found.append(Token("word", "equals" if token.text == "=" else token.text))
            elif not open_end:
                return None
        elif token.text in ("mod", "modulo", "modulus"):
            if at + 1 == len(tokens) or tokens[at + 1].kind != "number":
                return None
            at += 1
            found.append(Token("modulus", value=tokens[at].value))
        else:
            found.append(token)
        at += 1
    return found


def _continues_sum(tokens: Sequence[Token], end: int) -> bool:
    """Whether what stands at ``end`` belongs to the sum before it."""
    if end == len(tokens):
        return False
    token = tokens[end]
    touching = token.touches_previous and (
        token.kind in ("letter", "number", "word") or token.text in "([{"
    )
    return touching or token.text in ("=", "*", "/", "^", "%")


def _parse_sum_before(tokens: list[Token]) -> tuple[int, Side | None]:
    """The longest sum that ends the tokens, and where it begins."""
    start = len(tokens)
    while start and len(tokens) - start < MAX_SUM_TOKENS and _in_sum(tokens[start - 1]):
        start -= 1
    for begin in range(start, len(tokens)):
        if begin > start and tokens[begin].text in ("+", "-"):
            continue
        side, end = _parse_sum(tokens, begin)
        if side and end == len(tokens):
            return begin, side
    return len(tokens), None


def _in_sum(token: Token) -> bool:
    return token.kind in ("number", "letter") or token.text in ("+", "-", "*", "^")


def _parse_sum(tokens: Sequence[Token], at: int) -> tuple[Side | None, int]:
    """The sum that begins at ``at``, and where it ends. None if there is none, or it names a
    monomial twice (then the minus may be a dash, and no family writes so)."""
    side: dict[str, int] = {}
    while at < len(tokens):
        begin, sign = at, 1
        if tokens[at].text in ("+", "-"):
            sign = -1 if tokens[at].text == "-" else 1
            at += 1
        elif side:
            break
        what, coefficient, at = _parse_term(tokens, at)
        if what is None:
            return side or None, begin
        if what in side:
            return None, begin
        side[what] = sign * coefficient
    return side or None, at


def _parse_term(tokens: Sequence[Token], at: int) -> tuple[str | None, int, int]:
    """A monomial such as ``3x^2``, ``3*x`` or ``7``, its coefficient, and where it ends."""
    kinds = [token.kind for token in tokens[at : at + 5]]
    texts = [token.text for token in tokens[at : at + 5]]
    coefficient, length = 1, 0
    if kinds[:1] == ["number"]:
        coefficient = int(str(tokens[at].value))
        length = 2 if texts[1:2] == ["*"] and kinds[2:3] == ["letter"] else 1
        if kinds[length : length + 1] != ["letter"]:
            return "", coefficient, at + 1
    if kinds[length : length + 1] != ["letter"]:
        return None, 0, at
    letter = texts[length]
    if texts[length + 1 : length + 2] == ["^"] and kinds[length + 2 : length + 3] == ["number"]:
        exponent = int(str(tokens[at + length + 2].value))
        if not 2 <= exponent <= 3:
            return None, 0, at
        return f"{letter}^{exponent}", coefficient, at + length + 3
    return letter, coefficient, at + length + 1


def _merge_numbers(tokens: list[Token]) -> list[Token] | None:
    """Percentages, fractions, their sums, and lists of numbers as one token each; None where a sign
    of an expression is left over."""
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        after = tokens[at + 1] if at + 1 < len(tokens) else Token("mark")
        second = tokens[at + 2] if at + 2 < len(tokens) else Token("mark")
        if token.kind == "number":
            if after.touches_previous and after.kind == "letter":
                return None
            if after.text in ("%", "percent"):
                found.append(Token("percent", value=token.value))
                at += 2
            elif after.text == "/" and second.kind == "number":
                found.append(Token("fraction", value=(token.value, second.value)))
                at += 3
            elif after.text in _COUNTED_NOUNS or (
                after.text == "of" and second.text in ("these", "them")
            ):
                found.append(Token("count", value=token.value))
                at += 1
            else:
                found.append(Token("numbers", value=(token.value,)))
                at += 1
        elif (
            token.text == "-"
            and after.kind == "number"
            and (not found or not _is_operand(found[-1]))
        ):
            found.append(Token("numbers", value=(-int(str(after.value)),)))
            at += 2
        elif token.kind == "sign" or token.text in ("plus", "minus"):
            sign = {"plus": "+", "minus": "-"}.get(token.text, token.text)
            before = found[-1] if found else Token("mark")
            if (
                sign in "+-"
                and before.kind == "fraction"
                and [t.kind for t in tokens[at + 1 : at + 4]]
                == [
                    "number",
                    "sign",
                    "number",
                ]
            ):
                bottom = tokens[at + 3].value
                if tokens[at + 2].text != "/":
                    return None
                found[-1] = Token("sum", value=(*before.value, sign, after.value, bottom))
                at += 4
                continue
            if sign not in _OPERATIONS or (_is_operand(before) and _is_operand(after)):
                return None
            if sign != "-":
                found.append(Token("word", _OPERATIONS[sign]))
            at += 1
        else:
            found.append(token)
            at += 1
    return _merge_lists(found)


_OPERATIONS = {"+": "plus", "-": "minus", "*": "times", "/": "divided"}


def _is_operand(token: Token) -> bool:
    return token.kind in (
        "number",
        "numbers",
        "letter",
        "fraction",
        "sum",
        "equation",
        "percent",
    ) or token.text in (
        "(",
        ")",
    )


def _merge_lists(tokens: list[Token]) -> list[Token] | None:
    """Numbers side by side, or with commas or "and" between them, as one token."""
    found: list[Token] = []
    gap: list[Token] = []
    for token in tokens:
        listed = bool(found) and found[-1].kind == "numbers"
        if listed and token.kind == "numbers":
            if not gap and 99 < token.value[0] < 1000:
                return None  # 1 200 may be one number
            if len(gap) < 2 or gap[0].text == ",":
                found[-1] = Token("numbers", value=(*found[-1].value, *token.value))
                gap = []
                continue
        if listed and token.text in ((",", ";", "and") if not gap else ("and",)) and len(gap) < 2:
            gap.append(token)
            continue
        found += [*gap, token]
        gap = []
    return found + gap
