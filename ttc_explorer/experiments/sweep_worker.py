"""What one worker of a sweep does: it loads the models once, and then works through tasks."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter

import torch

from ttc_explorer.experiments.compute_optimal_policy import Policy
from ttc_explorer.experiments.result_rows import (
    Rows,
    TimedRun,
    attempt_rows,
    failure_row,
    pool_rows,
    run_row,
)
from ttc_explorer.experiments.solver import Solver
from ttc_explorer.experiments.sweep_jobs import SweepJob, SweepPlan, SweepTask
from ttc_explorer.extensions import load_extensions
from ttc_explorer.models import catalogue
from ttc_explorer.models.devices import thread_count
from ttc_explorer.models.flops import known_attention_width
from ttc_explorer.models.protocol import ModelError, Verifier
from ttc_explorer.problems.problem import BadInput, Problem
from ttc_explorer.search.driver import Driver, check_run
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import recorded_settings


@dataclass(frozen=True)
class WorkerSetup:
    """What a worker must know before its first task: the plan, the problems, how many workers share
    the machine's cores, the ``policy`` that ``auto`` follows, and how many ``seconds`` a job may
    take on a question, as many as it needs if that is None."""

    plan: SweepPlan
    problems: tuple[Problem, ...]
    workers_per_machine: int = 1
    policy: Policy | None = None
    seconds: float | None = None


class SweepWorker:
    """Loads the models with its first work, so that what is wrong with them is said where it is
    asked."""

    def __init__(self, setup: WorkerSetup) -> None:
        load_extensions()  # in a process of its own nobody has yet
        self._plan, self._problems, self._workers_per_machine = (
            setup.plan,
            setup.problems,
            setup.workers_per_machine,
        )
        self._policy, self._time_limit = setup.policy, setup.seconds

    @cached_property
    def _solver(self) -> Solver:
        solver = Solver(self._plan.model, policy=self._policy)
        max_threads = max(1, (os.cpu_count() or 1) // self._workers_per_machine)
        torch.set_num_threads(min(thread_count(solver.generator.parameters), max_threads))
        return solver

    @cached_property
    def _judges(self) -> list[Verifier]:
        return [catalogue.load_verifier(name) for name in self._plan.judges]

    @cached_property
    def _driver(self) -> Driver:
        return self._solver.driver()

    def about(self, jobs: Sequence[SweepJob]) -> dict[str, object]:
        """Names and fingerprints of the models that work here. Raises BadInput or ModelError if the
        models cannot do one of the jobs."""
        generator, verifier = self._solver.generator, self._solver.verifier
        reviser, revision_verifier = self._solver.reviser, self._solver.revision_verifier
        for job in jobs:
            check_run(self._run(job, 0, job.budgets()[0], "check"), self._solver.facts)
        if self._policy and not self._policy.matches_models(generator, verifier):
            raise BadInput(
                "The policy that auto follows was measured on other models: leave auto out, or "
                "make a policy "
                "for these with the command policy."
            )
        models = (generator, verifier, reviser, revision_verifier, *self._judges)
        model_names = [each.name if each else None for each in models]
        return {
            "model": generator.name,
            "parameters": generator.parameters,
            "attention_width": known_attention_width(generator),
            "verifier": verifier and verifier.name,
            "verifier_parameters": verifier and verifier.parameters,
            "verifier_attention_width": verifier and known_attention_width(verifier),
            "reviser": reviser and reviser.name,
            "revision_verifier": revision_verifier and revision_verifier.name,
            "judges": [judge.name for judge in self._judges],
            "weights": catalogue.fingerprints(model_names),
            "policy": self._policy and self._policy.fingerprint,
        }

    def execute(self, task: SweepTask) -> dict[str, Rows]:
        """The rows of each table, ``failures`` among them, that come of the task."""
        job = task.job
        runs = [
            (question, self._run(job, question, budget, job.stream.format(number)))
            for question in task.questions
            for number, budget in enumerate(job.budgets())
        ]
        seconds = self._drive([run for _, run in runs], len(task.questions))
        tables: dict[str, Rows] = {}
        for question in task.questions:
            question_runs = [
                TimedRun(run, run_seconds)
                for (run_question, run), run_seconds in zip(runs, seconds, strict=True)
                if run_question == question
            ]
            try:
                rows = self._result_rows(job, question, question_runs)
            except (BadInput, ModelError) as error:
                rows = {"failures": [failure_row(question, job, str(error))]}
            for name, new_rows in rows.items():
                tables.setdefault(name, []).extend(new_rows)
        return tables

    def close(self) -> None:
        """End the process that compares formulas."""
        if "_solver" in vars(self):  # it has been loaded
            self._solver.close()

    def _run(self, job: SweepJob, question: int, budget: int, stream: str) -> Run:
        return self._solver.run(
            self._problems[question],
            job.strategy,
            budget,
            self._plan.run_seed(question, stream),
            recorded_settings(dict(job.settings), self._solver.settings()),
        )

    def _drive(self, runs: Sequence[Run], questions: int) -> list[float]:
        """Run the searches on so many questions until they finish. Returns how many seconds of the
        machine each took: those of a round are shared in proportion to the FLOPs that each run was
        charged in it. A run that takes more than it may is ended, and so are all when together they
        do."""
        limit = math.inf if self._time_limit is None else self._time_limit
        for run in runs:
            self._driver.add(run, None if self._time_limit is None else limit * questions)
        seconds, unfinished = [0.0] * len(runs), True
        while unfinished:
            flops_before, started = [run.ledger.flops for run in runs], perf_counter()
            unfinished = self._driver.tick()
            elapsed = perf_counter() - started
            flops_charged = [
                run.ledger.flops - flops for run, flops in zip(runs, flops_before, strict=True)
            ]
            for number, flops in enumerate(flops_charged):
                seconds[number] += elapsed * flops / (sum(flops_charged) or 1)
                if seconds[number] > limit:
                    self._driver.cancel(runs[number])
        return seconds

    def _result_rows(self, job: SweepJob, question: int, timed: list[TimedRun]) -> dict[str, Rows]:
        for run, _ in timed:
            lost = next((note.text for note in run.tree.notes if "lost" in note.data), "")
            if run.error or lost:  # a call that failed is no wrong answer
                raise ModelError(run.error or lost)
            if run.stopped in ("cancelled", "deadline") and self._time_limit is not None:
                raise BadInput(
                    f"It took longer than {self._time_limit / 60:g} minutes, and is left out."
                )
        if job.kind != "run":
            checker = self._solver.make_checker(self._problems[question])
            return {
                job.kind: pool_rows(
                    question, timed, checker, self._judges, lines=job.kind == "probe"
                )
            }
        tables = {"runs": [run_row(question, job, timed[0])]}
        if job.strategy == "revise":
            tables["attempts"] = attempt_rows(question, timed[0].run, self._judges)
        return tables
