r"""Where a solution says its final answer: one reader for grading, for votes and for references.

A solution marks its answer in one of the ways of ``MARKS``: a box, answer tags, GSM8K's ``####``, a
line ``Answer:``; whichever stands last in the text counts. Without any of these, a sentence that
says "the answer is X" counts. Where nothing is marked, ``read_solution`` falls back on
``CLOSINGS``: the text itself if it is short, a formula set apart at the end, the last sentence.
The reading says which of these it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ttc_explorer.problems.answer_boxes import Mark, breaks_off, has_closed_box, read_boxes
from ttc_explorer.problems.answer_phrase import (
    has_value,
    is_short,
    is_statement,
    last_equation,
    read_phrase,
    shorten_phrase,
    strip_delimiters,
)


class AnswerSource(StrEnum):
    """Where an answer was read; the value can be said on screen ("read from ...")."""

    BOX = "the box"
    TAGS = "the answer tags"
    GSM8K = "the line ####"
    ANSWER_LINE = "the answer line"
    ANSWER_SENTENCE = "the sentence about the answer"
    WHOLE_TEXT = "the whole text"
    CLOSING_FORMULA = "the closing formula"
    LAST_SENTENCE = "the last sentence"


@dataclass(frozen=True)
class AnswerReading:
    """An answer as it is written, and where it was read."""

    text: str
    source: AnswerSource

    @property
    def is_marked(self) -> bool:
        """Whether the solution itself says that this is its answer."""
        return self.source not in (
            AnswerSource.WHOLE_TEXT,
            AnswerSource.CLOSING_FORMULA,
            AnswerSource.LAST_SENTENCE,
        )


def read_answer(text: str) -> str | None:
    r"""The answer that a whole solution or its last line marks; None if none is marked.

    >>> read_answer("2*3=6\nAnswer: 6"), read_answer(r"So it is \(\boxed{\frac{1}{2}}\).")
    ('6', '\\frac{1}{2}')
    """
    reading = _read_marks(_strip_dressing(text))
    return reading.text if reading else None


def read_solution(text: str) -> AnswerReading | None:
    """The answer of a finished solution, marked or not; None if there is none.

    >>> read_solution("3 * 6 = 18").text
    '18'
    >>> read_solution("So Janet makes $18 every day.").source.value
    'the last sentence'
    """
    text = _strip_dressing(text)
    return _read_marks(text) or _read_closing(text)


def has_boxed_answer(text: str) -> bool:
    r"""Whether a step puts the final answer in a ``\boxed{}``: a chat model's solution ends with
    it.

    >>> has_boxed_answer(r"So it is \boxed{7}."), has_boxed_answer("The answer is 7, so we add 1.")
    (True, False)
    >>> has_boxed_answer(r"So it is \boxed{7")  # it may go on
    False
    """
    return has_closed_box(_strip_dressing(text))


def _read_marks(text: str) -> AnswerReading | None:
    found = [
        (mark, source)
        for source, rule in MARKS.items()
        if (mark := rule(text)) and not breaks_off(mark.answer)
    ]
    if found:
        mark, source = max(found, key=lambda pair: pair[0].position)
        return AnswerReading(mark.answer, source)
    mark_of_sentence = _in_answer_sentence(text)
    if mark_of_sentence is None:
        return None
    return AnswerReading(mark_of_sentence.answer, AnswerSource.ANSWER_SENTENCE)


def _read_closing(text: str) -> AnswerReading | None:
    text = _strip_courtesies(text)
    for source, rule in CLOSINGS.items():
        answer = rule(text)
        if answer and not breaks_off(answer):
            return AnswerReading(answer, source)
    return None


# --- what is no part of the solution --------------------------------------------------------------

_END_TOKEN = re.compile(
    r"<\|(?:eot_id|im_end|endoftext|end_of_text|eom_id|end|return)\|>|<｜end▁of▁sentence｜>"
    r"|</s>|<eos>|<end_of_turn>|\[EOS\]"
)
_OTHER_TOKEN = re.compile(
    r"<\|(?:im_start|start_header_id)\|>\s*(?:assistant|user|system)?(?:<\|end_header_id\|>)?"
    r"|<start_of_turn>\s*(?:model|user)?|<\|[a-z_]{1,30}\|>|<(?:s|bos|pad|unk)>"
)
_ANNOTATION = re.compile(r"<<[^<>\n]{0,200}>>")
_REASONING_TAG = re.compile(r"<(/?)(?:think|thinking|reasoning)>")
_COURTESIES = (
    r"(?:i )?hope|(?:please )?let me know|(?:please )?feel free|(?:please )?do not hesitate",
    r"thanks?|good luck|happy to|great job|well done|have a \w+ day|you(?:'re| are) welcome",
    r"(?:best |kind )?regards|cheers|sincerely|is there|would you like|if you (?:have|need|want)",
    r"do(?:es)? (?:you have|this|that)|(?:so )?this (?:completes|concludes|proves)",
    r"(?:so )?this is (?:the|our|my) (?:final )?answer",
    r"q\.?e\.?d|\$?\\(?:blacksquare|square|qed|Box)",
)
_EMPTY_BOX = r"\$*\\boxed\s*\{\s*\}\$*\.?"
_COURTESY = re.compile(
    rf"(?:{'|'.join(_COURTESIES)})\b.*|{_EMPTY_BOX}|[-*_=~`#. ]+", re.IGNORECASE | re.DOTALL
)


def _strip_dressing(text: str) -> str:
    """The solution without the reasoning block before it, left-over tokens of a chat template, and
    GSM8K's calculator annotations ``<<2*8=16>>``."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    if "<" not in text and "[EOS]" not in text:
        return text
    tags = list(_REASONING_TAG.finditer(text))
    if tags:  # a block that was never closed is a solution that was never written
        text = text[tags[-1].end() :] if tags[-1][1] else text[: tags[-1].start()]
    text = _OTHER_TOKEN.sub("", _ANNOTATION.sub("", text))
    return next((part for part in _END_TOKEN.split(text) if part.strip()), "")


