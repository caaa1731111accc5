"""The endpoint ``solve``: one problem, solved for a program."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ttc_explorer.problems.problem import typed_problem
from ttc_explorer.problems.typed_question import with_known_answer
from ttc_explorer.search import trace
from ttc_explorer.search.settings import Settings, parse_budget, parse_seed
from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.ui.components.run_controls import visitor_of
from ttc_explorer.ui.endpoints.endpoint_requests import (
    Replies,
    check_settings,
    check_texts,
    follow_runs,
    in_a_sentence,
    models_of,
)


class SolveEndpoint:
    """What solves problems for programs, by the models of a manager."""

    def __init__(self, model_manager: ModelManager) -> None:
        self._model_manager = model_manager

    @in_a_sentence
    def solve(
        self,
        problem: str,
        strategy: str = "beam",
        budget: int = 16,
        seed: int = 0,
        answer: str = "",
        settings: dict[str, Any] | None = None,
        model: str = "",
        request: gr.Request | None = None,
    ) -> Replies:
        """Solve one math problem by test-time search: how the run stands, again and again, and at
        last its trace. The run ends when its client has left.

        Args:
            problem: the question in plain text, such as "Solve x^2-7x+12=0."
            strategy: the rule that spends the budget, such as greedy, best_of_n or beam
            budget: how many solutions or beams to spend, from 1 to 256
            seed: the same seed gives the same run
            answer: the right answer if it is known; the models never see it
            settings: of the strategy, by name, such as {"width": 4, "temperature": 0.8}
            model: a model of the list, such as base-m; empty for the one that the app begins with
        """
        check_texts(problem=problem, strategy=strategy, answer=answer, model=model)
        asked = with_known_answer(typed_problem(problem, answer))
        wanted, seeded, chosen = parse_budget(budget), parse_seed(seed), check_settings(settings)
        models = models_of(self._model_manager, model)
        set_to = Settings(selector=models.facts.default_selector).with_values(chosen)
        run = models.facts.run(asked, strategy, wanted, seeded, set_to)
        for (status,) in follow_runs(models.service, [run], visitor_of(request)):
            yield {"status": status}
        yield trace.to_trace(run)
