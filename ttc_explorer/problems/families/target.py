"""The target number: combine the given numbers, each once, until one is left; only the end shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from random import Random

from ttc_explorer.problems.families.family import Family
from ttc_explorer.problems.families.script import Script, check, joined
from ttc_explorer.problems.families.understanding import Question
from ttc_explorer.problems.notation import normal, words

Given = tuple[tuple[int, ...], int]
Pool = tuple[int, ...]
Move = tuple[int, str, int]
LARGEST = 99
_SUBSET = frozenset(words("choose choosing list pick picking select selecting some subset together"))
"""Words that ask to use only some of the numbers."""
_CUES = frozenset(
    words(
        """
        arrive build combine combining construct countdown create equals expression form get gets getting
        make making produce reach reaching result results target use used uses using
        """
    )
)
_WORDS = _CUES | set(
    words("""
    add adding addition all allowed at basic below both calculation end ends exactly game minus
    multiplication multiply multiplying must number once only operation operations order plus reached result
    subtract subtracting subtraction times used yields
    """)
)


class Target(Family):
    """``given``: the numbers, ascending, and the target. A move combines two numbers of the pool by + - *."""

    name = "target"
    title = "Target number"
    kind = "several decisions"
    shown = "end"
    phrasings = (
        "Use {numbers} to make {target}.",
        "Combine {numbers} with + - * to get {target}, each number once.",
        "Make {target} from {numbers}.",
    )
    slots: Mapping[str, str] = {"numbers": r"\d{1,2}(?:,\d{1,2})+", "target": r"\d{1,2}"}

    def draw(self, rng: Random, level: int) -> Given:
        count, largest = ((3, 5), (3, 7), (3, 9), (4, 5), (4, 7))[level - 1]
        while True:
            numbers = tuple(sorted(rng.randint(1, largest) for _ in range(count)))
            pool = numbers
            while len(pool) > 1:
                moves = list(_moves(pool))
                if not moves:
                    break
                pool = _after(pool, rng.choice(moves))
            if len(pool) == 1 and pool[0] not in numbers:
                return numbers, pool[0]

    def fill(self, given: Given) -> dict[str, str]:
        return {"numbers": ", ".join(map(str, given[0])), "target": str(given[1])}

    def read(self, slots: Mapping[str, str]) -> Given | None:
        numbers = tuple(sorted(map(int, slots["numbers"].split(","))))
        target = int(slots["target"])
        return (numbers, target) if 2 <= len(numbers) <= 5 and _reaches(numbers, target) else None

    def understand(self, question: Question) -> Given | None:
        choice = question.choice()
        if not choice or not question.says_only(_WORDS) or question.words.isdisjoint(_CUES):
            return None
        if not question.words.isdisjoint(_SUBSET):
            return None
        adds = not question.words.isdisjoint({"add", "adding", "addition", "plus"})
        if adds and question.words.isdisjoint({"multiply", "multiplying", "multiplication", "times"}):
            return None  # a sum is asked for
        return self.take(numbers=",".join(map(str, choice[0])), target=str(choice[1]))

    def write(self, given: Given, script: Script) -> None:
        pool, target = given
        made = []
        while len(pool) > 1:
            moves = list(_moves(pool))
            right = next((m for m in moves if _reaches(_after(pool, m), target)), moves[0] if moves else None)
            if right is None:
                break
            x, sign, y = script.decide(
                right, lambda rng, m=moves: rng.choice(m), lambda m: "".join(map(str, m))
            )
            pool = _after(pool, (x, sign, y))
            made.append(f"{x}{sign}{y}={_value((x, sign, y))}")
            script.end(f"={_value((x, sign, y))} left {joined(pool)}")
        script.end("got " + check(str(pool[0]), pool[0], target))
        script.end("Answer: " + ",".join(made))

    def canonical(self, answer: str) -> str:
        """The moves, whatever their order and the order within a sum or product."""
        moves = []
        for part in normal(answer).split(","):
            match = re.fullmatch(r"(\d+)([+*])(\d+)=(\d+)", part)
            if match:
                low, high = sorted((match[1], match[3]))
                part = f"{high}{match[2]}{low}={match[4]}"
            moves.append(part)
        return ",".join(sorted(moves))

    def right(self, given: Given, answer: str) -> bool:
        """Any legal sequence of moves that ends at the target."""
        pool: Pool | None = given[0]
        for part in answer.replace(" ", "").split(","):
            pool = _read_move(pool, part)
            if pool is None:
                return False
        return pool == (given[1],)

    def consistent(self, given: Given, steps: Sequence[str]) -> bool:
        """Every move is legal, and the target can still be reached."""
        pool: Pool | None = given[0]
        for step in steps:
            if step.startswith("Answer:"):
                return self.right(given, step.removeprefix("Answer:"))
            if not step.startswith("got"):
                pool = _read_move(pool, step.split(" ")[0])
                if pool is None:
                    return False
        return _reaches(pool, given[1])


def _value(move: Move) -> int:
    x, sign, y = move
    return x + y if sign == "+" else x - y if sign == "-" else x * y


def _moves(pool: Pool) -> Iterator[Move]:
    """Legal moves: the larger number first, results from 1 to LARGEST, no multiplication by 1."""
    seen = set()
    for i, y in enumerate(pool):
        for x in pool[i + 1 :]:
            for sign in "+-*":
                move = (x, sign, y)
                if move in seen or (sign == "*" and y == 1) or not 1 <= _value(move) <= LARGEST:
                    continue
                seen.add(move)
                yield move


def _after(pool: Pool, move: Move) -> Pool:
    rest = list(pool)
    rest.remove(move[0])
    rest.remove(move[2])
    return tuple(sorted([*rest, _value(move)]))


@lru_cache(maxsize=200_000)
def _reaches(pool: Pool, target: int) -> bool:
    """Whether some sequence of moves turns the pool into the target alone."""
    if len(pool) == 1:
        return pool[0] == target
    return any(_reaches(_after(pool, move), target) for move in _moves(pool))


def _read_move(pool: Pool | None, text: str) -> Pool | None:
    """The pool after a written move such as ``8-3=5``; None if it is illegal or false."""
    match = re.fullmatch(r"(\d{1,4})([-+*])(\d{1,4})=(\d{1,6})", text)
    if not match or pool is None:
        return None
    x, y = int(match[1]), int(match[3])
    move = (x, match[2], y) if x >= y else (y, match[2], x)
    if (x < y and match[2] == "-") or _value(move) != int(match[4]):
        return None
    return _after(pool, move) if move in set(_moves(pool)) else None
