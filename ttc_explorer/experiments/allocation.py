"""Sharing a budget over a batch of questions: the next sample goes where it is predicted to help
most.

Damani et al., arXiv 2410.04707, section 3: with a predicted chance of success by number of samples
for each question, greedy allocation by marginal gain is optimal where gains fall with every sample.
Here a question's prediction is the mean curve of its bin of predicted difficulty, learnt on other
questions; samples count by weighted best-of-N.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from ttc_explorer.experiments.cross_fitting import (
    BASELINE,
    SELECTOR,
    assign_halves,
    cross_fit_and_bootstrap,
    easiness_of_questions,
)
from ttc_explorer.experiments.difficulty import BINS, Floats, Ints, quintiles
from ttc_explorer.experiments.intervals import RESAMPLES, percentile_interval
from ttc_explorer.problems.problem import BadInput


def allocate(curves: Floats, kind: Ints, totals: Sequence[int]) -> Ints:
    """Samples for each question at each total, (len(totals), questions), at most the total in all.

    ``curves`` (kinds, K + 1): the predicted chance of success after 0 to K samples; ``kind``
    (questions,) says which curve is whose. Gains that do not fall are levelled first
    (``concave_envelope``); a sample that promises nothing is not drawn. Of equal gains the lower
    number of samples comes first: equal questions share evenly.
    """
    marginal_gains = np.diff(
        np.stack([concave_envelope(curve) for curve in curves]), axis=1
    ).T.ravel()
    order = np.argsort(-marginal_gains, kind="stable")
    gain_kind = order[marginal_gains[order] > 0] % len(curves)
    cumulative_samples = np.cumsum(np.bincount(kind, minlength=len(curves))[gain_kind])
    samples = np.empty((len(totals), len(kind)), np.int64)
    for row, total in zip(samples, totals, strict=True):
        complete_steps = int(np.searchsorted(cumulative_samples, total, side="right"))
        row[:] = np.bincount(gain_kind[:complete_steps], minlength=len(curves))[kind]
        if complete_steps < len(
            gain_kind
        ):  # the next sample is not enough for all questions of that kind
            remaining = total - (cumulative_samples[complete_steps - 1] if complete_steps else 0)
            row[np.flatnonzero(kind == gain_kind[complete_steps])[:remaining]] += 1
    return samples


def concave_envelope(curve: Floats) -> Floats:
    """The lowest curve above this one that never falls and whose gains never grow, (K + 1,).

    >>> concave_envelope(np.array([0.0, 0.1, 0.4, 0.3])).round(3).tolist()
    [0.0, 0.2, 0.4, 0.4]
    """
    corners = [0]
    best = np.maximum.accumulate(curve)
    for k in range(1, len(best)):
        while len(corners) > 1:
            a, b = corners[-2:]
            if (best[b] - best[a]) * (k - b) > (best[k] - best[b]) * (b - a):
                break
            corners.pop()
        corners.append(k)
    return np.interp(np.arange(len(best)), corners, best[corners])


def success_curves(evidence: pd.DataFrame) -> tuple[Ints, Floats]:
    """The questions in order, and their chance of success after 0 to K samples, (questions, K + 1).

    From best-of-N at the budgets of the evidence, between them by a straight line in the logarithm
    of the samples. Raises BadInput.
    """
    rows = evidence[
        (evidence["strategy"] == BASELINE.strategy) & (evidence["selector"] == SELECTOR)
    ]
    wide = (
        rows.pivot(index="question", columns="budget", values="value").dropna(axis=1).sort_index()
    )
    measured = wide.columns.to_numpy()
    if not len(measured) or measured[0] != 1:
        raise BadInput(
            "Sharing a budget needs best-of-N from one sample on: run the sweep with its pool."
        )
    logs = np.log(np.arange(1, measured[-1] + 1))
    curves = np.stack([np.interp(logs, np.log(measured), row) for row in wide.to_numpy(float)])
    return wide.index.to_numpy(), np.pad(curves, ((0, 0), (1, 0)))


def shared_budget_gain(
    evidence: pd.DataFrame,
    easiness: pd.Series,
    budgets: Sequence[int],
    probe: int = 0,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Accuracy when ``budgets`` samples a question are shared by predicted gain, against the same
    number for every question.

    Curves are learnt on one half of the questions and the budget shared over the other, both ways;
    bins and halves are made anew in each resample. With ``probe``, the samples that predicted
    difficulty are given to the even split as well. Rows: budget, even, shared, gain, low, high,
    spent (the mean of a question; less than the budget where no sample promised anything). Raises
    BadInput.
    """
    questions, question_curves = success_curves(evidence)
    easiness_values = easiness_of_questions(easiness, questions)
    budgets = [budget for budget in budgets if budget + probe < question_curves.shape[1]]
    if not budgets:
        raise BadInput(
            f"Only {question_curves.shape[1] - 1} samples a question were measured: ask for fewer."
        )
    uniform_budgets = [budget + probe for budget in budgets]
    rng = np.random.default_rng(seed)

    def gain_statistics(drawn: Ints) -> Floats:
        """Gain, even, shared and spent at each budget, (4, budgets)."""
        sums = np.zeros((3, len(budgets)))
        for batch, _, samples in _cross_fitted_allocations(
            question_curves, easiness_values, drawn, budgets, rng
        ):
            sums[0] += question_curves[batch][:, uniform_budgets].sum(axis=0)
            sums[1] += question_curves[batch, samples].sum(axis=1)
            sums[2] += samples.sum(axis=1)
        sums /= len(drawn)
        return np.stack([sums[1] - sums[0], *sums])

    value, draws = cross_fit_and_bootstrap(len(questions), gain_statistics, resamples, seed)
    low, high = percentile_interval(draws[:, 0])
    found = dict(zip(("gain", "even", "shared", "spent"), value, strict=True))
    return pd.DataFrame({"budget": budgets, **found, "low": low, "high": high})


