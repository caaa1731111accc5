"""F1 to F6: search against the verifier (arXiv 2408.03314, section 5.3). Answers are weighted
best-of-N unless a test says otherwise, beam search is that with M = 4, every other search stands
beside it, and bins are oracle bins from separate samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ttc_explorer.experiments.cross_fitting import cross_fitted_arms
from ttc_explorer.experiments.difficulty import Ints
from ttc_explorer.experiments.findings.resampled_results import (
    BEST_OF_N,
    EASY_BINS,
    FINDING_SELECTOR,
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
NOTHING_MARGIN = 0.05
"""The gain in accuracy that counts as none on the hardest questions."""
SAMPLES_AXIS = "Samples N"
MAIN_SEARCH = "Beam search, M = 4"
SEARCHES: Mapping[str, tuple[str, Mapping[str, int]]] = {
    MAIN_SEARCH: ("beam", {"width": 4}),
    "Beam search, M = √N": ("beam", {"width": 0}),
    "DVTS": ("dvts", {}),
    "Lookahead search": ("lookahead", {"width": 4, "lookahead": 1}),
    "MCTS": ("mcts", {}),
    "REBASE": ("rebase", {}),
    "Particle filtering": ("particles", {}),
}
"""The tree searches that claims about search are answered for; the first is the paper's."""


def measured_searches(study: ResampledResults) -> dict[str, ArmKey]:
    """Name → arm of the searches that were run. Raises InsufficientData where the first was not."""
    found = {}
    for name, (strategy, settings) in SEARCHES.items():
        try:
            found[name] = study.arm(strategy, **settings)
        except InsufficientData:
            if name == MAIN_SEARCH:
                raise
    return found


def gaps_to_sampling(
    study: ResampledResults,
    summarise: Callable[[list[int], list[Floats]], Floats],
    at_least: int = 1,
    only: Sequence[int] = (),
) -> tuple[dict[str, Floats], list[int]]:
    """A figure of each search's accuracy less that of best-of-N, and the budgets of the first.

    Args:
        study: the results of one model, with resamples of its questions.
        summarise: makes the figure in every resample, (1 + resamples,), of the budgets and the
            differences by question at each, (Q,).
        at_least: smaller budgets are left out.
        only: budgets to take, all of them if it is empty.

    Returns:
        Name of a search → its figure; searches without these budgets are left out.

    Raises:
        InsufficientData: the first search was not run at any of the budgets.
    """
    figures, budgets_of_main = {}, list[int]()
    for name, arm in measured_searches(study).items():
        try:
            budgets = [
                budget
                for budget in study.budgets(arm, BEST_OF_N, at_least=at_least)
                if not only or budget in only
            ]
        except InsufficientData:
            budgets = []
        if not budgets:
            if name == MAIN_SEARCH:
                raise InsufficientData(
                    f"Beam search was not run at N = {join_numbers(only or [at_least])}."
                )
            continue
        gaps = [study.gap(arm, BEST_OF_N, budget) for budget in budgets]
        figures[name] = summarise(budgets, gaps)
        budgets_of_main = budgets_of_main or budgets
    return figures, budgets_of_main


def small_budgets(study: ResampledResults) -> FindingMeasurement:
    """F1: beam search less best-of-N, mean over N = 4 and 16, is above 0.

    Args:
        study: the results of one model, with resamples of its questions.

    Returns:
        The figure in every resample, its claim, and its chart.

    Raises:
        InsufficientData: beam search was not run at one of these budgets.
    """
    figures, budgets = gaps_to_sampling(
        study, lambda _, gaps: study.mean(np.mean(gaps, axis=0)), only=SMALL_BUDGETS
    )
    beam = measured_searches(study)[MAIN_SEARCH]
    gaps = [study.gap(beam, BEST_OF_N, budget) for budget in budgets]
    each = (
        f"{format_points(study.mean(gap)[0])} at N = {budget}"
        for budget, gap in zip(budgets, gaps, strict=True)
    )
    return FindingMeasurement(
        test=f"Accuracy of beam search less that of best-of-N, mean over N = "
        f"{join_numbers(budgets)}: above 0.",
        estimates=figures,
        unit="points",
        claim=Claim(above=0),
        questions=complete_question_count(*gaps),
        chart=_accuracy_chart(study, beam),
        said=f"Beam search: {', '.join(each)}.",
    )


