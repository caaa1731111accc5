"""Beside a run: how its strategy does on the measured questions of the same kind, and what the
policy would have done. Pure, but for the results store that it reads.

A question is as hard as the questions of its family are on average, in the bins of the policy:
difficulty belongs to the question, whatever strategy and budget ran. Of a question of no family
nothing was measured, and nothing is said.

The picture is a few lines of SVG in the block's own template: a Plotly figure would be an output of
its own, which Gradio sends anew with every frame of a run, for three small lines without axes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ttc_explorer.experiments.compute_optimal_policy import Policy
from ttc_explorer.experiments.curve_points import curve_points
from ttc_explorer.experiments.difficulty import BINS, bin_of_score, predicted_edges
from ttc_explorer.models.protocol import StrategyChoice
from ttc_explorer.problems.families import recognise
from ttc_explorer.search.run import Run
from ttc_explorer.ui.components.dot_plot import Dot, dot_plot
from ttc_explorer.ui.components.run_request import RunRequest
from ttc_explorer.ui.html_templates import render
from ttc_explorer.ui.results_store import ModelResults, ResultsStore
from ttc_explorer.ui.strategy_colours import colour_style
from ttc_explorer.ui.strategy_variants import StrategyVariant, variant_of_run

BASELINE_VARIANT = StrategyVariant("best_of_n")
WIDTH, HEIGHT = 286, 132
LEFT, RIGHT, TOP, BOTTOM = 34, 13, 8, 20
"""Room around the picture, in pixels."""


@dataclass(frozen=True)
class KindCurve:
    """An arm's accuracy on one kind of question: ``table`` has budget, accuracy, low, high and
    questions, by budget."""

    arm: StrategyVariant
    table: pd.DataFrame

    def value_at(self, budget: int, column: str = "accuracy") -> float | None:
        """Its accuracy there, or an end of the interval (the columns low and high), between
        measured budgets by a straight line in log N; None outside of them."""
        pairs = list(zip(self.table["budget"], self.table[column], strict=True))
        for (low, before), (high, after) in zip(pairs, pairs[1:] or pairs, strict=False):
            if low <= budget <= high:
                part = math.log(budget / low) / math.log(high / low) if high > low else 0.0
                return float(before + part * (after - before))
        return None


@dataclass(frozen=True)
class QuestionKind:
    """The measured questions of the family that a question is of.

    Attributes:
        title: of the family.
        within: which of the results' questions they are, (Q,).
        bin: how hard they are on average, by predicted difficulty, 1 (easiest) to BINS.
    """

    title: str
    within: NDArray[np.bool_]
    bin: int


def related_results(run: Run, selector: str, results_store: ResultsStore) -> str:
    """The block for a run that has ended; empty where nothing was measured that says something
    about its question."""
    if run.stopped is None or run.model not in results_store.models:
        return ""
    model_results = results_store.model_results(run.model)
    policy = results_store.policy
    if policy is not None and policy.about.get("model") != run.model:
        policy = None
    kind = question_kind(run.problem.text, model_results, policy)
    if kind is None:
        return ""
    arms = [
        StrategyVariant(strategy, settings)
        for strategy, settings, rule in model_results.table.arms
        if rule == selector
    ]
    run_variant = variant_of_run(arms, run)
    # A run that asks the policy itself has said what that chose: one recommendation a screen.
    advice = policy if run.strategy != "auto" else None
    choice = advice.cell(kind.bin, advice.nearest_budget(run.budget)).choice if advice else None
    chosen = next((arm for arm in arms if choice and _is_choice(arm, choice)), None)
    shown_variants = dict.fromkeys(
        arm for arm in (run_variant, chosen, BASELINE_VARIANT) if arm in arms
    )
    curves = [
        curve
        for arm in shown_variants
        if len((curve := _kind_curve(model_results, arm, selector, kind)).table)
    ]
    if not curves:
        return ""
    agrees = choice is not None and run_variant is not None and _is_choice(run_variant, choice)
    return render(
        "related_results.html",
        kind=kind.title,
        questions=int(kind.within.sum()),
        bin=kind.bin,
        bins=BINS,
        budget=run.budget,
        legend=[_legend_row(curve, run) for curve in curves],
        policy_agrees=agrees,
        policy_choice="" if choice is None else _choice_name(choice),
        swept=run_variant is not None,
        **_picture(curves, run_variant, run.budget),
    )


def overall_results(
    model: str,
    runs: Sequence[Run | RunRequest],
    selector: str,
    results_store: ResultsStore,
    before: bool = False,
) -> str:
    """How the strategies of a comparison do on all measured questions, the best first: what one
    question cannot tell. Empty where they were not measured.

    Args:
        model: whose runs they are.
        runs: that have ended, or are asked for.
        selector: chooses the answers.
        results_store: where the results are.
        before: nothing has run yet.
    """
    if not runs or model not in results_store.models:
        return ""
    table = results_store.model_results(model).table
    arms = {
        StrategyVariant(strategy, settings)
        for strategy, settings, rule in table.arms
        if rule == selector
    }
    rows = []
    for run in runs:
        arm = variant_of_run(arms, run)
        if arm is None:
            continue
        points = curve_points(table, [arm.evidence_key(selector)]).sort_values("budget")
        dot = _overall_dot(KindCurve(arm, points), run.budget)
        if dot is not None:
            rows.append((run.budget, dot))
    if len(rows) < 2:
        return ""
    rows.sort(key=lambda row: -row[1].value)
    return render(
        "overall_results.html",
        questions=len(table.questions),
        budgets=sorted({budget for budget, _ in rows}),
        plot=dot_plot([dot for _, dot in rows], "{:.0%}".format),
        before=before,
    )


def _overall_dot(curve: KindCurve, budget: int) -> Dot | None:
    """An arm on all questions at one budget, with its interval; None where it was not measured."""
    accuracy, low, high = (curve.value_at(budget, name) for name in ("accuracy", "low", "high"))
    if accuracy is None or low is None or high is None:
        return None
    arm = curve.arm
    tip = f"Right in {accuracy:.1%} at N = {budget}; 95 %: {100 * low:.1f} to {high:.1%}"
    return Dot(arm.title, arm.detail, arm.strategy, accuracy, low, high, f"{accuracy:.0%}", tip)


def question_kind(
    text: str, model_results: ModelResults, policy: Policy | None
) -> QuestionKind | None:
    """The kind of a question, as far as it was measured; None for a question of no family, or of
    one that was not measured.

    Args:
        text: the question.
        model_results: of the model that answers it.
        policy: of the same model; its edges cut the bins, without it those of the results.
    """
    recognised = recognise(text)
    easiness = model_results.easiness.get("predicted")
    if recognised is None or easiness is None:
        return None
    within = (model_results.problems["family"] == recognised.family.name).to_numpy()
    scores = easiness[within]
    if not np.isfinite(scores).any():
        return None
    edges = policy.edges if policy else predicted_edges(model_results.results.probe)
    number = bin_of_score(float(np.nanmean(scores)), edges)
    return QuestionKind(recognised.family.title, within, number)


def _kind_curve(
    model_results: ModelResults, arm: StrategyVariant, selector: str, kind: QuestionKind
) -> KindCurve:
    points = curve_points(model_results.table, [arm.evidence_key(selector)], within=kind.within)
    return KindCurve(arm, points.sort_values("budget"))


def _is_choice(arm: StrategyVariant, choice: StrategyChoice) -> bool:
    return arm.strategy == choice.strategy and json.loads(arm.settings) == dict(choice.settings)


def _choice_name(choice: StrategyChoice) -> str:
    return StrategyVariant(choice.strategy, json.dumps(dict(choice.settings))).name


# --- the picture ----------------------------------------------------------------------------------


def _picture(
    curves: Sequence[KindCurve], run_variant: StrategyVariant | None, budget: int
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

    def line(curve: KindCurve) -> dict[str, object]:
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
            level = curve.value_at(budget)
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


def _legend_row(curve: KindCurve, run: Run) -> dict[str, str]:
    """The curve's name and its accuracy at the run's budget, with its interval where that was
    measured."""
    level = curve.value_at(run.budget)
    exact = curve.table[curve.table["budget"] == run.budget]
    interval = ""
    if len(exact):
        interval = f"{100 * exact['low'].iloc[0]:.0f}–{exact['high'].iloc[0]:.0%}"
    return {
        "strategy": curve.arm.strategy,
        "name": ", ".join(filter(None, [curve.arm.name, curve.arm.step_note(run)])),
        "accuracy": "–" if level is None else f"{level:.0%}",
        "interval": interval,
    }
