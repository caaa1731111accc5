"""What happened in a round, in one sentence: a function of the round's events.

A sentence speaks of samples as tries and of nodes as steps: equal steps are one node. It names what
a method's papers name: kept and pruned, finished, looked ahead, selected and backed up, revised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

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

    def describe(self, round: Round) -> str:
        """The sentence about a round. Every round is told once, in order."""
        tree = self._tree
        if round.sampled and tree.kind[round.sampled[0]] == "revision":
            parts = self._revision_parts(round)
        elif round.expanded or round.backed_up:
            parts = self._simulation_parts(round)
        else:
            parts = self._step_parts(round)
        name = "Simulation" if round.backed_up else "Round"
        self._values |= {
            event.node: (event.visits, event.value)
            for event in round.events
            if isinstance(event, ValueUpdated)
        }
        hand = ", by hand" if round.by_hand else ""
        return f"{name} {round.number}{hand}: {'; '.join(filter(None, parts)) or 'nothing new'}."

    # --- steps ------------------------------------------------------------------------------------

    def _step_parts(self, round: Round) -> list[str]:
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
        fate = ""
        if pruned:
            fate = f"kept {len(kept)}{_between(scores, kept)}; pruned {len(pruned)}"
        elif len(kept) > 1:
            fate = f"all {len(kept)} go on{_between(scores, kept)}"
        elif len(round.sampled) == 1 and round.sampled[0] in scores:
            fate = f"score {scores[round.sampled[0]]:.2f}"
        return [
            _tries(round.sampled, [tree.parent[node] for node in round.sampled]),
            f"looked {_count(ahead, 'step')} ahead" if ahead else "",
            fate,
            self._ended(round.sampled),
        ]

    def _ended(self, samples: Sequence[int]) -> str:
        """What the solutions that ended say."""
        ends = [node for node in samples if self._tree.kind[node] == "answer"]
        if not ends:
            return ""
        return f"{_count(len(ends), 'solution')} finished, {self._answers(ends)}"

    def _answers(self, ends: Iterable[int]) -> str:
        """The answers of these samples, the most frequent first."""
        counts = Counter(self._tree.answer[node] for node in ends).most_common()
        named = [
            _shortened(answer) + (f" ×{count}" if count > 1 else "")
            for answer, count in counts[:MAX_ANSWERS]
        ]
        more = len(counts) - len(named)
        return "answering " + ", ".join(named) + (f" and {more} more" if more else "")

    # --- simulations of Monte Carlo tree search ---------------------------------------------------

    def _simulation_parts(self, round: Round) -> list[str]:
        tree, scores = self._tree, _scores(round)
        new = {event.node for event in round.events if isinstance(event, NodeAdded)}
        path = [node for node in round.backed_up if node != ROOT]
        old = [node for node in path if node not in new]
        selected = ""
        if old and old[-1] in self._values:
            visits, value = self._values[old[-1]]
            selected = (
                f"selected {_count(len(old), 'step')} down, to value {value:.2f} "
                f"after {_count(visits, 'visit')}"
            )
        expanded = ""
        if round.sampled:
            levels = len({tree.parent[node] for node in round.sampled})
            best = f", best score {max(scores.values()):.2f}" if scores else ""
            where = f"expanded {_count(levels, 'level')}: " if levels > 1 else "expanded: "
            expanded = where + _tries(round.sampled, ()) + best
        return [selected, expanded, self._backup(round, path)]

    def _backup(self, round: Round, path: Sequence[int]) -> str:
        """What was found at the end of the path, and what it makes of the root's value."""
        updates = [event for event in round.events if isinstance(event, ValueUpdated)]
        root = next((event for event in updates if event.node == ROOT), None)
        if root is None:
            return ""
        visits, value = self._values.get(ROOT, (0, 0.0))
        found = value * visits
        end = ""
        if path and self._tree.kind[path[-1]] == "answer":
            end = f"reached the answer {_shortened(self._tree.answer[path[-1]])}; "
        return (
            f"{end}backed up {root.value * root.visits - found:.2f}: the root's value is "
            f"{root.value:.2f} after {_count(root.visits, 'visit')}"
        )

    # --- revisions --------------------------------------------------------------------------------

    def _revision_parts(self, round: Round) -> list[str]:
        tree = self._tree
        firsts = [node for node in round.sampled if tree.parent[node] == ROOT]
        revised = [node for node in round.sampled if tree.parent[node] != ROOT]
        parts = []
        if firsts:
            parts.append(f"{_count(len(firsts), 'first attempt')}, {self._answers(firsts)}")
        if revised:
            parts.append(f"{_count(len(revised), 'revision')}: {self._flips(revised)}")
        return parts

    def _flips(self, revised: Sequence[int]) -> str:
        """What became of the answers."""
        counts = Counter(self._flip(node) for node in revised)
        words = {
            "mended": "mended (wrong → right)",
            "broken": "broken (right → wrong)",
            "changed": "changed",
            "same": "kept the answer",
        }
        return ", ".join(f"{counts[kind]} {words[kind]}" for kind in words if counts[kind])

    def _flip(self, node: int) -> str:
        answer, before = self._tree.answer[node], self._tree.answer[self._tree.parent[node]]
        if answer == before:
            return "same"
        if not self._correct:
            return "changed"
        right, was_right = (a is not None and self._correct.get(a, False) for a in (answer, before))
        return "changed" if right == was_right else "mended" if right else "broken"


def _scores(round: Round) -> dict[int, float]:
    return {e.node: e.score for e in round.events if isinstance(e, NodeScored)}


def _tries(samples: Sequence[int], parents: Sequence[int]) -> str:
    """How many samples, how many of them different, and, where they go on from several steps, from
    how many and how unevenly."""
    if not samples:
        return ""
    different, tries = len(set(samples)), len(samples)
    said = "1 try" if tries == 1 else f"{tries} tries"
    shares = Counter(parents)
    if len(shares) > 1:
        least, most = min(shares.values()), max(shares.values())
        uneven = f", {least} to {most} each" if least < most else ""
        said += f" from {len(shares)} steps{uneven}"
    if tries == 1:
        return said
    if different == tries:
        return f"{said}, all different"
    return f"{said}, all the same" if different == 1 else f"{said}, {different} different"


def _between(scores: Mapping[int, float], nodes: Sequence[int]) -> str:
    """The range of these nodes' scores."""
    known = [scores[node] for node in nodes if node in scores]
    if not known:
        return ""
    low, high = f"{min(known):.2f}", f"{max(known):.2f}"
    return f" at {low}" if low == high else f" between {low} and {high}"


def _shortened(answer: str | None) -> str:
    if answer is None:
        return "nothing readable"
    line = " ".join(answer.split())
    return line if len(line) <= MAX_ANSWER_LENGTH else line[: MAX_ANSWER_LENGTH - 1] + "…"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
