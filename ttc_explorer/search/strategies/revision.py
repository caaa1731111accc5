"""Revisions: chains of attempts, each written after seeing earlier ones (arXiv 2408.03314, section
6)."""

from __future__ import annotations

from ttc_explorer.search.primitives import ROOT, Search, revise_and_score
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategy import strategy
from ttc_explorer.search.tree import SearchTree


@strategy(
    "revise",
    title="Revision",
    summary="Write chains of attempts, each after seeing the last four before it, then choose "
    "among all answers.",
    verifier="select",
    settings=("temperature", "chains", "rounds"),
    needs_reviser=True,
    parallel_rows=lambda budget, settings: min(settings.chains, budget),
)
def revision(tree: SearchTree, budget: int, settings: Settings) -> Search:
    """N attempts in parallel chains (``chains``, or N if that is less), one attempt of each chain a
    round.

    N = chains × length: 1 chain is all sequential, N chains are all parallel. Where the chains do
    not divide N, the last round is for the first few chains only, so that lengths differ by one at
    most and sum to N. All attempts are kept and vote: a right answer often gets revised to a wrong
    one (section 6.1), so the end of a chain is not its answer.

    Equal attempts are not merged: two chains that begin alike are two, and each goes its own way.
    """
    ends = [ROOT] * settings.chains
    written = 0
    while written < budget:
        ends = yield from revise_and_score(tree, ends[: budget - written], settings.temperature)
        written += len(ends)
    return "done"
