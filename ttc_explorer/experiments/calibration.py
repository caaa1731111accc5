"""How good a verifier is: whether its scores are chances, whether they tell right from wrong within
a problem, and whether they find the first wrong step. Pure functions of tables; every figure comes
with a 95 % interval from a bootstrap over questions, as solutions to one question are not
independent.

Solutions are rows of a probe or pool (``result_tables.py``). A step's truth is that of the exact
checker: whether a right solution can begin so (``result_rows.step_correctness``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ttc_explorer.experiments.difficulty import oracle_bins
from ttc_explorer.experiments.estimators import best_at_k, expected_max_at_k, success_at_k
from ttc_explorer.experiments.intervals import RESAMPLES, bootstrap, percentile_interval
from ttc_explorer.experiments.pool import question_blocks
from ttc_explorer.experiments.result_tables import Results
from ttc_explorer.problems.families.arithmetic_claims import printed_check_pass_rate
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.settings import Settings, recorded_settings

Floats = NDArray[np.float64]

RELIABILITY_BINS = 10
"""Bins of equal breadth that scores are sorted into."""
THRESHOLDS = np.arange(1, 100) / 100
"""Scores below which a step may count as wrong."""
NO_ERROR = -1
"""The place of the first wrong step of a solution that has none."""


# --- are scores chances? --------------------------------------------------------------------------


@dataclass(frozen=True)
class Calibration:
    """``reliability``, a row a bin of scores that is not empty: score (their mean), right (the
    share that is), low, high, count. ``brier``: the mean squared distance of score and truth;
    ``base_rate_brier``: that of a verifier which says the overall share each time. ``ece``,
    expected calibration error: the mean distance of score and share over the bars, by their counts
    (Guo et al., arXiv 1706.04599, section 2). Each (value, low, high).
    """

    reliability: pd.DataFrame
    brier: tuple[float, float, float]
    base_rate_brier: tuple[float, float, float]
    ece: tuple[float, float, float]
    count: int


def measure_calibration(
    questions: NDArray[Any],
    scores: Floats,
    right: NDArray[np.bool_],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Calibration:
    """Of scores in [0, 1] of solutions (or steps), one entry each."""
    _, at = np.unique(questions, return_inverse=True)
    score_bin = np.minimum((scores * RELIABILITY_BINS).astype(int), RELIABILITY_BINS - 1)
    solution_statistics = np.stack([np.ones(len(scores)), scores, right, (scores - right) ** 2])
    question_count = at.max() + 1
    sums = np.zeros((4, question_count, RELIABILITY_BINS))
    for total, figure in zip(sums, solution_statistics, strict=True):
        np.add.at(total, (at, score_bin), figure)

    def statistic(drawn: NDArray[Any]) -> Floats:
        """Brier, base, ECE, and the share that is right in each bar."""
        weight = np.bincount(drawn, minlength=question_count)
        count, score, true, squared = np.einsum("q,fqb->fb", weight, sums)
        total = count.sum()
        overall = true.sum() / total
        with np.errstate(invalid="ignore"):
            share = true / count
        calibration_error = np.abs(score - true).sum() / total
        return np.array([squared.sum() / total, overall * (1 - overall), calibration_error, *share])

    value, low, high = _bootstrap_questions(statistic, question_count, resamples, seed)
    count, score = sums[0].sum(axis=0), sums[1].sum(axis=0)
    nonempty = count > 0
    reliability = pd.DataFrame(
        {"score": score[nonempty] / count[nonempty], "right": value[3:][nonempty]}
    )
    reliability = reliability.assign(
        low=low[3:][nonempty], high=high[3:][nonempty], count=count[nonempty].astype(int)
    )
    brier, base_rate_brier, ece = (
        (float(value[i]), float(low[i]), float(high[i])) for i in range(3)
    )
    return Calibration(reliability, brier, base_rate_brier, ece, len(scores))


def solution_calibration(table: pd.DataFrame, score: str = "score", **options: int) -> Calibration:
    """Of final scores of solutions."""
    scored = table[table[score].notna()]
    return measure_calibration(
        scored["question"].to_numpy(),
        scored[score].to_numpy(float),
        scored["correct"].to_numpy(bool),
        **options,
    )


def step_calibration(probe: pd.DataFrame, **options: int) -> Calibration | None:
    """Of the scores after each step: whether a right solution can begin so. None if that is
    unknown."""
    scored = _labelled_solutions(probe)
    if scored.empty:
        return None
    sizes = scored["line_scores"].map(len).to_numpy()
    return measure_calibration(
        np.repeat(scored["question"].to_numpy(), sizes),
        np.concatenate([np.asarray(each, float) for each in scored["line_scores"]]),
        np.concatenate([np.asarray(each, bool) for each in scored["line_right"]]),
        **options,
    )


# --- does it tell right from wrong? ---------------------------------------------------------------


def within_problem_aucs(table: pd.DataFrame, score: str = "score") -> pd.Series:
    """Question → the chance that one of its right solutions scores above one of its wrong ones,
    ties half.

    By the sum of ranks (Mann and Whitney, 1947). Questions that have only right or only wrong ones
    are left out. Their mean is ``estimators.within_problem_auc``.
    """
    scored = table[table[score].notna()]
    ranks = scored.groupby("question")[score].rank()
    ones = pd.DataFrame(
        {"question": scored["question"], "right": scored["correct"], "ranks": ranks}
    )
    ones["ranks"] = ones["ranks"].where(ones["right"], 0.0)
    sums = ones.groupby("question").agg(
        right=("right", "sum"), total=("right", "size"), ranks=("ranks", "sum")
    )
    wrong = sums["total"] - sums["right"]
    mixed = (sums["right"] > 0) & (wrong > 0)
    sums, wrong = sums[mixed], wrong[mixed]
    above = sums["ranks"] - sums["right"] * (sums["right"] + 1) / 2
    return (above / (sums["right"] * wrong)).rename("auc")


def auc_table(
    table: pd.DataFrame, scores: Sequence[str], resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Mean within-problem AUC: a row a column of ``scores`` and family (empty for all), with auc,
    low, high and questions."""
    families = table.groupby("question")["family"].first() if "family" in table else None
    rows = []
    for score in scores:
        found = within_problem_aucs(table, score)
        groups = {"": found}
        if families is not None:
            groups |= {
                str(name): each for name, each in found.groupby(families.reindex(found.index))
            }
        for family, each in groups.items():
            if len(each):
                value, low, high = map(float, bootstrap(each.to_numpy(), np.mean, resamples, seed))
                rows.append((score, family, value, low, high, len(each)))
    return pd.DataFrame(rows, columns=["score", "family", "auc", "low", "high", "questions"])


