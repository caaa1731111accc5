"""What a procedural family is: made problems, worked solutions, and an exact checker of steps and
answers."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from random import Random
from typing import Any, ClassVar, TypeVar

from ttc_explorer.problems.canonical_wording import normalise_text
from ttc_explorer.problems.families.solution_writer import (
    InjectedErrors,
    SolutionLine,
    SolutionWriter,
)
from ttc_explorer.problems.families.typed_problem_parser import Question
from ttc_explorer.problems.problem import Problem
from ttc_explorer.registry import Registry

Parameters = Any
"""What a problem gives, as plain data of the family's own shape: numbers, tuples, never text."""

LEVELS = (1, 2, 3, 4, 5)
SPLITS = ("train", "val", "test")
TEST_SHARE, VAL_SHARE = 0.15, 0.1


class Family(ABC):
    """One kind of problem.

    ``kind`` says how compute can help: ``one decision`` (a guess, then checks), ``several
    decisions`` that follow one another, or plain ``computing`` that ends in a check.
    ``errors_visible_at`` says where a wrong decision becomes visible: at ``every`` decision, or
    only at the ``end``.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    kind: ClassVar[str]
    errors_visible_at: ClassVar[str]
    templates: ClassVar[tuple[str, ...]]
    """Texts with slots in braces. One words a problem if ``fill_slots`` fills all its slots."""
    slots: ClassVar[Mapping[str, str]]
    """The regular expression of each slot, for reading a text back."""
    ordered: ClassVar[bool] = True
    """Whether the order of the answer's parts matters (x and y), or not (both roots)."""

    @abstractmethod
    def draw(self, rng: Random, level: int) -> Parameters:
        """A random problem of this level."""

    @abstractmethod
    def fill_slots(self, parameters: Parameters) -> dict[str, str]:
        """The slots of the templates."""

    @abstractmethod
    def parse_slots(self, slots: Mapping[str, str]) -> Parameters | None:
        """The inverse of ``fill_slots``: what the slots say, or None when that is no problem of
        this family."""

    @abstractmethod
    def parse_question(self, question: Question) -> Parameters | None:
        """What a question in free wording gives, if it surely asks for a problem of this family."""

    @abstractmethod
    def write_solution(self, parameters: Parameters, writer: SolutionWriter) -> None:
        """Write the worked solution, the answer line included."""

    def key(self, parameters: Parameters) -> str:
        """The canonical form: equal for the same problem however it is worded or ordered."""
        return repr(parameters)

    # --- derived ----------------------------------------------------------------------------------

    def random_wording(self, parameters: Parameters, rng: Random) -> str:
        """The problem in words, from a random template."""
        return rng.choice(self.wordings(parameters))

    def wordings(self, parameters: Parameters) -> list[str]:
        """Every way to word the problem; the first is the canonical wording, which the shipped
        models know best."""
        slot_values = self.fill_slots(parameters)
        return [
            p.format(**slot_values)
            for p in self.templates
            if set(re.findall(r"\{(\w+)\}", p)) <= set(slot_values)
        ]

    def worked_solution(
        self, parameters: Parameters, errors: InjectedErrors | None = None
    ) -> list[SolutionLine]:
        """The lines of a solution: a right one, or one with injected errors."""
        writer = SolutionWriter(errors)
        self.write_solution(parameters, writer)
        return writer.lines

    def mistaken_solution(self, parameters: Parameters, rng: Random) -> list[SolutionLine]:
        """A solution with at least one wrong decision (rarely none, where every alternative is
        right too)."""
        writer = SolutionWriter()
        self.write_solution(parameters, writer)
        return self.worked_solution(
            parameters, InjectedErrors(rng, rng.randrange(writer.decisions))
        )

    def answer(self, parameters: Parameters) -> str:
        """The final answer of the worked solution."""
        return line_text(self.worked_solution(parameters)[-1]).removeprefix("Answer: ")

    def is_correct(self, parameters: Parameters, answer: str) -> bool:
        """Whether ``answer`` is right."""
        return self.canonical(answer) == self.canonical(self.answer(parameters))

    def canonical(self, answer: str) -> str:
        """One spelling for all equal answers: ``x=4, y=1/2``, ``(4, 0.5)`` and ``4,2/4`` are
        ``4,1/2``."""
        text = re.sub(r"\b(?:and|or)\b", ",", re.sub(r"[a-z]=", "", normalise_text(answer)))
        parts = [_shortest_rational(part) for part in text.strip("$()[]{} ").split(",")]
        return ",".join(parts if self.ordered else sorted(parts))

    def is_correct_prefix(self, parameters: Parameters, steps: Sequence[str]) -> bool:
        """Whether a right solution can begin with ``steps``: every decision so far is the right
        one.

        What only follows from the decisions (sums, checks) is not judged here: a false sum beside a
        right decision does not turn the solution wrong.
        """
        lines = self.worked_solution(parameters)
        return len(steps) <= len(lines) and all(
            self.is_correct(parameters, step.removeprefix("Answer:"))
            if step.startswith("Answer:")
            else _same_decisions(line, step)
            for step, line in zip(steps, lines, strict=False)
        )

    def split(self, parameters: Parameters) -> str:
        """``train``, ``val`` or ``test``, by a hash of the canonical problem."""
        digest = hashlib.sha256(f"{self.name}:{self.key(parameters)}".encode()).digest()
        share = int.from_bytes(digest[:8], "big") / 2**64
        return (
            "test" if share < TEST_SHARE else "val" if share < TEST_SHARE + VAL_SHARE else "train"
        )

    def problem(self, parameters: Parameters, level: int, rng: Random) -> Problem:
        return Problem(
            self.random_wording(parameters, rng),
            self.answer(parameters),
            self.name,
            level,
            "family",
        )

    def draw_from_split(self, rng: Random, level: int, split: str) -> Parameters:
        """A random problem of this level that stands in ``split``."""
        for _ in range(10_000):
            parameters = self.draw(rng, level)
            if self.split(parameters) == split:
                return parameters
        raise RuntimeError(f"{self.name}, level {level}, has no problem in the split {split}")

    @cached_property
    def _template_patterns(self) -> list[re.Pattern[str]]:
        return [_template_pattern(template, self.slots) for template in self.templates]

    def from_slots(self, **slots: str) -> Parameters | None:
        """What slots give that were filled in from elsewhere, if each is written as in the
        templates."""
        fits = all(re.fullmatch(self.slots[name], text) for name, text in slots.items())
        return self.parse_slots(slots) if fits else None

    def recognise(self, text: str) -> Parameters | None:
        """What ``text`` gives if it is one of the templates, else None."""
        text = normalise_text(text)
        for pattern in self._template_patterns:
            match = pattern.fullmatch(text)
            parameters = self.parse_slots(match.groupdict()) if match else None
            if parameters is not None:
                return parameters
        return None


