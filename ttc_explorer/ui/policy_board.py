"""The compute-optimal policy -> HTML and figures: its table, the evidence behind it, what it wins. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from ttc_explorer.experiments.choosing import BASELINE, Cell
from ttc_explorer.experiments.difficulty import BINS
from ttc_explorer.experiments.outcomes import PRIOR
from ttc_explorer.models.protocol import Choice
from ttc_explorer.search.strategies import STRATEGIES
from ttc_explorer.ui import figures
from ttc_explorer.ui.arms import Arm
from ttc_explorer.ui.board import swatch
from ttc_explorer.ui.dots import Dot, dots
from ttc_explorer.ui.panels import amount, counted, term
from ttc_explorer.ui.typeset import escaped

FIFTHS = {1: "1 easiest", 2: "2", 3: "3", 4: "4", 5: "5 hardest"}
SHORT = {
    "beam": "Beam",
    "lookahead": "Lookahead",
    "particles": "Particles",
    "mcts": "MCTS",
    "revise": "Revise",
    "hybrid": "Hybrid",
    "adaptive": "Adaptive",
}
"""Titles of strategies where room is short; others are short enough."""
LINES = {
    "predicted": "policy, difficulty predicted",
    "charged": "policy, predicted, probe paid",
    "oracle": "policy, difficulty measured",
}
"""Lines of ``choosing.lines`` as they are called on screen."""
LEARNERS = {
    "static": ("the table as it is", "auto"),
    "mean": ("learning, best mean", "best_of_n"),
    "thompson": ("learning, Thompson", "dvts"),
    "cold": ("learning from nothing", "beam"),
}
"""Learners of ``outcomes.replay``: name on screen, tone."""
MOST_BELIEFS = 6
"""Candidates whose posteriors are shown."""


def arm(choice: Choice) -> Arm:
    """A choice as other pages name it."""
    return Arm(choice.strategy, json.dumps(dict(choice.settings)))


def short(choice: Choice) -> str:
    """
    >>> short(Choice("beam", (("width", 0),)))
    'Beam'
    """
    return SHORT.get(choice.strategy, STRATEGIES[choice.strategy].title)


def key(lines: Iterable[tuple[str, str]]) -> str:
    """What lines stand for (name, tone), for narrow screens, where their ends have no names."""
    said = "".join(f"<span>{swatch(tone)} {escaped(name)}</span>" for name, tone in lines)
    return f'<p class="note key">{said}</p>'


def percent(share: float) -> str:
    """
    >>> percent(0.8249)
    '82%'
    """
    return f"{share:.0%}"


def points(difference: float) -> str:
    """A difference of accuracies in points.

    >>> points(0.0213), points(-0.1)
    ('+2.1', '−10.0')
    """
    return f"{100 * difference:+z.1f}".replace("-", "−")


def span(low: float, high: float, written: Callable[[float], str]) -> str:
    """An interval in brackets."""
    return f"[{written(low)}, {written(high)}]"


# --- the table ------------------------------------------------------------------------------------------


def heat(cells: Sequence[Cell], picked: tuple[int, int]) -> str:
    """The table: a row a bin, a column a budget, and in each cell the choice and its accuracy."""
    budgets = sorted({cell.budget for cell in cells})
    at = {(cell.bin, cell.budget): cell for cell in cells}
    heads = "".join(f'<span class="head">{term(f"N = {budget}", "budget")}</span>' for budget in budgets)
    rows = "".join(
        f'<span class="side">{FIFTHS[bin]}</span>'
        + "".join(_cell(at[bin, budget], (bin, budget) == picked) for budget in budgets)
        for bin in range(1, BINS + 1)
    )
    corner = f'<span class="corner">{term("Difficulty", "difficulty")}</span>'
    return f'<div class="heat" style="--columns:{len(budgets)}">{corner}{heads}{rows}</div>'


def _cell(cell: Cell, pressed: bool) -> str:
    best, detail = cell.candidates[0], arm(cell.choice).detail
    tip = (
        f"{arm(cell.choice).name}: {cell.accuracy:.1%} right, {100 * cell.low:.1f} to {cell.high:.1%}, on "
        f"{cell.questions} questions that had no say. Best here in {best.share:.0%} of the resamples. Press "
        "to see what it was chosen from."
    )
    return (
        f'<button type="button" class="cell" data-bin="{cell.bin}" data-budget="{cell.budget}" '
        f'aria-pressed="{str(pressed).lower()}" data-tip="{escaped(tip)}" '
        f'style="--share:{100 * cell.accuracy:.0f}%"><span class="what">{swatch(cell.choice.strategy)}'
        f"{escaped(short(cell.choice))} <small>{escaped(detail)}</small></span>"
        f"<b>{percent(cell.accuracy)}</b>"
        f'<small class="span">{100 * cell.low:.0f}–{100 * cell.high:.0f}</small>'
        "</button>"
    )


# --- the evidence behind a cell -------------------------------------------------------------------------


def evidence(cell: Cell, measured: pd.DataFrame) -> str:
    """All arms of a cell with their intervals, best first. ``measured``: rows of ``points.points`` for the
    bin and budget (strategy, settings, accuracy, low, high, all_tokens)."""
    rows = []
    known = {(row.strategy, row.settings): row for row in measured.itertuples()}
    for place, candidate in enumerate(cell.candidates):
        each = arm(candidate.choice)
        row = known[each.strategy, each.settings]
        tip = (
            f"{row.accuracy:.1%} right, {100 * row.low:.1f} to {row.high:.1%}; "
            f"{amount(row.all_tokens)} tokens a question. Best in {candidate.share:.0%} of the resamples."
        )
        rows.append(
            Dot(
                each.title, each.detail, each.strategy, row.accuracy, row.low, row.high,
                percent(row.accuracy), tip, place == 0,
            )
        )  # fmt: skip
    said = (
        f"Chosen on one half of the bin's {cell.questions} questions, measured on the other, both ways: "
        f"<b>{cell.accuracy:.1%}</b> {span(cell.low, cell.high, '{:.1%}'.format)}, the dashed line. The rows "
        "show all questions of the bin, so the best of them flatters itself."
    )
    return f'{dots(rows, percent, cell.accuracy)}<p class="reading">{said}</p>'


# --- what it wins ---------------------------------------------------------------------------------------


def headline(ratios: pd.DataFrame, budget: int) -> str:
    """How much less compute than best-of-N, at each budget; that at ``budget`` large."""
    rows = {int(row.budget): row for row in ratios.itertuples()}
    chosen = rows.get(budget) or rows[max(rows)]
    figure, note = factor(chosen.ratio, chosen.low, chosen.high)
    others = "".join(
        f"<tr class='{'chosen' if row is chosen else ''}'><th scope='row'>N = {at}</th>"
        f"<td>{factor(row.ratio, row.low, row.high)[0]}</td><td>{percent(row.accuracy)}</td></tr>"
        for at, row in rows.items()
    )
    heads = f"<tr><th></th><td>{term('needs', 'budget ratio')}</td><td>right</td></tr>"
    return (
        f'<h3>{term("Same accuracy as best-of-N", "budget ratio")}</h3><p class="figure">{figure}</p>'
        f'<p class="note">{note} at N = {int(chosen.budget)}</p><table class="ratios">{heads}{others}</table>'
        + key([("policy", "auto"), (arm(BASELINE).name, BASELINE.strategy)])
    )


def factor(ratio: float, low: float, high: float) -> tuple[str, str]:
    """The ratio and its interval in words.

    >>> factor(2.13, 1.3, 3.04)
    ('2.1× less', '[1.3, 3.0]')
    >>> factor(0.5, 0.25, math.inf)
    ('2.0× more', 'ratio 0.50 [0.25, never]')
    >>> factor(math.inf, 1.2, math.inf)
    ('not reached', 'best-of-N stays below [1.2, never]')
    """
    digits = 2 if ratio < 1 else 1
    reach = f"[{_ratio(low, digits)}, {_ratio(high, digits)}]"
    if math.isinf(ratio):
        return "not reached", f"best-of-N stays below {reach}"
    if ratio < 1:
        return f"{1 / ratio:.1f}× more", f"ratio {ratio:.2f} {reach}"
    return f"{ratio:.1f}× less", reach


def _ratio(ratio: float, digits: int) -> str:
    return f"{ratio:.{digits}f}" if math.isfinite(ratio) else "never"


def won(table: pd.DataFrame, line: str, across: str, narrow: bool) -> figures.Figure:
    """Accuracy against compute of a policy, of best-of-N and, thin, of every static strategy. ``table`` as
    in ``choosing.Lines``."""
    static = table["line"] == "static"
    shown = table[static | (table["line"] == line)]
    arms = [
        Arm(row.strategy, row.settings).name if row.line == "static" else LINES[line]
        for row in shown.itertuples()
    ]
    tones = [row.strategy if row.line == "static" else "auto" for row in shown.itertuples()]
    named = shown.assign(arm=arms, tone=tones, panel="", x=shown[across].astype(float))
    named = named.astype({"budget": int})
    baseline = arm(BASELINE).name
    main = named["arm"].isin([LINES[line], baseline])
    named = pd.concat([named[main], named[~main]])
    quiet = set(named["arm"]) - {LINES[line], baseline}
    drawn = figures.curves(named, across, narrow=narrow, quiet=quiet)
    if across == "budget":  # where the probe is paid, the policy's own points stand between these
        budgets = sorted(set(table["budget"][static]))
        ticks = {"tickvals": budgets, "ticktext": [f"{budget:.0f}" for budget in budgets]}
        drawn["layout"]["xaxis"] |= ticks
    return drawn


def regrets(table: pd.DataFrame) -> str:
    """What the choice costs against hindsight, by budget."""
    rows = [
        Dot(
            f"N = {row.budget}", "", "", 100 * row.regret, 100 * row.low, 100 * row.high,
            f"{100 * row.regret:.1f}",
            f"{100 * row.regret:.1f} points [{100 * row.low:.1f}, {100 * row.high:.1f}]",
        )
        for row in table.itertuples()
    ]  # fmt: skip
    return f"<h3>{term('Regret, in points', 'regret')}</h3>{dots(rows, '{:.0f}'.format, 0.0)}"


# --- sharing a budget -----------------------------------------------------------------------------------


def sharing(shared: pd.Series, who: pd.DataFrame) -> str:
    """Who gets how much of a shared budget, and what that wins. ``shared``: a row of ``allocation.shared``;
    ``who``: rows of ``allocation.shares``."""
    budget = int(shared.budget)
    mean = who.groupby("bin")["samples"].agg(["mean", "min", "max", "size"])
    most = max(budget, mean["mean"].max())
    rows = "".join(
        f'<li tabindex="0" data-tip="{escaped(_given(bin, row))}"><span>{FIFTHS[bin]}</span>'
        f'<span class="track"><i style="width:{100 * row["mean"] / most:.1f}%"></i>'
        f'<i class="mark" style="left:{100 * budget / most:.1f}%"></i></span><b>{row["mean"]:.1f}</b></li>'
        for bin, row in mean.iterrows()
    )
    gain = f"{points(shared.gain)} points {span(shared.low, shared.high, points)}"
    spent = "" if shared.spent > budget - 0.05 else f" It spends {shared.spent:.1f} of {budget} samples."
    return (
        f'<div class="pair"><div><p class="figure">{gain.split(" [")[0]}</p>'
        f'<p class="note">{span(shared.low, shared.high, points)} against everybody alike</p></div>'
        f'<p class="reading">Shared by predicted gain {shared.shared:.1%} right, {budget} samples each '
        f"{shared.even:.1%}.{spent}</p></div>"
        f"<h3>{term('Samples a question, by predicted difficulty', 'marginal gain')}</h3>"
        f'<ol class="given">{rows}</ol>'
    )


def _given(bin: int, row: pd.Series) -> str:
    few, many = int(row["min"]), int(row["max"])
    reach = f"{few}" if few == many else f"{few} to {many}"
    asked = counted(int(row["size"]), "question")
    return f"Bin {bin}: {reach} samples each, {asked}. The line: everybody alike."


# --- learning -------------------------------------------------------------------------------------------


def beliefs(
    cell: Cell, learnt: Sequence[tuple[int, int]], reach: Sequence[tuple[float, float, float]]
) -> str:
    """The best posteriors of a cell's candidates: ``learnt`` (right, asked), ``reach`` (mean, low, high)."""
    rows = []
    known = sorted(zip(cell.candidates, learnt, reach, strict=True), key=lambda each: -each[2][0])
    for candidate, (right, asked), (mean, low, high) in known[:MOST_BELIEFS]:
        each = arm(candidate.choice)
        seen = f"{right} of {asked} right since" if asked else "no outcome yet"
        tip = (
            f"{mean:.1%} [{low:.1%}, {high:.1%}]: {candidate.prior:.1%} by the sweep, counted as "
            f"{PRIOR:.0f} outcomes; {seen}."
        )
        rows.append(
            Dot(each.title, each.detail, each.strategy, mean, low, high, percent(mean), tip, not rows)
        )
    return dots(rows, percent)


