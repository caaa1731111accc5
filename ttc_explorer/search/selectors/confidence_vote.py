"""Confidence: votes weighted by the model's own token log-probabilities (DeepConf, Fu et al., arXiv
2508.15260, section 3)."""

from __future__ import annotations

from ttc_explorer.search.selector import Floats, SolutionFeatures, selector


@selector(
    "confidence",
    title="Confidence",
    summary="Every finished solution votes with the model's own confidence in its tokens; needs no "
    "verifier.",
    needs="logprobs",
    settings=("confidence",),
)
def confidence(features: SolutionFeatures) -> Floats:
    """The model's own confidence, added up by answer."""
    return features.confidence
