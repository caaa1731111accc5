"""Choosing the best arm for each difficulty, and measuring the choice on held-out questions.

An arm is a strategy with its settings; its solutions are counted by weighted best-of-N. The best
arm of a bin at a budget is found by two-fold cross-validation within the bin: chosen on one half,
measured on the other, both ways (Snell et al., arXiv 2408.03314, section 3.2). Nothing public in
here measures a choice on the questions that made it: ``cross_fitted_arms`` is the only way to one.
A figure is the mean over CROSS_FIT_REPEATS ways of halving; its uncertainty is a paired bootstrap
over questions, with bins, halves and choices made anew inside each resample.

A resample is a ``weight`` for each question, the number of times it was drawn, rather than a
list with repeats: so the copies of a question can never stand in both halves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ttc_explorer.experiments.difficulty import BINS, Floats, Ints, mean_scores, quintiles
from ttc_explorer.experiments.evidence import COST_COLUMNS
from ttc_explorer.experiments.intervals import RESAMPLES, bootstrap_draws, percentile_interval
from ttc_explorer.models.protocol import StrategyChoice
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.strategies.auto import MAX_PROBE

MIN_QUESTIONS = 4 * BINS
"""Questions that can be dealt out to bins and halves."""

CROSS_FIT_REPEATS = 500
"""Ways of halving that a figure is the mean of: with 20 it still moved with the seed."""

SELECTOR = "weighted"
BASELINE = StrategyChoice("best_of_n")


# --- tables to arrays -----------------------------------------------------------------------------


@dataclass(frozen=True)
class BudgetArms:
    """What every arm did with every question at one budget; best-of-N is the first arm.

    ``figures`` (1 + len(COST_COLUMNS), arms, questions): the chance in [0, 1] that the answer is
    right, then COST_COLUMNS.
    """

    choices: tuple[StrategyChoice, ...]
    figures: Floats

    @property
    def value(self) -> Floats:
        """The chances alone, (arms, questions)."""
        chances: Floats = self.figures[0]
        return chances


def arms_by_budget(evidence: pd.DataFrame) -> tuple[Ints, dict[int, BudgetArms]]:
    """The questions in order, and the arms at each budget, from a table of evidence
    (``evidence.py``).

    An arm that was not run on all of the questions at a budget is no arm there, and neither is
    ``auto``, which follows the choices made here. Of arms that are one search there (at N = M beam
    search, DVTS and MCTS pick the same nodes) the first stands for all. Raises BadInput where
    best-of-N is missing.
    """
    selected = evidence[(evidence["selector"] == SELECTOR) & (evidence["strategy"] != "auto")]
    questions = np.sort(selected["question"].unique())
    if BASELINE.strategy not in set(selected["strategy"]):
        raise BadInput(
            "There is no best-of-N to compare with: run the sweep with its pool and a verifier."
        )
    arms = {}
    for budget, rows in selected.sort_values("question").groupby("budget"):
        figures = {
            parse_arm_choice(*key): arm[["value", *COST_COLUMNS]].to_numpy(float).T
            for key, arm in rows.groupby(["strategy", "settings"])
            if len(arm) == len(questions)
        }
        if BASELINE in figures:
            choices = (BASELINE, *(choice for choice in figures if choice != BASELINE))
            choices = _different_arms(choices, figures)
            arms[int(budget)] = BudgetArms(
                choices, np.stack([figures[choice] for choice in choices], axis=1)
            )
    return questions, arms


def _different_arms(
    choices: Sequence[StrategyChoice], figures: Mapping[StrategyChoice, Floats]
) -> tuple[StrategyChoice, ...]:
    """The arms, each that gave the same answers for the same tokens as an earlier one left out."""
    what = [0, *(1 + COST_COLUMNS.index(name) for name in ("generated_tokens", "verifier_tokens"))]
    found: list[StrategyChoice] = []
    for choice in choices:
        own = figures[choice][what]
        if not any(np.array_equal(own, figures[other][what]) for other in found):
            found.append(choice)
    return tuple(found)


def parse_arm_choice(strategy: str, settings: str) -> StrategyChoice:
    """An arm from its two columns; ``settings`` is JSON text.

    >>> parse_arm_choice("beam", '{"width": 2}')
    StrategyChoice(strategy='beam', settings=(('width', 2),))
    """
    return StrategyChoice(strategy, tuple(sorted(json.loads(settings).items())))


def budgets_with_alternatives(arms: Mapping[int, BudgetArms]) -> dict[int, BudgetArms]:
    """The budgets at which there is something to choose."""
    return {budget: each for budget, each in arms.items() if len(each.choices) > 1}


def easiness_estimates(probe: pd.DataFrame) -> dict[str, pd.Series]:
    """How easy each question is, by its probe: ``oracle``, its pass@1, and ``predicted``, the
    verifier's mean final score of as many solutions as ``auto`` sees at most."""
    pass_at_1 = probe.groupby("question")["correct"].mean()
    return {"oracle": pass_at_1, "predicted": mean_scores(probe, MAX_PROBE)}


