"""Run -> small blocks of HTML: cards, votes, lines. Pure functions; every text from outside is
escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ttc_explorer.search.ledger import Ledger
from ttc_explorer.search.run import Run
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.search.tree import NoteValue
from ttc_explorer.search.voting import Vote, ranked_votes, winning_vote
from ttc_explorer.ui.components.chain_ratio import chain_count, describe_split
from ttc_explorer.ui.components.messages import banner, glossary_term, status_line
from ttc_explorer.ui.math_typesetting import escape_html, typeset_math
from ttc_explorer.ui.number_format import count_noun, format_amount

MAX_VOTE_ROWS = 40
"""Rows of the votes; more answers than that are summed up in one line."""


def definition_list(pairs: Iterable[tuple[str, str]]) -> str:
    """A definition list of figures, each with its name."""
    rows = (f"<div><dt>{word}</dt><dd>{figure}</dd></div>" for figure, word in pairs)
    return f'<dl class="facts">{"".join(rows)}</dl>'


def correctness_label(run: Run, answer: str) -> str:
    """Whether an answer of the run is right, as far as anybody knows."""
    right = run.correct.get(answer)
    if right is None:
        return ""
    if right:
        return '<span class="right">✓ right</span>'
    known = run.problem.answer
    return f'<span class="wrong">✗ {"it is " + typeset_math(known) if known else "wrong"}</span>'


# --- cards ----------------------------------------------------------------------------------------


def summary_cards(run: Run, selector: str, aggregate: str) -> str:
    """Answer, agreement, score and cost."""
    vote = winning_vote(run.tree, selector, aggregate)
    finished = sum(1 for _ in run.tree.leaves())
    return (
        f'<div class="cards">{_answer_card(run, vote, finished)}{_agreement_card(vote, finished)}{_score_card(vote)}'
        f"{_cost_card(run.ledger)}</div>"
    )


def _card(title: str, figure: str, note: str, kind: str = "", size: str = "") -> str:
    return (
        f'<section class="card {kind}"><h3>{title}</h3>'
        f'<p class="figure {size}">{figure}</p><p class="note">{note}</p></section>'
    )


def _answer_card(run: Run, vote: Vote | None, finished: int) -> str:
    title = glossary_term("Answer", "answer")
    if vote is None:
        return _card(title, "–", "none can be read" if finished else "none yet", "hero")
    unknown = "leads so far" if run.stopped is None else "right answer not known"
    width = len(vote.answer) + vote.answer.count(",")  # a space follows each comma
    size = "" if width <= 8 else "long" if width <= 16 else "longer"
    return _card(
        title,
        typeset_math(vote.answer),
        correctness_label(run, vote.answer) or unknown,
        "hero",
        size,
    )


def _agreement_card(vote: Vote | None, finished: int) -> str:
    title = glossary_term("Agreement", "agreement")
    if vote is None:
        return _card(title, "–", "")
    return _card(title, f"{vote.count / finished:.0%}", f"{vote.count} of {finished}")


def _score_card(vote: Vote | None) -> str:
    title = glossary_term("Score", "score")
    if vote is None or vote.score is None:
        return _card(title, "–", "")
    return _card(title, f"{vote.score:.2f}", f"{glossary_term('weight')} {vote.weight:.2f}")


def _cost_card(ledger: Ledger) -> str:
    small = (
        (format_amount(ledger.verifier_tokens), glossary_term("judged", "tokens judged")),
        (format_amount(ledger.sequential_depth), glossary_term("passes")),
        (format_amount(ledger.flops), glossary_term("FLOP")),
        (f"{ledger.seconds:.1f} s", glossary_term("time")),
    )
    return (
        f'<section class="card cost"><div><h3>{glossary_term("Cost", "cost")}</h3>'
        f'<p class="figure">{format_amount(ledger.generated_tokens)}</p>'
        f'<p class="note">{glossary_term("tokens", "tokens written")}</p></div>{definition_list(small)}</section>'
    )


# --- votes ----------------------------------------------------------------------------------------


def votes_table(run: Run, selector: str, aggregate: str) -> str:
    """One row an answer: its votes by head count, by weight, and its best solution; leaders
    marked."""
    rows = ranked_votes(run.tree, selector, aggregate)
    if not rows:
        return '<p class="hint">Every solution that ends votes for its answer here.</p>'
    weight_of = {vote.answer: vote.weight for vote in ranked_votes(run.tree, "weighted", aggregate)}
    best_of = {vote.answer: vote for vote in ranked_votes(run.tree, "best", aggregate)}
    max_count = max(vote.count for vote in rows)
    max_weight = max(weight_of.values())
    highest = max(vote.score or 0.0 for vote in best_of.values())
    weight = f"Weight, of {sum(weight_of.values()):.2f}" if max_weight else "Weight"
    heads = (
        count_noun(len(rows), "answer"),
        glossary_term("Votes", "majority"),
        glossary_term(weight, "weighted"),
        glossary_term("Best", "best"),
    )
    body = "".join(
        f'<tr class="{"chosen" if place == 0 else ""}">'
        f'<th scope="row">{_correctness_mark(run, vote)}{typeset_math(vote.answer)}</th>'
        f"{_bar_cell(vote.count, max_count, f'{vote.count}')}"
        f"{_bar_cell(weight_of[vote.answer], max_weight, f'{weight_of[vote.answer]:.2f}')}"
        f"{_best_score_cell(best_of[vote.answer], highest)}</tr>"
        for place, vote in enumerate(rows[:MAX_VOTE_ROWS])
    )
    return (
        f"<table class='votes'><thead><tr>{''.join(f'<th scope=col>{head}</th>' for head in heads)}</tr>"
        f"</thead><tbody>{body}</tbody></table>{_omitted_note(run, rows[MAX_VOTE_ROWS:])}"
    )


def _bar_cell(part: float, whole: float, figure: str) -> str:
    leads = "leads" if part == whole > 0 else ""
    width = 100 * part / whole if whole else 0
    return (
        f'<td><div class="bar {leads}"><i '
        f'style="width:{width:.1f}%"></i></div><span>{figure}</span></td>'
    )


def _best_score_cell(vote: Vote, highest: float) -> str:
    if vote.score is None:
        return '<td class="peak">–</td>'
    return f'<td class="peak {"leads" if vote.score == highest else ""}">{vote.score:.2f}</td>'


def _correctness_mark(run: Run, vote: Vote) -> str:
    right = run.correct.get(vote.answer)
    if right is None:
        return ""
    return '<span class="right">✓</span> ' if right else '<span class="wrong">✗</span> '


def _omitted_note(run: Run, others: list[Vote]) -> str:
    """What the table does not show."""
    notes = []
    if others:
        cast = count_noun(sum(vote.count for vote in others), "vote")
        notes.append(f"{count_noun(len(others), 'more answer')} with {cast}.")
    unread = sum(1 for leaf in run.tree.leaves() if run.tree.answer[leaf] is None)
    if unread:
        notes.append(f"{count_noun(unread, 'solution')} without a readable answer.")
    return f'<p class="hint">{" ".join(notes)}</p>' if notes else ""


# --- lines ----------------------------------------------------------------------------------------


def strategy_description(name: str, missing: str = "") -> str:
    """What a strategy does, and the sentence on what keeps it from running here, if anything
    does."""
    return f'<p class="about">{escape_html(STRATEGIES[name].summary)}</p>{banner(missing, "note")}'


def split_label(name: str, place: int, budget: int) -> str:
    """What a place of the slider between parallel and sequential means to a strategy: only
    ``revise`` spends the whole budget on chains."""
    meant = (
        describe_split(place, budget)
        if name == "revise"
        else f"{chain_count(place, budget)} at a time"
    )
    return f'<p class="heading">{glossary_term("Revise", "chains")} <span>{meant}</span></p>'


def run_note(run: Run) -> str:
    """What the run says about itself: its latest sentence, with the figures behind it one hover
    away."""
    if not run.tree.notes:
        return ""
    note = run.tree.notes[-1]
    figures = "; ".join(
        f"{key.replace('_', ' ')}: {_format_fact(value)}" for key, value in note.data.items()
    )
    details = escape_html("\n\n".join(filter(None, (note.text, figures))))
    return (
        '<p class="remark"><span tabindex="0" '
        f'data-tip="{details}">{escape_html(note.text)}</span></p>'
    )


def _format_fact(value: NoteValue | Sequence[NoteValue]) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_format_fact, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def run_status(run: Run) -> str:
    """How the run stands, in one line."""
    ending = {
        None: "Running",
        "done": "Done",
        "budget": "Ended at the most steps",
        "cancelled": "Stopped",
        "deadline": "Ended because its time was up",
    }[run.stopped]
    return status_line(
        run.stopped or "running", f"{ending}: {STRATEGIES[run.strategy].title}, N = {run.budget}"
    )
