"""What a sweep is asked to do, and how it falls into tasks: pure data, small enough to send to any
worker."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.settings import MAX_BUDGET, MAX_SEED, Settings, parse_budget
from ttc_explorer.search.step_rule import MEASURED, OWN
from ttc_explorer.search.strategy import get_strategy

BATCH_ROWS = 256
"""Solutions that a task writes side by side: the rows of one batch."""

MAX_TASK_SOLUTIONS = 512
"""Solutions of a task in all, about: what a kill loses at most, what workers share out, and what
bounds memory, since MCTS keeps the cache of every node: 2,048 took 12 GB a worker."""

EXCLUDED_SETTINGS = ("selector", "aggregate")
"""Settings that no job has: every run is counted by each selector, a pooled solution by each
aggregate."""


@dataclass(frozen=True)
class SweepJob:
    """One thing to do on every question. ``kind``: ``pool`` or ``probe``, ``budget`` solutions by
    best-of-N, or ``run``, one run of ``strategy`` at this budget. ``settings`` are those that were
    set, by name, and read by ``recorded_settings``: a pool, a row a sample, merges nothing.
    ``repeat`` counts runs of the same with other seeds.
    """

    kind: str
    strategy: str
    budget: int
    settings: tuple[tuple[str, object], ...] = ()
    repeat: int = 0

    @property
    def stream(self) -> str:
        """What its random numbers are drawn by (``SweepPlan.run_seed``); of a pool too large for
        one run, each run fills in its number."""
        if self.kind != "run":
            return f"{self.kind} {{}}"
        return "runs" if self.repeat == 0 else f"runs {self.repeat}"

    @property
    def settings_text(self) -> str:
        """The settings as canonical JSON, as they stand in the tables.

        >>> SweepJob("run", "beam", 4, (("width", 0),)).settings_text
        '{"width": 0}'
        """
        return json.dumps(dict(self.settings), sort_keys=True)

    def budgets(self) -> list[int]:
        """The budget of each of its runs on a question: only a large pool takes more than one."""
        full, rest = divmod(self.budget, MAX_BUDGET)
        return [MAX_BUDGET] * full + [rest] * (rest > 0)

    @property
    def questions_per_task(self) -> int:
        """The questions of a task: enough to fill a batch, though chains of revisions and tree
        search ask for few rows at a time, but not too many for a task."""
        parallel_rows = get_strategy(self.strategy).parallel_rows(
            self.budget, Settings().with_values(dict(self.settings))
        )
        return max(1, min(BATCH_ROWS // parallel_rows, MAX_TASK_SOLUTIONS // self.budget))


@dataclass(frozen=True)
class SweepTask:
    """A job on a block of questions (their numbers): worked on together, and kept or lost as a
    whole.

    What comes out depends on nothing else, so a sweep that was killed repeats a lost block to the
    last bit.
    """

    name: str
    job: SweepJob
    questions: tuple[int, ...]

    @property
    def solutions(self) -> int:
        """How many it writes, about: the measure of progress."""
        return len(self.questions) * self.job.budget


@dataclass(frozen=True)
class SweepPlan:
    """A sweep as it was asked for; everything that its results depend on, apart from what files
    hold.

    ``problems`` as in ``find_problems``; a strategy is ``NAME`` or ``NAME KEY=VALUE …``, and
    ``chains=grid`` stands for a job for each number of chains from 1 to N in factor-4 steps (arXiv
    2408.03314, section 6.2). ``samples`` and ``probe`` count solutions a question in the pool, and
    in the separate sample that tells difficulty; ``seeds`` is how often each strategy runs on each
    question, greedy once; ``changes`` are settings of all jobs; ``judges`` are further verifiers;
    ``without`` are folders of results whose questions are left out.
    """

    problems: str
    model: str
    strategies: tuple[str, ...] = ()
    budgets: tuple[int, ...] = ()
    samples: int = 0
    probe: int = 0
    seed: int = 0
    seeds: int = 1
    changes: tuple[tuple[str, str], ...] = ()
    judges: tuple[str, ...] = ()
    limit: int | None = None
    question_column: str | None = None
    answer_column: str | None = None
    without: tuple[str, ...] = ()

    def command(self) -> str:
        """The command line that repeats it; DIR stands for any folder."""
        arguments = ["python", "-m", "ttc_explorer", "sweep"]
        option_names = {
            "strategies": "strategy",
            "budgets": "budget",
            "judges": "judge",
            "changes": "set",
        }
        for field, value in asdict(self).items():
            option = f"--{option_names.get(field, field).replace('_', '-')}"
            is_default = value in (None, 0) or (field == "seeds" and value == 1)
            values = value if isinstance(value, tuple) else [] if is_default else [value]
            for each in values:
                arguments += [option, "=".join(each) if isinstance(each, tuple) else str(each)]
        return shlex.join([*arguments, "--out", "DIR"])

    def jobs(self) -> list[SweepJob]:
        """What there is to do, each thing once. Raises BadInput.

        Greedy decoding has no budget and runs once, at 1. Plain best-of-N is not run at all: the
        pool tells about it at every budget (``estimators.py``), so the pool must be large enough.
        """
        if not self.budgets and any(
            strategy_spec not in ("greedy", "best_of_n") for strategy_spec in self.strategies
        ):
            raise BadInput(
                "Say at which budgets the strategies run: --budget 16, as often as you like."
            )
        if min(self.samples, self.probe) < 0:
            raise BadInput("There cannot be less than 0 samples.")
        if self.seeds < 1:
            raise BadInput("Every strategy runs with one seed at least.")
        pools = [
            SweepJob(kind, "best_of_n", count, self._settings("best_of_n", {}))
            for kind, count in (("pool", self.samples), ("probe", self.probe))
            if count
        ]
        runs = [job for strategy_spec in self.strategies for job in self._run_jobs(strategy_spec)]
        if not pools and not runs:
            raise BadInput("There is nothing to do: give --samples, or --strategy and --budget.")
        return list(dict.fromkeys([*pools, *runs]))

    def _run_jobs(self, strategy_spec: str) -> Iterator[SweepJob]:
        name, *pairs = strategy_spec.split() or [""]
        own_settings = dict(_parse_setting(pair) for pair in pairs)
        get_strategy(name)
        chain_grid = own_settings.get("chains") == "grid"
        budgets = [parse_budget(budget) for budget in self.budgets]
        if name == "best_of_n" and not own_settings:
            needed = max(budgets, default=1)
            if needed > self.samples:
                raise BadInput(f"The pool tells about best_of_n: give --samples {needed} or more.")
            return
        for budget in [1] if name == "greedy" else budgets:
            for chains in chain_counts(budget) if chain_grid else [None]:
                changed: dict[str, object] = dict(own_settings)
                if chain_grid:
                    changed["chains"] = chains
                settings = self._settings(name, changed)
                for repeat in range(1 if name == "greedy" else self.seeds):
                    yield SweepJob("run", name, budget, settings, repeat)

    def _settings(
        self, name: str, own_settings: dict[str, object]
    ) -> tuple[tuple[str, object], ...]:
        """The settings that were set and that the strategy reads, and whether equal steps are
        merged (``recorded_settings``: no word of it means no). Where no step is set it is the
        model's own: an arm of a table means the same ever after, whatever is measured to be best.
        Raises BadInput."""
        entry = get_strategy(name)
        known_settings = (*entry.settings, *["checks"] * (entry.verifier != "nothing"))
        for key in own_settings:
            if key not in known_settings:
                raise BadInput(
                    f"{name} has no setting '{key[:40]}': choose from {', '.join(known_settings)}."
                )
        for key, _ in self.changes:
            if key in EXCLUDED_SETTINGS:
                raise BadInput(f"Leave {key} out: a sweep counts every run by all of them.")
        values = {**dict(self.changes), **own_settings}
        settings = Settings().with_values(values)
        told = values.keys() - {"merge"} | ({"merge"} if settings.merge else set())
        if settings.step in (MEASURED, OWN):
            told.discard("step")
        return tuple((key, getattr(settings, key)) for key in sorted(told) if key in known_settings)

    def tasks(self, questions: int) -> list[SweepTask]:
        """All of its tasks on so many questions, in their order."""
        found = []
        for number, job in enumerate(self.jobs()):
            for first in range(0, questions, job.questions_per_task):
                block = tuple(range(first, min(first + job.questions_per_task, questions)))
                found.append(SweepTask(f"{number:03}-{first:06}", job, block))
        return found

    def run_seed(self, question: int, stream: str) -> int:
        """The seed of a run. All strategies and budgets share one a question, so that they begin
        alike and differ by what they do (common random numbers); each part of the pool and the
        probe has its own.
        """
        digest = hashlib.sha256(f"{self.seed}/{question}/{stream}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % (MAX_SEED + 1)


def chain_counts(budget: int) -> list[int]:
    """Numbers of chains from 1 (all sequential) to N (all parallel), in factor-4 steps.

    >>> chain_counts(64), chain_counts(8)
    ([1, 4, 16, 64], [1, 4, 8])
    """
    steps = [1]
    while steps[-1] * 4 < budget:
        steps.append(steps[-1] * 4)
    return sorted({*steps, budget})


def _parse_setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise BadInput(f"Write a strategy as 'NAME KEY=VALUE': '{text[:40]}' has no equals sign.")
    return key, value
