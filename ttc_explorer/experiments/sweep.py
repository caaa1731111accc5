"""Runs strategies and samples pools on many problems, into a folder of tables, from where every
curve comes.

The folder (Parquet; ``question`` is the row number in problems): ``problems``, ``pool``, ``probe``,
``runs``, ``attempts``, ``failures`` (each absent if it would be empty), and ``about.json``. What
the rows are: ``result_rows.py``.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ttc_explorer.experiments.compute_optimal_policy import Policy, load_policy
from ttc_explorer.experiments.ray_worker_pool import RayPool
from ttc_explorer.experiments.result_tables import RESULTS_VERSION, Results
from ttc_explorer.experiments.sweep_checkpoint import SweepCheckpoint
from ttc_explorer.experiments.sweep_jobs import SweepJob, SweepPlan
from ttc_explorer.experiments.sweep_worker import WorkerSetup
from ttc_explorer.experiments.worker_pool import InProcessPool, ProcessPool, WorkerPool
from ttc_explorer.problems.datasets import resolve_problems
from ttc_explorer.problems.problem import BadInput, Problem
from ttc_explorer.progress_reporting import CountedProgress


def sweep(
    plan: SweepPlan,
    out: Path,
    resume: bool = False,
    workers: int | None = None,
    ray: str | None = None,
    policy: Path | None = None,
    minutes: float | None = None,
    report: Callable[[str], object] = lambda _: None,
) -> dict[str, int]:
    """Do what is planned and not done yet, and write the tables. Returns the number of rows of
    each.

    ``workers`` processes share the work, one if it is None; with ``ray``, the address of a cluster,
    so many actors there. The tables are the same whoever works. ``auto`` follows the file
    ``policy``. A question on which a job fails, or takes more than so many ``minutes``, is left out
    and listed in ``failures``. ``report`` gets a sentence if rows of the problems' file were left
    out as too long. Raises BadInput or ModelError where nothing can be done.
    """
    jobs = plan.jobs()
    problems = load_sweep_problems(plan, report)
    tasks = plan.tasks(len(problems))
    checkpoint = SweepCheckpoint(out, plan.command(), problems, resume)
    if checkpoint.finished:
        return {}
    auto_policy = _load_policy_for_auto(jobs, problems, policy)
    if checkpoint.about is not None and checkpoint.about.get("policy") != (
        auto_policy and auto_policy.fingerprint
    ):
        raise BadInput(f"{out} was begun with another policy for auto: choose another folder.")
    seconds = None if minutes is None else 60 * minutes
    setup = WorkerSetup(plan, tuple(problems), workers or 1, auto_policy, seconds)
    worker_pool = _start_workers(setup, workers, ray)
    try:
        if checkpoint.about is None:
            checkpoint.start(_provenance(plan) | worker_pool.about(jobs))
        remaining = checkpoint.remaining(tasks)
        done = sum(task.solutions for task in tasks) - sum(task.solutions for task in remaining)
        with CountedProgress("solutions", sum(task.solutions for task in tasks), done) as progress:
            for task, tables in worker_pool.execute(remaining):
                checkpoint.save_task(task, tables)
                done += task.solutions
                progress.done(done, task.job.strategy)
    finally:
        worker_pool.close()
    return checkpoint.finish(tasks)


def load_sweep_problems(
    plan: SweepPlan, report: Callable[[str], object] = lambda _: None
) -> list[Problem]:
    """The problems of the plan. Raises BadInput, also when one has no reference answer to be
    measured by."""
    found = _without_known_questions(plan, report)[: plan.limit]
    for number, problem in enumerate(found, start=1):
        if problem.answer is None:
            raise BadInput(
                f"Problem {number} of {plan.problems} has no answer to measure by: name the "
                "column of "
                "answers with --answer-column, or leave it out."
            )
    return found


def _without_known_questions(plan: SweepPlan, report: Callable[[str], object]) -> list[Problem]:
    """The problems, without those of the results in the folders ``plan.without``. Of the families
    of problems others take their place, as many as were asked for."""
    columns = plan.question_column, plan.answer_column
    known = {
        str(text).strip()
        for folder in plan.without
        for text in Results.load(Path(folder)).problems["text"]
    }
    spec, count = plan.problems, None
    kind, _, rest = spec.partition(":")
    if known and kind == "families" and rest.isdecimal():
        spec, count = f"families:{int(rest) + len(known)}", int(rest)
    found = resolve_problems(spec, *columns, plan.seed, report)
    return [problem for problem in found if problem.text.strip() not in known][:count]


def _load_policy_for_auto(
    jobs: list[SweepJob], problems: list[Problem], file: Path | None
) -> Policy | None:
    """The policy that auto follows, if it is among the jobs. Raises BadInput if there is none, or
    if it was chosen on one of these questions, on which it would look better than it is."""
    if not any(job.strategy == "auto" for job in jobs):
        return None
    found = load_policy(file) if file else None
    if found is None:
        raise BadInput(
            "auto has no policy to follow: make one with the command policy, or leave auto out."
        )
    if overlap := found.overlap_with(problem.text for problem in problems):
        raise BadInput(
            f"The policy that auto follows was chosen on {overlap:,} of these questions: sweep "
            "auto on others, "
            "another --seed for one."
        )
    return found


def _start_workers(setup: WorkerSetup, workers: int | None, ray: str | None) -> WorkerPool:
    if ray is not None:
        return RayPool(replace(setup, workers_per_machine=1), ray, workers)
    if workers is None or workers == 1:
        return InProcessPool(setup)
    return ProcessPool(setup, workers)


def _provenance(plan: SweepPlan) -> dict[str, object]:
    """Where the numbers come from: what repeats them, the commit of this code (None outside of a
    repository), and the day."""
    git = ["git", "rev-parse", "HEAD"]
    try:
        commit = subprocess.run(
            git, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        commit = None
    return {
        "version": RESULTS_VERSION,
        "command": plan.command(),
        "seed": plan.seed,
        "commit": commit and commit.stdout.strip(),
        "date": datetime.now(UTC).date().isoformat(),
    }
