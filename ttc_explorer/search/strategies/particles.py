"""Particle filtering: steps are resampled in proportion to their scores (arXiv 2502.01618).

Where beam search trusts the verifier's ranking, this treats its score as a noisy likelihood and
samples.
"""

from __future__ import annotations

from collections import Counter
from random import Random

from ttc_explorer.search.primitives import (
    ROOT,
    Search,
    apply_allocation,
    extend_and_score,
    prune,
)
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategy import strategy
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.search.voting import search_score

SCORE_EPSILON = 1e-7
"""Scores are read as if at least this far from 0 and 1, where the logit has no end."""


@strategy(
    "particles",
    title="Particle filtering",
    summary="Write N solutions side by side; after each step draw lots, weighted by score, for who "
    "goes on.",
    verifier="search",
    settings=("temperature", "rounds", "merge", "step"),
    needs_prefix_continuation=True,
)
def particles(tree: SearchTree, budget: int, settings: Settings) -> Search:
    """N particles; after each step, draw anew which of them go on, by the softmax of the scores'
    logits.

    As in the paper's algorithm 1, finished particles stay in the population that is drawn from: a
    good one draws places away from the live. Such a copy is no further solution and samples
    nothing. But a finished one keeps its own place: only the places of live particles are drawn
    for. (The paper may lose a finished particle and give its place away; here what has been
    finished votes, once, drawn or not, so its place is spent, and a budget of N never gives more
    than N solutions.)

    Particles that stand at equal steps are one node with copies, and its chance is that of all of
    them together: merging changes nothing of the odds.

    The score of a particle is its ``aggregate`` over its path, as in ``beam``. The random draws
    come from the run's seed.
    """
    rng = Random(f"particles {tree.seed}")
    finished_before = _finished_copies(tree)  # by a probe
    live, widths = [ROOT], [budget]
    for _ in range(settings.rounds):
        samples = yield from extend_and_score(
            tree, apply_allocation(tree, live, widths), settings.temperature, step=settings.step
        )
        population = _finished_copies(tree) - finished_before + Counter(samples)
        odds = [
            count * score_to_odds(search_score(tree, node, settings.aggregate))
            for node, count in population.items()
        ]
        resampled = Counter(rng.choices(list(population), odds, k=len(samples)))
        live = list(dict.fromkeys(samples))
        widths = [resampled[node] for node in live]
        if not any(widths):
            prune(tree, live)
            return "done"
    return "budget"


def _finished_copies(tree: SearchTree) -> Counter[int]:
    """How many particles have finished at each leaf."""
    return Counter({leaf: tree.copies[leaf] for leaf in tree.leaves()})


def score_to_odds(score: float) -> float:
    """exp(logit(score)) = score / (1 - score): what the softmax of the logits is proportional to.

    >>> [round(score_to_odds(score), 3) for score in (0.5, 0.8, 0.1)]
    [1.0, 4.0, 0.111]
    """
    probability = min(max(score, SCORE_EPSILON), 1 - SCORE_EPSILON)
    return probability / (1 - probability)
