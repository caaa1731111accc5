"""F15 to F17: what makes a good score, and how it should count (arXiv 2408.03314, section 5.1)."""

from __future__ import annotations

import numpy as np

from ttc_explorer.experiments.estimators import success_at_k
from ttc_explorer.experiments.findings.resampled_results import (
    Floats,
    ResampledResults,
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
from ttc_explorer.experiments.pool import question_blocks

SAMPLES_AXIS = "Samples N"


def last_step_aggregation(study: ResampledResults) -> FindingMeasurement:
    """F15: the score of the last step chooses better than the lowest of the steps, and than their
    product."""
    curves = {
        aggregate: _selection_accuracy_by_k(study, f"score_{aggregate}")
        for aggregate in ("last", "min", "prod", "mean")
    }
    budgets = _ks_with_choice(curves["last"])
    gaps = [
        np.mean([curves["last"][k] - curves[aggregate][k] for k in budgets], axis=0)
        for aggregate in ("min", "prod")
    ]
    means = [study.mean(gap) for gap in gaps]
    rows = [
        chart_row(name, tone, k, study.mean(value))
        for aggregate, name, tone in (
            ("last", "last step", "series-blue"),
            ("min", "minimum", "series-vermilion-dashed"),
            ("prod", "product", "series-plum"),
            ("mean", "mean", "series-green-dashed"),
        )
        for k, value in curves[aggregate].items()
    ]
    return FindingMeasurement(
        test="Accuracy of weighted best-of-N by the score of the last step, less that by the "
        "minimum and "
        f"less that by the product of the steps, mean over N = {join_numbers(budgets)}: each "
        "above 0. The "
        "figure is the smaller.",
        estimate_draws=min(means, key=lambda draws: draws[0]),
        unit="points",
        claims=[Claim(mean, above=0) for mean in means],
        questions=complete_question_count(*gaps),
        chart=FindingChart(SAMPLES_AXIS, "Accuracy, weighted", rows),
        said=f"Against the minimum {format_points(means[0][0])}, against the product "
        f"{format_points(means[1][0])}.",
    )


def prm_against_orm(study: ResampledResults) -> FindingMeasurement:
    """F16: the PRM chooses better than the ORM at the largest N, by more the larger N."""
    prm, orm = (
        _selection_accuracy_by_k(study, "score_last"),
        _selection_accuracy_by_k(study, "score_orm"),
    )
    budgets = _ks_with_choice(prm)
    gaps = [prm[k] - orm[k] for k in budgets]
    means = [study.mean(gap) for gap in gaps]
    growth = log2_slope(budgets, means)
    rows = [
        chart_row(name, tone, k, study.mean(value))
        for curve, name, tone in ((orm, "ORM", "series-green-dashed"), (prm, "PRM", "series-blue"))
        for k, value in curve.items()
    ]
    return FindingMeasurement(
        test="Accuracy of weighted best-of-N with the PRM less that with the ORM: above 0 at "
        f"N = {budgets[-1]}, and its slope in log N above 0. The figure is the slope.",
        estimate_draws=growth,
        unit="slope",
        claims=[Claim(means[-1], above=0), Claim(growth, above=0)],
        questions=complete_question_count(*gaps),
        chart=FindingChart(SAMPLES_AXIS, "Accuracy, weighted", rows),
        said=f"At N = {budgets[-1]} the PRM is ahead by {format_points(means[-1][0])}.",
    )


def weighted_votes(study: ResampledResults) -> FindingMeasurement:
    """F17: the answer with the largest sum of scores is right more often than the best single
    solution."""
    weighted, best = (
        _selection_accuracy_by_k(study, "score"),
        _selection_accuracy_by_k(study, "score", "best"),
    )
    budgets = _ks_with_choice(weighted)
    gap = np.mean([weighted[k] - best[k] for k in budgets], axis=0)
    draws = study.mean(gap)
    rows = [
        chart_row(name, tone, k, study.mean(value))
        for curve, name, tone in (
            (best, "best-of-N", "best"),
            (weighted, "weighted best-of-N", "weighted"),
        )
        for k, value in curve.items()
    ]
    return FindingMeasurement(
        test="Accuracy of weighted best-of-N less that of plain best-of-N, mean over N = "
        f"{join_numbers(budgets)}: "
        "above 0.",
        estimate_draws=draws,
        unit="points",
        claims=[Claim(draws, above=0)],
        questions=complete_question_count(gap),
        chart=FindingChart(SAMPLES_AXIS, "Accuracy", rows),
    )


def _selection_accuracy_by_k(
    study: ResampledResults, score: str, selector: str = "weighted"
) -> dict[int, Floats]:
    """What choosing by a column of scores is worth, by k: 1, 4, 16 … up to a quarter of the
    samples, as votes over more are hardly of independent subsets. (Q,) each."""
    pool = study.table("pool")
    if score not in pool or pool[score].isna().all():
        raise InsufficientData(
            f"The pool was not scored by {SCORE_DESCRIPTIONS.get(score, 'a verifier')}."
        )
    (*_, largest) = question_blocks(pool)
    ks = [4**power for power in range(5) if 4 * 4**power <= largest.samples]
    values_by_k = {k: np.full(len(study.questions), np.nan) for k in ks}
    for block in question_blocks(pool):
        valid_ks = [k for k in ks if k <= block.samples]
        values = success_at_k(
            selector, block.labels, block.correct, block.features(score), valid_ks, study.seed
        )
        for k, column in zip(valid_ks, values.T, strict=True):
            values_by_k[k][np.searchsorted(study.questions, block.questions)] = column
    return values_by_k


def _ks_with_choice(curve: dict[int, Floats]) -> list[int]:
    """The k at which there is something to choose."""
    budgets = [k for k in curve if k > 1]
    if not budgets:
        raise InsufficientData("The pool has too few samples a question: at least 16 are needed.")
    return budgets


SCORE_DESCRIPTIONS = {"score_orm": "an outcome verifier (ORM)"}
