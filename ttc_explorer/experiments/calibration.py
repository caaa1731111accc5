"""How good a verifier is: whether its scores are chances, whether they tell right from wrong within a
problem, and whether they find the first wrong step. Pure functions of tables; every figure comes with a 95 %
interval from a bootstrap over questions, as solutions to one question are not independent.

Solutions are rows of a probe or pool (``results.py``). A step's truth is that of the exact checker: whether a
right solution can begin so (``records.line_truth``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ttc_explorer.experiments.difficulty import oracle_bins
from ttc_explorer.experiments.estimators import best_at_k, chance_at_k, largest_at_k
from ttc_explorer.experiments.intervals import RESAMPLES, bootstrap, interval
from ttc_explorer.experiments.pool import blocks
from ttc_explorer.experiments.results import Results
from ttc_explorer.problems.families.claims import checks_pass
from ttc_explorer.problems.problem import BadInput

Floats = NDArray[np.float64]

BARS = 10
"""Bins of equal breadth that scores are sorted into."""
THRESHOLDS = np.arange(1, 100) / 100
"""Scores below which a step may count as wrong."""
NONE = -1
"""The place of the first wrong step of a solution that has none."""


# --- are scores chances? --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Calibration:
    """``bars``, a row a bin of scores that is not empty: score (their mean), right (the share that is), low,
    high, count. ``brier``: the mean squared distance of score and truth; ``base``: that of a verifier which
    says the overall share each time. ``ece``, expected calibration error: the mean distance of score and
    share over the bars, by their counts (Guo et al., arXiv 1706.04599, section 2). Each (value, low, high).
    """

    bars: pd.DataFrame
    brier: tuple[float, float, float]
    base: tuple[float, float, float]
    ece: tuple[float, float, float]
    count: int


def calibration(
    questions: NDArray[Any],
    scores: Floats,
    right: NDArray[np.bool_],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Calibration:
    """Of scores in [0, 1] of solutions (or steps), one entry each."""
    _, at = np.unique(questions, return_inverse=True)
    bar = np.minimum((scores * BARS).astype(int), BARS - 1)
    figures = np.stack([np.ones(len(scores)), scores, right, (scores - right) ** 2])
    asked = at.max() + 1
    sums = np.zeros((4, asked, BARS))
    for total, figure in zip(sums, figures, strict=True):
        np.add.at(total, (at, bar), figure)

    def statistic(drawn: NDArray[Any]) -> Floats:
        """Brier, base, ECE, and the share that is right in each bar."""
        weight = np.bincount(drawn, minlength=asked)
        count, score, true, squared = np.einsum("q,fqb->fb", weight, sums)
        total = count.sum()
        overall = true.sum() / total
        with np.errstate(invalid="ignore"):
            share = true / count
        off = np.abs(score - true).sum() / total
        return np.array([squared.sum() / total, overall * (1 - overall), off, *share])

    value, low, high = _bootstrapped(statistic, asked, resamples, seed)
    count, score = sums[0].sum(axis=0), sums[1].sum(axis=0)
    there = count > 0
    bars = pd.DataFrame({"score": score[there] / count[there], "right": value[3:][there]})
    bars = bars.assign(low=low[3:][there], high=high[3:][there], count=count[there].astype(int))
    brier, base, ece = ((float(value[i]), float(low[i]), float(high[i])) for i in range(3))
    return Calibration(bars, brier, base, ece, len(scores))


def of_solutions(table: pd.DataFrame, score: str = "score", **how: int) -> Calibration:
    """Of final scores of solutions."""
    kept = table[table[score].notna()]
    return calibration(
        kept["question"].to_numpy(), kept[score].to_numpy(float), kept["correct"].to_numpy(bool), **how
    )


def of_steps(probe: pd.DataFrame, **how: int) -> Calibration | None:
    """Of the scores after each step: whether a right solution can begin so. None if that is unknown."""
    kept = _judged(probe)
    if kept.empty:
        return None
    sizes = kept["line_scores"].map(len).to_numpy()
    return calibration(
        np.repeat(kept["question"].to_numpy(), sizes),
        np.concatenate([np.asarray(each, float) for each in kept["line_scores"]]),
        np.concatenate([np.asarray(each, bool) for each in kept["line_right"]]),
        **how,
    )


# --- does it tell right from wrong? ---------------------------------------------------------------------


def within_problem_aucs(table: pd.DataFrame, score: str = "score") -> pd.Series:
    """Question → the chance that one of its right solutions scores above one of its wrong ones, ties half.

    By the sum of ranks (Mann and Whitney, 1947). Questions that have only right or only wrong ones are left
    out. Their mean is ``estimators.within_problem_auc``.
    """
    kept = table[table[score].notna()]
    ranks = kept.groupby("question")[score].rank()
    ones = pd.DataFrame({"question": kept["question"], "right": kept["correct"], "ranks": ranks})
    ones["ranks"] = ones["ranks"].where(ones["right"], 0.0)
    sums = ones.groupby("question").agg(
        right=("right", "sum"), total=("right", "size"), ranks=("ranks", "sum")
    )
    wrong = sums["total"] - sums["right"]
    mixed = (sums["right"] > 0) & (wrong > 0)
    sums, wrong = sums[mixed], wrong[mixed]
    above = sums["ranks"] - sums["right"] * (sums["right"] + 1) / 2
    return (above / (sums["right"] * wrong)).rename("auc")


def aucs(
    table: pd.DataFrame, scores: Sequence[str], resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Mean within-problem AUC: a row a column of ``scores`` and family (empty for all), with auc, low, high
    and questions."""
    families = table.groupby("question")["family"].first() if "family" in table else None
    rows = []
    for score in scores:
        found = within_problem_aucs(table, score)
        groups = {"": found}
        if families is not None:
            groups |= {str(name): each for name, each in found.groupby(families.reindex(found.index))}
        for family, each in groups.items():
            if len(each):
                value, low, high = map(float, bootstrap(each.to_numpy(), np.mean, resamples, seed))
                rows.append((score, family, value, low, high, len(each)))
    return pd.DataFrame(rows, columns=["score", "family", "auc", "low", "high", "questions"])


