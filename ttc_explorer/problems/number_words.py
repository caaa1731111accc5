"""Numbers written in words: ``twenty-one``, ``negative nine``, ``three quarters``."""

from __future__ import annotations

import re
from fractions import Fraction

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: number for number, word in enumerate(_UNITS.split(" "))} | {
    word: 10 * number for number, word in enumerate(_TENS.split(" "), start=2)
}
SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
"""Words that multiply the number before them."""

_PARTS = {
    "half": 2,
    "halves": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
    "twelfth": 12,
    "hundredth": 100,
}
_SIGNS = ("negative", "minus")
MAX_WORDS = 16


def parse_number_words(text: str) -> Fraction | None:
    """The number that words spell; None if they spell none.

    >>> parse_number_words("minus one hundred and five"), parse_number_words("two thirds")
    (Fraction(-105, 1), Fraction(2, 3))
    >>> parse_number_words("forty apples") is None
    True
    """
    words = re.findall(r"[a-z]+", text.casefold().replace("-", " "))
    if not 0 < len(words) <= MAX_WORDS or not re.fullmatch(r"[A-Za-z \-]+", text.strip()):
        return None
    sign = -1 if words[0] in _SIGNS else 1
    words = words[1:] if words[0] in _SIGNS else words
    if len(words) > 1 and words[0] in ("a", "an") and (words[1] in SCALES or words[1] == "dozen"):
        words = words[1:]
    if words and (words[-1] in _PARTS or words[-1].removesuffix("s") in _PARTS):
        part = _PARTS.get(words[-1]) or _PARTS[words[-1].removesuffix("s")]
        count = 1 if words[:-1] in ([], ["a"], ["one"]) else _whole(words[:-1])
        return None if count is None else Fraction(sign * count, part)
    whole = _whole(words)
    return None if whole is None else Fraction(sign * whole)


def word_number(word: str) -> int | None:
    """The number that one word spells (``eight``), as for the base of a numeral."""
    return _SMALL.get(word.casefold())


def _whole(words: list[str]) -> int | None:
    total = current = 0
    previous: str | None = None
    for word in words:
        if word == "and":
            if previous not in SCALES:
                return None
        elif word in _SMALL:
            tens_before = (
                previous in _SMALL and _SMALL[previous] >= 20 and _SMALL[previous] % 10 == 0
            )
            if previous in _SMALL and not (tens_before and 0 < _SMALL[word] < 10):
                return None
            current += _SMALL[word]
        elif word == "hundred":
            current = (current or 1) * 100
        elif word in SCALES:
            total += (current or 1) * SCALES[word]
            current = 0
        elif word == "dozen":
            current = (current or 1) * 12
        else:
            return None
        previous = word
    return total + current if previous and previous != "and" else None
