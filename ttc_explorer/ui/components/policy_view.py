"""The compute-optimal policy -> HTML and figures: its table, the evidence behind it, what it wins.
Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from ttc_explorer.experiments.bandit_outcomes import PRIOR_STRENGTH
from ttc_explorer.experiments.cross_fitting import BASELINE, PolicyCell
from ttc_explorer.experiments.difficulty import BINS
from ttc_explorer.models.protocol import StrategyChoice
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.ui.components import plotly_figures
from ttc_explorer.ui.components.compare_view import swatch
from ttc_explorer.ui.components.dot_plot import Dot, dot_plot
from ttc_explorer.ui.components.messages import glossary_term
from ttc_explorer.ui.math_typesetting import escape_html
from ttc_explorer.ui.number_format import count_noun, format_amount
from ttc_explorer.ui.strategy_variants import StrategyVariant

QUINTILE_LABELS = {1: "1 easiest", 2: "2", 3: "3", 4: "4", 5: "5 hardest"}
SHORT_TITLES = {
    "beam": "Beam",
    "lookahead": "Lookahead",
    "particles": "Particles",
    "mcts": "MCTS",
    "revise": "Revise",
    "hybrid": "Hybrid",
    "adaptive": "Adaptive",
}
"""Titles of strategies where room is short; others are short enough."""
LINE_LABELS = {
    "predicted": "policy, difficulty predicted",
    "charged": "policy, predicted, probe paid",
    "oracle": "policy, difficulty measured",
}
"""Lines of ``cross_fitting.policy_curves`` as they are called on screen."""
LEARNERS = {
    "static": ("the table as it is", "auto"),
    "mean": ("learning, best mean", "best_of_n"),
    "thompson": ("learning, Thompson", "dvts"),
    "cold": ("learning from nothing", "beam"),
}
"""Learners of ``bandit_outcomes.replay_regret``: name on screen, colour style."""
MAX_POSTERIORS = 6
"""Candidates whose posteriors are shown."""


def choice_variant(choice: StrategyChoice) -> StrategyVariant:
    """A choice as other pages name it."""
    return StrategyVariant(choice.strategy, json.dumps(dict(choice.settings)))


def short_title(choice: StrategyChoice) -> str:
    """
    >>> short_title(StrategyChoice("beam", (("width", 0),)))
    'Beam'
    """
    return SHORT_TITLES.get(choice.strategy, STRATEGIES[choice.strategy].title)


def legend(lines: Iterable[tuple[str, str]]) -> str:
    """What lines stand for (name, colour style), for narrow screens, where their ends have no
    names."""
    explanation = "".join(
        f"<span>{swatch(tone)} {escape_html(name)}</span>" for name, tone in lines
    )
    return f'<p class="note key">{explanation}</p>'


def format_percent(share: float) -> str:
    """
    >>> format_percent(0.8249)
    '82%'
    """
    return f"{share:.0%}"


def format_points(difference: float) -> str:
    """A difference of accuracies in points.

    >>> format_points(0.0213), format_points(-0.1)
    ('+2.1', '−10.0')
    """
    return f"{100 * difference:+z.1f}".replace("-", "−")


def format_interval(low: float, high: float, format_value: Callable[[float], str]) -> str:
    """An interval in brackets."""
    return f"[{format_value(low)}, {format_value(high)}]"


# --- the table ------------------------------------------------------------------------------------


def policy_table(cells: Sequence[PolicyCell], picked: tuple[int, int]) -> str:
    """The table: a row a bin, a column a budget, and in each cell the choice and its accuracy."""
    budgets = sorted({cell.budget for cell in cells})
    at = {(cell.bin, cell.budget): cell for cell in cells}
    heads = "".join(
        f'<span class="head">{glossary_term(f"N = {budget}", "budget")}</span>'
        for budget in budgets
    )
    rows = "".join(
        f'<span class="side">{QUINTILE_LABELS[bin]}</span>'
        + "".join(_policy_cell(at[bin, budget], (bin, budget) == picked) for budget in budgets)
        for bin in range(1, BINS + 1)
    )
    corner = f'<span class="corner">{glossary_term("Difficulty", "difficulty")}</span>'
    return f'<div class="heat" style="--columns:{len(budgets)}">{corner}{heads}{rows}</div>'


def _policy_cell(cell: PolicyCell, pressed: bool) -> str:
    best, detail = cell.candidates[0], choice_variant(cell.choice).detail
    tip = (
        f"{choice_variant(cell.choice).name}: {cell.accuracy:.1%} right, {100 * cell.low:.1f} to "
        f"{cell.high:.1%}, on "
        f"{cell.questions} questions that had no say. Best here in {best.share:.0%} of the "
        "resamples. Press "
        "to see what it was chosen from."
    )
    return (
        f'<button type="button" class="cell" data-bin="{cell.bin}" data-budget="{cell.budget}" '
        f'aria-pressed="{str(pressed).lower()}" data-tip="{escape_html(tip)}" '
        f'style="--share:{100 * cell.accuracy:.0f}%"><span '
        f'class="what">{swatch(cell.choice.strategy)}'
        f"{escape_html(short_title(cell.choice))} <small>{escape_html(detail)}</small></span>"
        f"<b>{format_percent(cell.accuracy)}</b>"
        f'<small class="span">{100 * cell.low:.0f}–{100 * cell.high:.0f}</small>'
        "</button>"
    )


# --- the evidence behind a cell -------------------------------------------------------------------


def cell_evidence(cell: PolicyCell, measured: pd.DataFrame) -> str:
    """All arms of a cell with their intervals, best first. ``measured``: rows of
    ``curve_points.curve_points`` for the bin and budget (strategy, settings, accuracy, low, high,
    all_tokens)."""
    rows = []
    known = {(row.strategy, row.settings): row for row in measured.itertuples()}
    for place, candidate in enumerate(cell.candidates):
        each = choice_variant(candidate.choice)
        row = known[each.strategy, each.settings]
        tip = (
            f"{row.accuracy:.1%} right, {100 * row.low:.1f} to {row.high:.1%}; "
            f"{format_amount(row.all_tokens)} tokens a question. Best in {candidate.share:.0%} of "
            "the resamples."
        )
        rows.append(
            Dot(
                each.title, each.detail, each.strategy, row.accuracy, row.low, row.high,
                format_percent(row.accuracy), tip, place == 0,
            )
        )  # fmt: skip
    explanation = (
        f"Chosen on one half of the bin's {cell.questions} questions, measured on the other, both "
        "ways: "
        f"<b>{cell.accuracy:.1%}</b> {format_interval(cell.low, cell.high, '{:.1%}'.format)}, the "
        "dashed line. The rows "
        "show all questions of the bin, so the best of them flatters itself."
    )
    return f'{dot_plot(rows, format_percent, cell.accuracy)}<p class="reading">{explanation}</p>'


# --- what it wins ---------------------------------------------------------------------------------


def compute_savings(ratios: pd.DataFrame, budget: int) -> str:
    """How much less compute than best-of-N, at each budget; that at ``budget`` large."""
    rows = {int(row.budget): row for row in ratios.itertuples()}
    chosen = rows.get(budget) or rows[max(rows)]
    figure, note = describe_ratio(chosen.ratio, chosen.low, chosen.high)
    others = "".join(
        f"<tr class='{'chosen' if row is chosen else ''}'><th scope='row'>N = {at}</th>"
        f"<td>{describe_ratio(row.ratio, row.low, row.high)[0]}</td><td>{format_percent(row.accuracy)}</td></tr>"
        for at, row in rows.items()
    )
    heads = f"<tr><th></th><td>{glossary_term('needs', 'budget ratio')}</td><td>right</td></tr>"
    return (
        f"<h3>{glossary_term('Same accuracy as best-of-N', 'budget ratio')}</h3><p "
        f'class="figure">{figure}</p>'
        f'<p class="note">{note} at N = {int(chosen.budget)}</p><table '
        f'class="ratios">{heads}{others}</table>'
        + legend([("policy", "auto"), (choice_variant(BASELINE).name, BASELINE.strategy)])
    )


def describe_ratio(ratio: float, low: float, high: float) -> tuple[str, str]:
    """The ratio and its interval in words.

    >>> describe_ratio(2.13, 1.3, 3.04)
    ('2.1× less', '[1.3, 3.0]')
    >>> describe_ratio(0.5, 0.25, math.inf)
    ('2.0× more', 'ratio 0.50 [0.25, never]')
    >>> describe_ratio(math.inf, 1.2, math.inf)
    ('not reached', 'best-of-N stays below [1.2, never]')
    """
    digits = 2 if ratio < 1 else 1
    reach = f"[{_format_ratio(low, digits)}, {_format_ratio(high, digits)}]"
    if math.isinf(ratio):
        return "not reached", f"best-of-N stays below {reach}"
    if ratio < 1:
        return f"{1 / ratio:.1f}× more", f"ratio {ratio:.2f} {reach}"
    return f"{ratio:.1f}× less", reach


def _format_ratio(ratio: float, digits: int) -> str:
    return f"{ratio:.{digits}f}" if math.isfinite(ratio) else "never"


def policy_curves_figure(
    table: pd.DataFrame, line: str, cost_column: str, narrow: bool
) -> plotly_figures.Figure:
    """Accuracy against compute of a policy, of best-of-N and, thin, of every static strategy.
    ``table`` as in ``cross_fitting.PolicyCurves``."""
    static = table["line"] == "static"
    shown = table[static | (table["line"] == line)]
    arms = [
        StrategyVariant(row.strategy, row.settings).name
        if row.line == "static"
        else LINE_LABELS[line]
        for row in shown.itertuples()
    ]
    tones = [row.strategy if row.line == "static" else "auto" for row in shown.itertuples()]
    named = shown.assign(arm=arms, tone=tones, panel="", x=shown[cost_column].astype(float))
    named = named.astype({"budget": int})
    baseline = choice_variant(BASELINE).name
    main = named["arm"].isin([LINE_LABELS[line], baseline])
    named = pd.concat([named[main], named[~main]])
    thin_arms = set(named["arm"]) - {LINE_LABELS[line], baseline}
    drawn = plotly_figures.accuracy_curves(named, cost_column, narrow=narrow, thin_arms=thin_arms)
    if (
        cost_column == "budget"
    ):  # where the probe is paid, the policy's own points stand between these
        budgets = sorted(set(table["budget"][static]))
        ticks = {"tickvals": budgets, "ticktext": [f"{budget:.0f}" for budget in budgets]}
        drawn["layout"]["xaxis"] |= ticks
    return drawn


def regret_plot(table: pd.DataFrame) -> str:
    """What the choice costs against hindsight, by budget."""
    rows = [
        Dot(
            f"N = {row.budget}", "", "", 100 * row.regret, 100 * row.low, 100 * row.high,
            f"{100 * row.regret:.1f}",
            f"{100 * row.regret:.1f} points [{100 * row.low:.1f}, {100 * row.high:.1f}]",
        )
        for row in table.itertuples()
    ]  # fmt: skip
    return f"<h3>{glossary_term('Regret, in points', 'regret')}</h3>{dot_plot(rows, '{:.0f}'.format, 0.0)}"


# --- sharing a budget -----------------------------------------------------------------------------


def allocation_view(shared: pd.Series, who: pd.DataFrame) -> str:
    """Who gets how much of a shared budget, and what that wins. ``shared``: a row of
    ``allocation.shared_budget_gain``; ``who``: rows of ``allocation.shared_budget_allocation``."""
    budget = int(shared.budget)
    mean = who.groupby("bin")["samples"].agg(["mean", "min", "max", "size"])
    most = max(budget, mean["mean"].max())
    rows = "".join(
        '<li tabindex="0" '
        f'data-tip="{escape_html(_allocation_tip(bin, row))}"><span>{QUINTILE_LABELS[bin]}</span>'
        f'<span class="track"><i style="width:{100 * row["mean"] / most:.1f}%"></i>'
        '<i class="mark" '
        f'style="left:{100 * budget / most:.1f}%"></i></span><b>{row["mean"]:.1f}</b></li>'
        for bin, row in mean.iterrows()
    )
    gain = (
        f"{format_points(shared.gain)} points "
        f"{format_interval(shared.low, shared.high, format_points)}"
    )
    spent = (
        ""
        if shared.spent > budget - 0.05
        else f" It spends {shared.spent:.1f} of {budget} samples."
    )
    return (
        f'<div class="pair"><div><p class="figure">{gain.split(" [")[0]}</p>'
        f'<p class="note">{format_interval(shared.low, shared.high, format_points)} against '
        "everybody alike</p></div>"
        f'<p class="reading">Shared by predicted gain {shared.shared:.1%} right, {budget} samples '
        "each "
        f"{shared.even:.1%}.{spent}</p></div>"
        f"<h3>{glossary_term('Samples a question, by predicted difficulty', 'marginal gain')}</h3>"
        f'<ol class="given">{rows}</ol>'
    )


def _allocation_tip(bin: int, row: pd.Series) -> str:
    few, many = int(row["min"]), int(row["max"])
    reach = f"{few}" if few == many else f"{few} to {many}"
    asked = count_noun(int(row["size"]), "question")
    return f"Bin {bin}: {reach} samples each, {asked}. The line: everybody alike."


# --- learning -------------------------------------------------------------------------------------


def posterior_plot(
    cell: PolicyCell, learnt: Sequence[tuple[int, int]], reach: Sequence[tuple[float, float, float]]
) -> str:
    """The best posteriors of a cell's candidates: ``learnt`` (right, asked), ``reach`` (mean, low,
    high)."""
    rows = []
    known = sorted(zip(cell.candidates, learnt, reach, strict=True), key=lambda each: -each[2][0])
    for candidate, (right, asked), (mean, low, high) in known[:MAX_POSTERIORS]:
        each = choice_variant(candidate.choice)
        seen = f"{right} of {asked} right since" if asked else "no outcome yet"
        tip = (
            f"{mean:.1%} [{low:.1%}, {high:.1%}]: {candidate.prior:.1%} by the sweep, counted as "
            f"{PRIOR_STRENGTH:.0f} outcomes; {seen}."
        )
        rows.append(
            Dot(
                each.title,
                each.detail,
                each.strategy,
                mean,
                low,
                high,
                format_percent(mean),
                tip,
                not rows,
            )
        )
    return dot_plot(rows, format_percent)


def learning_curves(table: pd.DataFrame, narrow: bool) -> plotly_figures.Figure:
    """Regret over time of the learners in ``table`` (``bandit_outcomes.replay_regret``)."""
    last = int(table["round"].max())
    data, notes = [], []
    ends = []
    for place, (name, (shown, tone)) in enumerate(LEARNERS.items()):
        rows = table[table["learner"] == name]
        x, y, low, high = (rows[column].tolist() for column in ("round", "regret", "low", "high"))
        text = [
            f"<b>{shown}</b><br>after {at} questions<br>{lost:.1f} right answers lost "
            f"({down:.1f}–{up:.1f})"
            for at, lost, down, up in zip(x, y, low, high, strict=True)
        ]
        if name in ("static", "mean"):
            data.insert(0, plotly_figures.band_trace(x, low, high, tone, f"band {place}"))
        data.append(
            plotly_figures.line_trace(
                x, y, tone, f"line {place}", text=text, hovertemplate="%{text}<extra></extra>",
                customdata=rows[["low", "high"]].values.tolist(),
            ) | {"name": shown}
        )  # fmt: skip
        ends.append((shown, y[-1]))
    floor, ceiling = 0.0, max(float(table["regret"].max()) * 1.15, 1.0)
    height = (ceiling - floor) * plotly_figures.LABEL_HEIGHT / 200
    places = plotly_figures.spread_labels([end for _, end in ends], height, floor, ceiling)
    if not narrow:
        notes = [
            plotly_figures.annotation(shown, 1, y, yref="y", xshift=8)
            for (shown, _), y in zip(ends, places, strict=True)
        ]
    room = (
        16
        if narrow
        else 14 + plotly_figures.LABEL_CHARACTER_WIDTH * max(len(shown) for shown, _ in ends)
    )
    return plotly_figures.make_figure(
        data,
        xaxis=plotly_figures.make_axis("Questions asked", range=[1, last], nticks=6),
        yaxis=plotly_figures.make_axis(
            "Right answers lost", range=[min(0.0, float(np.floor(floor))), ceiling], nticks=5
        ),
        annotations=notes,
        margin={"l": 54, "r": room, "t": 10, "b": 48},
        showlegend=False,
    )
