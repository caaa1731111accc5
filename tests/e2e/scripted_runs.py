"""Runs whose models are a seeded script: the real strategies, real-looking steps, and no
waiting."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ttc_explorer.models.protocol import Extend, Revise, Score, Step
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategy import get_strategy

QUESTION = (
    "Tom has 5 more than three times as many apples as Ann; together they have 73. How "
    "many has Ann?"
)
STEPS = (
    "3x + 5 + x = 73",
    "4x = 73 - 5",
    "4x = 68",
    "x = 68/4",
    "check: 3*17 + 5 = 56",
    "56 + 17 = 73, equal",
)
ANSWERS = (
    "17",
    "17",
    "17",
    "22",
    "17",
    "13",
    "68",
    "-4",
    "17/2",
    "56",
    "no idea",
    "3x + 5 = 2(x + 11)",
)


def scripted_run_states(
    name: str, budget: int, seed: int = 3, *, length: int = 6, answers=ANSWERS, **settings
) -> Iterator[Run]:
    """The same Run again and again, as it stands after every reply; ``length`` is a usual number of
    steps. Its texts are few, so equal steps stay apart unless ``settings`` merge them."""
    rng = Random(seed)
    settings = Settings(**{"rounds": 2 * length, "merge": False} | settings)
    run = Run(Problem(QUESTION, "17"), "base", "prm", name, budget, seed, settings)
    search = get_strategy(name).search(run.tree, budget, run.settings)
    reply = None
    yield run
    while True:
        try:
            request = search.send(reply)
        except StopIteration as ending:
            run.stopped = ending.value
            yield run
            return
        yield run
        if isinstance(request, Extend):
            reply = [_step(run, parent, length, answers, rng) for parent in request.parents]
        elif isinstance(request, Revise):
            reply = [_attempt(run, parent, answers, rng) for parent in request.parents]
        elif isinstance(request, Score):
            reply = [_score(run, node, rng) for node in request.nodes]
        else:
            reply = None  # no policy has been measured


def _step(run: Run, parent: int, length: int, answers, rng: Random) -> Step:
    depth = run.tree.round[parent] + 1
    if rng.random() >= (depth - length + 2) / 4:
        return Step(STEPS[(depth - 1) % len(STEPS)], 9, -1.5)
    answer = _answer(run, answers, rng)
    return Step(f"Answer: {answer}", 9, -1.5, True, answer)


def _attempt(run: Run, parent: int, answers, rng: Random) -> Step:
    before = run.tree.answer[parent]
    answer = before if before and rng.random() < 0.4 else _answer(run, answers, rng)
    lines = (
        *STEPS[:3],
        f"x = 68/4 = {answer}",
        f"check: 3*{answer} + 5 + {answer}",
        f"Answer: {answer}",
    )
    return Step("\n".join(lines), 60, -4.0, True, answer)


def _answer(run: Run, answers, rng: Random) -> str:
    # one answer in three is anything, so that there are many that stand alone
    answer = str(rng.randrange(2, 99)) if rng.random() < 0.3 else rng.choice(answers)
    run.correct[answer] = answer == "17"
    return answer


def _score(run: Run, node: int, rng: Random) -> float:
    before = run.tree.score[run.tree.parent[node]]
    drift = 0.12 if run.tree.answer[node] == "17" else -0.12 if run.tree.answer[node] else 0.0
    return min(0.99, max(0.01, (0.55 if before is None else before) + drift + rng.gauss(0, 0.16)))
