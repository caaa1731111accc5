"""Bigger model or more thinking -> HTML and figures: the formula, who wins, the front, the energy.
Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd
from markupsafe import Markup

from ttc_explorer.experiments.energy import (
    DEVICES,
    break_even_queries,
    flops_to_joules,
    joules_to_co2_grams,
    lifetime_cost,
)
from ttc_explorer.experiments.model_size_exchange import (
    OUT_OF_RANGE,
    PAPER_RATIOS,
    inference_multiplier,
    ratio_for_multiplier,
)
from ttc_explorer.ui.components import plotly_figures
from ttc_explorer.ui.components.dot_plot import Dot, dot_plot
from ttc_explorer.ui.components.policy_view import (
    QUINTILE_LABELS,
    format_interval,
    format_points,
)
from ttc_explorer.ui.html_templates import render
from ttc_explorer.ui.number_format import format_amount, format_percent
from ttc_explorer.ui.strategy_colours import colour_style
from ttc_explorer.ui.strategy_variants import StrategyVariant

WINNER_LABELS = {
    "small": "small + thinking",
    "large": "larger model",
    "open": "too close to call",
    OUT_OF_RANGE: OUT_OF_RANGE,
}
"""Winner, as ``exchange`` names it, on screen."""
WINNER_STYLES = {
    "small": "series-blue",
    "large": "series-vermilion",
    "open": "series-grey",
    OUT_OF_RANGE: "series-grey",
}
"""Winner -> the colour style that stands for it."""
MODEL_SIZE_STYLES = (
    "series-ochre",
    "series-blue",
    "series-plum",
    "series-green",
    "series-vermilion-dashed",
)
"""Colour styles of models, the smallest first."""


@dataclass(frozen=True)
class ExchangeInputs:
    """What the formula needs: M (``larger``), R (``ratio``), and v (``verifier``), its parameters
    over the small model's, 0 where it is not counted. ``small`` and ``large`` are names, empty
    without a pair."""

    larger: float
    ratio: float
    verifier: float
    small: str = ""
    large: str = ""

    @property
    def inference_multiplier(self) -> float:
        return inference_multiplier(self.larger, self.ratio, self.verifier)


def format_number(number: float) -> str:
    """A number of the formula.

    >>> format_number(0.16), format_number(14.0), format_number(63.4), format_number(258.0)
    ('0.16', '14', '63.4', '258')
    """
    return f"{number:.3g}" if number < 1000 else format_amount(number)


# --- the formula ----------------------------------------------------------------------------------


def formula_html(terms: ExchangeInputs) -> Markup:
    """m, how it comes about, and what it means; every number says on hover where it is from."""
    meaning = {
        "m": "How many times the tokens of its inference the small model may spend for the same "
        "total FLOPs.",
        "M": f"{terms.large} has {format_number(terms.larger)} times the parameters of "
        f"{terms.small}."
        if terms.small
        else "How many times the parameters of the small model the large one has.",
        "R": "Tokens of inference in the model's whole life for each token of its pretraining.",
        "3": "Pretraining takes 6 FLOPs a parameter and token, inference 2.",
        "v": "Parameters of the verifier over those of the small model: it reads every token that "
        "the small model writes. The larger model's one answer needs none."
        if terms.verifier
        else "The verifier is left out: nothing is charged for its reading.",
    }
    return render(
        "exchange_formula.html",
        meaning=meaning,
        m=format_number(terms.inference_multiplier),
        larger=format_number(terms.larger),
        ratio=format_number(terms.ratio),
        verifier=format_number(terms.verifier),
    )


def ratio_label(ratio: float) -> Markup:
    """R as set, and in words."""
    words = (
        "many queries"
        if ratio > 3
        else "few queries"
        if ratio < 0.3
        else "about as much as it learnt"
    )
    return render("ratio_label.html", ratio=format_number(ratio), words=words)


def ratio_buttons() -> Markup:
    """The paper's three R, to press."""
    ratios = [
        (ratio, format_number(ratio), f"{inference_multiplier(14, ratio):.0f}")
        for ratio in PAPER_RATIOS
    ]
    return render("ratio_buttons.html", ratios=ratios)


def queries_label(count: float) -> Markup:
    """How many questions the models answer in their life, as set."""
    return render("queries_label.html", count=format_amount(count))


# --- who wins -------------------------------------------------------------------------------------


