"""The endpoint ``compare``: one problem, solved by several strategies at the same budget."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ttc_explorer.problems.problem import BadInput, typed_problem
from ttc_explorer.problems.typed_question import with_known_answer
from ttc_explorer.search import trace
from ttc_explorer.search.settings import Settings, parse_budget, parse_seed
from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.ui.components.run_controls import visitor_of
from ttc_explorer.ui.components.strategy_comparison import MAX_COMPARED
from ttc_explorer.ui.endpoints.endpoint_requests import (
    Replies,
    check_settings,
    check_texts,
    follow_runs,
    in_a_sentence,
    models_of,
)


class CompareEndpoint:
    """What compares strategies for programs, by the models of a manager."""

    def __init__(self, model_manager: ModelManager) -> None:
        self._model_manager = model_manager

    @in_a_sentence
    def compare(
        self,
        problem: str,
        strategies: list[str],
        budget: int = 16,
        seed: int = 0,
        answer: str = "",
        settings: dict[str, Any] | None = None,
        model: str = "",
        request: gr.Request | None = None,
    ) -> Replies:
        """Solve one math problem by several strategies at the same budget: how each run stands,
        again and again, and at last the trace of each, by strategy.

        Args:
            problem: the question in plain text, such as "Solve x^2-7x+12=0."
            strategies: one to six, such as ["best_of_n", "beam"]
            budget: how many solutions or beams each spends, from 1 to 256
            seed: the same for all; the same seed gives the same runs
            answer: the right answer if it is known; the models never see it
            settings: of all strategies, by name, such as {"width": 4, "temperature": 0.8}
            model: a model of the list, such as base-m; empty for the one that the app begins with
        """
        check_texts(problem=problem, answer=answer, model=model)
        if not isinstance(strategies, list) or not 1 <= len(strategies) <= MAX_COMPARED:
            raise BadInput(f"The strategies must be a list of 1 to {MAX_COMPARED} names.")
        check_texts(**{f"strategy {place}": name for place, name in enumerate(strategies, 1)})
        asked = with_known_answer(typed_problem(problem, answer))
        wanted, seeded, chosen = parse_budget(budget), parse_seed(seed), check_settings(settings)
        models = models_of(self._model_manager, model)
        set_to = Settings(selector=models.facts.default_selector).with_values(chosen)
        runs = {
            name: models.facts.run(asked, name, wanted, seeded, set_to)
            for name in dict.fromkeys(strategies)
        }
        for stand in follow_runs(models.service, list(runs.values()), visitor_of(request)):
            yield {"status": dict(zip(runs, stand, strict=True))}
        yield {name: trace.to_trace(run) for name, run in runs.items()}
