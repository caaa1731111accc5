"""What a procedural family is: made problems, worked solutions, and an exact judge of steps and answers."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from random import Random
from typing import Any, ClassVar

from ttc_explorer.problems.families.script import Line, Script, Slips
from ttc_explorer.problems.families.understanding import Question
from ttc_explorer.problems.notation import normal
from ttc_explorer.problems.problem import Problem

Given = Any
"""What a problem gives, as plain data of the family's own shape: numbers, tuples, never text."""

LEVELS = (1, 2, 3, 4, 5)
SPLITS = ("train", "val", "test")
TEST_SHARE, VAL_SHARE = 0.15, 0.1


class Family(ABC):
    """One kind of problem.

    ``kind`` says how compute can help: ``one decision`` (a guess, then checks), ``several decisions`` that
    follow one another, or plain ``computing`` that ends in a check. ``shown`` says where a wrong decision
    becomes visible: at ``every`` decision, or only at the ``end``.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    kind: ClassVar[str]
    shown: ClassVar[str]
    phrasings: ClassVar[tuple[str, ...]]
    """Texts with slots in braces. One words a problem if ``fill`` fills all its slots."""
    slots: ClassVar[Mapping[str, str]]
    """The regular expression of each slot, for reading a text back."""
    ordered: ClassVar[bool] = True
    """Whether the order of the answer's parts matters (x and y), or not (both roots)."""

    @abstractmethod
    def draw(self, rng: Random, level: int) -> Given:
        """A random problem of this level."""

    @abstractmethod
    def fill(self, given: Given) -> dict[str, str]:
        """The slots of the phrasings."""

    @abstractmethod
    def read(self, slots: Mapping[str, str]) -> Given | None:
        """The inverse of ``fill``: what the slots say, or None when that is no problem of this family."""

    @abstractmethod
    def understand(self, question: Question) -> Given | None:
        """What a question in free wording gives, if it surely asks for a problem of this family."""

    @abstractmethod
    def write(self, given: Given, script: Script) -> None:
        """Write the worked solution, the answer line included."""

    def key(self, given: Given) -> str:
        """The canonical form: equal for the same problem however it is worded or ordered."""
        return repr(given)

    # --- derived ----------------------------------------------------------------------------------------

    def say(self, given: Given, rng: Random) -> str:
        """The problem in words, by a random phrasing."""
        return rng.choice(self.wordings(given))

    def wordings(self, given: Given) -> list[str]:
        """Every way to word the problem; the first is the notation that the shipped models know best."""
        filled = self.fill(given)
        return [p.format(**filled) for p in self.phrasings if set(re.findall(r"\{(\w+)\}", p)) <= set(filled)]

    def worked(self, given: Given, slips: Slips | None = None) -> list[Line]:
        """The lines of a solution: a right one, or one that slips."""
        script = Script(slips)
        self.write(given, script)
        return script.lines

    def mistaken(self, given: Given, rng: Random) -> list[Line]:
        """A solution with at least one wrong decision (rarely none, where every alternative is right too)."""
        script = Script()
        self.write(given, script)
        return self.worked(given, Slips(rng, rng.randrange(script.decisions)))

    def answer(self, given: Given) -> str:
        """The final answer of the worked solution."""
        return line_text(self.worked(given)[-1]).removeprefix("Answer: ")

    def right(self, given: Given, answer: str) -> bool:
        """Whether ``answer`` is right."""
        return self.canonical(answer) == self.canonical(self.answer(given))

    def canonical(self, answer: str) -> str:
        """One spelling for all equal answers: ``x=4, y=1/2``, ``(4, 0.5)`` and ``4,2/4`` are ``4,1/2``."""
        text = re.sub(r"\b(?:and|or)\b", ",", re.sub(r"[a-z]=", "", normal(answer)))
        parts = [_number(part) for part in text.strip("$()[]{} ").split(",")]
        return ",".join(parts if self.ordered else sorted(parts))

    def consistent(self, given: Given, steps: Sequence[str]) -> bool:
        """Whether a right solution can begin with ``steps``: every decision so far is the right one.

        What only follows from the decisions (sums, checks) is not judged here: a false sum beside a right
        decision does not turn the solution wrong.
        """
        lines = self.worked(given)
        return len(steps) <= len(lines) and all(
            self.right(given, step.removeprefix("Answer:"))
            if step.startswith("Answer:")
            else _decides_alike(line, step)
            for step, line in zip(steps, lines, strict=False)
        )

    def split(self, given: Given) -> str:
        """``train``, ``val`` or ``test``, by a hash of the canonical problem."""
        digest = hashlib.sha256(f"{self.name}:{self.key(given)}".encode()).digest()
        share = int.from_bytes(digest[:8], "big") / 2**64
        return "test" if share < TEST_SHARE else "val" if share < TEST_SHARE + VAL_SHARE else "train"

    def problem(self, given: Given, level: int, rng: Random) -> Problem:
        return Problem(self.say(given, rng), self.answer(given), self.name, level, "family")

    def draw_split(self, rng: Random, level: int, split: str) -> Given:
        """A random problem of this level that stands in ``split``."""
        for _ in range(10_000):
            given = self.draw(rng, level)
            if self.split(given) == split:
                return given
        raise RuntimeError(f"{self.name}, level {level}, has no problem in the split {split}")

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        return [_pattern(phrasing, self.slots) for phrasing in self.phrasings]

    def take(self, **slots: str) -> Given | None:
        """What slots give that were filled in from elsewhere, if each is written as in the phrasings."""
        fits = all(re.fullmatch(self.slots[name], text) for name, text in slots.items())
        return self.read(slots) if fits else None

    def recognise(self, text: str) -> Given | None:
        """What ``text`` gives if it is one of the phrasings, else None."""
        text = normal(text)
        for pattern in self._patterns:
            match = pattern.fullmatch(text)
            given = self.read(match.groupdict()) if match else None
            if given is not None:
                return given
        return None


