"""Somebody's own strategy and selector, as README and CONTRIBUTING show them: one file, loaded by
TTC_EXTENSIONS (tests/test_extensions.py)."""

from ttc_explorer.search.primitives import Search
from ttc_explorer.search.selector import Floats, SolutionFeatures, selector
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategies.best_of_n import best_of_n
from ttc_explorer.search.strategy import strategy
from ttc_explorer.search.tree import SearchTree


@strategy(
    "my_rule",
    title="Two halves",
    summary="Write half of the solutions, then the other half.",
    verifier="select",
    settings=("temperature", "rounds"),
)
def my_rule(tree: SearchTree, budget: int, settings: Settings) -> Search:
    first = budget // 2
    if first:
        yield from best_of_n(tree, first, settings, keep_state=True)
    return (yield from best_of_n(tree, budget - first, settings))


@selector("my_vote", title="Brevity", summary="Short solutions weigh more.", needs="nothing")
def my_vote(features: SolutionFeatures) -> Floats:
    return 1 / features.tokens