def large_budgets(study: ResampledResults) -> FindingMeasurement:
    """F2: the gain of F1 falls as N doubles. Without a gain there is nothing to lose."""
    figures, budgets = gaps_to_sampling(
        study,
        lambda budgets, gaps: log2_slope(budgets, [study.mean(gap) for gap in gaps]),
        at_least=min(SMALL_BUDGETS),
    )
    beam = measured_searches(study)[MAIN_SEARCH]
    last = study.mean(study.gap(beam, BEST_OF_N, budgets[-1]))
    return FindingMeasurement(
        test="Accuracy of beam search less that of best-of-N: its slope in log N below 0, where F1 "
        "holds.",
        estimates=figures,
        unit="slope",
        claim=Claim(below=0),
        questions=complete_question_count(study.gap(beam, BEST_OF_N, budgets[-1])),
        chart=_accuracy_chart(study, beam),
        said=f"At N = {budgets[-1]} the difference is {format_points(last[0])}."
        f"{_budget_caveat(budgets[-1])}",
        premise="F1",
    )


def best_liked_on_easy_questions(study: ResampledResults) -> FindingMeasurement:
    """F3a: in bins 1 and 2 the solution that the verifier likes best is right less often at a large
    N than at 16, though its score is higher."""
    return _over_optimisation(study, "best", "the solution that the verifier likes best")


def votes_on_easy_questions(study: ResampledResults) -> FindingMeasurement:
    """F3b: as F3a, by weighted votes."""
    return _over_optimisation(study, FINDING_SELECTOR, "weighted votes")


def _over_optimisation(study: ResampledResults, selector: str, words: str) -> FindingMeasurement:
    arms = measured_searches(study) | {"Best-of-N": BEST_OF_N}
    figures: dict[str, Floats] = {}
    chart_rows, spans = [], {}
    for name, arm in arms.items():
        try:
            budgets = study.budgets(arm, at_least=max(SMALL_BUDGETS), selector=selector)
        except InsufficientData:
            continue
        if len(budgets) < 2:
            continue
        spans[name] = budgets
        change = study.value(arm, budgets[-1], selector) - study.value(arm, budgets[0], selector)
        figures[name] = study.mean(change, EASY_BINS)
        tone = arm[0]
        if name in (MAIN_SEARCH, "Best-of-N"):
            chart_rows += study.curve_rows(arm, name, tone, selector, bins=EASY_BINS)
    if MAIN_SEARCH not in figures:
        raise InsufficientData("Beam search was not run at two budgets from 16 up.")
    beam, budgets = arms[MAIN_SEARCH], spans[MAIN_SEARCH]
    scores = top_scores(study, beam)
    rise = study.mean(scores[budgets[-1]] - scores[budgets[0]], EASY_BINS)
    chart_rows += [
        chart_row("beam's best score", "best", budget, study.mean(score, EASY_BINS))
        for budget, score in scores.items()
    ]
    change = study.value(beam, budgets[-1], selector) - study.value(beam, budgets[0], selector)
    sampling = spans.get("Best-of-N", [])
    said = f"The score of beam search's best solution changes by {rise[0]:+.3f}."
    if sampling:
        said += f" Best-of-N is compared from N = {sampling[0]} to {sampling[-1]}."
    return FindingMeasurement(
        test=f"Accuracy of beam search by {words} in bins 1 and 2, N = {budgets[-1]} less "
        f"N = {budgets[0]}: below 0, while the verifier's score of its best solution rises.",
        estimates=figures,
        unit="points",
        claim=Claim(below=0, margin=NOTHING_MARGIN),
        also=(rise, Claim(above=0)),
        questions=complete_question_count(
            np.where(np.isin(study.bins[0], EASY_BINS), change, np.nan)
        ),
        chart=FindingChart(SAMPLES_AXIS, "Accuracy and score, bins 1 and 2", chart_rows),
        said=said + _budget_caveat(budgets[-1]),
    )