@dataclass(frozen=True)
class Recognised:
    """A text understood: the family, and what the problem gives. Judges steps and answers exactly."""

    family: Family
    given: Given

    @property
    def text(self) -> str:
        """The problem in the family's first phrasing, the notation that the shipped models read."""
        return self.family.wordings(self.given)[0]

    @property
    def answer(self) -> str:
        return self.family.answer(self.given)

    def right(self, answer: str) -> bool:
        return self.family.right(self.given, answer)

    def same(self, one: str, other: str) -> bool:
        """Whether two answers are equal, right or wrong."""
        return self.family.canonical(one) == self.family.canonical(other)

    def consistent(self, steps: Sequence[str]) -> bool:
        return self.family.consistent(self.given, steps)


def line_text(line: Line) -> str:
    return "".join(segment.text for segment in line)


def _number(text: str) -> str:
    """The shortest spelling of a rational number; any other text as it is."""
    text = text.strip()
    if re.fullmatch(r"[-+]?\d{1,30}(?:/\d{1,30}|\.\d{0,30})?", text):
        try:
            return str(Fraction(text.rstrip(".")))
        except ZeroDivisionError:
            pass
    return text


def _pattern(phrasing: str, slots: Mapping[str, str]) -> re.Pattern[str]:
    """The phrasing as a regular expression over normal texts; a slot may swallow the space beside it."""
    parts = re.split(r"\{(\w+)\}", phrasing.rstrip(".?!"))
    regex = ""
    for i, part in enumerate(parts):
        if i % 2:
            regex += f" ?(?P<{part}>{slots[part]}) ?"
        else:
            regex += re.escape(normal(f"q{part}q")[1:-1].strip())
    return re.compile(regex)


def _decides_alike(line: Line, step: str) -> bool:
    """Whether ``step`` begins as ``line`` does, up to and with the line's last decision."""
    last = max((i for i, segment in enumerate(line) if segment.decision), default=-1)
    if last < 0:
        return True
    head = line_text(line[: last + 1])
    return step.startswith(head) and not step[len(head) :][:1].isdigit()
