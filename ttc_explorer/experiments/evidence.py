"""The accuracy and the cost of every arm on every question: one long table.

An *arm* is a strategy, its settings and a selector. Arms of best-of-N come from the pool, by the
estimators, at every budget up to its samples, with ``coverage`` as a fourth selector; all others
from runs at the budget.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ttc_explorer.experiments.estimators import POOL_SELECTORS, expected_max_at_k, success_at_k
from ttc_explorer.experiments.pool import QuestionBlock, question_blocks
from ttc_explorer.experiments.result_tables import Results
from ttc_explorer.search.settings import MAX_BUDGET

POOL_ARM = ("best_of_n", "{}")
"""The strategy and settings whose runs a pool stands for."""

ARM_COLUMNS = ("strategy", "settings", "selector")
COST_COLUMNS = ("generated_tokens", "all_tokens", "flops", "sequential_depth", "seconds")
"""What an arm cost on a question; all tokens are those written, read as a prompt and read by the
verifier."""

EVIDENCE_COLUMNS = ("question", *ARM_COLUMNS, "budget", "value", *COST_COLUMNS)
_RUN_SELECTORS = ("majority", "best", "weighted")


def evidence(results: Results, budgets: Sequence[int], seed: int) -> pd.DataFrame:
    """One row a question, arm and budget: EVIDENCE_COLUMNS.

    ``settings`` is JSON text; ``value`` the chance, from 0 to 1, that the answer is right, over
    several seeds the share. Without a verifier (no score in the pool) ``best`` and ``weighted`` are
    not there. ``greedy`` stands at the budget it ran with, 1.
    """
    frames = []
    if results.pool is not None:
        frames += [
            _pool_evidence(block, budgets, results.about, seed)
            for block in question_blocks(results.pool)
        ]
    if results.runs is not None:
        frames.append(_run_evidence(results.runs, budgets, results.pool is not None))
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        return pd.DataFrame(columns=list(EVIDENCE_COLUMNS))
    table = pd.concat(frames, ignore_index=True)
    return table.sort_values(
        [*ARM_COLUMNS, "budget", "question"], kind="stable", ignore_index=True
    )[list(EVIDENCE_COLUMNS)]


def _pool_evidence(
    block: QuestionBlock, budgets: Sequence[int], about: Mapping[str, Any], seed: int
) -> pd.DataFrame:
    """Best-of-k from questions with equally many samples.

    What a solution costs by itself grows with k. The prompt is read once, whatever k, and by the
    verifier, too, if it can go on from what it has read: if, in all, it read no more than a prompt
    of its own beside the solutions. All solutions are written side by side: the longest one is
    waited for.
    """
    ks = [k for k in budgets if k <= block.samples]
    if not ks:
        return pd.DataFrame(columns=list(EVIDENCE_COLUMNS))
    n = block.samples
    runs = math.ceil(n / MAX_BUDGET)
    total = {
        name: block.column(name).sum(axis=1)
        for name in ("generated_tokens", "prefill_tokens", "verifier_tokens", "flops", "seconds")
    }
    prompt = total["prefill_tokens"] / runs
    verifier_prompt_tokens = (total["verifier_tokens"] - total["generated_tokens"]).clip(0) / runs
    reused_verifier_prompt = np.where(
        verifier_prompt_tokens <= 2 * prompt, verifier_prompt_tokens, 0.0
    )
    tokens = total["generated_tokens"] + total["verifier_tokens"] - runs * reused_verifier_prompt
    prompt_flops = 2 * (
        about["parameters"] * prompt + (about["verifier_parameters"] or 0) * reused_verifier_prompt
    )
    flops = total["flops"] - runs * prompt_flops
    depth = expected_max_at_k(block.column("sequential_depth"), ks)
    scores = block.column("score") if block.rows["score"].notna().any() else None
    rows = []
    for selector in POOL_SELECTORS if scores is not None else ("coverage", "majority"):
        values = success_at_k(selector, block.labels, block.correct, scores, ks, seed)
        for column, k in enumerate(ks):
            rows.append(
                pd.DataFrame(
                    {
                        "question": block.questions,
                        "strategy": POOL_ARM[0],
                        "settings": POOL_ARM[1],
                        "selector": selector,
                        "budget": k,
                        "value": values[:, column],
                        "generated_tokens": k / n * total["generated_tokens"],
                        "all_tokens": k / n * tokens + prompt + reused_verifier_prompt,
                        "flops": k / n * flops + prompt_flops,
                        "sequential_depth": depth[:, column],
                        "seconds": k / n * total["seconds"],
                    }
                )
            )
    return pd.concat(rows, ignore_index=True)


def _run_evidence(runs: pd.DataFrame, budgets: Sequence[int], has_pool: bool) -> pd.DataFrame:
    """Every strategy that was run, but best-of-N where a pool says it better."""
    selected = runs["budget"].isin(list(budgets))
    if has_pool:
        selected &= ~((runs["strategy"] == POOL_ARM[0]) & (runs["settings"] == POOL_ARM[1]))
    runs = runs[selected]
    runs = runs.assign(
        all_tokens=runs["generated_tokens"] + runs["prefill_tokens"] + runs["verifier_tokens"],
    )
    keys = ["question", "strategy", "settings", "budget"]
    means = runs.groupby(keys)[[*_RUN_SELECTORS, *COST_COLUMNS]].mean().reset_index()
    return means.melt([*keys, *COST_COLUMNS], list(_RUN_SELECTORS), "selector", "value")
