"""What happened in a round, in one sentence: a function of the round's events.

A sentence speaks of samples as tries and of nodes as steps: equal steps are one node. It names what
a method's papers name: kept and pruned, finished, looked ahead, selected and backed up, revised.
It is made of phrases with values, so that each phrase can be translated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from ttc_explorer.search.rounds import ROOT, Round
from ttc_explorer.search.tree import (
    CopyAdded,
    NodeAdded,
    NodeScored,
    SearchTree,
    StatusChanged,
    ValueUpdated,
)

MAX_ANSWERS = 3
"""Answers that a sentence names."""
MAX_ANSWER_LENGTH = 24
"""Characters of an answer in a sentence."""


class Phrase(StrEnum):
    """What a sentence is made of, in English; values stand in braces."""

    SENTENCE = "{round}: {events}."
    ROUND = "Round {number}"
    SIMULATION = "Simulation {number}"
    BY_HAND = ", by hand"
    THEN = "; "
    COMMA = ", "
    NOTHING_NEW = "nothing new"
    ONE_TRY = "1 try"
    TRIES = "{count} tries"
    FROM_STEPS = " from {count} steps"
    EACH = ", {least} to {most} each"
    ALL_DIFFERENT = ", all different"
    ALL_THE_SAME = ", all the same"
    DIFFERENT = ", {count} different"
    ONE_STEP_AHEAD = "looked 1 step ahead"
    STEPS_AHEAD = "looked {count} steps ahead"
    KEPT = "kept {count}"
    PRUNED = "pruned {count}"
    GO_ON = "all {count} go on"
    AT = " at {score}"
    BETWEEN = " between {low} and {high}"
    SCORE = "score {score}"
    ONE_FINISHED = "1 solution finished"
    FINISHED = "{count} solutions finished"
    ANSWERING = "answering {answers}"
    ANSWER = "{answer}"
    ANSWER_TIMES = "{answer} ×{count}"
    UNREADABLE = "nothing readable"
    UNREADABLE_TIMES = "nothing readable ×{count}"
    MORE = " and {count} more"
    SELECTED = "selected {steps} down, to value {value} after {visits}"
    ONE_STEP = "1 step"
    STEPS = "{count} steps"
    ONE_VISIT = "1 visit"
    VISITS = "{count} visits"
    EXPANDED = "expanded: {tries}"
    EXPANDED_LEVELS = "expanded {count} levels: {tries}"
    BEST = ", best score {score}"
    REACHED = "reached the answer {answer}"
    BACKED_UP = "backed up {found}: the root's value is {value} after {visits}"
    ONE_FIRST_ATTEMPT = "1 first attempt"
    FIRST_ATTEMPTS = "{count} first attempts"
    ONE_REVISION = "1 revision: {flips}"
    REVISIONS = "{count} revisions: {flips}"
    MENDED = "{count} mended (wrong → right)"
    BROKEN = "{count} broken (right → wrong)"
    CHANGED = "{count} changed"
    SAME = "{count} kept the answer"


Value: TypeAlias = "str | tuple[Clause, ...]"


class Clause(NamedTuple):
    """A phrase and its values, of which each is a text or clauses in their turn."""

    phrase: Phrase
    values: Mapping[str, Value]

    def __str__(self) -> str:
        texts = {
            name: value if isinstance(value, str) else "".join(map(str, value))
            for name, value in self.values.items()
        }
        return self.phrase.format(**texts)


Clauses: TypeAlias = tuple[Clause, ...]


class Narrator:
    """Tells the rounds of one run, one after the other.

    Args:
        tree: the run's tree; it may still be growing, in another thread.
        correct: for each answer, whether it is right; empty where nobody knows.
    """

    def __init__(self, tree: SearchTree, correct: Mapping[str, bool]) -> None:
        self._tree = tree
        self._correct = correct
        self._values: dict[int, tuple[int, float]] = {}

    def describe(self, round: Round) -> Clause:
        """The sentence about a round: its text in English is ``str`` of it. Every round is told
        once, in order."""
        tree = self._tree
        if round.sampled and tree.kind[round.sampled[0]] == "revision":
            parts = self._revision_parts(round)
        elif round.expanded or round.backed_up:
            parts = self._simulation_parts(round)
        else:
            parts = self._step_parts(round)
        self._values |= {
            event.node: (event.visits, event.value)
            for event in round.events
            if isinstance(event, ValueUpdated)
        }
        name = Phrase.SIMULATION if round.backed_up else Phrase.ROUND
        hand = _say(Phrase.BY_HAND) if round.by_hand else ()
        events = _joined(parts, Phrase.THEN) or _say(Phrase.NOTHING_NEW)
        (sentence,) = _say(
            Phrase.SENTENCE, round=_say(name, number=round.number) + hand, events=events
        )
        return sentence

    # --- steps ------------------------------------------------------------------------------------

    def _step_parts(self, round: Round) -> list[Clauses]:
        tree = self._tree
        marks = {e.node: e.status for e in round.events if isinstance(e, StatusChanged)}
        kept = [node for node, status in marks.items() if status == "kept" and node != ROOT]
        pruned = [node for node, status in marks.items() if status == "pruned"]
        scores = _scores(round)
        ahead = sum(
            tree.kind[event.node] == "rollout"
            for event in round.events
            if isinstance(event, NodeAdded | CopyAdded)
        )
        fate: list[Clauses] = []
        if pruned:
            fate = [
                _say(Phrase.KEPT, count=len(kept)) + _between(scores, kept),
                _say(Phrase.PRUNED, count=len(pruned)),
            ]
        elif len(kept) > 1:
            fate = [_say(Phrase.GO_ON, count=len(kept)) + _between(scores, kept)]
        elif len(round.sampled) == 1 and round.sampled[0] in scores:
            fate = [_say(Phrase.SCORE, score=f"{scores[round.sampled[0]]:.2f}")]
        return [
            _tries(round.sampled, [tree.parent[node] for node in round.sampled]),
            _counted(ahead, Phrase.ONE_STEP_AHEAD, Phrase.STEPS_AHEAD) if ahead else (),
            *fate,
            self._ended(round.sampled),
        ]

    def _ended(self, samples: Sequence[int]) -> Clauses:
        """What the solutions that ended say."""
        ends = [node for node in samples if self._tree.kind[node] == "answer"]
        if not ends:
            return ()
        finished = _counted(len(ends), Phrase.ONE_FINISHED, Phrase.FINISHED)
        return _joined([finished, self._answers(ends)], Phrase.COMMA)

    def _answers(self, ends: Iterable[int]) -> Clauses:
        """The answers of these samples, the most frequent first."""
        counts = Counter(self._tree.answer[node] for node in ends).most_common()
        named = [_named(answer, count) for answer, count in counts[:MAX_ANSWERS]]
        more = len(counts) - len(named)
        answers = _joined(named, Phrase.COMMA) + (_say(Phrase.MORE, count=more) if more else ())
        return _say(Phrase.ANSWERING, answers=answers)

    # --- simulations of Monte Carlo tree search ---------------------------------------------------

    def _simulation_parts(self, round: Round) -> list[Clauses]:
        tree, scores = self._tree, _scores(round)
        new = {event.node for event in round.events if isinstance(event, NodeAdded)}
        path = [node for node in round.backed_up if node != ROOT]
        old = [node for node in path if node not in new]
        selected: Clauses = ()
        if old and old[-1] in self._values:
            visits, value = self._values[old[-1]]
            selected = _say(
                Phrase.SELECTED,
                steps=_counted(len(old), Phrase.ONE_STEP, Phrase.STEPS),
                value=f"{value:.2f}",
                visits=_visits(visits),
            )
        expanded: Clauses = ()
        if round.sampled:
            tries = _tries(round.sampled, ())
            if scores:
                tries += _say(Phrase.BEST, score=f"{max(scores.values()):.2f}")
            levels = len({tree.parent[node] for node in round.sampled})
            expanded = (
                _say(Phrase.EXPANDED_LEVELS, count=levels, tries=tries)
                if levels > 1
                else _say(Phrase.EXPANDED, tries=tries)
            )
        return [selected, expanded, *self._backup(round, path)]

    def _backup(self, round: Round, path: Sequence[int]) -> list[Clauses]:
        """What was found at the end of the path, and what it makes of the root's value."""
        updates = [event for event in round.events if isinstance(event, ValueUpdated)]
        root = next((event for event in updates if event.node == ROOT), None)
        if root is None:
            return []
        visits, value = self._values.get(ROOT, (0, 0.0))
        end: Clauses = ()
        if path and self._tree.kind[path[-1]] == "answer":
            end = _say(Phrase.REACHED, answer=_named(self._tree.answer[path[-1]], 1))
        backed_up = _say(
            Phrase.BACKED_UP,
            found=f"{root.value * root.visits - value * visits:.2f}",
            value=f"{root.value:.2f}",
            visits=_visits(root.visits),
        )
        return [end, backed_up]

    # --- revisions --------------------------------------------------------------------------------

    def _revision_parts(self, round: Round) -> list[Clauses]:
        tree = self._tree
        firsts = [node for node in round.sampled if tree.parent[node] == ROOT]
        revised = [node for node in round.sampled if tree.parent[node] != ROOT]
        parts = []
        if firsts:
            attempts = _counted(len(firsts), Phrase.ONE_FIRST_ATTEMPT, Phrase.FIRST_ATTEMPTS)
            parts.append(_joined([attempts, self._answers(firsts)], Phrase.COMMA))
        if revised:
            flips = self._flips(revised)
            parts.append(_counted(len(revised), Phrase.ONE_REVISION, Phrase.REVISIONS, flips=flips))
        return parts

    def _flips(self, revised: Sequence[int]) -> Clauses:
        """What became of the answers."""
        counts = Counter(self._flip(node) for node in revised)
        kinds = (Phrase.MENDED, Phrase.BROKEN, Phrase.CHANGED, Phrase.SAME)
        found = [_say(kind, count=counts[kind]) for kind in kinds if counts[kind]]
        return _joined(found, Phrase.COMMA)

    def _flip(self, node: int) -> Phrase:
        answer, before = self._tree.answer[node], self._tree.answer[self._tree.parent[node]]
        if answer == before:
            return Phrase.SAME
        if not self._correct:
            return Phrase.CHANGED
        right, was_right = (a is not None and self._correct.get(a, False) for a in (answer, before))
        if right == was_right:
            return Phrase.CHANGED
        return Phrase.MENDED if right else Phrase.BROKEN


