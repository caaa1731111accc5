"""Best-of-N that stops as soon as the leading answer is safe (Adaptive-Consistency, arXiv
2305.11860)."""

from __future__ import annotations

import math

from ttc_explorer.search.primitives import Search
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategies.best_of_n import best_of_n
from ttc_explorer.search.strategy import strategy
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.search.voting import ranked_votes

CONFIDENCE_THRESHOLD = 0.95
"""The paper's threshold on the chance that the leading answer stays ahead."""

INITIAL_BATCH = 4
"""Solutions before the first look: the fewest that can be safe, if all agree (1 - 0.5^5 = 0.97)."""


@strategy(
    "adaptive",
    title="Adaptive best-of-N",
    summary="Write solutions in small batches, at most N, and stop as soon as the leading answer "
    "is safe.",
    verifier="select",
    settings=("temperature", "rounds"),
)
def adaptive(tree: SearchTree, budget: int, settings: Settings) -> Search:
    """Solutions in batches, N at most, until the leading answer is safe.

    Leading is the answer that the run's own selector would choose now; it is safe if
    ``posterior_lead_probability`` of the most frequent other answer reaches 0.95. (By majority
    these are the two top counts, as in the paper. Where the verifier prefers a rarer answer,
    nothing is safe.) The first batch is 4, each further one half of what is there: 4, 6, 9, 13, 19
    … The paper adds one solution at a time; these steps overshoot by a third at most, and wait for
    no more than a few batches at any N.

    The first n solutions are those of best-of-N with the same seed, and as there, equal steps, of
    later batches too, are one node, and votes count copies.
    """
    written, chance, ending = 0, 0.0, "done"
    while written < budget and chance < CONFIDENCE_THRESHOLD:
        batch = min(written // 2 or INITIAL_BATCH, budget - written)
        written += batch
        if (yield from best_of_n(tree, batch, settings, keep_state=written < budget)) == "budget":
            ending = "budget"
        lead, rival = leading_counts(tree, settings)
        chance = posterior_lead_probability(lead, rival)
    safe = chance >= CONFIDENCE_THRESHOLD
    summary = f"Stopped after {written}" if written < budget else "Spent all"
    outcome = "is safe" if safe else "never became safe"
    tree.note(
        f"{summary} of {budget} solutions: the leading answer {outcome} "
        f"({lead} against {rival}; it stays ahead with a chance of {chance:.2f}).",
        written=written,
        saved=budget - written,
        lead=lead,
        rival=rival,
        chance=chance,
        safe=safe,
    )
    return ending


def leading_counts(tree: SearchTree, settings: Settings) -> tuple[int, int]:
    """How many solutions end in the answer that the selector chooses, and in the most frequent
    other one."""
    counts = [
        vote.count
        for vote in ranked_votes(tree, settings.selector, settings.aggregate, settings.confidence)
    ]
    return (counts or [0])[0], max(counts[1:], default=0)


def posterior_lead_probability(lead: int, rival: int) -> float:
    """P(p > 1/2) for p ~ Beta(lead + 1, rival + 1): the chance, by a uniform prior on p, that the
    first of two answers is the more frequent one, given how often each was found (arXiv 2305.11860,
    section 3).

    It is 1 - I(1/2; lead + 1, rival + 1), and for whole numbers the regularised incomplete beta
    function is a binomial tail: the chance that lead + rival + 1 fair coins show at most ``lead``
    heads.

    >>> posterior_lead_probability(4, 0), posterior_lead_probability(3, 3)
    (0.96875, 0.5)
    """
    coins = lead + rival + 1
    return sum(math.comb(coins, heads) for heads in range(lead + 1)) / (1 << coins)
