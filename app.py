"""Composes the application and launches it: ``python app.py``."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from functools import partial
from pathlib import Path

from ttc_explorer.experiments.compute_optimal_policy import load_policy
from ttc_explorer.models.hub import OnProgress, no_progress
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import Driver, no_policy
from ttc_explorer.search.trace import load_trace as load_trace
from ttc_explorer.serving import zerogpu  # before anything that imports torch
from ttc_explorer.serving.limits import Limits, limits_from_environment
from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.serving.outcome_learner import OutcomeLearner, open_outcomes
from ttc_explorer.serving.run_service import RunService
from ttc_explorer.ui.pages import build_app
from ttc_explorer.ui.theme import launch_options

ASSETS = Path(__file__).parent / "assets"
OPENING_TRACE = ASSETS / "recorded" / "opening.json.gz"
POLICY_FILE = ASSETS / "experiments" / "policy.json"


def make_driver(
    learner: OutcomeLearner | None = None,
    name: str | None = None,
    on_progress: OnProgress = no_progress,
) -> Driver:
    """The models of a name, or the shipped ones, and the grader; torch is imported here, long after
    the page is open."""
    from ttc_explorer.models import catalogue
    from ttc_explorer.problems.grading import Grader, make_answer_checker

    models, grader = (
        catalogue.load_models(name or catalogue.DEFAULT_GENERATOR, on_progress),
        Grader(),
    )
    return Driver(
        models.generator,
        models.verifier,
        partial(make_answer_checker, grader=grader),
        reviser=models.reviser,
        revision_verifier=models.revision_verifier,
        decide=learner.decision_function(models.generator, models.verifier)
        if learner
        else no_policy,
    )


def unload_models_except(names: Collection[str]) -> None:
    """Unload all models but those of these names."""
    from ttc_explorer.models import catalogue

    catalogue.unload_models(names)


def make_service(
    driver: Driver, name: str | None, limits: Limits
) -> RunService | zerogpu.ZeroGPUService:
    """The service of these models: here, or on allocated GPUs where there are such and they run on
    a GPU."""
    from ttc_explorer.models.model_description import describe

    if zerogpu.ENABLED and name and describe(name).generator.source in ("folder", "Hugging Face"):
        return zerogpu.ZeroGPUService(driver, ZEROGPU_SEARCH, name, limits)
    return RunService(driver, limits)


ZEROGPU_SEARCH = zerogpu.make_search_function(partial(make_driver, None))


def main() -> None:
    opening = load_trace(OPENING_TRACE.read_bytes()) if OPENING_TRACE.exists() else None
    policy = load_policy(POLICY_FILE)
    limits = limits_from_environment()
    learner = (
        OutcomeLearner(policy, open_outcomes(limits.public), limits.public) if policy else None
    )
    model_manager = ModelManager(
        partial(make_driver, learner),
        learner,
        limits,
        make_service,
        os.environ.get("TTC_MODEL"),
        unload_models_except,
    )
    app = build_app(model_manager, opening)
    if (
        zerogpu.ENABLED
    ):  # what is on the GPU before the launch need not be moved there with every allocation
        model_manager.wait()
    app.launch(max_file_size=f"{limits.upload}mb", **launch_options())


if __name__ == "__main__":
    try:
        main()
    except BadInput as error:  # a variable or a file that cannot be read
        print(error, file=sys.stderr)
        sys.exit(2)
