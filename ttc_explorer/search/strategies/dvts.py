"""DVTS, diverse verifier tree search: independent greedy subtrees instead of one beam.

Source: Beeching, Tunstall and Rush, Scaling test-time compute with open models (Hugging Face,
2024), and its code, search-and-learn.
"""

from __future__ import annotations

from itertools import islice

from ttc_explorer.search.primitives import ROOT, Search, apply_allocation, prune, sample_steps
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
    settings=("temperature", "width", "rounds", "merge", "step"),
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

    Equal steps are one node, and that changes nothing of what is kept, since each subtree keeps one
    step, the best of its own samples: subtrees that choose the same step go on side by side from
    its node, and stay independent. A node votes with its copies.

    A step ranks by the ``aggregate`` over its path, as in ``beam``; ties go to the older one.
    """
    subtrees = max(1, budget // settings.children(budget))
    sizes = [budget // subtrees + (place < budget % subtrees) for place in range(subtrees)]
    live, widths = [ROOT], [budget]
    for _ in range(settings.rounds):
        samples = yield from sample_steps(
            tree, apply_allocation(tree, live, widths), settings.temperature, step=settings.step
        )
        of_subtrees = iter(samples)
        subtrees_samples = [list(islice(of_subtrees, size)) for size in sizes]
        survivors, sizes = [], []
        for siblings in subtrees_samples:
            best = max(siblings, key=lambda node: search_score(tree, node, settings.aggregate))
            if tree.status[best] != "finished":
                survivors.append(best)
                sizes.append(sum(tree.status[node] != "finished" for node in siblings))
        pruned = [node for node in samples if node not in survivors]
        if not survivors:
            prune(tree, pruned)
            return "done"
        live, widths = survivors + pruned, sizes + [0] * len(pruned)
    return "budget"
