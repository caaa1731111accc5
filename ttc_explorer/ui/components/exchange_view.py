"""Bigger model or more thinking -> HTML and figures: the formula, who wins, the front, the energy.
Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

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
from ttc_explorer.ui.components.messages import glossary_term
from ttc_explorer.ui.components.policy_view import (
    QUINTILE_LABELS,
    format_interval,
    format_percent,
    format_points,
)
from ttc_explorer.ui.math_typesetting import escape_html
from ttc_explorer.ui.number_format import format_amount
from ttc_explorer.ui.strategy_colours import colour_style
from ttc_explorer.ui.strategy_variants import StrategyVariant

WINNER_LABELS = {
    "small": "small + thinking",
    "large": "larger model",
    "open": "too close to call",
    OUT_OF_RANGE: OUT_OF_RANGE,
}
"""Winner, as ``exchange`` names it, on screen."""
WINNER_STYLES = {"small": "best_of_n", "large": "beam", "open": "greedy", OUT_OF_RANGE: "greedy"}
"""Winner -> the colour style that stands for it."""
MODEL_SIZE_STYLES = ("particles", "best_of_n", "revise", "dvts", "lookahead")
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


def formula_html(terms: ExchangeInputs) -> str:
    """m, how it comes about, and what it means; every number says on hover where it is from."""
    m, ratio, verifier = terms.inference_multiplier, terms.ratio, terms.verifier
    sizes = (
        f"{terms.large} has {format_number(terms.larger)} times the parameters of {terms.small}."
    )
    about = {
        "m": "How many times the tokens of its inference the small model may spend for the same "
        "total FLOPs.",
        "M": sizes
        if terms.small
        else "How many times the parameters of the small model the large one has.",
        "R": "Tokens of inference in the model's whole life for each token of its pretraining.",
        "3": "Pretraining takes 6 FLOPs a parameter and token, inference 2.",
        "v": "Parameters of the verifier over those of the small model: it reads every token too."
        if verifier
        else "The verifier is left out: nothing is charged for its reading.",
    }

    def explanation(name: str, shown: str | None = None) -> str:
        return (
            '<span class="term" tabindex="0" '
            f'data-tip="{escape_html(about[name])}">{shown or name}</span>'
        )

    spelled = (
        f"{explanation('m')} = {explanation('M')} + {explanation('3')} · "
        f"({explanation('M')} − 1) / ({explanation('R')} · (1 + {explanation('v')}))"
    )
    larger = explanation("M", format_number(terms.larger))
    filled = (
        f"= {larger} + {explanation('3')} · ({larger} − 1) / "
        f"({explanation('R', format_number(ratio))} · (1 + "
        f"{explanation('v', format_number(verifier))}))"
    )
    return (
        f'<div class="pair"><div><h3>{glossary_term("Thinking that a larger model costs", "multiplier")}</h3>'
        f'<p class="figure">m = {format_number(m)}</p></div>'
        f'<div class="formula"><p>{spelled}</p><p>{filled}</p></div></div>'
        '<p class="reading">For what one answer of the larger model costs, its share of '
        "pretraining "
        f"included, the small one may write <b>{format_number(m)} answers</b> and choose.</p>"
    )


def ratio_label(ratio: float) -> str:
    """R as set, and in words."""
    words = (
        "many queries"
        if ratio > 3
        else "few queries"
        if ratio < 0.3
        else "about as much as it learnt"
    )
    return (
        f'<p class="heading"><span>{glossary_term("R", "ratio")} = '
        f"{format_number(ratio)}</span><span>{words}</span></p>"
    )


# --- who wins -------------------------------------------------------------------------------------


def winners_plot(table: pd.DataFrame, terms: ExchangeInputs, most: float) -> str:
    """Who wins in each bin: the difference with its interval. ``most`` is the largest budget
    measured."""
    if table["winner"].iloc[0] == OUT_OF_RANGE:
        budget = float(table["budget"].iloc[0])
        start = ratio_for_multiplier(terms.larger, most, terms.verifier)
        within = f"From R = {format_number(start)} on it is within." if math.isfinite(start) else ""
        return (
            f'<p class="reading"><b>{escape_html(OUT_OF_RANGE[0].upper() + OUT_OF_RANGE[1:])}</b>: this takes N = '
            f"{format_number(budget)}, and the sweep goes to {format_number(most)}. Nothing is "
            f"extrapolated. {within}</p>"
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
            f"{terms.large}, one answer: "
            f"{row.large:.1%}. Difference {format_points(row.difference)} points "
            f"{format_interval(row.low, row.high, format_points)}.",
        )
        for row in table.itertuples()
    ]
    return dot_plot(rows, lambda tick: f"{tick:+.0f}".replace("-", "−").replace("+0", "0"), 0.0)


def winners_table(tables: Mapping[float, pd.DataFrame]) -> str:
    """The signs at the paper's three R, bin by bin (arXiv 2408.03314, figure 9)."""
    heads = "".join(f"<th scope='col'>{QUINTILE_LABELS[bin]}</th>" for bin in QUINTILE_LABELS)
    body = ""
    for ratio, table in tables.items():
        at = table.set_index("bin")
        cells = "".join(_winner_cell(at.loc[bin]) for bin in QUINTILE_LABELS)
        budget = format_number(float(table["budget"].iloc[0]))
        body += (
            f"<tr><th scope='row'>R = {format_number(ratio)} <span>N = "
            f"{budget}</span></th>{cells}</tr>"
        )
    return (
        f"<h3>{glossary_term('At the three R of the paper', 'paper ratios')}</h3>"
        f'<table class="pattern"><thead><tr><th></th>{heads}</tr></thead><tbody>{body}</tbody></table>'
    )


