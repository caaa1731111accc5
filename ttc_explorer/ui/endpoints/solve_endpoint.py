"""The endpoint ``solve``: one problem, solved for a program."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr

from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput, typed_problem
from ttc_explorer.problems.typed_question import with_known_answer
from ttc_explorer.search import trace
from ttc_explorer.search.settings import parse_budget, parse_seed
from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.ui.components.run_controls import MAX_FRAME_SECONDS, visitor_of
from ttc_explorer.ui.run_viewer.stream import run_summary


class SolveEndpoint:
    """What answers programs, with the models that everybody begins with."""

    def __init__(self, model_manager: ModelManager) -> None:
        self._model_manager = model_manager

    def solve(
        self,
        problem: str,
        strategy: str = "beam",
        budget: int = 16,
        seed: int = 0,
        answer: str = "",
        request: gr.Request | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Solve one math problem by test-time search: how the run stands, again and again, and at
        last its trace. The run ends when its client has left.

        Args:
            problem: the question in plain text, such as "Solve x^2-7x+12=0."
            strategy: the rule that spends the budget, such as greedy, best_of_n or beam
            budget: how many solutions or beams to spend, from 1 to 256
            seed: the same seed gives the same run
            answer: the right answer if it is known; the models never see it
        """
        try:
            _check_kinds(problem=problem, strategy=strategy, answer=answer)
            loaded = self._model_manager.wait()
            assert loaded is not None
            asked = with_known_answer(typed_problem(problem, answer))
            run = loaded.facts.run(asked, strategy, parse_budget(budget), parse_seed(seed), None)
            service = loaded.service
            service.submit(run, None, visitor_of(request))
        except (BadInput, ModelError) as error:
            raise gr.Error(str(error)) from None
        try:
            end = time.monotonic()
            while run.stopped is None:
                end += MAX_FRAME_SECONDS
                while run.stopped is None and (left := end - time.monotonic()) > 0:
                    service.wait(run, len(run.tree.events), left)
                yield {"status": str(service.queue_place(run) or run_summary(run))}
        finally:
            service.cancel(run)  # of no effect once it has ended
        if run.error:
            raise gr.Error(run.error)
        yield trace.to_trace(run)


def _check_kinds(**texts: object) -> None:
    """Raise BadInput if one of these is no text: programs send anything."""
    for name, value in texts.items():
        if not isinstance(value, str):
            raise BadInput(f"The {name} must be a text.")
