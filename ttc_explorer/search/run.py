"""One run, live or loaded: the problem, who worked on it and how, the tree so far, and what it
cost.

Pages, traces and the command line read nothing but this.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from typing import Literal

from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.ledger import Ledger
from ttc_explorer.search.run_progress import PartialRow, RunProgress
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.touch import Touch
from ttc_explorer.search.tree import SearchTree

StopReason = Literal["done", "budget", "cancelled", "deadline"]


@dataclass(frozen=True)
class Moment:
    """What a run had cost when its tree had so many ``events``, the root's included."""

    events: int
    ledger: Ledger


@dataclass
class Run:
    """``stopped`` is None while the run goes on, then why it ended (a StopReason):
    ``done`` every live solution finished, ``budget`` rounds ran out, ``cancelled`` by a person,
    ``deadline`` the time allowed ran out. ``error`` is one sentence when a model failed.
    """

    problem: Problem
    model: str
    verifier: str | None
    strategy: str
    budget: int
    seed: int
    settings: Settings
    tree: SearchTree = field(default_factory=SearchTree)
    ledger: Ledger = field(default_factory=Ledger)
    stopped: str | None = None
    error: str | None = None
    correct: dict[str, bool] = field(default_factory=dict)
    """For each answer in the tree, whether it is right; empty when the reference answer is
    unknown."""
    display_scores: bool = False
    """Whether scores that neither the search nor the selector reads are drawn for the screen all
    the same; they are charged to no cost (``Ledger.display_verifier_tokens``)."""
    reviser: str | None = None
    """Who wrote the revisions, in a strategy that asks for them."""
    timeline: list[Moment] = field(default_factory=list)
    """What it had cost after each request of its search, events ascending; empty where that was
    not recorded."""

    touches: list[Touch] = field(default_factory=list)
    """What was done by hand after its search had ended. The last is still to be done where the tree
    has the events from before it only (``touch_pending``)."""

    partial: tuple[PartialRow, ...] = ()
    """What was being written when somebody, or its time, ended it."""

    progress: RunProgress | None = field(default=None, compare=False)
    """How far it was beyond its tree when somebody looked; see ``current_progress``."""

    def __post_init__(self) -> None:
        self.tree.seed = self.seed
        self.tree.merge = self.settings.merge

    @property
    def touch_pending(self) -> bool:
        """Whether its last touch is still to be done."""
        return bool(self.touches) and self.touches[-1].events == len(self.tree.events)

    @property
    def current_progress(self) -> RunProgress | None:
        """How far it is beyond its tree; None where that is not known, or not so any more."""
        told = self.progress
        is_current = told is not None and told.events == len(self.tree.events)
        return told if is_current and self.stopped is None else None

    def record_moment(self) -> None:
        """Record what it has cost by now. Of moments with equal trees the latest stays."""
        moment = Moment(len(self.tree.events), replace(self.ledger))
        if self.timeline and self.timeline[-1].events == moment.events:
            self.timeline[-1] = moment
        else:
            self.timeline.append(moment)

    def cost_after(self, events: int) -> Ledger | None:
        """What it had cost by the first moment at which its tree had so many events; None where no
        such moment was recorded."""
        place = bisect_left(self.timeline, events, key=lambda moment: moment.events)
        return self.timeline[place].ledger if place < len(self.timeline) else None
