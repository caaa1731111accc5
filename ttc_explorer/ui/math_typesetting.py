"""Arithmetic in a text, told from its words, to be set as mathematics: x² − 7x, not x^2-7x."""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
    \^(?P<power>-?\d+|[A-Za-z]|\([^()]*\)|\{[^{}]*\})
  | (?P<word>[A-Za-z]{2,}(?:['’-][A-Za-z]+)*)
  | (?P<letter>[A-Za-z])
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<sign><=|>=|!=|[-−*×·÷+=<>≤≥≠])
  | (?P<space>\s+)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_SIGNS = {"-": "−", "*": "×", "<=": "≤", ">=": "≥", "!=": "≠"}
_RELATIONS = ("=", "<", ">", "<=", ">=", "!=", "≤", "≥", "≠")
"""A long formula breaks before one of these."""
_VERDICTS = {"ok": "ok ✓", "no": "no ✗"}
_SPACED_SIGN = re.compile(r" *(?:[*×·÷+=<>≤≥≠]|<=|>=|!=) *|(?<=[^ ,:(]) [-−] ")
_FORMULA = re.compile(r"[-−]?(?:\d|[A-Za-z](?![A-Za-z]))")
_WORDS = re.compile(r" [A-Za-z]{2}")
_VERDICT = re.compile(r"(?:\S+ )?(?:ok|no)$")
_CHECK = re.compile(r"off \S+ (ok|no)$")
"""How the shipped models end a line that checks what was found against what is wanted."""


class MathPiece(NamedTuple):
    """A piece of a text.

    Attributes:
        kind: ``text``, a ``letter`` that stands for a number, a ``power``, or the verdict of a
            check, ``ok`` or ``no``.
        text: what it shows; empty for a power.
        power: the pieces of a power.
    """

    kind: str
    text: str
    power: tuple[MathPiece, ...] = ()


def math_pieces(text: str) -> list[MathPiece]:
    r"""The text in pieces, with the signs and the room of mathematics.

    >>> minus = "\N{NO-BREAK SPACE}−\N{NO-BREAK SPACE}"
    >>> [piece.text for piece in math_pieces("x-2")] == ["x", minus, "2"]
    True
    >>> math_pieces("x^2")[1]
    MathPiece(kind='power', text='', power=(MathPiece(kind='text', text='2', power=()),))
    """
    if len(text) > 2000:  # nobody reads that as mathematics
        return [MathPiece("text", text)]
    checked = _CHECK.search(text) is not None
    text = _SPACED_SIGN.sub(lambda room: room.group().strip(), text)
    pieces: list[MathPiece] = []
    last = ""  # the kind of the token before
    for match in _TOKEN.finditer(text):
        kind, token, rest = str(match.lastgroup), match.group(), text[match.end() :]
        if kind == "power":
            pieces.append(MathPiece(kind, "", tuple(math_pieces(match["power"].strip("(){}")))))
        elif kind == "sign":
            leads = token in "-−+" and last not in ("number", "letter", "power", "close")
            before = " " if token in _RELATIONS else "\N{NO-BREAK SPACE}"
            sign = _SIGNS.get(token, token)
            spaced = sign if leads else f"{before}{sign}\N{NO-BREAK SPACE}"
            pieces.append(MathPiece("text", spaced))
        elif kind == "space":
            if checked and _VERDICT.match(rest):
                token = "\N{NO-BREAK SPACE}"
            between = last in ("number", "letter", "power") and _FORMULA.match(rest)
            pieces.append(MathPiece("text", "\N{EM SPACE}" if between else token))
        elif kind == "letter" and not (token in "aAI" and _WORDS.match(rest)):
            pieces.append(MathPiece("letter", token))
        elif kind == "word" and checked and not rest and token in _VERDICTS:
            pieces.append(MathPiece(token, _VERDICTS[token]))
        elif token == "," and rest.strip():
            pieces.append(MathPiece("text", ", " if rest[0] != " " else ","))
        else:
            pieces.append(MathPiece("text", token))
        last = "close" if token in ")]" else kind
    return pieces