@dataclass(frozen=True)
class RecognisedProblem:
    """A text understood: the family, and what the problem gives. Judges steps and answers
    exactly."""

    family: Family
    parameters: Parameters

    @property
    def text(self) -> str:
        """The problem in the family's first template, the canonical wording, which the shipped
        models read."""
        return self.family.wordings(self.parameters)[0]

    @property
    def answer(self) -> str:
        return self.family.answer(self.parameters)

    def is_correct(self, answer: str) -> bool:
        return self.family.is_correct(self.parameters, answer)

    def equal(self, one: str, other: str) -> bool:
        """Whether two answers are equal, right or wrong."""
        return self.family.canonical(one) == self.family.canonical(other)

    def is_correct_prefix(self, steps: Sequence[str]) -> bool:
        return self.family.is_correct_prefix(self.parameters, steps)


def line_text(line: SolutionLine) -> str:
    return "".join(segment.text for segment in line)


def _shortest_rational(text: str) -> str:
    """The shortest spelling of a rational number; any other text as it is."""
    text = text.strip()
    if re.fullmatch(r"[-+]?\d{1,30}(?:/\d{1,30}|\.\d{0,30})?", text):
        try:
            return str(Fraction(text.rstrip(".")))
        except ZeroDivisionError:
            pass
    return text


def _template_pattern(template: str, slots: Mapping[str, str]) -> re.Pattern[str]:
    """The template as a regular expression over normal texts; a slot may swallow the space beside
    it."""
    parts = re.split(r"\{(\w+)\}", template.rstrip(".?!"))
    regex = ""
    for i, part in enumerate(parts):
        if i % 2:
            regex += f" ?(?P<{part}>{slots[part]}) ?"
        else:
            regex += re.escape(normalise_text(f"q{part}q")[1:-1].strip())
    return re.compile(regex)


def _same_decisions(line: SolutionLine, step: str) -> bool:
    """Whether ``step`` begins as ``line`` does, up to and with the line's last decision."""
    last = max((i for i, segment in enumerate(line) if segment.decision), default=-1)
    if last < 0:
        return True
    head = line_text(line[: last + 1])
    return step.startswith(head) and not step[len(head) :][:1].isdigit()


FAMILIES: Registry[Family] = Registry("family")
"""Name -> family. Those of the package are there as soon as ``problems.families`` is imported."""

AnyFamily = TypeVar("AnyFamily", bound=Family)


def family(kind: type[AnyFamily]) -> type[AnyFamily]:
    """Register the decorated class, under its ``name``.

    Raises:
        BadInput: the name is taken, or no identifier.
    """
    FAMILIES.register(kind.name, kind(), kind.__module__)
    return kind
