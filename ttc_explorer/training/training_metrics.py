"""From the tables of ``family_measurement`` to the metrics of the model cards. Pure functions of
tables.

Differences are paired by question, with a 95 % interval by the bootstrap over questions; difficulty
bins come from samples of their own, so that what is measured in them is no part of what made them.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ttc_explorer.experiments.estimators import pass_at_k, vote_at_k, within_problem_auc
from ttc_explorer.experiments.intervals import (
    Floats,
    bootstrap,
    holm_correction,
    permutation_p_value,
)
from ttc_explorer.problems.families import FAMILIES
from ttc_explorer.problems.families.arithmetic_claims import claim_truths

Metrics = dict[str, Any]

PROBE_BINS = 5
VOTE_SUBSETS = 200
KS = (1, 4, 16, 64)
RULE_VERIFIER = "rule"
"""The baseline verifier that merely reads the printed checks."""

VERIFIER_COLUMNS = ("prm-exact", "prm", "orm", RULE_VERIFIER)


def compute_metrics(tables: Mapping[str, pd.DataFrame], seed: int) -> Metrics:
    """All metrics that the tables give: see the keys."""
    pool = tables["pool"]
    by_question = question_metrics(pool, tables["probe"], seed)
    metrics: Metrics = {
        "questions": len(by_question),
        "samples": len(pool),
        "generators": {
            name: generator_metrics(tables[name])
            for name in ("base-s", "base-m", "base-l", "distilled-s")
            if name in tables
        },
        "base-s": grouped_means(by_question, [c for c in by_question.columns if "@" in c]),
        "verifiers": {
            name: verifier_metrics(pool, by_question, name, seed)
            for name in VERIFIER_COLUMNS
            if name in pool
        },
        "true_lines": {"base-s": true_line_share(pool["steps"])},
        "played": {
            name: strategy_metrics(table, by_question)
            for name, table in tables.items()
            if " " in name
        },
        "differences": paired_differences(tables, by_question, seed),
        "rewordings": rewording_metrics(tables["rewordings"]),
    }
    if "revise 1x16" in tables:
        metrics["revisions"] = revision_metrics(tables)
        metrics["true_lines"]["reviser"] = true_line_share(
            [text.split("\n") for texts in tables["revise 1x16"]["text"] for text in texts]
        )
    return metrics


def question_metrics(pool: pd.DataFrame, probe: pd.DataFrame, seed: int) -> pd.DataFrame:
    """One row a question: family, level, bin (1 easiest) by the solutions of ``probe`` alone, and
    of the pool pass@k, and majority and weighted votes by the exact-label PRM."""
    rows = []
    for question, group in pool.groupby("question", sort=True):
        correct = group["correct"].to_numpy()
        n = len(group)
        last = group["prm-exact"].map(lambda scores: scores[-1])
        one = {
            "question": question,
            "family": group["family"].iloc[0],
            "level": int(group["level"].iloc[0]),
        }
        one |= {f"pass@{k}": float(pass_at_k(correct.sum(), n, min(k, n))) for k in KS}
        for selector, weights in (("majority", pd.Series(1.0, group.index)), ("weighted", last)):
            voted = vote_accuracies(group, weights, seed)
            one |= {f"{selector}@{k}": value for k, value in zip(KS[1:], voted, strict=True)}
        rows.append(one)
    table = pd.DataFrame(rows).set_index("question", drop=False)
    shares = probe.groupby("question")["correct"].mean()
    order = shares.rank(method="first", ascending=False) - 1
    table["bin"] = (order * PROBE_BINS // len(order)).astype(int) + 1
    return table


def vote_accuracies(group: pd.DataFrame, weights: pd.Series, seed: int) -> Floats:
    """Chance that a vote among k solutions of one question, with these weights, is right, for each
    k of KS but the first."""
    labels = pd.factorize(group["answer"])[0]
    ks = [min(k, len(group)) for k in KS[1:]]
    rows = labels[None], group["correct"].to_numpy(bool)[None], weights.to_numpy(float)[None]
    return vote_at_k(*rows, ks, VOTE_SUBSETS, seed)[0]


def grouped_means(table: pd.DataFrame, columns: list[str]) -> Metrics:
    """Means of ``columns`` over all questions, by bin, by level, by family, and by family and
    level."""

    def means(part: pd.DataFrame) -> dict[str, float]:
        return {column: float(part[column].mean()) for column in columns}

    return {
        "all": means(table),
        **{
            f"by_{key}": {str(k): means(part) for k, part in table.groupby(key)}
            for key in ("bin", "level", "family")
        },
        "by_family_and_level": {
            family: {
                str(level): float(part[columns[0]].mean()) for level, part in rows.groupby("level")
            }
            for family, rows in table.groupby("family")
        },
    }


def weighted_questions(sampled: pd.DataFrame) -> pd.DataFrame:
    """``family`` and ``level`` of each question, ``pass@1``, and its ``weight``, with which all
    families and levels weigh the same, however many problems they have."""
    table = sampled.groupby("question").agg(family=("family", "first"), level=("level", "first"))
    table["pass@1"] = sampled.groupby("question")["correct"].mean()
    return table.assign(weight=1 / table.groupby(["family", "level"])["level"].transform("size"))


def greedy_correct(table: pd.DataFrame, asked: pd.DataFrame) -> pd.Series:
    """Whether the greedy solution of each question of ``asked`` is right; one that never ended has
    no row, and is not."""
    greedy = table[table["sample"] < 0].set_index("question")["correct"]
    return greedy.reindex(asked.index, fill_value=False).astype(float)


def generator_metrics(table: pd.DataFrame) -> Metrics:
    """Greedy accuracy, pass@1 at temperature 0.8, by family and level too, and levels that are
    ``easier_levels``."""
    asked = weighted_questions(table[table["sample"] >= 0])
    by_both = asked.groupby(["family", "level"])["pass@1"].mean()
    return {
        "questions": len(asked),
        "greedy": float(np.average(greedy_correct(table, asked), weights=asked["weight"])),
        "pass@1": float(by_both.mean()),
        "by_level": {str(k): float(v) for k, v in by_both.groupby("level").mean().items()},
        "by_family_and_level": {
            family: {str(level): float(v) for (_, level), v in rows.items()}
            for family, rows in by_both.groupby("family")
        },
        "easier": easier_levels(asked),
    }


def easier_levels(asked: pd.DataFrame) -> list[Metrics]:
    """The ``level``s of a ``family`` that are easier ``than`` a lower one beyond chance:
    permutation tests of pass@1 over questions, corrected for all pairs of levels of all families
    (Holm, 5 %)."""
    pairs, p_values = [], []
    for family, rows in asked.groupby("family"):
        by_level = {int(level): part["pass@1"].to_numpy() for level, part in rows.groupby("level")}
        for low, high in combinations(sorted(by_level), 2):
            pairs.append({"family": family, "level": high, "than": low})
            p_values.append(permutation_p_value(by_level[high], by_level[low]))
    return [pair for pair, p in zip(pairs, holm_correction(p_values), strict=True) if p < 0.05]


def rewording_metrics(table: pd.DataFrame) -> Metrics:
    """pass@1 of questions in free wording, as typed and in the canonical wording; ``held out`` are
    those that nothing was tuned on."""
    return {
        name: {
            "questions": part["question"].nunique(),
            "reworded": float(part[part["reworded"]]["correct"].mean()),
            "in notation": float(part[~part["reworded"]]["correct"].mean()),
        }
        for name, part in (("all", table), ("held out", table[table["held_out"]]))
    }


def verifier_metrics(
    pool: pd.DataFrame, by_question: pd.DataFrame, name: str, seed: int
) -> Metrics:
    """AUC within problems of the last step's score, votes weighted by it, and first wrong steps
    found."""
    scores = pool[name].map(lambda s: s if name == RULE_VERIFIER else s[-1])
    voted = [
        vote_accuracies(group, scores[group.index], seed)
        for _, group in pool.groupby("question", sort=True)
    ]
    weighted = {
        str(k): float(value) for k, value in zip(KS[1:], np.mean(voted, axis=0), strict=True)
    }
    found: Metrics = {
        "auc": within_problem_auc(pool["question"], pool["correct"], scores),
        "auc_by_family": {
            family: within_problem_auc(g["question"], g["correct"], scores[g.index])
            for family, g in pool.groupby("family")
        },
        "weighted": weighted,
    }
    if name in ("prm-exact", "prm"):
        found["first_wrong_step_f1"] = first_wrong_step_f1(pool["labels"], pool[name])
    return found


def first_wrong_step_f1(labels: pd.Series, scores: pd.Series, threshold: float = 0.5) -> float:
    """ProcessBench's F1 (arXiv 2412.06559, section 3.3): the harmonic mean of the share of wrong
    solutions whose first wrong step is the first below ``threshold`` and of right ones that have
    none below it."""
    wrong: list[bool] = []
    right: list[bool] = []
    for truth, step_scores in zip(labels, scores, strict=True):
        first = next((i for i, label in enumerate(truth) if not label), None)
        predicted_first = next(
            (i for i, score in enumerate(step_scores) if score < threshold), None
        )
        (right if first is None else wrong).append(predicted_first == first)
    if not wrong or not right or not (sum(wrong) and sum(right)):
        return 0.0
    one, other = np.mean(wrong), np.mean(right)
    return float(2 * one * other / (one + other))


def true_line_share(solutions: pd.Series | list) -> float:
    """Of the lines that claim something in numbers, the share in which every claim is true."""
    line_verdicts = [
        found for steps in solutions for step in steps if (found := claim_truths(step))
    ]
    return (
        float(np.mean([all(found) for found in line_verdicts])) if line_verdicts else float("nan")
    )


def strategy_metrics(table: pd.DataFrame, by_question: pd.DataFrame) -> Metrics:
    """Accuracy by selector, overall, by bin and by family, and the mean cost of a run."""
    joined = table.join(by_question["bin"], on="question")
    selectors = ["majority", "best", "weighted"]
    return {
        "all": {s: float(joined[s].mean()) for s in selectors},
        **{
            f"by_{key}": {
                str(k): float(v) for k, v in joined.groupby(key)["weighted"].mean().items()
            }
            for key in ("bin", "level", "family")
        },
        **{
            cost: float(table[cost].mean())
            for cost in ("generated_tokens", "verifier_tokens", "prefill_tokens", "flops", "depth")
        },
    }


def revision_metrics(tables: Mapping[str, pd.DataFrame]) -> Metrics:
    """Along single chains: pass@1 at each attempt, and what one revision breaks and mends."""
    chains = np.array([list(right) for right in tables["revise 1x16"]["right"]])
    before, after = chains[:, :-1], chains[:, 1:]
    return {
        "pass@1": chains.mean(0).tolist(),
        "broken": float((before & ~after).sum() / max(1, before.sum())),
        "mended": float((~before & after).sum() / max(1, (~before).sum())),
    }


def paired_differences(
    tables: Mapping[str, pd.DataFrame], by_question: pd.DataFrame, seed: int
) -> Metrics:
    """The comparisons that the family is judged by: value, low, high, questions."""
    errors_visible_at = by_question["family"].map(lambda family: FAMILIES[family].errors_visible_at)
    every, end = errors_visible_at == "every", errors_visible_at == "end"
    hard, easy = by_question["bin"] >= 4, by_question["bin"] <= 2

    def played(name: str, selector: str = "weighted") -> pd.Series:
        return tables[name].set_index("question")[selector].astype(float)

    found: Metrics = {}

    def compare(
        title: str,
        one: pd.Series,
        other: pd.Series,
        rows: pd.Series | slice = slice(None),
        weights: pd.Series | None = None,
    ) -> None:
        values = (one - other)[rows].to_numpy()
        weight = np.ones(len(values)) if weights is None else weights.to_numpy()

        def mean(drawn: NDArray[np.int64]) -> float:
            return float(np.average(values[drawn], weights=weight[drawn]))

        if len(values):
            value, low, high = map(float, bootstrap(np.arange(len(values)), mean, seed=seed))
            found[title] = {"value": value, "low": low, "high": high, "questions": len(values)}

    largest = max(int(c.partition("@")[2]) for c in by_question.columns if c.startswith("weighted"))
    weighted, majority = by_question[f"weighted@{largest}"], by_question[f"majority@{largest}"]
    compare(f"weighted - majority at {largest}", weighted, majority)
    for name in ("beam", "dvts"):
        compare(
            f"{name} 64 - weighted, checks at every decision", played(f"{name} 64"), weighted, every
        )
        compare(f"{name} 64 - weighted, bins 4-5", played(f"{name} 64"), weighted, hard)
        compare(f"{name} 64 - weighted, bins 1-2", played(f"{name} 64"), weighted, easy)
    lookahead = played("lookahead 16")
    compare("lookahead - beam at 16, shown at the end", lookahead, played("beam 16"), end)
    compare("lookahead 16 - beam 64, shown at the end", lookahead, played("beam 64"), end)
    if "revise 1x16" in tables:
        chains = tables["revise 1x16"].set_index("question")["right"]
        compare(
            "revision 8 - first answer",
            chains.map(lambda right: float(right[7])),
            chains.map(lambda right: float(right[0])),
        )
        for shape in ("1x16", "4x4"):
            for selector in ("weighted", "majority"):
                one, other = played(f"revise {shape}", selector), played("revise 16x1", selector)
                compare(f"revise {shape} - parallel, {selector}", one, other)
                compare(f"revise {shape} - parallel, {selector}, bins 1-2", one, other, easy)
    asked = weighted_questions(tables["base-s"][tables["base-s"]["sample"] >= 0])
    for name in ("base-m", "base-l", "distilled-s"):
        if name in tables:
            compare(
                f"{name} - base-s, greedy",
                greedy_correct(tables[name], asked),
                greedy_correct(tables["base-s"], asked),
                weights=asked["weight"],
            )
    return found
