"""What one visitor of Explore looks at and wants."""

from __future__ import annotations

import uuid

from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategy import get_strategy
from ttc_explorer.serving.run_service import RunService
from ttc_explorer.ui.components.messages import status_line
from ttc_explorer.ui.components.run_controls import RunSession
from ttc_explorer.ui.run_viewer.stream import RunStream

STOP_SENTENCES = {
    None: "Running",
    "done": "Done",
    "budget": "Ended at the most steps",
    "cancelled": "Stopped",
    "deadline": "Ended because its time was up",
}


class ExploreSession(RunSession):
    """What one visitor looks at and wants; kept in their session.

    ``run`` is on screen, drawn by ``stream``. ``selector`` and ``aggregate`` choose the answer, by
    a ``confidence``, where the selector goes by that.
    ``prepared`` is a run about to be drawn, and who runs it. ``searches`` are those of the file
    that was opened last.
    """

    def __init__(self, run: Run | None) -> None:
        super().__init__()
        self.run: Run | None = None
        self.prepared: tuple[Run, RunService] | None = None
        self.searches: list[Run] = []
        self.use_rule(Settings())
        if run is not None:
            self.show(run)

    def show(self, run: Run, tokens: float | None = None) -> None:
        """Put a run on screen; such runs write so many ``tokens`` on average, if that is known."""
        self.run = run
        self.stream = RunStream(uuid.uuid4().hex[:12], run, tokens)
        self.use_rule(run.settings)

    def use_rule(self, settings: Settings) -> None:
        """Choose answers as these settings do."""
        self.selector, self.aggregate = settings.selector, settings.aggregate
        self.confidence = settings.confidence

    def rule(self) -> dict[str, object]:
        """The settings that choose the answer."""
        return {
            "selector": self.selector,
            "aggregate": self.aggregate,
            "confidence": self.confidence,
        }

    def picture(self) -> str:
        """The run on screen, as it stands now."""
        return "" if self.run is None else self.stream.update()


def run_status(run: Run) -> str:
    """How the run stands, in one line."""
    return status_line(*run_standing(run))


def run_standing(run: Run) -> tuple[str, str]:
    """How the run stands: a word for styles and tests, and a line for people."""
    title = get_strategy(run.strategy).title
    return run.stopped or "running", f"{STOP_SENTENCES[run.stopped]}: {title}, N = {run.budget}"
