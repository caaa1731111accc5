r"""Where a solution says its final answer.

The marks that we know: a box ``\boxed{X}``, GSM8K's ``#### X`` and a line that begins with
``Answer:``. The last of them in the text counts; without any, the last sentence that says "the
answer is X".
"""

from __future__ import annotations

import re

_BRACES = re.compile(r"(?P<box>\\(?:boxed|fbox)\s*\{)|\\.|(?P<brace>[{}])", re.DOTALL)
_GSM8K_MARK = re.compile(r"^####(?=[ \t]*[-+]?\$?[\d.])", re.MULTILINE)
_ANSWER_LINE = re.compile(
    r"^[ \t>*_#]{0,8}(?:final[ \t]+)?answer[ \t*_]{0,4}[:=]", re.MULTILINE | re.IGNORECASE
)
_ANSWER_SENTENCE = re.compile(
    r"\banswer(?:[ \t]+[a-z]{1,15}){0,4}?[ \t]*(?:\bis\b|\bare\b|[:=])(?:[ "
    r"\t]+(?:therefore|thus|then)\b)?:?",
    re.IGNORECASE,
)
_ANSWER_OPENING = re.compile(r"(?:\s|\$\$|\\\[)*")
_SENTENCE_END = re.compile(r"\n|\$\$|\\\]|[.!?](?=\s|$)")
_WORD = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z']{2,}")
_NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?(?:/\d+)?%?")
_DELIMITERS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))


def read_answer(text: str) -> str | None:
    r"""The final answer of a whole solution or of its last line; None if no answer is marked.

    >>> read_answer("2*3=6\nAnswer: 6"), read_answer(r"So it is \(\boxed{\frac{1}{2}}\).")
    ('6', '\\frac{1}{2}')
    """
    marks = [
        mark
        for mark in (
            _last_box(text),
            _text_after_mark(_GSM8K_MARK, text),
            _text_after_mark(_ANSWER_LINE, text),
        )
        if mark
    ]
    mark = max(marks, default=None) or _text_after_mark(_ANSWER_SENTENCE, text)
    return (strip_delimiters(mark[1]) or None) if mark else None


def read_prediction(text: str) -> str:
    """The answer of a text that may mark it or not; empty if there is none.

    A short last line is an answer itself; in a sentence, what follows its last "=", "is" or "are"
    is one if it is short or holds a single number.

    >>> read_prediction("3 * 6 = 18"), read_prediction("So Janet makes $18 every single day.")
    ('3 * 6 = 18', '18')
    """
    marked = read_answer(text)
    if marked is not None:
        return marked
    line = strip_delimiters(text.rstrip().rpartition("\n")[2])
    if _is_short(line):
        return line
    last_clause = strip_delimiters(re.split(r"=|\b(?:is|are|equals)\b", line)[-1])
    numbers = _NUMBER.findall(last_clause)
    return numbers[0] if len(numbers) == 1 else last_clause if _is_short(last_clause) else ""


def strip_delimiters(answer: str) -> str:
    """An answer without what surrounds it: spaces, emphasis, LaTeX's dollar signs, the closing full
    stop.

    >>> strip_delimiters("**$10.$** .")
    '10'
    """
    for _ in range(4):  # wrapped in each other, at most
        answer = answer.strip().strip("*").rstrip(".,;")
        for left, right in _DELIMITERS:
            if (
                len(answer) >= len(left + right)
                and answer.startswith(left)
                and answer.endswith(right)
            ):
                answer = answer[len(left) : -len(right)]
    return answer


def _is_short(text: str) -> bool:
    return len(_WORD.findall(text)) <= 3


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


def _text_after_mark(mark: re.Pattern[str], text: str) -> tuple[int, str] | None:
    """Where the last ``mark`` begins, and what follows it up to the end of its sentence or line."""
    last = max(mark.finditer(text), key=lambda match: match.start(), default=None)
    if last is None:
        return None
    opening = _ANSWER_OPENING.match(text, last.end())
    begin = opening.end() if opening else last.end()
    end = _SENTENCE_END.search(text, begin)
    return last.start(), text[begin : end.start() if end else len(text)]