def _strip_courtesies(text: str) -> str:
    """The text without the polite sentences at its end."""
    text = text.rstrip()
    for _ in range(4):
        start = max(text.rfind("\n"), *(text.rfind(end, 0, -1) for end in (". ", "! ", "? ", "$ ")))
        last = text[start + 1 :].strip()
        if start < 0 or not _COURTESY.fullmatch(last.lstrip("*_ ") or last):
            break
        text = text[: start + 1].rstrip()
    return text


# --- marks ----------------------------------------------------------------------------------------


def _in_tags(text: str) -> Mark | None:
    """What stands in the last ``<answer>...</answer>``."""
    for name in ("answer", "final_answer"):
        start = text.rfind(f"<{name}>")
        if start >= 0:
            inner = text[start + len(name) + 2 :].partition(f"</{name}>")[0]
            inner = inner.strip().removeprefix("Answer:").removeprefix("The answer is")
            answer = strip_delimiters(shorten_phrase(strip_delimiters(inner)))
            if answer:
                return Mark(start, answer)
    return None


_GSM8K = re.compile(r"(?:^|(?<=\s))####(?!#)[ \t]*(?P<rest>[^\n]*)", re.MULTILINE)
_HEADING = re.compile(r"\d{1,2}[.):]\s+[A-Za-z*]|[Ss]tep\b")
_GSM8K_VALUE = re.compile(r"[-+−]?\s*(?:\\?[$€£])?\s*[-+−]?[\d.]|\\|\$|[-+]?\w\b")
_NEXT_SENTENCE = re.compile(r"(?<=[\d%$}.])\s+(?=[A-Z][a-z]*\b|#)")


def _after_gsm8k_mark(text: str) -> Mark | None:
    """GSM8K's ``#### 18``. A Markdown heading ``#### 1. Find the price`` is none."""
    if "####" not in text:
        return None
    for match in reversed(list(_GSM8K.finditer(text))[-50:]):
        rest = match["rest"].strip()
        is_last = not text[match.end() :].strip()
        if _HEADING.match(rest) or not (
            _GSM8K_VALUE.match(rest) or (is_last and len(rest) > 0 and is_short(rest))
        ):
            continue
        sentence = _SENTENCE_END.split(_NEXT_SENTENCE.split(rest)[0] + "\n")[0]
        answer = strip_delimiters(shorten_phrase(sentence))
        if answer:
            return Mark(match.start(), answer)
    return None


_FOREIGN_ANSWER = r"antwort|r[ée]ponse|respuesta|risposta|resposta|ответ|答案|答え|答|정답"
"""The word in German, French, Spanish, Italian, Portuguese, Russian, Chinese, Japanese, Korean."""
_ANSWER_LINE = re.compile(
    r"^[ \t>*_#-]{0,8}(?:the[ \t]+)?(?:final[ \t]+|correct[ \t]+)?"
    rf"(?:answer|ans\.?|{_FOREIGN_ANSWER})"
    r"(?:[ \t]*[*_]{0,4}[ \t]*[:：=][ \t*_]*|[*_ \t]*\n)",
    re.MULTILINE | re.IGNORECASE,
)
_SHORT_ANSWER_LINE = re.compile(r"^[ \t*_]*A[*_]{0,3}:[ \t*_]*(?P<rest>[^\n]*)\s*\Z", re.MULTILINE)
_SENTENCE_END = re.compile(r"\n|\$\$|\\\]|(?<!\.)[.!?](?=\s|$|\*)|。")
_BLOCK = re.compile(
    r"\s*(?:(?P<dollars>\$\$)|(?P<bracket>\\\[)|\$?\\begin\{(?P<environment>[a-z]{1,20})\*?\})"
)


