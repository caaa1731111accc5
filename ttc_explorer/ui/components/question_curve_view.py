"""The curve of one question over many seeds, as HTML: chart, table of its points, and the seeds of
the point that is picked. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ttc_explorer.experiments.question_curve import QuestionCurve, QuestionPoint, SeedOutcome
from ttc_explorer.search.strategy import get_strategy
from ttc_explorer.ui.components.accuracy_curves import log_ticks
from ttc_explorer.ui.html_templates import render
from ttc_explorer.ui.number_format import format_amount
from ttc_explorer.ui.strategy_colours import colour_style

Measure = Literal["chosen", "found"]
CostUnit = Literal["budget", "tokens", "flops"]

MEASURES: tuple[tuple[str, Measure], ...] = (("Chosen", "chosen"), ("Found", "found"))
COST_UNITS: tuple[tuple[str, CostUnit], ...] = (
    ("N", "budget"),
    ("Tokens", "tokens"),
    ("FLOP", "flops"),
)
AXIS_TITLES: Mapping[CostUnit, str] = {
    "budget": "N",
    "tokens": "tokens written, a run",
    "flops": "FLOP, a run",
}

WIDTH, HEIGHT = 286, 150
LEFT, RIGHT, TOP, BOTTOM = 36, 12, 8, 32
"""Room around the lines, in pixels."""


@dataclass(frozen=True)
class CurveView:
    """What a visitor looks at.

    Attributes:
        measure: what counts, the chosen answer or any that was found.
        unit: of the compute along the chart.
        picked: strategy and N of the point whose seeds are shown; None for the latest.
    """

    measure: Measure = "chosen"
    unit: CostUnit = "budget"
    picked: tuple[str, int] | None = None


def question_curve_html(
    curve: QuestionCurve,
    plan: Sequence[tuple[str, int]],
    seeds: int,
    view: CurveView,
    question: str,
    standing: str,
    outside: bool = False,
) -> str:
    """The block as it stands.

    Args:
        curve: the outcomes so far.
        plan: strategy and N of every point that there is to be.
        seeds: runs of a point.
        view: what is looked at.
        question: that is asked.
        standing: how far the runs are, in a sentence.
        outside: the models do not know this kind of question.
    """
    found = view.measure == "found"
    points = curve.points(found)
    by_key = {(point.strategy, point.budget): point for point in points}
    picked = view.picked if view.picked in by_key else None
    if picked is None and curve.outcomes:
        picked = curve.outcomes[-1].strategy, curve.outcomes[-1].budget
    return render(
        "question_curve.html",
        question=question,
        standing=standing,
        message=question_message(curve, points, seeds, found, outside),
        caption=_caption(curve, found, view.unit),
        chart=_chart(points, view.unit) if points else None,
        budgets=list(dict.fromkeys(budget for _, budget in plan)),
        rows=_rows(plan, by_key, picked),
        picked=picked and {"name": get_strategy(picked[0]).title, "budget": picked[1]},
        seeds=[_seed(curve, outcome, found) for outcome in curve.at(*picked)] if picked else [],
    )


def question_message(
    curve: QuestionCurve, points: Sequence[QuestionPoint], seeds: int, found: bool, outside: bool
) -> str:
    """What the points say of the first strategy, from its least N to its largest with all seeds."""
    if outside and not curve.known:
        return (
            "The model does not know this kind of question: how often it says the same means "
            "nothing."
        )
    whole = [point for point in points if point.runs == seeds]
    first = next(iter(whole), None)
    if first is None:
        return ""
    last = [point for point in whole if point.strategy == first.strategy][-1]
    title = get_strategy(first.strategy).title
    if not curve.known:
        verb = "come to" if found else "choose"
        return (
            f"{title}: {last.hits} of {last.runs} runs {verb} {curve.consensus} at N = "
            f"{last.budget}. Whether that is right is not known here."
        )
    verb = "finds the right answer" if found else "is right"
    if last.budget == first.budget:
        return f"{title} {verb} in {last.hits} of {last.runs} runs at N = {last.budget}."
    effect = "helps here" if last.low > first.high else "hurts here"
    if last.low <= first.high and last.high >= first.low:
        effect = "makes no difference that so few seeds could show"
    return (
        f"Thinking longer {effect}: {title} {verb} in {first.hits} of {first.runs} runs at N = "
        f"{first.budget}, in {last.hits} at N = {last.budget}."
    )


def _caption(curve: QuestionCurve, found: bool, unit: CostUnit) -> str:
    if curve.known:
        what = "have the right answer among their solutions" if found else "choose the right answer"
    else:
        what = "have the commonest answer among theirs" if found else "choose the commonest answer"
    return (
        f"Share of runs that {what}, against {AXIS_TITLES[unit]}. Bands: 95 % over seeds (Wilson)."
    )


def _cost(point: QuestionPoint, unit: CostUnit) -> float:
    return max(float(getattr(point, unit)), 1.0)


def _chart(points: Sequence[QuestionPoint], unit: CostUnit) -> dict[str, object]:
    """Where everything in the chart stands, as its template wants it."""
    costs = [_cost(point, unit) for point in points]
    least, most = min(costs), max(costs)
    span = math.log(most / least) or 1.0

    def x(cost: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(cost / least) / span

    def y(share: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)

    def place(cost: float, share: float) -> str:
        return f"{x(cost):.1f} {y(share):.1f}"

    def line(strategy: str) -> dict[str, object]:
        own = [point for point in points if point.strategy == strategy]
        style = colour_style(strategy)
        upper = [place(_cost(point, unit), point.high) for point in own]
        lower = [place(_cost(point, unit), point.low) for point in reversed(own)]
        return {
            "style": style,
            "dash": " ".join(str(2.2 * float(length)) for length in style.dash.split()),
            "path": "M" + "L".join(place(_cost(point, unit), point.share) for point in own),
            "band": "M" + "L".join(upper + lower) + "Z",
            "dots": [(f"{x(_cost(point, unit)):.1f}", f"{y(point.share):.1f}") for point in own],
        }

    ticks = sorted(set(costs)) if unit == "budget" else log_ticks(least, most, 4)
    strategies = list(dict.fromkeys(point.strategy for point in points))
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "shares": [
            {
                "path": f"M{LEFT} {y(share):.1f}H{WIDTH - RIGHT}",
                "x": LEFT - 5,
                "y": f"{y(share) + 4:.1f}",
                "label": f"{share:.0%}",
            }
            for share in (0.0, 0.5, 1.0)
        ],
        "ticks": [
            {"x": f"{x(tick):.1f}", "y": HEIGHT - 17, "label": format_amount(tick)}
            for tick in ticks
        ],
        "title": {
            "x": LEFT + (WIDTH - LEFT - RIGHT) / 2,
            "y": HEIGHT - 3,
            "label": AXIS_TITLES[unit],
        },
        "lines": [line(strategy) for strategy in reversed(strategies)],  # the first on top
    }


def _rows(
    plan: Sequence[tuple[str, int]],
    points: Mapping[tuple[str, int], QuestionPoint],
    picked: tuple[str, int] | None,
) -> list[dict[str, object]]:
    """A row a strategy, a cell an N: how many runs of how many."""

    def cell(key: tuple[str, int]) -> dict[str, object]:
        point = points.get(key)
        return {
            "strategy": key[0],
            "budget": key[1],
            "figure": None if point is None else f"{point.hits}/{point.runs}",
            "pressed": key == picked,
        }

    strategies = list(dict.fromkeys(strategy for strategy, _ in plan))
    return [
        {
            "strategy": strategy,
            "name": get_strategy(strategy).title,
            "cells": [cell(key) for key in plan if key[0] == strategy],
        }
        for strategy in strategies
    ]


def _seed(curve: QuestionCurve, outcome: SeedOutcome, found: bool) -> dict[str, object]:
    """A seed of the picked point: its mark, and what it says of itself."""
    hit = curve.is_hit(outcome, found)
    chosen = outcome.answers[0] if outcome.answers else "no answer"
    if curve.known:
        verdict = "right" if curve.is_hit(outcome) else "wrong"
        if found and hit and verdict == "wrong":
            verdict = "wrong, but the right answer was found"
    else:
        verdict = "the commonest answer" if curve.is_hit(outcome) else "another answer"
    return {
        "outcome": outcome,
        "hit": hit,
        "label": f"Seed {outcome.seed}: {chosen}, {verdict}. Open this run",
    }
