"""What each thing that one can do is worth on each question, and what it costs: one long table.

An *arm* is a strategy, its settings and a selector. Arms of best-of-N come from the pool, by the estimators,
at every budget up to its samples, with ``coverage`` as a fourth selector; all others from runs at the budget.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ttc_explorer.experiments.estimators import SELECTORS, chance_at_k, largest_at_k
from ttc_explorer.experiments.pool import Block, blocks
from ttc_explorer.experiments.results import Results
from ttc_explorer.search.settings import MAX_BUDGET

POOLED = ("best_of_n", "{}")
"""The strategy and settings whose runs a pool stands for."""

ARM = ("strategy", "settings", "selector")
COSTS = ("generated_tokens", "all_tokens", "flops", "sequential_depth", "seconds")
"""What an arm cost on a question; all tokens are those written, read as a prompt and read by the verifier."""

COLUMNS = ("question", *ARM, "budget", "value", *COSTS)
_RUN_SELECTORS = ("majority", "best", "weighted")


def evidence(results: Results, budgets: Sequence[int], seed: int) -> pd.DataFrame:
    """One row a question, arm and budget: COLUMNS.

    ``settings`` is JSON text; ``value`` the chance, from 0 to 1, that the answer is right, over several seeds
    the share. Without a verifier (no score in the pool) ``best`` and ``weighted`` are not there. ``greedy``
    stands at the budget it ran with, 1.
    """
    parts = []
    if results.pool is not None:
        parts += [_of_block(block, budgets, results.about, seed) for block in blocks(results.pool)]
    if results.runs is not None:
        parts.append(_of_runs(results.runs, budgets, results.pool is not None))
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values([*ARM, "budget", "question"], kind="stable", ignore_index=True)[list(COLUMNS)]


def _of_block(block: Block, budgets: Sequence[int], about: Mapping[str, Any], seed: int) -> pd.DataFrame:
    """Best-of-k from questions with equally many samples.

    What a solution costs by itself grows with k. The prompt is read once, whatever k, and by the verifier,
    too, if it can go on from what it has read: if, in all, it read no more than a prompt of its own beside
    the solutions. All solutions are written side by side: the longest one is waited for.
    """
    ks = [k for k in budgets if k <= block.samples]
    if not ks:
        return pd.DataFrame(columns=list(COLUMNS))
    n = block.samples
    runs = math.ceil(n / MAX_BUDGET)
    total = {
        name: block.column(name).sum(axis=1)
        for name in ("generated_tokens", "prefill_tokens", "verifier_tokens", "flops", "seconds")
    }
    prompt = total["prefill_tokens"] / runs
    beside = (total["verifier_tokens"] - total["generated_tokens"]).clip(0) / runs
    once = np.where(beside <= 2 * prompt, beside, 0.0)
    tokens = total["generated_tokens"] + total["verifier_tokens"] - runs * once
    prompts = 2 * (about["parameters"] * prompt + (about["verifier_parameters"] or 0) * once)
    flops = total["flops"] - runs * prompts
    depth = largest_at_k(block.column("sequential_depth"), ks)
    scores = block.column("score") if block.rows["score"].notna().any() else None
    rows = []
    for selector in SELECTORS if scores is not None else ("coverage", "majority"):
        values = chance_at_k(selector, block.labels, block.correct, scores, ks, seed)
        for column, k in enumerate(ks):
            rows.append(
                pd.DataFrame(
                    {
                        "question": block.questions,
                        "strategy": POOLED[0],
                        "settings": POOLED[1],
                        "selector": selector,
                        "budget": k,
                        "value": values[:, column],
                        "generated_tokens": k / n * total["generated_tokens"],
                        "all_tokens": k / n * tokens + prompt + once,
                        "flops": k / n * flops + prompts,
                        "sequential_depth": depth[:, column],
                        "seconds": k / n * total["seconds"],
                    }
                )
            )
    return pd.concat(rows, ignore_index=True)


def _of_runs(runs: pd.DataFrame, budgets: Sequence[int], pooled: bool) -> pd.DataFrame:
    """Every strategy that was run, but best-of-N where a pool says it better."""
    counted = runs["budget"].isin(list(budgets))
    if pooled:
        counted &= ~((runs["strategy"] == POOLED[0]) & (runs["settings"] == POOLED[1]))
    runs = runs[counted]
    runs = runs.assign(
        all_tokens=runs["generated_tokens"] + runs["prefill_tokens"] + runs["verifier_tokens"],
    )
    keys = ["question", "strategy", "settings", "budget"]
    means = runs.groupby(keys)[[*_RUN_SELECTORS, *COSTS]].mean().reset_index()
    return means.melt([*keys, *COSTS], list(_RUN_SELECTORS), "selector", "value")
