r"""Where a solution says its final answer.

The marks that we know, in the order of trust: a box ``\boxed{X}``, GSM8K's ``#### X`` and a line that begins
with ``Answer:`` (the last of them in the text counts); else the last sentence that says "the answer is X".
"""

from __future__ import annotations

import re

_BRACES = re.compile(r"(?P<box>\\[bf]box(?:ed)?\s*\{)|\\.|(?P<brace>[{}])", re.DOTALL)
_HASHES = re.compile(r"^####[ \t]*(?=[-+]?[$]?[\d.])(?P<answer>[^\s].*)", re.MULTILINE)
_LINE = re.compile(r"^[ \t>*_#]{0,8}(?:final[ \t]+)?answer[ \t*_]{0,4}[:=]", re.MULTILINE | re.IGNORECASE)
_SENTENCE = re.compile(r"\banswer(?:[ \t]+[a-z]{1,15}){0,4}?[ \t]*(?:\bis\b|\bare\b|[:=])", re.IGNORECASE)
_SENTENCE_END = re.compile(r"\n|[.!?](?=\s|$)")


def read_answer(text: str) -> str | None:
    r"""The final answer of a whole solution or of its last line; None if no answer is marked.

    >>> read_answer("2*3=6\nAnswer: 6"), read_answer(r"so it is \(\boxed{\frac{1}{2}}\).")
    ('6', '\\frac{1}{2}')
    """
    boxes = _last_box(text)
    hashes = max(_HASHES.finditer(text), key=lambda match: match.start(), default=None)
    line = max(_LINE.finditer(text), key=lambda match: match.end(), default=None)
    marked = [
        *([boxes] if boxes else []),
        *([(hashes.start(), hashes["answer"])] if hashes else []),
        *([(line.start(), _sentence(text, line.end()))] if line else []),
    ]
    if marked:
        return bare(max(marked)[1]) or None
    said = max(_SENTENCE.finditer(text), key=lambda match: match.end(), default=None)
    return (bare(_sentence(text, said.end())) or None) if said else None


def bare(answer: str) -> str:
    """An answer without what surrounds it: spaces, emphasis, dollar signs of LaTeX, the closing full stop."""
    before = None
    while answer != before:
        before = answer
        answer = answer.strip().strip("*").rstrip(".,;")
        for left, right in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")):
            if len(answer) >= len(left + right) and answer.startswith(left) and answer.endswith(right):
                answer = answer[len(left) : -len(right)]
    return answer


def _last_box(text: str) -> tuple[int, str] | None:
    """Where the last box with balanced braces begins, and what is in it."""
    last = None
    opened: list[re.Match[str]] = []
    for match in _BRACES.finditer(text):
        if match["box"] or match["brace"] == "{":
            opened.append(match)
        elif match["brace"] and opened:
            start = opened.pop()
            if start["box"] and (last is None or start.start() > last[0]):
                last = start.start(), text[start.end() : match.start()]
    return last


def _sentence(text: str, start: int) -> str:
    """The text from ``start``, or from the next word, to the end of its sentence or line."""
    begin = start + len(text[start:]) - len(text[start:].lstrip())
    end = _SENTENCE_END.search(text, begin)
    return text[begin : end.start() if end else len(text)]
