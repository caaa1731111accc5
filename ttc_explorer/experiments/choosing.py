"""Choosing the best arm for each difficulty, and measuring the choice on questions that had no say in it.

An arm is a strategy with its settings; its solutions are counted by weighted best-of-N. The best arm of a bin
at a budget is found by two-fold cross-validation within the bin: chosen on one half, measured on the other,
both ways (Snell et al., arXiv 2408.03314, section 3.2). Nothing public in here measures a choice on the
questions that made it: ``held_out`` is the only way to one. A figure is the mean over SPLITS ways of halving;
its uncertainty is a paired bootstrap over questions, with bins, halves and choices made anew inside each
resample.

A resample is a ``weight`` for each question, the number of times it was drawn, rather than a
list with repeats: so the copies of a question can never stand in both halves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ttc_explorer.experiments.difficulty import BINS, Floats, Ints, fifths, mean_scores
from ttc_explorer.experiments.evidence import COSTS
from ttc_explorer.experiments.intervals import RESAMPLES, interval, resampled
from ttc_explorer.models.protocol import Choice
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.auto import LARGEST_PROBE

FEWEST = 4 * BINS
"""Questions that can be dealt out to bins and halves."""

SPLITS = 20

SELECTOR = "weighted"
BASELINE = Choice("best_of_n")


# --- tables to arrays -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Arms:
    """What every arm did with every question at one budget; best-of-N is the first arm.

    ``figures`` (1 + len(COSTS), arms, questions): the chance in [0, 1] that the answer is right, then COSTS.
    """

    choices: tuple[Choice, ...]
    figures: Floats

    @property
    def value(self) -> Floats:
        """The chances alone, (arms, questions)."""
        return self.figures[0]


def arms_of(evidence: pd.DataFrame) -> tuple[Ints, dict[int, Arms]]:
    """The questions in order, and the arms at each budget, from a table of evidence (``evidence.py``).

    An arm that was not run on all of the questions at a budget is no arm there, and neither is ``auto``,
    which follows the choices made here. Raises BadInput where best-of-N is missing.
    """
    counted = evidence[(evidence["selector"] == SELECTOR) & (evidence["strategy"] != "auto")]
    questions = np.sort(counted["question"].unique())
    if BASELINE.strategy not in set(counted["strategy"]):
        raise BadInput("There is no best-of-N to compare with: run the sweep with its pool and a verifier.")
    arms = {}
    for budget, rows in counted.sort_values("question").groupby("budget"):
        figures = {
            choice_of(*key): arm[["value", *COSTS]].to_numpy(float).T
            for key, arm in rows.groupby(["strategy", "settings"])
            if len(arm) == len(questions)
        }
        if BASELINE in figures:
            choices = (BASELINE, *(choice for choice in figures if choice != BASELINE))
            arms[int(budget)] = Arms(choices, np.stack([figures[choice] for choice in choices], axis=1))
    return questions, arms


def choice_of(strategy: str, settings: str) -> Choice:
    """An arm from its two columns; ``settings`` is JSON text.

    >>> choice_of("beam", '{"width": 2}')
    Choice(strategy='beam', settings=(('width', 2),))
    """
    return Choice(strategy, tuple(sorted(json.loads(settings).items())))


def contested(arms: Mapping[int, Arms]) -> dict[int, Arms]:
    """The budgets at which there is something to choose."""
    return {budget: each for budget, each in arms.items() if len(each.choices) > 1}


def ease_of(probe: pd.DataFrame) -> dict[str, pd.Series]:
    """How easy each question is, by its probe: ``oracle``, its pass@1, and ``predicted``, the verifier's mean
    final score of as many solutions as ``auto`` sees at most."""
    pass_at_1 = probe.groupby("question")["correct"].mean()
    return {"oracle": pass_at_1, "predicted": mean_scores(probe, LARGEST_PROBE)}


def eases(ease: pd.Series, questions: Ints) -> Floats:
    """The ease of each of ``questions``, in order. Raises BadInput where one has none."""
    found = ease.reindex(questions).to_numpy(float)
    if np.isnan(found).any():
        raise BadInput("Some questions have no probe: sweep them again, with their probe.")
    return found


# --- choosing on one half, measuring on the other -------------------------------------------------------


def held_out(value: Floats, bins: Ints, weight: Floats, rng: np.random.Generator) -> Ints:
    """For each question the arm that the *other* half of its bin finds best, (questions,).

    ``value`` (arms, questions). The halves are drawn at random; of equal arms the first wins, best-of-N
    before all others. What a question itself says about the arms has no influence on the arm it gets.
    """
    group = halves(bins, weight, rng)
    return _best(value * weight, group)[group ^ 1]


def _favourites(value: Floats, bins: Ints, weight: Floats) -> Ints:
    """The best arm of bins 1 to BINS over all their questions, (BINS,); to be measured on others."""
    return _best(value * weight, 2 * bins)[2 : 2 * BINS + 2 : 2]


def halves(bins: Ints, weight: Floats, rng: np.random.Generator) -> Ints:
    """2 · bin + half of each question; the drawn questions of a bin are dealt out evenly."""
    order = np.lexsort((rng.random(len(bins)), weight == 0, bins))
    half = np.empty(len(bins), np.int64)
    half[order] = np.arange(len(bins)) % 2
    return 2 * bins + half


def _best(worth: Floats, group: Ints) -> Ints:
    """The arm with the greatest sum in each group, (2 · BINS + 2,)."""
    member = (group[:, None] == np.arange(2 * BINS + 2)).astype(float)
    return (worth @ member).argmax(axis=0)


def repeated(
    questions: int, statistic: Callable[[Ints], Floats], resamples: int, seed: int
) -> tuple[Floats, Floats]:
    """The mean of a statistic over SPLITS, and the statistic of each resample of the questions."""
    everybody = np.arange(questions)
    value = np.mean([statistic(everybody) for _ in range(SPLITS)], axis=0)
    return value, resampled(everybody, statistic, resamples, seed)


# --- the table ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidate:
    """An arm of a cell. ``share``: in how many of the resamples it was the best of its bin, from 0 to 1.

    ``prior`` is its mean over all questions of the bin: what a learner starts from (``outcomes.py``). The
    choice's own is flattered by having been chosen, and is not its accuracy.
    """

    choice: Choice
    share: float
    prior: float


@dataclass(frozen=True)
class Cell:
    """What to do with questions of a bin at a budget: the first of ``candidates``, which stand best first.

    ``accuracy``, with its 95 % interval ``low`` to ``high``, is that of choosing so, measured on the
    ``questions`` of the bin that had no say.
    """

    bin: int
    budget: int
    questions: int
    accuracy: float
    low: float
    high: float
    candidates: tuple[Candidate, ...]

    @property
    def choice(self) -> Choice:
        return self.candidates[0].choice


def cells(
    evidence: pd.DataFrame, ease: pd.Series, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[Cell, ...]:
    """The cell of every bin at every budget with more than one arm, by budget and bin. Raises BadInput."""
    questions, arms = arms_of(evidence)
    if len(questions) < FEWEST:
        raise BadInput(f"A policy needs at least {FEWEST} questions: sweep more of them.")
    easy, arms = eases(ease, questions), contested(arms)
    rng = np.random.default_rng(seed)
    everybody = np.arange(len(questions))

    def measured(drawn: Ints) -> Floats:
        """Accuracy and favourite of each cell, (2, budgets, BINS)."""
        weight = np.bincount(drawn, minlength=len(questions)).astype(float)
        bins = fifths(easy, weight, rng)
        size = np.bincount(bins, weight, minlength=BINS + 1)[1:]
        found = np.empty((2, len(arms), BINS))
        for i, each in enumerate(arms.values()):
            right = each.value[held_out(each.value, bins, weight, rng), everybody]
            found[0, i] = np.bincount(bins, weight * right, minlength=BINS + 1)[1:] / size
            found[1, i] = _favourites(each.value, bins, weight)
        return found

    bins = fifths(easy, np.ones(len(questions)), np.random.default_rng(seed))
    (accuracy, _), drawn = repeated(len(questions), measured, resamples, seed)
    low, high = interval(drawn[:, 0])
    made = []
    for i, (budget, each) in enumerate(arms.items()):
        for b in range(BINS):
            shares = np.bincount(drawn[:, 1, i, b].astype(int), minlength=len(each.choices)) / resamples
            priors = each.value[:, bins == b + 1].mean(axis=1)
            ranked = sorted(range(len(each.choices)), key=lambda arm: (-priors[arm], arm))
            candidates = [Candidate(each.choices[a], float(shares[a]), float(priors[a])) for a in ranked]
            figures = (float(figure[i, b]) for figure in (accuracy, low, high))
            made.append(Cell(b + 1, budget, int((bins == b + 1).sum()), *figures, tuple(candidates)))
    return tuple(made)


# --- curves ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lines:
    """Accuracy and cost by budget of policies and static arms, on the same questions and the same resamples.

    ``table``, one row a point: line (the name of a policy, or ``static``), strategy and settings (JSON text;
    null for a policy), budget, accuracy, low, high, questions, and the mean COSTS of a question. ``draws``
    (resamples, 1 + len(COSTS), rows) is each point's accuracy and COSTS in each resample.
    """

    table: pd.DataFrame
    draws: Floats

    def at(self, line: str | None) -> Ints:
        """Row numbers of the policy of that name, or of best-of-N (None), by ascending budget."""
        static = (self.table["strategy"] == BASELINE.strategy) & (self.table["settings"] == "{}")
        rows = self.table[self.table["line"] == line if line else static]
        return rows.sort_values("budget").index.to_numpy()

    def paid(self, unit: str, rows: Ints) -> tuple[Floats, Floats]:
        """What a question costs at these points, (rows,), and in each resample, (resamples, rows)."""
        cost = self.table[unit].to_numpy(float)[rows]
        if unit == "budget":
            return cost, np.broadcast_to(cost, (len(self.draws), len(rows)))
        return cost, self.draws[:, 1 + COSTS.index(unit), rows]


def lines(
    evidence: pd.DataFrame,
    ease: Mapping[str, pd.Series],
    probe: Mapping[str, float] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Lines:
    """The curve of a policy for each entry of ``ease``, and of every arm on its own.

    ``ease`` maps a name, ``oracle`` or ``predicted``, to how easy each question is, by samples that are not
    those of the evidence. ``probe`` is what the samples cost that predicted it, a question: ``budget``
    (their number) and COSTS. Then a further line, ``charged``, is the predicted policy with that added,
    which the paper leaves out. Raises BadInput.
    """
    questions, arms = arms_of(evidence)
    easy = {name: eases(series, questions) for name, series in ease.items()}
    chosen_among = contested(arms)
    static = np.concatenate([each.figures for each in arms.values()], axis=1)
    rng = np.random.default_rng(seed)

    def figures(drawn: Ints) -> Floats:
        """(1 + len(COSTS), rows)"""
        weight = np.bincount(drawn, minlength=len(questions)).astype(float)
        points = []
        for each_ease in easy.values():
            bins = fifths(each_ease, weight, rng)
            for each in chosen_among.values():
                chosen = held_out(each.value, bins, weight, rng)
                points.append(each.figures[:, chosen, np.arange(len(chosen))] @ weight)
        return np.column_stack([*points, static @ weight]) / len(drawn)

    value, draws = repeated(len(questions), figures, resamples, seed)
    rows: list[tuple[object, ...]] = [(name, None, None, budget) for name in easy for budget in chosen_among]
    for budget, each in arms.items():
        for choice in each.choices:
            rows.append(("static", choice.strategy, json.dumps(dict(choice.settings)), budget))
    table = pd.DataFrame(rows, columns=["line", "strategy", "settings", "budget"])
    low, high = interval(draws[:, 0])
    table = table.assign(accuracy=value[0], low=low, high=high, questions=len(questions))
    table[list(COSTS)] = value[1:].T
    found = Lines(table, draws)
    return found if probe is None else _charged(found, probe)


def _charged(found: Lines, probe: Mapping[str, float]) -> Lines:
    """The lines and one more: the predicted policy, its probe paid for."""
    at = found.at("predicted")
    dearer = found.table.loc[at].assign(line="charged")
    dearer[["budget", *COSTS]] += [probe[name] for name in ("budget", *COSTS)]
    draws = found.draws[:, :, at] + np.array([0.0, *(probe[name] for name in COSTS)])[:, None]
    table = pd.concat([found.table, dearer], ignore_index=True)
    return Lines(table, np.concatenate([found.draws, draws], axis=2))


def difference(found: Lines, line: str, other: str | None = None) -> pd.DataFrame:
    """Accuracy of a policy less that of another policy, or of best-of-N (None), at equal budgets.

    Rows: budget, difference, low, high (paired).
    """
    budget = found.table["budget"].to_numpy()
    theirs = {budget[row]: row for row in found.at(other)}
    ours = np.array([row for row in found.at(line) if budget[row] in theirs], int)
    theirs = np.array([theirs[budget[row]] for row in ours], int)
    accuracy = found.table["accuracy"].to_numpy()
    low, high = interval(found.draws[:, 0, ours] - found.draws[:, 0, theirs])
    gap = accuracy[ours] - accuracy[theirs]
    return pd.DataFrame({"budget": budget[ours], "difference": gap, "low": low, "high": high})


def ratios(found: Lines, line: str, unit: str = "budget") -> pd.DataFrame:
    """How many times more best-of-N needs than a policy for the same accuracy ("up to 4×", section 5.3).

    ``unit`` is ``budget`` or one of COSTS. Rows: budget (the policy's), accuracy, needed (what best-of-N
    needs: where its curve first reaches that accuracy, between measured budgets by a straight line in the
    logarithm of the unit), ratio, low, high, reached. Where best-of-N never gets there within what was
    measured, needed and ratio are infinite and ``reached`` is false; an infinite ``high`` says the same of
    its resamples. Where best-of-N is there already at its smallest budget, that budget stands.
    """
    ours = found.at(line)
    ratio, drawn = ratio_draws(found, line, unit)
    paid, _ = found.paid(unit, ours)
    # The nearest draw, since there is no middle between a number and infinity.
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0, method="nearest")
    return pd.DataFrame(
        {
            "budget": found.table["budget"].to_numpy()[ours],
            "accuracy": found.table["accuracy"].to_numpy()[ours],
            "needed": ratio * paid,
            "ratio": ratio,
            "low": low,
            "high": high,
            "reached": np.isfinite(ratio),
        }
    )


def ratio_draws(found: Lines, line: str, unit: str = "budget") -> tuple[Floats, Floats]:
    """The ratios of ``ratios``, (points,), and those of each resample, (resamples, points)."""
    ours, theirs = found.at(line), found.at(None)
    paid, paid_drawn = found.paid(unit, ours)
    curve, curve_drawn = found.paid(unit, theirs)
    accuracy = found.table["accuracy"].to_numpy()
    needed = np.array([_needed(curve[None], accuracy[None, theirs], accuracy[[row]])[0] for row in ours])
    drawn = np.stack(
        [_needed(curve_drawn, found.draws[:, 0, theirs], found.draws[:, 0, row]) for row in ours], axis=1
    )
    return needed / paid, drawn / paid_drawn


def _needed(paid: Floats, accuracy: Floats, target: Floats) -> Floats:
    """Where a curve first reaches ``target`` (draws,): ``accuracy`` at ``paid``, both (draws, points)."""
    reached = accuracy >= target[:, None]
    after = reached.argmax(axis=1)[:, None]
    before = np.maximum(after - 1, 0)
    low, high = (np.take_along_axis(accuracy, at, 1)[:, 0] for at in (before, after))
    begin, end = (np.log(np.take_along_axis(paid, at, 1)[:, 0]) for at in (before, after))
    rise = np.where(high > low, high - low, 1.0)
    part = np.where(after[:, 0] > 0, (target - low) / rise, 0.0)
    return np.where(reached.any(axis=1), np.exp(begin + part * (end - begin)), np.inf)


def regret(
    evidence: pd.DataFrame, ease: pd.Series, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """What the choice costs against the arm that proves best in each bin, known only in hindsight.

    Rows: budget, regret, low, high, in accuracy. An upper bound: hindsight is lucky too, and would look
    better than the choice even if all arms were equal.
    """
    questions, arms = arms_of(evidence)
    easy, arms = eases(ease, questions), contested(arms)
    everybody = np.arange(len(questions))
    rng = np.random.default_rng(seed)

    def lost(drawn: Ints) -> Floats:
        weight = np.bincount(drawn, minlength=len(questions)).astype(float)
        bins = fifths(easy, weight, rng)
        gaps = []
        for each in arms.values():
            chosen = held_out(each.value, bins, weight, rng)
            best = _favourites(each.value, bins, weight)[bins - 1]
            gaps.append((each.value[best, everybody] - each.value[chosen, everybody]) @ weight / len(drawn))
        return np.array(gaps)

    value, draws = repeated(len(questions), lost, resamples, seed)
    low, high = interval(draws)
    return pd.DataFrame({"budget": list(arms), "regret": value, "low": low, "high": high})
