"""Best-of-N: the one solution that the verifier scores highest (arXiv 2110.14168)."""

from __future__ import annotations

from ttc_explorer.search.selector import Floats, SolutionFeatures, selector


@selector(
    "best",
    title="Best",
    summary="The one solution with the highest score decides.",
    needs="scores",
    combine="max",
)
def best(features: SolutionFeatures) -> Floats:
    """The score, and the highest decides."""
    return features.score
