"""F1 to F6: search against the verifier (arXiv 2408.03314, section 5.3). Answers are weighted best-of-N, beam
search is that with M = 4, and bins are oracle bins from separate samples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ttc_explorer.experiments.choosing import SPLITS, held_out
from ttc_explorer.experiments.findings.study import (
    BEST_OF_N,
    EASY,
    HARDEST,
    MIDDLE,
    Arm,
    Floats,
    Study,
    asked,
    listed,
    points,
    row,
    slope,
    title,
)
from ttc_explorer.experiments.findings.verdict import Chart, Claim, Measured, Untested

SMALL, LARGE = (4, 16), 256
"""Small budgets, and the large one."""
MARGIN = 0.05
"""The gain in accuracy that counts as none on the hardest questions."""
SAMPLES = "Samples N"


def small_budgets(study: Study) -> Measured:
    """F1: beam search less best-of-N is above 0 at N = 4 and at N = 16."""
    beam = study.arm("beam", width=4)
    budgets = [budget for budget in study.budgets(beam, BEST_OF_N) if budget in SMALL]
    if not budgets:
        raise Untested(f"Beam search was not run at N = {listed(SMALL)}.")
    gaps = [study.mean(study.gap(beam, BEST_OF_N, budget)) for budget in budgets]
    each = (f"{points(gap[0])} at N = {budget}" for budget, gap in zip(budgets, gaps, strict=True))
    return Measured(
        test=f"Accuracy of beam search less that of best-of-N at N = {listed(budgets)}: each above 0. The "
        "figure is their mean.",
        shown=np.mean(gaps, axis=0),
        unit="points",
        claims=[Claim(gap, above=0) for gap in gaps],
        questions=asked(*(study.gap(beam, BEST_OF_N, budget) for budget in budgets)),
        chart=_accuracies(study, beam),
        said=f"{', '.join(each)}.",
    )


def large_budgets(study: Study) -> Measured:
    """F2: at the largest budget the difference is below 0, and it falls as N doubles."""
    beam = study.arm("beam", width=4)
    budgets = study.budgets(beam, BEST_OF_N, at_least=min(SMALL))
    gaps = [study.mean(study.gap(beam, BEST_OF_N, budget)) for budget in budgets]
    falling = slope(budgets, gaps)
    return Measured(
        test=f"Accuracy of beam search less that of best-of-N at N = {budgets[-1]}: below 0; and its slope "
        "in log N: below 0.",
        shown=gaps[-1],
        unit="points",
        claims=[Claim(gaps[-1], below=0), Claim(falling, below=0)],
        questions=asked(study.gap(beam, BEST_OF_N, budgets[-1])),
        chart=_accuracies(study, beam),
        said=f"Each doubling of N changes the difference by {points(falling[0])}.{_short(budgets[-1])}",
    )


def easy_questions(study: Study) -> Measured:
    """F3: in bins 1 and 2, from N = 16 up, the score of beam search's best solution rises, accuracy falls."""
    beam = study.arm("beam", width=4)
    budgets = study.budgets(beam, at_least=max(SMALL))
    first, last = budgets[0], budgets[-1]
    if first == last:
        raise Untested("Beam search was not run at two budgets from 16 up.")
    scores = top_scores(study, beam)
    rise = study.mean(scores[last] - scores[first], EASY)
    gap = study.value(beam, last) - study.value(beam, first)
    change = study.mean(gap, EASY)
    rows = study.line(beam, "accuracy", "beam", bins=EASY)
    rows += [
        row("best solution's score", "best", budget, study.mean(score, EASY))
        for budget, score in scores.items()
    ]
    return Measured(
        test=f"Beam search in bins 1 and 2, N = {last} less N = {first}: accuracy below 0, and the "
        "verifier's score of its best solution above 0.",
        shown=change,
        unit="points",
        claims=[Claim(change, below=0), Claim(rise, above=0)],
        questions=asked(np.where(np.isin(study.bins[0], EASY), gap, np.nan)),
        chart=Chart(SAMPLES, "Accuracy and score, bins 1 and 2", rows),
        said=f"The score of the best solution changes by {rise[0]:+.3f}.{_short(last)}",
    )


