"""The strategies there are. A new one is one file in this folder and one line in this list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.beam import beam
from ttc_explorer.search.best_of_n import best_of_n
from ttc_explorer.search.greedy import greedy
from ttc_explorer.search.moves import Search
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.tree import SearchTree


@dataclass(frozen=True)
class Strategy:
    """A strategy as people see it: its title and what it does, in one sentence.

    ``verifier`` says what it wants a verifier for: to ``search``, only to ``select`` the answer (so that
    majority can do without), or for ``nothing``.
    """

    search: Callable[[SearchTree, int, Settings], Search]
    title: str
    sentence: str
    verifier: str


STRATEGIES: dict[str, Strategy] = {
    "greedy": Strategy(
        greedy, "Greedy", "Write one solution, always with the likeliest next token.", "nothing"
    ),
    "best_of_n": Strategy(
        best_of_n, "Best-of-N", "Write N solutions independently, then choose among their answers.", "select"
    ),
    "beam": Strategy(
        beam,
        "Beam search",
        "Write N first steps, keep the best N/M by verifier score, try M next steps from each, and repeat.",
        "search",
    ),
}


def strategy(name: str) -> Strategy:
    """The strategy of that name. Raises BadInput."""
    if name not in STRATEGIES:
        raise BadInput(f"Unknown strategy '{str(name)[:40]}': choose from {', '.join(STRATEGIES)}.")
    return STRATEGIES[name]


def check_verifier(name: str, settings: Settings, present: bool) -> None:
    """Raise BadInput if the strategy, with these settings, needs a verifier and none is present."""
    need = strategy(name).verifier
    if present or need == "nothing" or (need == "select" and settings.selector == "majority"):
        return
    if need == "select":
        raise BadInput(f"The selector '{settings.selector}' needs a verifier: choose one, or majority.")
    raise BadInput(f"{strategy(name).title} needs a verifier: choose one, or another strategy.")