def _after_answer_mark(text: str) -> Mark | None:
    """A line that begins with ``Answer:`` or ``Final answer``; ``A: 26`` only as the last line."""
    marks = _marked_phrase(_ANSWER_LINE, text)
    short = _SHORT_ANSWER_LINE.search(text[-500:])
    if short and (marks is None or text.rfind("A", 0) > marks.position):
        rest = strip_delimiters(short["rest"])
        if rest and is_short(rest):
            return Mark(max(0, len(text) - 500) + short.start(), shorten_phrase(rest))
    return marks


_ANSWER_SENTENCE = re.compile(
    r"\banswer(?:,?[ \t]+[a-z]{1,15}){0,4}?,?[ \t]*"
    r"(?:\bis\b|\bare\b|\bequals\b|\b(?:would|must|should|will)[ \t]+be\b|[:=])"
    r"(?:[ \t]+(?:therefore|thus|then|simply|just|also)\b)?:?"
    r"|\b(?:antwort[ \t]+(?:ist|lautet)|r[ée]ponse[ \t]+est|(?:respuesta|resposta)[ \t]+(?:es|é)|"
    r"risposta[ \t]+è)\b:?|答案(?:就?是|[为為])|答えは|정답은",
    re.IGNORECASE,
)
_NOT_STATED = re.compile(
    r"(?:not|correct|right|wrong|incorrect|clear|unknown|found|given|obtained|as\s+follows|here)\b",
    re.IGNORECASE,
)


def _in_answer_sentence(text: str) -> Mark | None:
    """The last sentence that says "the answer is X"."""
    if not re.search(rf"answer|{_FOREIGN_ANSWER}", text, re.IGNORECASE):
        return None
    return _marked_phrase(_ANSWER_SENTENCE, text)


def _marked_phrase(pattern: re.Pattern[str], text: str) -> Mark | None:
    """Where the last match of ``pattern`` begins, and what follows it up to the end of its sentence
    or formula, cut to its value."""
    for match in reversed(list(pattern.finditer(text))[-50:]):
        phrase = _following_phrase(text, match.end())
        if pattern is _ANSWER_SENTENCE and _NOT_STATED.match(phrase):
            continue
        answer = strip_delimiters(shorten_phrase(phrase))
        if answer and not breaks_off(answer):
            return Mark(match.start(), answer)
    return None


def _following_phrase(text: str, start: int) -> str:
    """What begins at ``start``: a formula set apart, to its end, or else the rest of the
    sentence."""
    block = _BLOCK.match(text, start)
    if block is not None:
        if block["environment"]:
            name = block["environment"]
            end = text.find(rf"\end{{{name}", block.end())
            closing = text.find("}", end)
            if end >= 0 <= closing:
                return text[block.start() : closing + 1].strip().lstrip("$")
        else:
            end = text.find("$$" if block["dollars"] else r"\]", block.end())
            return _last_row(text[block.end() : end if end >= 0 else len(text)])
    begin = start + len(text[start:]) - len(text[start:].lstrip())
    end_of_sentence = _SENTENCE_END.search(text, begin)
    return strip_delimiters(text[begin : end_of_sentence.start() if end_of_sentence else len(text)])


MARKS: dict[AnswerSource, Callable[[str], Mark | None]] = {
    AnswerSource.BOX: read_boxes,
    AnswerSource.TAGS: _in_tags,
    AnswerSource.GSM8K: _after_gsm8k_mark,
    AnswerSource.ANSWER_LINE: _after_answer_mark,
}
"""The ways to mark an answer; whichever stands last in a text counts."""


# --- unmarked answers -----------------------------------------------------------------------------

