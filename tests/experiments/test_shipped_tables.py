"""The shipped tables recomputed without the package: plain pandas and numpy on the files, so that a
mistake of the estimators cannot hide in its own check."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ttc_explorer.experiments.model_size_exchange import inference_multiplier

EXPERIMENTS = Path(__file__).resolve().parents[2] / "assets" / "experiments"


def read(model: str, table: str, columns: list[str] | None = None) -> pd.DataFrame:
    return pd.read_parquet(EXPERIMENTS / model / f"{table}.parquet", columns=columns)


def about(model: str) -> dict:
    return json.loads((EXPERIMENTS / model / "about.json").read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [0.16, 0.79, 22.0])
@pytest.mark.parametrize("verifier_counted", [True, False])
def test_exchange_gives_both_models_equal_flops(ratio, verifier_counted):
    """What m verified samples of the small model cost by the tables, pretraining shared, is what
    one greedy answer of the large one costs. (Answers differ in length, and the small model reads
    its prompt once for all samples: a fifth. Dividing only a part of m by 1 + v gave the small
    model 2.3 times as much.)"""
    small, large = about("base-s"), about("base-l")
    times = large["parameters"] / small["parameters"]
    share = small["verifier_parameters"] / small["parameters"] if verifier_counted else 0.0
    pool = read("base-s", "pool", ["generator_flops", "verifier_flops"])
    sample, judged = pool["generator_flops"].mean(), pool["verifier_flops"].mean()
    runs = read("base-l", "runs")
    greedy = runs.loc[runs["strategy"] == "greedy", "generator_flops"].mean()
    samples = inference_multiplier(times, ratio, share)
    # Pretraining takes 3 times the FLOPs of inference for each token, of which there are 1 / R.
    spent_small = samples * (sample + judged * verifier_counted) + 3 * sample / ratio
    spent_large = greedy + 3 * greedy / ratio
    assert spent_small == pytest.approx(spent_large, rel=0.2)


# --- findings and policy, worked out again --------------------------------------------------------

KS = (1, 4, 8, 16, 32, 64, 128)


def votes_right(questions: pd.DataFrame, ks: tuple[int, ...], draws: int = 150) -> pd.DataFrame:
    """Question x k: how often the answer with the largest sum of scores among k random solutions of
    the pool is right."""
    rng = np.random.default_rng(11)
    found = {}
    for question, solutions in questions.groupby("question"):
        labels = pd.factorize(solutions["answer"])[0]  # -1: cannot be read, wins nothing
        right = solutions.groupby(labels)["correct"].max().reindex(range(labels.max() + 1))
        scores = solutions["score"].to_numpy(float)
        order = rng.random((draws, len(solutions))).argsort(axis=1)
        row = {}
        for k in ks:
            drawn = order[:, :k]
            sums = np.zeros((draws, labels.max() + 2))
            np.add.at(sums, (np.arange(draws)[:, None], labels[drawn]), scores[drawn])
            sums[:, -1] = -1.0  # the place of what cannot be read
            winner = sums.argmax(axis=1)
            any_vote = sums.max(axis=1) > 0
            row[k] = float((right.to_numpy(bool)[winner % len(right)] & any_vote).mean())
        found[question] = row
    return pd.DataFrame(found).T


@pytest.fixture(scope="module")
def tables():
    pool = read(
        "base-s",
        "pool",
        [
            *("question", "answer", "correct", "score"),
            *("generator_flops", "verifier_flops", "prefill_tokens"),
        ],
    )
    runs = read("base-s", "runs")
    return SimpleNamespace(
        pool=pool,
        runs=runs,
        probe=read("base-s", "probe"),
        problems=read("base-s", "problems").set_index("question"),
        votes=votes_right(pool, KS),
        findings={
            finding["id"]: finding
            for finding in json.loads((EXPERIMENTS / "findings.json").read_text(encoding="utf-8"))[
                "findings"
            ]
        },
    )


def run_values(runs: pd.DataFrame, strategy: str, budget: int, settings: str = "{}") -> pd.Series:
    """Question → whether a strategy's weighted vote was right, over seeds the share."""
    rows = runs[
        (runs["strategy"] == strategy) & (runs["budget"] == budget) & (runs["settings"] == settings)
    ]
    return rows.groupby("question")["weighted"].mean()


def early_auc(probe: pd.DataFrame, problems: pd.DataFrame) -> pd.Series:
    """Family → the verifier's AUC at the line where most first errors fall, within questions."""
    probe = probe[probe["line_right"].notna()].assign(
        first=lambda rows: [
            next((i for i, good in enumerate(marks) if not good), -1)
            for marks in rows["line_right"]
        ],
        family=lambda rows: rows["question"].map(problems["family"]),
    )
    found = {}
    for family, rows in probe.groupby("family"):
        step = rows.loc[rows["first"] >= 0, "first"].value_counts().idxmax()
        aucs = []
        for _, solutions in rows[(rows["first"] < 0) | (rows["first"] >= step)].groupby("question"):
            pairs = [
                (float(scores[step]), bool(marks[step]))
                for scores, marks in zip(
                    solutions["line_scores"], solutions["line_right"], strict=True
                )
                if len(marks) > step
            ]
            good = np.array([score for score, right in pairs if right])
            bad = np.array([score for score, right in pairs if not right])
            if len(good) and len(bad):
                differences = good[:, None] - bad
                aucs.append((differences > 0).mean() + (differences == 0).mean() / 2)
        found[family] = np.mean(aucs)
    return pd.Series(found)


