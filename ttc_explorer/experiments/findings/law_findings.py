"""L1: search gains in the measure in which the verifier can judge the deciding step.

Not a claim of the paper: what its claims F1, F2, F4 and F6 depend on. Across the families of
problems the gain of each search over best-of-N is regressed on the verifier's AUC at the step where
the family's first errors fall (``early_judgement.py``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ttc_explorer.experiments.early_judgement import JUDGES_EARLY
from ttc_explorer.experiments.findings.resampled_results import (
    BEST_OF_N,
    Floats,
    ResampledResults,
)
from ttc_explorer.experiments.findings.search_findings import measured_searches
from ttc_explorer.experiments.findings.verdict import (
    Claim,
    FindingChart,
    FindingMeasurement,
    InsufficientData,
    interval_at_level,
)

LAW_BUDGET = 16
"""Samples at which searches are compared across families."""
MIN_FAMILIES = 4
AUC_STEP = 0.1
"""A slope is said for so much more AUC."""
FIT_LINE = "fit"
"""Name of the regression line among the families of the chart."""


def search_gain_and_early_judgement(study: ResampledResults) -> FindingMeasurement:
    """L1: the slope of the gain in the AUC, across families, is above 0.

    Both are uncertain, and so is which families there are: a resample draws questions and families.

    Args:
        study: the results of one model, with resamples of its questions.

    Returns:
        The slope of each search in every resample, its claim, and gain against AUC by family.

    Raises:
        InsufficientData: the probe was not checked line by line, or has too few families.
    """
    early = study.early
    if early is None:
        raise InsufficientData("The probe has no families of problems, or no line of it is judged.")
    families = [
        family
        for family in early.families.index[early.families["auc"].notna()]
        if (study.families == family).any()
    ]
    if len(families) < MIN_FAMILIES:
        raise InsufficientData(f"A slope across families needs {MIN_FAMILIES} of them.")
    of_family = study.families.reindex(study.questions).to_numpy(object)
    member = np.stack([of_family == family for family in families], axis=1).astype(float)
    auc = _family_means(study, early.by_question.reindex(study.questions).to_numpy(float), member)
    drawn_families = np.random.default_rng(study.seed).multinomial(
        len(families), np.full(len(families), 1 / len(families)), size=study.resamples
    )
    multiplicity = np.concatenate([np.ones((1, len(families))), drawn_families])

    figures: dict[str, Floats] = {}
    rows: list[dict[str, Any]] = []
    measured: list[Floats] = []
    for name, arm in measured_searches(study).items():
        if LAW_BUDGET not in study.budgets(arm):
            continue
        gap = study.gap(arm, BEST_OF_N, LAW_BUDGET)
        if any(np.array_equal(gap, other, equal_nan=True) for other in measured):
            continue  # at N = 16, M = 4 and M = √N are one search
        measured.append(gap)
        gain = _family_means(study, gap, member)
        slope, middle = weighted_slope(auc, gain, multiplicity)
        figures[name] = AUC_STEP * slope
        rows += [
            _family_row(name, arm[0], *each) for each in zip(families, auc.T, gain.T, strict=True)
        ]
        rows += _fit_rows(name, auc[0], slope[0], middle[0])
    if not figures:
        raise InsufficientData(f"No search was run at N = {LAW_BUDGET}.")
    low, high = float(auc[0].min()), float(auc[0].max())
    return FindingMeasurement(
        test=f"Accuracy of beam search less that of best-of-N at N = {LAW_BUDGET}, by family, "
        "regressed on the verifier's AUC at the step where the family's first errors fall: slope "
        "above 0. Families and questions are resampled.",
        estimates=figures,
        unit="auc_slope",
        claim=Claim(above=0),
        questions=int(np.isfinite(np.stack(measured)).all(axis=0).sum()),
        chart=FindingChart(
            "AUC of the verifier at the deciding step", "Gain over best-of-N", rows, "difference",
            log=False,
        ),
        said=f"{len(families)} families, AUC from {low:.2f} to {high:.2f}; a verifier is said to "
        f"judge the deciding step from {JUDGES_EARLY} on.",
    )  # fmt: skip


def weighted_slope(x: Floats, y: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Least-squares lines y = slope · (x − mean of x) + mean of y, one a row.

    Args:
        x: (rows, points).
        y: (rows, points).
        weight: how often each point counts, (rows, points).

    Returns:
        The slope, and the height of the line at x = 0, (rows,) each. Where all x are equal the
        slope is that of the first row.
    """
    total = weight.sum(axis=1)
    x_mean, y_mean = ((weight * each).sum(axis=1) / total for each in (x, y))
    off = x - x_mean[:, None]
    spread = (weight * off**2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (weight * off * (y - y_mean[:, None])).sum(axis=1) / spread
    slope = np.where(spread > 1e-12, slope, slope[0])
    return slope, y_mean - slope * x_mean


def _family_means(study: ResampledResults, values: Floats, member: Floats) -> Floats:
    """The mean of each family in every resample, (1 + resamples, families); that of all questions
    where a resample has none."""
    known = np.isfinite(values)
    size = study.weights @ (member * known[:, None])
    sums = study.weights @ (member * np.where(known, values, 0.0)[:, None])
    means = np.divide(sums, size, out=np.zeros_like(sums), where=size > 0)
    found: Floats = np.where(size > 0, means, means[0])
    return found


def _family_row(search: str, tone: str, family: str, auc: Floats, gain: Floats) -> dict[str, Any]:
    interval = interval_at_level(gain, 0.05)
    return {
        "panel": search, "line": family, "tone": tone, "x": float(auc[0]), "y": float(gain[0]),
        "low": interval.low, "high": interval.high,
    }  # fmt: skip


def _fit_rows(
    search: str, auc: NDArray[np.float64], slope: float, height: float
) -> list[dict[str, Any]]:
    ends = (float(auc.min()), float(auc.max()))
    return [
        {"panel": search, "line": FIT_LINE, "tone": "series-ink", "x": x}
        | dict.fromkeys(("y", "low", "high"), float(height + slope * x))
        for x in ends
    ]


def steps_that_end_at_their_check(study: ResampledResults) -> FindingMeasurement:
    """L2: beam search gains when a step ends where its check stands.

    Raises:
        InsufficientData: the tables hold one way of cutting steps only.
    """
    raise InsufficientData(
        "Not yet measured in these tables: they hold steps of a line only. The next sweep runs "
        "every search with both cuts."
    )
