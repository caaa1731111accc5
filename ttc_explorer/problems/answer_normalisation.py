r"""Answer normalisation: one spelling for what people and models write in many: LaTeX and Unicode
dressing taken off an answer."""

from __future__ import annotations

import re

from ttc_explorer.problems.answer_reader import strip_delimiters

_SIGN_TABLE = str.maketrans(
    {
        "−": "-",
        "–": "-",
        "×": r"\times ",
        "·": r"\cdot ",
        "÷": "/",
        "π": r"\pi ",
        "∞": r"\infty ",
        "±": r"\pm ",
        "≤": r"\le ",
        "≥": r"\ge ",
        "²": "^2",
        "³": "^3",
        "½": " 1/2",
        "⅓": " 1/3",
        "⅔": " 2/3",
        "¼": " 1/4",
        "¾": " 3/4",
        "’": "'",
        "\u00a0": " ",
        "\u202f": " ",
    }
)

_ANSWER_REWRITES = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        (r"\s+", " "),
        (r"\\(?:left|right|big|Big|bigg|Bigg)(?![a-zA-Z])\.?", ""),
        (r"\\(?:displaystyle|textstyle|limits)(?![a-zA-Z])", ""),
        (r"\{,\}|,\\!", ","),
        (r"(?<!\\)\\!", ""),
        (r"(?<=\d)\\[, ](?=\d{3}(?!\d))", ","),
        (r"(?<!\\)\\(?:[,;: ]|q?quad(?![a-zA-Z]))|~", " "),
        (r"\\[dtc]frac(?![a-zA-Z])", r"\\frac"),
        (r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}"),
        (r"\\frac\s*(\d)\s*\{", r"\\frac{\1}{"),
        (r"\\frac\{(\d+)\}\s*(\d)", r"\\frac{\1}{\2}"),
        (
            r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}",
            r" \1 ",
        ),
        (r" ?(?:\^ ?\{? ?\\circ ?\}?|\\degree|\\circ ?$|\bdegrees?\b)", "°"),
        (r"√\s*(\d+|[a-z]|\([^()]*\))", r"\\sqrt{\1}"),
        (r"\\([%$#])", r"\1"),
        (r"\s+", " "),
    )
)


def normalise_answer(answer: str) -> str:
    r"""The answer in a spelling of few variants; still LaTeX where it must be.

    >>> normalise_answer(r"$\left( 45^{\circ},\; \dfrac12 \right)$"), normalise_answer(r"18\text{ cm}.")
    ('( 45°, \\frac{1}{2} )', '18 cm')
    """
    answer = answer.translate(_SIGN_TABLE)
    for pattern, new in _ANSWER_REWRITES:
        answer = pattern.sub(new, answer)
    return strip_delimiters(answer)


def strip_insignificant_spaces(text: str) -> str:
    """A plain text without the spaces that do not tell answers apart (between digits they do).

    >>> strip_insignificant_spaces("4 a -  2") == strip_insignificant_spaces("4a-2"), strip_insignificant_spaces("2 1/3")
    (True, '2 1/3')
    """
    return re.sub(r" (?!\d)|(?<!\d) ", "", text.strip())
