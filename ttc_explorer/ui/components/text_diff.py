"""What changed from one attempt to the next, word by word. Pure text; ``diff_html`` makes it
HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import zip_longest
from typing import NamedTuple

from ttc_explorer.ui.math_typesetting import typeset_math

MAX_DIFF_CHARACTERS = 4000
"""An attempt longer than that is not compared: difflib takes quadratic time."""


class DiffPart(NamedTuple):
    """Neighbouring words of a line: in both attempts (``same``), only in the later (``new``) or
    only in the earlier (``gone``)."""

    kind: str
    text: str


def diff_lines(before: Sequence[str], after: Sequence[str]) -> list[list[DiffPart]]:
    """The lines of two attempts as one: lines that agree stand once, the others are compared word
    by word.

    The words of ``same`` and ``new`` parts, in order, are those of ``after``; of ``same`` and
    ``gone``, those of ``before``.

    >>> diff_lines(["4x = 68", "x = 16"], ["4x = 68", "x = 17"])[1]
    [DiffPart(kind='same', text='x ='), DiffPart(kind='gone', text='16'), DiffPart(kind='new', text='17')]
    """
    if sum(map(len, (*before, *after))) > 2 * MAX_DIFF_CHARACTERS:
        return [[DiffPart("gone", line)] for line in before] + [
            [DiffPart("new", line)] for line in after
        ]
    lines = []
    for _, i, j, k, m in SequenceMatcher(None, before, after).get_opcodes():
        for old, new in zip_longest(before[i:j], after[k:m], fillvalue=""):
            lines.append(list(_diff_words(old.split(), new.split())))
    return lines


def _diff_words(before: list[str], after: list[str]) -> Iterator[DiffPart]:
    for tag, i, j, k, m in SequenceMatcher(None, before, after).get_opcodes():
        kinds = {"same": after[k:m]} if tag == "equal" else {"gone": before[i:j], "new": after[k:m]}
        yield from (DiffPart(kind, " ".join(words)) for kind, words in kinds.items() if words)


@lru_cache(4096)  # a growing run asks for the same attempts again and again
def count_new_words(before: str, after: str) -> int:
    """How many words of the text ``after`` were not in ``before``, line by line.

    >>> count_new_words("4x = 68\\nx = 16", "4x = 68\\nx = 17")
    1
    """
    lines = diff_lines(before.split("\n"), after.split("\n"))
    return sum(len(part.text.split()) for line in lines for part in line if part.kind == "new")


_TAGS = {"same": "span", "new": "ins", "gone": "del"}


def diff_html(before: Sequence[str], after: Sequence[str]) -> str:
    """The changes as HTML: a paragraph a line, new words as ``ins``, gone ones as ``del``."""
    return "".join(
        f"<p>{' '.join(map(_part_html, line))}</p>" for line in diff_lines(before, after)
    )


def _part_html(part: DiffPart) -> str:
    tag = _TAGS[part.kind]
    return f"<{tag}>{typeset_math(part.text)}</{tag}>"
