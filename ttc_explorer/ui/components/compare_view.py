"""A comparison -> HTML: the trees side by side and the table below. Pure; foreign text is
escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ttc_explorer.search.run import Run
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.search.voting import winning_vote
from ttc_explorer.ui.components.result_panels import count_noun, format_amount, glossary_term
from ttc_explorer.ui.components.small_tree import small_tree
from ttc_explorer.ui.components.strategy_comparison import (
    ComparedStrategy,
    ComparisonLane,
    ComparisonRow,
    comparison_row,
)
from ttc_explorer.ui.math_typesetting import escape_html, typeset_math
from ttc_explorer.ui.strategy_colours import colour_style

BUDGET_TOO_SMALL = "Even one sample costs more than this budget."

_CORRECTNESS_MARKS = {True: '<b class="right">✓</b>', False: '<b class="wrong">✗</b>', None: ""}
_STOP_LABELS = {"budget": "most steps", "cancelled": "stopped", "deadline": "time was up"}


def swatch(strategy: str) -> str:
    """A stroke in the strategy's colour and dash."""
    light, dark, dash = colour_style(strategy)
    pattern = " ".join(str(2.5 * float(length)) for length in dash.split())
    return (
        '<svg class="swatch" viewBox="0 0 26 10" aria-hidden="true" '
        f'style="--light:{light};--dark:{dark}">'
        f'<path d="M1 5h24" stroke-dasharray="{pattern}"/></svg>'
    )


def comparison_preview(entries: Sequence[ComparedStrategy]) -> str:
    """What will be compared, before anything has run."""
    return _grid(
        _lane(
            entry,
            "ready",
            "",
            f'<p class="about">{escape_html(STRATEGIES[entry.strategy].summary)}</p>',
            "",
        )
        for entry in entries
    )


def lanes_grid(all_lanes: Sequence[ComparisonLane], selector: str) -> str:
    """The small trees as they stand, each with its answer."""
    return _grid(_lane(lane.entry, *_lane_parts(lane, selector)) for lane in all_lanes)


def _grid(articles: Iterable[str]) -> str:
    each = list(articles)
    return f'<div class="lanes" data-count="{len(each)}">{"".join(each)}</div>'


def _lane(entry: ComparedStrategy, state: str, samples: str, picture: str, foot: str) -> str:
    name = f"{escape_html(entry.title)} <span>{escape_html(entry.detail)}</span>"
    return (
        f'<article class="lane" data-state="{state}" '
        f'aria-label="{escape_html(entry.name)}"><header>'
        f'{swatch(entry.strategy)}<h3>{name}</h3><span class="samples">{samples}</span></header>'
        f'<div class="picture">{picture}</div><footer>{foot}</footer></article>'
    )


def _lane_parts(lane: ComparisonLane, selector: str) -> tuple[str, str, str, str]:
    """State, N, picture and foot of a lane."""
    run = lane.run
    if run is None:
        return "none", "", f'<p class="about">{BUDGET_TOO_SMALL}</p>', ""
    vote = winning_vote(run.tree, selector, run.settings.aggregate)
    picture = small_tree(run, run.tree.path(vote.leaf) if vote else ())
    trying = "trying " if not lane.settled and lane.tokens < float("inf") else ""
    finished = sum(1 for _ in run.tree.leaves())
    answer, votes = "–", count_noun(finished, "solution")
    if vote:
        answer = f"{typeset_math(vote.answer)} {_CORRECTNESS_MARKS[run.correct.get(vote.answer)]}"
        votes = f"{vote.count} of {votes}"
    foot = f'<p class="answer">{answer}</p><p class="note">{votes}{_ending_note(lane, run)}</p>'
    state = "running" if not lane.settled else str(run.stopped)
    return state, f"{trying}N = {run.budget}", picture, foot


def _ending_note(lane: ComparisonLane, run: Run) -> str:
    """What is unusual about its end; what the run, or its error, says about it is one hover
    away."""
    if run.error:
        return (
            ' · <span class="term wrong" tabindex="0" '
            f'data-tip="{escape_html(run.error)}">failed</span>'
        )
    ending = _STOP_LABELS.get(run.stopped or "", "") if lane.settled else ""
    if run.tree.notes:
        note = (
            '<span class="term" tabindex="0" '
            f'data-tip="{escape_html(run.tree.notes[-1].text)}">why</span>'
        )
        return f" · {ending} {note}" if ending else f" · {note}"
    return f" · {ending}" if ending else ""


# --- the table ------------------------------------------------------------------------------------

_COLUMNS = (
    ("Strategy", None),
    ("N", "budget"),
    ("Answer", "answer"),
    ("Solutions", "solutions"),
    ("Tokens", "tokens processed"),
    ("written", "tokens written"),
    ("judged", "tokens judged"),
    ("FLOP", "FLOP"),
    ("Passes", "passes"),
    ("Time", "time together"),
)


def comparison_table(all_lanes: Sequence[ComparisonLane], selector: str) -> str:
    """One row a strategy, with its figures; the bar shows its tokens against the budget, or the
    largest."""
    rows = [comparison_row(lane, selector) for lane in all_lanes]
    most = max((each.tokens or 0 for each in rows), default=0)
    limit = min((lane.tokens for lane in all_lanes), default=0)
    bar_maximum = limit if limit < float("inf") else most
    heads = "".join(
        f"<th scope='col'>{glossary_term(shown, name) if name else shown}</th>"
        for shown, name in _COLUMNS
    )
    body = "".join(
        f'<tr><th scope="row">{swatch(lane.entry.strategy)}{escape_html(each.strategy)} '
        f"<span>{escape_html(each.setting)}</span></th>{_value_cells(each, bar_maximum)}</tr>"
        for lane, each in zip(all_lanes, rows, strict=True)
    )
    return f'<table class="figures"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def _value_cells(figures: ComparisonRow, bar_maximum: float) -> str:
    if figures.samples is None:
        return f'<td colspan="{len(_COLUMNS) - 1}" class="none">{BUDGET_TOO_SMALL}</td>'
    share = min(100.0, 100 * figures.tokens / bar_maximum) if bar_maximum else 0
    answer = (
        "–"
        if figures.answer is None
        else f"{typeset_math(figures.answer)} {_CORRECTNESS_MARKS[figures.right]}"
    )
    cells = (
        str(figures.samples),
        f'<span class="answer">{answer}</span>',
        str(figures.solutions),
        f'<span class="bar"><i style="width:{share:.1f}%"></i></span>{figures.tokens:,}',
        f"{figures.generated_tokens:,}",
        f"{figures.verifier_tokens:,}",
        format_amount(figures.flops),
        format_amount(figures.sequential_depth),
        f"{figures.seconds:.1f} s",
    )
    return "".join(f"<td>{cell}</td>" for cell in cells)
