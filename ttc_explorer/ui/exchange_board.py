"""Bigger model or more thinking -> HTML and figures: the formula, who wins, the front, the energy. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ttc_explorer.experiments.energy import DEVICES, break_even, grams_of_co2, joules, lifetime
from ttc_explorer.experiments.exchange import BEYOND, RATIOS, multiplier, ratio_at
from ttc_explorer.ui import figures
from ttc_explorer.ui.arms import Arm
from ttc_explorer.ui.dots import Dot, dots
from ttc_explorer.ui.palette import look
from ttc_explorer.ui.panels import amount, term
from ttc_explorer.ui.policy_board import FIFTHS, percent, points, span
from ttc_explorer.ui.typeset import escaped

WORDS = {
    "small": "small + thinking",
    "large": "larger model",
    "open": "too close to call",
    BEYOND: BEYOND,
}
"""Winner, as ``exchange`` names it, on screen."""
COLOURS = {"small": "best_of_n", "large": "beam", "open": "greedy", BEYOND: "greedy"}
"""Winner -> the tone that stands for it."""
SIZES = ("particles", "best_of_n", "revise", "dvts", "lookahead")
"""Tones of models, the smallest first."""


@dataclass(frozen=True)
class Terms:
    """What the formula needs: M (``larger``), R (``ratio``), and v (``verifier``), its parameters over the
    small model's, 0 where it is not counted. ``small`` and ``large`` are names, empty without a pair."""

    larger: float
    ratio: float
    verifier: float
    small: str = ""
    large: str = ""

    @property
    def multiplier(self) -> float:
        return multiplier(self.larger, self.ratio, self.verifier)


def figure(number: float) -> str:
    """A number of the formula.

    >>> figure(0.16), figure(14.0), figure(63.4), figure(258.0)
    ('0.16', '14', '63.4', '258')
    """
    return f"{number:.3g}" if number < 1000 else amount(number)


# --- the formula ----------------------------------------------------------------------------------------


def formula(terms: Terms) -> str:
    """m, how it comes about, and what it means; every number says on hover where it is from."""
    m, ratio, verifier = terms.multiplier, terms.ratio, terms.verifier
    sizes = f"{terms.large} has {figure(terms.larger)} times the parameters of {terms.small}."
    about = {
        "m": "How many times the tokens of its inference the small model may spend for the same total FLOPs.",
        "M": sizes if terms.small else "How many times the parameters of the small model the large one has.",
        "R": "Tokens of inference in the model's whole life for each token of its pretraining.",
        "3": "Pretraining takes 6 FLOPs a parameter and token, inference 2.",
        "v": "Parameters of the verifier over those of the small model: it reads every token too."
        if verifier
        else "The verifier is left out: nothing is charged for its reading.",
    }

    def said(name: str, shown: str | None = None) -> str:
        return f'<span class="term" tabindex="0" data-tip="{escaped(about[name])}">{shown or name}</span>'

    spelled = (
        f"{said('m')} = {said('M')} + {said('3')} · ({said('M')} − 1) / ({said('R')} · (1 + {said('v')}))"
    )
    larger = said("M", figure(terms.larger))
    filled = (
        f"= {larger} + {said('3')} · ({larger} − 1) / "
        f"({said('R', figure(ratio))} · (1 + {said('v', figure(verifier))}))"
    )
    return (
        f'<div class="pair"><div><h3>{term("Thinking that a larger model costs", "multiplier")}</h3>'
        f'<p class="figure">m = {figure(m)}</p></div>'
        f'<div class="formula"><p>{spelled}</p><p>{filled}</p></div></div>'
        '<p class="reading">For what one answer of the larger model costs, its share of pretraining '
        f"included, the small one may write <b>{figure(m)} answers</b> and choose.</p>"
    )


def ratio_label(ratio: float) -> str:
    """R as set, and in words."""
    words = "many queries" if ratio > 3 else "few queries" if ratio < 0.3 else "about as much as it learnt"
    return f'<p class="heading"><span>{term("R", "ratio")} = {figure(ratio)}</span><span>{words}</span></p>'


# --- who wins -------------------------------------------------------------------------------------------


