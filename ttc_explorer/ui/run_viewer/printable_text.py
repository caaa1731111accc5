"""Texts of models and visitors as the viewer may be sent them."""

from __future__ import annotations

import re

_UNPRINTABLE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but the line end, line separators, half characters, and what turns the
reading direction around."""


def printable(text: str, longest: int) -> str:
    r"""The text with whatever cannot be printed as a space; line ends stay.

    Args:
        text: any text.
        longest: characters; a longer text is cut and ends in an ellipsis.

    >>> printable("a\tb\r\nc", 9), printable("0123456789", 5)
    ('a b \nc', '0123…')
    """
    text = _UNPRINTABLE.sub(" ", text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def single_line(text: str, longest: int) -> str:
    r"""The text on one line, with whatever cannot be printed as a space.

    Args:
        text: any text.
        longest: characters; a longer text is cut and ends in an ellipsis.

    >>> single_line("a\tb\r\n c", 9), single_line("0123456789", 5)
    ('a b c', '0123…')
    """
    return printable(" ".join(_UNPRINTABLE.sub(" ", text).split()), longest)
