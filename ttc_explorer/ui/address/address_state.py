"""The state of the page as its address says it: ``#`` and a query (``docs/address.md``).

The same names serve links, lessons and ``solve --link``. A missing key is its default, an unknown
key is ignored, and a bad value is said in a sentence and taken as missing. ``address_state.js``
does the same in the browser, by the same keys (``browser_keys``); both are tested against
``tests/ui/address_cases.json``.

>>> keys = page_keys(["explore", "compare"])
>>> parsed = parse_address("#page=explore&q=2%2B2%3F&strategy=beam&n=8&run=1", keys)
>>> parsed.state["q"], parsed.state["n"], parsed.state["run"]
('2+2?', 8, True)
>>> format_address(parsed.state, keys)
'#page=explore&q=2%2B2%3F&strategy=beam&n=8&run=1'
>>> parse_address("#n=many", keys).sentence
'In the address, n must be a whole number from 1 to 256: it is taken as missing.'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal
from urllib.parse import parse_qsl, quote

from ttc_explorer.problems.problem import MAX_ANSWER_CHARACTERS, MAX_CHARACTERS, BadInput
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import (
    AGGREGATES,
    MAX_BUDGET,
    MAX_CHECKS,
    MAX_LOOKAHEAD,
    THINKING_BOUNDS,
    Settings,
)
from ttc_explorer.search.step_rule import check_step, step_choices
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.search.token_confidence import CONFIDENCES

MAX_ADDRESS_CHARACTERS = 2**16
"""Longest address that is read: a longest question takes 36,000 where each of its characters has to
be written as three bytes."""
TOO_LONG = (
    f"The address is too long to be read: {MAX_ADDRESS_CHARACTERS:,} characters are the most."
)
MAX_SEED_IN_BROWSERS = 2**53 - 1
"""Largest whole number that a browser holds exactly."""
MAX_WORD_CHARACTERS = 200
LESSON_STEP = "lesson_step"
"""The step of the lesson in a state. An address writes it as ``step``, as it writes the setting of
that name: the number is the lesson's, the word is the setting."""
MAX_LESSON_STEPS = 999
MAX_EVENTS = 1_000_000
"""Of a replay."""
UNESCAPED = "!~*'(),"
"""What is written as it is, beside letters, digits and ``-._``: what ``encodeURIComponent`` leaves,
and commas."""
MAX_FAULTS = 3
"""Bad values that a sentence names; more are counted."""

PARTS = {
    "question": "the field of the question and its examples",
    "strategy": "strategy, settings and budget",
    "run": "Run, Stop and how the run stands",
    "more": "right answer, settings and seed",
    "files": "saving and loading",
    "first-steps": "three things to try",
    "cards": "answer, cost and the other figures",
    "inspector": "the chosen step",
    "votes": "the votes",
    "related": "what was measured on questions like this one",
    "pages": "the navigation",
}
"""What ``hide`` can leave out."""

AddressValue = str | int | float | bool | tuple[str, ...]
AddressState = dict[str, AddressValue]
"""Key -> value, of those that are there: a text, a number, True or False, or names."""