def add_check_baseline(probe: pd.DataFrame) -> pd.DataFrame:
    """The probe with ``score_checks``: the rule that only reads the checks printed in a
    solution."""
    return probe.assign(
        score_checks=[printed_check_pass_rate(list(lines)) for lines in probe["lines"]]
    )


# --- does it find the first wrong step? -----------------------------------------------------------


@dataclass(frozen=True)
class FirstErrorDetection:
    """Where the first wrong step is and where the verifier predicts it, in solutions with known
    truth.

    ``table``, a row a solution: question, steps, true, predicted (places from 0, NO_ERROR for no
    wrong step), half. ``wrong``: the share of solutions with a wrong step in which its exact place
    is named; ``right``: the share of flawless ones in which none is named; ``f1``: the harmonic
    mean of both (ProcessBench, arXiv 2412.06559, section 4.1). Each (value, low, high).
    ``thresholds``: the score below which a step counted as wrong, by half, each chosen on the other
    half of the questions; empty for the baseline.
    """

    table: pd.DataFrame
    wrong: tuple[float, float, float]
    right: tuple[float, float, float]
    f1: tuple[float, float, float]
    thresholds: tuple[float, ...]


def detect_first_errors(
    probe: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0
) -> FirstErrorDetection | None:
    """By the scores after each step; None if the truth of none is known, or no verifier read
    them."""
    scored = _labelled_solutions(probe)
    if scored.empty:
        return None
    questions = scored["question"].unique()
    order = np.random.default_rng(seed).permutation(len(questions))
    half = pd.Series(order % 2, index=questions).reindex(scored["question"]).to_numpy()
    true = scored["line_right"].map(_first_false).to_numpy(int)
    predicted = np.stack(  # (thresholds, solutions)
        [_first_below(scored["line_scores"], threshold) for threshold in THRESHOLDS]
    )
    f1 = [
        [_detection_rates(true[half == h], each[half == h])[2] for each in predicted]
        for h in (0, 1)
    ]
    best = [int(np.argmax(f1[1 - h])) for h in (0, 1)]
    cross_fitted = np.where(half == 0, predicted[best[0]], predicted[best[1]])
    table = pd.DataFrame(
        {
            "question": scored["question"].to_numpy(),
            "steps": scored["line_right"].map(len).to_numpy(),
        }
    )
    table = table.assign(true=true, predicted=cross_fitted, half=half)
    return _first_error_detection(table, tuple(float(THRESHOLDS[i]) for i in best), resamples, seed)


