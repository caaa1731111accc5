"""Bigger model or more thinking? A small model with test-time compute against a large one at equal
FLOPs.

Snell et al., arXiv 2408.03314, section 7. With P parameters, D_pre tokens of pretraining and D_inf
tokens of inference, pretraining costs X = 6·P·D_pre FLOPs and inference Y = 2·P·D_inf. A model with
M times the parameters, on the same tokens, costs M·(X + Y). The small model spends as much if its
inference is multiplied by m:

    X + m·Y = M·(X + Y)   ⟹   m = M + (M − 1)·X/Y = M + 3·(M − 1)/R,   R = D_inf / D_pre.

That is for a small model that chooses without a verifier. One of v times its parameters reads every
token that the small model writes, and none of the large one's single answer, which there is nothing
to choose from. Each sample then costs 1 + v times as much:

    X + m·(1 + v)·Y = M·(X + Y)   ⟹   m = (M + 3·(M − 1)/R) / (1 + v).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ttc_explorer.experiments.cross_fitting import (
    arms_by_budget,
    budgets_with_alternatives,
    cross_fit_and_bootstrap,
    cross_fitted_arms,
    easiness_of_questions,
)
from ttc_explorer.experiments.difficulty import BINS, Floats, Ints, quintiles
from ttc_explorer.experiments.estimators import COVERAGE
from ttc_explorer.experiments.intervals import RESAMPLES, percentile_interval
from ttc_explorer.problems.problem import BadInput

PAPER_RATIOS = (0.16, 0.79, 22.0)
"""R in the paper: far fewer tokens of inference than of pretraining, about as many, far more."""

OUT_OF_RANGE = "beyond what was measured"


def pretraining_flops(parameters: float, tokens: float) -> float:
    """X = 6·P·D_pre."""
    return 6 * parameters * tokens


def inference_multiplier(larger: float, ratio: float, verifier: float = 0.0) -> float:
    """m: the factor by which the small model may infer more than one ``larger`` (M) times its size.

    Args:
        larger: M, at least 1.
        ratio: R, tokens of inference to tokens of pretraining, above 0.
        verifier: v, the verifier's FLOPs for each FLOP of the small model.

    Returns:
        m (arXiv 2408.03314, section 7). Below 1 the small model cannot afford one verified sample.

    Raises:
        BadInput: an argument lies outside its bounds.

    >>> [round(inference_multiplier(14, ratio)) for ratio in PAPER_RATIOS]
    [258, 63, 16]
    """
    if not (larger >= 1 and ratio > 0 and verifier >= 0):
        raise BadInput("M must be at least 1, R above 0, and the verifier's share not negative.")
    return (larger + 3 * (larger - 1) / ratio) / (1 + verifier)


def ratio_for_multiplier(larger: float, target_multiplier: float, verifier: float = 0.0) -> float:
    """The R at which m is ``target_multiplier``: below it the small model may spend more than that.
    Infinite if it always may.

    >>> round(inference_multiplier(14, ratio_for_multiplier(14, 63.4)), 1)
    63.4
    """
    rest = target_multiplier * (1 + verifier) - larger
    return 3 * (larger - 1) / rest if rest > 0 else float("inf")


def bracket_budget(measured: Sequence[int], budget: float) -> tuple[int, int, float] | None:
    """The measured budgets around ``budget``, and how far between them it is, in the logarithm.

    None beyond them: nothing is extrapolated.

    >>> bracket_budget([1, 4, 16], 8), bracket_budget([1, 4, 16], 17)
    ((4, 16, 0.5), None)
    """
    above = [each for each in measured if each >= budget]
    below = [each for each in measured if each <= budget]
    if not above or not below:
        return None
    low, high = max(below), min(above)
    return low, high, math.log(budget / low) / math.log(high / low) if low < high else 0.0


def compare_at_equal_flops(
    small: pd.DataFrame,
    large: pd.Series,
    easiness: pd.Series,
    larger: float,
    ratio: float,
    arm: tuple[str, str, str] | None = None,
    samples: float = 1.0,
    verifier: float = 0.0,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Who wins at equal FLOPs, by bin of difficulty for the small model.

    ``small`` is its evidence; its budget is spent on ``arm`` (strategy, settings, selector), or,
    without one, by the compute-optimal policy, every choice measured on held-out questions.
    ``large`` maps each question to what the large model is worth with ``samples`` solutions (1:
    ``greedy_answers``); the small model's budget is ``samples`` · m. Between measured budgets
    accuracy is on a straight line in their logarithm.

    Rows: bin (0 for all questions), budget, small, large, difference (small less large), low, high
    (paired, with bins and choices made anew in each resample), winner: small, large, open (the
    interval holds 0), or OUT_OF_RANGE, with nan for what is not known. Raises BadInput.
    """
    budget = samples * inference_multiplier(larger, ratio, verifier)
    numbers = np.arange(BINS + 1)
    measured_questions, values_by_budget = _values_by_budget(small, arm)
    bracketing_budgets = bracket_budget(list(values_by_budget), budget)
    if bracketing_budgets is None:
        unknown = dict.fromkeys(("small", "large", "difference", "low", "high"), np.nan)
        return pd.DataFrame({"bin": numbers, "budget": budget, **unknown, "winner": OUT_OF_RANGE})
    questions, at, _ = np.intersect1d(measured_questions, large.dropna().index, return_indices=True)
    if not len(questions):
        raise BadInput(
            "The two models have no question in common: sweep both on the same problems."
        )
    low, high, fraction = bracketing_budgets
    weighted_values = [
        (1 - fraction, values_by_budget[low][:, at]),
        (fraction, values_by_budget[high][:, at]),
    ]
    large_accuracy, easiness_values = (
        large.reindex(questions).to_numpy(float),
        easiness_of_questions(easiness, questions),
    )
    rng = np.random.default_rng(seed)

    def accuracy_statistics(drawn: Ints) -> Floats:
        """Small, large and their difference in all bins together and in each, (3, 1 + BINS)."""
        weight = np.bincount(drawn, minlength=len(questions)).astype(float)
        bins = quintiles(easiness_values, weight, rng)
        small_accuracy = sum(
            share
            * np.take_along_axis(value, cross_fitted_arms(value, bins, weight, rng)[None], 0)[0]
            for share, value in weighted_values
        )
        in_bin = bins[:, None] == numbers
        in_bin[:, 0] = True
        member = weight[:, None] * in_bin
        means = (
            np.stack([small_accuracy, large_accuracy]) @ member / np.maximum(1, member.sum(axis=0))
        )
        return np.stack([*means, means[0] - means[1]])

    value, draws = cross_fit_and_bootstrap(len(questions), accuracy_statistics, resamples, seed)
    below, above = percentile_interval(draws[:, 2])
    means = {"small": value[0], "large": value[1], "difference": value[2]}
    winner = np.where(below > 0, "small", np.where(above < 0, "large", "open"))
    columns = {
        "bin": numbers,
        "budget": budget,
        **means,
        "low": below,
        "high": above,
        "winner": winner,
    }
    return pd.DataFrame(columns)


