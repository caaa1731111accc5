"""F7, F8, F12 and F13: the best method for each difficulty (arXiv 2408.03314, sections 5.3 and 6.2). What is
best is always chosen on one half of a bin and measured on the other (``choosing.py``); bins are oracle bins
unless said otherwise.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from ttc_explorer.experiments.choosing import (
    SPLITS,
    Lines,
    arms_of,
    contested,
    ease_of,
    eases,
    fifths,
    held_out,
    lines,
    ratio_draws,
)
from ttc_explorer.experiments.findings.study import BEST_OF_N, Floats, Study, listed, row
from ttc_explorer.experiments.findings.verdict import Chart, Claim, Measured, Untested

BUDGET = 16
"""Where the paper reads its ratio: 16 solutions that do for 64 (sections 5.3 and 6.2)."""
MARGIN = 0.015
SEARCHES = ("best_of_n", "beam", "dvts", "rebase", "particles", "mcts")
"""What costs about the same at the same N; lookahead search costs N(k + 1)."""
UNIT = "generated_tokens"
SAMPLES = "Samples N"


def cheaper_search(study: Study) -> Measured:
    """F7: best-of-N needs more tokens than compute-optimal search, for the accuracy of that at N = 16."""
    return _cheaper(study, _policy(study, _searches(study)), "search", "best-of-N")


def predicted_difficulty(study: Study) -> Measured:
    """F8: by predicted and by oracle bins, compute-optimal search is as accurate, within 1.5 points."""
    ease = ease_of(study.table("probe"))
    if ease["predicted"].isna().any():
        raise Untested("The probe has no scores of a verifier to predict difficulty from.")
    found = lines(_searches(study), ease, resamples=study.resamples, seed=study.seed)
    budgets = found.table["budget"].to_numpy()
    oracle, predicted = (_accuracy(found, found.at(name)) for name in ("oracle", "predicted"))
    gap = (predicted - oracle).mean(axis=1)
    rows = [
        row(words, tone, budgets[place], _accuracy(found, np.array([place]))[:, 0])
        for name, words, tone in (
            (None, "best-of-N", "best_of_n"),
            ("oracle", "oracle bins", "coverage"),
            ("predicted", "predicted bins", "beam"),
        )
        for place in found.at(name)
    ]
    return Measured(
        test="Accuracy of compute-optimal search by predicted bins less that by oracle bins, mean over "
        f"N = {listed(budgets[found.at('oracle')])}: within 1.5 points (two one-sided tests).",
        shown=gap,
        unit="points",
        claims=[Claim(gap, above=-MARGIN, below=MARGIN)],
        questions=int(found.table["questions"].iloc[0]),
        chart=Chart(SAMPLES, "Accuracy", rows),
    )


def ratio_and_difficulty(study: Study) -> Measured:
    """F12: the ratio of sequential to parallel that is best for each bin beats the one best for all."""
    questions, arms = arms_of(_revisions(study))
    arms = contested(arms)
    easy = eases(ease_of(study.table("probe"))["oracle"], questions)
    at = np.searchsorted(study.questions, questions)
    everybody = np.arange(len(questions))
    rng = np.random.default_rng(study.seed)

    def gain(weight: Floats) -> float:
        bins = fifths(easy, weight, rng)
        gains = []
        for each in arms.values():
            own = held_out(each.value, bins, weight, rng)
            one = held_out(each.value, np.ones_like(bins), weight, rng)
            gains.append((each.value[own, everybody] - each.value[one, everybody]) @ weight / weight.sum())
        return float(np.mean(gains))

    draws = study.resampled(lambda weight: gain(weight[at]))
    draws[0] = np.mean([gain(np.ones(len(questions))) for _ in range(SPLITS)])
    largest = max(arms)
    rows = []
    for bin, name in ((1, "easiest fifth"), (3, "middle fifth"), (5, "hardest fifth")):
        for choice, value in zip(arms[largest].choices, arms[largest].value, strict=True):
            chains = dict(choice.settings).get("chains", largest)
            wide = np.full(len(study.questions), np.nan)
            wide[at] = value
            tone = {1: "best_of_n", 3: "dvts", 5: "beam"}[bin]
            rows.append(row(name, tone, int(str(chains)), study.mean(wide, (bin,))))
    rows.sort(key=lambda each: (each["line"], each["x"]))
    return Measured(
        test="Accuracy of revisions at the ratio chosen for each bin less that at the ratio chosen for all, "
        f"mean over N = {listed(arms)}: above 0. Chosen on one half, measured on the other.",
        shown=draws,
        unit="points",
        claims=[Claim(draws, above=0)],
        questions=len(questions),
        chart=Chart(f"Chains, of N = {largest}", "Accuracy", rows),
    )


def cheaper_revisions(study: Study) -> Measured:
    """F13: as F7, for revisions at the best ratio against all-parallel attempts of the reviser."""
    return _cheaper(study, _policy(study, _revisions(study)), "revisions", "parallel attempts")


def _cheaper(study: Study, found: Lines, what: str, other: str) -> Measured:
    budgets = found.table["budget"].to_numpy()
    ours, theirs = found.at("oracle"), found.at(None)
    place = int(np.argmin(np.abs(np.log(budgets[ours] / BUDGET))))
    budget = int(budgets[ours][place])
    value, drawn = ratio_draws(found, "oracle", UNIT)
    ratio = np.append(value[place], drawn[:, place])
    paid = found.paid(UNIT, ours)[0][place], found.paid(UNIT, theirs)[0].max()
    most = paid[1] / paid[0]  # where the others never get there, it is at least this
    if budgets[theirs].max() <= budget:
        raise Untested(f"{other.capitalize()} were not run beyond N = {budget}.")
    shown = np.minimum(ratio, most)
    low = float(np.quantile(shown[1:], 0.025))
    reached = [str(times) for times in (2, 4) if low >= times]
    said = f"The interval is {'above ' + reached[-1] if reached else 'not above 2'}."
    if not np.isfinite(value[place]):
        said += f" {other.capitalize()} never got there: the figure is all that could be seen."
    costs = found.table[UNIT].to_numpy()
    rows = [
        row(name, tone, costs[point], _accuracy(found, np.array([point]))[:, 0])
        for points_of, name, tone in ((theirs, other, "best_of_n"), (ours, f"compute-optimal {what}", "auto"))
        for point in points_of
    ]
    return Measured(
        test=f"Tokens that {other} {'needs' if other == 'best-of-N' else 'need'} for the accuracy of "
        f"compute-optimal {what} at N = {budget}, over the tokens of that: above 1. Chosen on one half of a "
        "bin, measured on the other.",
        shown=shown,
        unit="ratio",
        claims=[Claim(ratio, above=1)],
        questions=int(found.table["questions"].iloc[0]),
        chart=Chart("Tokens written, a question", "Accuracy", rows),
        said=said,
    )


def _policy(study: Study, evidence: pd.DataFrame) -> Lines:
    ease = {"oracle": ease_of(study.table("probe"))["oracle"]}
    return lines(evidence, ease, resamples=study.resamples, seed=study.seed)


def _searches(study: Study) -> pd.DataFrame:
    """The evidence of all searches. There must be something to choose from."""
    study.table("runs"), study.table("pool")
    found = study.evidence[study.evidence["strategy"].isin(SEARCHES)]
    return _open(found, "search")


def _revisions(study: Study) -> pd.DataFrame:
    """The evidence of revisions at all ratios; all-parallel stands for best-of-N, whose samples are the
    reviser's then."""
    study.table("runs")
    found = study.evidence[study.evidence["strategy"] == "revise"]
    chains = found["settings"].map(lambda settings: json.loads(settings).get("chains"))
    found = found[chains.notna()]
    parallel = chains[found.index] == found["budget"]
    found = found.assign(
        strategy=found["strategy"].mask(parallel, BEST_OF_N[0]),
        settings=found["settings"].mask(parallel, BEST_OF_N[1]),
    )
    return _open(found, "ratio of revisions")


def _open(evidence: pd.DataFrame, what: str) -> pd.DataFrame:
    arms = evidence.groupby("budget")[["strategy", "settings"]].apply(
        lambda each: len(each.drop_duplicates())
    )
    if not (arms > 1).any() or BEST_OF_N[0] not in set(evidence["strategy"]):
        raise Untested(f"The sweep did not run more than one {what}.")
    return evidence


def _accuracy(found: Lines, rows: np.ndarray) -> Floats:
    """Accuracy at these points and in each resample, (1 + resamples, points)."""
    return np.concatenate([found.table["accuracy"].to_numpy()[None, rows], found.draws[:, 0, rows]])
