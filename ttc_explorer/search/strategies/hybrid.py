"""Search, then revisions, led by one verifier at one budget.

The paper studies the two apart, and names their combination as what to try next (arXiv 2408.03314,
section 8, "Discussion and future work").
"""

from __future__ import annotations

from ttc_explorer.search.primitives import ROOT, Search, revise_and_score
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategies.beam import beam
from ttc_explorer.search.strategy import strategy
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.search.voting import search_score


@strategy(
    "hybrid",
    title="Hybrid search",
    summary="Spend half on beam search, and the rest on revising the best attempts, found or "
    "revised, so far.",
    verifier="search",
    settings=("temperature", "width", "chains", "rounds", "merge", "step"),
    needs_reviser=True,
    needs_prefix_continuation=True,
)
def hybrid(tree: SearchTree, budget: int, settings: Settings) -> Search:
    """Half of N are places of a beam search over steps, the other half attempts of a beam search
    over chains.

    First ``beam`` with N/2 places (rounded up). Then rounds of w = ``chains`` revisions, until N/2
    of them (rounded down) are written. In each round the best max(1, w / M) attempts so far, found
    or revised, no two with the same answer, share the w revisions as evenly as can be, the better
    ones first. So the best leaves of the search are the first to be revised; a chain goes on only
    while the verifier ranks its attempts at the top; and a revision that made things worse is left
    behind. M is the ``width`` of both.

    In the search, equal steps are one node, as in ``beam``; attempts are told apart by their
    answers, so merging changes nothing of who is revised. Revisions are never merged.

    If the search finished nothing in its rounds, the chains begin with the question. A budget of 1
    is a beam of one place.
    """
    revisions = budget // 2
    width = settings.children(budget)
    ending = yield from beam(tree, budget - revisions, settings)
    while revisions:
        batch = min(settings.chains, revisions)
        best = best_attempts(tree, max(1, batch // width), settings.aggregate)
        yield from revise_and_score(
            tree, [best[turn % len(best)] for turn in range(batch)], settings.temperature
        )
        revisions -= batch
    return ending


def best_attempts(tree: SearchTree, count: int, aggregate: str) -> list[int]:
    """The ends of the up to ``count`` best attempts with different answers, best first; the root if
    there is no attempt. Of equal scores the older attempt is the better one; unreadable answers
    count as one."""
    ranked = sorted(tree.leaves(), key=lambda leaf: -search_score(tree, leaf, aggregate))
    best: dict[str | None, int] = {}
    for leaf in ranked:
        best.setdefault(tree.answer[leaf], leaf)
    return list(best.values())[:count] or [ROOT]
