"""Beside a run: how its strategy does on questions of the same predicted difficulty, and what the
policy would have done. HTML with a small picture; pure, but for the results store that it reads.

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
from ttc_explorer.ui.components.messages import glossary_term, swatch
from ttc_explorer.ui.math_typesetting import escape_html
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
    return (
        '<section class="beside" aria-label="Questions like this one"><h3>On questions like this '
        "one</h3>"
        f'<p class="note">{glossary_term(f"Bin {number} of {BINS}", "bin")}, by this run’s mean '
        f"score of {score:.2f}. "
        f"Accuracy against N, measured:</p>{_curves_svg(curves, run_variant, run.budget)}"
        f"{_legend(curves, run.budget)}{_policy_note(run, run_variant, choice)}</section>"
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


# --- the picture ----------------------------------------------------------------------------------


def _curves_svg(
    curves: Sequence[BinCurve], run_variant: StrategyVariant | None, budget: int
) -> str:
    budgets = sorted(
        {int(number) for curve in curves for number in curve.table["budget"]} | {budget}
    )
    low = min(float(curve.table["low"].min()) for curve in curves)
    high = max(float(curve.table["high"].max()) for curve in curves)
    floor, ceiling = (
        math.floor(10 * low) / 10,
        max(math.ceil(10 * high) / 10, math.floor(10 * low) / 10 + 0.1),
    )
    last = math.log2(max(budgets)) or 1.0

    def x(number: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log2(number) / last

    def y(share: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (ceiling - share) / (ceiling - floor)

    parts = [
        f'<path class="grid" d="M{LEFT} {y(share):.1f}H{WIDTH - RIGHT}"/>'
        f'<text x="{LEFT - 5}" y="{y(share) + 4:.1f}" text-anchor="end">{share:.0%}</text>'
        for share in (floor, (floor + ceiling) / 2, ceiling)
    ]
    for place, number in enumerate(budgets):
        if number == budget or (place % 2 == 0 and abs(math.log2(number / budget)) >= 1):
            weight = ' class="here"' if number == budget else ""
            parts.append(
                f'<text{weight} x="{x(number):.1f}" y="{HEIGHT - 5}" '
                f'text-anchor="middle">{number}</text>'
            )
    parts.append(f'<path class="here" d="M{x(budget):.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
    for curve in reversed(curves):  # ours on top
        style = colour_style(curve.arm.strategy)
        dash = " ".join(str(2.2 * float(length)) for length in style.dash.split())
        rows = list(curve.table.itertuples())
        upper_edge = [f"{x(row.budget):.1f} {y(row.high):.1f}" for row in rows]
        lower_edge = [f"{x(row.budget):.1f} {y(row.low):.1f}" for row in reversed(rows)]
        path = "L".join(f"{x(row.budget):.1f} {y(row.accuracy):.1f}" for row in rows)
        band = (
            f'<path class="veil" d="M{"L".join(upper_edge + lower_edge)}Z"/>'
            if curve.arm == run_variant
            else ""
        )
        level = curve.accuracy_at(budget)
        marker = ""
        if curve.arm == run_variant and level is not None:
            marker = f'<circle cx="{x(budget):.1f}" cy="{y(level):.1f}" r="5.5"/>'
        parts.append(
            f'<g style="--light:{style.light};--dark:{style.dark}">{band}'
            f'<path d="M{path}" stroke-dasharray="{dash}"/>{marker}</g>'
        )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Accuracy against N, with a '
        "mark at "
        f'N = {budget}">{"".join(parts)}</svg>'
    )


def _legend(curves: Sequence[BinCurve], budget: int) -> str:
    rows = []
    for curve in curves:
        level = curve.accuracy_at(budget)
        exact = curve.table[curve.table["budget"] == budget]
        figure = "–" if level is None else f"{level:.0%}"
        if len(exact):
            figure += (
                f" <small>({100 * exact['low'].iloc[0]:.0f}–{exact['high'].iloc[0]:.0%})</small>"
            )
        rows.append(
            f"<li>{swatch(curve.arm.strategy)}<span>{escape_html(curve.arm.name)}</span><b>{figure}</b></li>"
        )
    return f"<ul>{''.join(rows)}</ul>"


def _policy_note(
    run: Run, run_variant: StrategyVariant | None, choice: StrategyChoice | None
) -> str:
    if choice is None:
        return ""
    if run_variant is not None and _is_choice(run_variant, choice):
        return '<p class="note">The measured policy would have done the same.</p>'
    name = escape_html(StrategyVariant(choice.strategy, json.dumps(dict(choice.settings))).name)
    unlike = "" if run_variant is not None else " These settings were not swept."
    return f'<p class="note">The measured policy would have taken <b>{name}</b>.{unlike}</p>'
