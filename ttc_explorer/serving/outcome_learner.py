"""What the app learns from its own runs: outcomes of ``auto`` where the right answer is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ttc_explorer.experiments.bandit_outcomes import OutcomeStore
from ttc_explorer.experiments.compute_optimal_policy import Policy
from ttc_explorer.models.protocol import (
    Generator,
    PolicyDecision,
    PolicyQuery,
    StrategyChoice,
    Verifier,
)
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import no_policy
from ttc_explorer.search.run import Run
from ttc_explorer.search.strategy import choice_key
from ttc_explorer.search.voting import winning_vote

OUTCOMES_FILE = Path.home() / ".ttc-explorer" / "outcomes.json"


def open_outcomes(public: bool) -> OutcomeStore:
    """The outcomes of the person whose machine this is; where strangers share it, none."""
    return OutcomeStore(None if public else OUTCOMES_FILE)


class OutcomeLearner:
    """Decides for ``auto`` by ``policy`` and the recorded ``outcomes``. With ``public`` nothing is
    learnt, nor forgotten: one visitor would do so for all others.

    Attributes:
        learns: whether outcomes are counted here.
    """

    def __init__(self, policy: Policy, outcomes: OutcomeStore, public: bool) -> None:
        self.policy, self.outcomes = policy, outcomes
        self.learns = not public

    def forget(self) -> None:
        """Forget all outcomes.

        Raises:
            BadInput: visitors share them, or their file cannot be written.
        """
        if not self.learns:
            raise BadInput("Nothing is learnt here, where visitors would teach each other's runs.")
        self.outcomes.clear()

    def decision_function(
        self, generator: Generator, verifier: Verifier | None
    ) -> Callable[[PolicyQuery], PolicyDecision | None]:
        """The policy's decisions for the models that it was measured on; none for others."""
        return self._decide if self.policy.matches_models(generator, verifier) else no_policy

    def choices(self, budget: int) -> tuple[StrategyChoice, ...]:
        """What to follow at a budget, in each bin, as learnt so far."""
        return self._decide(PolicyQuery(mean_score=0.0, budget=budget)).choices

    def _decide(self, query: PolicyQuery) -> PolicyDecision:
        return self.outcomes.decide(self.policy, query)

    def record_outcome(self, run: Run) -> bool:
        """Count a finished run of ``auto`` that followed the policy; whether it counted."""
        vote = winning_vote(run.tree, run.settings.selector, run.settings.aggregate)
        right = run.correct.get(vote.answer) if vote else False
        note_data = next((note.data for note in run.tree.notes if "choice" in note.data), None)
        if (
            not self.learns
            or run.strategy != "auto"
            or run.stopped not in ("done", "budget")
            or note_data is None
            or not isinstance(predicted_bin := note_data.get("bin"), int)
            or run.problem.answer is None
        ):
            return False
        cell = self.policy.cell(predicted_bin, self.policy.nearest_budget(run.budget))
        followed = [
            each.choice
            for each in cell.candidates
            if choice_key(each.choice) == note_data["choice"]
        ]
        if not followed or right is None:
            return False
        self.outcomes.add(cell.bin, cell.budget, followed[0], right)
        return True
