"""Where to cut a thought: what steps that end at their check change, by strategy, family and
difficulty.

*A greedy search should stop where it can be judged; a soft one need not*: that is the law in
question. A sweep that ran a strategy with steps of a line and with steps to a check has both arms;
here they are compared, question by question.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ttc_explorer.experiments.findings.resampled_results import (
    ArmKey,
    ResampledResults,
)
from ttc_explorer.experiments.findings.verdict import InsufficientData
from ttc_explorer.experiments.intervals import percentile_interval
from ttc_explorer.search.settings import recorded_settings
from ttc_explorer.search.step_rule import OWN

Floats = NDArray[np.float64]

CHECK, LINE = "check", "line"


@dataclass(frozen=True)
class StepCutEffect:
    """What steps to a check change against steps of a line.

    Attributes:
        strategy: Its name.
        settings: Of the arm with steps of a line, as the sweep wrote them.
        budget: N.
        group: What the questions have in common: ``all``, ``kind`` (of family), ``family`` or
            ``bin`` (oracle difficulty, 1 is easiest).
        name: Which of these; empty for all.
        questions: How many.
        difference: Accuracy with steps to a check less that with steps of a line, as a share.
        low: The lower end of its 95 % interval, by the paired bootstrap over questions.
        high: The upper end.
    """

    strategy: str
    settings: str
    budget: int
    group: str
    name: str
    questions: int
    difference: float
    low: float
    high: float


def step_cut_effects(
    results: ResampledResults, kinds: Mapping[str, str] | None = None
) -> list[StepCutEffect]:
    """Every strategy that was swept with both steps, at every budget at which both were run.

    Args:
        results: of one model, that writes lines.
        kinds: family -> its kind, such as whether a verifier can judge its deciding step; without
            it there are no rows by kind.

    Returns:
        For each strategy and budget a row over all questions, then one a kind, a family, and a bin
        where there is a probe.

    Raises:
        InsufficientData: no strategy was swept with both.
    """
    pairs = step_cut_pairs(results)
    if not pairs:
        raise InsufficientData(
            "No search was swept with steps of a line and with steps to a check: sweep "
            '"beam" and "beam step=check", say.'
        )
    groups = _groups(results, kinds or {})
    effects = []
    for line, check in pairs:
        for budget in results.budgets(line, check):
            gap = results.gap(check, line, budget)
            for group, name, weights in groups:
                measured = np.isfinite(gap) & (weights[0] > 0)
                if measured.any():
                    draws = _mean(np.where(measured, gap, 0.0), weights * measured)
                    low, high = percentile_interval(draws[1:])
                    count = int(measured.sum())
                    figures = (float(draws[0]), float(low), float(high))
                    effects.append(StepCutEffect(*line, budget, group, name, count, *figures))
    return effects


def step_cut_pairs(results: ResampledResults) -> list[tuple[ArmKey, ArmKey]]:
    """The arms that differ in nothing but the step: with steps of a line, and to a check."""
    by_rest: dict[tuple[str, str], dict[str, ArmKey]] = {}
    runs = results.table("runs")[["strategy", "settings"]].drop_duplicates()
    for strategy, settings in runs.itertuples(index=False, name=None):
        found = recorded_settings(json.loads(settings)).to_dict()
        step = found.pop("step")
        rest = json.dumps(found, sort_keys=True)
        arms = by_rest.setdefault((strategy, rest), {})
        arms[LINE if step == OWN else str(step)] = (strategy, settings)
    return [(arms[LINE], arms[CHECK]) for arms in by_rest.values() if {LINE, CHECK} <= arms.keys()]


def _groups(results: ResampledResults, kinds: Mapping[str, str]) -> list[tuple[str, str, Floats]]:
    """Group, name, and the weights of its questions in every resample, (1 + resamples, Q)."""
    groups = [("all", "", results.weights)]
    problems = results.results.problems.set_index("question").reindex(results.questions)
    if "family" in problems:
        families = problems["family"]
        labels = [("kind", families.map(dict(kinds))), ("family", families)]
        groups += [
            (group, str(name), results.weights * (label == name).to_numpy())
            for group, label in labels
            for name in dict.fromkeys(label.dropna())
        ]
    if results.results.probe is not None:
        groups += [
            ("bin", str(number), results.weights * (results.bins == number))
            for number in range(1, int(results.bins.max()) + 1)
        ]
    return groups


def _mean(values: Floats, weights: Floats) -> Floats:
    """The mean in every resample; the measured one where a resample has none of the questions."""
    size = weights.sum(axis=1)
    drawn = np.divide(weights @ values, size, out=np.full(len(size), np.nan), where=size > 0)
    means: Floats = np.where(np.isfinite(drawn), drawn, drawn[0])
    return means
