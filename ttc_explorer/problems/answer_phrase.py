r"""What a sentence or phrase says: the one number, formula or short wording in it.

People and models put words around an answer: ``72, which is the total``, ``The largest such k is
23``, ``18 marbles are left``. The rules, in this order:

1. A clause or remark that follows the answer is cut off (``which ...``, ``because ...``,
   ``(...)``).
2. What follows the last "is", "are" or "equals" is the answer, if it holds a value or is short.
3. A phrase that begins with a value is that value, with its unit if the rest is short.
4. Otherwise the last value of the phrase counts. A value is a number, a formula, or several of them
   joined by commas, "and" and "or".
"""

from __future__ import annotations

import re

MAX_SHORT_WORDS = 3
"""A wording of at most so many words can be an answer as it stands (``12 kilometers per hour``)."""

MAX_PHRASE_CHARACTERS = 6000
"""Longer sentences are read from their end only, so that reading takes linear time."""

_DELIMITERS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))
_TEXT_COMMAND = re.compile(r"\\(?:text[a-z]*|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_CLAUSE = re.compile(
    r"(?:\s*[,;:]|\s+[-–—]|\s)\s*(?:which|because|since|whereas|while|where|that\s+is|i\.e\.|"
    r"(?:and|as|so|but)\s+(?:that|this|we|it|you|they|he|she|the\s+(?:other|rest))|"
    r"as\s+(?:required|desired|expected|claimed|needed|wanted))\b.*",
    re.IGNORECASE | re.DOTALL,
)
_REASON = re.compile(r"\s*[,;]?\s+(?:because|since)\b.*", re.IGNORECASE | re.DOTALL)
_YES_OR_NO = re.compile(r"\s*(yes|no|true|false)\b\s*(?:[,;:.]|$)", re.IGNORECASE)
_NO_SOLUTION = re.compile(r"\bno\s+(?:[a-z]+\s+){0,2}(?:solutions?|roots?)\b", re.IGNORECASE)
_LEAD = re.compile(
    r"(?:(?:=>|⇒|→|∴|=|≈|~|\\(?:therefore|Rightarrow|implies|approx|sim)(?![A-Za-z]))\s*)+"
)
_CLAUSE_AFTER_COMMA = re.compile(
    r",\s+(?:or\s+(?=[a-z]+\s+[a-z])(?=\D*$)|as|so|with|not|using|when|after|if)(?:\b|(?<=\s)).*",
    re.DOTALL,
)
_REMARK = re.compile(
    r"(?<=[\w$}%)])\s+\((?!\s*(?:in\s+)?base\b)[^()]{0,200}?[A-Za-z]{2}[^()]{0,200}\)\s*$"
)
_DASH_REMARK = re.compile(r"(?<=[\w$}%)])\s+[–—]\s+[A-Za-z].*$", re.DOTALL)
_DENIAL = re.compile(
    r"\b(?:(?:is|are|was|were|be|cannot|can)\s+not|cannot|(?:is|are|was|were|ca)n['’]t)\s+"
    r"(?:be\s+|equal\s+(?:to\s+)?)?(?=\S)(?P<denied>[^,;]*?)(?:[,;]?\s+but\s+(?P<instead>.*))?$",
    re.IGNORECASE | re.DOTALL,
)
_COPULA = re.compile(
    r"(?<![\\A-Za-z])(?:is|are|was|were|be|becomes|equals|equal\s+to|comes\s+to)\b:?"
    r"|(?<=\b[Ii]t)['’]s\b|(?<=\b[Tt]hat)['’]s\b",
)
_CONNECTOR = r"(?:and|or)\b"
_CIRCUMSTANCES = ("in", "at", "within", "after", "during", "every", "over", "per")
_TOKEN = re.compile(
    r"(?P<math>\$[^$\n]{1,400}\$|\\\((?:[^\\\n]|\\[^)\n]){1,400}\\\))"
    r"|(?P<command>\\[a-zA-Z]+(?:\s*\{[^{}]*\})?|\\.)"
    rf"|(?P<joins>{_CONNECTOR})"
    r"|(?P<sign>(?:negative|minus|base|pi|sqrt|sin|cos|tan|log|ln|exp)(?![A-Za-z]))"
    r"|(?P<word>[A-Za-z][A-Za-z'’]+|[aAI](?=\s+[\w$]))"
    r"|(?P<end>[!?:;]|\.(?!\d)|,(?=\s+[A-Za-z]{2}))"
    r"|(?P<other>\d[\d,]*(?<=\d)(?:\.\d+)?|.)",
    re.DOTALL,
)
_WORD = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z'’]{2,}")
_JOINING_WORD = re.compile(r"(?:and|or|pi|sqrt|sin|cos|tan|log|ln)", re.IGNORECASE)
_VALUE = re.compile(r"\d|\\(?:frac|d?frac|pi|sqrt|infty|emptyset|varnothing|begin|le|ge|pm)|[π∞]")
_STARTS_WITH_VALUE = re.compile(
    r"\s*(?:\\?[$€£]|[-+−±([{]|\\\(|\\\[|\$|\\\{|negative\s|minus\s)*\s*-?(?:\d|\.\d|\\(?!text))",
    re.IGNORECASE,
)
_CHOICE_MARK = re.compile(r"\s*(?:option\s+|choice\s+)?(?:\([A-Ea-e]\)|[A-E][.:)](?=\s|$))")