def detect_first_errors_by_checks(
    probe: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0
) -> FirstErrorDetection | None:
    """The baseline: the first step whose printed check says ``no``."""
    scored = _labelled_solutions(probe)
    if scored.empty:
        return None
    predicted = [
        next((place for place, line in enumerate(lines) if line.endswith(" no")), NO_ERROR)
        for lines in scored["lines"]
    ]
    table = pd.DataFrame(
        {
            "question": scored["question"].to_numpy(),
            "steps": scored["line_right"].map(len).to_numpy(),
            "true": scored["line_right"].map(_first_false).to_numpy(int),
            "predicted": predicted,
            "half": 0,
        }
    )
    return _first_error_detection(table, (), resamples, seed)


def _first_error_detection(
    table: pd.DataFrame, thresholds: tuple[float, ...], resamples: int, seed: int
) -> FirstErrorDetection:
    _, at = np.unique(table["question"], return_inverse=True)
    question_count = at.max() + 1
    true, predicted = table["true"].to_numpy(), table["predicted"].to_numpy()
    has_error, is_exact = true != NO_ERROR, true == predicted
    sums = np.stack(
        [
            np.bincount(at, part, question_count)
            for part in (has_error & is_exact, has_error, ~has_error & is_exact, ~has_error)
        ]
    )

    def statistic(drawn: NDArray[Any]) -> Floats:
        found, error_total, flawless_hits, flawless_total = sums @ np.bincount(
            drawn, minlength=question_count
        )
        return _with_f1(found / max(1, error_total), flawless_hits / max(1, flawless_total))

    value, low, high = _bootstrap_questions(statistic, question_count, resamples, seed)
    wrong, right, f1 = (
        (float(value[place]), float(low[place]), float(high[place])) for place in range(3)
    )
    return FirstErrorDetection(table, wrong, right, f1, thresholds)


def _labelled_solutions(probe: pd.DataFrame) -> pd.DataFrame:
    """The solutions whose steps were all scored, and all have a known truth."""
    nonempty = probe["line_right"].notna() & probe["line_scores"].notna()
    scored = probe[nonempty]
    whole = [
        len(r) == len(s) for r, s in zip(scored["line_right"], scored["line_scores"], strict=True)
    ]
    return scored[np.array(whole, bool)]


def _first_false(truth: Sequence[bool]) -> int:
    wrong = ~np.asarray(truth, bool)
    return int(wrong.argmax()) if wrong.any() else NO_ERROR


def _first_below(scores: pd.Series, threshold: float) -> NDArray[np.int64]:
    sizes = scores.map(len).to_numpy()
    flat = np.full((len(scores), sizes.max()), np.inf)
    flat[np.arange(sizes.max()) < sizes[:, None]] = np.concatenate(
        [np.asarray(each, float) for each in scores]
    )
    low = flat < threshold
    return np.where(low.any(axis=1), low.argmax(axis=1), NO_ERROR)


def _detection_rates(true: NDArray[Any], predicted: NDArray[Any]) -> Floats:
    has_error, is_exact = true != NO_ERROR, true == predicted
    return _with_f1(
        (has_error & is_exact).sum() / max(1, has_error.sum()),
        (~has_error & is_exact).sum() / max(1, (~has_error).sum()),
    )


def _with_f1(wrong: float, right: float) -> Floats:
    return np.array([wrong, right, 2 * wrong * right / (wrong + right) if wrong + right else 0.0])


# --- accuracy of its selection, and over-optimisation ---------------------------------------------