def easiness_of_questions(easiness: pd.Series, questions: Ints) -> Floats:
    """The ease of each of ``questions``, in order. Raises BadInput where one has none."""
    found: Floats = easiness.reindex(questions).to_numpy(float)
    if np.isnan(found).any():
        raise BadInput("Some questions have no probe: sweep them again, with their probe.")
    return found


# --- choosing on one half, measuring on the other -------------------------------------------------


def cross_fitted_arms(value: Floats, bins: Ints, weight: Floats, rng: np.random.Generator) -> Ints:
    """For each question the arm that the *other* half of its bin finds best, (questions,).

    ``value`` (arms, questions). The halves are drawn at random; of equal arms the first wins,
    best-of-N before all others. What a question itself says about the arms has no influence on the
    arm it gets.
    """
    group = assign_halves(bins, weight, rng)
    arms: Ints = _best_arm_per_group(value * weight, group)[group ^ 1]
    return arms


def _best_arm_per_bin(value: Floats, bins: Ints, weight: Floats) -> Ints:
    """The best arm of bins 1 to BINS over all their questions, (BINS,); to be measured on
    others."""
    return _best_arm_per_group(value * weight, 2 * bins)[2 : 2 * BINS + 2 : 2]


def assign_halves(bins: Ints, weight: Floats, rng: np.random.Generator) -> Ints:
    """2 · bin + half of each question; the drawn questions of a bin are dealt out evenly."""
    order = np.lexsort((rng.random(len(bins)), weight == 0, bins))
    half = np.empty(len(bins), np.int64)
    half[order] = np.arange(len(bins)) % 2
    return 2 * bins + half


def _best_arm_per_group(weighted_value: Floats, group: Ints) -> Ints:
    """The arm with the greatest sum in each group, (2 · BINS + 2,)."""
    member = (group[:, None] == np.arange(2 * BINS + 2)).astype(float)
    best: Ints = (weighted_value @ member).argmax(axis=0)
    return best


def cross_fit_and_bootstrap(
    questions: int,
    statistic: Callable[[Ints], Floats],
    resamples: int,
    seed: int,
    repeats: int = CROSS_FIT_REPEATS,
) -> tuple[Floats, Floats]:
    """The mean of a statistic over so many ``repeats``, and the statistic of each resample of the
    questions."""
    all_questions = np.arange(questions)
    value = np.mean([statistic(all_questions) for _ in range(repeats)], axis=0)
    return value, bootstrap_draws(all_questions, statistic, resamples, seed)


# --- the table ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidate:
    """An arm of a cell. ``share``: in how many of the resamples it was the best of its bin, from 0
    to 1.

    ``prior`` is its mean over all questions of the bin: what a learner starts from
    (``bandit_outcomes.py``). The choice's own is flattered by having been chosen, and is not its
    accuracy.
    """

    choice: StrategyChoice
    share: float
    prior: float


@dataclass(frozen=True)
class PolicyCell:
    """What to do with questions of a bin at a budget: the first of ``candidates``, which stand best
    first.

    ``accuracy``, with its 95 % interval ``low`` to ``high``, is that of choosing so, measured on
    the ``questions`` of the bin that were held out.
    """

    bin: int
    budget: int
    questions: int
    accuracy: float
    low: float
    high: float
    candidates: tuple[Candidate, ...]

    @property
    def choice(self) -> StrategyChoice:
        return self.candidates[0].choice


