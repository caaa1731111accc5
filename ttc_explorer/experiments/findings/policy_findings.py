"""F7, F8, F12 and F13: the best method for each difficulty (arXiv 2408.03314, sections 5.3 and
6.2). What is best is always chosen on one half of a bin and measured on the other
(``cross_fitting.py``); bins are oracle bins unless said otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from ttc_explorer.experiments.compute_optimal_policy import probe_cost
from ttc_explorer.experiments.cross_fitting import (
    PolicyCurves,
    arms_by_budget,
    budgets_with_alternatives,
    compute_ratio_draws,
    cross_fitted_arms,
    easiness_estimates,
    easiness_of_questions,
    policy_curves,
)
from ttc_explorer.experiments.difficulty import quintiles
from ttc_explorer.experiments.findings.resampled_results import (
    BEST_OF_N,
    Floats,
    ResampledResults,
    chart_row,
    join_numbers,
)
from ttc_explorer.experiments.findings.verdict import (
    Claim,
    FindingChart,
    FindingMeasurement,
    InsufficientData,
)

REFERENCE_BUDGET = 16
"""Where the paper reads its ratio: 16 solutions that do for 64 (sections 5.3 and 6.2)."""
EQUIVALENCE_MARGIN = 0.03
"""The difference in accuracy that counts as none."""
SEARCH_STRATEGIES = ("best_of_n", "beam", "dvts", "lookahead", "rebase", "particles", "mcts")
COST_UNIT = "flops"
"""What a saving is counted in: at equal N searches cost unequally much."""
SAMPLES_AXIS = "Samples N"
PROBE_PAID, PROBE_FREE, MEASURED_BINS = "charged", "predicted", "oracle"
"""Lines of ``policy_curves``."""


def cheaper_search(study: ResampledResults) -> FindingMeasurement:
    """F7: best-of-N needs more FLOPs than compute-optimal search, its probe included, for the
    accuracy of that at N = 16."""
    found = _predicted_policy_curves(study, "search", _search_evidence)
    measurement = _compute_saving(found, PROBE_PAID, "search, probe paid", "best-of-N")
    figures = dict(measurement.estimates)
    for line, words in ((PROBE_FREE, "probe not paid"), (MEASURED_BINS, "difficulty measured")):
        figures[words] = _saving_draws(found, line).least
    whole = study.evidence[study.evidence["strategy"] != "auto"]
    if set(whole["strategy"]) - set(SEARCH_STRATEGIES) - {"greedy"}:
        both = _predicted_policy_curves(study, "all", lambda _: whole)
        figures["revisions too, probe paid"] = _saving_draws(both, PROBE_PAID).least
    return replace(
        measurement,
        estimates=figures,
        said=f"{measurement.said} The page Policy shows the last row: it may also revise.".strip(),
    )


def predicted_difficulty(study: ResampledResults) -> FindingMeasurement:
    """F8: by predicted and by oracle bins, compute-optimal search is as accurate, within 3 points.

    Args:
        study: the results of one model, with resamples of its questions.

    Returns:
        The figure in every resample, its claim, and its chart.

    Raises:
        InsufficientData: the sweep lacks a table, or its probe has no scores.
    """
    found = _predicted_policy_curves(study, "search", _search_evidence)
    budgets = found.table["budget"].to_numpy()
    oracle, predicted = (
        _accuracy_draws(found, found.indices(name)) for name in ("oracle", "predicted")
    )
    gap = (predicted - oracle).mean(axis=1)
    rows = [
        chart_row(words, tone, budgets[place], _accuracy_draws(found, np.array([place]))[:, 0])
        for name, words, tone in (
            (None, "best-of-N", "best_of_n"),
            ("oracle", "oracle bins", "series-ink"),
            ("predicted", "predicted bins", "series-vermilion"),
        )
        for place in found.indices(name)
    ]
    return FindingMeasurement(
        test="Accuracy of compute-optimal search by predicted bins less that by oracle bins, mean "
        "over "
        f"N = {join_numbers(budgets[found.indices('oracle')])}: within 3 points (two one-sided "
        "tests).",
        estimates={"Predicted less measured": gap},
        unit="points",
        claim=Claim(above=-EQUIVALENCE_MARGIN, below=EQUIVALENCE_MARGIN),
        questions=int(found.table["questions"].iloc[0]),
        chart=FindingChart(SAMPLES_AXIS, "Accuracy", rows),
    )


def ratio_and_difficulty(study: ResampledResults) -> FindingMeasurement:
    """F12: the ratio of sequential to parallel that is best for each bin beats the one best for
    all."""
    questions, arms = arms_by_budget(_revision_evidence(study))
    arms = budgets_with_alternatives(arms)
    easiness_values = easiness_of_questions(
        easiness_estimates(study.table("probe"))["oracle"], questions
    )
    indices = np.searchsorted(study.questions, questions)
    all_questions = np.arange(len(questions))
    rng = np.random.default_rng(study.seed)

    def gain(weight: Floats) -> float:
        bins = quintiles(easiness_values, weight, rng)
        gains = []
        for each in arms.values():
            own = cross_fitted_arms(each.value, bins, weight, rng)
            one = cross_fitted_arms(each.value, np.ones_like(bins), weight, rng)
            gains.append(
                (each.value[own, all_questions] - each.value[one, all_questions])
                @ weight
                / weight.sum()
            )
        return float(np.mean(gains))

    draws = study.resample_statistic(lambda weight: gain(weight[indices]))
    draws[0] = np.mean([gain(np.ones(len(questions))) for _ in range(study.repeats)])
    largest = max(arms)
    rows = []
    for bin, name in ((1, "easiest fifth"), (3, "middle fifth"), (5, "hardest fifth")):
        for choice, value in zip(arms[largest].choices, arms[largest].value, strict=True):
            chains = dict(choice.settings).get("chains", largest)
            all_values = np.full(len(study.questions), np.nan)
            all_values[indices] = value
            tone = {1: "series-blue", 3: "series-green", 5: "series-vermilion"}[bin]
            rows.append(chart_row(name, tone, int(str(chains)), study.mean(all_values, (bin,))))
    rows.sort(key=lambda each: (each["line"], each["x"]))
    return FindingMeasurement(
        test="Accuracy of revisions at the ratio chosen for each bin less that at the ratio "
        "chosen for all, "
        f"mean over N = {join_numbers(arms)}: above 0. Chosen on one half, measured on the other.",
        estimates={"Ratio chosen by difficulty": draws},
        unit="points",
        claim=Claim(above=0, margin=EQUIVALENCE_MARGIN),
        questions=len(questions),
        chart=FindingChart(f"Chains, of N = {largest}", "Accuracy", rows),
    )


def cheaper_revisions(study: ResampledResults) -> FindingMeasurement:
    """F13: as F7, for revisions at the best ratio against all-parallel attempts of the reviser."""
    found = _predicted_policy_curves(study, "revisions", _revision_evidence)
    measurement = _compute_saving(found, PROBE_PAID, "revisions, probe paid", "parallel attempts")
    figures = dict(measurement.estimates)
    for line, words in ((PROBE_FREE, "probe not paid"), (MEASURED_BINS, "difficulty measured")):
        figures[words] = _saving_draws(found, line).least
    return replace(measurement, estimates=figures)


def _compute_saving(found: PolicyCurves, line: str, what: str, other: str) -> FindingMeasurement:
    """How many times the FLOPs of the policy ``line`` the other way needs for its accuracy."""
    budgets = found.table["budget"].to_numpy()
    policy_rows, baseline_rows = found.indices(line), found.indices(None)
    saving = _saving_draws(found, line)
    budget = saving.budget
    if budgets[baseline_rows].max() <= budget:
        raise InsufficientData(f"{other.capitalize()} were not run beyond N = {budget}.")
    is_reached = np.isfinite(saving.ratio[0])
    said = "" if is_reached else f"{other.capitalize()} never got there: it is at least that."
    costs = found.table[COST_UNIT].to_numpy()
    rows = [
        chart_row(name, tone, costs[point], _accuracy_draws(found, np.array([point]))[:, 0])
        for curve_points, name, tone in (
            (baseline_rows, other, "best_of_n"),
            (policy_rows, f"compute-optimal {what}", "auto"),
        )
        for point in curve_points
    ]
    return FindingMeasurement(
        test=f"FLOPs that {other} {'needs' if other == 'best-of-N' else 'need'} for the accuracy "
        f"of compute-optimal {what.partition(',')[0]} at N = {budget}, over the FLOPs of that, the "
        "probe that tells difficulty included: above 1. Chosen on one half of a bin, measured on "
        "the other.",
        estimates={what.capitalize(): saving.least},
        unlimited=saving.ratio,
        unit="ratio",
        claim=Claim(above=1),
        questions=int(found.table["questions"].iloc[0]),
        chart=FindingChart("FLOPs a question", "Accuracy", rows),
        said=said,
    )


class Saving(NamedTuple):
    """The ratio at the policy's N nearest to REFERENCE_BUDGET in every resample, infinite where the
    other way never got there; the ``least`` that it may be then; and that N."""

    ratio: Floats
    least: Floats
    budget: int


def _saving_draws(found: PolicyCurves, line: str) -> Saving:
    budgets = found.table["budget"].to_numpy()
    policy_rows, baseline_rows = found.indices(line), found.indices(None)
    # A line whose probe is paid has points at N and the probe; their order is that of the others.
    spent = budgets[found.indices(MEASURED_BINS)]
    place = int(np.argmin(np.abs(np.log(spent / REFERENCE_BUDGET))))
    value, drawn = compute_ratio_draws(found, line, COST_UNIT)
    own, own_draws = found.question_cost(COST_UNIT, policy_rows[[place]])
    most, most_draws = found.question_cost(COST_UNIT, baseline_rows)
    bound = np.append(most.max() / own[0], most_draws.max(axis=1) / own_draws[:, 0])
    ratio: Floats = np.append(value[place], drawn[:, place])
    return Saving(ratio, np.minimum(ratio, bound), int(spent[place]))


def _predicted_policy_curves(
    study: ResampledResults, name: str, arms: Callable[[ResampledResults], pd.DataFrame]
) -> PolicyCurves:
    """Policies by measured and by predicted difficulty, the latter with its probe paid too.

    Args:
        study: the results of one model, with resamples of its questions.
        name: of the arms; the curves are worked out once.
        arms: their evidence.

    Returns:
        The curves of the policies and of every arm.

    Raises:
        InsufficientData: the probe has no scores.
    """
    easiness = easiness_estimates(study.table("probe"))
    if easiness["predicted"].isna().any():
        raise InsufficientData("The probe has no scores of a verifier to predict difficulty from.")
    if name not in study.policy_curves:
        study.policy_curves[name] = policy_curves(
            arms(study),
            easiness,
            probe_cost(study.results, study.seed),
            study.resamples,
            study.seed,
            study.repeats,
        )
    return study.policy_curves[name]


def _search_evidence(study: ResampledResults) -> pd.DataFrame:
    """The evidence of all searches. There must be something to choose from."""
    study.table("runs"), study.table("pool")
    found = study.evidence[study.evidence["strategy"].isin(SEARCH_STRATEGIES)]
    return _require_alternatives(found, "search")


def _revision_evidence(study: ResampledResults) -> pd.DataFrame:
    """The evidence of revisions at all ratios; all-parallel stands for best-of-N, whose samples are
    the reviser's then."""
    study.table("runs")
    found = study.evidence[study.evidence["strategy"] == "revise"]
    chains = found["settings"].map(lambda settings: json.loads(settings).get("chains"))
    found = found[chains.notna()]
    parallel = chains[found.index] == found["budget"]
    found = found.assign(
        strategy=found["strategy"].mask(parallel, BEST_OF_N[0]),
        settings=found["settings"].mask(parallel, BEST_OF_N[1]),
    )
    return _require_alternatives(found, "ratio of revisions")


def _require_alternatives(evidence: pd.DataFrame, what: str) -> pd.DataFrame:
    arms = evidence.drop_duplicates(["budget", "strategy", "settings"]).groupby("budget").size()
    if not (arms > 1).any() or BEST_OF_N[0] not in set(evidence["strategy"]):
        raise InsufficientData(f"The sweep did not run more than one {what}.")
    return evidence


def _accuracy_draws(found: PolicyCurves, rows: np.ndarray) -> Floats:
    """Accuracy at these points and in each resample, (1 + resamples, points)."""
    return np.concatenate([found.table["accuracy"].to_numpy()[None, rows], found.draws[:, 0, rows]])
