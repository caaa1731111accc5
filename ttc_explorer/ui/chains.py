"""The revision chain: attempts in order, what became of the answer from one to the next, and which is chosen.

``chains`` is the data, ``chain_view`` the block of HTML that stands in the tree's place when a run writes
nothing but revisions. A click on an attempt fires ``pick`` as the tree does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from ttc_explorer.search.run import Run
from ttc_explorer.search.selection import chosen, weights
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.ui.changes import new_words
from ttc_explorer.ui.panels import counted, term
from ttc_explorer.ui.scale import ink, shade
from ttc_explorer.ui.typeset import escaped, typeset

_SCRIPT = (Path(__file__).parent / "chains.js").read_text("utf-8")


class Attempt(NamedTuple):
    """One attempt of a chain. ``right`` is None where the reference answer is unknown.

    ``turn`` says what became of the answer since the attempt before: ``lost`` (right to wrong), ``found``
    (wrong to right), ``changed``, ``same``; ``first`` where there is none before.
    """

    node: int
    answer: str | None
    right: bool | None
    turn: str


def chains(run: Run) -> list[list[Attempt]]:
    """The chains of the run, in the order in which they began; an attempt that two continue is in both."""
    tree = run.tree
    revisions = [node for node in range(len(tree)) if tree.kind[node] == "revision"]
    continued = {tree.parent[node] for node in revisions}
    ends = (tree.chain(node) for node in revisions if node not in continued)
    return [chain(run, nodes) for nodes in sorted(ends)]


def chain(run: Run, nodes: list[int]) -> list[Attempt]:
    """These attempts, each a revision of the one before."""
    answers = [run.tree.answer[node] for node in nodes]
    # an answer that cannot be read is wrong wherever right and wrong are known
    rights = [run.correct.get(answer) if answer else False if run.correct else None for answer in answers]
    steps = zip(pairwise(answers), pairwise(rights), strict=True)
    turns = ["first", *(_turn(*before_after, *verdicts) for before_after, verdicts in steps)]
    return [Attempt(*attempt) for attempt in zip(nodes, answers, rights, turns, strict=True)]


def _turn(before: str | None, after: str | None, was_right: bool | None, is_right: bool | None) -> str:
    if was_right and is_right is False:
        return "lost"
    if is_right and was_right is False:
        return "found"
    return "same" if before == after else "changed"


def only_revisions(tree: SearchTree) -> bool:
    """Whether the tree is nothing but chains, so that they say more than its picture."""
    return len(tree) > 1 and tree.kind[1] == "revision"


# --- on screen ------------------------------------------------------------------------------------------

TURNS = {
    "lost": ("✓→✗", "right before, now wrong"),
    "found": ("✗→✓", "wrong before, now right"),
    "changed": ("→", "another answer than before"),
    "same": ("=", "the same answer as before"),
}
"""Turn -> its sign and its words."""


def turn_sign(turn: str) -> str:
    """The sign of a turn; none for the first attempt."""
    sign, words = TURNS.get(turn, ("", ""))
    return f'<i class="turn {turn}" title="{words}">{sign}</i>' if sign else ""


def chain_component(**kwargs: Any) -> gr.HTML:
    """The component for ``chain_view``; ``pick`` has ``event.run`` and ``event.id``, as in ``tree_view``."""
    return gr.HTML(**{"value": "", **kwargs}, js_on_load=_SCRIPT, apply_default_css=False)


def chain_view(run: Run, run_id: str, selector: str, aggregate: str, picked: int) -> str:
    """All chains of a run that is nothing but revisions, a row each; nothing for other runs."""
    if not only_revisions(run.tree):
        return ""
    rows = chains(run)
    vote = chosen(run.tree, selector, aggregate)
    longest = max(map(len, rows))
    voices = weights(run.tree, aggregate) if selector == "weighted" and longest > 1 else {}
    marks = {node: "voice" for node, weight in voices.items() if weight} | (
        {vote.leaf: "chosen"} if vote else {}
    )
    body = "".join(_row(run, place, row, marks, picked) for place, row in enumerate(rows, start=1))
    single = " single" if longest == 1 else ""
    return (
        f'<section class="chains{single}" data-run="{escaped(run_id)}"><header>{_summary(rows)}</header>'
        f'<ol class="rows" tabindex="0" aria-label="Chains of attempts">{body}</ol>'
        f"{_key(bool(run.correct), bool(voices))}</section>"
    )


def _summary(rows: list[list[Attempt]]) -> str:
    turns = Counter(attempt.turn for row in rows for attempt in row)
    flips = [f"{turn_sign(turn)} {turns[turn]}" for turn in ("lost", "found") if turns[turn]]
    size = f"{counted(len(rows), 'chain')} × {counted(max(map(len, rows)), 'attempt')}"
    about = term("How a chain works", "chain")
    return f'<p class="standing">{" · ".join([size, *flips])}</p><p class="note">{about}</p>'


def _row(run: Run, place: int, row: list[Attempt], marks: Mapping[int, str], picked: int) -> str:
    cards = "".join(
        _card(run, place, number, attempt, marks.get(attempt.node, ""), attempt.node == picked)
        for number, attempt in enumerate(row, start=1)
    )
    return f'<li><ol class="attempts">{cards}</ol></li>'


def _card(run: Run, row: int, place: int, attempt: Attempt, marks: str, is_picked: bool) -> str:
    node, answer, right, turn = attempt
    tree, score = run.tree, run.tree.score[node]
    verdict = {None: "", True: "right", False: "wrong"}[right]
    mark = {"": "", "right": '<b class="right">✓</b>', "wrong": '<b class="wrong">✗</b>'}[verdict]
    said = [
        f"Chain {row}, attempt {place}: "
        + ("no answer can be read" if answer is None else f"answer {escaped(answer)}"),
        "not scored" if score is None else f"score {round(100 * score)}",
        verdict,
        TURNS[turn][1] if turn in ("lost", "found") else "",
        "selected" if "chosen" in marks else "",
        "speaks for its chain" if "voice" in marks else "",
    ]
    classes = " ".join(filter(None, ("attempt", verdict, marks)))
    return (
        f'<li data-chain="{row}">{turn_sign(turn)}<button type="button" class="{classes}" data-node="{node}" '
        f'aria-pressed="{str(is_picked).lower()}" aria-label="{", ".join(filter(None, said))}">{_dot(score)}'
        f'<span class="said">{"no answer" if answer is None else typeset(answer)}</span>{mark}'
        f"{_news(tree, node)}</button></li>"
    )


def _news(tree: SearchTree, node: int) -> str:
    """How much an attempt differs from the one before, in two words; nothing for the first."""
    before = tree.parent[node]
    if before == 0:
        return ""
    words = new_words("\n".join(tree.solution(before)), tree.text[node])
    return f"<small>{counted(words, 'new word') if words else 'same words'}</small>"


def _dot(score: float | None) -> str:
    if score is None:
        return '<i class="dot blank"></i>'
    return f'<i class="dot" style="background:{shade(score)};color:{ink(score)}">{round(100 * score)}</i>'


def _key(known: bool, weighted: bool) -> str:
    keys = ['Verifier score <b>0</b><i class="scale"></i><b>100</b>', '<i class="chosen"></i>selected']
    if weighted:
        keys.append(f'<i class="voice"></i>{term("speaks for its chain", "voice")}')
    if known:
        keys.append(f"{turn_sign('lost')}{turn_sign('found')}a right answer lost, found")
    return f"<footer>{''.join(f'<span class=key>{key}</span>' for key in keys)}</footer>"