def with_baseline(probe: pd.DataFrame) -> pd.DataFrame:
    """The probe with ``score_checks``: the rule that only reads the checks printed in a solution."""
    return probe.assign(score_checks=[checks_pass(list(lines)) for lines in probe["lines"]])


# --- does it find the first wrong step? -----------------------------------------------------------------


@dataclass(frozen=True)
class Places:
    """Where the first wrong step is and where the verifier says it is, in solutions with known truth.

    ``table``, a row a solution: question, steps, true, said (places from 0, NONE for no wrong step), half.
    ``wrong``: the share of solutions with a wrong step in which its exact place is named; ``right``: the
    share of flawless ones in which none is named; ``f1``: the harmonic mean of both (ProcessBench, arXiv
    2412.06559, section 4.1). Each (value, low, high). ``thresholds``: the score below which a step counted as
    wrong, by half, each chosen on the other half of the questions; empty for the baseline.
    """

    table: pd.DataFrame
    wrong: tuple[float, float, float]
    right: tuple[float, float, float]
    f1: tuple[float, float, float]
    thresholds: tuple[float, ...]


def places(probe: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0) -> Places | None:
    """By the scores after each step; None if the truth of none is known, or no verifier read them."""
    kept = _judged(probe)
    if kept.empty:
        return None
    questions = kept["question"].unique()
    order = np.random.default_rng(seed).permutation(len(questions))
    half = pd.Series(order % 2, index=questions).reindex(kept["question"]).to_numpy()
    true = kept["line_right"].map(_first_false).to_numpy(int)
    said = np.stack(  # (thresholds, solutions)
        [_first_below(kept["line_scores"], threshold) for threshold in THRESHOLDS]
    )
    f1 = [[_rates(true[half == h], each[half == h])[2] for each in said] for h in (0, 1)]
    best = [int(np.argmax(f1[1 - h])) for h in (0, 1)]
    chosen = np.where(half == 0, said[best[0]], said[best[1]])
    table = pd.DataFrame(
        {"question": kept["question"].to_numpy(), "steps": kept["line_right"].map(len).to_numpy()}
    )
    table = table.assign(true=true, said=chosen, half=half)
    return _placed(table, tuple(float(THRESHOLDS[i]) for i in best), resamples, seed)


