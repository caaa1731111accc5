"""F14: a small model that thinks longer against a larger one at equal FLOPs (arXiv 2408.03314, section 7)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ttc_explorer.experiments.exchange import RATIOS, multiplier
from ttc_explorer.experiments.findings.study import BEST_OF_N, HARDEST, Floats, Study, asked, points, row
from ttc_explorer.experiments.findings.verdict import Chart, Claim, Measured, Untested

EASIER = (1, 2, 3)
"""Bins in which the small model should win where few questions will be asked."""


def small_or_large(study: Study, others: Sequence[Study]) -> Measured:
    """F14: at the smallest R the small model wins in bins 1 to 3, at the largest R it loses in bin 5."""
    own = study.results.about["parameters"]
    larger = [other for other in others if other.results.about["parameters"] > own]
    if not larger:
        raise Untested("There are no results of a larger model yet.")
    large = max(larger, key=lambda other: other.results.about["parameters"])
    times = large.results.about["parameters"] / own
    theirs = _greedy(study, large)
    measured = study.budgets(BEST_OF_N)
    spent = {ratio: min(multiplier(times, ratio), measured[-1]) for ratio in RATIOS}
    gaps = {ratio: study.between(BEST_OF_N, budget) - theirs for ratio, budget in spent.items()}
    easier = study.mean(gaps[RATIOS[0]], EASIER)
    hardest = study.mean(gaps[RATIOS[-1]], HARDEST)
    rows = [
        row(f"R = {ratio:g}", tone, bin, study.mean(gap, (bin,)))
        for (ratio, gap), tone in zip(gaps.items(), ("best_of_n", "dvts", "beam"), strict=True)
        for bin in range(1, 6)
    ]
    said = f"The larger model is {times:.1f} times as large. In bin 5: {points(hardest[0])}."
    if multiplier(times, RATIOS[0]) > measured[-1]:
        said += f" The small one could spend N = {multiplier(times, RATIOS[0]):.0f}; {measured[-1]} were run."
    return Measured(
        test=f"Accuracy of {study.results.about['model']} with weighted best-of-N less that of "
        f"{large.results.about['model']} with one greedy solution, at equal FLOPs: above 0 in bins 1 to 3 at "
        f"R = {RATIOS[0]}, below 0 in bin 5 at R = {RATIOS[-1]:g}. The figure is the first.",
        shown=easier,
        unit="points",
        claims=[Claim(easier, above=0), Claim(hardest, below=0)],
        questions=asked(gaps[RATIOS[0]]),
        chart=Chart("Difficulty bin, 1 easiest", "Small less large", rows, "difference", log=False),
        said=said,
    )


def _greedy(study: Study, large: Study) -> Floats:
    """What the large model is worth on the small one's questions, found by their text: greedy, or else one
    sample."""
    greedy = ("greedy", "{}")
    arm = greedy if greedy in large.methods(1) else BEST_OF_N
    large.budgets(arm)
    texts = large.results.problems.set_index("question")["text"]
    worth = dict(zip(texts.reindex(large.questions), large.value(arm, 1), strict=True))
    mine = study.results.problems.set_index("question")["text"].reindex(study.questions)
    values = np.array([worth.get(text, np.nan) for text in mine])
    if np.isnan(values).all():
        raise Untested("The larger model was not asked the same questions.")
    return values
