"""The revision chain: attempts in order, what became of the answer from one to the next, and which
is chosen.

``revision_chains`` is the data, ``chains_html`` the block of HTML that stands in the tree's place
when a run writes nothing but revisions. A click on an attempt fires ``pick`` as the tree does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from ttc_explorer.search.run import Run
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.search.voting import solution_weights, winning_vote
from ttc_explorer.ui.components.result_panels import count_noun, glossary_term
from ttc_explorer.ui.components.text_diff import count_new_words
from ttc_explorer.ui.math_typesetting import escape_html, typeset_math
from ttc_explorer.ui.score_colours import contrasting_text_colour, score_colour

_SCRIPT = (Path(__file__).parent / "revision_chain.js").read_text("utf-8")


class ChainAttempt(NamedTuple):
    """One attempt of a chain. ``right`` is None where the reference answer is unknown.

    ``transition`` says what became of the answer since the attempt before: ``lost`` (right to
    wrong), ``found`` (wrong to right), ``changed``, ``same``; ``first`` where there is none before.
    """

    node: int
    answer: str | None
    right: bool | None
    transition: str


def revision_chains(run: Run) -> list[list[ChainAttempt]]:
    """The chains of the run, in the order in which they began; an attempt that two continue is in
    both."""
    tree = run.tree
    revisions = [node for node in range(len(tree)) if tree.kind[node] == "revision"]
    continued = {tree.parent[node] for node in revisions}
    ends = (tree.chain(node) for node in revisions if node not in continued)
    return [chain_attempts(run, nodes) for nodes in sorted(ends)]


def chain_attempts(run: Run, nodes: list[int]) -> list[ChainAttempt]:
    """These attempts, each a revision of the one before."""
    answers = [run.tree.answer[node] for node in nodes]
    # an answer that cannot be read is wrong wherever right and wrong are known
    rights = [
        run.correct.get(answer) if answer else False if run.correct else None for answer in answers
    ]
    steps = zip(pairwise(answers), pairwise(rights), strict=True)
    transitions = [
        "first",
        *(_transition(*before_after, *verdicts) for before_after, verdicts in steps),
    ]
    return [
        ChainAttempt(*attempt) for attempt in zip(nodes, answers, rights, transitions, strict=True)
    ]


def _transition(
    before: str | None, after: str | None, was_right: bool | None, is_right: bool | None
) -> str:
    if was_right and is_right is False:
        return "lost"
    if is_right and was_right is False:
        return "found"
    return "same" if before == after else "changed"


def is_revision_only(tree: SearchTree) -> bool:
    """Whether the tree is nothing but chains, so that they say more than its picture."""
    return len(tree) > 1 and tree.kind[1] == "revision"


# --- on screen ------------------------------------------------------------------------------------

TRANSITIONS = {
    "lost": ("✓→✗", "right before, now wrong"),
    "found": ("✗→✓", "wrong before, now right"),
    "changed": ("→", "another answer than before"),
    "same": ("=", "the same answer as before"),
}
"""Turn -> its sign and its words."""


def transition_sign(transition: str) -> str:
    """The sign of a turn; none for the first attempt."""
    sign, words = TRANSITIONS.get(transition, ("", ""))
    return f'<i class="turn {transition}" title="{words}">{sign}</i>' if sign else ""


def chain_component(**kwargs: Any) -> gr.HTML:
    """The component for ``chains_html``; ``pick`` has ``event.run`` and ``event.id``, as in
    ``tree_view``."""
    return gr.HTML(**{"value": "", **kwargs}, js_on_load=_SCRIPT, apply_default_css=False)


def chains_html(run: Run, run_id: str, selector: str, aggregate: str, picked: int) -> str:
    """All chains of a run that is nothing but revisions, a row each; nothing for other runs."""
    if not is_revision_only(run.tree):
        return ""
    rows = revision_chains(run)
    vote = winning_vote(run.tree, selector, aggregate)
    longest = max(map(len, rows))
    vote_weights = (
        solution_weights(run.tree, selector, aggregate)
        if SELECTORS[selector].within_chains_first and longest > 1
        else {}
    )
    node_marks = {node: "voice" for node, weight in vote_weights.items() if weight} | (
        {vote.leaf: "chosen"} if vote else {}
    )
    body = "".join(
        _chain_row(run, place, row, node_marks, picked) for place, row in enumerate(rows, start=1)
    )
    single = " single" if longest == 1 else ""
    return (
        f'<section class="chains{single}" '
        f'data-run="{escape_html(run_id)}"><header>{_chains_summary(rows)}</header>'
        f'<ol class="rows" tabindex="0" aria-label="Chains of attempts">{body}</ol>'
        f"{_legend(bool(run.correct), bool(vote_weights))}</section>"
    )


def _chains_summary(rows: list[list[ChainAttempt]]) -> str:
    transitions = Counter(attempt.transition for row in rows for attempt in row)
    flips = [
        f"{transition_sign(transition)} {transitions[transition]}"
        for transition in ("lost", "found")
        if transitions[transition]
    ]
    size = f"{count_noun(len(rows), 'chain')} × {count_noun(max(map(len, rows)), 'attempt')}"
    about = glossary_term("How a chain works", "chain")
    return f'<p class="standing">{" · ".join([size, *flips])}</p><p class="note">{about}</p>'


def _chain_row(
    run: Run, place: int, row: list[ChainAttempt], node_marks: Mapping[int, str], picked: int
) -> str:
    cards = "".join(
        _attempt_card(
            run, place, number, attempt, node_marks.get(attempt.node, ""), attempt.node == picked
        )
        for number, attempt in enumerate(row, start=1)
    )
    return f'<li><ol class="attempts">{cards}</ol></li>'


def _attempt_card(
    run: Run, row: int, place: int, attempt: ChainAttempt, node_marks: str, is_picked: bool
) -> str:
    node, answer, right, transition = attempt
    tree, score = run.tree, run.tree.score[node]
    verdict = {None: "", True: "right", False: "wrong"}[right]
    mark = {"": "", "right": '<b class="right">✓</b>', "wrong": '<b class="wrong">✗</b>'}[verdict]
    label_parts = [
        f"Chain {row}, attempt {place}: "
        + ("no answer can be read" if answer is None else f"answer {escape_html(answer)}"),
        "not scored" if score is None else f"score {round(100 * score)}",
        verdict,
        TRANSITIONS[transition][1] if transition in ("lost", "found") else "",
        "selected" if "chosen" in node_marks else "",
        "speaks for its chain" if "voice" in node_marks else "",
    ]
    classes = " ".join(filter(None, ("attempt", verdict, node_marks)))
    return (
        f'<li data-chain="{row}">{transition_sign(transition)}<button type="button" '
        f'class="{classes}" data-node="{node}" '
        f'aria-pressed="{str(is_picked).lower()}" '
        f'aria-label="{", ".join(filter(None, label_parts))}">{_score_dot(score)}'
        f'<span class="said">{"no answer" if answer is None else typeset_math(answer)}</span>{mark}'
        f"{_difference_note(tree, node)}</button></li>"
    )


def _difference_note(tree: SearchTree, node: int) -> str:
    """How much an attempt differs from the one before, in two words; nothing for the first."""
    before = tree.parent[node]
    if before == 0:
        return ""
    words = count_new_words("\n".join(tree.solution(before)), tree.text[node])
    return f"<small>{count_noun(words, 'new word') if words else 'same words'}</small>"


def _score_dot(score: float | None) -> str:
    if score is None:
        return '<i class="dot blank"></i>'
    return (
        '<i class="dot" '
        f'style="background:{score_colour(score)};color:{contrasting_text_colour(score)}">{round(100 * score)}</i>'
    )


def _legend(known: bool, weighted: bool) -> str:
    keys = [
        'Verifier score <b>0</b><i class="scale"></i><b>100</b>',
        '<i class="chosen"></i>selected',
    ]
    if weighted:
        keys.append(f'<i class="voice"></i>{glossary_term("speaks for its chain", "voice")}')
    if known:
        keys.append(
            f"{transition_sign('lost')}{transition_sign('found')}a right answer lost, found"
        )
    return f"<footer>{''.join(f'<span class=key>{key}</span>' for key in keys)}</footer>"