def points(share: float) -> float:
    return 100 * float(share)


@pytest.mark.slow
def test_f1_by_hand(tables):
    """Over all questions, and by whether the verifier can judge the deciding step."""
    gap = sum(run_values(tables.runs, "beam", k) - tables.votes[k] for k in (4, 16)) / 2
    finding = tables.findings["F1"]
    assert points(finding["estimate"]) == pytest.approx(points(gap.mean()), abs=0.7)
    auc = tables.problems["family"].map(early_auc(tables.probe, tables.problems))
    for cell, chosen in zip(
        finding["rows"][0]["cells"][1:], (auc >= 0.75, auc < 0.75), strict=True
    ):
        assert points(cell["estimate"]) == pytest.approx(points(gap[chosen].mean()), abs=1.0)


@pytest.mark.slow
def test_f6_by_hand(tables):
    """Lookahead search and best-of-N where they cost as many FLOPs."""
    small = about("base-s")
    prompt = tables.pool.groupby("question")["prefill_tokens"].sum().mean()
    read_once = 2 * (small["parameters"] * prompt + small["verifier_parameters"] * prompt)
    each = (tables.pool["generator_flops"] + tables.pool["verifier_flops"]).mean()
    cost = np.array([read_once + k * each for k in KS])
    gaps = []
    for budget in (4, 16, 64):
        rows = tables.runs[
            (tables.runs["strategy"] == "lookahead") & (tables.runs["budget"] == budget)
        ]
        flops = (rows["generator_flops"] + rows["verifier_flops"]).mean()
        if flops > cost[-1]:
            continue
        rival = np.interp(np.log(flops), np.log(cost), tables.votes[list(KS)].mean())
        gaps.append(run_values(tables.runs, "lookahead", budget).mean() - rival)
    assert points(tables.findings["F6a"]["estimate"]) == pytest.approx(
        points(np.mean(gaps)), abs=1.0
    )


@pytest.mark.slow
def test_f14_by_hand(tables):
    """Small with weighted best-of-N at its m, less large answering greedily."""
    small, large = about("base-s"), about("base-l")
    times = large["parameters"] / small["parameters"]
    share = small["verifier_parameters"] / small["parameters"]
    greedy = read("base-l", "runs")
    greedy = greedy[greedy["strategy"] == "greedy"].groupby("question")["majority"].mean()
    pass_at_1 = tables.probe.groupby("question")["correct"].mean()
    order = pass_at_1.rank(method="first", ascending=False)  # ties fall either way
    bins = np.ceil(5 * order / len(order))
    for name, ratio, chosen in (
        ("F14a", 0.16, bins <= 3),
        ("F14b", 22.0, bins == 5),
    ):
        m = (times + 3 * (times - 1) / ratio) / (1 + share)
        value = [
            np.interp(np.log(m), np.log(KS), tables.votes.loc[question, list(KS)])
            for question in pass_at_1.index
        ]
        gap = pd.Series(value, pass_at_1.index) - greedy
        assert points(tables.findings[name]["estimate"]) == pytest.approx(
            points(gap[chosen].mean()), abs=4.0
        )


@pytest.mark.slow
def test_l1_by_hand(tables):
    """The slope of the gain at N = 16 in the early AUC, a point a family."""
    auc = early_auc(tables.probe, tables.problems)
    family = tables.problems["family"]
    rows = {row["name"]: row["cells"][0]["estimate"] for row in tables.findings["L1"]["rows"]}
    for name, strategy in (("Beam search, M = 4", "beam"), ("REBASE", "rebase")):
        gap = run_values(tables.runs, strategy, 16) - tables.votes[16]
        gain = gap.groupby(family).mean().reindex(auc.index)
        slope = np.polyfit(auc, gain, 1)[0]
        assert points(rows[name]) == pytest.approx(points(slope / 10), abs=0.5)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "budget"), [(2, 16), (5, 4)])
def test_a_cell_of_the_policy_by_hand(tables, number, budget):
    """Chosen on one half of the bin, measured on the other, both ways; bins by the mean score of
    the first 16 solutions of the probe."""
    probe = tables.probe.sort_values("sample").groupby("question").head(16)
    order = probe.groupby("question")["score"].mean().rank(method="first", ascending=False)
    questions = order.index[np.ceil(5 * order / len(order)) == number]
    runs = tables.runs[(tables.runs["budget"] == budget) & (tables.runs["strategy"] != "greedy")]
    arms = runs.groupby(["strategy", "settings", "question"])["weighted"].mean().unstack()
    value = np.vstack([tables.votes.loc[questions, budget], arms[questions].to_numpy(float)])
    rng = np.random.default_rng(3)
    halves = []
    for _ in range(200):
        first = rng.permutation(len(questions)) < len(questions) // 2
        for chosen_on in (first, ~first):
            arm = value[:, chosen_on].mean(axis=1).argmax()
            halves.append(value[arm, ~chosen_on].mean())
    policy = json.loads((EXPERIMENTS / "policy.json").read_text(encoding="utf-8"))
    cell = next(
        cell for cell in policy["cells"] if (cell["bin"], cell["budget"]) == (number, budget)
    )
    assert points(cell["accuracy"]) == pytest.approx(points(np.mean(halves)), abs=2.0)
