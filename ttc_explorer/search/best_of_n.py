"""Best-of-N: N independent solutions; the selector chooses among their answers (arXiv 2408.03314, 5.1)."""

from __future__ import annotations

from ttc_explorer.search.moves import ROOT, Search, next_steps
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.tree import SearchTree


def best_of_n(tree: SearchTree, budget: int, settings: Settings, again: bool = False) -> Search:
    """N solutions side by side, one step of each a round, each step scored and none pruned.

    ``again``: the question will be begun again, by a strategy that has more to spend on it.
    """
    live = [ROOT] * budget
    for _ in range(settings.rounds):
        tree.mark(live, "kept")
        live = yield from next_steps(tree, live, settings.temperature, again and live[0] == ROOT)
        if not live:
            return "done"
    return "budget"
