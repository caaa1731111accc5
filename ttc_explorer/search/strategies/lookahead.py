"""Lookahead search: a step is judged by where it leads (arXiv 2408.03314, section 5.2 and figure
2)."""

from __future__ import annotations

from collections import Counter

from ttc_explorer.search.primitives import (
    ROOT,
    Search,
    apply_allocation,
    extend_and_score,
    greedy_rollouts,
)
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategies.beam import beam_allocation
from ttc_explorer.search.strategy import strategy
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.search.voting import search_score


@strategy(
    "lookahead",
    title="Lookahead search",
    summary="Beam search that scores a step by where k more greedy steps lead, and forgets those "
    "steps again.",
    verifier="search",
    settings=("temperature", "width", "lookahead", "rounds", "merge", "step"),
    needs_prefix_continuation=True,
)
def lookahead(tree: SearchTree, budget: int, settings: Settings) -> Search:
    """Beam search in which a step ranks by the verifier's score after k more steps at temperature
    0.

    What was rolled out is then discarded: the step is continued by fresh samples, at the run's
    temperature. A rollout ends early where its solution does, and where the rounds run out: it is
    never longer than a solution may be. k = 0 is beam search.

    A budget of N is N places in the beam, as in ``beam``, and equal steps share them as there. Each
    place, each copy of a step, is rolled out, and costs up to k + 1 steps a
    round, so the search costs what beam search does at N(k + 1): the ledger has it all.
    """
    live, widths = [ROOT], [budget]
    for depth in range(1, settings.rounds + 1):
        samples = yield from extend_and_score(
            tree, apply_allocation(tree, live, widths), settings.temperature, step=settings.step
        )
        if not samples:
            return "done"
        ends = yield from greedy_rollouts(
            tree, samples, min(settings.lookahead, settings.rounds - depth), settings.step
        )
        copies = Counter(samples)
        live = list(copies)
        widths = beam_allocation(
            [search_score(tree, ends[samples.index(node)], settings.aggregate) for node in live],
            list(copies.values()),
            settings.children(budget),
        )
    return "budget"