def _values_by_budget(
    evidence: pd.DataFrame, arm: tuple[str, str, str] | None
) -> tuple[Ints, dict[int, Floats]]:
    """The questions, and what there is to choose from at each budget, (arms, questions)."""
    if arm is None:
        questions, arms = arms_by_budget(evidence)
        return questions, {
            budget: each.value for budget, each in budgets_with_alternatives(arms).items()
        }
    rows = evidence[(evidence[["strategy", "settings", "selector"]] == list(arm)).all(axis=1)]
    curve = (
        rows.pivot(index="question", columns="budget", values="value").dropna(axis=1).sort_index()
    )
    return curve.index.to_numpy(), {int(k): curve[k].to_numpy(float)[None] for k in curve}


def greedy_answers(evidence: pd.DataFrame) -> pd.DataFrame:
    """What a model is worth, and costs, that answers once and takes the likeliest token at every
    place.

    Args:
        evidence: of the model, as ``evidence.py`` makes it.

    Returns:
        The rows of its greedy run, by ``question``. By a selector that reads no scores: nothing is
        chosen, and no verifier is needed.

    Raises:
        BadInput: greedy was not run; a sample at a temperature is not that.
    """
    rows = evidence[(evidence["strategy"] == "greedy") & (evidence["selector"] == "majority")]
    if rows.empty:
        raise BadInput("The larger model has no greedy run: sweep it with --strategy greedy.")
    return rows.set_index("question")


