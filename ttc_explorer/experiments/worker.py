"""What one worker of a sweep does: it loads the models once, and then works through tasks."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from time import perf_counter

import torch

from ttc_explorer.experiments.jobs import Job, Plan, Task
from ttc_explorer.experiments.policy import Policy
from ttc_explorer.experiments.records import Rows, Solved, attempt_rows, failure_row, pool_rows, run_row
from ttc_explorer.models import catalogue
from ttc_explorer.models.protocol import ModelError, Verifier
from ttc_explorer.problems.exam import Exam
from ttc_explorer.problems.grading import Grader, examine
from ttc_explorer.problems.problem import BadInput, Problem
from ttc_explorer.search.driver import Driver, check, no_policy
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings


@dataclass(frozen=True)
class Setup:
    """What a worker must know before its first task: the plan, the problems, how many workers share the
    machine's cores, the ``policy`` that ``auto`` follows, and how many ``seconds`` a job may take on a
    question, as many as it needs if that is None."""

    plan: Plan
    problems: tuple[Problem, ...]
    sharing: int = 1
    policy: Policy | None = None
    seconds: float | None = None


class Worker:
    """Loads the models with its first work, so that what is wrong with them is said where it is asked."""

    def __init__(self, setup: Setup) -> None:
        self._plan, self._problems, self._sharing = setup.plan, setup.problems, setup.sharing
        self._policy, self._limit = setup.policy, setup.seconds
        self._grader = Grader()

    @cached_property
    def _models(self) -> catalogue.Models:
        models = catalogue.load(self._plan.model)
        most = max(1, (os.cpu_count() or 1) // self._sharing)
        torch.set_num_threads(min(torch.get_num_threads(), most))
        return models

    @cached_property
    def _judges(self) -> list[Verifier]:
        return [catalogue.load_verifier(name) for name in self._plan.judges]

    @cached_property
    def _driver(self) -> Driver:
        generator, verifier, reviser, revision_verifier = self._models
        examined = partial(examine, grader=self._grader)
        return Driver(
            generator,
            verifier,
            examined,
            reviser=reviser,
            revision_verifier=revision_verifier,
            advise=self._policy.advise if self._policy else no_policy,
        )

    def about(self, jobs: Sequence[Job]) -> dict[str, object]:
        """Who works here. Raises BadInput or ModelError if the models cannot do one of the jobs."""
        generator, verifier, reviser, revision_verifier = self._models
        for job in jobs:
            check(self._run(job, 0, job.budgets()[0], "check"), generator, verifier, reviser)
        if self._policy and not self._policy.measured_on(generator, verifier):
            raise BadInput(
                "The policy that auto follows was measured on other models: leave auto out, or make a policy "
                "for these with the command policy."
            )
        named = [each and each.name for each in (*self._models, *self._judges)]
        return {
            "model": generator.name,
            "parameters": generator.parameters,
            "verifier": verifier and verifier.name,
            "verifier_parameters": verifier and verifier.parameters,
            "reviser": reviser and reviser.name,
            "revision_verifier": revision_verifier and revision_verifier.name,
            "judges": [judge.name for judge in self._judges],
            "weights": catalogue.fingerprints(named),
            "policy": self._policy and self._policy.fingerprint,
        }

    def do(self, task: Task) -> dict[str, Rows]:
        """The rows of each table, ``failures`` among them, that come of the task."""
        job = task.job
        streams = {"pool": "pool {}", "probe": "probe {}", "run": "runs"}
        runs = [
            (question, self._run(job, question, budget, streams[job.kind].format(number)))
            for question in task.questions
            for number, budget in enumerate(job.budgets())
        ]
        seconds = self._play([run for _, run in runs], len(task.questions))
        tables: dict[str, Rows] = {}
        for question in task.questions:
            mine = [
                Solved(run, spent)
                for (asked, run), spent in zip(runs, seconds, strict=True)
                if asked == question
            ]
            try:
                rows = self._rows(job, question, mine)
            except (BadInput, ModelError) as error:
                rows = {"failures": [failure_row(question, job, str(error))]}
            for name, new in rows.items():
                tables.setdefault(name, []).extend(new)
        return tables

    def close(self) -> None:
        """End the process that compares formulas."""
        self._grader.close()

    def _run(self, job: Job, question: int, budget: int, stream: str) -> Run:
        generator, verifier, *_ = self._models
        settings = Settings(selector="weighted" if verifier else "majority").updated(dict(job.settings))
        return Run(
            self._problems[question],
            generator.name,
            verifier.name if verifier else None,
            job.strategy,
            budget,
            self._plan.seed_of(question, stream),
            settings,
        )

    def _play(self, runs: Sequence[Run], questions: int) -> list[float]:
        """Drive the runs on so many questions to their ends. Returns how many seconds of the machine each
        took: those of a round are shared in proportion to the FLOPs that each run was charged in it. A run
        that takes more than it may is ended, and so are all when together they do."""
        limit = math.inf if self._limit is None else self._limit
        for run in runs:
            self._driver.add(run, None if self._limit is None else limit * questions)
        seconds, going = [0.0] * len(runs), True
        while going:
            before, since = [run.ledger.flops for run in runs], perf_counter()
            going = self._driver.tick()
            passed = perf_counter() - since
            charged = [run.ledger.flops - flops for run, flops in zip(runs, before, strict=True)]
            for number, flops in enumerate(charged):
                seconds[number] += passed * flops / (sum(charged) or 1)
                if seconds[number] > limit:
                    self._driver.cancel(runs[number])
        return seconds

    def _rows(self, job: Job, question: int, solved: list[Solved]) -> dict[str, Rows]:
        for run, _ in solved:
            if run.error:
                raise ModelError(run.error)
            if run.stopped in ("cancelled", "deadline"):
                raise BadInput(f"It took longer than {self._limit / 60:g} minutes, and is left out.")
        if job.kind != "run":
            exam: Exam = examine(self._problems[question], self._grader)
            return {job.kind: pool_rows(question, solved, exam, self._judges, lines=job.kind == "probe")}
        tables = {"runs": [run_row(question, job, solved[0])]}
        if job.strategy == "revise":
            tables["attempts"] = attempt_rows(question, solved[0].run, self._judges)
        return tables
