"""The accuracy and the cost of every arm on every question: one long table.

An *arm* is a strategy, its settings and a selector. Arms of best-of-N come from the pool, by the
estimators, at every budget up to its samples, with ``coverage`` beside the selectors; all others
from runs at the budget. An arm costs what it needs: the verifier is charged only where the strategy
or the selector reads its scores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ttc_explorer.experiments.estimators import (
    COVERAGE,
    estimator_names,
    expected_max_at_k,
    success_at_k,
)
from ttc_explorer.experiments.intervals import Floats
from ttc_explorer.experiments.pool import QuestionBlock, missing_column, question_blocks
from ttc_explorer.experiments.result_tables import Results
from ttc_explorer.models.flops import forward_flops
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import MAX_BUDGET
from ttc_explorer.search.strategy import STRATEGIES, reads_scores

POOL_ARM = ("best_of_n", "{}")
"""The strategy and settings whose runs a pool stands for."""

ARM_COLUMNS = ("strategy", "settings", "selector")
COST_COLUMNS = (
    "generated_tokens",
    "verifier_tokens",
    "all_tokens",
    "generator_flops",
    "verifier_flops",
    "flops",
    "sequential_depth",
    "seconds",
)
"""What an arm cost on a question, generator and verifier apart and together; all tokens are those
written, read as a prompt and read by the verifier. Seconds were measured with the verifier at work:
of an arm that does not need it, they are the generator's share by FLOPs, an estimate."""

EVIDENCE_COLUMNS = ("question", *ARM_COLUMNS, "budget", "value", *COST_COLUMNS)


def charges_verifier(strategy: str, selector: str, budget: int) -> bool:
    """Whether an arm needs the verifier's scores. Coverage needs none, and where one solution is
    all there is, nothing is selected; a strategy that nobody has registered here may need whatever
    it was run with."""
    if selector == COVERAGE:
        return strategy in STRATEGIES and STRATEGIES[strategy].verifier == "search"
    return strategy not in STRATEGIES or reads_scores(strategy, selector, budget)


def evidence(results: Results, budgets: Sequence[int], seed: int) -> pd.DataFrame:
    """The accuracy and cost of every arm that was measured.

    Args:
        results: a sweep's tables.
        budgets: those wanted, in samples.
        seed: of the subsets that votes are estimated from.

    Returns:
        One row a question, arm and budget: EVIDENCE_COLUMNS. ``settings`` is JSON text; ``value``
        the chance, from 0 to 1, that the answer is right, over several seeds the share. A selector
        that the tables have nothing for (no scores, no confidences) is not there. ``greedy`` stands
        at the budget it ran with, 1.
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
    rows = []
    for selector in estimator_names():
        if selector != COVERAGE and missing_column(block.rows, selector):
            continue
        values = success_at_k(selector, block.labels, block.correct, block.features(), ks, seed)
        costs = _pool_costs(
            block, ks, about, [charges_verifier(POOL_ARM[0], selector, k) for k in ks]
        )
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
                    }
                    | {name: cost[:, column] for name, cost in costs.items()}
                )
            )
    return pd.concat(rows, ignore_index=True)


def _pool_costs(
    block: QuestionBlock, ks: Sequence[int], about: Mapping[str, Any], verified: Sequence[bool]
) -> dict[str, Floats]:
    """COST_COLUMNS of k solutions, (questions, len(ks)) each; without the verifier's where k is not
    ``verified``."""
    n = block.samples
    runs = math.ceil(n / MAX_BUDGET)
    share = np.array(ks) / n
    total = {
        name: block.column(name).sum(axis=1)
        for name in (
            "generated_tokens",
            "prefill_tokens",
            "verifier_tokens",
            "generator_flops",
            "verifier_flops",
            "seconds",
        )
    }

    def grown(whole: Floats, once: Floats) -> Floats:
        """What k solutions cost: ``once``, whatever k, and their share of the rest of the whole."""
        return np.outer(whole - runs * once, share) + once[:, None]

    nothing = np.zeros_like(total["seconds"])

    def prompt_flops(model: str, tokens: Floats) -> Floats:
        parameters = about[f"{model}parameters"] or 0
        width = about[f"{model}attention_width"] or 0
        return np.array([forward_flops(parameters, width, 0, round(each)) for each in tokens])

    prompt = total["prefill_tokens"] / runs
    own_prompt = (total["verifier_tokens"] - total["generated_tokens"]).clip(0) / runs
    verifier_prompt = np.where(own_prompt <= 2 * prompt, own_prompt, 0.0)
    generated = grown(total["generated_tokens"], nothing)
    generator_flops = grown(total["generator_flops"], prompt_flops("", prompt))
    verifier_flops = grown(total["verifier_flops"], prompt_flops("verifier_", verifier_prompt))
    verifier_tokens = grown(total["verifier_tokens"], verifier_prompt) * verified
    verifier_flops *= verified
    depth = block.column("generator_depth")
    seconds = grown(total["seconds"], nothing)
    seconds *= np.where(verified, 1.0, _generator_share(total)[:, None])
    return {
        "generated_tokens": generated,
        "verifier_tokens": verifier_tokens,
        "all_tokens": generated + prompt[:, None] + verifier_tokens,
        "generator_flops": generator_flops,
        "verifier_flops": verifier_flops,
        "flops": generator_flops + verifier_flops,
        "sequential_depth": np.where(
            verified,
            expected_max_at_k(depth + block.column("verifier_depth"), ks),
            expected_max_at_k(depth, ks),
        ),
        "seconds": seconds,
    }


def _generator_share(costs: Mapping[str, Any]) -> Any:
    """The generator's share of the FLOPs, in [0, 1]; all of nothing."""
    flops = costs["generator_flops"] + costs["verifier_flops"]
    return np.where(flops > 0, costs["generator_flops"] / np.where(flops > 0, flops, 1.0), 1.0)


