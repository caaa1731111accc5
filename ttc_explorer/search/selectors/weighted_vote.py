"""Best-of-N weighted: votes with the verifier's score as their weight (arXiv 2408.03314, section
5.1)."""

from __future__ import annotations

from ttc_explorer.search.selector import Floats, SolutionFeatures, selector


@selector(
    "weighted",
    title="Weighted",
    summary="Every finished solution votes with its score as its weight; equal answers add up.",
    needs="scores",
    within_chains_first=True,
)
def weighted(features: SolutionFeatures) -> Floats:
    """The score, added up by answer; among revisions within each chain first (section 6)."""
    return features.score