def strip_delimiters(answer: str) -> str:
    """An answer without what surrounds it: spaces, emphasis, LaTeX's dollar signs, the closing full
    stop.

    >>> strip_delimiters("**$10.$** ."), strip_delimiters("0.666...")
    ('10', '0.666...')
    """
    for _ in range(4):  # wrapped in each other, at most
        answer = answer.strip().strip("*`✓✔✅").strip("_ \n")
        answer = answer[lead.end() :] if (lead := _LEAD.match(answer)) else answer
        if not re.search(r"\.\.\.[,;]?$", answer):
            answer = answer.rstrip(".,;!")
        for left, right in _DELIMITERS:
            if (
                len(answer) >= len(left + right)
                and answer.startswith(left)
                and answer.endswith(right)
                and left not in answer[len(left) : -len(right)]
            ):
                answer = answer[len(left) : -len(right)]
    return answer


def is_short(text: str) -> bool:
    """Whether a text has so few words that it can be an answer as it stands."""
    words = [word for word in _WORD.findall(text) if not _JOINING_WORD.fullmatch(word)]
    return len(words) <= MAX_SHORT_WORDS


def is_statement(text: str) -> bool:
    """Whether a text says what something is."""
    return _COPULA.search(text) is not None


def has_value(text: str) -> bool:
    """Whether a number or a formula stands in a text."""
    return _VALUE.search(text) is not None


def read_phrase(phrase: str, is_marked: bool = True) -> str | None:
    r"""The value that a phrase states; None if it states none in few words.

    Args:
        phrase: One sentence, or what follows a mark such as ``Answer:``.
        is_marked: Whether the phrase is known to begin with the answer, so that a clause after it
            is cut off even if a value stands in it.

    Returns:
        The value as it is written in the phrase, without the delimiters around it.

    >>> read_phrase("72, which is the total"), read_phrase("The largest such $k$ is 23")
    ('72', '23')
    >>> read_phrase("So Janet makes $18 every single day"), read_phrase("I really do not know that")
    ('18', None)
    """
    phrase = _strip_remarks(" ".join(phrase[-MAX_PHRASE_CHARACTERS:].split()), is_marked)
    if _CHOICE_MARK.match(phrase):
        return strip_delimiters(phrase) or None
    if (said := _YES_OR_NO.match(phrase)) or (said := _NO_SOLUTION.search(phrase)):
        return strip_delimiters(said[0])
    plain = _TEXT_COMMAND.sub(r" \1 ", phrase)
    denial = _DENIAL.search(plain)
    if denial is not None and has_value(denial["denied"]):  # what the answer is not
        return read_phrase(denial["instead"], is_marked) if denial["instead"] else None
    copula = max(_COPULA.finditer(plain), key=lambda match: match.start(), default=None)
    if copula is not None:
        tail = strip_delimiters(plain[copula.end() :])
        if has_value(tail) or _CHOICE_MARK.match(tail):
            return _leading_value(tail)
        return last_value(plain[: copula.start()]) or (tail if tail and is_short(tail) else None)
    if _STARTS_WITH_VALUE.match(plain):
        return _leading_value(phrase)
    return last_value(plain) or (strip_delimiters(phrase) or None if is_short(plain) else None)