@dataclass(frozen=True)
class AccuracyMatch:
    """Ways of the small model that are as accurate as the large one: their ``ways`` (strategy,
    settings, budget), one of each half of the questions, the same twice if they agree; their mean
    FLOPs a question and accuracy on the questions that did not choose them, and the accuracy of the
    large model on the same, which are all."""

    ways: tuple[tuple[str, str, int], ...]
    flops: float
    accuracy: float
    large_accuracy: float


def cheapest_match(small: pd.DataFrame, large: pd.Series, seed: int = 0) -> AccuracyMatch | None:
    """The cheapest (strategy, settings, budget) that on one random half of the questions is as
    accurate as the large model, measured on the other half, both ways round; None if a half has
    none.

    ``small`` is its evidence under one selector, ``large`` the worth of one answer by question.
    """
    method_columns = ["strategy", "settings", "budget"]
    shared = np.intersect1d(small["question"].unique(), large.dropna().index)
    shuffled = np.random.default_rng(seed).permutation(shared)
    first, second = shuffled[: len(shared) // 2], shuffled[len(shared) // 2 :]
    ways, measured = [], []
    for selection_half, test_half in ((first, second), (second, first)):
        rows = small[small["question"].isin(selection_half)]
        means = rows.groupby(method_columns)[["value", "flops"]].mean()
        good = means[means["value"] >= large.reindex(selection_half).mean()]
        if not len(good):
            return None
        way = good["flops"].idxmin()
        ways.append((str(way[0]), str(way[1]), int(way[2])))
        is_way = (small[method_columns] == list(way)).all(axis=1)
        measured.append(small[is_way & small["question"].isin(test_half)])
    means = pd.concat(measured)[["flops", "value"]].mean()
    return AccuracyMatch(
        tuple(ways),
        float(means["flops"]),
        float(means["value"]),
        float(large.reindex(shared).mean()),
    )


# --- model size × budget --------------------------------------------------------------------------


def pareto_front(
    evidence: Mapping[str, pd.DataFrame],
    pretraining: Mapping[str, float] | None = None,
    queries: float = 1.0,
) -> pd.DataFrame:
    """Every model, arm and budget as a point, and which of them nothing beats.

    ``evidence`` by name of the model; ``pretraining`` its FLOPs of pretraining, spread over
    ``queries`` questions (without it, inference alone counts). Rows: model, strategy, settings,
    selector, budget, flops (a question), accuracy, best (on the Pareto front: none is as accurate
    for less, or more accurate for as little). Coverage is no way to answer, and left out.
    """
    tables = []
    for model, table in evidence.items():
        selected = table[table["selector"] != COVERAGE]
        keys = ["strategy", "settings", "selector", "budget"]
        points = selected.groupby(keys)[["flops", "value"]].mean().reset_index()
        share = pretraining[model] / queries if pretraining else 0.0
        tables.append(points.assign(model=model, flops=points["flops"] + share))
    points = pd.concat(tables, ignore_index=True).rename(columns={"value": "accuracy"})
    points["best"] = is_pareto_optimal(points["flops"].to_numpy(), points["accuracy"].to_numpy())
    return points[["model", *keys, "flops", "accuracy", "best"]]


def is_pareto_optimal(cost: Floats, accuracy: Floats) -> np.ndarray:
    """Which points are on the front, (points,) of bool: of equal points the first.

    >>> is_pareto_optimal(np.array([1.0, 2.0, 2.0, 3.0]), np.array([0.5, 0.4, 0.6, 0.6])).tolist()
    [True, False, True, False]
    """
    order = np.lexsort((-accuracy, cost))
    before = np.maximum.accumulate(np.append(-np.inf, accuracy[order]))[:-1]
    best = np.empty(len(cost), bool)
    best[order] = accuracy[order] > before
    return best