def _say(phrase: Phrase, **values: str | int | Clauses) -> Clauses:
    return (Clause(phrase, {k: str(v) if isinstance(v, int) else v for k, v in values.items()}),)


def _counted(count: int, one: Phrase, many: Phrase, **values: str | int | Clauses) -> Clauses:
    """A phrase about so many, in its singular or plural."""
    return _say(one, **values) if count == 1 else _say(many, count=count, **values)


def _visits(count: int) -> Clauses:
    return _counted(count, Phrase.ONE_VISIT, Phrase.VISITS)


def _joined(parts: Iterable[Clauses], between: Phrase) -> Clauses:
    """The parts that say something, one after the other."""
    joined: Clauses = ()
    for part in filter(None, parts):
        joined += (_say(between) if joined else ()) + part
    return joined


def _scores(round: Round) -> dict[int, float]:
    return {e.node: e.score for e in round.events if isinstance(e, NodeScored)}


def _tries(samples: Sequence[int], parents: Sequence[int]) -> Clauses:
    """How many samples, how many of them different, and, where they go on from several steps, from
    how many and how unevenly."""
    if not samples:
        return ()
    different, tries = len(set(samples)), len(samples)
    said = _counted(tries, Phrase.ONE_TRY, Phrase.TRIES)
    shares = Counter(parents)
    if len(shares) > 1:
        least, most = min(shares.values()), max(shares.values())
        said += _say(Phrase.FROM_STEPS, count=len(shares))
        said += _say(Phrase.EACH, least=least, most=most) if least < most else ()
    if tries == 1:
        return said
    if different == tries:
        return said + _say(Phrase.ALL_DIFFERENT)
    if different == 1:
        return said + _say(Phrase.ALL_THE_SAME)
    return said + _say(Phrase.DIFFERENT, count=different)


def _between(scores: Mapping[int, float], nodes: Sequence[int]) -> Clauses:
    """The range of these nodes' scores."""
    known = [scores[node] for node in nodes if node in scores]
    if not known:
        return ()
    low, high = f"{min(known):.2f}", f"{max(known):.2f}"
    return _say(Phrase.AT, score=low) if low == high else _say(Phrase.BETWEEN, low=low, high=high)


def _named(answer: str | None, count: int) -> Clauses:
    """An answer, and how often it was given if that was more than once."""
    if answer is None:
        return _counted(count, Phrase.UNREADABLE, Phrase.UNREADABLE_TIMES)
    line = " ".join(answer.split())
    shown = line if len(line) <= MAX_ANSWER_LENGTH else line[: MAX_ANSWER_LENGTH - 1] + "…"
    return _counted(count, Phrase.ANSWER, Phrase.ANSWER_TIMES, answer=shown)