def shorten_phrase(phrase: str) -> str:
    r"""What follows a mark, cut to its one number or formula if it has words around it.

    >>> shorten_phrase("12 dollars"), shorten_phrase(r"\text{neither of the two triangles}")
    ('12 dollars', '\\text{neither of the two triangles}')
    """
    plain = _TEXT_COMMAND.sub(r" \1 ", phrase)
    return (_WORD.search(plain) and read_phrase(phrase)) or phrase


def last_equation(sentence: str) -> str | None:
    """The last equation of a sentence, if it states a value and no "is" follows it.

    >>> last_equation("In 40 minutes he scored 4+5 = 9 points")
    '4+5 = 9'
    >>> last_equation("As 2+2 = 4, it is 5") is None
    True
    """
    sentence = sentence[-MAX_PHRASE_CHARACTERS:]
    _before, equals, after = sentence.rpartition("=")
    if not equals or _COPULA.search(after) or not _STARTS_WITH_VALUE.match(after):
        return None
    whole = next((run for run in reversed(_value_runs(sentence)) if "=" in run), None)
    return whole or _leading_value(after)


def _strip_remarks(phrase: str, is_marked: bool) -> str:
    for pattern in (_REASON, _CLAUSE, _CLAUSE_AFTER_COMMA, _REMARK, _DASH_REMARK):
        match = pattern.search(phrase)
        may_conclude = pattern in (_CLAUSE, _CLAUSE_AFTER_COMMA) and not is_marked
        if match is None or (may_conclude and has_value(match[0])):
            continue
        shorter = phrase[: match.start()]
        if shorter.strip() and (has_value(shorter) or not has_value(phrase)):
            phrase = shorter
    return phrase


def _leading_value(phrase: str) -> str:
    """The value that a phrase begins with, with its unit if the rest is short."""
    phrase = strip_delimiters(phrase)
    if is_short(phrase) and (_STARTS_WITH_VALUE.match(phrase) or _CHOICE_MARK.match(phrase)):
        return phrase
    return next((run for run in _value_runs(phrase)), phrase)


def last_value(phrase: str) -> str | None:
    """The last number or formula of a phrase, or the last list of such; None without one. What only
    says when or where (``in 4 weeks``) counts if there is nothing else.

    >>> last_value("Claire will eat 7 dozens in 4 weeks"), last_value("They meet at 5")
    ('7', '5')
    """
    runs = _split_at_words(phrase)
    said = [run for word, run in runs if word not in _CIRCUMSTANCES] or [run for _, run in runs]
    return said[-1] if said else None


def _value_runs(phrase: str) -> list[str]:
    """The values of a phrase: the longest stretches without words that hold a number or a
    formula."""
    return [run for _, run in _split_at_words(phrase)]


def _split_at_words(phrase: str) -> list[tuple[str, str]]:
    """The values of a phrase, each with the word before it."""
    runs, word, current = [], "", ""
    position = 0
    while position < len(phrase):
        token = _TOKEN.match(phrase, position)
        assert token is not None  # its last alternative takes any character
        text = token[0]
        if token["math"] and _holds_prose(text):  # two prices, not a formula between dollar signs
            text, kind = text[0], "other"
        else:
            kind = token.lastgroup or "other"
        position += len(text)
        if kind in ("word", "end"):
            runs.append((word, current))
            word, current = text.lower(), ""
        else:
            current += text
    runs.append((word, current))
    stripped = ((word, _strip_joins(run)) for word, run in runs)
    return [(word, run) for word, run in stripped if has_value(run)]


def _strip_joins(run: str) -> str:
    run = re.sub(rf"^\s*(?:{_CONNECTOR}\s*|[,)\]=]\s*)+|(?:\s+(?:and|or)|\s*[,(\[])+\s*$", "", run)
    run = strip_delimiters(run)
    for left, right in ("()", "[]"):
        if run.count(left) != run.count(right):
            run = run.removeprefix(left).removesuffix(right)
    return run[1:] if run.startswith("$") and "$" not in run[1:] else run


def _holds_prose(formula: str) -> bool:
    words = re.findall(r"(?<![\\A-Za-z{])[A-Za-z]{2,}", _TEXT_COMMAND.sub("", formula))
    return any(not _JOINING_WORD.fullmatch(word) for word in words)
