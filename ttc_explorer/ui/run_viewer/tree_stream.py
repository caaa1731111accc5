"""What is sent to the live tree: an append-only string of lines, so that each update sends only
what is new.

Every line is a JSON array that starts with its kind:

``["run", id]``                                   always the first line; another id means another tree
``["answer", key, text or null, right or null]``  an answer, for nodes to refer to by its key; is it right?
``["add", id, parent, status, text, key]``        a node; ``key`` only where a solution ends; the status of a
                                                  lookahead's step is ``rollout``, whatever becomes
                                                  of it
``["value", id, visits, value]``                  what a tree search knows of it: visits, value in [0, 1]
``["subtrees", [sizes]]``                         the problem's children make subtrees of so many each
``["score", id, score]``                          the verifier's score, in [0, 1]
``["mark", id, status]``                          its status changed
``["best", [ids]]``                               the best path so far, from the root's child to its leaf
``["say", text, over]``                           how the run stands, in one line, and whether it is over

Texts come from models and typed problems: here they are stripped of control characters, capped and
escaped, and the script only ever writes them as text.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence

from ttc_explorer.search.run import Run
from ttc_explorer.search.tree import (
    Event,
    NodeAdded,
    NodeScored,
    NoteAdded,
    SearchTree,
    StatusChanged,
    ValueUpdated,
)

MAX_STEP_CHARACTERS = 200
MAX_ANSWER_CHARACTERS = 80
"""Longest step and answer that the tree shows, in characters; the inspector has the whole text."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line separators, half characters, and what turns the reading direction
around."""

_STOP_LABELS = {
    None: "Round {rounds}",
    "done": "Done in {rounds} rounds",
    "budget": "Stopped after {rounds} rounds",
    "cancelled": "Stopped in round {rounds}",
    "deadline": "Out of time in round {rounds}",
}


class TreeStream:
    """The growing string of one run. ``run_id`` comes back in the tree's pick events."""

    def __init__(self, run_id: str) -> None:
        self._text = _json_line("run", run_id)
        self._events_read = 0
        self._answers: dict[str | None, int] = {}
        self._correctness: dict[str | None, bool | None] = {}
        self._best: tuple[int, ...] = ()
        self._last_status: tuple[str, bool] | None = None
        self._subtrees: list[int] = []

    def update(self, run: Run, best: Sequence[int] = ()) -> str:
        """The whole string, grown by all that happened in ``run`` since the last call.

        ``best`` is the best path as it stands now: ``tree.path`` of the chosen leaf, empty if there
        is none.
        """
        new_events = run.tree.events[self._events_read :]
        self._events_read += len(new_events)
        lines = [line for event in new_events for line in self._event_lines(run, event)]
        if subtree_sizes(run) != self._subtrees:
            self._subtrees = subtree_sizes(run)
            lines.insert(0, _json_line("subtrees", self._subtrees))
        lines += [line for answer in self._answers for line in self._answer_lines(run, answer)]
        if tuple(best) != self._best:
            self._best = tuple(best)
            lines.append(_json_line("best", list(best)))
        status = (run_summary(run), run.stopped is not None)
        if status != self._last_status:
            self._last_status = status
            lines.append(_json_line("say", *status))
        self._text += "".join(lines)
        return self._text

    def _event_lines(self, run: Run, event: Event) -> list[str]:
        if isinstance(event, NodeScored):
            return [_json_line("score", event.node, round(event.score, 4))]
        if isinstance(event, StatusChanged):
            return [_json_line("mark", event.node, event.status)]
        if isinstance(event, ValueUpdated):
            return [_json_line("value", event.node, event.visits, round(event.value, 4))]
        if isinstance(event, NoteAdded):  # the page has a place for it
            return []
        assert isinstance(event, NodeAdded)
        tree, node = run.tree, event.node
        text = tree.text[node] if node else run.problem.text
        status = "rollout" if tree.kind[node] == "rollout" else tree.status[node]
        fields = [node, tree.parent[node], status, single_line(text, MAX_STEP_CHARACTERS)]
        if tree.status[node] != "finished":
            return [_json_line("add", *fields)]
        answer = tree.answer[node]
        return [*self._answer_lines(run, answer), _json_line("add", *fields, self._answers[answer])]

    def _answer_lines(self, run: Run, answer: str | None) -> list[str]:
        """The line that introduces an answer or says whether it turned out right; none if nothing
        is new."""
        right = None if answer is None else run.correct.get(answer)
        if answer in self._answers and self._correctness[answer] == right:
            return []
        key = self._answers.setdefault(answer, len(self._answers))
        self._correctness[answer] = right
        return [
            _json_line(
                "answer",
                key,
                None if answer is None else single_line(answer, MAX_ANSWER_CHARACTERS),
                right,
            )
        ]


def subtree_sizes(run: Run) -> list[int]:
    """How many of the root's children make each subtree of DVTS (``search/strategies/dvts.py``);
    nothing elsewhere."""
    if run.strategy != "dvts":
        return []
    count = max(1, run.budget // run.settings.children(run.budget))
    return [run.budget // count + (place < run.budget % count) for place in range(count)]


def run_summary(run: Run) -> str:
    """How the run stands, in one line.

    >>> from ttc_explorer.problems.problem import Problem
    >>> from ttc_explorer.search.settings import Settings
    >>> run_summary(Run(Problem("1 + 1?"), "base", "prm", "beam", 4, 0, Settings()))
    'Reading the problem'
    """
    if run.error:
        return single_line(run.error, MAX_STEP_CHARACTERS)
    tree = run.tree
    if len(tree) == 1:
        return "Reading the problem" if run.stopped is None else "Stopped before the first step"
    kinds = Counter(tree.kind)
    steps = [node for node in range(1, len(tree)) if tree.kind[node] in ("step", "answer")]
    pruned = sum(1 for node in steps if tree.status[node] == "pruned")
    solutions = sum(1 for node in steps if tree.status[node] == "finished")
    parts = [
        _STOP_LABELS[run.stopped].format(rounds=_last_round(tree)),
        _count_noun(len(steps), "step") if steps else "",
        f"{kinds['rollout']} looked ahead" if kinds["rollout"] else "",
        f"{pruned} pruned" if pruned else "",
        _count_noun(solutions, "solution") if solutions else "",
        _count_noun(kinds["revision"], "revision") if kinds["revision"] else "",
    ]
    return " · ".join(filter(None, parts))


def _last_round(tree: SearchTree) -> int:
    return max(r for r, kind in zip(tree.round, tree.kind, strict=False) if kind != "rollout")


def single_line(text: str, longest: int) -> str:
    r"""The text on one line of printable characters, at most ``longest`` of them.

    >>> single_line("a\tb\r\n c", 9), single_line("0123456789", 5)
    ('a b c', '0123…')
    """
    text = " ".join(_UNPRINTABLE.sub(" ", text).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _count_noun(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _json_line(*fields: object) -> str:
    """One line; ``<`` is escaped so that no text looks like a tag to anybody on the way."""
    return json.dumps(fields, separators=(",", ":")).replace("<", "\\u003c") + "\n"
