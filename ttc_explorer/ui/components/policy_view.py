"""The compute-optimal policy -> HTML and figures: its table, the evidence behind it, what it wins.
Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd
from markupsafe import Markup

from ttc_explorer.experiments.bandit_outcomes import PRIOR_STRENGTH
from ttc_explorer.experiments.cross_fitting import BASELINE, PolicyCell
from ttc_explorer.experiments.difficulty import BINS
from ttc_explorer.models.protocol import StrategyChoice
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.ui.components.accuracy_curves import accuracy_curves
from ttc_explorer.ui.components.dot_plot import Dot, dot_plot
from ttc_explorer.ui.components.line_chart import ChartAxis, line_chart
from ttc_explorer.ui.components.plotly_figures import LABEL_HEIGHT, Figure
from ttc_explorer.ui.html_templates import render
from ttc_explorer.ui.number_format import count_noun, format_amount, format_percent
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
    "static": ("the table as it is", "series-ink"),
    "mean": ("learning, best mean", "series-blue"),
    "thompson": ("learning, Thompson", "series-green"),
    "cold": ("learning from nothing", "series-vermilion"),
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


class TableCell(NamedTuple):
    """A cell of the table: its place, whether it is ``pressed``, the choice, how often that was
    right (95 %), and what pointing at it says; ``tied`` if others do as well, and the cheapest of
    them is shown."""

    bin: int
    budget: int
    pressed: bool
    strategy: str
    title: str
    detail: str
    accuracy: float
    low: float
    high: float
    tip: str
    tied: bool


def policy_table(
    cells: Sequence[PolicyCell],
    picked: tuple[int, int],
    ties: Mapping[tuple[int, int], Sequence[StrategyChoice]],
) -> Markup:
    """The table: a row a bin, a column a budget, and in each cell the choice and its accuracy.

    Args:
        cells: all of them.
        picked: bin and budget of the cell that is pressed.
        ties: by bin and budget, the arms that are not shown to be worse than the best, the cheapest
            first (``cross_fitting.tied_arms``).
    """
    budgets = sorted({cell.budget for cell in cells})
    at = {
        (cell.bin, cell.budget): _table_cell(cell, picked, ties[cell.bin, cell.budget])
        for cell in cells
    }
    rows = [
        (QUINTILE_LABELS[number], [at[number, budget] for budget in budgets])
        for number in range(1, BINS + 1)
    ]
    return render("policy_table.html", budgets=budgets, rows=rows)


def _table_cell(
    cell: PolicyCell, picked: tuple[int, int], tied: Sequence[StrategyChoice]
) -> TableCell:
    chosen = choice_variant(cell.choice)
    is_tied = len(tied) > 1
    shown = tied[0] if is_tied else cell.choice
    tip = (
        f"{chosen.name}: {cell.accuracy:.1%} right, {100 * cell.low:.1f} to {cell.high:.1%}, on "
        f"{cell.questions} questions that had no say. Best here in {cell.candidates[0].share:.0%} "
        "of the resamples. Press to see what it was chosen from."
    )
    if is_tied:
        tip = (
            f"{len(tied)} of {len(cell.candidates)} are not shown to be worse than the best. {tip}"
        )
    return TableCell(
        cell.bin, cell.budget, (cell.bin, cell.budget) == picked, shown.strategy,
        short_title(shown), choice_variant(shown).detail, cell.accuracy, cell.low, cell.high, tip,
        is_tied,
    )  # fmt: skip


# --- the evidence behind a cell -------------------------------------------------------------------


def cell_evidence(cell: PolicyCell, measured: pd.DataFrame) -> Markup:
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
    plot = dot_plot(rows, format_percent, cell.accuracy)
    return render("cell_evidence.html", plot=plot, cell=cell)


# --- what it wins ---------------------------------------------------------------------------------


class SavingsRow(NamedTuple):
    """How much less compute than best-of-N the policy needs at a budget, in words, and how often
    it is right there."""

    budget: int
    ratio: str
    accuracy: float
    chosen: bool


def compute_savings(ratios: pd.DataFrame, budget: int, finding: str) -> Markup:
    """How much less compute than best-of-N, at each budget; that at ``budget`` large.

    Args:
        ratios: rows of ``cross_fitting.compute_ratios``.
        budget: the one that is looked at; the largest if it was not measured.
        finding: what F7 says of searches alone, empty where it was not tested.
    """
    rows = {int(row.budget): row for row in ratios.itertuples()}
    at = budget if budget in rows else max(rows)
    figure, note = describe_ratio(rows[at].ratio, rows[at].low, rows[at].high)
    return render(
        "compute_savings.html",
        figure=figure,
        note=note,
        budget=at,
        finding=finding,
        rows=[
            SavingsRow(
                number, describe_ratio(row.ratio, row.low, row.high)[0], row.accuracy, number == at
            )
            for number, row in rows.items()
        ],
        lines=[("policy", "auto"), (choice_variant(BASELINE).name, BASELINE.strategy)],
    )


def describe_ratio(ratio: float, low: float, high: float) -> tuple[str, str]:
    """The ratio and its interval in words. Where the interval reaches 1, no saving is shown,
    however large the best guess.

    >>> describe_ratio(2.13, 1.3, 3.04)
    ('2.1× less', '[1.3, 3.0]')
    >>> describe_ratio(5.5, 1.0, math.inf)
    ('no saving shown', 'best guess 5.5 times [1.0, never]')
    >>> describe_ratio(0.5, 0.25, 0.9)
    ('2.0× more', 'ratio 0.50 [0.25, 0.90]')
    >>> describe_ratio(math.inf, 1.2, math.inf)
    ('at least 1.2× less', 'best-of-N stays below [1.2, never]')
    """
    digits = 2 if ratio < 1 else 1
    reach = f"[{_format_ratio(low, digits)}, {_format_ratio(high, digits)}]"
    if low > 1 and round(low, 1) > 1:
        if math.isinf(ratio):
            return f"at least {low:.1f}× less", f"best-of-N stays below {reach}"
        return f"{ratio:.1f}× less", reach
    if high < 1 and round(high, 2) < 1:
        return f"{1 / ratio:.1f}× more", f"ratio {ratio:.2f} {reach}"
    guess = "best-of-N stays below" if math.isinf(ratio) else f"best guess {ratio:.{digits}f} times"
    return "no saving shown", f"{guess} {reach}"


def _format_ratio(ratio: float, digits: int) -> str:
    return f"{ratio:.{digits}f}" if math.isfinite(ratio) else "never"


def policy_curves_figure(table: pd.DataFrame, line: str, cost_column: str, narrow: bool) -> Figure:
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
    drawn = accuracy_curves(named, cost_column, narrow=narrow, thin_arms=thin_arms)
    if (
        cost_column == "budget"
    ):  # where the probe is paid, the policy's own points stand between these
        budgets = sorted(set(table["budget"][static]))
        ticks = {"tickvals": budgets, "ticktext": [f"{budget:.0f}" for budget in budgets]}
        drawn["layout"]["xaxis"] |= ticks
    return drawn


def regret_plot(table: pd.DataFrame) -> Markup:
    """What the choice costs against hindsight, by budget."""
    rows = [
        Dot(
            f"N = {row.budget}", "", "", 100 * row.regret, 100 * row.low, 100 * row.high,
            f"{100 * row.regret:.1f}",
            f"{100 * row.regret:.1f} points [{100 * row.low:.1f}, {100 * row.high:.1f}]",
        )
        for row in table.itertuples()
    ]  # fmt: skip
    return render("regret.html", plot=dot_plot(rows, "{:.0f}".format, 0.0))


# --- sharing a budget -----------------------------------------------------------------------------


class AllocationRow(NamedTuple):
    """How many samples the questions of a bin get on average, and what pointing at it says."""

    label: str
    mean: float
    tip: str


def allocation_view(shared: pd.Series, who: pd.DataFrame, probe: int, paid: bool) -> Markup:
    """Who gets how much of a shared budget, and what that wins.

    Args:
        shared: a row of ``allocation.shared_budget_gain``.
        who: rows of ``allocation.shared_budget_allocation``.
        probe: samples a question that predicted its difficulty.
        paid: everybody alike was given them too.
    """
    budget = int(shared.budget)
    rows = []
    for number, samples in who.groupby("bin")["samples"]:
        few, many = int(samples.min()), int(samples.max())
        reach = f"{few}" if few == many else f"{few} to {many}"
        tip = (
            f"Bin {number}: {reach} samples each, {count_noun(len(samples), 'question')}. The "
            "line: everybody alike."
        )
        rows.append(AllocationRow(QUINTILE_LABELS[number], float(samples.mean()), tip))
    return render(
        "allocation.html",
        gain=format_points(shared.gain),
        interval=format_interval(shared.low, shared.high, format_points),
        shared=shared.shared,
        even=shared.even,
        budget=budget,
        probe=probe,
        paid=paid,
        unspent=None if shared.spent > budget - 0.05 else shared.spent,
        rows=rows,
        most=max(budget, *(row.mean for row in rows)),
    )


# --- learning -------------------------------------------------------------------------------------


def posterior_plot(
    cell: PolicyCell, learnt: Sequence[tuple[int, int]], reach: Sequence[tuple[float, float, float]]
) -> Markup:
    """The best posteriors of a cell's candidates: ``learnt`` (right, asked), ``reach`` (mean, low,
    high)."""
    rows: list[Dot] = []
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


def learning_curves(table: pd.DataFrame, narrow: bool) -> Figure:
    """Regret over time of the learners.

    Args:
        table: rows of ``bandit_outcomes.replay_regret``.
        narrow: for a phone: without names at the ends of the lines.
    """
    points = pd.concat(
        table[table["learner"] == learner].assign(line=shown, tone=tone)
        for learner, (shown, tone) in LEARNERS.items()
    ).rename(columns={"round": "x", "regret": "y"})
    text = [
        f"<b>{row.line}</b><br>after {row.x} questions<br>{row.y:.1f} right answers lost "
        f"({row.low:.1f}–{row.high:.1f})"
        for row in points.itertuples()
    ]
    top = max(float(points["y"].max()) * 1.15, 1.0)
    return line_chart(
        points.assign(panel="", text=text),
        ChartAxis("Questions asked", 1, float(points["x"].max()), style={"nticks": 6}),
        ChartAxis("Right answers lost", 0.0, top, style={"nticks": 5}),
        narrow=narrow,
        bands=[LEARNERS["static"][0], LEARNERS["mean"][0]],
        markers=False,
        label_height=LABEL_HEIGHT / 200,
    )


def learning_note(sentence: str) -> Markup:
    """What the lines of the learning curves stand for, and what is worth knowing."""
    return render("learning_note.html", lines=LEARNERS.values(), sentence=sentence)