_DISPLAY_END = re.compile(
    r"(?:(?P<bracket>\\\])|(?P<dollars>\$\$)|\\end\{(?P<environment>[a-z]{1,20}\*?)\})\s*[.,]?\s*\Z"
)
_ROW_END = re.compile(r"\\\\(?:\[[^\]]*\])?")
_MATRIX = re.compile(r"\\begin\{[a-zA-Z]*(?:matrix|array|cases)\*?\}")
_WRAPPING = re.compile(r"\\(?:begin|end)\{(?:align|gather|equation|split|aligned|multline)\w*\*?\}")
_ENUMERATOR = re.compile(r"^\s*(?:\d{1,2}[.)]|[-*•])\s+(?=[A-Za-z*$\\]|\S+.*=)")
_LEADING_WORD = re.compile(
    r"(?!(?:negative|minus|plus|base|pi|sqrt|sin|cos|tan|log|ln|exp|option|choice)\b)"
    r"[A-Za-z]{2,}['’]?s?[,:]?\s(?!=|\\in\b)",
    re.IGNORECASE,
)
_SOMEBODY = re.compile(r"(?:I|we|you|they|he|she|sorry|let|this|that)\b", re.IGNORECASE)
_SENTENCES = re.compile(r"(?<!\.)[.!?][*_\"']{0,3}\s+(?=[A-Z\d$\\(*])")


def _as_whole(text: str) -> str | None:
    """The text itself, if it is one short line."""
    text = text.strip()
    if not text or "\n" in text.strip("$\n\\[]") or not is_short(text):
        return None
    return None if _is_sentence(text) else _conclusion(strip_delimiters(text))


def _is_sentence(text: str) -> bool:
    """Whether words lead up to a value (``It costs $5``), or tell of somebody (``I give up``)."""
    if has_value(text):
        return _LEADING_WORD.match(text) is not None
    return bool(_SOMEBODY.match(text) or is_statement(text))


def _in_closing_formula(text: str) -> str | None:
    """A formula that is set apart over one or several lines at the end of the text."""
    end = _DISPLAY_END.search(text[-200:])
    if end is None:
        return None
    stop = max(0, len(text) - 200) + end.start()
    if end["environment"]:
        start = text.rfind(rf"\begin{{{end['environment']}}}", 0, stop)
        formula = text[start:] if start >= 0 else ""
    else:
        opening = "$$" if end["dollars"] else r"\["
        start = text.rfind(opening, 0, stop)
        formula = text[start + 2 : stop] if start >= 0 else ""
    return _conclusion(strip_delimiters(_last_row(formula))) or None


def _last_row(formula: str) -> str:
    r"""The last line of a formula of several (``align``), on one line; a matrix stays whole."""
    formula = " ".join(_WRAPPING.sub(" ", formula).split())
    if _MATRIX.search(formula):
        return formula
    rows = [row for row in _ROW_END.split(formula) if row.strip()]
    return rows[-1].replace("&", " ").strip() if rows else ""


def _in_last_sentence(text: str) -> str | None:
    """What the last sentence states."""
    line = text.rstrip().rpartition("\n")[2]
    if "\n" in text.strip():
        line = _ENUMERATOR.sub("", line, count=1)
    sentence = _SENTENCES.split(line.strip())[-1]
    if not has_value(sentence) and _SOMEBODY.match(sentence):
        return None
    value = last_equation(sentence) or read_phrase(sentence, is_marked=False)
    return _conclusion(value) if value else None


def _conclusion(formula: str) -> str:
    """A chain of equations without its arithmetic: ``x = 24/3 = 8`` says ``x = 8``, ``2 + 2 = 4``
    says ``4``.

    >>> _conclusion("x = 24/3 = 8"), _conclusion("12 + 7 = 19"), _conclusion("y = 2x + 1")
    ('x = 8', '19', 'y = 2x + 1')
    >>> _conclusion("2 x 16 = 32")  # as people type a product
    '32'
    """
    sides = [side.strip() for side in formula.split("=")]
    if (
        len(sides) < 2
        or not all(sides)
        or re.search(r"[<>,;:]|!=|\\(?:ne|le|ge|begin|text)|\b(?:and|or)\b", formula)
        or (len(sides) == 2 and not _is_arithmetic(sides[0]))
    ):
        return formula
    is_name = re.fullmatch(r"[A-Za-z](?:_\{?\w+\}?)?", sides[0])
    return f"{sides[0]} = {sides[-1]}" if is_name else sides[-1]


def _is_arithmetic(side: str) -> bool:
    side = re.sub(r"(?<=\d) [xX] (?=\d)", "*", side)
    return not re.search(r"[A-Za-z]", re.sub(r"\\[a-z]+", "", side)) and bool(
        re.search(r".[-+*/^×·÷]|\\(?:times|cdot|div|frac|sqrt)", side)
    )


CLOSINGS: dict[AnswerSource, Callable[[str], str | None]] = {
    AnswerSource.WHOLE_TEXT: _as_whole,
    AnswerSource.CLOSING_FORMULA: _in_closing_formula,
    AnswerSource.LAST_SENTENCE: _in_last_sentence,
}
"""Where an unmarked answer is looked for, in this order."""