def winners_plot(table: pd.DataFrame, terms: ExchangeInputs, most: float) -> Markup:
    """Who wins in each bin: the difference with its interval.

    Args:
        table: rows of ``model_size_exchange.compare_at_equal_flops``.
        terms: what is compared.
        most: the largest budget measured.
    """
    if table["winner"].iloc[0] == OUT_OF_RANGE:
        start = (
            ratio_for_multiplier(terms.larger, most, terms.verifier)
            if terms.inference_multiplier > most
            else math.inf
        )
        return render(
            "out_of_range.html",
            title=OUT_OF_RANGE[0].upper() + OUT_OF_RANGE[1:],
            budget=format_number(float(table["budget"].iloc[0])),
            most=format_number(most),
            too_few=terms.inference_multiplier < 1,
            start=format_number(start) if math.isfinite(start) else "",
        )
    rows = [
        Dot(
            "All questions" if row.bin == 0 else QUINTILE_LABELS[row.bin],
            f"{format_percent(row.small)} : {format_percent(row.large)}",
            WINNER_STYLES[row.winner],
            100 * row.difference,
            100 * row.low,
            100 * row.high,
            WINNER_LABELS[row.winner],
            f"{terms.small} with N = {format_number(row.budget)}: {row.small:.1%} right. "
            f"{terms.large}, greedy: "
            f"{row.large:.1%}. Difference {format_points(row.difference)} points "
            f"{format_interval(row.low, row.high, format_points)}.",
        )
        for row in table.itertuples()
    ]
    return dot_plot(rows, lambda tick: f"{tick:+.0f}".replace("-", "−").replace("+0", "0"), 0.0)


class WinnerCell(NamedTuple):
    """Who wins in a bin: a class for styles, a colour style, what is shown and what is said."""

    kind: str
    tone: str
    shown: str
    tip: str


class WinnersRow(NamedTuple):
    """Who wins at a ratio, in each bin, and the budget that thinking has there; no cells where that
    was not swept."""

    ratio: str
    budget: str
    cells: list[WinnerCell]


def winners_table(tables: Mapping[float, pd.DataFrame], most: float) -> Markup:
    """The signs at the paper's three R, bin by bin (arXiv 2408.03314, figure 9).

    Args:
        tables: by R, rows of ``model_size_exchange.compare_at_equal_flops``.
        most: the largest budget measured.
    """
    rows = []
    for ratio, table in tables.items():
        at = table.set_index("bin")
        budget = format_number(float(table["budget"].iloc[0]))
        is_measured = at["winner"].iloc[0] != OUT_OF_RANGE
        cells = [_winner_cell(at.loc[number]) for number in QUINTILE_LABELS] if is_measured else []
        rows.append(WinnersRow(format_number(ratio), budget, cells))
    return render(
        "winners_table.html",
        labels=list(QUINTILE_LABELS.values()),
        rows=rows,
        most=format_number(most),
    )


def _winner_cell(row: pd.Series) -> WinnerCell:
    tone, tip = WINNER_STYLES[row.winner], WINNER_LABELS[row.winner]
    shown = {"small": "small", "large": "larger", "open": "open"}[row.winner]
    interval = format_interval(row.low, row.high, format_points)
    return WinnerCell(
        row.winner, tone, shown, f"{tip}: {format_points(row.difference)} points {interval}"
    )


# --- model size × budget --------------------------------------------------------------------------


def pareto_figure(
    front: pd.DataFrame, models: Sequence[str], total: bool, narrow: bool
) -> plotly_figures.Figure:
    """All models, arms and budgets: points in the colour of their model, and the line of those that
    nothing beats.

    Args:
        front: rows of ``model_size_exchange.pareto_front``.
        models: names, the smallest first.
        total: FLOPs include a share of the training.
        narrow: for a phone: the legend takes two lines.
    """
    data = []
    for model, tone in zip(models, MODEL_SIZE_STYLES, strict=False):
        rows = front[front["model"] == model]
        explanation = [
            f"<b>{model}</b> · {StrategyVariant(row.strategy, row.settings).name}<br>N = "
            f"{row.budget}, {row.selector}<br>"
            f"{row.accuracy:.1%} right · {format_amount(row.flops)} FLOP"
            + ("<br>nothing beats it" if row.best else "")
            for row in rows.itertuples()
        ]
        size = [9 if best else 5 for best in rows["best"]]
        data.append(
            plotly_figures.line_trace(
                rows["flops"].tolist(), rows["accuracy"].tolist(), tone, f"points {model}",
                mode="markers", text=explanation, hovertemplate="%{text}<extra></extra>",
                marker={
                    "size": size, "color": colour_style(tone).light,
                    "opacity": [1 if best else 0.4 for best in rows["best"]], "line": {"width": 0},
                },
            ) | {"name": model}
        )  # fmt: skip
    best = front[front["best"]].sort_values("flops")
    data.insert(0, _pareto_line(best))
    low, high = math.log10(front["flops"].min()), math.log10(front["flops"].max())
    padding = 0.04 * (high - low or 1.0)
    return plotly_figures.make_figure(
        data,
        xaxis=plotly_figures.make_axis(
            "FLOP a question, pretraining shared" if total else "FLOP a question",
            type="log",
            range=[low - padding, high + padding],
            exponentformat="SI",
            dtick=1,
            tickangle=0,
        ),
        yaxis=plotly_figures.percent_axis("Accuracy"),
        showlegend=True,
        legend=plotly_figures.LEGEND_LAYOUT | {"y": 1.01},
        margin={"l": 54, "r": 16, "t": 60 if narrow else 34, "b": 52},
    )