def places_by_checks(probe: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0) -> Places | None:
    """The baseline: the first step whose printed check says ``no``."""
    kept = _judged(probe)
    if kept.empty:
        return None
    said = [
        next((place for place, line in enumerate(lines) if line.endswith(" no")), NONE)
        for lines in kept["lines"]
    ]
    table = pd.DataFrame(
        {
            "question": kept["question"].to_numpy(),
            "steps": kept["line_right"].map(len).to_numpy(),
            "true": kept["line_right"].map(_first_false).to_numpy(int),
            "said": said,
            "half": 0,
        }
    )
    return _placed(table, (), resamples, seed)


def _placed(table: pd.DataFrame, thresholds: tuple[float, ...], resamples: int, seed: int) -> Places:
    _, at = np.unique(table["question"], return_inverse=True)
    asked = at.max() + 1
    true, said = table["true"].to_numpy(), table["said"].to_numpy()
    flawed, hit = true != NONE, true == said
    sums = np.stack([np.bincount(at, part, asked) for part in (flawed & hit, flawed, ~flawed & hit, ~flawed)])

    def statistic(drawn: NDArray[Any]) -> Floats:
        found, of, clear, of_clear = sums @ np.bincount(drawn, minlength=asked)
        return _harmonic(found / max(1, of), clear / max(1, of_clear))

    value, low, high = _bootstrapped(statistic, asked, resamples, seed)
    return Places(table, *zip(map(float, value), map(float, low), map(float, high), strict=True), thresholds)


def _judged(probe: pd.DataFrame) -> pd.DataFrame:
    """The solutions whose steps were all scored, and all have a known truth."""
    there = probe["line_right"].notna() & probe["line_scores"].notna()
    kept = probe[there]
    whole = [len(r) == len(s) for r, s in zip(kept["line_right"], kept["line_scores"], strict=True)]
    return kept[np.array(whole, bool)]


def _first_false(truth: Sequence[bool]) -> int:
    wrong = ~np.asarray(truth, bool)
    return int(wrong.argmax()) if wrong.any() else NONE


def _first_below(scores: pd.Series, threshold: float) -> NDArray[np.int64]:
    sizes = scores.map(len).to_numpy()
    flat = np.full((len(scores), sizes.max()), np.inf)
    flat[np.arange(sizes.max()) < sizes[:, None]] = np.concatenate(
        [np.asarray(each, float) for each in scores]
    )
    low = flat < threshold
    return np.where(low.any(axis=1), low.argmax(axis=1), NONE)


def _rates(true: NDArray[Any], said: NDArray[Any]) -> Floats:
    flawed, hit = true != NONE, true == said
    return _harmonic(
        (flawed & hit).sum() / max(1, flawed.sum()), (~flawed & hit).sum() / max(1, (~flawed).sum())
    )


def _harmonic(wrong: float, right: float) -> Floats:
    return np.array([wrong, right, 2 * wrong * right / (wrong + right) if wrong + right else 0.0])


# --- what its choice is worth, and where it goes wrong --------------------------------------------------


