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
)
from ttc_explorer.experiments.findings.verdict import (
    Claim,
    FindingChart,
    FindingMeasurement,
    InsufficientData,
)
from ttc_explorer.experiments.model_size_exchange import (
    PAPER_RATIOS,
    greedy_answers,
    inference_multiplier,
)

EASIER_BINS = (1, 2, 3)
"""Bins in which the small model should win where few questions will be asked."""


def small_wins_easier_questions(
    study: ResampledResults, others: Sequence[ResampledResults]
) -> FindingMeasurement:
    """F14a: at the smallest R the small model wins in bins 1 to 3."""
    return _small_against_large(study, others, PAPER_RATIOS[0], EASIER_BINS, Claim(above=0))


def large_wins_hardest_questions(
    study: ResampledResults, others: Sequence[ResampledResults]
) -> FindingMeasurement:
    """F14b: at the largest R the small model loses in bin 5."""
    return _small_against_large(study, others, PAPER_RATIOS[-1], HARDEST_BINS, Claim(below=0))


def _small_against_large(
    study: ResampledResults,
    others: Sequence[ResampledResults],
    ratio: float,
    bins: Sequence[int],
    claim: Claim,
) -> FindingMeasurement:
    """The verifier is counted in the figure that is tested, and left out in the one beside it.

    Args:
        study: the results of one model, with resamples of its questions.
        others: those of other models.
        ratio: R.
        bins: of difficulty.
        claim: about small less large.

    Returns:
        The figure in every resample, its claim, and its chart.

    Raises:
        InsufficientData: there are no results of a larger model, or m is beyond what was measured.
    """
    about = study.results.about
    larger = [each for each in others if each.results.about["parameters"] > about["parameters"]]
    if not larger:
        raise InsufficientData("There are no results of a larger model yet.")
    large = max(larger, key=lambda other: other.results.about["parameters"])
    times = large.results.about["parameters"] / about["parameters"]
    share = (about["verifier_parameters"] or 0) / about["parameters"]
    accuracy = _greedy_accuracy(study, large)

    def gap(at_ratio: float, verifier: float) -> tuple[Floats, float]:
        budget = inference_multiplier(times, at_ratio, verifier)
        return study.interpolated_value(BEST_OF_N, budget) - accuracy, budget

    counted, budget = gap(ratio, share)
    figures = {f"verifier counted, N = {budget:.3g}": study.mean(counted, bins)}
    try:
        free, unpaid = gap(ratio, 0.0)
        figures[f"verifier left out, N = {unpaid:.3g}"] = study.mean(free, bins)
    except InsufficientData:
        pass
    rows = []
    for each, tone in zip(
        PAPER_RATIOS, ("series-blue", "series-green", "series-vermilion"), strict=True
    ):
        try:
            values, _ = gap(each, share)
        except InsufficientData:
            continue
        rows += [
            chart_row(f"R = {each:g}", tone, bin, study.mean(values, (bin,))) for bin in range(1, 6)
        ]
    words = f"bin{'s' if len(bins) > 1 else ''} {bins[0]}" + (
        f" to {bins[-1]}" if len(bins) > 1 else ""
    )
    side = "above" if claim.above == 0 else "below"
    return FindingMeasurement(
        test=f"Accuracy of {about['model']} with weighted best-of-N less that of "
        f"{large.results.about['model']} answering greedily, at equal FLOPs with the verifier "
        f"counted, in {words} at R = {ratio:g}: {side} 0.",
        estimates=figures,
        unit="points",
        claim=claim,
        questions=complete_question_count(np.where(np.isin(study.bins[0], bins), counted, np.nan)),
        chart=FindingChart(
            "Difficulty bin, 1 easiest", "Small less large", rows, "difference", log=False
        ),
        said=f"The larger model is {times:.1f} times as large. The page Exchange shows every bin "
        "and R, thinking by best-of-N or by the policy.",
    )


def _greedy_accuracy(study: ResampledResults, large: ResampledResults) -> Floats:
    """What the large model's greedy answer is worth on the small one's questions, found by their
    text."""
    value = greedy_answers(large.evidence)["value"]
    texts = large.results.problems.set_index("question")["text"]
    value_by_text = dict(zip(texts.reindex(value.index), value, strict=True))
    own_texts = study.results.problems.set_index("question")["text"].reindex(study.questions)
    values = np.array([value_by_text.get(text, np.nan) for text in own_texts], float)
    if np.isnan(values).all():
        raise InsufficientData("The larger model was not asked the same questions.")
    return values
