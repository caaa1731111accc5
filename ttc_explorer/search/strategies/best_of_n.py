"""Best-of-N: N independent solutions; the selector chooses among their answers (arXiv 2408.03314,
5.1)."""

from __future__ import annotations

from ttc_explorer.search.primitives import ROOT, Search, extend_and_score
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategy import strategy
from ttc_explorer.search.tree import SearchTree


@strategy(
    "best_of_n",
    title="Best-of-N",
    summary="Write N solutions independently, then choose among their answers.",
    verifier="select",
    settings=("temperature", "rounds"),
)
def best_of_n(
    tree: SearchTree, budget: int, settings: Settings, keep_state: bool = False
) -> Search:
    """N solutions side by side, one step of each a round, each step scored and none pruned.

    Equal steps are one node with copies, which changes nothing: the solutions are the same, and a
    leaf of 4 copies votes as 4.

    ``keep_state``: the question will be begun again, by a strategy that has more to spend on it.
    """
    live = [ROOT] * budget
    for _ in range(settings.rounds):
        tree.set_status(live, "kept")
        live = yield from extend_and_score(
            tree, live, settings.temperature, keep_state and live[0] == ROOT
        )
        if not live:
            return "done"
    return "budget"
