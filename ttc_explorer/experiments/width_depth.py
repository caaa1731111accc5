"""One long thought or many short ones? From stored thoughts whose answers were asked on the way:
what k thoughts reach that are cut at L tokens, by majority, and what they cost.

Every thought that was stored to its end is also a thought cut at any L: its answer is the last one
that it was asked for by then, or its own if it had ended (budget forcing, arXiv 2501.19393; replay
as in AutoTTS). So one store answers for all k and L.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from ttc_explorer.experiments.estimators import VOTE_SUBSETS, vote_at_k
from ttc_explorer.experiments.intervals import bootstrap
from ttc_explorer.problems.problem import BadInput

MAX_DEPTHS = 9
"""Most thought lengths of a table."""


@dataclass(frozen=True)
class Thought:
    """A thought that was stored to its end.

    Attributes:
        question: the number of its question.
        reference: the right answer.
        probe_every: tokens between two interim answers, at least 1.
        probes: the interim answers, the first after ``probe_every`` tokens; None where there was
            none.
        tokens: of the whole thought.
        answer: its own at its end; None if it has none.
    """

    question: int
    reference: str
    probe_every: int
    probes: tuple[str | None, ...]
    tokens: int
    answer: str | None

    def answer_at(self, depth: int) -> str | None:
        """The answer of the thought cut at ``depth`` tokens."""
        place = depth // self.probe_every
        if depth >= self.tokens or place > len(self.probes):
            return self.answer
        return self.probes[place - 1] if place else None


@dataclass(frozen=True)
class WidthDepthCell:
    """k thoughts (``width``) cut at L tokens (``depth``), the majority of whose answers counts.

    Attributes:
        accuracy: the share of questions that come out right, with its 95 % interval over questions
            (``low``, ``high``).
        tokens: of all k thoughts, a question, on average.
        efficient: no cell of as few tokens is more accurate.
    """

    width: int
    depth: int
    accuracy: float
    low: float
    high: float
    tokens: float
    efficient: bool = False


@dataclass(frozen=True)
class WidthDepthTable:
    """``cells`` by depth, then by width; ``questions`` with ``thoughts`` stored of each, of
    ``probe_every`` tokens between interim answers."""

    questions: int
    thoughts: int
    probe_every: int
    cells: tuple[WidthDepthCell, ...]

    @property
    def widths(self) -> list[int]:
        return sorted({cell.width for cell in self.cells})

    @property
    def depths(self) -> list[int]:
        return sorted({cell.depth for cell in self.cells})

    def cell(self, width: int, depth: int) -> WidthDepthCell:
        """The cell of k and L. Raises BadInput if there is none."""
        for cell in self.cells:
            if (cell.width, cell.depth) == (width, depth):
                return cell
        raise BadInput(f"The table has no {width} thoughts of {depth} tokens.")

    @property
    def one_long(self) -> WidthDepthCell:
        """One thought that nothing is cut of."""
        return self.cell(1, self.depths[-1])

    @property
    def many_short(self) -> WidthDepthCell | None:
        """Of the cells that cost more than one whole thought and reach less, the most accurate of
        the widest; None where width always pays."""
        long = self.one_long
        worse = [
            cell
            for cell in self.cells
            if cell.tokens > long.tokens and cell.accuracy < long.accuracy
        ]
        return max(worse, key=lambda cell: (cell.width, cell.accuracy, cell.depth), default=None)

    def best_within(self, tokens: float) -> WidthDepthCell:
        """The most accurate cell of no more tokens; of equals, the cheapest."""
        affordable = [cell for cell in self.cells if cell.tokens <= tokens]
        return max(affordable, key=lambda cell: (cell.accuracy, -cell.tokens))


def width_depth_table(thoughts: Sequence[Thought], seed: int = 0) -> WidthDepthTable:
    """The table of stored thoughts.

    Of questions with more thoughts than others only the first count, so that all have the same k.
    Widths are powers of two, and so are depths, as multiples of the distance between interim
    answers; the last depth is the longest thought, so that nothing is cut. What it costs to ask for
    an interim answer is not stored, and not counted.

    Args:
        thoughts: of one model.
        seed: of the subsets that a majority is estimated from, and of the bootstrap.

    Raises:
        BadInput: there are none, or they were asked at different distances.
    """
    if not thoughts:
        raise BadInput("There are no stored thoughts: give a replay store.")
    distances = {thought.probe_every for thought in thoughts}
    if len(distances) > 1:
        raise BadInput(
            "The thoughts were asked for interim answers at different distances: give one store."
        )
    (probe_every,) = distances
    by_question: dict[int, list[Thought]] = {}
    for thought in thoughts:
        by_question.setdefault(thought.question, []).append(thought)
    count = min(map(len, by_question.values()))
    grid = [own[:count] for own in by_question.values()]
    widths = [2**power for power in range(count.bit_length())]
    cells = []
    for depth in _depths(thoughts, probe_every):
        labels, correct = _answers(grid, depth)
        chances = vote_at_k(labels, correct, np.ones(labels.shape), widths, VOTE_SUBSETS, seed)
        spent = np.array([[min(one.tokens, depth) for one in own] for own in grid])
        for place, width in enumerate(widths):
            accuracy, low, high = (
                float(figure) for figure in bootstrap(chances[:, place], seed=seed)
            )
            cells.append(
                WidthDepthCell(width, depth, accuracy, low, high, width * float(spent.mean()))
            )
    return WidthDepthTable(len(grid), count, probe_every, tuple(_mark_efficient(cells)))


def _depths(thoughts: Sequence[Thought], probe_every: int) -> list[int]:
    """The thought lengths of the table, in tokens, ascending."""
    longest = max(thought.tokens for thought in thoughts)
    depths = [
        probe_every * 2**power
        for power in range(MAX_DEPTHS - 1)
        if probe_every * 2**power < longest
    ]
    return [*depths, longest]


def _answers(
    grid: Sequence[Sequence[Thought]], depth: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Labels and correctness (questions, thoughts) of thoughts cut at a depth, as
    ``estimators.py`` has them: answers are equal that are equal as plain numbers, or are written
    alike."""
    labels = np.full((len(grid), len(grid[0])), -1)
    correct = np.zeros(labels.shape, bool)
    for row, thoughts in enumerate(grid):
        numbers: dict[str, int] = {}
        for column, thought in enumerate(thoughts):
            answer = thought.answer_at(depth)
            if answer is not None:
                key = _canonical(answer)
                labels[row, column] = numbers.setdefault(key, len(numbers))
                correct[row, column] = key == _canonical(thought.reference)
    return labels, correct


