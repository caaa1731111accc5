"""One object that assembles the parts: generator, verifier, reviser, answer checker and policy.

The app, the command line, the workers of a sweep and the Python API all make their runs and their
drivers here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, Self

from ttc_explorer.asset_files import POLICY_FILE
from ttc_explorer.experiments.progress_watch import watch_progress
from ttc_explorer.extensions import load_extensions
from ttc_explorer.models.hub import OnProgress, no_progress
from ttc_explorer.models.protocol import (
    Generator,
    ModelError,
    Reviser,
    RevisionVerifier,
    Verifier,
)
from ttc_explorer.problems.answer_checker import CheckerFactory
from ttc_explorer.problems.grading import Grader, make_answer_checker
from ttc_explorer.problems.problem import BadInput, Problem, typed_problem
from ttc_explorer.search.driver import Driver, no_policy
from ttc_explorer.search.executor import PolicyFunction
from ttc_explorer.search.model_facts import ModelFacts
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings, parse_budget


class PolicySource(Protocol):
    """What ``auto`` can follow: a measured policy, or one that learns from outcomes."""

    def decision_function(self, generator: Generator, verifier: Verifier | None) -> PolicyFunction:
        """The decisions for these models; ``no_policy`` where it was measured on others."""
        ...


class Solver:
    """Models that are ready to solve problems, and everything that a run of them needs.

    Args:
        model: What to solve with, named as on the command line: ``GENERATOR`` or
            ``GENERATOR+VERIFIER``, each a shipped model, a preset, a folder, a Hugging Face name or
            the address of a server. None stands for the shipped models.
        verifier: The verifier, where ``model`` names none.
        policy: What the strategy ``auto`` follows, or the file of it; the shipped policy by
            default, which holds for the models that it was measured on and no others.
        on_progress: Called with one line about the progress of a download.

    Raises:
        ModelError: The models cannot be had or cannot be used here.
        BadInput: The policy file cannot be read.

    Attributes:
        name: The name of the models; None if they were handed over (``from_models``).
        facts: What the models are and can do, as plain data.
    """

    def __init__(
        self,
        model: str | None = None,
        verifier: str | None = None,
        *,
        policy: PolicySource | Path | None = POLICY_FILE,
        on_progress: OnProgress = no_progress,
    ) -> None:
        from ttc_explorer.models import catalogue  # imports torch, long after a page is open

        name = model or catalogue.DEFAULT_GENERATOR
        if verifier is not None:
            if "+" in name:
                raise BadInput("Name the verifier once: after the plus sign, or by itself.")
            name = f"{name}+{verifier}"
        models = catalogue.load_models(name, on_progress)
        self._assemble(
            *models[:4], make_checker=None, policy=policy, verifier_note=models.verifier_note
        )
        self.name: str | None = name

    @classmethod
    def from_models(
        cls,
        generator: Generator,
        verifier: Verifier | None = None,
        reviser: Reviser | None = None,
        revision_verifier: RevisionVerifier | None = None,
        *,
        make_checker: CheckerFactory | None = None,
        policy: PolicySource | Path | None = None,
    ) -> Self:
        """A solver of models that are in memory already.

        Args:
            generator: Writes the solutions.
            verifier: Scores their steps, if there is one.
            reviser: Writes revisions, if there is one.
            revision_verifier: Scores revisions; ``verifier`` does where there is none.
            make_checker: Makes the answer checker of a problem; by default that of its family, or
                else the grader.
            policy: What ``auto`` follows.
        """
        solver = cls.__new__(cls)
        solver._assemble(
            generator,
            verifier,
            reviser,
            revision_verifier,
            make_checker=make_checker,
            policy=policy,
        )
        solver.name = None
        return solver

    def _assemble(
        self,
        generator: Generator,
        verifier: Verifier | None,
        reviser: Reviser | None,
        revision_verifier: RevisionVerifier | None,
        *,
        make_checker: CheckerFactory | None,
        policy: PolicySource | Path | None,
        verifier_note: str = "",
    ) -> None:
        load_extensions()
        self.generator = generator
        self.verifier = verifier
        self.reviser = reviser
        self.revision_verifier = revision_verifier
        facts = ModelFacts.of(generator, verifier, reviser)
        self.facts = replace(facts, verifier_note=verifier_note)
        self._grader = Grader()  # its process starts with the first formula
        self.make_checker = make_checker or partial(make_answer_checker, grader=self._grader)
        self.decide = _decision_function(policy, generator, verifier)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process that compares formulas. A later formula starts another."""
        self._grader.close()

    @property
    def model_name(self) -> str:
        """The generator's name."""
        return self.generator.name

    @property
    def verifier_name(self) -> str | None:
        """The verifier's name, None without one."""
        return self.verifier.name if self.verifier is not None else None

    @property
    def default_selector(self) -> str:
        """``weighted`` where there is a verifier, ``majority`` where there is none."""
        return self.facts.default_selector

    def settings(self, **values: Any) -> Settings:
        """The default settings for these models, with ``values`` in their place. Raises
        BadInput."""
        return Settings(selector=self.default_selector).with_values(values)

    def run(
        self,
        problem: Problem,
        strategy: str | None = None,
        budget: int = 16,
        seed: int = 0,
        settings: Settings | None = None,
    ) -> Run:
        """A run of these models that nobody has started: hand it to a driver or a run service."""
        return self.facts.run(problem, strategy, budget, seed, settings)

    def driver(self) -> Driver:
        """A new driver of these models: it batches the runs that it is given."""
        return Driver(
            self.generator,
            self.verifier,
            self.make_checker,
            reviser=self.reviser,
            revision_verifier=self.revision_verifier,
            decide=self.decide,
        )

    def drive(
        self,
        runs: Sequence[Run],
        seconds: float | None = None,
        on_round: Callable[[], None] = lambda: None,
        on_progress: Callable[[], None] | None = None,
    ) -> None:
        """Drive runs to their ends, together in shared batches.

        Args:
            runs: From ``run``.
            seconds: When to end them at the latest, from now.
            on_round: Called after each round.
            on_progress: Called every second, on another thread, with ``Run.progress`` up to date;
                None where nobody looks.

        Raises:
            BadInput: A run cannot be started as it is described.
            ModelError: A model failed.
        """
        from ttc_explorer.models.devices import torch_threads

        driver = self.driver()
        for run in runs:
            driver.add(run, seconds, is_watched=on_progress is not None)
        watch: AbstractContextManager[None] = nullcontext()
        if on_progress:
            watch = watch_progress(driver, runs, on_progress)
        with torch_threads(self.generator.parameters), watch:
            while driver.tick():
                on_round()
        for run in runs:
            if run.error:
                raise ModelError(run.error)

    def solve(
        self,
        problem: str | Problem,
        *,
        answer: str | None = None,
        strategy: str | None = None,
        budget: int = 16,
        seed: int = 0,
        selector: str | None = None,
        seconds: float | None = None,
        **settings: Any,
    ) -> Run:
        """Solve one problem by test-time search.

        Args:
            problem: The question in plain text, or a Problem.
            answer: The right answer, if it is known; the models never see it.
            strategy: What spends the budget, by its name; by default beam search where there is a
                verifier, best-of-N where there is none.
            budget: How many solutions or beams to spend.
            seed: The same seed gives the same run.
            selector: What chooses among the answers; by default ``weighted`` where there is a
                verifier, else ``majority``.
            seconds: When to end the search at the latest, from now.
            **settings: Further settings by their names, such as ``temperature=0.7``.

        Returns:
            The finished run.

        Raises:
            BadInput: Something that was asked for is impossible; one sentence says what.
            ModelError: A model failed.
        """
        if selector is not None:
            settings["selector"] = selector
        asked = problem if isinstance(problem, Problem) else typed_problem(problem, answer)
        run = self.run(asked, strategy, parse_budget(budget), seed, self.settings(**settings))
        self.drive([run], seconds)
        return run

    def sweep(
        self,
        problems: str,
        out: Path | str,
        *,
        strategies: Iterable[str] = (),
        budgets: Iterable[int] = (),
        samples: int = 0,
        probe: int = 0,
        seed: int = 0,
        workers: int | None = None,
        resume: bool = False,
    ) -> dict[str, int]:
        """Run strategies on many problems and write tables, as the command ``sweep`` does.

        Args:
            problems: ``families:COUNT``, a known data set, or a file.
            out: The folder of the tables.
            strategies: ``NAME`` or ``NAME KEY=VALUE …`` each.
            budgets: Each strategy runs at each of them.
            samples: Solutions a question in the pool, from which best-of-N is estimated.
            probe: Further solutions a question, to tell its difficulty by.
            seed: The same seed gives the same tables.
            workers: Processes that share the work, one by default.
            resume: Go on where an earlier call was stopped.

        Returns:
            The number of rows of each table.

        Raises:
            BadInput: Nothing can be done; one sentence says why.
        """
        from ttc_explorer.experiments.sweep import sweep
        from ttc_explorer.experiments.sweep_jobs import SweepPlan

        if self.name is None:
            raise BadInput("A sweep's workers load models by their name: make the solver by one.")
        plan = SweepPlan(
            problems=problems,
            model=self.name,
            strategies=tuple(strategies),
            budgets=tuple(budgets),
            samples=samples,
            probe=probe,
            seed=seed,
        )
        return sweep(plan, Path(out), resume, workers, policy=POLICY_FILE)


def _decision_function(
    policy: PolicySource | Path | None, generator: Generator, verifier: Verifier | None
) -> PolicyFunction:
    if isinstance(policy, Path):
        from ttc_explorer.experiments.compute_optimal_policy import load_policy

        policy = load_policy(policy)
    return policy.decision_function(generator, verifier) if policy is not None else no_policy
