"""DVTS, diverse verifier tree search: independent greedy subtrees instead of one beam.

Source: Beeching, Tunstall and Rush, Scaling test-time compute with open models (Hugging Face,
2024), and its code, search-and-learn.
"""

from __future__ import annotations

from itertools import islice

from ttc_explorer.search.primitives import ROOT, Search, apply_allocation, extend_and_score
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategy import strategy
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.search.voting import search_score


@strategy(
    "dvts",
    title="DVTS",
    summary="Split the budget over N/M subtrees; each tries M next steps and goes on from its own "
    "best one.",
    verifier="search",
    settings=("temperature", "width", "rounds"),
    needs_prefix_continuation=True,
)
def dvts(tree: SearchTree, budget: int, settings: Settings) -> Search:
    """N/M subtrees side by side; each samples M steps a round and goes on from the best of its own
    only.

    A budget of N is N places, spread over N // M subtrees (one, where M > N) as evenly as can be.

    What votes: a subtree ends when the best of its new steps ends a solution, and the finished ones
    among the siblings of that step vote with it, as in the published code. A finished step that is
    not the best of its siblings also votes, and takes its place with it: the subtree goes on with
    one step a round less. (The published code drops it and samples another in its place; here what
    has been finished and paid for counts, once, and N places never give more than N solutions.)
    Hence M = 1 is best-of-N.

    A step ranks by the ``aggregate`` over its path, as in ``beam``; ties go to the older one.
    """
    subtrees = max(1, budget // settings.children(budget))
    sizes = [budget // subtrees + (place < budget % subtrees) for place in range(subtrees)]
    live, widths = [ROOT], [budget]
    for _ in range(settings.rounds):
        new_nodes = iter(range(len(tree), len(tree) + sum(sizes)))
        live = yield from extend_and_score(
            tree, apply_allocation(tree, live, widths), settings.temperature
        )
        survivors = {}
        for siblings in [list(islice(new_nodes, size)) for size in sizes]:
            best = max(siblings, key=lambda node: search_score(tree, node, settings.aggregate))
            if tree.status[best] == "open":
                survivors[best] = sum(tree.status[node] == "open" for node in siblings)
        if not survivors:
            tree.set_status(live, "pruned")
            return "done"
        sizes = list(survivors.values())
        widths = [survivors.get(node, 0) for node in live]
    return "budget"
