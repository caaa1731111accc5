"""Evidence: chances from the pool by the estimators, shares from runs, and costs counted by
hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.experiments.synthetic import ARMS, GENERATOR_FLOPS, PROMPT, VERIFIER_FLOPS, synthetic
from ttc_explorer.experiments.evidence import COST_COLUMNS, EVIDENCE_COLUMNS, evidence
from ttc_explorer.search.selector import SELECTORS


@pytest.fixture(scope="module")
def made():
    return synthetic(questions=30, samples=16, seed=5)


@pytest.fixture(scope="module")
def table(made):
    return evidence(made.results, (1, 4, 16, 64), seed=0)


def pooled(table, selector, budget):
    rows = table.query("strategy == 'best_of_n' and selector == @selector and budget == @budget")
    return rows.set_index("question")


def test_one_row_a_question_arm_and_budget(table):
    assert list(table) == list(EVIDENCE_COLUMNS)
    assert not table.duplicated(["question", "strategy", "settings", "selector", "budget"]).any()
    assert not table.isna().any().any()
    assert table["value"].between(0, 1).all()
    # The pool has 16 samples: best-of-N at 1, 4 and 16, by coverage and the selectors that it has
    # something for, all that need no log-probabilities; the runs by the three that they have a
    # column of, but greedy, whose one solution is the answer by any selector, by all.
    runs = sum(len(budgets) for budgets in ARMS.values())
    estimable = 1 + sum(entry.needs != "logprobs" for entry in SELECTORS.values())
    assert len(table) == 30 * (3 * estimable + (runs - 1) * 3 + len(SELECTORS))


def test_values_from_the_pool(made, table):
    pool = made.results.pool
    pass_1 = pool.groupby("question")["correct"].mean()
    for selector in ("coverage", "majority", "best", "weighted"):
        at_one = pooled(table, selector, 1)["value"]
        readable = pool[pool["answer"].notna()].groupby("question")["correct"].sum() / 16
        assert at_one.to_numpy() == pytest.approx(
            readable.reindex(at_one.index, fill_value=0).to_numpy()
        )
    assert pooled(table, "coverage", 16)["value"].tolist() == (pass_1 > 0).astype(float).tolist()
    error = pooled(table, "coverage", 4)["value"].mean() - (1 - (1 - made.chance) ** 4).mean()
    assert abs(error) < 0.05


def prompt_flops(flops):
    """What reading the prompt once costs."""
    return float(flops(0, PROMPT))


def test_costs_of_k_solutions_read_the_prompt_once(made, table):
    pool = made.results.pool.groupby("question")
    mean = pool.mean(numeric_only=True)
    once = prompt_flops(GENERATOR_FLOPS)
    own = mean["generator_flops"].to_numpy() - once / 16
    for k in (4, 16):
        rows = pooled(table, "weighted", k)
        written, read = (mean[name].to_numpy() for name in ("generated_tokens", "verifier_tokens"))
        assert rows["generated_tokens"].to_numpy() == pytest.approx(k * written)
        assert rows["verifier_tokens"].to_numpy() == pytest.approx(k * read)
        assert rows["all_tokens"].to_numpy() == pytest.approx(k * (written + read) + PROMPT)
        assert rows["generator_flops"].to_numpy() == pytest.approx(k * own + once)
        judged = k * mean["verifier_flops"].to_numpy()
        assert rows["verifier_flops"].to_numpy() == pytest.approx(judged)
        assert rows["flops"].to_numpy() == pytest.approx(k * own + once + judged)
        assert rows["seconds"].to_numpy() == pytest.approx(k * mean["seconds"].to_numpy())
    passes = made.results.pool["generator_depth"] + made.results.pool["verifier_depth"]
    depth = passes.groupby(made.results.pool["question"])
    assert pooled(table, "best", 16)["sequential_depth"].to_numpy() == pytest.approx(
        depth.max().to_numpy()
    )


@pytest.mark.parametrize("selector", ["best", "weighted"])
def test_one_solution_costs_the_same_by_every_selector(table, selector):
    costs = pooled(table, selector, 1)[list(COST_COLUMNS)]
    assert (costs["verifier_tokens"] == 0).all()
    assert costs.to_numpy() == pytest.approx(
        pooled(table, "majority", 1)[list(COST_COLUMNS)].to_numpy()
    )


@pytest.mark.parametrize("selector", ["coverage", "majority", "random"])
def test_what_reads_no_score_pays_for_no_verifier(made, table, selector):
    mean = made.results.pool.groupby("question").mean(numeric_only=True)
    rows, scored = pooled(table, selector, 4), pooled(table, "weighted", 4)
    assert not rows[["verifier_tokens", "verifier_flops"]].any().any()
    assert rows["generator_flops"].tolist() == rows["flops"].tolist()
    assert rows["generator_flops"].tolist() == scored["generator_flops"].tolist()
    assert rows["all_tokens"].to_numpy() == pytest.approx(
        4 * mean["generated_tokens"].to_numpy() + PROMPT
    )
    assert (rows["sequential_depth"] < scored["sequential_depth"]).all()
    assert (rows["seconds"] < scored["seconds"]).all()


def test_runs_pay_for_the_verifier_where_strategy_or_selector_reads_it(made, table):
    runs = made.results.runs.set_index("question")
    charged = {
        ("greedy", "weighted"): False,
        ("beam", "majority"): True,
        ("revise", "majority"): False,
        ("revise", "weighted"): True,
    }
    for (strategy, selector), verified in charged.items():
        arm = (table["strategy"] == strategy) & (table["selector"] == selector)
        rows = table[arm].iloc[0]
        keys = ["strategy", "settings", "budget"]
        run = runs[(runs[keys] == rows[keys]).all(axis=1)].loc[rows["question"]]
        judged = run["verifier_flops"] if verified else 0
        assert rows["flops"] == pytest.approx(run["generator_flops"] + judged)
        assert rows["verifier_tokens"] == (run["verifier_tokens"] if verified else 0)
        depth = run["generator_depth"] + (run["verifier_depth"] if verified else 0)
        assert rows["sequential_depth"] == depth


def test_a_verifier_that_goes_on_from_the_prompt_reads_it_once(made):
    pool = made.results.pool
    tokens = pool["generated_tokens"]
    pool = pool.assign(
        verifier_tokens=tokens + (PROMPT + 1) / 16,
        verifier_flops=VERIFIER_FLOPS(PROMPT + 1, tokens)
        + float(VERIFIER_FLOPS(0, PROMPT + 1)) / 16,
    )
    found = pooled(evidence(replace(made.results, pool=pool, runs=None), (4,), seed=0), "best", 4)
    written = 4 * pool.groupby("question")["generated_tokens"].mean().to_numpy()
    assert found["all_tokens"].to_numpy() == pytest.approx(2 * written + 2 * PROMPT + 1)
    own = pd.Series(VERIFIER_FLOPS(PROMPT + 1, tokens)).groupby(pool["question"]).mean().to_numpy()
    assert found["verifier_flops"].to_numpy() == pytest.approx(
        4 * own + float(VERIFIER_FLOPS(0, PROMPT + 1))
    )


@pytest.mark.slow
def test_a_large_pool_reads_its_prompt_once_for_every_run(made):
    pool = made.results.pool.query("question == 0").iloc[[0] * 512].assign(sample=range(512))
    pool["prefill_tokens"] = 2 * PROMPT / 512  # two runs of 256
    once = prompt_flops(GENERATOR_FLOPS)
    pool["generator_flops"] = GENERATOR_FLOPS(PROMPT, pool["generated_tokens"]) + 2 * once / 512
    found = evidence(replace(made.results, pool=pool, runs=None), (1,), seed=0)
    own = float(GENERATOR_FLOPS(PROMPT, pool["generated_tokens"].iloc[0]))
    assert found["generator_flops"].to_numpy() == pytest.approx(own + once)


def test_runs_with_several_seeds_are_shares(made):
    runs = made.results.runs
    again = runs.assign(seed=1, weighted=~runs["weighted"])
    results = replace(made.results, pool=None, runs=pd.concat([runs, again]))
    found = evidence(results, (4,), seed=0)
    assert set(found.query("selector == 'weighted'")["value"]) == {0.5}
    assert set(found.query("selector == 'majority'")["value"]) <= {0.0, 1.0}
    assert set(found["budget"]) == {4}


def test_the_pool_stands_for_runs_of_best_of_n(made):
    runs = made.results.runs.assign(strategy="best_of_n", settings="{}")
    assert set(evidence(replace(made.results, runs=runs), (4,), 0)["selector"].value_counts()) == {
        30
    }
    without = evidence(replace(made.results, pool=None, runs=runs.query("budget == 4")), (4,), 0)
    assert set(without["strategy"]) == {"best_of_n"}


def test_without_a_verifier_only_votes_are_counted(made):
    pool = made.results.pool.assign(score=np.nan)
    found = evidence(replace(made.results, pool=pool, runs=None), (4,), 0)
    assert set(found["selector"]) == {"coverage"} | {
        name for name, entry in SELECTORS.items() if entry.needs == "nothing"
    }


def test_a_question_with_too_few_samples_has_no_value_there(made):
    pool = made.results.pool.query("question > 0 or sample < 2")
    found = evidence(replace(made.results, pool=pool, runs=None), (1, 4), 0)
    assert len(pooled(found, "best", 1)) == 30
    assert len(pooled(found, "best", 4)) == 29


def test_noise_makes_all_arms_alike():
    arms = synthetic(questions=4, samples=2, noise=True).arms
    assert set(arms["chance"]) == {0.5}


def test_nothing_measured_is_an_empty_table(made):
    found = evidence(replace(made.results, pool=None, runs=None), (4,), 0)
    assert list(found) == list(EVIDENCE_COLUMNS)
    assert found.empty
