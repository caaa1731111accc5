"""The findings on made-up results whose truth is known: what holds, what fails, what is open."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.experiments.synthetic import save, synthetic
from ttc_explorer.experiments.findings import (
    FINDING_STATEMENTS,
    dump_findings,
    evaluate_findings,
    format_estimate,
    format_findings,
    load_findings,
)
from ttc_explorer.experiments.findings.law_findings import weighted_slope
from ttc_explorer.experiments.findings.resampled_results import ALL_QUESTIONS, ResampledResults
from ttc_explorer.experiments.findings.verdict import (
    Claim,
    FindingChart,
    FindingMeasurement,
    InsufficientData,
    interval_at_level,
    judge_family,
)
from ttc_explorer.experiments.result_tables import Results
from ttc_explorer.problems.problem import BadInput

pytestmark = pytest.mark.slow

RESAMPLES = 400
NOTHING = FindingChart("", "", [])


@pytest.fixture(scope="module")
def made():
    return synthetic(120, 32, seed=3).results


def study(results: Results) -> ResampledResults:
    return ResampledResults(results, RESAMPLES, seed=0, repeats=20)


def measure(name: str, results: Results, *others: Results) -> FindingMeasurement:
    return FINDING_STATEMENTS[name].test(study(results), [study(other) for other in others])


def verdict(measured: FindingMeasurement, family: int = 1) -> str:
    """As it would be said if the family had so many findings, all as clear as this one."""
    return judge_family([measured] * family)[0].interval.verdict


def claimed(draws: np.ndarray, **bounds: float) -> FindingMeasurement:
    return FindingMeasurement("", {"it": draws}, "points", Claim(**bounds), 1, NOTHING)


# --- the rule -------------------------------------------------------------------------------------


def test_p_and_interval_by_hand():
    """Four draws, of which one lies on the right side: chances (1 + 3) / 5 that such data come up
    if the bound fails, (1 + 1) / 5 if it holds."""
    draws = np.array([0.0, -1.0, -2.0, 1.0, -3.0])  # the value, then the draws
    assert Claim(above=0).p(draws) == pytest.approx(2 * 2 / 5)
    interval = interval_at_level(draws, 0.9)  # 2 (1 + h) / 5 is below 0.9 for h up to 1
    assert (interval.low, interval.high) == (-2.0, -1.0)


@given(
    st.floats(-0.1, 0.1), st.floats(0.005, 0.1), st.integers(1, 60), st.sampled_from("ab2"),
    st.integers(0, 10**6),
)  # fmt: skip
def test_interval_and_verdict_never_disagree(value, spread, family, side, seed):
    """A claim is decided exactly where its p-value is below the level that its interval has."""
    claim = {"a": Claim(above=0.0), "b": Claim(below=0.0), "2": Claim(-0.05, 0.05)}[side]
    drawn = np.random.default_rng(seed).normal(value, spread, 4000)
    measured = FindingMeasurement("", {"it": np.append(value, drawn)}, "points", claim, 1, NOTHING)
    found = judge_family([measured] * family)[0]
    decided = found.interval.verdict != "too close to tell"
    assert decided == (found.p < found.level) == (found.corrected < 0.05)


def test_alike_rows_of_a_family_get_the_same_word():
    """Holm's method may stop between them: then neither is decided, and neither is shown as such.
    The interval of a row that is not decided holds its bound."""
    rows = [claimed(around(value), above=0) for value in (0.1, 0.024, 0.0241, 0.0)]
    for answer in judge_family(rows):
        beyond = answer.interval.low > 0 or answer.interval.high < 0
        assert beyond == (answer.interval.verdict in ("holds", "does not hold"))


def around(value: float, spread: float = 0.01) -> np.ndarray:
    return np.append(value, np.random.default_rng(0).normal(value, spread, 4000))


def test_a_claim_holds_fails_or_stays_open():
    assert verdict(claimed(around(0.1), above=0), 18) == "holds"
    assert verdict(claimed(around(-0.1), above=0), 18) == "does not hold"
    assert verdict(claimed(around(0.005), above=0), 18) == "too close to tell"
    assert verdict(claimed(around(-0.1), below=0), 18) == "holds"


def test_equivalence_needs_both_bounds():
    assert verdict(claimed(around(0.0), above=-0.05, below=0.05)) == "equivalent"
    assert verdict(claimed(around(0.0, 0.2), above=-0.05, below=0.05)) == "too close to tell"
    assert verdict(claimed(around(0.2), above=-0.05, below=0.05)) == "does not hold"
    assert verdict(claimed(around(0.0), above=0, margin=0.05)) == "equivalent"
    assert verdict(claimed(around(0.0, 0.1), above=0, margin=0.05)) == "too close to tell"
    assert verdict(claimed(around(0.1), above=0, margin=0.05)) == "holds"


def test_what_one_test_finds_a_family_may_not():
    weak = claimed(around(0.023), above=0)
    assert verdict(weak) == "holds"
    assert verdict(weak, 18) == "too close to tell"


def test_noise_is_rarely_more_than_open():
    rng = np.random.default_rng(1)
    said = []
    for _ in range(200):
        values = rng.normal(0, 1, 60)
        drawn = values[rng.integers(0, 60, (1000, 60))].mean(axis=1)
        said.append(verdict(claimed(np.append(values.mean(), drawn), above=0)))
    assert said.count("too close to tell") >= 180


def test_the_slope_of_the_law_is_that_of_least_squares():
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 3, 9))
    weight = rng.integers(1, 4, (3, 9)).astype(float)
    slope, height = weighted_slope(x, y, weight)
    for row in range(3):
        expected = np.polyfit(x[row], y[row], 1, w=np.sqrt(weight[row]))
        assert (slope[row], height[row]) == pytest.approx(tuple(expected))


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
    ("shift", "expected"), [(0.4, "holds"), (-0.4, "does not hold"), (0.0, "too close to tell")]
)
def test_beam_search_at_small_budgets(made, shift, expected):
    results = shifted(made, "beam", "{}", shift)
    assert verdict(measure("F1", results)) == expected


@pytest.mark.parametrize(
    ("gain", "expected"), [(0.4, "holds"), (-0.4, "does not hold"), (0.0, "too close to tell")]
)
def test_beam_search_on_harder_questions(made, gain, expected):
    results = shifted(made, "beam", "{}", gain)
    assert verdict(measure("F4", results)) == expected


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
        return verdict(measure("F3b", replace(made, runs=runs)))

    assert told(0.2, -0.5) == "holds"
    assert told(-0.2, -0.5) == "does not hold"
    assert told(0.2, 0.2) != "holds"


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
    return pd.DataFrame(rows, columns=names).assign(seed=0)


@pytest.mark.parametrize(
    ("late", "expected"), [(0.95, "holds"), (0.2, "does not hold"), (0.6, "too close to tell")]
)
def test_revisions_that_go_on_getting_better(made, late, expected):
    table = attempts(120, lambda rng, place, before: rng.random() < (0.6 if place <= 4 else late))
    assert verdict(measure("F9", replace(made, attempts=table))) == expected


def test_flips_are_counted_and_a_rare_one_refutes_the_finding(made):
    often = attempts(120, lambda rng, place, before: rng.random() < (0.6 if before else 0.5))
    seldom = attempts(120, lambda rng, place, before: rng.random() < (0.98 if before else 0.5))
    found = measure("F10a", replace(made, attempts=often))
    right = often["correct"].to_numpy().reshape(-1, 16)
    assert found.draws[0] == pytest.approx(
        (right[:, :-1] & ~right[:, 1:]).sum() / right[:, :-1].sum()
    )
    assert verdict(measure("F10a", replace(made, attempts=seldom))) == "does not hold"


def test_a_verifier_made_for_revisions_is_told_from_one_that_guesses(made):
    table = attempts(120, lambda rng, place, before: rng.random() < 0.3)
    assert verdict(measure("F18", replace(made, attempts=table))) == "holds"
    swapped = table.rename(columns={"score": "score_prm", "score_prm": "score"})
    assert verdict(measure("F18", replace(made, attempts=swapped))) == "does not hold"


def test_compute_optimal_search_is_cheaper_where_one_arm_is_clearly_best_and_its_probe_costs(made):
    found = measure("F7", shifted(made, "beam", "{}", 0.5))
    assert np.median(found.draws) < np.median(found.estimates["probe not paid"])
    assert "never got there" in found.said
    assert np.isinf(found.unlimited[0])
    assert verdict(found) != "does not hold"  # shown as the least that it may be, not judged so


def test_aggregates_and_verifiers_are_compared_by_what_they_choose(made):
    rng = np.random.default_rng(0)
    blind = rng.random(len(made.pool))
    seeing = np.where(made.pool["correct"], 0.9, 0.1)
    pool = made.pool.assign(score_last=seeing, score_min=blind, score_prod=blind)
    assert verdict(measure("F15a", replace(made, pool=pool))) == "holds"
    pool = made.pool.assign(score_last=blind, score_min=seeing, score_prod=seeing)
    assert verdict(measure("F15a", replace(made, pool=pool))) == "does not hold"


def larger_model(made: Results, right: bool) -> Results:
    """A model of twice the size whose greedy answers are all right, or all wrong."""
    runs = made.runs[made.runs["strategy"] == "greedy"]
    selectors = dict.fromkeys(("majority", "best", "weighted"), right)
    about = dict(made.about, model="large", parameters=2 * made.about["parameters"])
    return replace(made, about=about, runs=runs.assign(**selectors))


def test_thinking_longer_is_held_against_the_larger_model(made):
    assert measure("F14a", made, larger_model(made, True)).draws[0] < 0
    assert measure("F14a", made, larger_model(made, False)).draws[0] > 0.3
    with pytest.raises(InsufficientData, match="larger model"):
        measure("F14a", made)


def test_revisions_without_ratios_are_too_little_to_compare_ratios(made):
    plain = made.runs["settings"].str.contains("chains")
    with pytest.raises(InsufficientData, match="more than one ratio of revisions"):
        measure("F12", replace(made, runs=made.runs[~plain]))


def test_a_sample_is_no_greedy_answer(made):
    without = replace(larger_model(made, True), runs=None)
    with pytest.raises(BadInput, match="no greedy run"):
        measure("F14a", made, without)


def test_at_equal_flops_lies_between_the_budgets_around(made):
    whole = study(made)
    arm = ("best_of_n", "{}")
    low, high = (whole.mean_flops(arm, budget) for budget in (4, 8))
    got = whole.value_at_flops(arm, (low * high) ** 0.5)
    assert got == pytest.approx((whole.value(arm, 4) + whole.value(arm, 8)) / 2)
    assert whole.value_at_flops(arm, 0.9 * whole.mean_flops(arm, 1)) is None


def test_a_part_of_the_questions_is_as_if_only_those_had_been_swept(made):
    questions = made.problems.loc[made.problems["family"] != "linear", "question"].tolist()
    part = study(made).restricted(questions, RESAMPLES, 20)
    alone = replace(
        made,
        **{
            field.name: getattr(made, field.name)[
                getattr(made, field.name)["question"].isin(questions)
            ]
            for field in fields(Results)[1:]
        },
    )
    for name in ("F1", "F4", "F17"):
        measured = FINDING_STATEMENTS[name].test(part, [])
        assert measured.draws[0] == pytest.approx(measure(name, alone).draws[0], abs=0.01)


# --- the whole ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    folder = tmp_path_factory.mktemp("noise")
    save(synthetic(60, 16, seed=4, noise=True).results, folder / "s")
    return evaluate_findings(folder, resamples=150, repeats=3)


def test_every_finding_has_a_row_with_its_command_and_curve(noise):
    assert [finding.id for finding in noise] == list(FINDING_STATEMENTS)
    for finding in noise:
        assert finding.command.endswith("python -m ttc_explorer findings DIR")
        if finding.estimate is None:
            assert finding.verdict == "not testable here"
            assert finding.said.endswith(".")
            continue
        assert finding.low <= finding.high
        assert finding.chart.rows
        assert finding.columns[0] == ALL_QUESTIONS
        assert finding.rows[0].cells[0].estimate == finding.estimate
        if finding.verdict != "not testable here":
            assert finding.p <= finding.corrected
        if finding.id != "L1":
            assert finding.without[0] in ("linear", "percent", "sequence")


def test_noise_reverses_nothing(noise):
    """F2 claims the end of a gain: without the gain it cannot hold, however the slope falls."""
    second, first = (next(f for f in noise if f.id == name) for name in ("F2", "F1"))
    assert first.verdict != "holds"
    assert second.verdict != "holds"
    assert "nothing to reverse" in second.said


def test_the_file_gives_the_same_findings_again(noise, tmp_path):
    (tmp_path / "findings.json").write_text(dump_findings(noise), encoding="utf-8")
    assert load_findings(tmp_path / "findings.json") == noise
    assert load_findings(tmp_path / "none.json") is None
    for damaged in ("{", '{"version": 1}', json.dumps({"version": 2, "findings": [{"id": "F1"}]})):
        (tmp_path / "bad.json").write_text(damaged)
        with pytest.raises(BadInput, match=r"bad\.json"):
            load_findings(tmp_path / "bad.json")


def test_the_sheet_has_each_verdict(noise):
    text = format_findings(noise)
    for finding in noise:
        assert f"{finding.id:<5}{finding.verdict}" in text
        if finding.estimate is not None:
            assert format_estimate(finding) in text


@pytest.mark.parametrize("missing", [field.name for field in fields(Results)[2:]])
def test_without_a_table_findings_are_untested_and_say_why(made, tmp_path, missing):
    small = synthetic(30, 16, seed=1).results
    save(replace(small, **{missing: None}), tmp_path)
    found = evaluate_findings(tmp_path, resamples=20, repeats=2)
    untested = {finding.id: finding.said for finding in found if finding.estimate is None}
    needs = {
        "pool": {"F1", "F15a", "F16a", "F17"},
        "probe": {"F3a", "F3b", "F4", "F5a", "F7"},
        "runs": {"F1", "F6a", "F11a"},
        "attempts": {"F9", "F10a", "F10b", "F18"},
    }
    assert needs[missing] <= set(untested)
    assert all(said.endswith(".") for said in untested.values())


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(BadInput, match="no results"):
        evaluate_findings(tmp_path)
