"""Hands in the tree, on the page: what a visitor wants done to the run on screen becomes a run that
goes on with it."""

from __future__ import annotations

from typing import Any

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.delta import touched_run
from ttc_explorer.search.run import Run
from ttc_explorer.serving.model_manager import ModelManager, ModelSelection
from ttc_explorer.serving.run_service import RunService


def prepare_touched_run(
    run: Run, touch: Any, manager: ModelManager, choice: ModelSelection | None
) -> tuple[Run, RunService]:
    """The run with a touch to be done next, and who does it.

    Args:
        run: on screen.
        touch: has ``kind``, ``node``, ``samples`` and ``text``, as of ``touched_run``; it comes
            from a browser.
        manager: has the models.
        choice: which of them the visitor uses.

    Raises:
        BadInput: It is impossible, or the models are others than the run's.
    """
    models = manager.ready(choice)
    if models is None:
        manager.start_loading(choice)
        raise BadInput("The models are loading: try again in a moment.")
    facts = models.facts
    if (run.model, run.verifier) != (facts.model, facts.verifier):
        made_by = " and ".join(filter(None, (run.model, run.verifier)))
        raise BadInput(
            f"This run was made by {made_by}, and only its own models go on with it: press Run for "
            "a run of the models that are loaded."
        )
    if not facts.supports_prefix_continuation and touch.kind != "judge":
        raise BadInput("This model writes whole solutions only: nothing can follow a step.")
    return touched_run(run, touch.kind, touch.node, touch.samples, touch.text), models.service
