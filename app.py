"""Composes the application and launches it: ``python app.py``."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from functools import partial
from pathlib import Path

from ttc_explorer import zero  # before anything that imports torch
from ttc_explorer.experiments.policy import load_policy
from ttc_explorer.models.hub import Tell, silent
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.public import Rules, rules
from ttc_explorer.search.driver import Driver, no_policy
from ttc_explorer.search.trace import load as load_trace
from ttc_explorer.service import Service
from ttc_explorer.ui.engine import Engine
from ttc_explorer.ui.learner import Learner, kept
from ttc_explorer.ui.pages import build_app
from ttc_explorer.ui.theme import looks

ASSETS = Path(__file__).parent / "assets"
OPENING = ASSETS / "recorded" / "opening.json.gz"
POLICY = ASSETS / "experiments" / "policy.json"


def drive(learner: Learner | None = None, name: str | None = None, tell: Tell = silent) -> Driver:
    """The models of a name, or the shipped ones, and the grader; torch is imported here, long after the page
    is open."""
    from ttc_explorer.models import catalogue
    from ttc_explorer.problems.grading import Grader, examine

    models, grader = catalogue.load(name or catalogue.DEFAULT, tell), Grader()
    return Driver(
        models.generator,
        models.verifier,
        partial(examine, grader=grader),
        reviser=models.reviser,
        revision_verifier=models.revision_verifier,
        advise=learner.adviser(models.generator, models.verifier) if learner else no_policy,
    )


def forget(kept: Collection[str]) -> None:
    """Let go of all models but those of these names."""
    from ttc_explorer.models import catalogue

    catalogue.forget(kept)


def serve(driver: Driver, name: str | None, limits: Rules) -> Service | zero.Lent:
    """The service of these models: here, or on lent GPUs where there are such and they run on a GPU."""
    from ttc_explorer.models.description import describe

    if zero.HERE and name and describe(name).generator.source in ("folder", "Hugging Face"):
        return zero.Lent(driver, SEARCH, name, limits)
    return Service(driver, limits)


SEARCH = zero.searching(partial(drive, None))


def main() -> None:
    opening = load_trace(OPENING.read_bytes()) if OPENING.exists() else None
    policy = load_policy(POLICY)
    limits = rules()
    learner = Learner(policy, kept(limits.public), limits.public) if policy else None
    engine = Engine(partial(drive, learner), learner, limits, serve, os.environ.get("TTC_MODEL"), forget)
    app = build_app(engine, opening)
    if zero.HERE:  # what is on the GPU before the launch need not be moved there with every loan
        engine.wait()
    app.launch(max_file_size=f"{limits.upload}mb", **looks())


if __name__ == "__main__":
    try:
        main()
    except BadInput as error:  # a variable or a file that cannot be read
        print(error, file=sys.stderr)
        sys.exit(2)
