"""Runs strategies and samples pools on many problems, into a folder of tables, from where every curve comes.

The folder (Parquet; ``question`` is the row number in problems): ``problems``, ``pool``, ``probe``, ``runs``,
``attempts``, ``failures`` (each absent if it would be empty), and ``about.json``. What the rows are:
``records.py``.
"""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ttc_explorer.experiments.jobs import Job, Plan
from ttc_explorer.experiments.parts import Parts
from ttc_explorer.experiments.policy import Policy, load_policy
from ttc_explorer.experiments.ray_workers import RayWorkers
from ttc_explorer.experiments.results import VERSION
from ttc_explorer.experiments.worker import Setup
from ttc_explorer.experiments.workers import Here, Processes, Workers
from ttc_explorer.problems.datasets import find_problems
from ttc_explorer.problems.problem import BadInput, Problem
from ttc_explorer.progress import Counted


def sweep(
    plan: Plan,
    out: Path,
    resume: bool = False,
    workers: int | None = None,
    ray: str | None = None,
    policy: Path | None = None,
    minutes: float | None = None,
) -> dict[str, int]:
    """Do what is planned and not done yet, and write the tables. Returns the number of rows of each.

    ``workers`` processes share the work, one if it is None; with ``ray``, the address of a cluster, so many
    actors there. The tables are the same whoever works. ``auto`` follows the file ``policy``. A question on
    which a job fails, or takes more than so many ``minutes``, is left out and listed in ``failures``. Raises
    BadInput or ModelError where nothing can be done.
    """
    jobs = plan.jobs()
    problems = asked(plan)
    tasks = plan.tasks(len(problems))
    parts = Parts(out, plan.command(), problems, resume)
    if parts.finished:
        return {}
    advice = _advice(jobs, problems, policy)
    if parts.about is not None and parts.about.get("policy") != (advice and advice.fingerprint):
        raise BadInput(f"{out} was begun with another policy for auto: choose another folder.")
    seconds = None if minutes is None else 60 * minutes
    setup = Setup(plan, tuple(problems), workers or 1, advice, seconds)
    team = _hired(setup, workers, ray)
    try:
        if parts.about is None:
            parts.begin(_origin(plan) | team.about(jobs))
        left = parts.left(tasks)
        done = sum(task.solutions for task in tasks) - sum(task.solutions for task in left)
        with Counted("solutions", sum(task.solutions for task in tasks), done) as progress:
            for task, tables in team.do(left):
                parts.keep(task, tables)
                done += task.solutions
                progress.done(done, task.job.strategy)
    finally:
        team.close()
    return parts.finish(tasks)


def asked(plan: Plan) -> list[Problem]:
    """The problems of the plan. Raises BadInput, also when one has no reference answer to be measured by."""
    found = find_problems(plan.problems, plan.question_column, plan.answer_column, plan.seed)[: plan.limit]
    for number, problem in enumerate(found, start=1):
        if problem.answer is None:
            raise BadInput(
                f"Problem {number} of {plan.problems} has no answer to measure by: name the column of "
                "answers with --answer-column, or leave it out."
            )
    return found


def _advice(jobs: list[Job], problems: list[Problem], file: Path | None) -> Policy | None:
    """The policy that auto follows, if it is among the jobs. Raises BadInput if there is none, or if it was
    chosen on one of these questions, on which it would look better than it is."""
    if not any(job.strategy == "auto" for job in jobs):
        return None
    found = load_policy(file) if file else None
    if found is None:
        raise BadInput("auto has no policy to follow: make one with the command policy, or leave auto out.")
    if seen := found.chosen_on(problem.text for problem in problems):
        raise BadInput(
            f"The policy that auto follows was chosen on {seen:,} of these questions: sweep auto on others, "
            "another --seed for one."
        )
    return found


def _hired(setup: Setup, workers: int | None, ray: str | None) -> Workers:
    if ray is not None:
        return RayWorkers(replace(setup, sharing=1), ray, workers)
    if workers is None or workers == 1:
        return Here(setup)
    return Processes(setup, workers)


def _origin(plan: Plan) -> dict[str, object]:
    """Where the numbers come from: what repeats them, the commit of this code (None outside of a repository),
    and the day."""
    git = ["git", "rev-parse", "HEAD"]
    try:
        commit = subprocess.run(git, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        commit = None
    return {
        "version": VERSION,
        "command": plan.command(),
        "seed": plan.seed,
        "commit": commit and commit.stdout.strip(),
        "date": datetime.now(UTC).date().isoformat(),
    }