def harder_questions(study: Study) -> Measured:
    """F4: in bins 3 and 4 the mean difference over the budgets is above 0."""
    beam = study.arm("beam", width=4)
    budgets = study.budgets(beam, BEST_OF_N, at_least=min(SMALL))
    gap = np.mean([study.gap(beam, BEST_OF_N, budget) for budget in budgets], axis=0)
    mean = study.mean(gap, MIDDLE)
    return Measured(
        test="Accuracy of beam search less that of best-of-N in bins 3 and 4, mean over "
        f"N = {listed(budgets)}: above 0.",
        shown=mean,
        unit="points",
        claims=[Claim(mean, above=0)],
        questions=asked(np.where(np.isin(study.bins[0], MIDDLE), gap, np.nan)),
        chart=_accuracies(study, beam, MIDDLE, "Accuracy, bins 3 and 4"),
    )


def hardest_questions(study: Study) -> Measured:
    """F5: in bin 5 the best method gains less than 5 points over one sample, up or down."""
    budget = study.budgets(BEST_OF_N, study.arm("beam", width=4))[-1]
    single = study.value(BEST_OF_N, study.budgets(BEST_OF_N)[0])
    methods = [arm for arm in study.methods(budget) if arm[0] != "auto"]
    gains = np.stack([study.value(arm, budget) - single for arm in methods])
    there = np.isfinite(gains).all(axis=0)
    gains = np.where(there, gains, 0.0)
    rng = np.random.default_rng(study.seed)

    def gain(weight: Floats, bins: Floats) -> float:
        weight = weight * (there & np.isin(bins, HARDEST))
        chosen = held_out(gains, bins, weight, rng)
        return float(gains[chosen, np.arange(len(weight))] @ weight / max(1.0, weight.sum()))

    draws = np.array([gain(*drawn) for drawn in zip(study.weights, study.bins, strict=True)])
    draws[0] = np.mean([gain(study.weights[0], study.bins[0]) for _ in range(SPLITS)])
    rows = [each for arm in methods for each in study.line(arm, title(arm), arm[0], bins=HARDEST)]
    return Measured(
        test=f"Accuracy of the best of {len(methods)} methods at N = {budget} less that of one sample, "
        "in bin 5: within 5 points (two one-sided tests). Chosen on one half of "
        "the bin, measured on the other.",
        shown=draws,
        unit="points",
        claims=[Claim(draws, above=-MARGIN, below=MARGIN)],
        questions=asked(np.where(there & np.isin(study.bins[0], HARDEST), 0.0, np.nan)),
        chart=Chart(SAMPLES, "Accuracy, bin 5", rows),
    )


def lookahead(study: Study) -> Measured:
    """F6: lookahead search at N is worse than beam search at N(k + 1), which costs as much."""
    beam, ahead = study.arm("beam", width=4), study.arm("lookahead", width=4, lookahead=1)
    least, *_, most = study.budgets(beam) * 2
    budgets = [budget for budget in study.budgets(ahead) if least <= 2 * budget <= most]
    if not budgets:
        raise Untested("Beam search was not run at the budgets that lookahead search costs.")
    gap = np.mean(
        [study.value(ahead, budget) - study.between(beam, 2 * budget) for budget in budgets], axis=0
    )
    mean = study.mean(gap)
    rows = study.line(beam, "beam search", "beam")
    rows += [each | {"x": 2 * each["x"]} for each in study.line(ahead, "lookahead, k = 1", "lookahead")]
    return Measured(
        test=f"Accuracy of lookahead search (k = 1) at N = {listed(budgets)} less that of beam search at 2N, "
        "mean: below 0. Beam search between two budgets by a straight line in log N.",
        shown=mean,
        unit="points",
        claims=[Claim(mean, below=0)],
        questions=asked(gap),
        chart=Chart("Samples paid for, N(k + 1)", "Accuracy", rows),
    )


def top_scores(study: Study, arm: Arm) -> dict[int, Floats]:
    """The verifier's score of the best solution of a run, by budget: (Q,) each."""
    runs = study.table("runs")
    runs = runs[(runs["strategy"] == arm[0]) & (runs["settings"] == arm[1])]
    means = runs.groupby(["budget", "question"])["top_score"].mean()
    return {budget: means[budget].reindex(study.questions).to_numpy(float) for budget in study.budgets(arm)}


def _accuracies(study: Study, beam: Arm, bins: Sequence[int] = (), y: str = "Accuracy") -> Chart:
    rows = study.line(beam, "beam search", "beam", bins=bins)
    return Chart(SAMPLES, y, study.line(BEST_OF_N, "best-of-N", "best_of_n", bins=bins) + rows)


def _short(budget: int) -> str:
    return "" if budget >= LARGE else f" {budget} is the largest N that was run."