def harder_questions(study: ResampledResults) -> FindingMeasurement:
    """F4: in bins 3 and 4 the mean difference over the budgets is above 0."""
    figures, budgets = gaps_to_sampling(
        study,
        lambda _, gaps: study.mean(np.mean(gaps, axis=0), MIDDLE_BINS),
        at_least=min(SMALL_BUDGETS),
    )
    beam = measured_searches(study)[MAIN_SEARCH]
    gap = study.gap(beam, BEST_OF_N, budgets[-1])
    return FindingMeasurement(
        test="Accuracy of beam search less that of best-of-N in bins 3 and 4, mean over "
        f"N = {join_numbers(budgets)}: above 0.",
        estimates=figures,
        unit="points",
        claim=Claim(above=0),
        questions=complete_question_count(
            np.where(np.isin(study.bins[0], MIDDLE_BINS), gap, np.nan)
        ),
        chart=_accuracy_chart(study, beam, MIDDLE_BINS, "Accuracy, bins 3 and 4"),
    )


def sampling_on_hopeless_questions(study: ResampledResults) -> FindingMeasurement:
    """F5a: where none of the probe's solutions is right, the largest best-of-N that searches were
    run at gains less than 5 points over one sample, up or down."""
    hopeless = hopeless_questions(study)
    budget = study.budgets(BEST_OF_N, study.arm("beam", width=4))[-1]
    single = study.value(BEST_OF_N, study.budgets(BEST_OF_N)[0])
    figures, rows = {}, []
    for name, arm in {"Best-of-N": BEST_OF_N, **measured_searches(study)}.items():
        if budget not in study.budgets(arm):
            continue
        gain = np.where(hopeless, study.value(arm, budget) - single, np.nan)
        figures[name] = study.mean(gain)
        rows += [
            chart_row(
                arm_label(arm),
                arm[0],
                each,
                study.mean(np.where(hopeless, study.value(arm, each), np.nan)),
            )
            for each in study.budgets(arm)
        ]
    return FindingMeasurement(
        test=f"Questions with none right of {probe_size(study)}: accuracy of best-of-{budget} less "
        "that of one sample, within 5 points (two one-sided tests).",
        estimates=figures,
        unit="points",
        claim=Claim(above=-NOTHING_MARGIN, below=NOTHING_MARGIN),
        questions=int(hopeless.sum()),
        chart=FindingChart(SAMPLES_AXIS, "Accuracy, none of the probe right", rows),
    )


def search_on_hopeless_questions(study: ResampledResults) -> FindingMeasurement:
    """F5b: on the same questions the best method, chosen on one half of them and measured on the
    other, gains less than 5 points over as many samples."""
    hopeless = hopeless_questions(study)
    budget = study.budgets(BEST_OF_N, study.arm("beam", width=4))[-1]
    measured_arms = [arm for arm in study.measured_arms(budget) if arm[0] != "auto"]
    sampling = study.value(BEST_OF_N, budget)
    gains = np.stack([study.value(arm, budget) - sampling for arm in measured_arms])
    is_measured = hopeless & np.isfinite(gains).all(axis=0)
    gains = np.where(is_measured, gains, 0.0)
    rng = np.random.default_rng(study.seed)
    one_bin: Ints = np.ones(len(hopeless), np.int64)

    def gain(weight: Floats) -> float:
        weight = weight * is_measured
        chosen = cross_fitted_arms(gains, one_bin, weight, rng)
        return float(gains[chosen, np.arange(len(weight))] @ weight / max(1.0, weight.sum()))

    draws = study.resample_statistic(gain)
    draws[0] = np.mean([gain(study.weights[0]) for _ in range(study.repeats)])
    figures = {"The best method": draws} | {
        arm_label(arm): study.mean(np.where(is_measured, row, np.nan))
        for arm, row in zip(measured_arms[1:], gains[1:], strict=True)
    }
    rows = [
        chart_row(
            arm_label(arm),
            arm[0],
            each,
            study.mean(np.where(is_measured, study.value(arm, each), np.nan)),
        )
        for arm in measured_arms
        for each in study.budgets(arm)
    ]
    return FindingMeasurement(
        test=f"Questions with none right of {probe_size(study)}: accuracy of the best of "
        f"{len(measured_arms)} methods at N = {budget} less that of best-of-{budget}, within 5 "
        "points (two one-sided tests). Chosen on one half of them, measured on the other.",
        estimates=figures,
        unit="points",
        claim=Claim(above=-NOTHING_MARGIN, below=NOTHING_MARGIN),
        questions=int(is_measured.sum()),
        chart=FindingChart(SAMPLES_AXIS, "Accuracy, none of the probe right", rows),
    )


