"""Beam search against the verifier's step scores (arXiv 2408.03314, section 5.2 and figure 2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ttc_explorer.search.primitives import ROOT, Search, apply_allocation, extend_and_score
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategy import strategy
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.search.voting import search_score


@strategy(
    "beam",
    title="Beam search",
    summary="Write N first steps, keep the best N/M by verifier score, try M next steps from each, "
    "and repeat.",
    verifier="search",
    settings=("temperature", "width", "rounds"),
    needs_prefix_continuation=True,
)
def beam(tree: SearchTree, budget: int, settings: Settings) -> Search:
    """N first steps; each round keep the best N/M of the live ones and sample M next steps from
    each.

    A budget of N is N places in the beam. A solution that finishes is scored, never pruned, and
    takes its place with it, so the live width falls by one: no round samples more than N steps, and
    the search ends, as the paper's does, with N final answers to vote among. (search-and-learn
    keeps the width at N, collects more than N and cuts back to the best N; the two agree while
    nothing has finished.)

    A live step ranks by the same ``aggregate`` over its path that scores whole solutions; at the
    default, ``last``, that is the paper's rule, its own PRM score.
    """
    live, widths = [ROOT], [budget]
    for _ in range(settings.rounds):
        live = yield from extend_and_score(
            tree, apply_allocation(tree, live, widths), settings.temperature
        )
        if not live:
            return "done"
        widths = beam_allocation(
            [search_score(tree, node, settings.aggregate) for node in live],
            settings.children(budget),
        )
    return "budget"


def beam_allocation(scores: Sequence[float], width: int) -> list[int]:
    """How many children each of the live steps gets, as many as there are live steps; 0 prunes it.

    Of w places, the best max(1, w // M) survive and share w children as evenly as can be, the
    better ones first when M does not divide w; ties go to the older step. Hence M = 1 prunes
    nothing and is best-of-N, and a budget of 1 works.

    >>> beam_allocation([0.2, 0.8, 0.3, 0.9, 0.5], 2)
    [0, 2, 0, 3, 0]
    """
    ranking = sorted(range(len(scores)), key=lambda index: -scores[index])
    survivors = ranking[: max(1, len(scores) // width)]
    children = Counter(survivors[slot % len(survivors)] for slot in range(len(scores)))
    return [children[index] for index in range(len(scores))]