def _run_evidence(runs: pd.DataFrame, budgets: Sequence[int], has_pool: bool) -> pd.DataFrame:
    """Every strategy that was run, but best-of-N where a pool says it better."""
    selected = runs["budget"].isin(list(budgets))
    if has_pool:
        selected &= ~((runs["strategy"] == POOL_ARM[0]) & (runs["settings"] == POOL_ARM[1]))
    runs = runs[selected]
    keys = ["question", "strategy", "settings", "budget"]
    frames = []
    for selector in SELECTORS:
        value = _run_values(runs, selector)
        if value.isna().all():
            continue
        verified = [
            charges_verifier(strategy, selector, budget)
            for strategy, budget in zip(runs["strategy"], runs["budget"], strict=True)
        ]
        costs = _run_costs(runs, np.array(verified, bool))
        table = runs[keys].assign(value=value, **costs).dropna(subset=["value"])
        frames.append(table.groupby(keys).mean().reset_index().assign(selector=selector))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _run_values(runs: pd.DataFrame, selector: str) -> pd.Series:
    """Whether each run is right by the selector; nan where the table does not say. A single
    solution is the answer by any selector, also by one that came after the sweep."""
    known = [name for name in SELECTORS if name in runs]
    value = runs[selector] if selector in runs else pd.Series(pd.NA, runs.index, dtype="boolean")
    if known:
        value = value.astype("boolean").where(runs["solutions"] != 1, runs[known[0]])
    return value.astype("Float64").astype(float)


def _run_costs(runs: pd.DataFrame, verified: NDArray[np.bool_]) -> dict[str, pd.Series]:
    """COST_COLUMNS of runs; without the verifier's where they are not ``verified``."""
    verifier = {
        name: runs[name].where(verified, 0)
        for name in ("verifier_tokens", "verifier_flops", "verifier_depth")
    }
    read = runs["generated_tokens"] + runs["prefill_tokens"]
    return {
        "generated_tokens": runs["generated_tokens"],
        "verifier_tokens": verifier["verifier_tokens"],
        "all_tokens": read + verifier["verifier_tokens"],
        "generator_flops": runs["generator_flops"],
        "verifier_flops": verifier["verifier_flops"],
        "flops": runs["generator_flops"] + verifier["verifier_flops"],
        "sequential_depth": runs["generator_depth"] + verifier["verifier_depth"],
        "seconds": runs["seconds"] * np.where(verified, 1.0, _generator_share(runs)),
    }
