"""Sharing a budget over a batch of questions: the next sample goes where it is predicted to help most.

Damani et al., arXiv 2410.04707, section 3: with a predicted chance of success by number of samples for each
question, greedy allocation by marginal gain is optimal where gains fall with every sample. Here a question's
prediction is the mean curve of its bin of predicted difficulty, learnt on other questions; samples count by
weighted best-of-N.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from ttc_explorer.experiments.choosing import (
    BASELINE,
    BINS,
    SELECTOR,
    Floats,
    Ints,
    eases,
    fifths,
    halves,
    repeated,
)
from ttc_explorer.experiments.intervals import RESAMPLES, interval
from ttc_explorer.problems.problem import BadInput


def allocate(curves: Floats, kind: Ints, totals: Sequence[int]) -> Ints:
    """Samples for each question at each total, (len(totals), questions), at most the total in all.

    ``curves`` (kinds, K + 1): the predicted chance of success after 0 to K samples; ``kind`` (questions,)
    says which curve is whose. Gains that do not fall are levelled first (``envelope``); a sample that
    promises nothing is not drawn. Of equal gains the lower number of samples comes first: equal questions
    share evenly.
    """
    worth = np.diff(np.stack([envelope(curve) for curve in curves]), axis=1).T.ravel()
    order = np.argsort(-worth, kind="stable")
    whose = order[worth[order] > 0] % len(curves)
    given = np.cumsum(np.bincount(kind, minlength=len(curves))[whose])
    samples = np.empty((len(totals), len(kind)), np.int64)
    for row, total in zip(samples, totals, strict=True):
        whole = int(np.searchsorted(given, total, side="right"))
        row[:] = np.bincount(whose[:whole], minlength=len(curves))[kind]
        if whole < len(whose):  # the next sample is not enough for all questions of that kind
            left = total - (given[whole - 1] if whole else 0)
            row[np.flatnonzero(kind == whose[whole])[:left]] += 1
    return samples


def envelope(curve: Floats) -> Floats:
    """The lowest curve above this one that never falls and whose gains never grow, (K + 1,).

    >>> envelope(np.array([0.0, 0.1, 0.4, 0.3])).round(3).tolist()
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


def success(evidence: pd.DataFrame) -> tuple[Ints, Floats]:
    """The questions in order, and their chance of success after 0 to K samples, (questions, K + 1).

    From best-of-N at the budgets of the evidence, between them by a straight line in the logarithm of the
    samples. Raises BadInput.
    """
    rows = evidence[(evidence["strategy"] == BASELINE.strategy) & (evidence["selector"] == SELECTOR)]
    wide = rows.pivot(index="question", columns="budget", values="value").dropna(axis=1).sort_index()
    measured = wide.columns.to_numpy()
    if not len(measured) or measured[0] != 1:
        raise BadInput("Sharing a budget needs best-of-N from one sample on: run the sweep with its pool.")
    logs = np.log(np.arange(1, measured[-1] + 1))
    curves = np.stack([np.interp(logs, np.log(measured), row) for row in wide.to_numpy(float)])
    return wide.index.to_numpy(), np.pad(curves, ((0, 0), (1, 0)))


def shared(
    evidence: pd.DataFrame,
    ease: pd.Series,
    budgets: Sequence[int],
    probe: int = 0,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Accuracy when ``budgets`` samples a question are shared by predicted gain, against everybody alike.

    Curves are learnt on one half of the questions and the budget shared over the other, both ways; bins and
    halves are made anew in each resample. With ``probe``, the samples that predicted difficulty are given to
    the even split as well. Rows: budget, even, shared, gain, low, high, spent (the mean of a question; less
    than the budget where no sample promised anything). Raises BadInput.
    """
    questions, truth = success(evidence)
    easy = eases(ease, questions)
    budgets = [budget for budget in budgets if budget + probe < truth.shape[1]]
    if not budgets:
        raise BadInput(f"Only {truth.shape[1] - 1} samples a question were measured: ask for fewer.")
    even = [budget + probe for budget in budgets]
    rng = np.random.default_rng(seed)

    def compared(drawn: Ints) -> Floats:
        """Gain, even, shared and spent at each budget, (4, budgets)."""
        sums = np.zeros((3, len(budgets)))
        for batch, _, samples in _both_ways(truth, easy, drawn, budgets, rng):
            sums[0] += truth[batch][:, even].sum(axis=0)
            sums[1] += truth[batch, samples].sum(axis=1)
            sums[2] += samples.sum(axis=1)
        sums /= len(drawn)
        return np.stack([sums[1] - sums[0], *sums])

    value, draws = repeated(len(questions), compared, resamples, seed)
    low, high = interval(draws[:, 0])
    found = dict(zip(("gain", "even", "shared", "spent"), value, strict=True))
    return pd.DataFrame({"budget": budgets, **found, "low": low, "high": high})


def shares(evidence: pd.DataFrame, ease: pd.Series, budget: int, seed: int = 0) -> pd.DataFrame:
    """Who gets how much at ``budget`` samples a question. Rows: question, bin, samples, value (its chance of
    success with them) and even (with ``budget`` of them). Raises BadInput."""
    questions, truth = success(evidence)
    if not 1 <= budget < truth.shape[1]:
        raise BadInput(f"The budget must be from 1 to the {truth.shape[1] - 1} samples that were measured.")
    everybody = np.arange(len(questions))
    parts = []
    ways = _both_ways(truth, eases(ease, questions), everybody, [budget], np.random.default_rng(seed))
    for batch, bins, samples in ways:
        columns = {"question": questions[batch], "bin": bins, "samples": samples[0]}
        columns |= {"value": truth[batch, samples[0]], "even": truth[batch, budget]}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts).sort_values("question", ignore_index=True)


def _both_ways(
    truth: Floats, easy: Floats, drawn: Ints, budgets: Sequence[int], rng: np.random.Generator
) -> Iterator[tuple[Ints, Ints, Ints]]:
    """For either half: its questions (with repeats), their bins, and their samples (budgets, questions)."""
    weight = np.bincount(drawn, minlength=len(truth)).astype(float)
    bins = fifths(easy, weight, rng)
    half = halves(bins, weight, rng) % 2
    for learn in (0, 1):
        known = weight * (half == learn)
        overall = known @ truth / known.sum()
        member = known[:, None] * (bins[:, None] == np.arange(1, BINS + 1))
        size = member.sum(axis=0)[:, None]
        curves = np.where(size > 0, member.T @ truth / np.maximum(size, 1), overall)
        batch = np.repeat(np.arange(len(truth)), (weight * (half != learn)).astype(int))
        totals = [budget * len(batch) for budget in budgets]
        yield batch, bins[batch], allocate(curves, bins[batch] - 1, totals)
