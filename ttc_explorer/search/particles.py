"""Particle filtering: steps survive by lot, the likelier the better they score (arXiv 2502.01618).

Where beam search trusts the verifier's ranking, this treats its score as a noisy likelihood and samples.
"""

from __future__ import annotations

from collections import Counter
from random import Random

from ttc_explorer.search.moves import ROOT, Search, allot, next_steps
from ttc_explorer.search.selection import solution_score
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.tree import SearchTree

SURE = 1e-7
"""Scores are read as if at least this far from 0 and 1, where the logit has no end."""


def particles(tree: SearchTree, budget: int, settings: Settings) -> Search:
    """N particles; after each step, draw anew which of them go on, by the softmax of the scores' logits.

    As in the paper's algorithm 1, finished particles stay in the population that is drawn from: a good one
    draws places away from the live. Such a copy is no further solution and samples nothing. But a finished
    one keeps its own place: only the places of live particles are drawn for. (The paper may lose a finished
    particle and give its place away; here what has been finished votes, once, drawn or not, so its place is
    spent, and a budget of N never gives more than N solutions.)

    The score of a particle is its ``aggregate`` over its path, as in ``beam``. The lots come from the run's
    seed.
    """
    lots = Random(f"particles {tree.seed}")
    begin = len(tree)  # what stands before it was found by a probe
    live, widths = [ROOT], [budget]
    for _ in range(settings.rounds):
        live = yield from next_steps(tree, allot(tree, live, widths), settings.temperature)
        population = [*(leaf for leaf in tree.leaves() if leaf >= begin), *live]
        odds = [odds_of(solution_score(tree, node, settings.aggregate)) for node in population]
        drawn = Counter(lots.choices(population, odds, k=len(live)))
        widths = [drawn[node] for node in live]
        if not any(widths):
            tree.mark(live, "pruned")
            return "done"
    return "budget"


def odds_of(score: float) -> float:
    """exp(logit(score)) = score / (1 - score): what the softmax of the logits is proportional to.

    >>> [round(odds_of(score), 3) for score in (0.5, 0.8, 0.1)]
    [1.0, 4.0, 0.111]
    """
    probability = min(max(score, SURE), 1 - SURE)
    return probability / (1 - probability)
