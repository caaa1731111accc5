"""Majority: self-consistency (Wang et al., arXiv 2203.11171)."""

from __future__ import annotations

import numpy as np

from ttc_explorer.search.selector import Floats, SolutionFeatures, selector


@selector(
    "majority",
    title="Majority",
    summary="Every finished solution has one vote. Needs no verifier.",
    needs="nothing",
)
def majority(features: SolutionFeatures) -> Floats:
    """One for every solution. Revisions are counted flat, all attempts of all chains: the paper's
    hierarchical majority failed (arXiv 2408.03314, section 6)."""
    return np.ones_like(features.tokens)