def winners(table: pd.DataFrame, terms: Terms, most: float) -> str:
    """Who wins in each bin: the difference with its interval. ``most`` is the largest budget measured."""
    if table["winner"].iloc[0] == BEYOND:
        budget = float(table["budget"].iloc[0])
        start = ratio_at(terms.larger, most, terms.verifier)
        within = f"From R = {figure(start)} on it is within." if math.isfinite(start) else ""
        return (
            f'<p class="reading"><b>{escaped(BEYOND[0].upper() + BEYOND[1:])}</b>: this takes N = '
            f"{figure(budget)}, and the sweep goes to {figure(most)}. Nothing is extrapolated. {within}</p>"
        )
    rows = [
        Dot(
            "All questions" if row.bin == 0 else FIFTHS[row.bin],
            f"{percent(row.small)} : {percent(row.large)}",
            COLOURS[row.winner],
            100 * row.difference,
            100 * row.low,
            100 * row.high,
            WORDS[row.winner],
            f"{terms.small} with N = {figure(row.budget)}: {row.small:.1%} right. {terms.large}, one answer: "
            f"{row.large:.1%}. Difference {points(row.difference)} points {span(row.low, row.high, points)}.",
        )
        for row in table.itertuples()
    ]
    return dots(rows, lambda tick: f"{tick:+.0f}".replace("-", "−").replace("+0", "0"), 0.0)


def pattern(tables: Mapping[float, pd.DataFrame]) -> str:
    """The signs at the paper's three R, bin by bin (arXiv 2408.03314, figure 9)."""
    heads = "".join(f"<th scope='col'>{FIFTHS[bin]}</th>" for bin in FIFTHS)
    body = ""
    for ratio, table in tables.items():
        at = table.set_index("bin")
        cells = "".join(_sign(at.loc[bin]) for bin in FIFTHS)
        budget = figure(float(table["budget"].iloc[0]))
        body += f"<tr><th scope='row'>R = {figure(ratio)} <span>N = {budget}</span></th>{cells}</tr>"
    return (
        f"<h3>{term('At the three R of the paper', 'paper ratios')}</h3>"
        f'<table class="pattern"><thead><tr><th></th>{heads}</tr></thead><tbody>{body}</tbody></table>'
    )


def _sign(row: pd.Series) -> str:
    light, dark, _ = look(COLOURS[row.winner])
    shown = {"small": "small", "large": "larger", "open": "open", BEYOND: "?"}[row.winner]
    tip = WORDS[row.winner]
    if row.winner != BEYOND:
        tip += f": {points(row.difference)} points {span(row.low, row.high, points)}"
    kind = "beyond" if row.winner == BEYOND else row.winner
    return (
        f'<td class="{kind}" style="--light:{light};--dark:{dark}" '
        f'tabindex="0" data-tip="{escaped(tip)}">{shown}</td>'
    )


# --- model size × budget --------------------------------------------------------------------------------


def pareto(front: pd.DataFrame, models: Sequence[str], total: bool, narrow: bool) -> figures.Figure:
    """All models, arms and budgets: points in the colour of their model, smallest first in ``models``, and
    the line of those that nothing beats. ``front`` as from ``exchange.front``."""
    data = []
    for model, tone in zip(models, SIZES, strict=False):
        rows = front[front["model"] == model]
        said = [
            f"<b>{model}</b> · {Arm(row.strategy, row.settings).name}<br>N = {row.budget}, {row.selector}<br>"
            f"{row.accuracy:.1%} right · {amount(row.flops)} FLOP"
            + ("<br>nothing beats it" if row.best else "")
            for row in rows.itertuples()
        ]
        size = [9 if best else 5 for best in rows["best"]]
        data.append(
            figures.line(
                rows["flops"].tolist(), rows["accuracy"].tolist(), tone, f"points {model}",
                mode="markers", text=said, hovertemplate="%{text}<extra></extra>",
                marker={
                    "size": size, "color": look(tone).light,
                    "opacity": [1 if best else 0.4 for best in rows["best"]], "line": {"width": 0},
                },
            ) | {"name": model}
        )  # fmt: skip
    best = front[front["best"]].sort_values("flops")
    data.insert(0, _front(best))
    low, high = math.log10(front["flops"].min()), math.log10(front["flops"].max())
    air = 0.04 * (high - low or 1.0)
    return figures.figure(
        data,
        xaxis=figures.axis(
            "FLOP a question, pretraining shared" if total else "FLOP a question",
            type="log",
            range=[low - air, high + air],
            exponentformat="SI",
            dtick=1,
            tickangle=0,
        ),
        yaxis=figures.share_axis("Accuracy"),
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
        margin={"l": 54, "r": 16, "t": 60 if narrow else 34, "b": 52},
    )


