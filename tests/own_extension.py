"""Somebody's own strategy and selector, an example to copy: one file, loaded by
TTC_EXTENSIONS (tests/test_extensions.py)."""

from dataclasses import replace

from ttc_explorer.search.primitives import Search
from ttc_explorer.search.selector import Floats, SolutionFeatures, selector
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategies.best_of_n import best_of_n
from ttc_explorer.search.strategy import strategy
from ttc_explorer.search.tree import SearchTree


@strategy(
    "my_rule",
    title="Hot best-of-N",
    summary="Write N solutions independently, at twice the temperature.",
    verifier="select",
    settings=("temperature", "rounds"),
)
def my_rule(tree: SearchTree, budget: int, settings: Settings) -> Search:
    hot = replace(settings, temperature=min(2.0, 2 * settings.temperature))
    return (yield from best_of_n(tree, budget, hot))


@selector("my_vote", title="Brevity", summary="Short solutions weigh more.", needs="nothing")
def my_vote(features: SolutionFeatures) -> Floats:
    return 1 / features.tokens
