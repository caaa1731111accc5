"""Node -> everything about it, as HTML: its text, its figures, and the way to it. Pure
functions."""

from __future__ import annotations

from collections.abc import Sequence

from ttc_explorer.problems.families import recognise
from ttc_explorer.search.run import Run
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.search.voting import winning_vote
from ttc_explorer.ui.components.result_panels import (
    correctness_label,
    definition_list,
    glossary_term,
)
from ttc_explorer.ui.components.revision_chain import ChainAttempt, chain_attempts, transition_sign
from ttc_explorer.ui.components.text_diff import diff_html
from ttc_explorer.ui.math_typesetting import escape_html, typeset_math
from ttc_explorer.ui.score_colours import score_colour

STATUS_LABELS = {
    "kept": "kept",
    "pruned": "pruned",
    "finished": "finished",
    "open": "not judged yet",
    "rollout": "looked ahead",
    "revision": "whole solution",
}


def default_node(run: Run, selector: str, aggregate: str) -> int:
    """The node to show while nobody has picked one.

    The end of the chosen answer's best solution; before there is any, the best step of the newest
    round.
    """
    vote = winning_vote(run.tree, selector, aggregate)
    if vote is not None:
        return vote.leaf
    tree = run.tree
    nodes = [node for node in range(len(tree)) if tree.kind[node] != "rollout"]
    newest = max(tree.round[node] for node in nodes)
    return max(
        (node for node in nodes if tree.round[node] == newest),
        key=lambda node: (tree.score[node] or 0.0, -node),
    )


def node_inspector(run: Run, node: int) -> str:
    """Text, score, rank, log-probability and tokens of a node, and the way to it from the
    problem."""
    if node == 0:
        return _problem_article(run)
    tree = run.tree
    if tree.kind[node] == "revision":
        return _attempt_article(run, node)
    title = "Last step" if tree.status[node] == "finished" else f"Step {tree.round[node]}"
    siblings = tree.children(tree.parent[node])
    return _node_article(
        run,
        node,
        title,
        glossary_term("rank"),
        siblings,
        _step_text(tree.text[node]),
        _path_section(run, node),
    )


def _node_article(
    run: Run, node: int, title: str, rank: str, siblings: Sequence[int], text: str, path_html: str
) -> str:
    """What all nodes but the problem have in common; ``rank`` is the place by score among
    ``siblings``."""
    tree = run.tree
    status = tree.kind[node] if tree.kind[node] in STATUS_LABELS else tree.status[node]
    figures = [
        (_format_number(tree.score[node]), glossary_term("score")),
        (_format_rank(run, node, siblings), rank),
        (_format_number(tree.logprob[node]), glossary_term("log-prob.", "log-probability")),
        (f"{tree.tokens[node]}", glossary_term("tokens")),
    ]
    if tree.visits[node] is not None:
        figures += [
            (f"{tree.visits[node]}", glossary_term("visits")),
            (_format_number(tree.value[node]), glossary_term("value")),
        ]
    return (
        f'<article class="inspector" data-node="{node}"><header><h2>{title}</h2>'
        f'<span class="pill {status}">{glossary_term(STATUS_LABELS[status], status)}</span>'
        '<span class="id">node '
        f"{node}</span></header>{text}{_final_answer(run, node)}{definition_list(figures)}{path_html}"
        "</article>"
    )


def _problem_article(run: Run) -> str:
    known = run.problem.answer
    answer = f'<p class="ending">Right answer <b>{typeset_math(known)}</b></p>' if known else ""
    judge = f", judged by {escape_html(run.verifier)}" if run.verifier else ""
    return (
        '<article class="inspector" data-node="0"><header><h2>The problem</h2></header>'
        f'<p class="formula">{typeset_math(run.problem.text)}</p>{answer}'
        f'<p class="hint">{STRATEGIES[run.strategy].title} with a budget of {run.budget}, seed '
        f"{run.seed}, "
        f"written by {escape_html(run.model)}{judge}.</p></article>"
    )


def _step_text(step: str) -> str:
    """The step itself; an answer line is shown by its answer alone."""
    return (
        ""
        if step.startswith("Answer:")
        else f'<p class="formula">{typeset_math(step) or "(an empty line)"}</p>'
    )


