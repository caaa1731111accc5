"""What the live tree is told: an append-only string of lines, so that each update sends only what is new.

Every line is a JSON array that starts with its kind:

``["run", id]``                                   always the first line; another id means another tree
``["answer", key, text or null, right or null]``  an answer, for nodes to refer to by its key; is it right?
``["add", id, parent, status, text, key]``        a node; ``key`` only where a solution ends; the status of a
                                                  lookahead's step is ``rollout``, whatever becomes of it
``["value", id, visits, value]``                  what a tree search knows of it: visits, value in [0, 1]
``["subtrees", [sizes]]``                         the problem's children make subtrees of so many each
``["score", id, score]``                          the verifier's score, in [0, 1]
``["mark", id, status]``                          its status changed
``["best", [ids]]``                               the best path so far, from the root's child to its leaf
``["say", text, over]``                           how the run stands, in one line, and whether it is over

Texts come from models and typed problems: here they are stripped of control characters, capped and escaped,
and the script only ever writes them as text.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence

from ttc_explorer.search.run import Run
from ttc_explorer.search.tree import Added, Event, Marked, Noted, Scored, SearchTree, Valued

MAX_STEP = 200
MAX_ANSWER = 80
"""Longest step and answer that the tree shows, in characters; the inspector has the whole text."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line separators, half characters, and what turns the reading direction around."""

_ENDINGS = {
    None: "Round {rounds}",
    "done": "Done in {rounds} rounds",
    "budget": "Stopped after {rounds} rounds",
    "cancelled": "Stopped in round {rounds}",
    "deadline": "Out of time in round {rounds}",
}


class TreeStream:
    """The growing string of one run. ``run_id`` comes back in the tree's pick events."""

    def __init__(self, run_id: str) -> None:
        self._text = _line("run", run_id)
        self._events_read = 0
        self._answers: dict[str | None, int] = {}
        self._right: dict[str | None, bool | None] = {}
        self._best: tuple[int, ...] = ()
        self._said: tuple[str, bool] | None = None
        self._subtrees: list[int] = []

    def update(self, run: Run, best: Sequence[int] = ()) -> str:
        """The whole string, grown by all that happened in ``run`` since the last call.

        ``best`` is the best path as it stands now: ``tree.path`` of the chosen leaf, empty if there is none.
        """
        news = run.tree.events[self._events_read :]
        self._events_read += len(news)
        lines = [line for event in news for line in self._event(run, event)]
        if subtrees(run) != self._subtrees:
            self._subtrees = subtrees(run)
            lines.insert(0, _line("subtrees", self._subtrees))
        lines += [line for answer in self._answers for line in self._answer(run, answer)]
        if tuple(best) != self._best:
            self._best = tuple(best)
            lines.append(_line("best", list(best)))
        said = (standing(run), run.stopped is not None)
        if said != self._said:
            self._said = said
            lines.append(_line("say", *said))
        self._text += "".join(lines)
        return self._text

    def _event(self, run: Run, event: Event) -> list[str]:
        if isinstance(event, Scored):
            return [_line("score", event.node, round(event.score, 4))]
        if isinstance(event, Marked):
            return [_line("mark", event.node, event.status)]
        if isinstance(event, Valued):
            return [_line("value", event.node, event.visits, round(event.value, 4))]
        if isinstance(event, Noted):  # the page has a place for it
            return []
        assert isinstance(event, Added)
        tree, node = run.tree, event.node
        text = tree.text[node] if node else run.problem.text
        status = "rollout" if tree.kind[node] == "rollout" else tree.status[node]
        fields = [node, tree.parent[node], status, plain(text, MAX_STEP)]
        if tree.status[node] != "finished":
            return [_line("add", *fields)]
        answer = tree.answer[node]
        return [*self._answer(run, answer), _line("add", *fields, self._answers[answer])]

    def _answer(self, run: Run, answer: str | None) -> list[str]:
        """The line that introduces an answer or says whether it turned out right; none if all is said."""
        right = None if answer is None else run.correct.get(answer)
        if answer in self._answers and self._right[answer] == right:
            return []
        key = self._answers.setdefault(answer, len(self._answers))
        self._right[answer] = right
        return [_line("answer", key, None if answer is None else plain(answer, MAX_ANSWER), right)]


def subtrees(run: Run) -> list[int]:
    """How many of the root's children make each subtree of DVTS (``search/dvts.py``); nothing elsewhere."""
    if run.strategy != "dvts":
        return []
    count = max(1, run.budget // run.settings.children(run.budget))
    return [run.budget // count + (place < run.budget % count) for place in range(count)]


def standing(run: Run) -> str:
    """How the run stands, in one line.

    >>> from ttc_explorer.problems.problem import Problem
    >>> from ttc_explorer.search.settings import Settings
    >>> standing(Run(Problem("1 + 1?"), "base", "prm", "beam", 4, 0, Settings()))
    'Reading the problem'
    """
    if run.error:
        return plain(run.error, MAX_STEP)
    tree = run.tree
    if len(tree) == 1:
        return "Reading the problem" if run.stopped is None else "Stopped before the first step"
    kinds = Counter(tree.kind)
    steps = [node for node in range(1, len(tree)) if tree.kind[node] in ("step", "answer")]
    pruned = sum(1 for node in steps if tree.status[node] == "pruned")
    solutions = sum(1 for node in steps if tree.status[node] == "finished")
    parts = [
        _ENDINGS[run.stopped].format(rounds=_rounds(tree)),
        _count(len(steps), "step") if steps else "",
        f"{kinds['rollout']} looked ahead" if kinds["rollout"] else "",
        f"{pruned} pruned" if pruned else "",
        _count(solutions, "solution") if solutions else "",
        _count(kinds["revision"], "revision") if kinds["revision"] else "",
    ]
    return " · ".join(filter(None, parts))


def _rounds(tree: SearchTree) -> int:
    return max(r for r, kind in zip(tree.round, tree.kind, strict=False) if kind != "rollout")


def plain(text: str, longest: int) -> str:
    r"""The text on one line of printable characters, at most ``longest`` of them.

    >>> plain("a\tb\r\n c", 9), plain("0123456789", 5)
    ('a b c', '0123…')
    """
    text = " ".join(_UNPRINTABLE.sub(" ", text).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _line(*fields: object) -> str:
    """One line; ``<`` is escaped so that no text looks like a tag to anybody on the way."""
    return json.dumps(fields, separators=(",", ":")).replace("<", "\\u003c") + "\n"