def shared_budget_allocation(
    evidence: pd.DataFrame, easiness: pd.Series, budget: int, seed: int = 0
) -> pd.DataFrame:
    """Who gets how much at ``budget`` samples a question. Rows: question, bin, samples, value (its
    chance of success with them) and even (with ``budget`` of them). Raises BadInput."""
    questions, question_curves = success_curves(evidence)
    if not 1 <= budget < question_curves.shape[1]:
        raise BadInput(
            f"The budget must be from 1 to the {question_curves.shape[1] - 1} samples that were "
            "measured."
        )
    all_questions = np.arange(len(questions))
    frames = []
    allocations = _cross_fitted_allocations(
        question_curves,
        easiness_of_questions(easiness, questions),
        all_questions,
        [budget],
        np.random.default_rng(seed),
    )
    for batch, bins, samples in allocations:
        columns = {"question": questions[batch], "bin": bins, "samples": samples[0]}
        columns |= {
            "value": question_curves[batch, samples[0]],
            "even": question_curves[batch, budget],
        }
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames).sort_values("question", ignore_index=True)


def _cross_fitted_allocations(
    question_curves: Floats,
    easiness_values: Floats,
    drawn: Ints,
    budgets: Sequence[int],
    rng: np.random.Generator,
) -> Iterator[tuple[Ints, Ints, Ints]]:
    """For either half: its questions (with repeats), their bins, and their samples (budgets,
    questions)."""
    weight = np.bincount(drawn, minlength=len(question_curves)).astype(float)
    bins = quintiles(easiness_values, weight, rng)
    half = assign_halves(bins, weight, rng) % 2
    for training_half in (0, 1):
        training_weight = weight * (half == training_half)
        overall = training_weight @ question_curves / training_weight.sum()
        member = training_weight[:, None] * (bins[:, None] == np.arange(1, BINS + 1))
        size = member.sum(axis=0)[:, None]
        curves = np.where(size > 0, member.T @ question_curves / np.maximum(size, 1), overall)
        batch = np.repeat(
            np.arange(len(question_curves)), (weight * (half != training_half)).astype(int)
        )
        totals = [budget * len(batch) for budget in budgets]
        yield batch, bins[batch], allocate(curves, bins[batch] - 1, totals)
