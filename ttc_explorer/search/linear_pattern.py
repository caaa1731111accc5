"""Regular expressions of strangers, matched in linear time.

Python's ``re`` goes back and tries again, so a short pattern (``(a|a)*b``) can keep it busy for
ever. Here a pattern becomes a nondeterministic automaton, and all its states go through the text
together (Thompson, Regular expression search algorithm, 1968; Cox, Regular expression matching can
be simple and fast, 2007): a text of n characters costs n times the states at most.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ttc_explorer.problems.problem import BadInput

MAX_PATTERN = 100
"""Longest pattern, in characters."""
MAX_STATES = 300
"""Most states of its automaton: a repeat ``{m,n}`` is written out."""
MAX_SEARCHED = 1000
"""Characters of a text that are searched, its first."""
MAX_REPEAT = 100

_COUNTED = re.compile(r"\{(?=[\d,])(\d*)(,?)(\d*)\}")
_ESCAPES = "dDwWsStn"
_SUPPORTED = (
    "characters, classes such as [a-z] and \\d, groups, |, the anchors ^ $ \\b, and the repeats "
    "* + ? {m,n}"
)


@dataclass(frozen=True)
class _Node:
    """A piece of a pattern: a ``sign`` (one character, as ``test`` says), an ``anchor``,
    ``branches`` one of which matches, a ``sequence``, or a ``repeat`` of one part."""

    kind: str
    test: Callable[[str], bool] | None = None
    anchor: str = ""
    parts: tuple[_Node, ...] = ()
    least: int = 0
    most: int | None = None

    @property
    def repeats(self) -> bool:
        """Whether there is a repeat in it."""
        return self.kind == "repeat" or any(part.repeats for part in self.parts)


class LinearPattern:
    """A compiled pattern, in a part of Python's syntax: what can be matched in linear time.

    Args:
        source: The pattern. Upper and lower case differ.

    Raises:
        BadInput: It is too long, no pattern, or says what is not supported here; one sentence.
    """

    def __init__(self, source: str) -> None:
        if not source or len(source) > MAX_PATTERN:
            raise BadInput(f"A pattern has 1 to {MAX_PATTERN} characters.")
        try:
            re.compile(source)
        except (re.error, OverflowError, RecursionError) as error:
            raise BadInput(f"The pattern cannot be read: {error}.") from None
        self.source = source
        parser = _Parser(source)
        pattern = parser.branches()
        # Of each state: a test of one character and the state after it, or the states that it leads
        # to at once, on the condition of an anchor. State 0 is the match.
        self._tests: list[Callable[[str], bool] | None] = [None]
        self._next: list[tuple[int, ...]] = [()]
        self._anchors: list[str] = [""]
        self._start = self._compile(pattern, 0)

    def found_in(self, text: str) -> bool:
        """Whether it matches anywhere in the text's first MAX_SEARCHED characters.

        >>> LinearPattern(r"^Step \\d+").found_in("Step 12: add")
        True
        """
        text = text[:MAX_SEARCHED]
        states: set[int] = set()
        for place in range(len(text) + 1):
            states = self._closure({*states, self._start}, text, place)
            if 0 in states:
                return True
            if place < len(text):
                sign = text[place]
                states = {
                    self._next[state][0]
                    for state in states
                    if (test := self._tests[state]) is not None and test(sign)
                }
        return False

    def _closure(self, states: Iterable[int], text: str, place: int) -> set[int]:
        """The states and all that they lead to without reading a character."""
        reached: set[int] = set()
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            if state in reached:
                continue
            reached.add(state)
            if self._tests[state] is None and _holds(self._anchors[state], text, place):
                waiting += self._next[state]
        return reached

    def _add(
        self, then: tuple[int, ...], test: Callable[[str], bool] | None = None, anchor: str = ""
    ) -> int:
        if len(self._next) >= MAX_STATES:
            raise BadInput("The pattern is too large: repeat less.")
        self._tests.append(test)
        self._next.append(then)
        self._anchors.append(anchor)
        return len(self._next) - 1

    def _compile(self, node: _Node, then: int) -> int:
        """The state at which ``node`` begins, if ``then`` follows it."""
        match node.kind:
            case "sign" | "anchor":
                return self._add((then,), node.test, node.anchor)
            case "branches":
                return self._add(tuple(self._compile(part, then) for part in node.parts))
            case "sequence":
                for part in reversed(node.parts):
                    then = self._compile(part, then)
                return then
        (part,) = node.parts
        if node.most is None:
            loop = self._add(())
            self._next[loop] = (self._compile(part, loop), then)
            then = loop
        for _ in range((node.most or node.least) - node.least):
            then = self._add((self._compile(part, then), then))
        for _ in range(node.least):
            then = self._compile(part, then)
        return then


class _Parser:
    """Reads a pattern that ``re`` has accepted."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0

    def branches(self) -> _Node:
        """What stands between here and the end of the group, or of the pattern."""
        sequences = [self._sequence()]
        while self._source[self._at : self._at + 1] == "|":
            self._at += 1
            sequences.append(self._sequence())
        return _Node("branches", parts=tuple(sequences))

    def _sequence(self) -> _Node:
        parts: list[_Node] = []
        while self._at < len(self._source) and self._source[self._at] not in "|)":
            parts.append(self._repeated(self._part()))
        return _Node("sequence", parts=tuple(parts))

    def _part(self) -> _Node:
        sign = self._source[self._at]
        self._at += 1
        match sign:
            case "^" | "$":
                return _Node("anchor", anchor=sign)
            case "(":
                return self._group()
            case "[":
                return _sign(f"[{self._rest_of_class()}")
            case ".":
                return _sign(".")
            case "\\":
                escaped = self._source[self._at]
                self._at += 1
                if escaped == "b":
                    return _Node("anchor", anchor="\\b")
                if escaped.isalnum() and escaped not in _ESCAPES:
                    raise _unsupported(f"\\{escaped}")
                return _sign(f"\\{escaped}")
        return _sign(re.escape(sign))

    def _group(self) -> _Node:
        if self._source[self._at] == "?":
            if not self._source.startswith("?:", self._at):
                raise _unsupported(f"({self._source[self._at : self._at + 2]}")
            self._at += 2
        inside = self.branches()
        self._at += 1
        return inside

    def _rest_of_class(self) -> str:
        begin = self._at
        if self._source[self._at] == "^":
            self._at += 1
        self._at += 1  # the first, which may be the closing bracket itself
        if self._source[self._at - 1] == "\\":
            self._at += 1
        while self._source[self._at] != "]":
            self._at += 2 if self._source[self._at] == "\\" else 1
        self._at += 1
        return self._source[begin : self._at]

    def _repeated(self, part: _Node) -> _Node:
        least: int
        most: int | None
        rest = self._source[self._at :]
        counted = _COUNTED.match(rest)
        if rest[:1] in ("*", "+", "?"):
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[rest[0]]
            self._at += 1
        elif counted:
            least = int(counted[1] or 0)
            most = int(counted[3]) if counted[3] else None if counted[2] else least
            self._at += counted.end()
        else:
            return part
        if part.repeats:
            raise BadInput("A repeat within a repeat, as in (a+)+, is not supported: write one.")
        if max(least, most or 0) > MAX_REPEAT:
            raise BadInput(f"A pattern repeats at most {MAX_REPEAT} times.")
        if self._source[self._at : self._at + 1] in ("+", "?"):
            if self._source[self._at] == "+":
                raise _unsupported("a possessive repeat")
            self._at += 1  # the shortest match or the longest: there is one or there is none
        return _Node("repeat", parts=(part,), least=least, most=most)


def _sign(expression: str) -> _Node:
    """One character that a pattern of one character accepts."""
    accepts = re.compile(expression).fullmatch
    known: dict[str, bool] = {}

    def test(sign: str) -> bool:
        if sign not in known:
            known[sign] = accepts(sign) is not None
        return known[sign]

    return _Node("sign", test=test)


def _holds(anchor: str, text: str, place: int) -> bool:
    match anchor:
        case "":
            return True
        case "^":
            return place == 0
        case "$":
            return place == len(text)
    sides = text[place - 1 : place] if place else "", text[place : place + 1]
    left, right = (side.isalnum() or side == "_" for side in sides)
    return left != right


def _unsupported(what: str) -> BadInput:
    return BadInput(f"The pattern has {what}, which is not supported: use {_SUPPORTED}.")
