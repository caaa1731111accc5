"""Beam search against the verifier's step scores (arXiv 2408.03314, section 5.2 and figure 2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ttc_explorer.search.primitives import (
    ROOT,
    Search,
    apply_allocation,
    extend_and_score,
    proportional_allocation,
)
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
    settings=("temperature", "width", "rounds", "merge", "step"),
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

    Equal steps are one node with copies, and the best N/M *different* steps are kept; they share
    the places by how often each was drawn. A small model writes the same step again and again, and
    equal steps have equal scores: without ``merge``, all that is kept may be one text
    (search-and-learn's recipe for beam search filters duplicates, too). Where one step is kept,
    merging changes nothing.

    A live step ranks by the same ``aggregate`` over its path that scores whole solutions; at the
    default, ``last``, that is the paper's rule, its own PRM score.
    """
    live, widths = [ROOT], [budget]
    for _ in range(settings.rounds):
        samples = yield from extend_and_score(
            tree, apply_allocation(tree, live, widths), settings.temperature, step=settings.step
        )
        if not samples:
            return "done"
        copies = Counter(samples)
        live = list(copies)
        widths = beam_allocation(
            [search_score(tree, node, settings.aggregate) for node in live],
            list(copies.values()),
            settings.children(budget),
        )
    return "budget"


def beam_allocation(scores: Sequence[float], copies: Sequence[int], width: int) -> list[int]:
    """How many children each of the live steps gets, as many as there are samples; 0 prunes it.

    Of w places, the best max(1, w // M) different steps survive and share w children in proportion
    to their copies, at least one each (``proportional_allocation``); the better ones first where
    that is even, ties go to the older step. Hence M = 1 prunes nothing and is best-of-N, and a
    budget of 1 works.

    Args:
        scores: of the live steps, by which they rank.
        copies: how many samples wrote each in this round.
        width: M, the children of a survivor.

    >>> beam_allocation([0.2, 0.8, 0.3, 0.9, 0.5], [1, 1, 1, 1, 1], 2)
    [0, 2, 0, 3, 0]
    >>> beam_allocation([0.2, 0.8, 0.9], [3, 1, 4], 4)
    [0, 2, 6]
    """
    places = sum(copies)
    ranking = sorted(range(len(scores)), key=lambda index: -scores[index])
    survivors = ranking[: max(1, places // width)]
    shares = proportional_allocation([copies[index] for index in survivors], places)
    children = dict(zip(survivors, shares, strict=True))
    return [children.get(index, 0) for index in range(len(scores))]
