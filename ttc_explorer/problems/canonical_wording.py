r"""Question normalisation: one spelling for what people type in many: LaTeX, Unicode, case and
spaces taken out of a question's way.

Nothing is evaluated, and the time is linear in the text: every pattern begins with a fixed mark and
reads a bounded stretch behind it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_SIGNS = {
    **dict.fromkeys("−–‒‐‑", "-"),
    **dict.fromkeys("×·⋅∙✕∗", "*"),
    **dict.fromkeys("÷∕⁄", "/"),
    **dict.fromkeys("’‘ʼ′", "'"),
    **dict.fromkeys("“”„«»", '"'),
    **dict.fromkeys("$€£", ""),
    "≡": "=",
    "—": ",",
    "⋯": "...",
}
_COMMANDS = {
    **dict.fromkeys(("times", "cdot", "ast"), "*"),
    **dict.fromkeys(("ldots", "dots", "cdots"), "..."),
    **dict.fromkeys(("left", "right", "displaystyle", "textstyle", "!", "$"), ""),
    **dict.fromkeys((*",;: ()[]&", "quad", "qquad", "underline"), " "),
    **{sign: sign for sign in "%#_{}"},
    "\\": "\n",
    "div": "/",
    "equiv": "=",
    "gt": ">",
    "gcd": " gcd ",
    "mod": " mod ",
    "bmod": " mod ",
}
_ARGUMENT = r" {0,3}(?:\{ {0,3}([^{}\\]{1,40}?) {0,3}\}|(\d))"
_FRACTION = re.compile(r"\\[dtc]?frac" + _ARGUMENT + _ARGUMENT)
_REWRITES = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        (r"[^\S\n]+", " "),
        (r"\\(?:begin|end) ?\{[a-z*]{1,20}\}(?:\[[a-z]\]|\{[lcr|]{1,9}\})?", "\n"),
        (r"\\(?:text|textrm|textbf|textit|mathrm|mbox|operatorname) ?\{([^{}]{0,200})\}", r" \1 "),
        (r"\\pmod ?(?:\{ ?(\d{1,9}) ?\}|(\d))", r" (mod \1\2) "),
        (r"\^ ?\{ ?(\d{1,9}) ?\}", r"^\1"),
        (r"\{,\}", ","),
    )
)
_COMMAND = re.compile(r"\\([a-zA-Z]{1,20}|[^a-zA-Z])")


def to_ascii_math(text: str) -> str:
    r"""The text in lower-case ASCII mathematics; the spaces and lines stay.

    >>> to_ascii_math(r"Solve $\dfrac34 \cdot x = ½$, x² ≡ 4 \pmod{7}")
    'solve 3/4 * x = 1/2, x^2 = 4 (mod 7) '
    """
    text = re.sub(r"\\?[$€£]|[~&]|[^\x00-\x7f]", lambda match: _ascii_char(match[0][-1]), text)
    for pattern, new in _REWRITES:
        text = pattern.sub(new, text)
    text = _FRACTION.sub(
        lambda match: (
            f" {_parenthesised(match[1] or match[2])}/{_parenthesised(match[3] or match[4])} "
        ),
        text,
    )
    text = _COMMAND.sub(lambda match: _COMMANDS.get(match[1], f" {match[0]} "), text)
    return re.sub(r" *\n\s*", "\n", re.sub(r" +", " ", text)).lower().strip("\n")


def normalise_text(text: str) -> str:
    """A spelled text without the spaces beside signs, the lines and the closing punctuation.

    >>> normalise_text("Solve  x² − 7x + 12 = 0 .")
    'solve x^2-7x+12=0'
    """
    text = re.sub(r"\s+", " ", to_ascii_math(text)).strip()
    text = re.sub(r" ?([^\w\s]) ?", r"\1", text)
    return re.sub(r"(?<=\d)\*(?=[a-z]\b)", "", text).rstrip(".?!")


def word_list(text: str) -> list[str]:
    """The words of a text: a long list of them, written shortly."""
    return text.split()


_SMALL = word_list(
    """
    one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty
    """
)
_TENS = dict(
    zip(
        word_list("twenty thirty forty fifty sixty seventy eighty ninety"),
        range(20, 100, 10),
        strict=True,
    )
)
_NUMERALS = {
    "zero": 0,
    **{word: value for value, word in enumerate(_SMALL, 1)},
    **_TENS,
    **{
        f"{ten}{gap}{_SMALL[one]}": _TENS[ten] + one + 1
        for ten in _TENS
        for one in range(9)
        for gap in "- "
    },
}
_PARTS = {"half": 2, "halve": 2, "third": 3, "quarter": 4} | {
    part: value
    for value, part in enumerate(
        word_list("fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"), 4
    )
}
_NUMBER_WORDS = re.compile(
    rf"\b(?P<number>{'|'.join(sorted(_NUMERALS, key=len, reverse=True))})\b"
    rf"(?:[ -](?P<part>{'|'.join(_PARTS)})s?\b)?"
)


def number_words_to_digits(text: str) -> str:
    """A spelled text with its number words as numbers; ``one`` stays a word unless it counts parts.

    >>> number_words_to_digits("three quarters of twenty-two, one by one")
    '3/4 of 22, one by one'
    """
    return _NUMBER_WORDS.sub(_digits_of, text)


def _digits_of(match: re.Match[str]) -> str:
    value = _NUMERALS[match["number"]]
    if match["part"]:
        return f"{value}/{_PARTS[match['part']]}"
    return match[0] if value == 1 else str(value)


@lru_cache(maxsize=4096)
def _ascii_char(char: str) -> str:
    """One character as plain mathematics; a character that has no such spelling stays."""
    if char in _SIGNS:
        return _SIGNS[char]
    if char in "~&":
        return " "
    plain = unicodedata.normalize("NFKD", char)
    plain = "".join(c for c in plain if not unicodedata.combining(c)).replace("⁄", "/")
    if unicodedata.decomposition(char).startswith("<super>") and plain.isdigit():
        return f"^{plain}"
    return f" {plain}" if "/" in plain else plain


def _parenthesised(text: str) -> str:
    return text if text.isalnum() else f"({text})"