def cells(
    evidence: pd.DataFrame, easiness: pd.Series, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[PolicyCell, ...]:
    """The cell of every bin at every budget with more than one arm, by budget and bin. Raises
    BadInput."""
    questions, arms = arms_by_budget(evidence)
    if len(questions) < MIN_QUESTIONS:
        raise BadInput(f"A policy needs at least {MIN_QUESTIONS} questions: sweep more of them.")
    easiness_values, arms = (
        easiness_of_questions(easiness, questions),
        budgets_with_alternatives(arms),
    )
    rng = np.random.default_rng(seed)
    all_questions = np.arange(len(questions))

    def cell_statistics(drawn: Ints) -> Floats:
        """Accuracy and favourite of each cell, (2, budgets, BINS)."""
        weight = np.bincount(drawn, minlength=len(questions)).astype(float)
        bins = quintiles(easiness_values, weight, rng)
        size = np.bincount(bins, weight, minlength=BINS + 1)[1:]
        found = np.empty((2, len(arms), BINS))
        for i, each in enumerate(arms.values()):
            right = each.value[cross_fitted_arms(each.value, bins, weight, rng), all_questions]
            found[0, i] = np.bincount(bins, weight * right, minlength=BINS + 1)[1:] / size
            found[1, i] = _best_arm_per_bin(each.value, bins, weight)
        return found

    bins = quintiles(easiness_values, np.ones(len(questions)), np.random.default_rng(seed))
    (accuracy, _), drawn = cross_fit_and_bootstrap(len(questions), cell_statistics, resamples, seed)
    low, high = percentile_interval(drawn[:, 0])
    table_cells = []
    for i, (budget, each) in enumerate(arms.items()):
        for b in range(BINS):
            shares = (
                np.bincount(drawn[:, 1, i, b].astype(int), minlength=len(each.choices)) / resamples
            )
            priors = each.value[:, bins == b + 1].mean(axis=1)
            ranked = sorted(range(len(each.choices)), key=lambda arm: (-priors[arm], arm))
            candidates = [
                Candidate(each.choices[a], float(shares[a]), float(priors[a])) for a in ranked
            ]
            mean, least, most = (float(figure[i, b]) for figure in (accuracy, low, high))
            size = int((bins == b + 1).sum())
            table_cells.append(
                PolicyCell(b + 1, budget, size, mean, least, most, tuple(candidates))
            )
    return tuple(table_cells)


def tied_arms(
    evidence: pd.DataFrame, easiness: pd.Series, resamples: int = RESAMPLES, seed: int = 0
) -> dict[tuple[int, int], tuple[StrategyChoice, ...]]:
    """The arms of each cell that are not shown to be worse than the one that looks best.

    Args:
        evidence: as ``cells`` takes it.
        easiness: question → how easy it is.
        resamples: of the questions of a bin, paired.
        seed: of the resamples.

    Returns:
        (bin, budget) → its arms whose difference to the best has an interval that holds 0, the best
        among them, by what they cost in FLOPs, the cheapest first.
    """
    questions, arms = arms_by_budget(evidence)
    easiness_values = easiness_of_questions(easiness, questions)
    rng = np.random.default_rng(seed)
    bins = quintiles(easiness_values, np.ones(len(questions)), np.random.default_rng(seed))
    flops = 1 + COST_COLUMNS.index("flops")
    found = {}
    for budget, each in budgets_with_alternatives(arms).items():
        for number in range(1, BINS + 1):
            value = each.value[:, bins == number]
            size = value.shape[1]
            weight = rng.multinomial(size, np.full(size, 1 / size), size=resamples) / size
            behind = (value - value[value.mean(axis=1).argmax()]) @ weight.T
            tied = np.flatnonzero(np.percentile(behind, 97.5, axis=1) >= 0)
            cost = each.figures[flops][:, bins == number].mean(axis=1)
            found[number, budget] = tuple(
                each.choices[arm] for arm in sorted(tied, key=lambda arm: cost[arm])
            )
    return found


# --- curves ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PolicyCurves:
    """Accuracy and cost by budget of policies and static arms, on the same questions and the same
    resamples.

    ``table``, one row a point: line (the name of a policy, or ``static``), strategy and settings
    (JSON text; null for a policy), budget, accuracy, low, high, questions, and the mean
    COST_COLUMNS of a question. ``draws`` (resamples, 1 + len(COST_COLUMNS), rows) is each point's
    accuracy and COST_COLUMNS in each resample.
    """

    table: pd.DataFrame
    draws: Floats

    def indices(self, line: str | None) -> Ints:
        """Row numbers of the policy of that name, or of best-of-N (None), by ascending budget."""
        static = (self.table["strategy"] == BASELINE.strategy) & (self.table["settings"] == "{}")
        rows = self.table[self.table["line"] == line if line else static]
        indices: Ints = rows.sort_values("budget").index.to_numpy()
        return indices

    def question_cost(self, unit: str, rows: Ints) -> tuple[Floats, Floats]:
        """What a question costs at these points, (rows,), and in each resample, (resamples,
        rows)."""
        cost = self.table[unit].to_numpy(float)[rows]
        if unit == "budget":
            return cost, np.broadcast_to(cost, (len(self.draws), len(rows)))
        return cost, self.draws[:, 1 + COST_COLUMNS.index(unit), rows]


def policy_curves(
    evidence: pd.DataFrame,
    easiness: Mapping[str, pd.Series],
    probe: Mapping[str, float] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    repeats: int = CROSS_FIT_REPEATS,
) -> PolicyCurves:
    """The curve of a policy for each entry of ``easiness``, and of every arm on its own.

    ``easiness`` maps a name, ``oracle`` or ``predicted``, to how easy each question is, by samples
    that are not those of the evidence. ``probe`` is what the samples cost that predicted it, a
    question: ``budget`` (their number) and COST_COLUMNS. Then a further line, ``charged``, is the
    predicted policy with that added, which the paper leaves out. Raises BadInput.
    """
    questions, arms = arms_by_budget(evidence)
    easiness_values = {
        name: easiness_of_questions(series, questions) for name, series in easiness.items()
    }
    contested_arms = budgets_with_alternatives(arms)
    static = np.concatenate([each.figures for each in arms.values()], axis=1)
    rng = np.random.default_rng(seed)

    def figures(drawn: Ints) -> Floats:
        """(1 + len(COST_COLUMNS), rows)"""
        weight = np.bincount(drawn, minlength=len(questions)).astype(float)
        points = []
        for bin_easiness in easiness_values.values():
            bins = quintiles(bin_easiness, weight, rng)
            for each in contested_arms.values():
                chosen = cross_fitted_arms(each.value, bins, weight, rng)
                points.append(each.figures[:, chosen, np.arange(len(chosen))] @ weight)
        return np.column_stack([*points, static @ weight]) / len(drawn)

    value, draws = cross_fit_and_bootstrap(len(questions), figures, resamples, seed, repeats)
    rows: list[tuple[object, ...]] = [
        (name, None, None, budget) for name in easiness_values for budget in contested_arms
    ]
    for budget, each in arms.items():
        for choice in each.choices:
            rows.append(("static", choice.strategy, json.dumps(dict(choice.settings)), budget))
    table = pd.DataFrame(rows, columns=["line", "strategy", "settings", "budget"])
    low, high = percentile_interval(draws[:, 0])
    table = table.assign(accuracy=value[0], low=low, high=high, questions=len(questions))
    table[list(COST_COLUMNS)] = value[1:].T
    found = PolicyCurves(table, draws)
    return found if probe is None else _add_probe_cost(found, probe)


def _add_probe_cost(found: PolicyCurves, probe: Mapping[str, float]) -> PolicyCurves:
    """The lines and one more: the predicted policy, its probe paid for."""
    indices = found.indices("predicted")
    charged_rows = found.table.loc[indices].assign(line="charged")
    charged_rows[["budget", *COST_COLUMNS]] += [probe[name] for name in ("budget", *COST_COLUMNS)]
    draws = (
        found.draws[:, :, indices]
        + np.array([0.0, *(probe[name] for name in COST_COLUMNS)])[:, None]
    )
    table = pd.concat([found.table, charged_rows], ignore_index=True)
    return PolicyCurves(table, np.concatenate([found.draws, draws], axis=2))


def compute_ratios(found: PolicyCurves, line: str, unit: str = "budget") -> pd.DataFrame:
    """How many times more best-of-N needs than a policy for the same accuracy ("up to 4×", section
    5.3).

    ``unit`` is ``budget`` or one of COST_COLUMNS. Rows: budget (the policy's), accuracy, needed
    (what best-of-N needs: where its curve first reaches that accuracy, between measured budgets by
    a straight line in the logarithm of the unit), ratio, low, high, reached. Where best-of-N never
    gets there within what was measured, needed and ratio are infinite and ``reached`` is false; an
    infinite ``high`` says the same of its resamples. Where best-of-N is there already at its
    smallest budget, that budget stands.
    """
    policy_rows = found.indices(line)
    ratio, drawn = compute_ratio_draws(found, line, unit)
    question_cost, _ = found.question_cost(unit, policy_rows)
    # The nearest draw, since there is no middle between a number and infinity.
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0, method="nearest")
    return pd.DataFrame(
        {
            "budget": found.table["budget"].to_numpy()[policy_rows],
            "accuracy": found.table["accuracy"].to_numpy()[policy_rows],
            "needed": ratio * question_cost,
            "ratio": ratio,
            "low": low,
            "high": high,
            "reached": np.isfinite(ratio),
        }
    )


