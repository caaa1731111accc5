"""What the viewer is sent of a run: an append-only string of lines, so that each update sends only
what is new.

Every line is a JSON array that starts with its kind (``run_state.js`` reads them):

``["run", id, about]``
    always the first line; another id means another run
``["subtrees", [sizes]]``
    the problem's children make subtrees of so many each
``["answer", key, text or null, right or null]``
    an answer, for others to refer to by its key; is it right?
``["add", id, parent, kind, status, text, tokens, logprob, wrong, key, cut]``
    a node; ``wrong``: the first step on the way to it, from 1, after which nothing right is
    possible, 0 if there is none, null if nobody knows; ``key`` only where a solution ends, ``cut``
    only where it broke off for want of room: true
``["copy", id]``
    one more sample wrote the node's step
``["value", id, visits, value]``
    what a tree search knows of it: visits, value in [0, 1]
``["score", id, score]``
    the verifier's score, in [0, 1]
``["mark", id, status]``
    its status changed
``["note", text, figures]``
    the run said something about itself
``["round", number, sentence, changes]``
    a round (``search/rounds.py``) is over, what happened in it, and how the run stood then, as of
    the round before: ``votes``, ``voices``, ``cost`` (null where that was not recorded)
``["write", parents, cut]``
    after each of these nodes a step, or an attempt, is being written (``cut``: and never will be to
    its end); every line of an event ends that
``["wrote", seconds, rows]``
    the run's clock, null once it has stopped, and the rows that have grown, of those of the last
    ``write``: ``[place, tokens, ended, text]``, the tokens so far, whether it has its end, and what
    its text grows by
``["snapshot", changes]``
    how the run stands now; keys that are as before are left out: ``votes``, by selector and
    aggregate (``vote_tables``), ``voices``, the attempts that vote for their chains, ``cost``, the
    ledger by model, and ``status``

Texts come from models and typed problems: here they are stripped of control characters, capped and
escaped, and the scripts only ever write them as text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from itertools import accumulate

from ttc_explorer.problems.families import recognise
from ttc_explorer.search.ledger import Ledger
from ttc_explorer.search.narration import Clause, Narrator
from ttc_explorer.search.rounds import Round, RoundReader
from ttc_explorer.search.run import Run
from ttc_explorer.search.selector import SELECTORS, figures_given, missing_figures
from ttc_explorer.search.settings import AGGREGATES
from ttc_explorer.search.strategy import get_strategy
from ttc_explorer.search.touch import describe_touches, touched_from
from ttc_explorer.search.tree import (
    CopyAdded,
    Event,
    NodeAdded,
    NodeScored,
    Note,
    NoteAdded,
    NoteValue,
    SearchTree,
    StatusChanged,
    ValueUpdated,
)
from ttc_explorer.search.tree_replay import TreeReplay
from ttc_explorer.search.voting import lacks_figures, ranked_votes, solution_weights
from ttc_explorer.serving.limits import SHIPPED_GENERATORS
from ttc_explorer.ui.run_viewer.partial_row_lines import PartialRowLines
from ttc_explorer.ui.run_viewer.printable_text import printable, single_line
from ttc_explorer.ui.run_viewer.run_summary import run_summary

MAX_STEP_CHARACTERS = 4000
MAX_ANSWER_CHARACTERS = 200
MAX_NAME_CHARACTERS = 200
"""Longest step (or attempt, or problem), answer and model name that the viewer shows."""
MAX_VOTE_ROWS = 40
"""Answers of a vote that the viewer shows; more than that are summed up."""

Json = str | int | float | bool | None | Sequence["Json"] | dict[str, "Json"]


class RunStream:
    """The growing string of one run.

    Args:
        run_id: tells this run apart from others that the same viewer shows.
        run: the run; it may still be growing, in another thread.
        expected_tokens: what such runs write on average, if that is known.

    Attributes:
        waiting: what to say of a run that waits for a place; empty for all others.
    """

    def __init__(self, run_id: str, run: Run, expected_tokens: float | None = None) -> None:
        self.waiting = ""
        self._run = run
        self._events_read = 0
        self._answer_keys: dict[str | None, int] = {}
        self._correctness: dict[str | None, bool | None] = {}
        self._subtrees: list[int] = []
        self._first_wrong: list[int | None] = []
        self._recognised = recognise(run.problem.text)
        self._replay = TreeReplay(run.tree)
        self._rounds = RoundReader(run.tree, run.touches)
        self._narrator = Narrator(run.tree, run.correct)
        self._all_rounds_told = False
        self._latest = StandingChanges()
        self._by_round = StandingChanges()
        self._partial_rows = PartialRowLines()
        self._text = ""
        about = about_run(run)
        if expected_tokens:
            about["expected"] = {"tokens": round(expected_tokens)}
        self._opening = json_line("run", run_id, about)

    def update(self) -> str:
        """The whole string, grown by all that happened in the run since the last call."""
        self._text += self.new_lines()
        return self._text

    def new_lines(self) -> str:
        """What the string grows by."""
        run = self._run
        opening, self._opening = self._opening, ""
        over = run.stopped is not None  # first: a run that has stopped has all its events
        new_events = run.tree.events[self._events_read :]
        lines: list[str] = []
        if new_events:
            self._partial_rows.forget()
        for event in new_events:
            if ended := self._rounds.read(event):
                lines.append(self._round_line(ended))
            self._events_read += 1
            self._replay.repeat(event)
            self._latest.note(event, self._replay.tree)
            self._by_round.note(event, self._replay.tree)
            lines += self._event_lines(event)
        if over and self._rounds.current.events and not self._all_rounds_told:
            self._all_rounds_told = True
            lines.append(self._round_line(self._rounds.current))
        if subtree_sizes(run) != self._subtrees:
            self._subtrees = subtree_sizes(run)
            lines.insert(0, json_line("subtrees", self._subtrees))
        lines += [line for answer in list(self._answer_keys) for line in self._answer_lines(answer)]
        lines += self._partial_lines(over)
        standing: dict[str, Json] = {
            "cost": ledger_data(run.ledger),
            "status": _status(run, self.waiting),
        }
        if changes := self._latest.since(standing, self._votes):
            lines.append(json_line("snapshot", changes))
        return opening + "".join(lines)

    # --- events -----------------------------------------------------------------------------------

    def _event_lines(self, event: Event) -> list[str]:
        tree = self._run.tree
        match event:
            case NodeAdded(node):
                return self._node_lines(node)
            case CopyAdded(node):
                return [json_line("copy", node)]
            case NodeScored(node, score):
                return [json_line("score", node, round(score, 4))]
            case StatusChanged(node, status):
                return [json_line("mark", node, status)]
            case ValueUpdated(node, visits, value):
                return [json_line("value", node, visits, round(value, 4))]
            case NoteAdded(number):
                note = tree.notes[number]
                figures = "; ".join(
                    f"{key.replace('_', ' ')}: {_format_figure(value)}"
                    for key, value in note.data.items()
                )
                is_probe = self._is_all_probe(note)
                return [json_line("note", _shown(note.text), _shown(figures), *[True] * is_probe)]

    def _is_all_probe(self, note: Note) -> bool:
        """Whether what has been written up to a note is the probe that it tells of. (A trace whose
        events are lost has its notes at the end.)"""
        probe = note.data.get("probe")
        return isinstance(probe, int) and self._replay.tree.solution_count() <= probe

    def _node_lines(self, node: int) -> list[str]:
        run, tree = self._run, self._run.tree
        status = self._replay.tree.status[node]  # then: by now it may be another
        self._first_wrong.append(self._find_first_wrong(node))
        text = printable(tree.text[node] if node else run.problem.text, MAX_STEP_CHARACTERS)
        fields: list[Json] = [
            node, tree.parent[node], tree.kind[node], status, text, tree.tokens[node],
            round(tree.logprob[node], 4), self._first_wrong[node],
        ]  # fmt: skip
        if status != "finished":
            return [json_line("add", *fields)]
        answer = tree.answer[node]
        answer_lines = self._answer_lines(answer)
        fields += [self._answer_keys[answer], *[True] * tree.cut[node]]
        return [*answer_lines, json_line("add", *fields)]

    def _find_first_wrong(self, node: int) -> int | None:
        """The first step on the way to the node, or line of the attempt, that is wrong, decided
        exactly; 0 if there is none, None in a problem that we cannot solve exactly."""
        if self._recognised is None or node == 0:
            return None
        tree, is_correct = self._run.tree, self._recognised.is_correct_prefix
        lines = tree.solution(node)
        if tree.kind[node] == "revision":
            places = range(1, len(lines) + 1)
            return next((place for place in places if not is_correct(lines[:place])), 0)
        found_before = self._first_wrong[tree.parent[node]]
        return found_before or (0 if is_correct(lines) else len(tree.path(node)))

    def _answer_lines(self, answer: str | None) -> list[str]:
        """The line that introduces an answer or says whether it turned out right; none if nothing
        is new."""
        right = None if answer is None else self._run.correct.get(answer)
        if answer in self._answer_keys and self._correctness[answer] == right:
            return []
        key = self._answer_keys.setdefault(answer, len(self._answer_keys))
        self._correctness[answer] = right
        shown = None if answer is None else single_line(answer, MAX_ANSWER_CHARACTERS)
        return [json_line("answer", key, shown, right)]

    def _partial_lines(self, over: bool) -> list[str]:
        """What is being written after the nodes that were sent, or was when the run was stopped."""
        progress = None if over else self._run.current_progress
        if not over and (progress is None or progress.events != self._events_read):
            return []
        rows = [
            replace(row, text=printable(row.text, MAX_STEP_CHARACTERS))
            for row in (progress.rows if progress else self._run.partial)
        ]
        seconds = progress.seconds if progress else None
        new_lines = self._partial_rows.new_lines(rows, seconds, are_cut=over)
        return [json_line(*fields) for fields in new_lines]

    # --- how it stands ----------------------------------------------------------------------------

    def _round_line(self, ended: Round) -> str:
        cost = self._run.cost_after(self._events_read)
        standing: dict[str, Json] = {"cost": None if cost is None else ledger_data(cost)}
        changes = self._by_round.since(standing, self._votes)
        return json_line(
            "round", ended.number, _clause_data(self._narrator.describe(ended)), changes
        )

    def _votes(self) -> dict[str, dict[str, Json]]:
        """What speaks for the answers in the tree as it was sent."""
        run = replace(self._run, tree=self._replay.tree)
        votes = vote_tables(run, self._answer_keys)
        voices = chain_voices(run) if "revision" in run.tree.kind else {}
        return {"votes": votes, "voices": voices}


class StandingChanges:
    """How a run stands, as changes since it was last told."""

    def __init__(self) -> None:
        self._standing: dict[str, Json] = {}
        self._votes: dict[str, dict[str, Json]] = {"votes": {}, "voices": {}}
        self._solutions_changed = False

    def note(self, event: Event, tree: SearchTree) -> None:
        """Remember whether an event that happened in the tree may change the votes."""
        if isinstance(event, NodeAdded | CopyAdded | NodeScored):
            self._solutions_changed |= tree.status[event.node] == "finished"

    def since(
        self, standing: dict[str, Json], votes: Callable[[], dict[str, dict[str, Json]]]
    ) -> dict[str, Json]:
        """What is different from the last time.

        Args:
            standing: how the run stands.
            votes: what speaks for the answers; asked only where it may have changed.
        """
        changes = {
            key: data
            for key, data in standing.items()
            if key not in self._standing or self._standing[key] != data
        }
        self._standing |= standing
        if self._solutions_changed:
            self._solutions_changed = False
            for key, tables in votes().items():
                before, self._votes[key] = self._votes[key], tables
                changed = {rule: data for rule, data in tables.items() if before.get(rule) != data}
                if changed:
                    changes[key] = changed
        return changes


def about_run(run: Run) -> dict[str, Json]:
    """Who was asked what, and how: what the inspector says of the problem, and the voting rule to
    begin with. ``outside``: the model is a shipped one, which does not know such problems."""
    known = run.problem.answer
    outside = run.model in SHIPPED_GENERATORS and recognise(run.problem.text) is None
    return {
        "problem": printable(run.problem.text, MAX_STEP_CHARACTERS),
        "answer": None if known is None else single_line(known, MAX_ANSWER_CHARACTERS),
        "outside": outside,
        "model": single_line(run.model, MAX_NAME_CHARACTERS),
        "verifier": run.verifier and single_line(run.verifier, MAX_NAME_CHARACTERS),
        "strategy": get_strategy(run.strategy).title,
        "budget": run.budget,
        "seed": run.seed,
        "settings": _settings_in_words(run),
        "values": _settings_read(run),
        "touched": describe_touches(run.touches),
        "touched_from": touched_from(run.tree, run.touches),
        "selector": run.settings.selector,
        "aggregate": run.settings.aggregate,
    }


def _settings_read(run: Run) -> dict[str, Json]:
    """The settings that the run's strategy reads, by their names."""
    read = get_strategy(run.strategy).settings
    return {
        name: value
        for name, value in run.settings.to_dict().items()
        if name in read and isinstance(value, str | int | float)
    }


