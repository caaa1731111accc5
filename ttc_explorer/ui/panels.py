"""Run -> small blocks of HTML: cards, votes, lines. Pure functions; every text from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ttc_explorer.search.ledger import Ledger
from ttc_explorer.search.run import Run
from ttc_explorer.search.selection import Vote, chosen, votes
from ttc_explorer.search.strategies import STRATEGIES
from ttc_explorer.search.tree import Fact
from ttc_explorer.ui.ratio import chains_at, described
from ttc_explorer.ui.typeset import escaped, typeset
from ttc_explorer.ui.words import TERMS

MOST_VOTES = 40
"""Rows of the votes; more answers than that are summed up in one line."""


def term(shown: str, name: str | None = None) -> str:
    """A word that explains itself when pointed at, tapped or focused."""
    explained = escaped(TERMS[name or shown])
    return f'<span class="term" tabindex="0" data-tip="{explained}">{escaped(shown)}</span>'


def amount(number: float) -> str:
    """A count in few characters.

    >>> [amount(n) for n in (812, 5201, 23_345, 1_890_000, 6.4e11)]
    ['812', '5,201', '23.3k', '1.9M', '640G']
    """
    if number < 10_000:
        return f"{number:,.0f}"
    units = iter("kMGT")
    unit = ""
    while number >= 999.5 and unit != "T":
        number, unit = number / 1000, next(units)
    return f"{number:.1f}{unit}" if number < 99.95 else f"{number:,.0f}{unit}"


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Figures, each with the word that names it."""
    rows = (f"<div><dt>{word}</dt><dd>{figure}</dd></div>" for figure, word in pairs)
    return f'<dl class="facts">{"".join(rows)}</dl>'