def compute_ratio_draws(
    found: PolicyCurves, line: str, unit: str = "budget"
) -> tuple[Floats, Floats]:
    """The ratios of ``compute_ratios``, (points,), and those of each resample, (resamples,
    points)."""
    policy_rows, baseline_rows = found.indices(line), found.indices(None)
    question_cost, cost_draws = found.question_cost(unit, policy_rows)
    curve_cost, curve_cost_draws = found.question_cost(unit, baseline_rows)
    accuracy = found.table["accuracy"].to_numpy()
    needed = np.array(
        [
            _cost_to_reach(curve_cost[None], accuracy[None, baseline_rows], accuracy[[row]])[0]
            for row in policy_rows
        ]
    )
    drawn = np.stack(
        [
            _cost_to_reach(
                curve_cost_draws, found.draws[:, 0, baseline_rows], found.draws[:, 0, row]
            )
            for row in policy_rows
        ],
        axis=1,
    )
    return needed / question_cost, drawn / cost_draws


def _cost_to_reach(question_cost: Floats, accuracy: Floats, target: Floats) -> Floats:
    """Where a curve first reaches ``target`` (draws,): ``accuracy`` at ``question_cost``, both
    (draws, points)."""
    reached = accuracy >= target[:, None]
    after = reached.argmax(axis=1)[:, None]
    before = np.maximum(after - 1, 0)
    low, high = (np.take_along_axis(accuracy, indices, 1)[:, 0] for indices in (before, after))
    begin, end = (
        np.log(np.take_along_axis(question_cost, indices, 1)[:, 0]) for indices in (before, after)
    )
    rise = np.where(high > low, high - low, 1.0)
    part = np.where(after[:, 0] > 0, (target - low) / rise, 0.0)
    return np.where(reached.any(axis=1), np.exp(begin + part * (end - begin)), np.inf)


