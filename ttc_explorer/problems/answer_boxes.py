r"""Answers in boxes: ``\boxed{4}``, and what models make of it.

A closed box counts, whatever else was begun after it. Where none is closed, a box that was left
open holds what follows it, up to the end of its formula, tag, sentence or line: ``\boxed{ 4`` at
the end of a text says 4. What breaks off within a command (``\boxed{\frac{1}{2``) says nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ttc_explorer.problems.answer_phrase import has_value, shorten_phrase, strip_delimiters


@dataclass(frozen=True)
class Mark:
    """Where a mark stands in a text, and the answer that it marks."""

    position: int
    answer: str


_BOX = r"(?:\\{1,2}(?:boxed|fbox|framebox)|\x08oxed|(?<![\\A-Za-z])boxed)"
r"""The command; with its backslash doubled, gone, or read as JSON's ``\b``, too."""
_BRACES = re.compile(
    rf"(?P<box>{_BOX}\s*\{{)"
    r"|\\boxed\s*(?P<bare>\\[a-zA-Z]+(?:\{[^{}]*\}|\d)*|[-+]?\w(?:[\w,./]*\w)?|\([^(){}\n]{1,80}\))"
    r"|\\.|(?P<brace>[{}])",
    re.DOTALL,
)
_OPENED_FORMULA = re.compile(r"\s*(?:(?:(?<!\\)\$+|\\[(\[])\s*)?")
_OPEN_BOX_END = re.compile(r"\n|(?<!\\)\$|\\[)\]]|</|(?<!\.)[.!?](?=\s|\Z)|。")
_ESCAPED = re.compile(r"\\[{}\\]")
_BOX_NAME = re.compile(r"([A-Za-z](?:_\{?\w\}?)?)\s*=\s*$")
_BETWEEN_BOXES = re.compile(r"[^.!?\n]{0,80}|[^!?\n]{0,40}")
_NO_LIST = re.compile(
    r"\b(?:no|not|wait|so|then|hence|thus|therefore|actually|but|instead|correct\w*|i\.e|rather|"
    r"simplif\w+|which|equals|is)\b|\\(?:approx|Rightarrow|implies|to)\b|[→⇒]",
    re.IGNORECASE,
)
_LIST_JOIN = re.compile(r"[,;]|\b(?:and|or)\b|\\quad")


def read_boxes(text: str) -> Mark | None:
    r"""The last box; several boxes of one sentence are a list, as in
    ``x=\boxed{2}$ or $x=\boxed{5}``."""
    if "box" not in text and "\x08ox" not in text:
        return None
    boxes = _closed_boxes(text)
    if not boxes:
        return _read_open_box(text)
    group = [boxes[-1]]
    for box in reversed(boxes[:-1]):
        gap = text[box[1] : group[0][0]]
        if box[1] > group[0][0] or not _joins_boxes(gap):
            break
        group.insert(0, box)
    answers = list(dict.fromkeys(answer for _, _, answer in group))
    names = [
        name[1] if (name := _BOX_NAME.search(text[max(0, start - 20) : start])) else ""
        for start, _, _ in group
    ]
    if len(answers) == len(set(names)) == len(group) > 1 and "" not in names:
        answers = [f"{name} = {answer}" for name, answer in zip(names, answers, strict=True)]
    return Mark(group[-1][0], ", ".join(answers))


def _closed_boxes(text: str) -> list[tuple[int, int, str]]:
    """The boxes with balanced braces and something in them: start, end and content, by start."""
    boxes, _ = _find_boxes(text)
    boxes.sort()
    last = boxes[-40:]  # more in one sentence are no list
    read = [(start, end, strip_delimiters(_read_box(content))) for start, end, content in last]
    return [box for box in read if box[2]]


def _read_open_box(text: str) -> Mark | None:
    """What follows the last box that is not closed, if it is whole."""
    _, opened = _find_boxes(text)
    if not opened:
        return None
    start, begin = opened[-1]
    lead = _OPENED_FORMULA.match(text, begin)
    begin = lead.end() if lead else begin
    end = _OPEN_BOX_END.search(text, begin)
    content = text[begin : end.start() if end else len(text)]
    if not re.search(r"[(\[]", content):
        content = content.rstrip("])> \\")  # what was meant to close it
    answer = strip_delimiters(shorten_phrase(content))
    return Mark(start, answer) if answer else None


def _find_boxes(text: str) -> tuple[list[tuple[int, int, str]], list[tuple[int, int]]]:
    """Boxes that are closed, with start, end and content, and those that are not, with where they
    start and where their content does."""
    closed = []
    opened: list[re.Match[str]] = []
    for match in _BRACES.finditer(text):
        if match["bare"]:
            closed.append((match.start(), match.end(), match["bare"]))
        elif match["box"] or match["brace"] == "{":
            opened.append(match)
        elif match["brace"] and opened:
            start = opened.pop()
            if start["box"]:
                closed.append((start.start(), match.end(), text[start.end() : match.start()]))
    return closed, [(match.start(), match.end()) for match in opened if match["box"]]


def has_closed_box(text: str) -> bool:
    r"""Whether an answer stands in a closed ``\boxed{}``, after which a solution is whole."""
    return r"\boxed" in text and bool(_closed_boxes(text))


def breaks_off(answer: str) -> bool:
    r"""Whether what was read is the beginning of something: a box is in it that could not be read,
    a brace or a formula that is not closed, or nothing follows its equals sign.

    >>> [breaks_off(text) for text in (r"\boxed{", r"\frac{1}{2", r"\[ \frac{1}{2}", "56 + 12 =")]
    [True, True, True, True]
    >>> breaks_off(r"\{1, 2\}")
    False
    """
    bare = _ESCAPED.sub("", answer)
    pairs = (("{", "}"), (r"\[", r"\]"), (r"\(", r"\)"))
    return (
        any(bare.count(left) > bare.count(right) for left, right in pairs)
        or bare.rstrip().endswith("=")
        or re.search(_BOX, answer) is not None
    )


def _read_box(content: str) -> str:
    r"""A box holds an answer; only a sentence in it (``\text{The answer is } 11``) is cut to its
    value."""
    is_sentence = re.match(
        r"\s*(?:\\text\w*\s*\{\s*)?[A-Za-z]{2,}[ ~]"
        r"(?:[^\n]{0,200}\b(?:is|are|equals)\b|[^\n]{0,40}:)",
        content,
    )
    return shorten_phrase(content) if is_sentence and has_value(content) else content


def _joins_boxes(gap: str) -> bool:
    plain = re.sub(r"\\(?:text|mathrm)\s*\{([^{}]*)\}", r" \1 ", gap)
    return bool(
        _BETWEEN_BOXES.fullmatch(plain)
        and not re.search(r"\.(?:\s|\$|$)", plain)
        and not _NO_LIST.search(plain)
        and _LIST_JOIN.search(plain)
    )
