"""A comparison -> HTML: the trees side by side and the table below. Pure; foreign text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ttc_explorer.search.run import Run
from ttc_explorer.search.selection import chosen
from ttc_explorer.search.strategies import STRATEGIES
from ttc_explorer.ui.comparison import Entry, Lane, Row, row
from ttc_explorer.ui.palette import look
from ttc_explorer.ui.panels import amount, counted, term
from ttc_explorer.ui.small_tree import small_tree
from ttc_explorer.ui.typeset import escaped, typeset

TOO_LITTLE = "Even one sample costs more than this budget."

_MARKS = {True: '<b class="right">✓</b>', False: '<b class="wrong">✗</b>', None: ""}
_ENDINGS = {"budget": "most steps", "cancelled": "stopped", "deadline": "time was up"}


def swatch(strategy: str) -> str:
    """A stroke in the strategy's colour and dash."""
    light, dark, dash = look(strategy)
    pattern = " ".join(str(2.5 * float(length)) for length in dash.split())
    return (
        f'<svg class="swatch" viewBox="0 0 26 10" aria-hidden="true" style="--light:{light};--dark:{dark}">'
        f'<path d="M1 5h24" stroke-dasharray="{pattern}"/></svg>'
    )


def preview(entries: Sequence[Entry]) -> str:
    """What will be compared, before anything has run."""
    return _grid(
        _lane(entry, "ready", "", f'<p class="about">{escaped(STRATEGIES[entry.strategy].sentence)}</p>', "")
        for entry in entries
    )


def lanes(compared: Sequence[Lane], selector: str) -> str:
    """The small trees as they stand, each with its answer."""
    return _grid(_lane(lane.entry, *_standing(lane, selector)) for lane in compared)


def _grid(articles: Iterable[str]) -> str:
    each = list(articles)
    return f'<div class="lanes" data-count="{len(each)}">{"".join(each)}</div>'


def _lane(entry: Entry, state: str, samples: str, picture: str, foot: str) -> str:
    name = f"{escaped(entry.title)} <span>{escaped(entry.detail)}</span>"
    return (
        f'<article class="lane" data-state="{state}" aria-label="{escaped(entry.name)}"><header>'
        f'{swatch(entry.strategy)}<h3>{name}</h3><span class="samples">{samples}</span></header>'
        f'<div class="picture">{picture}</div><footer>{foot}</footer></article>'
    )


def _standing(lane: Lane, selector: str) -> tuple[str, str, str, str]:
    """State, N, picture and foot of a lane."""
    run = lane.run
    if run is None:
        return "none", "", f'<p class="about">{TOO_LITTLE}</p>', ""
    vote = chosen(run.tree, selector, run.settings.aggregate)
    picture = small_tree(run, run.tree.path(vote.leaf) if vote else ())
    trying = "trying " if not lane.settled and lane.tokens < float("inf") else ""
    finished = sum(1 for _ in run.tree.leaves())
    answer, votes = "–", counted(finished, "solution")
    if vote:
        answer = f"{typeset(vote.answer)} {_MARKS[run.correct.get(vote.answer)]}"
        votes = f"{vote.count} of {votes}"
    foot = f'<p class="answer">{answer}</p><p class="note">{votes}{_remark(lane, run)}</p>'
    state = "running" if not lane.settled else str(run.stopped)
    return state, f"{trying}N = {run.budget}", picture, foot


def _remark(lane: Lane, run: Run) -> str:
    """What is unusual about its end; what the run, or its error, says about it is one hover away."""
    if run.error:
        return f' · <span class="term wrong" tabindex="0" data-tip="{escaped(run.error)}">failed</span>'
    ending = _ENDINGS.get(run.stopped or "", "") if lane.settled else ""
    if run.tree.notes:
        note = f'<span class="term" tabindex="0" data-tip="{escaped(run.tree.notes[-1].text)}">why</span>'
        return f" · {ending} {note}" if ending else f" · {note}"
    return f" · {ending}" if ending else ""


# --- the table ------------------------------------------------------------------------------------------

_HEADS = (
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


def table(compared: Sequence[Lane], selector: str) -> str:
    """One row a strategy, with its figures; the bar shows its tokens against the budget, or the largest."""
    rows = [row(lane, selector) for lane in compared]
    most = max((each.tokens or 0 for each in rows), default=0)
    limit = min((lane.tokens for lane in compared), default=0)
    whole = limit if limit < float("inf") else most
    heads = "".join(f"<th scope='col'>{term(shown, name) if name else shown}</th>" for shown, name in _HEADS)
    body = "".join(
        f'<tr><th scope="row">{swatch(lane.entry.strategy)}{escaped(each.strategy)} '
        f"<span>{escaped(each.setting)}</span></th>{_figures(each, whole)}</tr>"
        for lane, each in zip(compared, rows, strict=True)
    )
    return f'<table class="figures"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def _figures(figures: Row, whole: float) -> str:
    if figures.samples is None:
        return f'<td colspan="{len(_HEADS) - 1}" class="none">{TOO_LITTLE}</td>'
    share = min(100.0, 100 * figures.tokens / whole) if whole else 0
    answer = "–" if figures.answer is None else f"{typeset(figures.answer)} {_MARKS[figures.right]}"
    cells = (
        str(figures.samples),
        f'<span class="answer">{answer}</span>',
        str(figures.solutions),
        f'<span class="bar"><i style="width:{share:.1f}%"></i></span>{figures.tokens:,}',
        f"{figures.generated_tokens:,}",
        f"{figures.verifier_tokens:,}",
        amount(figures.flops),
        amount(figures.sequential_depth),
        f"{figures.seconds:.1f} s",
    )
    return "".join(f"<td>{cell}</td>" for cell in cells)