def learning(table: pd.DataFrame, narrow: bool) -> figures.Figure:
    """Regret over time of the learners in ``table`` (``outcomes.replay``)."""
    last = int(table["round"].max())
    data, notes = [], []
    ends = []
    for place, (name, (shown, tone)) in enumerate(LEARNERS.items()):
        rows = table[table["learner"] == name]
        x, y, low, high = (rows[column].tolist() for column in ("round", "regret", "low", "high"))
        text = [
            f"<b>{shown}</b><br>after {at} questions<br>{lost:.1f} right answers lost ({down:.1f}–{up:.1f})"
            for at, lost, down, up in zip(x, y, low, high, strict=True)
        ]
        if name in ("static", "mean"):
            data.insert(0, figures.band(x, low, high, tone, f"band {place}"))
        data.append(
            figures.line(
                x, y, tone, f"line {place}", text=text, hovertemplate="%{text}<extra></extra>",
                customdata=rows[["low", "high"]].values.tolist(),
            ) | {"name": shown}
        )  # fmt: skip
        ends.append((shown, y[-1]))
    floor, ceiling = 0.0, max(float(table["regret"].max()) * 1.15, 1.0)
    height = (ceiling - floor) * figures.ROW / 200
    places = figures.spread([end for _, end in ends], height, floor, ceiling)
    if not narrow:
        notes = [
            figures.note(shown, 1, y, yref="y", xshift=8) for (shown, _), y in zip(ends, places, strict=True)
        ]
    room = 16 if narrow else 14 + figures.LETTER * max(len(shown) for shown, _ in ends)
    return figures.figure(
        data,
        xaxis=figures.axis("Questions asked", range=[1, last], nticks=6),
        yaxis=figures.axis("Right answers lost", range=[min(0.0, float(np.floor(floor))), ceiling], nticks=5),
        annotations=notes,
        margin={"l": 54, "r": room, "t": 10, "b": 48},
        showlegend=False,
    )
