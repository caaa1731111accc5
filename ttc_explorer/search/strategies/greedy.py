"""Greedy decoding: one solution, always the likeliest token. The yardstick that spends a budget of
1."""

from __future__ import annotations

from dataclasses import replace

from ttc_explorer.search.primitives import Search
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategies.best_of_n import best_of_n
from ttc_explorer.search.strategy import strategy
from ttc_explorer.search.tree import SearchTree


@strategy(
    "greedy",
    title="Greedy",
    summary="Write one solution, always with the likeliest next token.",
    verifier="nothing",
    settings=("rounds",),
)
def greedy(tree: SearchTree, budget: int, settings: Settings) -> Search:
    """Best-of-1 at temperature 0, whatever the budget."""
    return best_of_n(tree, 1, replace(settings, temperature=0.0))
