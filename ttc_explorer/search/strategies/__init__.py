"""The strategies that come with the package, one a file; each registers itself."""

from ttc_explorer.search.strategies import (
    adaptive,
    auto,
    beam,
    best_of_n,
    budget_forcing,
    dvts,
    greedy,
    hybrid,
    lookahead,
    mcts,
    particles,
    rebase,
    revision,
)
from ttc_explorer.search.strategy import STRATEGIES

STRATEGIES.put_first(
    (
        "greedy",
        "best_of_n",
        "beam",
        "lookahead",
        "dvts",
        "rebase",
        "particles",
        "mcts",
        "revise",
        "hybrid",
        "budget_forcing",
        "adaptive",
        "auto",
    )
)

__all__ = [
    "adaptive",
    "auto",
    "beam",
    "best_of_n",
    "budget_forcing",
    "dvts",
    "greedy",
    "hybrid",
    "lookahead",
    "mcts",
    "particles",
    "rebase",
    "revision",
]
