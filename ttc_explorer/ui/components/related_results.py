"""Beside a run: how its strategy does on questions of the same predicted difficulty, and what the
policy would have done. Pure, but for the results store that it reads.

The question is placed by the mean score of the run's own solutions, since nothing else is known of
it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ttc_explorer.experiments.curve_points import curve_points
from ttc_explorer.experiments.difficulty import BINS, bin_of_score, predicted_edges
from ttc_explorer.models.protocol import StrategyChoice
from ttc_explorer.search.run import Run
from ttc_explorer.ui.html_templates import render
from ttc_explorer.ui.results_store import ModelResults, ResultsStore
from ttc_explorer.ui.strategy_colours import colour_style
from ttc_explorer.ui.strategy_variants import StrategyVariant

BASELINE_VARIANT = StrategyVariant("best_of_n")
WIDTH, HEIGHT = 286, 132
LEFT, RIGHT, TOP, BOTTOM = 34, 13, 8, 20
"""Room around the picture, in pixels."""


@dataclass(frozen=True)
class BinCurve:
    """An arm's accuracy in one bin: ``table`` has budget, accuracy, low, high and questions, by
    budget."""

    arm: StrategyVariant
    table: pd.DataFrame

    def accuracy_at(self, budget: int) -> float | None:
        """Its accuracy there, between measured budgets by a straight line in log N; None outside of
        them."""
        pairs = list(zip(self.table["budget"], self.table["accuracy"], strict=True))
        for (low, before), (high, after) in zip(pairs, pairs[1:] or pairs, strict=False):
            if low <= budget <= high:
                part = math.log(budget / low) / math.log(high / low) if high > low else 0.0
                return float(before + part * (after - before))
        return None


def related_results(run: Run, selector: str, results_store: ResultsStore) -> str:
    """The block for a run that has ended; empty where nothing was measured that says something
    about it."""
    score = mean_solution_score(run)
    if run.stopped is None or score is None or run.model not in results_store.models:
        return ""
    model_results = results_store.model_results(run.model)
    if "predicted" not in model_results.easiness:
        return ""
    policy = results_store.policy
    if policy is not None and policy.about.get("model") != run.model:
        policy = None
    edges = policy.edges if policy else predicted_edges(model_results.results.probe)
    number = bin_of_score(score, edges)
    arms = [
        StrategyVariant(strategy, settings)
        for strategy, settings, rule in model_results.table.arms
        if rule == selector
    ]
    run_variant = next((arm for arm in arms if arm.matches_run(run)), None)
    choice = policy.cell(number, policy.nearest_budget(run.budget)).choice if policy else None
    chosen = next((arm for arm in arms if choice and _is_choice(arm, choice)), None)
    shown_variants = dict.fromkeys(
        arm for arm in (run_variant, chosen, BASELINE_VARIANT) if arm in arms
    )
    curves = [
        curve
        for arm in shown_variants
        if len((curve := _bin_curve(model_results, arm, selector, number)).table)
    ]
    if not curves:
        return ""
    agrees = choice is not None and run_variant is not None and _is_choice(run_variant, choice)
    return render(
        "related_results.html",
        bin=number,
        bins=BINS,
        score=score,
        budget=run.budget,
        legend=[_legend_row(curve, run.budget) for curve in curves],
        policy_agrees=agrees,
        policy_choice="" if choice is None else _choice_name(choice),
        swept=run_variant is not None,
        **_picture(curves, run_variant, run.budget),
    )


def mean_solution_score(run: Run) -> float | None:
    """Of the finished solutions, as the verifier scored their last steps; None without any."""
    scores = [run.tree.score[leaf] for leaf in run.tree.leaves()]
    known = [score for score in scores if score is not None]
    return math.fsum(known) / len(known) if known else None


def _bin_curve(
    model_results: ModelResults, arm: StrategyVariant, selector: str, number: int
) -> BinCurve:
    table = curve_points(
        model_results.table,
        [arm.evidence_key(selector)],
        easiness=model_results.easiness["predicted"],
    )
    return BinCurve(arm, table[table["bin"] == number].sort_values("budget"))


def _is_choice(arm: StrategyVariant, choice: StrategyChoice) -> bool:
    return arm.strategy == choice.strategy and json.loads(arm.settings) == dict(choice.settings)


def _choice_name(choice: StrategyChoice) -> str:
    return StrategyVariant(choice.strategy, json.dumps(dict(choice.settings))).name


# --- the picture ----------------------------------------------------------------------------------


def _picture(
    curves: Sequence[BinCurve], run_variant: StrategyVariant | None, budget: int
) -> dict[str, object]:
    """Where everything in the small chart stands, as its template wants it."""
    measured = {int(number) for curve in curves for number in curve.table["budget"]}
    budgets = sorted(measured | {budget})
    low = min(float(curve.table["low"].min()) for curve in curves)
    high = max(float(curve.table["high"].max()) for curve in curves)
    floor = math.floor(10 * low) / 10
    ceiling = max(math.ceil(10 * high) / 10, floor + 0.1)
    last = math.log2(max(budgets)) or 1.0

    def x(number: float) -> str:
        return f"{LEFT + (WIDTH - LEFT - RIGHT) * math.log2(number) / last:.1f}"

    def y(share: float, below: float = 0) -> str:
        rise = (HEIGHT - TOP - BOTTOM) * (ceiling - share) / (ceiling - floor)
        return f"{TOP + rise + below:.1f}"

    def line(curve: BinCurve) -> dict[str, object]:
        rows = list(curve.table.itertuples())
        places = "L".join(f"{x(row.budget)} {y(row.accuracy)}" for row in rows)
        style = colour_style(curve.arm.strategy)
        drawn: dict[str, object] = {
            "style": style,
            "dash": " ".join(str(2.2 * float(length)) for length in style.dash.split()),
            "path": f"M{places}",
            "band": "",
            "mark": None,
        }
        if curve.arm == run_variant:
            edge = [f"{x(row.budget)} {y(row.high)}" for row in rows]
            edge += [f"{x(row.budget)} {y(row.low)}" for row in reversed(rows)]
            level = curve.accuracy_at(budget)
            drawn["band"] = f"M{'L'.join(edge)}Z"
            drawn["mark"] = None if level is None else (x(budget), y(level))
        return drawn

    return {
        "width": WIDTH,
        "height": HEIGHT,
        "shares": [
            {
                "path": f"M{LEFT} {y(share)}H{WIDTH - RIGHT}",
                "x": LEFT - 5,
                "y": y(share, 4),
                "label": f"{share:.0%}",
            }
            for share in (floor, (floor + ceiling) / 2, ceiling)
        ],
        "budgets": [
            {"here": number == budget, "x": x(number), "y": HEIGHT - 5, "label": number}
            for place, number in enumerate(budgets)
            if number == budget or (place % 2 == 0 and abs(math.log2(number / budget)) >= 1)
        ],
        "here": f"M{x(budget)} {TOP}V{HEIGHT - BOTTOM}",
        "lines": [line(curve) for curve in reversed(curves)],  # ours on top
    }


def _legend_row(curve: BinCurve, budget: int) -> dict[str, str]:
    """The curve's name and its accuracy at the budget, with its interval where that was
    measured."""
    level = curve.accuracy_at(budget)
    exact = curve.table[curve.table["budget"] == budget]
    interval = ""
    if len(exact):
        interval = f"{100 * exact['low'].iloc[0]:.0f}–{exact['high'].iloc[0]:.0%}"
    return {
        "strategy": curve.arm.strategy,
        "name": curve.arm.name,
        "accuracy": "–" if level is None else f"{level:.0%}",
        "interval": interval,
    }
