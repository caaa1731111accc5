"""F14: a small model that thinks longer against a larger one at equal FLOPs (arXiv 2408.03314,
section 7)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ttc_explorer.experiments.findings.resampled_results import (
    BEST_OF_N,
    HARDEST_BINS,
    Floats,
    ResampledResults,
    chart_row,
    complete_question_count,
    format_points,
)
from ttc_explorer.experiments.findings.verdict import (
    Claim,
    FindingChart,
    FindingMeasurement,
    InsufficientData,
)
from ttc_explorer.experiments.model_size_exchange import PAPER_RATIOS, inference_multiplier

EASIER_BINS = (1, 2, 3)
"""Bins in which the small model should win where few questions will be asked."""


def small_against_large(
    study: ResampledResults, others: Sequence[ResampledResults]
) -> FindingMeasurement:
    """F14: at the smallest R the small model wins in bins 1 to 3, at the largest R it loses in bin
    5.

    Args:
        study: the results of one model, with resamples of its questions.
        others: those of other models.

    Returns:
        The figure in every resample, its claims, and its chart.

    Raises:
        InsufficientData: there are no results of a larger model.
    """
    small_parameters = study.results.about["parameters"]
    larger = [other for other in others if other.results.about["parameters"] > small_parameters]
    if not larger:
        raise InsufficientData("There are no results of a larger model yet.")
    large = max(larger, key=lambda other: other.results.about["parameters"])
    times = large.results.about["parameters"] / small_parameters
    large_greedy = _greedy_accuracy(study, large)
    measured = study.budgets(BEST_OF_N)
    small_budgets = {
        ratio: min(inference_multiplier(times, ratio), measured[-1]) for ratio in PAPER_RATIOS
    }
    gaps = {
        ratio: study.interpolated_value(BEST_OF_N, budget) - large_greedy
        for ratio, budget in small_budgets.items()
    }
    easier = study.mean(gaps[PAPER_RATIOS[0]], EASIER_BINS)
    hardest = study.mean(gaps[PAPER_RATIOS[-1]], HARDEST_BINS)
    rows = [
        chart_row(f"R = {ratio:g}", tone, bin, study.mean(gap, (bin,)))
        for (ratio, gap), tone in zip(
            gaps.items(), ("series-blue", "series-green", "series-vermilion"), strict=True
        )
        for bin in range(1, 6)
    ]
    said = f"The larger model is {times:.1f} times as large. In bin 5: {format_points(hardest[0])}."
    if inference_multiplier(times, PAPER_RATIOS[0]) > measured[-1]:
        said += (
            " The small one could spend N = "
            f"{inference_multiplier(times, PAPER_RATIOS[0]):.0f}; {measured[-1]} were run."
        )
    return FindingMeasurement(
        test=f"Accuracy of {study.results.about['model']} with weighted best-of-N less that of "
        f"{large.results.about['model']} with one greedy solution, at equal FLOPs: above 0 in "
        "bins 1 to 3 at "
        f"R = {PAPER_RATIOS[0]}, below 0 in bin 5 at R = {PAPER_RATIOS[-1]:g}. The figure is the "
        "first.",
        estimate_draws=easier,
        unit="points",
        claims=[Claim(easier, above=0), Claim(hardest, below=0)],
        questions=complete_question_count(gaps[PAPER_RATIOS[0]]),
        chart=FindingChart(
            "Difficulty bin, 1 easiest", "Small less large", rows, "difference", log=False
        ),
        said=said,
    )


def _greedy_accuracy(study: ResampledResults, large: ResampledResults) -> Floats:
    """What the large model is worth on the small one's questions, found by their text: greedy, or
    else one sample."""
    greedy = ("greedy", "{}")
    arm = greedy if greedy in large.measured_arms(1) else BEST_OF_N
    large.budgets(arm)
    texts = large.results.problems.set_index("question")["text"]
    value_by_text = dict(zip(texts.reindex(large.questions), large.value(arm, 1), strict=True))
    own_texts = study.results.problems.set_index("question")["text"].reindex(study.questions)
    values = np.array([value_by_text.get(text, np.nan) for text in own_texts])
    if np.isnan(values).all():
        raise InsufficientData("The larger model was not asked the same questions.")
    return values
