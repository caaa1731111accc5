"""Beam search against the verifier's step scores (arXiv 2408.03314, section 5.2 and figure 2)."""

from __future__ import annotations

from collections.abc import Sequence

from ttc_explorer.search.moves import ROOT, Search, next_steps
from ttc_explorer.search.selection import solution_score
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.tree import SearchTree


def beam(tree: SearchTree, budget: int, settings: Settings) -> Search:
    """N first steps; each round keep the best N/M of the live ones and sample M next steps from each.

    A budget of N is N places in the beam. A solution that finishes is scored, never pruned, and takes its
    place with it, so the live width falls by one: no round samples more than N steps, and the search ends,
    as the paper's does, with N final answers to vote among. (search-and-learn keeps the width at N, collects
    more than N and cuts back to the best N; the two agree while nothing has finished.)

    With w places live, max(1, w // M) survive and share w children as evenly as can be, the better ones first
    when M does not divide w. Hence M = 1 prunes nothing and is best-of-N, and a budget of 1 works.

    A live step ranks by the same ``aggregate`` over its path that scores whole solutions; at the default,
    ``last``, that is the paper's rule, its own PRM score. Ties go to the older node.
    """
    live = yield from next_steps(tree, [ROOT] * budget, settings.temperature)
    for _ in range(settings.rounds - 1):
        if not live:
            break
        parents = survivors(tree, live, settings)
        live = yield from next_steps(tree, parents, settings.temperature)
    return "budget" if live else "done"


def survivors(tree: SearchTree, live: Sequence[int], settings: Settings) -> list[int]:
    """Prune the live nodes, and return the survivors, each named once for each child that it may have.

    As many entries as there were live nodes, in order of creation.
    """
    ranked = sorted(live, key=lambda node: (-solution_score(tree, node, settings.aggregate), node))
    kept = ranked[: max(1, len(live) // settings.width)]
    tree.mark(sorted(kept), "kept")
    tree.mark(sorted(ranked[len(kept) :]), "pruned")
    return sorted(kept[place % len(kept)] for place in range(len(live)))