def _pareto_line(best: pd.DataFrame) -> plotly_figures.Figure:
    """The front as stairs: what is the most accurate for at most so many FLOPs."""
    trace = plotly_figures.line_trace(
        best["flops"].tolist(), best["accuracy"].tolist(), "series-ink", "front", hoverinfo="skip"
    )
    stairs = trace["line"] | {"shape": "hv", "width": 1.4, "dash": "solid"}
    return trace | {"line": stairs, "name": "nothing beats it"}


# --- energy ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AnswerCost:
    """FLOPs of a way to answer: of its ``training``, that of the ``models`` it needs, and of a
    ``query``; ``name`` is what people call it."""

    name: str
    training: float
    query: float
    accuracy: float
    models: tuple[str, ...]


class EnergyRow(NamedTuple):
    """A way to answer: the models it needs, how often it is right, what it costs, whether it costs
    less in all."""

    name: str
    models: str
    cells: list[str]
    chosen: bool


def energy_table(small: AnswerCost, large: AnswerCost, device: str, queries: float) -> Markup:
    """Training and queries in joules, of a small model that thinks and a large one that does
    not.

    Args:
        small: the small one's cost.
        large: the large one's cost.
        device: what they run on, one of ``energy.DEVICES``.
        queries: questions asked in their life.
    """
    totals = [
        flops_to_joules(lifetime_cost(work.training, work.query, queries), device)
        for work in (small, large)
    ]
    rows = [
        EnergyRow(
            work.name,
            ", ".join(work.models),
            [
                f"{work.accuracy:.1%}",
                format_energy(flops_to_joules(work.training, device)),
                format_energy(flops_to_joules(work.query, device)),
                format_energy(total),
                f"{format_si(joules_to_co2_grams(total))}g",
            ],
            total == min(totals),
        )
        for work, total in zip((small, large), totals, strict=True)
    ]
    figure, explanation = _describe_break_even(
        break_even_queries(small.training, small.query, large.training, large.query)
    )
    return render(
        "energy_table.html",
        break_even=figure,
        explanation=explanation,
        questions=format_amount(queries),
        more_accurate=_describe_accuracy(small, large),
        rows=rows,
        device=DEVICES[device],
        peak=format_si(DEVICES[device].peak),
    )


def _describe_accuracy(small: AnswerCost, large: AnswerCost) -> str:
    """How far apart the two are."""
    gap = 100 * (small.accuracy - large.accuracy)
    if abs(gap) < 0.5:
        return "Both are right equally often, within half a point."
    which = "small model is" if gap > 0 else "larger model is"
    return (
        f"They are not equally good: the {which} right {abs(gap):.1f} points more often. It was "
        "chosen as the cheapest way that was at least as accurate on the other half of the "
        "questions."
    )


def _describe_break_even(queries: float) -> tuple[str, str]:
    """The number of questions from which the larger model costs less in all, and what it means."""
    if queries == 0:
        return "0", "at no number of questions: the small one is dearer from the start"
    if math.isinf(queries):
        return (
            "never",
            "at every number of questions: the small one is cheaper in training and in use",
        )
    return (
        format_si(queries).strip(),
        "questions: below, the small model that thinks costs less in all; above, the larger one",
    )


def format_energy(value: float) -> str:
    """
    >>> format_energy(0.00123), format_energy(7_200_000)
    ('1.2 mJ', '2.0 kWh')
    """
    if value >= 3.6e6:
        return f"{format_si(value / 3600)}Wh"
    return f"{format_si(value)}J"


def format_si(value: float) -> str:
    """Two figures and a prefix of the SI, with a space before it.

    >>> format_si(0.000012), format_si(340), format_si(2.5e9)
    ('12 µ', '340 ', '2.5 G')
    """
    if value <= 0:
        return "0 "
    step = min(max(math.floor(math.log10(value * 1.0000001) / 3), -4), 6)
    part = value / 1000**step
    prefix = ("p", "n", "µ", "m", "", "k", "M", "G", "T", "P", "E")[step + 4]
    return f"{part:.1f} {prefix}" if part < 9.95 else f"{part:.0f} {prefix}"