Kind = Literal["text", "choice", "names", "whole", "number", "truth"]
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_WHOLE = re.compile(r"[0-9]{1,16}")
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,4})?")
_TRUTH = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True)
class AddressKey:
    """A key of the address.

    Attributes:
        name: in the address and in a state.
        kind: of its value: a text, one of ``choices`` or several with commas (names), a whole
            number, a number with at most four decimals, or a truth (1 or 0).
        default: what a missing key stands for; None where that is left to the page.
        choices: that there are.
        low: the least number.
        high: the largest number, or the most characters of a text.
        always: whether it is written though it is the default: what somebody who reads an address,
            or changes it by hand, looks for.
        check: raises BadInput for a text that is no value of it; the browser leaves that to the
            server.
        meaning: what a text must be, in words, where that is more than its length.
    """

    name: str
    kind: Kind
    default: AddressValue | None = None
    choices: tuple[str, ...] = ()
    low: float = 0
    high: float = 0
    always: bool = False
    check: Callable[[str], None] | None = None
    meaning: str = ""

    @property
    def wanted(self) -> str:
        """What a value must be, in words."""
        choices, low, high = ", ".join(self.choices), f"{self.low:,.12g}", f"{self.high:,.16g}"
        return {
            "text": self.meaning
            or f"a text of at most {high} characters, without control characters",
            "choice": f"one of {choices}",
            "names": f"of {choices}, with commas",
            "whole": f"a whole number from {low} to {high}",
            "number": f"a number from {low} to {high}",
            "truth": "1 or 0",
        }[self.kind]

    def parse(self, text: str) -> AddressValue | None:
        """The value of a text; None if it is none."""
        if self.kind == "text":
            readable = len(text) <= self.high and not _CONTROL.search(text)
            return text if readable and self._passes(text) else None
        if self.kind == "choice":
            return text if text in self.choices else None
        if self.kind == "names":
            names = tuple(filter(None, text.split(",")))
            return names if all(name in self.choices for name in names) else None
        if self.kind == "truth":
            return _TRUTH.get(text)
        if not (_WHOLE if self.kind == "whole" else _NUMBER).fullmatch(text):
            return None
        number = int(text) if self.kind == "whole" else float(text)
        return number if self.low <= number <= self.high else None

    def _passes(self, text: str) -> bool:
        if self.check is not None:
            try:
                self.check(text)
            except BadInput:
                return False
        return True

    def format(self, value: AddressValue) -> str:
        """The value as a text that ``parse`` reads."""
        if isinstance(value, tuple | list):
            return ",".join(value)
        if isinstance(value, bool):
            return str(int(value))
        return value if isinstance(value, str) else f"{round(value, 4):.16g}"


@dataclass(frozen=True)
class ParsedAddress:
    """What an address says.

    Attributes:
        state: the values that could be read.
        sentence: what is wrong with the others; empty if nothing is.
    """

    state: AddressState
    sentence: str = ""


_SETTING_BOUNDS: dict[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "width": (0, MAX_BUDGET),
    "lookahead": (0, MAX_LOOKAHEAD),
    "chains": (1, MAX_BUDGET),
    "rounds": (1, 200),
    "checks": (0, MAX_CHECKS),
    **THINKING_BOUNDS,
}
_KINDS: dict[type, Kind] = {int: "whole", float: "number", bool: "truth", str: "text"}


def _setting_keys() -> list[AddressKey]:
    """A key for every setting."""
    choices = {
        "selector": tuple(SELECTORS),
        "aggregate": AGGREGATES,
        "confidence": tuple(CONFIDENCES),
    }
    keys = []
    for field in fields(Settings):
        default = getattr(Settings(), field.name)
        kind = "choice" if field.name in choices else _KINDS[type(default)]
        low, high = _SETTING_BOUNDS.get(field.name, (0, MAX_WORD_CHARACTERS))
        key = AddressKey(field.name, kind, default, choices.get(field.name, ()), low, high)
        is_step = field.name == "step"
        keys.append(replace(key, check=check_step, meaning=step_choices()) if is_step else key)
    return keys


def run_keys() -> list[AddressKey]:
    """The keys that say a run."""
    return [
        AddressKey("q", "text", high=MAX_CHARACTERS),
        AddressKey("a", "text", "", high=MAX_ANSWER_CHARACTERS),
        AddressKey("strategy", "choice", "beam", tuple(STRATEGIES), always=True),
        AddressKey("n", "whole", 16, low=1, high=MAX_BUDGET, always=True),
        AddressKey("seed", "whole", 0, high=MAX_SEED_IN_BROWSERS, always=True),
        *_setting_keys(),
        AddressKey("model", "text", "", high=MAX_WORD_CHARACTERS),
    ]


