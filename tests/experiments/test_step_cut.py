"""Where to cut a thought: the arms that differ by their steps, compared question by question."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.experiments.synthetic import synthetic
from ttc_explorer.experiments.findings.resampled_results import ResampledResults
from ttc_explorer.experiments.findings.step_cut import step_cut_effects, step_cut_pairs
from ttc_explorer.experiments.findings.verdict import InsufficientData

pytestmark = pytest.mark.slow

LINE, CHECK = '{"merge": true}', '{"merge": true, "step": "check"}'
FAMILIES = ("system", "roots")


@pytest.fixture(scope="module")
def results():
    """Beam search in two families: a check helps in ``system``, always, and changes nothing in
    ``roots``; of REBASE only one arm was run, and one of other settings."""
    made = synthetic(60, 8, seed=2).results
    problems = made.problems.assign(family=[FAMILIES[n % 2] for n in range(60)])
    beam = made.runs[(made.runs["strategy"] == "beam") & (made.runs["settings"] == "{}")]
    in_system = beam["question"] % 2 == 0
    rng = np.random.default_rng(1)
    line = beam.assign(settings=LINE, weighted=np.where(in_system, rng.random(len(beam)) < 0.3, 1))
    check = line.assign(settings=CHECK, weighted=np.where(in_system, 1, line["weighted"]))
    check = check[check["budget"] < 64]
    others = [
        line.assign(strategy="rebase"),
        check.assign(strategy="rebase", settings='{"rounds": 9, "step": "check"}'),
    ]
    runs = pd.concat([line, check, *others], ignore_index=True)
    runs["weighted"] = runs["weighted"].astype(bool)
    return replace(made, problems=problems, runs=runs)


def test_only_arms_that_differ_in_nothing_else_are_compared(results):
    assert step_cut_pairs(ResampledResults(results, 10)) == [(("beam", LINE), ("beam", CHECK))]


def test_the_effect_is_the_mean_difference_of_the_questions_in_each_group(results):
    effects = step_cut_effects(ResampledResults(results, 300), {"system": "late", "roots": "early"})
    assert {effect.budget for effect in effects} == {4, 16}  # at which both were run
    found = {(each.budget, each.group, each.name): each for each in effects}
    for budget in (4, 16):
        right = results.runs[
            (results.runs["strategy"] == "beam") & (results.runs["budget"] == budget)
        ].pivot(index="question", columns="settings", values="weighted")
        gap = right[CHECK].astype(float) - right[LINE].astype(float)
        system = found[budget, "family", "system"]
        assert system.difference == pytest.approx(gap[::2].mean())
        assert system.low <= system.difference <= system.high
        assert system.low > 0.4
        assert system.questions == 30
        roots = found[budget, "family", "roots"]
        assert (roots.difference, roots.low, roots.high) == (0.0, 0.0, 0.0)
        assert found[budget, "all", ""].difference == pytest.approx(gap.mean())
        assert found[budget, "kind", "late"].difference == system.difference
        bins = [found[budget, "bin", str(number)] for number in range(1, 6)]
        assert sum(each.questions for each in bins) == 60
        assert sum(each.questions * each.difference for each in bins) == pytest.approx(gap.sum())


def test_without_both_arms_it_is_said_what_to_sweep(results):
    runs = results.runs[results.runs["settings"] == LINE]
    with pytest.raises(InsufficientData, match="beam step=check"):
        step_cut_effects(ResampledResults(replace(results, runs=runs), 10))