def _settings_in_words(run: Run) -> str:
    """Those settings as a caption has them."""
    switch = {True: "on", False: "off"}
    said = [
        f"{name} {switch[value] if isinstance(value, bool) else value}"
        for name, value in _settings_read(run).items()
    ]
    return single_line(", ".join(said), MAX_NAME_CHARACTERS)


def vote_tables(run: Run, answer_keys: dict[str | None, int]) -> dict[str, Json]:
    """The votes by every selector and aggregate.

    Args:
        run: the run.
        answer_keys: answer -> its key in the stream.

    Returns:
        ``"selector aggregate"`` -> ``rows``, of ``[key, count, weight, leaf, score]``, the chosen
        answer first; ``more``, the answers beyond MAX_VOTE_ROWS and their votes; ``weight``, that
        of all together; and ``lacks``, why the selector cannot choose, empty if it can.
    """
    tables: dict[str, Json] = {}
    rows: list[Json]
    given = figures_given(
        any(score is not None for score in run.tree.score), any(run.tree.token_logprobs)
    )
    for selector in SELECTORS:
        for aggregate in AGGREGATES:
            rule = (run.tree, selector, aggregate, run.settings.confidence)
            lacks = missing_figures(selector, given, "this run") if lacks_figures(*rule) else ""
            votes = [] if lacks else ranked_votes(*rule)
            more = votes[MAX_VOTE_ROWS:]
            rows = [
                [
                    answer_keys[vote.answer],
                    vote.count,
                    round(vote.weight, 6),
                    vote.leaf,
                    None if vote.score is None else round(vote.score, 6),
                ]
                for vote in votes[:MAX_VOTE_ROWS]
            ]
            tables[f"{selector} {aggregate}"] = {
                "rows": rows,
                "more": [len(more), sum(vote.count for vote in more)],
                "weight": round(sum(vote.weight for vote in votes), 6),
                "lacks": lacks,
            }
    return tables