def _canonical(answer: str) -> str:
    """An answer so that equal ones are the same text.

    >>> _canonical(" 070.0 "), _canonical("x  + 1")
    ('70', 'x + 1')
    """
    text = " ".join(answer.split())
    if text.isascii() and len(text) < MAX_NUMBER_CHARACTERS and "/" not in text:
        try:
            return str(Fraction(text)) if "e" not in text.lower() else text
        except ValueError:
            pass
    return text


MAX_NUMBER_CHARACTERS = 40
"""Longer texts are not read as numbers."""


def _mark_efficient(cells: Sequence[WidthDepthCell]) -> list[WidthDepthCell]:
    """The cells, those marked that no cell of as few tokens is better than (the Pareto front)."""
    return [
        WidthDepthCell(
            cell.width, cell.depth, cell.accuracy, cell.low, cell.high, cell.tokens,
            not any(
                other.tokens <= cell.tokens
                and (other.accuracy, -other.tokens) > (cell.accuracy, -cell.tokens)
                for other in cells
            ),
        )
        for cell in cells
    ]  # fmt: skip


@dataclass(frozen=True)
class NamedTable:
    """A table that is shown under a ``name``, with the ``source`` of its thoughts."""

    name: str
    source: str
    table: WidthDepthTable


def dump_tables(tables: Sequence[NamedTable]) -> str:
    """Tables as JSON, which ``load_tables`` reads."""
    return _TABLES.dump_json(list(tables), indent=1).decode() + "\n"


def load_tables(path: Path) -> list[NamedTable]:
    """The tables that are shipped; empty where there is no such file."""
    return _TABLES.validate_json(path.read_bytes()) if path.is_file() else []


_TABLES = TypeAdapter(list[NamedTable])
