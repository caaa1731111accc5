"""What a visitor asks for with a press on Run."""

from __future__ import annotations

from dataclasses import dataclass

from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings
from ttc_explorer.serving.model_manager import LoadedModels


@dataclass(frozen=True)
class RunRequest:
    """What a visitor asks for: everything of a run but the models."""

    problem: Problem
    strategy: str
    budget: int
    seed: int
    settings: Settings

    def make_run(self, models: LoadedModels) -> Run:
        """The run by these models; steps get scores for the picture even where nobody needs
        them."""
        selector = models.facts.usable_selector(self.settings.selector)
        settings = self.settings.with_values({"selector": selector})
        run = models.facts.run(self.problem, self.strategy, self.budget, self.seed, settings)
        run.display_scores = True
        return run
