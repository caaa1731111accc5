"""What a sweep is asked to do, and how it falls into tasks: pure data, small enough to send to any worker."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import MAX_SEED
from ttc_explorer.search.settings import MAX_BUDGET, Settings, checked_budget
from ttc_explorer.search.strategies import strategy

AT_ONCE = 256
"""Solutions that a task writes side by side: the rows of one batch."""

MOST = 512
"""Solutions of a task in all, about: what a kill loses at most, what workers share out, and what bounds
memory, since MCTS keeps the cache of every node: 2,048 took 12 GB a worker."""

COUNTED = ("selector", "aggregate")
"""Settings that no job has: every run is counted by each selector, a pooled solution by each aggregate."""


@dataclass(frozen=True)
class Job:
    """One thing to do on every question. ``kind``: ``pool`` or ``probe``, ``budget`` solutions by best-of-N,
    or ``run``, one run of ``strategy`` at this budget. ``settings`` are those that were set, by name.
    """

    kind: str
    strategy: str
    budget: int
    settings: tuple[tuple[str, object], ...] = ()

    @property
    def settings_text(self) -> str:
        """The settings as canonical JSON, as they stand in the tables.

        >>> Job("run", "beam", 4, (("width", 0),)).settings_text
        '{"width": 0}'
        """
        return json.dumps(dict(self.settings), sort_keys=True)

    def budgets(self) -> list[int]:
        """The budget of each of its runs on a question: only a large pool takes more than one."""
        full, rest = divmod(self.budget, MAX_BUDGET)
        return [MAX_BUDGET] * full + [rest] * (rest > 0)

    @property
    def together(self) -> int:
        """The questions of a task: enough to fill a batch, though chains of revisions and tree search ask for
        few rows at a time, but not too many for a task."""
        rows = strategy(self.strategy).rows(self.budget, Settings().updated(dict(self.settings)))
        return max(1, min(AT_ONCE // rows, MOST // self.budget))


@dataclass(frozen=True)
class Task:
    """A job on a block of questions (their numbers): worked on together, and kept or lost as a whole.

    What comes out depends on nothing else, so a sweep that was killed repeats a lost block to the last bit.
    """

    name: str
    job: Job
    questions: tuple[int, ...]

    @property
    def solutions(self) -> int:
        """How many it writes, about: the measure of progress."""
        return len(self.questions) * self.job.budget


@dataclass(frozen=True)
class Plan:
    """A sweep as it was asked for; everything that its results depend on, apart from what files hold.

    ``problems`` as in ``find_problems``; a strategy is ``NAME`` or ``NAME KEY=VALUE …``, and ``chains=grid``
    stands for a job for each number of chains from 1 to N in factor-4 steps (arXiv 2408.03314, section 6.2).
    ``samples`` and ``probe`` count solutions a question in the pool, and in the separate sample that tells
    difficulty; ``changes`` are settings of all jobs; ``judges`` are further verifiers.
    """

    problems: str
    model: str
    strategies: tuple[str, ...] = ()
    budgets: tuple[int, ...] = ()
    samples: int = 0
    probe: int = 0
    seed: int = 0
    changes: tuple[tuple[str, str], ...] = ()
    judges: tuple[str, ...] = ()
    limit: int | None = None
    question_column: str | None = None
    answer_column: str | None = None

    def command(self) -> str:
        """The command line that repeats it; DIR stands for any folder."""
        words = ["python", "-m", "ttc_explorer", "sweep"]
        names = {"strategies": "strategy", "budgets": "budget", "judges": "judge", "changes": "set"}
        for field, value in asdict(self).items():
            option = f"--{names.get(field, field).replace('_', '-')}"
            values = value if isinstance(value, tuple) else [] if value in (None, 0) else [value]
            for each in values:
                words += [option, "=".join(each) if isinstance(each, tuple) else str(each)]
        return shlex.join([*words, "--out", "DIR"])

    def jobs(self) -> list[Job]:
        """What there is to do, each thing once. Raises BadInput.

        Greedy decoding has no budget and runs once, at 1. Plain best-of-N is not run at all: the pool tells
        about it at every budget (``estimators.py``), so the pool must be large enough.
        """
        if not self.budgets and any(named not in ("greedy", "best_of_n") for named in self.strategies):
            raise BadInput("Say at which budgets the strategies run: --budget 16, as often as you like.")
        if min(self.samples, self.probe) < 0:
            raise BadInput("There cannot be less than 0 samples.")
        pools = [
            Job(kind, "best_of_n", count, self._settings("best_of_n", {}))
            for kind, count in (("pool", self.samples), ("probe", self.probe))
            if count
        ]
        runs = [job for named in self.strategies for job in self._runs(named)]
        if not pools and not runs:
            raise BadInput("There is nothing to do: give --samples, or --strategy and --budget.")
        return list(dict.fromkeys([*pools, *runs]))

    def _runs(self, named: str) -> Iterator[Job]:
        name, *pairs = named.split() or [""]
        own = dict(_pair(pair) for pair in pairs)
        strategy(name)
        grid = own.get("chains") == "grid"
        budgets = [checked_budget(budget) for budget in self.budgets]
        if name == "best_of_n" and not own:
            needed = max(budgets, default=1)
            if needed > self.samples:
                raise BadInput(f"The pool tells about best_of_n: give --samples {needed} or more.")
            return
        for budget in [1] if name == "greedy" else budgets:
            for chains in ratios(budget) if grid else [None]:
                yield Job(
                    "run", name, budget, self._settings(name, own | ({"chains": chains} if grid else {}))
                )

    def _settings(self, name: str, own: dict[str, object]) -> tuple[tuple[str, object], ...]:
        """The settings that were set and that the strategy reads. Raises BadInput."""
        reads = strategy(name).settings
        for key in own:
            if key not in reads:
                raise BadInput(f"{name} has no setting '{key[:40]}': choose from {', '.join(reads)}.")
        for key, _ in self.changes:
            if key in COUNTED:
                raise BadInput(f"Leave {key} out: a sweep counts every run by all of them.")
        values = {**dict(self.changes), **own}
        settings = Settings().updated(values)
        return tuple((key, getattr(settings, key)) for key in sorted(values) if key in reads)

    def tasks(self, questions: int) -> list[Task]:
        """All of its tasks on so many questions, in their order."""
        found = []
        for number, job in enumerate(self.jobs()):
            for first in range(0, questions, job.together):
                block_of = tuple(range(first, min(first + job.together, questions)))
                found.append(Task(f"{number:03}-{first:06}", job, block_of))
        return found

    def seed_of(self, question: int, stream: str) -> int:
        """The seed of a run. All strategies and budgets share one a question, so that they begin alike and
        differ by what they do (common random numbers); each part of the pool and the probe has its own.
        """
        digest = hashlib.sha256(f"{self.seed}/{question}/{stream}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % (MAX_SEED + 1)


def ratios(budget: int) -> list[int]:
    """Numbers of chains from 1 (all sequential) to N (all parallel), in factor-4 steps.

    >>> ratios(64), ratios(8)
    ([1, 4, 16, 64], [1, 4, 8])
    """
    steps = [1]
    while steps[-1] * 4 < budget:
        steps.append(steps[-1] * 4)
    return sorted({*steps, budget})


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise BadInput(f"Write a strategy as 'NAME KEY=VALUE': '{text[:40]}' has no equals sign.")
    return key, value