def chain_voices(run: Run) -> dict[str, Json]:
    """``"selector aggregate"`` -> the attempts that vote for their chains, for selectors that
    choose within chains first."""
    return {
        f"{name} {aggregate}": [
            node
            for node, weight in solution_weights(
                run.tree, name, aggregate, run.settings.confidence
            ).items()
            if weight
        ]
        for name, selector in SELECTORS.items()
        if selector.within_chains_first
        for aggregate in AGGREGATES
    }


def ledger_data(ledger: Ledger) -> dict[str, Json]:
    """What a run cost so far, and its totals."""
    data: dict[str, Json] = dict(asdict(ledger))
    return data | {"flops": ledger.flops, "sequential_depth": ledger.sequential_depth}


def _status(run: Run, waiting: str) -> dict[str, Json]:
    return {
        "text": waiting or run_summary(run),
        "stopped": run.stopped,
        "over": run.stopped is not None,
        "error": run.error and single_line(run.error, MAX_STEP_CHARACTERS),
    }


def subtree_sizes(run: Run) -> list[int]:
    """How many of the root's children make each subtree of DVTS (``search/strategies/dvts.py``);
    nothing elsewhere. A step that samples of several subtrees wrote is the first one's child."""
    if run.strategy != "dvts":
        return []
    tree = run.tree
    count = max(1, run.budget // run.settings.children(run.budget))
    sizes = [run.budget // count + (place < run.budget % count) for place in range(count)]
    is_new = [
        isinstance(event, NodeAdded)
        for event in tree.events
        if isinstance(event, NodeAdded | CopyAdded) and tree.parent[event.node] == 0
    ]
    if all(is_new):
        return sizes
    starts = accumulate(sizes, initial=0)
    nodes = [sum(is_new[start : start + size]) for start, size in zip(starts, sizes, strict=False)]
    return [size for size in nodes if size]


def _shown(text: str) -> str:
    return printable(text, MAX_STEP_CHARACTERS)


def _clause_data(clause: Clause) -> list[Json]:
    """A clause as ``narration.js`` reads it: [phrase, {name: text or clauses}]."""
    values: dict[str, Json] = {
        name: _shown(value) if isinstance(value, str) else [_clause_data(each) for each in value]
        for name, value in clause.values.items()
    }
    return [str(clause.phrase), values]


def _format_figure(value: NoteValue | Sequence[NoteValue]) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_format_figure, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def json_line(*fields: Json) -> str:
    """One line; ``<`` is escaped so that no text looks like a tag to anybody on the way."""
    return json.dumps(fields, separators=(",", ":")).replace("<", "\\u003c") + "\n"