def policy_regret(
    evidence: pd.DataFrame, easiness: pd.Series, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """What the choice costs against the arm that proves best in each bin, known only in hindsight.

    Rows: budget, regret, low, high, in accuracy. An upper bound: hindsight is lucky too, and would
    look better than the choice even if all arms were equal.
    """
    questions, arms = arms_by_budget(evidence)
    easiness_values, arms = (
        easiness_of_questions(easiness, questions),
        budgets_with_alternatives(arms),
    )
    all_questions = np.arange(len(questions))
    rng = np.random.default_rng(seed)

    def regrets(drawn: Ints) -> Floats:
        weight = np.bincount(drawn, minlength=len(questions)).astype(float)
        bins = quintiles(easiness_values, weight, rng)
        gaps = []
        for each in arms.values():
            chosen = cross_fitted_arms(each.value, bins, weight, rng)
            best = _best_arm_per_bin(each.value, bins, weight)[bins - 1]
            gaps.append(
                (each.value[best, all_questions] - each.value[chosen, all_questions])
                @ weight
                / len(drawn)
            )
        return np.array(gaps)

    value, draws = cross_fit_and_bootstrap(len(questions), regrets, resamples, seed)
    low, high = percentile_interval(draws)
    return pd.DataFrame({"budget": list(arms), "regret": value, "low": low, "high": high})