def _winner_cell(row: pd.Series) -> str:
    light, dark, _ = colour_style(WINNER_STYLES[row.winner])
    shown = {"small": "small", "large": "larger", "open": "open", OUT_OF_RANGE: "?"}[row.winner]
    tip = WINNER_LABELS[row.winner]
    if row.winner != OUT_OF_RANGE:
        tip += (
            f": {format_points(row.difference)} points "
            f"{format_interval(row.low, row.high, format_points)}"
        )
    kind = "beyond" if row.winner == OUT_OF_RANGE else row.winner
    return (
        f'<td class="{kind}" style="--light:{light};--dark:{dark}" '
        f'tabindex="0" data-tip="{escape_html(tip)}">{shown}</td>'
    )


# --- model size × budget --------------------------------------------------------------------------


def pareto_figure(
    front: pd.DataFrame, models: Sequence[str], total: bool, narrow: bool
) -> plotly_figures.Figure:
    """All models, arms and budgets: points in the colour of their model, smallest first in
    ``models``, and the line of those that nothing beats. ``front`` as from ``model_size_exchange.pareto_front``."""
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
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.01,
            "yanchor": "bottom",
            "bgcolor": "rgba(0,0,0,0)",
        },
        margin={"l": 54, "r": 16, "t": 60 if narrow else 34, "b": 52},
    )


def _pareto_line(best: pd.DataFrame) -> plotly_figures.Figure:
    """The front as stairs: what is the most accurate for at most so many FLOPs."""
    trace = plotly_figures.line_trace(
        best["flops"].tolist(), best["accuracy"].tolist(), "auto", "front", hoverinfo="skip"
    )
    stairs = trace["line"] | {"shape": "hv", "width": 1.4, "dash": "solid"}
    return trace | {"line": stairs, "name": "nothing beats it"}


# --- energy ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AnswerCost:
    """FLOPs of a way to answer: of its ``training``, and of a ``query``; ``name`` is what people
    call it."""

    name: str
    training: float
    query: float
    accuracy: float


def energy_table(small: AnswerCost, large: AnswerCost, device: str, queries: float) -> str:
    """Training and queries in joules, of a small model that thinks and a large one that does
    not."""
    crossover_queries = break_even_queries(small.training, small.query, large.training, large.query)
    rows = ""
    totals = [
        flops_to_joules(lifetime_cost(work.training, work.query, queries), device)
        for work in (small, large)
    ]
    for work, total in zip((small, large), totals, strict=True):
        cells = [
            f"{work.accuracy:.1%}",
            format_energy(flops_to_joules(work.training, device)),
            format_energy(flops_to_joules(work.query, device)),
            format_energy(total),
            f"{format_si(joules_to_co2_grams(total))}g",
        ]
        chosen = "chosen" if total == min(totals) else ""
        rows += (
            f'<tr class="{chosen}"><th scope="row">{escape_html(work.name)}</th>'
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + "</tr>"
        )
    heads = ("right", "training", "a question", f"{format_amount(queries)} questions", "CO₂")
    explanation = (
        "at no number of questions: the small one is dearer from the start"
        if crossover_queries == 0
        else "at every number of questions: the small one is cheaper in training and in use"
        if math.isinf(crossover_queries)
        else "questions: below, the small model that thinks costs less in all; above, the larger "
        "one"
    )
    break_even_text = (
        "never"
        if math.isinf(crossover_queries)
        else "0"
        if crossover_queries == 0
        else format_si(crossover_queries).strip()
    )
    made = DEVICES[device]
    return (
        f'<div class="pair"><div><h3>{glossary_term("Break-even", "break-even")} '
        f'<span class="estimate">{glossary_term("estimate", "energy estimate")}</span></h3>'
        f'<p class="figure">{break_even_text}</p></div><p class="reading">{explanation}.</p></div>'
        f'<table class="figures energy"><thead><tr><th></th>'
        + "".join(f"<th>{head}</th>" for head in heads)
        + f'</tr></thead><tbody>{rows}</tbody></table><p class="source">{escape_html(made.title)}: '
        f"{made.watts:g} W, {format_si(made.peak)}FLOP/s, of which {made.utilisation:.0%} reached "
        f"({escape_html(made.source)}).</p>"
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


def ratio_buttons() -> str:
    """The paper's three R, to press."""
    return "".join(
        f'<button type="button" data-ratio="{ratio}" data-tip="R = {format_number(ratio)} in the '
        "paper: with "
        "a model 14 times larger, m is about "
        f'{inference_multiplier(14, ratio):.0f}.">{format_number(ratio)}</button>'
        for ratio in PAPER_RATIOS
    )