def chosen_by(
    pool: pd.DataFrame,
    scores: Sequence[str],
    selector: str = "weighted",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Accuracy of best-of-N by each column of ``scores`` as N grows to a quarter of the samples: score, k,
    accuracy, low, high, questions. Over the questions with the most samples."""
    (*_, block) = blocks(pool)
    ks = [2**power for power in range(10) if 4 * 2**power <= block.samples] or [1]
    rows = []
    for score in scores:
        values = chance_at_k(selector, block.labels, block.correct, block.column(score), ks, seed)
        value, low, high = bootstrap(values, lambda drawn: drawn.mean(axis=0), resamples, seed)
        for place, k in enumerate(ks):
            rows.append((score, k, float(value[place]), float(low[place]), float(high[place]), len(values)))
    return pd.DataFrame(rows, columns=["score", "k", "accuracy", "low", "high", "questions"])


def over_optimised(
    pool: pd.DataFrame,
    probe: pd.DataFrame,
    runs: pd.DataFrame | None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """The verifier's score of the solution it likes best, and how often that is right, as N grows, by oracle
    bin: best-of-N exactly from the pool, beam search (M = 4) from its runs.

    Rows: strategy, bin, budget, figure (``score`` or ``accuracy``), value, low, high, questions. Where the
    score goes on rising and accuracy does not, search has found out the verifier's weaknesses (over-
    optimisation, arXiv 2408.03314, section 5.3).
    """
    bins = oracle_bins(probe, seed)
    tables = []
    (*_, block) = blocks(pool)
    ks = [4**power for power in range(5) if 4**power <= block.samples]
    scores = block.column("score")
    figures = {"accuracy": best_at_k(block.labels, block.correct, scores, ks)}
    figures["score"] = largest_at_k(np.nan_to_num(scores, nan=0.0), ks)
    for figure, values in figures.items():
        for place, k in enumerate(ks):
            rows = {"strategy": "best_of_n", "question": block.questions, "budget": k, "figure": figure}
            tables.append(pd.DataFrame(rows | {"value": values[:, place]}))
    if runs is not None:
        beams = runs[(runs["strategy"] == "beam") & (runs["settings"] == "{}")]
        for figure, column in (("accuracy", "best"), ("score", "top_score")):
            rows = beams[["strategy", "question", "budget"]]
            tables.append(rows.assign(figure=figure, value=beams[column].astype(float)))
    table = pd.concat(tables, ignore_index=True)
    table["bin"] = bins.reindex(table["question"]).to_numpy()
    found = []
    for key, each in table.dropna(subset=["bin", "value"]).groupby(["strategy", "bin", "budget", "figure"]):
        value, low, high = map(float, bootstrap(each["value"].to_numpy(), np.mean, resamples, seed))
        found.append((*key, value, low, high, len(each)))
    columns = ["strategy", "bin", "budget", "figure", "value", "low", "high", "questions"]
    return pd.DataFrame(found, columns=columns).astype({"bin": int})


@dataclass(frozen=True)
class Example:
    """A run of beam search to look at."""

    question: int
    budget: int
    seed: int


MISLED = ("misled-few", "misled-many")
"""The recorded runs of ``misled``."""


def misled(results: Results, seed: int = 0) -> dict[str, Example]:
    """Two runs of beam search (M = 4) that show over-optimisation, by this rule: of the questions in oracle
    bins 1 and 2 whose solution with the top score is right at the smallest budget and wrong at the largest,
    the one whose top score rose most. Raises BadInput if there is none.
    """
    runs, probe = results.runs, results.probe
    if runs is None or probe is None:
        raise BadInput("There is nothing to choose from: sweep beam search at several budgets, and a probe.")
    bins = oracle_bins(probe, seed)
    beams = runs[(runs["strategy"] == "beam") & (runs["settings"] == "{}")]
    beams = beams[beams["question"].map(bins).isin((1, 2)) & beams["top_score"].notna()]
    first, last = beams["budget"].min(), beams["budget"].max()
    small, large = (beams[beams["budget"] == budget].set_index("question") for budget in (first, last))
    both = small.index.intersection(large.index)
    small, large = small.loc[both], large.loc[both]
    told = small["best"] & ~large["best"] & (large["top_score"] > small["top_score"])
    if not told.any():
        raise BadInput(
            "No question shows it: beam search got none right at first and wrong by a higher score."
        )
    question = int((large["top_score"] - small["top_score"])[told].idxmax())
    return {
        name: Example(question, int(table["budget"][question]), int(table["seed"][question]))
        for name, table in zip(MISLED, (small, large), strict=True)
    }


def _bootstrapped(statistic: Any, asked: int, resamples: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """The statistic of all questions and its interval; a figure that a resample has none of is left out."""
    everybody = np.arange(asked)
    rng = np.random.default_rng(seed)
    value = statistic(everybody)
    drawn = np.array([statistic(rng.integers(0, asked, asked)) for _ in range(resamples)])
    low, high = interval(np.where(np.isfinite(drawn), drawn, value))
    return value, low, high