def selection_accuracy(
    pool: pd.DataFrame,
    scores: Sequence[str],
    selector: str = "weighted",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Accuracy of best-of-N by each column of ``scores`` as N grows to a quarter of the samples:
    score, k, accuracy, low, high, questions. Over the questions with the most samples."""
    (*_, block) = question_blocks(pool)
    ks = [2**power for power in range(10) if 4 * 2**power <= block.samples] or [1]
    rows = []
    for score in scores:
        values = success_at_k(
            selector, block.labels, block.correct, block.features(score), ks, seed
        )
        value, low, high = bootstrap(values, lambda drawn: drawn.mean(axis=0), resamples, seed)
        for place, k in enumerate(ks):
            rows.append(
                (score, k, float(value[place]), float(low[place]), float(high[place]), len(values))
            )
    return pd.DataFrame(rows, columns=["score", "k", "accuracy", "low", "high", "questions"])


def over_optimisation(
    pool: pd.DataFrame,
    probe: pd.DataFrame,
    runs: pd.DataFrame | None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """The verifier's score of the solution it likes best, and how often that is right, as N grows,
    by oracle bin: best-of-N exactly from the pool, beam search (M = 4) from its runs.

    Rows: strategy, bin, budget, figure (``score`` or ``accuracy``), value, low, high, questions.
    Where the score goes on rising and accuracy does not, search has found out the verifier's
    weaknesses (over- optimisation, arXiv 2408.03314, section 5.3).
    """
    bins = oracle_bins(probe, seed)
    tables = []
    (*_, block) = question_blocks(pool)
    ks = [4**power for power in range(5) if 4**power <= block.samples]
    scores = block.column("score")
    solution_statistics = {"accuracy": best_at_k(block.labels, block.correct, scores, ks)}
    solution_statistics["score"] = expected_max_at_k(np.nan_to_num(scores, nan=0.0), ks)
    for figure, values in solution_statistics.items():
        for place, k in enumerate(ks):
            rows = {
                "strategy": "best_of_n",
                "question": block.questions,
                "budget": k,
                "figure": figure,
            }
            tables.append(pd.DataFrame(rows | {"value": values[:, place]}))
    if runs is not None:
        beams = _beam_runs(runs)
        for figure, column in (("accuracy", "best"), ("score", "top_score")):
            rows = beams[["strategy", "question", "budget"]]
            tables.append(rows.assign(figure=figure, value=beams[column].astype(float)))
    table = pd.concat(tables, ignore_index=True)
    table["bin"] = bins.reindex(table["question"]).to_numpy()
    found = []
    for key, each in table.dropna(subset=["bin", "value"]).groupby(
        ["strategy", "bin", "budget", "figure"]
    ):
        value, low, high = map(float, bootstrap(each["value"].to_numpy(), np.mean, resamples, seed))
        found.append((*key, value, low, high, len(each)))
    columns = ["strategy", "bin", "budget", "figure", "value", "low", "high", "questions"]
    return pd.DataFrame(found, columns=columns).astype({"bin": int})


@dataclass(frozen=True)
class ExampleRun:
    """A run of beam search to look at; ``settings`` as the sweep recorded them."""

    question: int
    budget: int
    seed: int
    settings: Settings


OVER_OPTIMISATION_RUNS = ("misled-few", "misled-many")
"""The recorded runs of ``find_over_optimisation_runs``."""


def find_over_optimisation_runs(results: Results, seed: int = 0) -> dict[str, ExampleRun]:
    """Two runs of beam search (M = 4) that show over-optimisation, by this rule: of the questions
    in oracle bins 1 and 2 whose solution with the top score is right at the smallest budget and
    wrong at the largest, the one whose top score rose most. Raises BadInput if there is none.
    """
    runs, probe = results.runs, results.probe
    if runs is None or probe is None:
        raise BadInput(
            "There is nothing to choose from: sweep beam search at several budgets, and a probe."
        )
    bins = oracle_bins(probe, seed)
    beams = _beam_runs(runs)
    beams = beams[beams["question"].map(bins).isin((1, 2)) & beams["top_score"].notna()]
    first, last = beams["budget"].min(), beams["budget"].max()
    small, large = (
        beams[beams["budget"] == budget].set_index("question") for budget in (first, last)
    )
    both = small.index.intersection(large.index)
    small, large = small.loc[both], large.loc[both]
    qualifies = small["best"] & ~large["best"] & (large["top_score"] > small["top_score"])
    if not qualifies.any():
        raise BadInput(
            "No question shows it: beam search got none right at first and wrong by a higher score."
        )
    question = int((large["top_score"] - small["top_score"])[qualifies].idxmax())
    return {
        name: ExampleRun(
            question,
            int(table["budget"][question]),
            int(table["seed"][question]),
            recorded_settings(json.loads(table["settings"][question])),
        )
        for name, table in zip(OVER_OPTIMISATION_RUNS, (small, large), strict=True)
    }


def _bootstrap_questions(
    statistic: Any, question_count: int, resamples: int, seed: int
) -> tuple[Floats, Floats, Floats]:
    """The statistic of all questions and its interval; a figure that a resample has none of is left
    out."""
    all_questions = np.arange(question_count)
    rng = np.random.default_rng(seed)
    value = statistic(all_questions)
    drawn = np.array(
        [statistic(rng.integers(0, question_count, question_count)) for _ in range(resamples)]
    )
    low, high = percentile_interval(np.where(np.isfinite(drawn), drawn, value))
    return value, low, high


def _beam_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of beam search with its defaults: with equal steps merged, if that was swept."""
    beams = runs[runs["strategy"] == "beam"]
    merged = beams[beams["settings"] == '{"merge": true}']
    return merged if len(merged) else beams[beams["settings"] == "{}"]