def counted(number: int, noun: str) -> str:
    """
    >>> counted(1, "vote"), counted(1200, "vote")
    ('1 vote', '1,200 votes')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def verdict(run: Run, answer: str) -> str:
    """Whether an answer of the run is right, as far as anybody knows."""
    right = run.correct.get(answer)
    if right is None:
        return ""
    if right:
        return '<span class="right">✓ right</span>'
    known = run.problem.answer
    return f'<span class="wrong">✗ {"it is " + typeset(known) if known else "wrong"}</span>'


# --- cards ----------------------------------------------------------------------------------------------


def cards(run: Run, selector: str, aggregate: str) -> str:
    """Answer, agreement, score and cost."""
    vote = chosen(run.tree, selector, aggregate)
    finished = sum(1 for _ in run.tree.leaves())
    return (
        f'<div class="cards">{_answer(run, vote, finished)}{_agreement(vote, finished)}{_score(vote)}'
        f"{_cost(run.ledger)}</div>"
    )


def _card(title: str, figure: str, note: str, kind: str = "", size: str = "") -> str:
    return (
        f'<section class="card {kind}"><h3>{title}</h3>'
        f'<p class="figure {size}">{figure}</p><p class="note">{note}</p></section>'
    )


def _answer(run: Run, vote: Vote | None, finished: int) -> str:
    title = term("Answer", "answer")
    if vote is None:
        return _card(title, "–", "none can be read" if finished else "none yet", "hero")
    unknown = "leads so far" if run.stopped is None else "right answer not known"
    width = len(vote.answer) + vote.answer.count(",")  # a space follows each comma
    size = "" if width <= 8 else "long" if width <= 16 else "longer"
    return _card(title, typeset(vote.answer), verdict(run, vote.answer) or unknown, "hero", size)


def _agreement(vote: Vote | None, finished: int) -> str:
    title = term("Agreement", "agreement")
    if vote is None:
        return _card(title, "–", "")
    return _card(title, f"{vote.count / finished:.0%}", f"{vote.count} of {finished}")


def _score(vote: Vote | None) -> str:
    title = term("Score", "score")
    if vote is None or vote.score is None:
        return _card(title, "–", "")
    return _card(title, f"{vote.score:.2f}", f"{term('weight')} {vote.weight:.2f}")


def _cost(ledger: Ledger) -> str:
    small = (
        (amount(ledger.verifier_tokens), term("judged", "tokens judged")),
        (amount(ledger.sequential_depth), term("passes")),
        (amount(ledger.flops), term("FLOP")),
        (f"{ledger.seconds:.1f} s", term("time")),
    )
    return (
        f'<section class="card cost"><div><h3>{term("Cost", "cost")}</h3>'
        f'<p class="figure">{amount(ledger.generated_tokens)}</p>'
        f'<p class="note">{term("tokens", "tokens written")}</p></div>{facts(small)}</section>'
    )


# --- votes ----------------------------------------------------------------------------------------------


def ballot(run: Run, selector: str, aggregate: str) -> str:
    """One row an answer: its votes by head count, by weight, and its best solution; leaders marked."""
    rows = votes(run.tree, selector, aggregate)
    if not rows:
        return '<p class="hint">Every solution that ends votes for its answer here.</p>'
    most = max(vote.count for vote in rows)
    heaviest = max(vote.weight for vote in rows)
    highest = max(vote.score or 0.0 for vote in rows)
    weight = f"Weight, of {sum(vote.weight for vote in rows):.2f}" if heaviest else "Weight"
    heads = (
        counted(len(rows), "answer"),
        term("Votes", "majority"),
        term(weight, "weighted"),
        term("Best", "best"),
    )
    body = "".join(
        f'<tr class="{"chosen" if place == 0 else ""}">'
        f'<th scope="row">{_mark(run, vote)}{typeset(vote.answer)}</th>'
        f"{_bar(vote.count, most, f'{vote.count}')}{_bar(vote.weight, heaviest, f'{vote.weight:.2f}')}"
        f"{_peak(vote, highest)}</tr>"
        for place, vote in enumerate(rows[:MOST_VOTES])
    )
    return (
        f"<table class='votes'><thead><tr>{''.join(f'<th scope=col>{head}</th>' for head in heads)}</tr>"
        f"</thead><tbody>{body}</tbody></table>{_leftover(run, rows[MOST_VOTES:])}"
    )


def _bar(part: float, whole: float, figure: str) -> str:
    leads = "leads" if part == whole > 0 else ""
    width = 100 * part / whole if whole else 0
    return f'<td><div class="bar {leads}"><i style="width:{width:.1f}%"></i></div><span>{figure}</span></td>'


def _peak(vote: Vote, highest: float) -> str:
    if vote.score is None:
        return '<td class="peak">–</td>'
    return f'<td class="peak {"leads" if vote.score == highest else ""}">{vote.score:.2f}</td>'


def _mark(run: Run, vote: Vote) -> str:
    right = run.correct.get(vote.answer)
    if right is None:
        return ""
    return '<span class="right">✓</span> ' if right else '<span class="wrong">✗</span> '


def _leftover(run: Run, others: list[Vote]) -> str:
    """What the table does not show."""
    notes = []
    if others:
        cast = counted(sum(vote.count for vote in others), "vote")
        notes.append(f"{counted(len(others), 'more answer')} with {cast}.")
    unread = sum(1 for leaf in run.tree.leaves() if run.tree.answer[leaf] is None)
    if unread:
        notes.append(f"{counted(unread, 'solution')} without a readable answer.")
    return f'<p class="hint">{" ".join(notes)}</p>' if notes else ""


# --- lines ----------------------------------------------------------------------------------------------


def about(name: str, missing: str = "") -> str:
    """What a strategy does, and the sentence on what keeps it from running here, if anything does."""
    return f'<p class="about">{escaped(STRATEGIES[name].sentence)}</p>{banner(missing, "note")}'


def split(name: str, place: int, budget: int) -> str:
    """What a place of the slider between parallel and sequential means to a strategy: only ``revise`` spends
    the whole budget on chains."""
    meant = described(place, budget) if name == "revise" else f"{chains_at(place, budget)} at a time"
    return f'<p class="heading">{term("Revise", "chains")} <span>{meant}</span></p>'


def remarks(run: Run) -> str:
    """What the run says about itself: its latest sentence, with the figures behind it one hover away."""
    if not run.tree.notes:
        return ""
    note = run.tree.notes[-1]
    figures = "; ".join(f"{key.replace('_', ' ')}: {_plain(value)}" for key, value in note.data.items())
    details = escaped("\n\n".join(filter(None, (note.text, figures))))
    return f'<p class="remark"><span tabindex="0" data-tip="{details}">{escaped(note.text)}</span></p>'


def _plain(value: Fact | Sequence[Fact]) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def standing(run: Run) -> str:
    """How the run stands, in one line."""
    ending = {
        None: "Running",
        "done": "Done",
        "budget": "Ended at the most steps",
        "cancelled": "Stopped",
        "deadline": "Ended because its time was up",
    }[run.stopped]
    return status(run.stopped or "running", f"{ending}: {STRATEGIES[run.strategy].title}, N = {run.budget}")


def status(state: str, text: str) -> str:
    """A line of status; ``state`` tells styles and tests what it is about."""
    return f'<p class="status" role="status" data-state="{state}"><i></i>{escaped(text)}</p>'


def banner(sentence: str, kind: str = "alert") -> str:
    """One sentence on what went wrong (``alert``) or is worth knowing (``note``); nothing for no sentence."""
    return f'<p class="banner {kind}" role="{kind}">{escaped(sentence)}</p>' if sentence else ""
