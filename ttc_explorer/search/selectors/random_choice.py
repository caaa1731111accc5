"""Random: the baseline that every vote must beat."""

from __future__ import annotations

from ttc_explorer.search.selector import Floats, SolutionFeatures, selector


@selector(
    "random",
    title="Random",
    summary="One finished solution, drawn by lot, decides: what any other selector must beat.",
    needs="nothing",
    combine="max",
)
def random_choice(features: SolutionFeatures) -> Floats:
    """The highest lot decides: a solution with a readable answer, each as likely as any other."""
    return features.draw
