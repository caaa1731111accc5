r"""Answer normalisation: one spelling for what people and models write in many: LaTeX and Unicode
dressing taken off an answer."""

from __future__ import annotations

import re
import unicodedata

from ttc_explorer.problems.answer_phrase import strip_delimiters
from ttc_explorer.problems.number_words import word_number

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
        "≠": r"\ne ",
        "≈": r"\approx ",
        "∅": r"\emptyset ",
        "∪": r"\cup ",
        "∩": r"\cap ",
        "∈": r"\in ",
        "ℝ": r"\mathbb{R}",
        "…": "...",
        "⁰": "^0",
        "²": "^2",
        "³": "^3",
        "⁴": "^4",
        "⁵": "^5",
        "º": "°",
        "℃": "°C",
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "\u00a0": " ",
        "\u202f": " ",
        "\u2009": " ",
        "\u200b": "",
        **{chr(0x2080 + digit): f"_{digit}" for digit in range(10)},
        **{
            chr(code): " " + unicodedata.normalize("NFKC", chr(code)).replace("⁄", "/")
            for code in [*range(0xBC, 0xBF), *range(0x2150, 0x215F)]
        },
    }
)

_TEXT_COMMANDS = (
    r"text|textbf|textit|textrm|textsf|texttt|textnormal|textup|mathrm|mathbf|mathit|mathsf|mbox"
    r"|operatorname|emph|boldsymbol|bm"
)
_ARGUMENT = r"(\d|[A-Za-z]|\\[a-zA-Z]+(?:\s*\{[^{}]*\})?|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})"

_ANSWER_REWRITES = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        (r"\s+", " "),
        (r"\\lbrace(?![a-zA-Z])\s?", r"\\{"),
        (r"\\rbrace(?![a-zA-Z])", r"\\}"),
        (r"\\(?:left|right|big|Big|bigg|Bigg)[lr]?(?![a-zA-Z])\.?", ""),
        (r"\\(?:displaystyle|textstyle|limits|nonumber|bf|rm|it)(?![a-zA-Z])", ""),
        (r"\\[()]|(?<!\\)\\[\[\]]", " "),  # the delimiters of formulas inside an answer
        (r"\{,\}|,\\!\s*", ","),
        (r"(?<!\\)\\!", ""),
        (r"(?<=\d)\\[, ] ?(?=\d{3}(?!\d))", ","),
        (r"(?<!\\)\\(?:[,;: ]|q?quad(?![a-zA-Z]))|~", " "),
        (r"\\[dtc]frac(?![a-zA-Z])", r"\\frac"),
        (r"\\mathb[bf]\s*(?:\{R\}|R)|\\R(?![a-zA-Z])", r"\\mathbb{R}"),
        (rf"\\(?:{_TEXT_COMMANDS})\s*\{{([^{{}}]*)\}}", r" \1 "),
        (rf"\\(?:{_TEXT_COMMANDS})(?![a-zA-Z])", " "),
        (rf"\\frac\s*{_ARGUMENT}\s*{_ARGUMENT}", lambda match: _frac(match[1], match[2])),
        (r"\\sqrt\s*(\d|[A-Za-z])", r"\\sqrt{\1}"),
        (r" ?(?:\^ ?\{? ?\\circ ?\}?|\\degree|\\circ ?$|\bdegrees?\b)", "°"),
        (r"√\s*(\d+|[a-z]|\([^()]*\))", r"\\sqrt{\1}"),
        (r"\\([%$#€£])", r"\1"),
        (r"\\(?:leqslant|leqq|leq)(?![a-zA-Z])|<=|=<", r"\\le "),
        (r"\\(?:geqslant|geqq|geq)(?![a-zA-Z])|>=", r"\\ge "),
        (r"\\neq(?![a-zA-Z])|\\not\s*=|(?<![\d)])!=|(?<=\d) !=", r"\\ne "),
        (r"\\lt(?![a-zA-Z])", "<"),
        (r"\\gt(?![a-zA-Z])", ">"),
        (r"\\(?:approxeq|simeq|doteq)(?![a-zA-Z])", r"\\approx "),
        (r"\\varnothing(?![a-zA-Z])", r"\\emptyset"),
        (r"\\(?:ldots|dots|cdots)(?![a-zA-Z])", "..."),
        (r"\\(?:vert|lvert|rvert)(?![a-zA-Z])", "|"),
        (r"(?<![\\a-zA-Z])infinity\b", r"\\infty"),
        (r"(?<=[)\]])\s*U\s*(?=[(\[])", r" \\cup "),
        (r"^(?:negative|minus) (?=[\d\\.$(])", "-"),
        (r"\bper cent\b", "percent"),
        (
            r"(?<=\w) ?(?:\(\s*(?:in )?base[ -]?(\w+)\s*\)|(?:in )?base[ -]?(\w+)$)",
            lambda match: _subscript(match[1] or match[2]),
        ),
        (r"_ ?\{? ?([a-z]{3,9}) ?\}?$", lambda match: _subscript(match[1])),
        (r"\$([^$]*[^$ ])\$", r"\1"),  # a formula inside an answer, not two prices
        (r"\s+", " "),
    )
)


def normalise_answer(answer: str) -> str:
    r"""The answer in a spelling of few variants; still LaTeX where it must be.

    >>> normalise_answer(r"$\left( 45^{\circ},\; \dfrac12 \right)$")
    '( 45°, \\frac{1}{2} )'
    >>> normalise_answer(r"18\text{ cm}."), normalise_answer("67 (base eight)")
    ('18 cm', '67_8')
    >>> normalise_answer(r"\frac \pi6"), normalise_answer("x >= 4")
    ('\\frac{\\pi}{6}', 'x \\ge 4')
    """
    answer = strip_delimiters(answer.translate(_SIGN_TABLE))
    for pattern, new in _ANSWER_REWRITES:
        answer = pattern.sub(new, answer)
    answer = strip_delimiters(answer)
    if len(answer) > 1 and answer[0] == answer[-1] == '"':
        answer = answer[1:-1]
    return rf"\{answer[:-1]}\}}" if _is_braced(answer) else answer


def strip_insignificant_spaces(text: str) -> str:
    """A plain text without the spaces that do not tell answers apart (between digits they do).

    >>> strip_insignificant_spaces("4 a -  2") == strip_insignificant_spaces("4a-2")
    True
    >>> strip_insignificant_spaces("2 1/3")
    '2 1/3'
    """
    return re.sub(r" (?!\d)|(?<!\d) ", "", text.strip())


def _frac(above: str, below: str) -> str:
    above, below = (part[1:-1] if part.startswith("{") else part.strip() for part in (above, below))
    return rf"\frac{{{above}}}{{{below}}}"


def _subscript(base: str) -> str:
    """The base of a numeral in digits; a subscript of any other word stays."""
    number = base if base.isdecimal() else word_number(base)
    return f"_{{{base}}}" if number is None else f"_{number}"


def _is_braced(text: str) -> bool:
    """Whether bare braces embrace the whole text: a set as people type it."""
    if not (text.startswith("{") and text.endswith("}")):
        return False
    depth = 0
    for position, sign in enumerate(text):
        depth += (sign == "{") - (sign == "}")
        if depth == 0:
            return position == len(text) - 1
    return False
