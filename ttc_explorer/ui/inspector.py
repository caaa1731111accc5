"""Node -> everything about it, as HTML: its text, its figures, and the way to it. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from ttc_explorer.problems.families import recognise
from ttc_explorer.search.run import Run
from ttc_explorer.search.selection import chosen
from ttc_explorer.search.strategies import STRATEGIES
from ttc_explorer.ui.chains import Attempt, chain, turn_sign
from ttc_explorer.ui.changes import shown_changes
from ttc_explorer.ui.panels import facts, term, verdict
from ttc_explorer.ui.scale import shade
from ttc_explorer.ui.typeset import escaped, typeset

STATUS = {
    "kept": "kept",
    "pruned": "pruned",
    "finished": "finished",
    "open": "not judged yet",
    "rollout": "looked ahead",
    "revision": "whole solution",
}


def leading(run: Run, selector: str, aggregate: str) -> int:
    """The node to show while nobody has picked one.

    The end of the chosen answer's best solution; before there is any, the best step of the newest round.
    """
    vote = chosen(run.tree, selector, aggregate)
    if vote is not None:
        return vote.leaf
    tree = run.tree
    nodes = [node for node in range(len(tree)) if tree.kind[node] != "rollout"]
    newest = max(tree.round[node] for node in nodes)
    return max(
        (node for node in nodes if tree.round[node] == newest),
        key=lambda node: (tree.score[node] or 0.0, -node),
    )


def inspector(run: Run, node: int) -> str:
    """Text, score, rank, log-probability and tokens of a node, and the way to it from the problem."""
    if node == 0:
        return _root(run)
    tree = run.tree
    if tree.kind[node] == "revision":
        return _attempt(run, node)
    title = "Last step" if tree.status[node] == "finished" else f"Step {tree.round[node]}"
    rivals = tree.children(tree.parent[node])
    return _article(run, node, title, term("rank"), rivals, _text(tree.text[node]), _way(run, node))


def _article(run: Run, node: int, title: str, rank: str, rivals: Sequence[int], text: str, way: str) -> str:
    """What all nodes but the problem have in common; ``rank`` is the place by score among ``rivals``."""
    tree = run.tree
    status = tree.kind[node] if tree.kind[node] in STATUS else tree.status[node]
    figures = [
        (_figure(tree.score[node]), term("score")),
        (_rank(run, node, rivals), rank),
        (_figure(tree.logprob[node]), term("log-prob.", "log-probability")),
        (f"{tree.tokens[node]}", term("tokens")),
    ]
    if tree.visits[node] is not None:
        figures += [(f"{tree.visits[node]}", term("visits")), (_figure(tree.value[node]), term("value"))]
    return (
        f'<article class="inspector" data-node="{node}"><header><h2>{title}</h2>'
        f'<span class="pill {status}">{term(STATUS[status], status)}</span>'
        f'<span class="id">node {node}</span></header>{text}{_ending(run, node)}{facts(figures)}{way}'
        "</article>"
    )


def _root(run: Run) -> str:
    known = run.problem.answer
    answer = f'<p class="ending">Right answer <b>{typeset(known)}</b></p>' if known else ""
    judge = f", judged by {escaped(run.verifier)}" if run.verifier else ""
    return (
        '<article class="inspector" data-node="0"><header><h2>The problem</h2></header>'
        f'<p class="formula">{typeset(run.problem.text)}</p>{answer}'
        f'<p class="hint">{STRATEGIES[run.strategy].title} with a budget of {run.budget}, seed {run.seed}, '
        f"written by {escaped(run.model)}{judge}.</p></article>"
    )


def _text(step: str) -> str:
    """The step itself; an answer line is shown by its answer alone."""
    return (
        "" if step.startswith("Answer:") else f'<p class="formula">{typeset(step) or "(an empty line)"}</p>'
    )


def _ending(run: Run, node: int) -> str:
    if run.tree.status[node] != "finished":
        return ""
    answer = run.tree.answer[node]
    if answer is None:
        return '<p class="ending">No answer can be read.</p>'
    return f'<p class="ending">Answer <b>{typeset(answer)}</b> {verdict(run, answer)}</p>'


def _figure(number: float | None) -> str:
    return "–" if number is None else f"{round(number, 2) + 0.0:.2f}".replace("-", "−")  # no −0.00


def _rank(run: Run, node: int, rivals: Sequence[int]) -> str:
    """Place among the rivals by score; equals share the better place."""
    scores = run.tree.score
    own = scores[node]
    if own is None:
        return "–"
    return f"{1 + sum(1 for other in rivals if (scores[other] or 0.0) > own)} of {len(rivals)}"


# --- an attempt and those before it ---------------------------------------------------------------------


def _attempt(run: Run, node: int) -> str:
    """A whole attempt: what changed in it since the one before, and the chain that led here."""
    tree, nodes = run.tree, run.tree.chain(node)
    lines = tree.solution(node)
    if len(nodes) > 1:
        heading = f"What changed since attempt {len(nodes) - 1}"
        text = shown_changes(tree.solution(nodes[-2]), lines)
    else:
        heading, text = "Its lines", "".join(f"<p>{typeset(line)}</p>" for line in lines)
    checked = _checked(first_wrong(run.problem.text, lines), True)
    stones = "".join(_link(run, place, attempt) for place, attempt in enumerate(chain(run, nodes), start=1))
    way = f'<h3>{heading}</h3><div class="changes">{text}</div>{checked}'
    if len(nodes) > 1:
        way += f'<h3>{term("The chain", "chain")} so far</h3><ol class="way links">{stones}</ol>'
    return _article(run, node, f"Attempt {len(nodes)}", term("in chain", "place in chain"), nodes, "", way)


def _link(run: Run, place: int, attempt: Attempt) -> str:
    answer = "no answer" if attempt.answer is None else typeset(attempt.answer)
    flip = f" {turn_sign(attempt.turn)}" if attempt.turn in ("lost", "found") else ""
    return _stone(place, f"{answer}{flip}", run.tree.score[attempt.node], "")


# --- the way from the problem ---------------------------------------------------------------------------


def _way(run: Run, node: int) -> str:
    """The path to the node, a bar of its score at each step, and the exact check."""
    tree, path = run.tree, run.tree.path(node)
    wrong = first_wrong(run.problem.text, [tree.text[step] for step in path])
    stones = "".join(
        _stone(place, typeset(tree.text[step]), tree.score[step], _kind(step == node, wrong == place))
        for place, step in enumerate(path, start=1)
    )
    return (
        f'<h3>The way here, with the score of each step</h3><ol class="way">{stones}</ol>'
        f"{_checked(wrong, tree.status[node] == 'finished')}"
    )


def _kind(now: bool, wrong: bool) -> str:
    return " ".join(name for name, holds in (("now", now), ("turn", wrong)) if holds)


def _stone(place: int, text: str, score: float | None, kind: str) -> str:
    bar = "" if score is None else f'<i style="width:{100 * score:.1f}%;background:{shade(score)}"></i>'
    return (
        f'<li class="{kind}"><span class="place">{place}</span><p>{text}</p>'
        f'<div class="bar">{bar}</div><b>{_figure(score)}</b></li>'
    )


def first_wrong(text: str, steps: Sequence[str]) -> int | None:
    """The first step (from 1) after which no right solution is possible, decided exactly; 0 if there is none.

    None if ``text`` is a problem that we cannot solve exactly.
    """
    known = recognise(text)
    if known is None:
        return None
    places = range(1, len(steps) + 1)
    return next((place for place in places if not known.consistent(steps[:place])), 0)


def _checked(wrong: int | None, finished: bool) -> str:
    if wrong is None:
        return ""
    right = "every step is right" if finished else "it can still end right"
    outcome = f"it goes wrong at step {wrong}" if wrong else right
    return f'<p class="hint">{term("Exact check", "exact check")}: {outcome}.</p>'