def hopeless_questions(study: ResampledResults) -> np.ndarray:
    """Which questions have no right solution in the probe, (Q,) of bool. Raises InsufficientData
    where there are too few to say anything."""
    pass_at_1 = study.table("probe").groupby("question")["correct"].mean()
    found: np.ndarray = pass_at_1.reindex(study.questions).to_numpy(float) == 0
    if found.sum() < 4:
        raise InsufficientData("Hardly any question has no right solution in the probe.")
    return found


def probe_size(study: ResampledResults) -> int:
    """Solutions of a question in the probe."""
    return int(study.table("probe").groupby("question").size().max())


def lookahead_against_sampling(study: ResampledResults) -> FindingMeasurement:
    """F6a: lookahead search is worse than best-of-N at equal FLOPs."""
    return _lookahead_at_equal_flops(study, BEST_OF_N, "best-of-N")


def lookahead_against_beam(study: ResampledResults) -> FindingMeasurement:
    """F6b: lookahead search is worse than beam search at equal FLOPs."""
    return _lookahead_at_equal_flops(study, study.arm("beam", width=4), "beam search")


def _lookahead_at_equal_flops(
    study: ResampledResults, other: ArmKey, words: str
) -> FindingMeasurement:
    lookahead = study.arm("lookahead", width=4, lookahead=1)
    gaps = {}
    for budget in study.budgets(lookahead):
        rival = study.value_at_flops(other, study.mean_flops(lookahead, budget))
        if rival is not None:
            gaps[budget] = study.value(lookahead, budget) - rival
    if not gaps:
        raise InsufficientData(f"{words.capitalize()} was not run where it costs as much.")
    gap = np.mean(list(gaps.values()), axis=0)
    figures = {"Lookahead search, k = 1": study.mean(gap)}
    figures |= {f"at N = {budget}": study.mean(each) for budget, each in gaps.items()}
    rows = []
    for arm, name, tone in ((other, words, other[0]), (lookahead, "lookahead, k = 1", "lookahead")):
        rows += [
            each | {"x": study.mean_flops(arm, int(each["x"]))}
            for each in study.curve_rows(arm, name, tone)
        ]
    return FindingMeasurement(
        test=f"Accuracy of lookahead search (k = 1) at N = {join_numbers(gaps)} less that of "
        f"{words} at as many FLOPs, mean: below 0. Between two budgets by a straight line in log "
        "FLOPs.",
        estimates=figures,
        unit="points",
        claim=Claim(below=0),
        questions=complete_question_count(gap),
        chart=FindingChart("FLOPs a question", "Accuracy", rows),
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
    rows = study.curve_rows(BEST_OF_N, "best-of-N", "best_of_n", bins=bins)
    for name, arm in measured_searches(study).items():
        if name in (MAIN_SEARCH, "REBASE"):
            rows += study.curve_rows(arm, name, arm[0], bins=bins)
    return FindingChart(SAMPLES_AXIS, y, rows)


def _budget_caveat(budget: int) -> str:
    return "" if budget >= LARGE_BUDGET else f" {budget} is the largest N that beam search ran at."
