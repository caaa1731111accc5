"""The findings on made-up results whose truth is known: what holds, what fails, what is open."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest

from tests.experiments.synthetic import save, synthetic
from ttc_explorer.experiments.findings import (
    FINDING_STATEMENTS,
    dump_findings,
    evaluate_findings,
    format_estimate,
    format_findings,
    load_findings,
)
from ttc_explorer.experiments.findings.resampled_results import ResampledResults
from ttc_explorer.experiments.findings.verdict import (
    Claim,
    FindingChart,
    FindingMeasurement,
    InsufficientData,
    assign_verdicts,
)
from ttc_explorer.experiments.result_tables import Results
from ttc_explorer.problems.problem import BadInput

pytestmark = pytest.mark.slow

RESAMPLES = 1500
NOTHING = FindingChart("", "", [])


@pytest.fixture(scope="module")
def made():
    return synthetic(120, 32, seed=3).results


def study(results: Results) -> ResampledResults:
    return ResampledResults(results, RESAMPLES, seed=0)


def verdict(measured: FindingMeasurement, family: int = 1) -> str:
    """As it would be said if the family had so many findings, all as clear as this one."""
    return assign_verdicts([measured] * family)[0]["verdict"]


def claimed(draws: np.ndarray, **bounds: float) -> FindingMeasurement:
    return FindingMeasurement("", draws, "points", [Claim(draws, **bounds)], 1, NOTHING)


# --- the rule -------------------------------------------------------------------------------------


def test_a_refutation_pays_for_the_number_of_bounds_by_hand():
    """Four draws, of which 0, 1 or 2 lie on the right side; the clearest failure counts, times the
    number of bounds (Bonferroni)."""
    draws = np.array([0.0, -1.0, -2.0, 1.0, -3.0])  # the value, then the draws
    other = np.array([0.0, -1.0, -2.0, -3.0, -4.0])
    claims = [Claim(draws, above=0), Claim(other, above=0)]
    measured = FindingMeasurement("", draws, "points", claims, 1, NOTHING)
    # Chance of such data if a bound holds: (1 + 1) / 5 and (1 + 0) / 5; if it fails: 4/5 and 5/5.
    assert measured.p == (pytest.approx(2 * min(1.0, 2 * 1 / 5)), False)
    alone = FindingMeasurement("", other, "points", claims[1:], 1, NOTHING)
    assert alone.p == (pytest.approx(2 * 1 / 5), False)


def around(value: float, spread: float = 0.01) -> np.ndarray:
    return np.append(value, np.random.default_rng(0).normal(value, spread, 4000))


def test_a_claim_holds_fails_or_stays_open():
    assert verdict(claimed(around(0.1), above=0), 18) == "reproduced"
    assert verdict(claimed(around(-0.1), above=0), 18) == "refuted"
    assert verdict(claimed(around(0.005), above=0), 18) == "inconclusive"
    assert verdict(claimed(around(-0.1), below=0), 18) == "reproduced"


def test_equivalence_needs_both_bounds():
    assert verdict(claimed(around(0.0), above=-0.05, below=0.05)) == "reproduced"
    assert verdict(claimed(around(0.0, 0.2), above=-0.05, below=0.05)) == "inconclusive"
    assert verdict(claimed(around(0.2), above=-0.05, below=0.05)) == "refuted"


def test_all_claims_must_hold_and_one_that_fails_is_enough():
    def both(one: float, other: float) -> str:
        claims = [Claim(around(one), above=0), Claim(around(other), above=0)]
        return verdict(FindingMeasurement("", around(one), "points", claims, 1, NOTHING))

    assert [both(0.1, 0.1), both(0.1, -0.1), both(0.1, 0.0)] == [
        "reproduced",
        "refuted",
        "inconclusive",
    ]


def test_what_one_test_finds_a_family_may_not():
    weak = claimed(around(0.023), above=0)
    assert verdict(weak) == "reproduced"
    assert verdict(weak, 18) == "inconclusive"


def test_noise_is_rarely_more_than_inconclusive():
    rng = np.random.default_rng(1)
    said = []
    for _ in range(200):
        values = rng.normal(0, 1, 60)
        drawn = values[rng.integers(0, 60, (1000, 60))].mean(axis=1)
        said.append(verdict(claimed(np.append(values.mean(), drawn), above=0)))
    assert said.count("inconclusive") >= 180


# --- the tests ------------------------------------------------------------------------------------


def shifted(results: Results, strategy: str, settings: str, shift: float) -> Results:
    """The results in which an arm is as good as best-of-N at its budget and ``shift`` better, by
    question."""
    rng = np.random.default_rng(5)
    base = study(results)
    runs = results.runs.copy()
    for budget in (4, 16):
        mine = (
            (runs["strategy"] == strategy)
            & (runs["settings"] == settings)
            & (runs["budget"] == budget)
        )
        chance = base.value(("best_of_n", "{}"), budget)[runs.loc[mine, "question"]]
        right = rng.random(mine.sum()) < np.clip(chance + shift, 0, 1)
        for selector in ("majority", "best", "weighted"):
            runs.loc[mine, selector] = right
    return replace(results, runs=runs)


@pytest.mark.parametrize(
    ("shift", "expected"), [(0.4, "reproduced"), (-0.4, "refuted"), (0.0, "inconclusive")]
)
def test_beam_search_at_small_budgets(made, shift, expected):
    results = shifted(made, "beam", "{}", shift)
    assert verdict(FINDING_STATEMENTS["F1"].test(study(results))) == expected


@pytest.mark.parametrize(
    ("gain", "expected"), [(0.4, "reproduced"), (-0.4, "refuted"), (0.0, "inconclusive")]
)
def test_beam_search_on_harder_questions(made, gain, expected):
    results = shifted(made, "beam", "{}", gain)
    assert verdict(FINDING_STATEMENTS["F4"].test(study(results))) == expected


def test_over_optimisation_needs_a_rising_score_and_falling_accuracy(made):
    def told(score: float, right: float) -> str:
        runs = made.runs.copy()
        beams = (runs["strategy"] == "beam") & (runs["settings"] == "{}")
        late = (runs["budget"] == 64) & beams
        rng = np.random.default_rng(2)
        runs.loc[beams, "top_score"] = 0.5 + rng.normal(0, 0.02, beams.sum())
        runs.loc[late, "top_score"] += score
        runs.loc[beams, "weighted"] = rng.random(beams.sum()) < 0.8
        runs.loc[late, "weighted"] = rng.random(late.sum()) < 0.8 + right
        return verdict(FINDING_STATEMENTS["F3"].test(study(replace(made, runs=runs))))

    assert told(0.2, -0.5) == "reproduced"
    assert told(-0.2, -0.5) == "refuted"
    assert told(0.2, 0.2) != "reproduced"


def attempts(questions: int, right) -> pd.DataFrame:
    """One chain of 16 a question; ``right(rng, place, before)`` says whether an attempt is."""
    rng = np.random.default_rng(0)
    rows = []
    for question in range(questions):
        before = bool(rng.random() < 0.5)
        for place in range(16):
            before = bool(right(rng, place, before)) if place else before
            answer = str(question) if before else f"-{rng.integers(1, 99)}"
            rows.append(
                (question, 16, 1, 0, place, answer, before, 0.5 + 0.4 * before, rng.random())
            )
    names = [
        "question",
        "budget",
        "chains",
        "chain",
        "place",
        "answer",
        "correct",
        "score",
        "score_prm",
    ]
    return pd.DataFrame(rows, columns=names)


@pytest.mark.parametrize(
    ("late", "expected"), [(0.95, "reproduced"), (0.2, "refuted"), (0.6, "inconclusive")]
)
def test_revisions_that_go_on_getting_better(made, late, expected):
    table = attempts(120, lambda rng, place, before: rng.random() < (0.6 if place <= 4 else late))
    assert verdict(FINDING_STATEMENTS["F9"].test(study(replace(made, attempts=table)))) == expected


def test_flips_are_counted_and_a_rare_one_refutes_the_finding(made):
    often = attempts(120, lambda rng, place, before: rng.random() < (0.6 if before else 0.5))
    seldom = attempts(120, lambda rng, place, before: rng.random() < (0.98 if before else 0.5))
    found = FINDING_STATEMENTS["F10"].test(study(replace(made, attempts=often)))
    right = often["correct"].to_numpy().reshape(-1, 16)
    assert found.estimate_draws[0] == pytest.approx(
        (right[:, :-1] & ~right[:, 1:]).sum() / right[:, :-1].sum()
    )
    assert (
        verdict(FINDING_STATEMENTS["F10"].test(study(replace(made, attempts=seldom)))) == "refuted"
    )


def test_a_verifier_made_for_revisions_is_told_from_one_that_guesses(made):
    table = attempts(120, lambda rng, place, before: rng.random() < 0.3)
    assert (
        verdict(FINDING_STATEMENTS["F18"].test(study(replace(made, attempts=table))))
        == "reproduced"
    )
    swapped = table.rename(columns={"score": "score_prm", "score_prm": "score"})
    assert (
        verdict(FINDING_STATEMENTS["F18"].test(study(replace(made, attempts=swapped)))) == "refuted"
    )


def test_compute_optimal_search_is_cheaper_where_one_arm_is_clearly_best(made):
    assert (
        verdict(FINDING_STATEMENTS["F7"].test(study(shifted(made, "beam", "{}", 0.5))))
        == "reproduced"
    )


def test_aggregates_and_verifiers_are_compared_by_what_they_choose(made):
    rng = np.random.default_rng(0)
    blind = rng.random(len(made.pool))
    seeing = np.where(made.pool["correct"], 0.9, 0.1)
    pool = made.pool.assign(score_last=seeing, score_min=blind, score_prod=blind)
    assert verdict(FINDING_STATEMENTS["F15"].test(study(replace(made, pool=pool)))) == "reproduced"
    pool = made.pool.assign(score_last=blind, score_min=seeing, score_prod=seeing)
    assert verdict(FINDING_STATEMENTS["F15"].test(study(replace(made, pool=pool)))) == "refuted"


def test_thinking_longer_is_held_against_the_larger_model(made):
    about = dict(made.about, model="large", parameters=14_000)
    larger = replace(made, about=about, pool=made.pool.assign(correct=True, answer="0"), runs=None)
    found = FINDING_STATEMENTS["F14"].test(study(made), [study(larger)])
    assert found.estimate_draws[0] <= 0
    assert verdict(found) != "reproduced"
    useless = replace(larger, pool=made.pool.assign(correct=False))
    found = FINDING_STATEMENTS["F14"].test(study(made), [study(useless)])
    assert found.estimate_draws[0] > 0.3
    with pytest.raises(InsufficientData, match="larger model"):
        FINDING_STATEMENTS["F14"].test(study(made), [])


# --- the whole ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    folder = tmp_path_factory.mktemp("noise")
    save(synthetic(60, 16, seed=4, noise=True).results, folder / "s")
    return evaluate_findings(folder, resamples=400)


def test_every_finding_has_a_row_with_its_command_and_curve(noise):
    assert (
        [finding.id for finding in noise]
        == list(FINDING_STATEMENTS)
        == [f"F{n}" for n in range(1, 19)]
    )
    for finding in noise:
        assert finding.command.endswith("python -m ttc_explorer findings DIR")
        if finding.verdict == "untested":
            assert finding.said.endswith(".")
        else:
            assert finding.low <= finding.high
            assert finding.p <= finding.corrected
            assert finding.chart.rows


def test_the_file_gives_the_same_findings_again(noise, tmp_path):
    (tmp_path / "findings.json").write_text(dump_findings(noise), encoding="utf-8")
    assert load_findings(tmp_path / "findings.json") == noise
    assert load_findings(tmp_path / "none.json") is None
    for damaged in ("{", '{"version": 2}', json.dumps({"version": 1, "findings": [{"id": "F1"}]})):
        (tmp_path / "bad.json").write_text(damaged)
        with pytest.raises(BadInput, match=r"bad\.json"):
            load_findings(tmp_path / "bad.json")


def test_the_sheet_has_each_verdict(noise):
    text = format_findings(noise)
    for finding in noise:
        assert f"{finding.id:<4}{finding.verdict}" in text
        if finding.estimate is not None:
            assert format_estimate(finding) in text


@pytest.mark.parametrize("missing", [field.name for field in fields(Results)[2:]])
def test_without_a_table_findings_are_untested_and_say_why(made, tmp_path, missing):
    small = synthetic(30, 16, seed=1).results
    save(replace(small, **{missing: None}), tmp_path)
    found = evaluate_findings(tmp_path, resamples=20)
    untested = {finding.id: finding.said for finding in found if finding.verdict == "untested"}
    needs = {
        "pool": {"F1", "F15", "F16", "F17"},
        "probe": {"F3", "F4", "F7"},
        "runs": {"F1", "F11"},
        "attempts": {"F9", "F10", "F18"},
    }
    assert needs[missing] <= set(untested)
    assert all(said.endswith(".") for said in untested.values())


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(BadInput, match="no results"):
        evaluate_findings(tmp_path)
