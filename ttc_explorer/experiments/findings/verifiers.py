"""F15 to F17: what makes a good score, and how it should count (arXiv 2408.03314, section 5.1)."""

from __future__ import annotations

import numpy as np

from ttc_explorer.experiments.estimators import chance_at_k
from ttc_explorer.experiments.findings.study import Floats, Study, asked, listed, points, row, slope
from ttc_explorer.experiments.findings.verdict import Chart, Claim, Measured, Untested
from ttc_explorer.experiments.pool import blocks

SAMPLES = "Samples N"


def last_step(study: Study) -> Measured:
    """F15: the score of the last step chooses better than the lowest of the steps, and than their product."""
    curves = {how: _chosen(study, f"score_{how}") for how in ("last", "min", "prod", "mean")}
    budgets = _several(curves["last"])
    gaps = [np.mean([curves["last"][k] - curves[how][k] for k in budgets], axis=0) for how in ("min", "prod")]
    means = [study.mean(gap) for gap in gaps]
    rows = [
        row(name, tone, k, study.mean(value))
        for how, name, tone in (
            ("last", "last step", "weighted"),
            ("min", "minimum", "best"),
            ("prod", "product", "revise"),
            ("mean", "mean", "majority"),
        )
        for k, value in curves[how].items()
    ]
    return Measured(
        test="Accuracy of weighted best-of-N by the score of the last step, less that by the minimum and "
        f"less that by the product of the steps, mean over N = {listed(budgets)}: each above 0. The "
        "figure is the smaller.",
        shown=min(means, key=lambda draws: draws[0]),
        unit="points",
        claims=[Claim(mean, above=0) for mean in means],
        questions=asked(*gaps),
        chart=Chart(SAMPLES, "Accuracy, weighted", rows),
        said=f"Against the minimum {points(means[0][0])}, against the product {points(means[1][0])}.",
    )


def against_orm(study: Study) -> Measured:
    """F16: the PRM chooses better than the ORM at the largest N, by more the larger N."""
    prm, orm = _chosen(study, "score_last"), _chosen(study, "score_orm")
    budgets = _several(prm)
    gaps = [prm[k] - orm[k] for k in budgets]
    means = [study.mean(gap) for gap in gaps]
    growth = slope(budgets, means)
    rows = [
        row(name, tone, k, study.mean(value))
        for curve, name, tone in ((orm, "ORM", "majority"), (prm, "PRM", "weighted"))
        for k, value in curve.items()
    ]
    return Measured(
        test="Accuracy of weighted best-of-N with the PRM less that with the ORM: above 0 at "
        f"N = {budgets[-1]}, and its slope in log N above 0. The figure is the slope.",
        shown=growth,
        unit="slope",
        claims=[Claim(means[-1], above=0), Claim(growth, above=0)],
        questions=asked(*gaps),
        chart=Chart(SAMPLES, "Accuracy, weighted", rows),
        said=f"At N = {budgets[-1]} the PRM is ahead by {points(means[-1][0])}.",
    )


def weighted_votes(study: Study) -> Measured:
    """F17: the answer with the largest sum of scores is right more often than the best single solution."""
    weighted, best = _chosen(study, "score"), _chosen(study, "score", "best")
    budgets = _several(weighted)
    gap = np.mean([weighted[k] - best[k] for k in budgets], axis=0)
    draws = study.mean(gap)
    rows = [
        row(name, tone, k, study.mean(value))
        for curve, name, tone in ((best, "best-of-N", "best"), (weighted, "weighted best-of-N", "weighted"))
        for k, value in curve.items()
    ]
    return Measured(
        test=f"Accuracy of weighted best-of-N less that of plain best-of-N, mean over N = {listed(budgets)}: "
        "above 0.",
        shown=draws,
        unit="points",
        claims=[Claim(draws, above=0)],
        questions=asked(gap),
        chart=Chart(SAMPLES, "Accuracy", rows),
    )


def _chosen(study: Study, score: str, selector: str = "weighted") -> dict[int, Floats]:
    """What choosing by a column of scores is worth, by k: 1, 4, 16 … up to a quarter of the samples, as votes
    over more are hardly of independent subsets. (Q,) each."""
    pool = study.table("pool")
    if score not in pool or pool[score].isna().all():
        raise Untested(f"The pool was not scored by {WORDS.get(score, 'a verifier')}.")
    (*_, largest) = blocks(pool)
    ks = [4**power for power in range(5) if 4 * 4**power <= largest.samples]
    found = {k: np.full(len(study.questions), np.nan) for k in ks}
    for block in blocks(pool):
        here = [k for k in ks if k <= block.samples]
        values = chance_at_k(selector, block.labels, block.correct, block.column(score), here, study.seed)
        for k, column in zip(here, values.T, strict=True):
            found[k][np.searchsorted(study.questions, block.questions)] = column
    return found


def _several(curve: dict[int, Floats]) -> list[int]:
    """The k at which there is something to choose."""
    budgets = [k for k in curve if k > 1]
    if not budgets:
        raise Untested("The pool has too few samples a question: at least 16 are needed.")
    return budgets


WORDS = {"score_orm": "an outcome verifier (ORM)"}
