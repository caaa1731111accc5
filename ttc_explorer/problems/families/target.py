"""The target number: combine the given numbers, each once, until one is left; only the end
shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import ClassVar

from ttc_explorer.problems.canonical_wording import normalise_text, word_list
from ttc_explorer.problems.families.family import Family, family
from ttc_explorer.problems.families.solution_writer import (
    SolutionWriter,
    format_check,
    format_values,
    one_of,
)
from ttc_explorer.problems.families.typed_problem_parser import Question

Parameters = tuple[tuple[int, ...], int]
NumberPool = tuple[int, ...]
Move = tuple[int, str, int]
LARGEST_RESULT = 99
_SUBSET_WORDS = frozenset(
    word_list("choose choosing list pick picking select selecting some subset together")
)
"""Words that ask to use only some of the numbers."""
_CUE_WORDS = frozenset(
    word_list(
        """
        arrive build combine combining construct countdown create equals expression form get gets
        getting make making produce reach reaching result results target use used uses using
        """
    )
)
_VOCABULARY = _CUE_WORDS | set(
    word_list("""
    add adding addition all allowed at basic below both calculation end ends exactly game minus
    multiplication multiply multiplying must number once only operation operations order plus
    reached result subtract subtracting subtraction times used yields
    """)
)


@family
class TargetFamily(Family):
    """``parameters``: the numbers, ascending, and the target. A move combines two numbers of the
    pool by + - *."""

    name = "target"
    title = "Target number"
    kind = "several decisions"
    errors_visible_at = "end"
    templates = (
        "Use {numbers} to make {target}.",
        "Combine {numbers} with + - * to get {target}, each number once.",
        "Make {target} from {numbers}.",
    )
    slots: ClassVar[Mapping[str, str]] = {"numbers": r"\d{1,2}(?:,\d{1,2})+", "target": r"\d{1,2}"}

    def draw(self, rng: Random, level: int) -> Parameters:
        count, largest = ((3, 5), (3, 7), (3, 9), (4, 5), (4, 7))[level - 1]
        while True:
            numbers = tuple(sorted(rng.randint(1, largest) for _ in range(count)))
            pool = numbers
            while len(pool) > 1:
                moves = list(_legal_moves(pool))
                if not moves:
                    break
                pool = _pool_after(pool, rng.choice(moves))
            if len(pool) == 1 and pool[0] not in numbers:
                return numbers, pool[0]

    def fill_slots(self, parameters: Parameters) -> dict[str, str]:
        return {"numbers": ", ".join(map(str, parameters[0])), "target": str(parameters[1])}

    def parse_slots(self, slots: Mapping[str, str]) -> Parameters | None:
        numbers = tuple(sorted(map(int, slots["numbers"].split(","))))
        target = int(slots["target"])
        return (numbers, target) if 2 <= len(numbers) <= 5 and _can_reach(numbers, target) else None

    def parse_question(self, question: Question) -> Parameters | None:
        choice = question.choice()
        if (
            not choice
            or not question.uses_only_words(_VOCABULARY)
            or question.words.isdisjoint(_CUE_WORDS)
        ):
            return None
        if not question.words.isdisjoint(_SUBSET_WORDS):
            return None
        adds = not question.words.isdisjoint({"add", "adding", "addition", "plus"})
        if adds and question.words.isdisjoint(
            {"multiply", "multiplying", "multiplication", "times"}
        ):
            return None  # a sum is asked for
        return self.from_slots(numbers=",".join(map(str, choice[0])), target=str(choice[1]))

    def write_solution(self, parameters: Parameters, writer: SolutionWriter) -> None:
        pool, target = parameters
        made = []
        while len(pool) > 1:
            moves = list(_legal_moves(pool))
            right = next(
                (m for m in moves if _can_reach(_pool_after(pool, m), target)),
                moves[0] if moves else None,
            )
            if right is None:
                break
            x, sign, y = writer.decide(right, one_of(moves), lambda move: "".join(map(str, move)))
            pool = _pool_after(pool, (x, sign, y))
            made.append(f"{x}{sign}{y}={_move_result((x, sign, y))}")
            writer.end(f"={_move_result((x, sign, y))} left {format_values(pool)}")
        writer.end("got " + format_check(str(pool[0]), pool[0], target))
        writer.end("Answer: " + ",".join(made))

    def canonical(self, answer: str) -> str:
        """The moves, whatever their order and the order within a sum or product."""
        moves = []
        for part in normalise_text(answer).split(","):
            match = re.fullmatch(r"(\d+)([+*])(\d+)=(\d+)", part)
            if match:
                low, high = sorted((match[1], match[3]))
                part = f"{high}{match[2]}{low}={match[4]}"
            moves.append(part)
        return ",".join(sorted(moves))

    def is_correct(self, parameters: Parameters, answer: str) -> bool:
        """Any legal sequence of moves that ends at the target."""
        pool: NumberPool | None = parameters[0]
        for part in answer.replace(" ", "").split(","):
            pool = _apply_written_move(pool, part)
            if pool is None:
                return False
        return pool == (parameters[1],)

    def is_correct_prefix(self, parameters: Parameters, steps: Sequence[str]) -> bool:
        """Every move is legal, and the target can still be reached."""
        pool: NumberPool | None = parameters[0]
        for step in steps:
            if step.startswith("Answer:"):
                return self.is_correct(parameters, step.removeprefix("Answer:"))
            if not step.startswith("got"):
                pool = _apply_written_move(pool, step.split(" ")[0])
                if pool is None:
                    return False
        return _can_reach(pool, parameters[1])


def _move_result(move: Move) -> int:
    x, sign, y = move
    return x + y if sign == "+" else x - y if sign == "-" else x * y


def _legal_moves(pool: NumberPool) -> Iterator[Move]:
    """Legal moves: the larger number first, results from 1 to LARGEST_RESULT, no multiplication by
    1."""
    seen = set()
    for i, y in enumerate(pool):
        for x in pool[i + 1 :]:
            for sign in "+-*":
                move = (x, sign, y)
                if (
                    move in seen
                    or (sign == "*" and y == 1)
                    or not 1 <= _move_result(move) <= LARGEST_RESULT
                ):
                    continue
                seen.add(move)
                yield move


def _pool_after(pool: NumberPool, move: Move) -> NumberPool:
    rest = list(pool)
    rest.remove(move[0])
    rest.remove(move[2])
    return tuple(sorted([*rest, _move_result(move)]))


@lru_cache(maxsize=200_000)
def _can_reach(pool: NumberPool, target: int) -> bool:
    """Whether some sequence of moves turns the pool into the target alone."""
    if len(pool) == 1:
        return pool[0] == target
    return any(_can_reach(_pool_after(pool, move), target) for move in _legal_moves(pool))


def _apply_written_move(pool: NumberPool | None, text: str) -> NumberPool | None:
    """The pool after a written move such as ``8-3=5``; None if it is illegal or false."""
    match = re.fullmatch(r"(\d{1,4})([-+*])(\d{1,4})=(\d{1,6})", text)
    if not match or pool is None:
        return None
    x, y = int(match[1]), int(match[3])
    move = (x, match[2], y) if x >= y else (y, match[2], x)
    if (x < y and match[2] == "-") or _move_result(move) != int(match[4]):
        return None
    return _pool_after(pool, move) if move in set(_legal_moves(pool)) else None