def _final_answer(run: Run, node: int) -> str:
    if run.tree.status[node] != "finished":
        return ""
    answer = run.tree.answer[node]
    if answer is None:
        return '<p class="ending">No answer can be read.</p>'
    return (
        f'<p class="ending">Answer <b>{typeset_math(answer)}</b> '
        f"{correctness_label(run, answer)}</p>"
    )


def _format_number(number: float | None) -> str:
    return "–" if number is None else f"{round(number, 2) + 0.0:.2f}".replace("-", "−")  # no −0.00


def _format_rank(run: Run, node: int, siblings: Sequence[int]) -> str:
    """Place among the siblings by score; equals share the better place."""
    scores = run.tree.score
    own = scores[node]
    if own is None:
        return "–"
    return f"{1 + sum(1 for other in siblings if (scores[other] or 0.0) > own)} of {len(siblings)}"


# --- an attempt and those before it ---------------------------------------------------------------


def _attempt_article(run: Run, node: int) -> str:
    """A whole attempt: what changed in it since the one before, and the chain that led here."""
    tree, nodes = run.tree, run.tree.chain(node)
    lines = tree.solution(node)
    if len(nodes) > 1:
        heading = f"What changed since attempt {len(nodes) - 1}"
        text = diff_html(tree.solution(nodes[-2]), lines)
    else:
        heading, text = "Its lines", "".join(f"<p>{typeset_math(line)}</p>" for line in lines)
    checked = _exact_check_note(first_wrong_step(run.problem.text, lines), True)
    items = "".join(
        _chain_item(run, place, attempt)
        for place, attempt in enumerate(chain_attempts(run, nodes), start=1)
    )
    path_html = f'<h3>{heading}</h3><div class="changes">{text}</div>{checked}'
    if len(nodes) > 1:
        path_html += (
            f'<h3>{glossary_term("The chain", "chain")} so far</h3><ol class="way '
            f'links">{items}</ol>'
        )
    return _node_article(
        run,
        node,
        f"Attempt {len(nodes)}",
        glossary_term("in chain", "place in chain"),
        nodes,
        "",
        path_html,
    )


def _chain_item(run: Run, place: int, attempt: ChainAttempt) -> str:
    answer = "no answer" if attempt.answer is None else typeset_math(attempt.answer)
    flip = (
        f" {transition_sign(attempt.transition)}" if attempt.transition in ("lost", "found") else ""
    )
    return _path_item(place, f"{answer}{flip}", run.tree.score[attempt.node], "")


# --- the way from the problem ---------------------------------------------------------------------


def _path_section(run: Run, node: int) -> str:
    """The path to the node, a bar of its score at each step, and the exact check."""
    tree, path = run.tree, run.tree.path(node)
    wrong = first_wrong_step(run.problem.text, [tree.text[step] for step in path])
    items = "".join(
        _path_item(
            place,
            typeset_math(tree.text[step]),
            tree.score[step],
            _item_classes(step == node, wrong == place),
        )
        for place, step in enumerate(path, start=1)
    )
    return (
        f'<h3>The way here, with the score of each step</h3><ol class="way">{items}</ol>'
        f"{_exact_check_note(wrong, tree.status[node] == 'finished')}"
    )


def _item_classes(now: bool, wrong: bool) -> str:
    return " ".join(name for name, holds in (("now", now), ("turn", wrong)) if holds)


def _path_item(place: int, text: str, score: float | None, kind: str) -> str:
    bar = (
        ""
        if score is None
        else f'<i style="width:{100 * score:.1f}%;background:{score_colour(score)}"></i>'
    )
    return (
        f'<li class="{kind}"><span class="place">{place}</span><p>{text}</p>'
        f'<div class="bar">{bar}</div><b>{_format_number(score)}</b></li>'
    )


def first_wrong_step(text: str, steps: Sequence[str]) -> int | None:
    """The first step (from 1) after which no right solution is possible, decided exactly; 0 if
    there is none.

    None if ``text`` is a problem that we cannot solve exactly.
    """
    known = recognise(text)
    if known is None:
        return None
    places = range(1, len(steps) + 1)
    return next((place for place in places if not known.is_correct_prefix(steps[:place])), 0)


def _exact_check_note(wrong: int | None, finished: bool) -> str:
    if wrong is None:
        return ""
    right = "every step is right" if finished else "it can still end right"
    outcome = f"it goes wrong at step {wrong}" if wrong else right
    return f'<p class="hint">{glossary_term("Exact check", "exact check")}: {outcome}.</p>'
