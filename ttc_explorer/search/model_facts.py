"""What there is to know of the models of a run without having them: plain data, so that pages,
limits and a service in another process ask the same."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from ttc_explorer.models.protocol import Generator, Reviser, Verifier
from ttc_explorer.models.server_capabilities import ServerCapabilities
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.run import Run
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.step_rule import resolve_step
from ttc_explorer.search.strategy import unavailable_reason


@dataclass(frozen=True)
class ModelFacts:
    """The models of a run.

    Attributes:
        model: The generator's name.
        verifier: The verifier's name, None without one.
        reviser: The reviser's name, None without one.
        prompted: Whether the reviser is a chat model that is asked for revisions, not one trained
            for them.
        supports_prefix_continuation: Whether the generator goes on from the middle of a solution.
        supports_chat: Whether the generator was taught to chat.
        prints_checks: Whether it was taught to print the verdict on what it has checked.
        capabilities: What the generator's server can do, None without a server.
        writes_checks: Whether the verifier writes checks, as many as the setting says.
        verifier_note: What to know of the verifier, in a sentence; mostly nothing.
    """

    model: str
    verifier: str | None = None
    reviser: str | None = None
    prompted: bool = False
    supports_prefix_continuation: bool = True
    supports_chat: bool = False
    prints_checks: bool = False
    capabilities: ServerCapabilities | None = None
    writes_checks: bool = False
    verifier_note: str = ""

    @classmethod
    def of(cls, generator: Generator, verifier: Verifier | None, reviser: Reviser | None) -> Self:
        """The facts of models that are in memory.

        Args:
            generator: Writes the solutions.
            verifier: Scores their steps, if there is one.
            reviser: Writes revisions, if there is one.
        """
        same: object = reviser
        return cls(
            generator.name,
            verifier.name if verifier is not None else None,
            reviser.name if reviser is not None else None,
            bool(getattr(reviser, "prompted", same is generator)),
            generator.supports_prefix_continuation,
            generator.supports_chat,
            generator.prints_checks,
            getattr(generator, "capabilities", None),
            getattr(verifier, "writes_checks", False),
        )

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Self:
        """The facts from ``to_data``, which came from a process of our own."""
        known = data["capabilities"]
        return cls(**data | {"capabilities": known and ServerCapabilities(**known)})

    def to_data(self) -> dict[str, Any]:
        """The facts as JSON has them."""
        return asdict(self)

    def missing(self, strategy: str) -> str:
        """Why a strategy cannot run with these models, in a sentence; empty if it can. Raises
        BadInput if there is no such strategy."""
        return unavailable_reason(
            strategy,
            self.supports_prefix_continuation,
            self.verifier is not None,
            self.reviser is not None,
        )

    def run(
        self,
        problem: Problem,
        strategy: str | None,
        budget: int,
        seed: int,
        settings: Settings | None,
    ) -> Run:
        """A run of these models that nobody has started.

        Args:
            problem: What is asked.
            strategy: What spends the budget, by its name; None for ``default_strategy``.
            budget: N.
            seed: The same seed gives the same run.
            settings: How; None for the defaults of these models: ``weighted`` where there is a
                verifier, ``majority`` where there is none.
        """
        strategy = strategy or self.default_strategy
        settings = settings or Settings(selector=self.default_selector)
        settings = self.resolve_settings(strategy, settings)
        return Run(problem, self.model, self.verifier, strategy, budget, seed, settings)

    def resolve_settings(self, strategy: str, settings: Settings) -> Settings:
        """The settings that a run of the strategy goes by: with the ``step`` that was measured to
        be best for it, or that these models take for one, where it is left open."""
        step = resolve_step(settings.step, strategy, self.supports_chat, self.prints_checks)
        return replace(settings, step=step)

    @property
    def default_strategy(self) -> str:
        """Beam search where a verifier can lead it, best-of-N where none can."""
        return "best_of_n" if self.missing("beam") else "beam"

    def usable_selector(self, selector: str) -> str:
        """The selector, or the default one if it reads scores and there is no verifier."""
        reads_scores = SELECTORS[selector].needs == "scores"
        return self.default_selector if reads_scores and self.verifier is None else selector

    @property
    def tells_logprobs(self) -> bool:
        """Whether the generator tells the log-probabilities of its tokens; some servers do not."""
        return self.capabilities is None or self.capabilities.logprobs

    @property
    def default_selector(self) -> str:
        """``weighted`` where there is a verifier, ``majority`` where there is none."""
        return "weighted" if self.verifier is not None else "majority"
