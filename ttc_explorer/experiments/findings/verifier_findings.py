"""F15 to F17: what makes a good score, and how it should count (arXiv 2408.03314, section 5.1)."""

from __future__ import annotations

import numpy as np

from ttc_explorer.experiments.findings.resampled_results import (
    Floats,
    ResampledResults,
    chart_row,
    complete_question_count,
    join_numbers,
    log2_slope,
)
from ttc_explorer.experiments.findings.verdict import (
    Claim,
    FindingChart,
    FindingMeasurement,
    InsufficientData,
)

SAMPLES_AXIS = "Samples N"
AGGREGATE_MARGIN = 0.015
"""The difference in accuracy that counts as none."""
ORM = "orm"


def last_step_against_minimum(study: ResampledResults) -> FindingMeasurement:
    """F15a: the score of the last step chooses at least as well as the lowest of the steps."""
    return _last_step_against(study, "min", "minimum")


def last_step_against_product(study: ResampledResults) -> FindingMeasurement:
    """F15b: the score of the last step chooses at least as well as the product of the steps."""
    return _last_step_against(study, "prod", "product")


def _last_step_against(study: ResampledResults, rival: str, words: str) -> FindingMeasurement:
    """Above the other, or no different from it."""
    curves = {
        aggregate: _selection_accuracy_by_k(study, f"score_{aggregate}")
        for aggregate in ("last", "min", "prod", "mean")
    }
    budgets = _ks_with_choice(curves["last"])
    gap = np.mean([curves["last"][k] - curves[rival][k] for k in budgets], axis=0)
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
        test="Accuracy of weighted best-of-N by the score of the last step less that by the "
        f"{words} of the steps, mean over N = {join_numbers(budgets)}: above 0, or within "
        f"{100 * AGGREGATE_MARGIN:g} points of it.",
        estimates={f"Last step less {words}": study.mean(gap)},
        unit="points",
        claim=Claim(above=0, margin=AGGREGATE_MARGIN),
        questions=complete_question_count(gap),
        chart=FindingChart(SAMPLES_AXIS, "Accuracy, weighted", rows),
    )


def prm_against_orm(study: ResampledResults) -> FindingMeasurement:
    """F16a: the PRM chooses better than the ORM at the largest N."""
    gaps, chart = _prm_less_orm(study)
    largest = max(gaps)
    return FindingMeasurement(
        test=f"Accuracy of weighted best-of-{largest} with the PRM less that with the ORM: above "
        "0.",
        estimates={f"N = {k}": study.mean(gaps[k]) for k in sorted(gaps, reverse=True)},
        unit="points",
        claim=Claim(above=0),
        questions=complete_question_count(*gaps.values()),
        chart=chart,
        untestable=study.unequal_training(str(study.results.about["verifier"]), ORM),
    )


def prm_gain_with_samples(study: ResampledResults) -> FindingMeasurement:
    """F16b: the gain of the PRM over the ORM grows with N."""
    gaps, chart = _prm_less_orm(study)
    return FindingMeasurement(
        test="Accuracy of weighted best-of-N with the PRM less that with the ORM: its slope in log "
        "N above 0.",
        estimates={"Slope": log2_slope(list(gaps), [study.mean(gap) for gap in gaps.values()])},
        unit="slope",
        claim=Claim(above=0),
        questions=complete_question_count(*gaps.values()),
        chart=chart,
        untestable=study.unequal_training(str(study.results.about["verifier"]), ORM),
    )


def _prm_less_orm(study: ResampledResults) -> tuple[dict[int, Floats], FindingChart]:
    prm, orm = (
        _selection_accuracy_by_k(study, "score_last"),
        _selection_accuracy_by_k(study, "score_orm"),
    )
    rows = [
        chart_row(name, tone, k, study.mean(value))
        for curve, name, tone in ((orm, "ORM", "series-green-dashed"), (prm, "PRM", "series-blue"))
        for k, value in curve.items()
    ]
    gaps = {k: prm[k] - orm[k] for k in _ks_with_choice(prm)}
    return gaps, FindingChart(SAMPLES_AXIS, "Accuracy, weighted", rows)


def weighted_votes(study: ResampledResults) -> FindingMeasurement:
    """F17: the answer with the largest sum of scores is right more often than the best single
    solution."""
    weighted, best = (
        _selection_accuracy_by_k(study, "score"),
        _selection_accuracy_by_k(study, "score", "best"),
    )
    budgets = _ks_with_choice(weighted)
    gap = np.mean([weighted[k] - best[k] for k in budgets], axis=0)
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
        estimates={"Weighted less plain": study.mean(gap)},
        unit="points",
        claim=Claim(above=0),
        questions=complete_question_count(gap),
        chart=FindingChart(SAMPLES_AXIS, "Accuracy", rows),
    )


def _selection_accuracy_by_k(
    study: ResampledResults, score: str, selector: str = "weighted"
) -> dict[int, Floats]:
    """What choosing by a column of scores is worth, by k, (Q,) each. Raises InsufficientData where
    the pool was not scored so."""
    pool = study.table("pool")
    if score not in pool or pool[score].isna().all():
        raise InsufficientData(
            f"The pool was not scored by {SCORE_DESCRIPTIONS.get(score, 'a verifier')}."
        )
    return study.pool_accuracy(score, selector)


def _ks_with_choice(curve: dict[int, Floats]) -> list[int]:
    """The k at which there is something to choose."""
    budgets = [k for k in curve if k > 1]
    if not budgets:
        raise InsufficientData("The pool has too few samples a question: at least 16 are needed.")
    return budgets


SCORE_DESCRIPTIONS = {"score_orm": "an outcome verifier (ORM)"}