def _front(best: pd.DataFrame) -> figures.Figure:
    """The front as stairs: what is the most accurate for at most so many FLOPs."""
    trace = figures.line(best["flops"].tolist(), best["accuracy"].tolist(), "auto", "front", hoverinfo="skip")
    stairs = trace["line"] | {"shape": "hv", "width": 1.4, "dash": "solid"}
    return trace | {"line": stairs, "name": "nothing beats it"}


# --- energy ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Work:
    """FLOPs of a way to answer: of its ``training``, and of a ``query``; ``name`` is what people call it."""

    name: str
    training: float
    query: float
    accuracy: float


def energy(small: Work, large: Work, device: str, queries: float) -> str:
    """Training and queries in joules, of a small model that thinks and a large one that does not."""
    even = break_even(small.training, small.query, large.training, large.query)
    rows = ""
    totals = [joules(lifetime(work.training, work.query, queries), device) for work in (small, large)]
    for work, total in zip((small, large), totals, strict=True):
        cells = [
            f"{work.accuracy:.1%}",
            energy_of(joules(work.training, device)),
            energy_of(joules(work.query, device)),
            energy_of(total),
            f"{amount_of(grams_of_co2(total))}g",
        ]
        chosen = "chosen" if total == min(totals) else ""
        rows += (
            f'<tr class="{chosen}"><th scope="row">{escaped(work.name)}</th>'
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + "</tr>"
        )
    heads = ("right", "training", "a question", f"{amount(queries)} questions", "CO₂")
    said = (
        "at no number of questions: the small one is dearer from the start"
        if even == 0
        else "at every number of questions: the small one is cheaper in training and in use"
        if math.isinf(even)
        else "questions: below, the small model that thinks costs less in all; above, the larger one"
    )
    big = "never" if math.isinf(even) else "0" if even == 0 else amount_of(even).strip()
    made = DEVICES[device]
    return (
        f'<div class="pair"><div><h3>{term("Break-even", "break-even")} '
        f'<span class="estimate">{term("estimate", "energy estimate")}</span></h3>'
        f'<p class="figure">{big}</p></div><p class="reading">{said}.</p></div>'
        f'<table class="figures energy"><thead><tr><th></th>'
        + "".join(f"<th>{head}</th>" for head in heads)
        + f'</tr></thead><tbody>{rows}</tbody></table><p class="source">{escaped(made.title)}: '
        f"{made.watts:g} W, {amount_of(made.peak)}FLOP/s, of which {made.utilisation:.0%} reached "
        f"({escaped(made.source)}).</p>"
    )


def energy_of(value: float) -> str:
    """
    >>> energy_of(0.00123), energy_of(7_200_000)
    ('1.2 mJ', '2.0 kWh')
    """
    if value >= 3.6e6:
        return f"{amount_of(value / 3600)}Wh"
    return f"{amount_of(value)}J"


def amount_of(value: float) -> str:
    """Two figures and a prefix of the SI, with a space before it.

    >>> amount_of(0.000012), amount_of(340), amount_of(2.5e9)
    ('12 µ', '340 ', '2.5 G')
    """
    if value <= 0:
        return "0 "
    step = min(max(math.floor(math.log10(value * 1.0000001) / 3), -4), 6)
    part = value / 1000**step
    prefix = ("p", "n", "µ", "m", "", "k", "M", "G", "T", "P", "E")[step + 4]
    return f"{part:.1f} {prefix}" if part < 9.95 else f"{part:.0f} {prefix}"


def marks() -> str:
    """The paper's three R, to press."""
    return "".join(
        f'<button type="button" data-ratio="{ratio}" data-tip="R = {figure(ratio)} in the paper: with '
        f'a model 14 times larger, m is about {multiplier(14, ratio):.0f}.">{figure(ratio)}</button>'
        for ratio in RATIOS
    )
