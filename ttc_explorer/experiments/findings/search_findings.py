"""F1 to F6: search against the verifier (arXiv 2408.03314, section 5.3). Answers are weighted
best-of-N, beam search is that with M = 4, and bins are oracle bins from separate samples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ttc_explorer.experiments.cross_fitting import CROSS_FIT_REPEATS, cross_fitted_arms
from ttc_explorer.experiments.difficulty import Ints
from ttc_explorer.experiments.findings.resampled_results import (
    BEST_OF_N,
    EASY_BINS,
    HARDEST_BINS,
    MIDDLE_BINS,
    ArmKey,
    Floats,
    ResampledResults,
    arm_label,
    chart_row,
    complete_question_count,
    format_points,
    join_numbers,
    log2_slope,
)
from ttc_explorer.experiments.findings.verdict import (
    Claim,
    FindingChart,
    FindingMeasurement,
    InsufficientData,
)

SMALL_BUDGETS, LARGE_BUDGET = (4, 16), 256
"""Small budgets, and the large one."""
EQUIVALENCE_MARGIN = 0.05
"""The gain in accuracy that counts as none on the hardest questions."""
SAMPLES_AXIS = "Samples N"


def small_budgets(study: ResampledResults) -> FindingMeasurement:
    """F1: beam search less best-of-N is above 0 at N = 4 and at N = 16.

    Args:
        study: the results of one model, with resamples of its questions.

    Returns:
        The figure in every resample, its claims, and its chart.

    Raises:
        InsufficientData: beam search was not run at one of these budgets.
    """
    beam = study.arm("beam", width=4)
    budgets = [budget for budget in study.budgets(beam, BEST_OF_N) if budget in SMALL_BUDGETS]
    if not budgets:
        raise InsufficientData(f"Beam search was not run at N = {join_numbers(SMALL_BUDGETS)}.")
    gaps = [study.mean(study.gap(beam, BEST_OF_N, budget)) for budget in budgets]
    each = (
        f"{format_points(gap[0])} at N = {budget}"
        for budget, gap in zip(budgets, gaps, strict=True)
    )
    return FindingMeasurement(
        test=f"Accuracy of beam search less that of best-of-N at N = {join_numbers(budgets)}: "
        "each above 0. The "
        "figure is their mean.",
        estimate_draws=np.mean(gaps, axis=0),
        unit="points",
        claims=[Claim(gap, above=0) for gap in gaps],
        questions=complete_question_count(
            *(study.gap(beam, BEST_OF_N, budget) for budget in budgets)
        ),
        chart=_accuracy_chart(study, beam),
        said=f"{', '.join(each)}.",
    )


def large_budgets(study: ResampledResults) -> FindingMeasurement:
    """F2: at the largest budget the difference is below 0, and it falls as N doubles."""
    beam = study.arm("beam", width=4)
    budgets = study.budgets(beam, BEST_OF_N, at_least=min(SMALL_BUDGETS))
    gaps = [study.mean(study.gap(beam, BEST_OF_N, budget)) for budget in budgets]
    falling = log2_slope(budgets, gaps)
    return FindingMeasurement(
        test=f"Accuracy of beam search less that of best-of-N at N = {budgets[-1]}: below 0; and "
        "its slope "
        "in log N: below 0.",
        estimate_draws=gaps[-1],
        unit="points",
        claims=[Claim(gaps[-1], below=0), Claim(falling, below=0)],
        questions=complete_question_count(study.gap(beam, BEST_OF_N, budgets[-1])),
        chart=_accuracy_chart(study, beam),
        said="Each doubling of N changes the difference by "
        f"{format_points(falling[0])}.{_budget_caveat(budgets[-1])}",
    )


def easy_questions(study: ResampledResults) -> FindingMeasurement:
    """F3: in bins 1 and 2, from N = 16 up, the score of beam search's best solution rises, accuracy
    falls.

    Args:
        study: the results of one model, with resamples of its questions.

    Returns:
        The figure in every resample, its claims, and its chart.

    Raises:
        InsufficientData: beam search was not run at two budgets from 16 up.
    """
    beam = study.arm("beam", width=4)
    budgets = study.budgets(beam, at_least=max(SMALL_BUDGETS))
    first, last = budgets[0], budgets[-1]
    if first == last:
        raise InsufficientData("Beam search was not run at two budgets from 16 up.")
    scores = top_scores(study, beam)
    rise = study.mean(scores[last] - scores[first], EASY_BINS)
    gap = study.value(beam, last) - study.value(beam, first)
    change = study.mean(gap, EASY_BINS)
    rows = study.curve_rows(beam, "accuracy", "beam", bins=EASY_BINS)
    rows += [
        chart_row("best solution's score", "best", budget, study.mean(score, EASY_BINS))
        for budget, score in scores.items()
    ]
    return FindingMeasurement(
        test=f"Beam search in bins 1 and 2, N = {last} less N = {first}: accuracy below 0, and the "
        "verifier's score of its best solution above 0.",
        estimate_draws=change,
        unit="points",
        claims=[Claim(change, below=0), Claim(rise, above=0)],
        questions=complete_question_count(np.where(np.isin(study.bins[0], EASY_BINS), gap, np.nan)),
        chart=FindingChart(SAMPLES_AXIS, "Accuracy and score, bins 1 and 2", rows),
        said=f"The score of the best solution changes by {rise[0]:+.3f}.{_budget_caveat(last)}",
    )


def harder_questions(study: ResampledResults) -> FindingMeasurement:
    """F4: in bins 3 and 4 the mean difference over the budgets is above 0."""
    beam = study.arm("beam", width=4)
    budgets = study.budgets(beam, BEST_OF_N, at_least=min(SMALL_BUDGETS))
    gap = np.mean([study.gap(beam, BEST_OF_N, budget) for budget in budgets], axis=0)
    mean = study.mean(gap, MIDDLE_BINS)
    return FindingMeasurement(
        test="Accuracy of beam search less that of best-of-N in bins 3 and 4, mean over "
        f"N = {join_numbers(budgets)}: above 0.",
        estimate_draws=mean,
        unit="points",
        claims=[Claim(mean, above=0)],
        questions=complete_question_count(
            np.where(np.isin(study.bins[0], MIDDLE_BINS), gap, np.nan)
        ),
        chart=_accuracy_chart(study, beam, MIDDLE_BINS, "Accuracy, bins 3 and 4"),
    )


def hardest_questions(study: ResampledResults) -> FindingMeasurement:
    """F5: in bin 5 the best method gains less than 5 points over one sample, up or down."""
    budget = study.budgets(BEST_OF_N, study.arm("beam", width=4))[-1]
    single = study.value(BEST_OF_N, study.budgets(BEST_OF_N)[0])
    measured_arms = [arm for arm in study.measured_arms(budget) if arm[0] != "auto"]
    gains = np.stack([study.value(arm, budget) - single for arm in measured_arms])
    is_measured = np.isfinite(gains).all(axis=0)
    gains = np.where(is_measured, gains, 0.0)
    rng = np.random.default_rng(study.seed)

    def gain(weight: Floats, bins: Ints) -> float:
        weight = weight * (is_measured & np.isin(bins, HARDEST_BINS))
        chosen = cross_fitted_arms(gains, bins, weight, rng)
        return float(gains[chosen, np.arange(len(weight))] @ weight / max(1.0, weight.sum()))

    draws = np.array([gain(*drawn) for drawn in zip(study.weights, study.bins, strict=True)])
    draws[0] = np.mean([gain(study.weights[0], study.bins[0]) for _ in range(CROSS_FIT_REPEATS)])
    rows = [
        each
        for arm in measured_arms
        for each in study.curve_rows(arm, arm_label(arm), arm[0], bins=HARDEST_BINS)
    ]
    return FindingMeasurement(
        test=f"Accuracy of the best of {len(measured_arms)} methods at N = {budget} less that of "
        "one sample, "
        "in bin 5: within 5 points (two one-sided tests). Chosen on one half of "
        "the bin, measured on the other.",
        estimate_draws=draws,
        unit="points",
        claims=[Claim(draws, above=-EQUIVALENCE_MARGIN, below=EQUIVALENCE_MARGIN)],
        questions=complete_question_count(
            np.where(is_measured & np.isin(study.bins[0], HARDEST_BINS), 0.0, np.nan)
        ),
        chart=FindingChart(SAMPLES_AXIS, "Accuracy, bin 5", rows),
    )


def lookahead_at_equal_cost(study: ResampledResults) -> FindingMeasurement:
    """F6: lookahead search at N is worse than beam search at N(k + 1), which costs as much.

    Args:
        study: the results of one model, with resamples of its questions.

    Returns:
        The figure in every resample, its claims, and its chart.

    Raises:
        InsufficientData: one of the two searches was not run at budgets that cost the same.
    """
    beam, lookahead_arm = study.arm("beam", width=4), study.arm("lookahead", width=4, lookahead=1)
    smallest_budget, *_, largest_budget = study.budgets(beam) * 2
    budgets = [
        budget
        for budget in study.budgets(lookahead_arm)
        if smallest_budget <= 2 * budget <= largest_budget
    ]
    if not budgets:
        raise InsufficientData(
            "Beam search was not run at the budgets that lookahead search costs."
        )
    gap = np.mean(
        [
            study.value(lookahead_arm, budget) - study.interpolated_value(beam, 2 * budget)
            for budget in budgets
        ],
        axis=0,
    )
    mean = study.mean(gap)
    rows = study.curve_rows(beam, "beam search", "beam")
    rows += [
        each | {"x": 2 * each["x"]}
        for each in study.curve_rows(lookahead_arm, "lookahead, k = 1", "lookahead")
    ]
    return FindingMeasurement(
        test=f"Accuracy of lookahead search (k = 1) at N = {join_numbers(budgets)} less that of "
        "beam search at 2N, "
        "mean: below 0. Beam search between two budgets by a straight line in log N.",
        estimate_draws=mean,
        unit="points",
        claims=[Claim(mean, below=0)],
        questions=complete_question_count(gap),
        chart=FindingChart("Samples paid for, N(k + 1)", "Accuracy", rows),
    )


def top_scores(study: ResampledResults, arm: ArmKey) -> dict[int, Floats]:
    """The verifier's score of the best solution of a run, by budget: (Q,) each."""
    runs = study.table("runs")
    runs = runs[(runs["strategy"] == arm[0]) & (runs["settings"] == arm[1])]
    means = runs.groupby(["budget", "question"])["top_score"].mean()
    return {
        budget: means[budget].reindex(study.questions).to_numpy(float)
        for budget in study.budgets(arm)
    }


def _accuracy_chart(
    study: ResampledResults, beam: ArmKey, bins: Sequence[int] = (), y: str = "Accuracy"
) -> FindingChart:
    rows = study.curve_rows(beam, "beam search", "beam", bins=bins)
    return FindingChart(
        SAMPLES_AXIS, y, study.curve_rows(BEST_OF_N, "best-of-N", "best_of_n", bins=bins) + rows
    )


def _budget_caveat(budget: int) -> str:
    return "" if budget >= LARGE_BUDGET else f" {budget} is the largest N that was run."