def page_keys(pages: Iterable[str]) -> list[AddressKey]:
    """All keys, in the order in which they are written.

    Args:
        pages: the names of those that there are, the first is open.
    """
    names = tuple(pages)
    return [
        AddressKey("page", "choice", names[0], names, always=True),
        *run_keys(),
        AddressKey("run", "truth", False),
        AddressKey("at", "whole", high=MAX_EVENTS),
        AddressKey("lesson", "text", "", high=MAX_WORD_CHARACTERS),
        AddressKey(LESSON_STEP, "whole", 0, high=MAX_LESSON_STEPS),
        AddressKey("hide", "names", (), tuple(PARTS)),
        AddressKey("embed", "truth", False),
    ]


def parse_address(address: str, keys: Iterable[AddressKey]) -> ParsedAddress:
    """What an address says.

    Args:
        address: ``#`` and a query, or a whole link with it.
        keys: that there are: ``run_keys`` or ``page_keys``.
    """
    if len(address) > MAX_ADDRESS_CHARACTERS:
        return ParsedAddress({}, TOO_LONG)
    query = address.partition("#")[2] if "#" in address else address
    pairs = parse_qsl(query, keep_blank_values=True, errors="replace")
    named: dict[str, str] = {}
    for name, text in pairs:
        if name == LESSON_STEP:  # only a state calls it so
            continue
        lessons = name == "step" and _WHOLE.fullmatch(text) is not None
        named.setdefault(LESSON_STEP if lessons else name, text)
    return _parse_texts(named, keys)


def parse_state(values: Mapping[str, object], keys: Iterable[AddressKey]) -> ParsedAddress:
    """The same of values by key, as a lesson or a program writes them: numbers, truths and lists
    are themselves, and may be texts too; None is missing.

    >>> parse_state({"n": 8, "merge": False, "hide": ["votes"]}, page_keys(["explore"])).state
    {'n': 8, 'merge': False, 'hide': ('votes',)}
    >>> parse_state({"n": [8, 9]}, run_keys()).sentence
    'In the address, n must be a whole number from 1 to 256: it is taken as missing.'
    """
    texts = {str(name): _text_of(value) for name, value in values.items() if value is not None}
    return _parse_texts(texts, keys)


def _text_of(value: object) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return f"{value:.16g}"
    return str(value)


def _parse_texts(texts: Mapping[str, str], keys: Iterable[AddressKey]) -> ParsedAddress:
    state: AddressState = {}
    faults = []
    for key in keys:
        if key.name in texts:
            value = key.parse(texts[key.name])
            if value is None:
                faults.append(f"{_written_name(key.name)} must be {key.wanted}")
            else:
                state[key.name] = value
    return ParsedAddress(state, fault_sentence(faults))


def fault_sentence(faults: list[str]) -> str:
    """One sentence on the bad values of an address; empty without any.

    Args:
        faults: "n must be …" of each.
    """
    if not faults:
        return ""
    more = len(faults) - MAX_FAULTS
    named = [*faults[:MAX_FAULTS], *([f"{more} more are wrong"] if more > 0 else [])]
    taken = "it is taken as missing" if len(faults) == 1 else "they are taken as missing"
    return f"In the address, {'; '.join(named)}: {taken}."


def _written_name(name: str) -> str:
    return "step" if name == LESSON_STEP else name


def format_address(state: Mapping[str, AddressValue], keys: Iterable[AddressKey]) -> str:
    """The address that says this, without what is the default and what is no key; ``#`` alone if
    that is all.

    Args:
        state: key -> value.
        keys: as of ``parse_address``.
    """
    pairs = [
        f"{_written_name(key.name)}={quote(key.format(state[key.name]), safe=UNESCAPED)}"
        for key in keys
        if key.name in state and (key.always or state[key.name] != key.default)
    ]
    return "#" + "&".join(pairs)


def browser_keys(keys: Iterable[AddressKey]) -> list[dict[str, object]]:
    """The keys as ``address_state.js`` takes them."""
    return [
        {
            "name": key.name,
            "kind": key.kind,
            "default": key.default,
            "choices": list(key.choices),
            "low": key.low,
            "high": key.high,
            "always": key.always,
            "wanted": key.wanted,
        }
        for key in keys
    ]
