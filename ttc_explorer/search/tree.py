"""The search tree: one record of a run, flat columns, grown by events.

A tree is the truth of a run: everything on screen and in a file is a function of it. Node 0 is the
root (the question); ids ascend in the order of creation and a node's parent stands before it.

Columns, one entry a node: ``parent`` (-1 for the root), ``text`` (one step; a line end between its
lines, if it has several), ``kind`` (``root``, ``step``, ``answer`` for the last step of a finished
solution, ``revision``, ``rollout``), ``status`` (``open`` not judged against its siblings yet,
``kept``, ``pruned``, ``finished``), ``score`` (verifier's, in [0, 1], or None), ``logprob`` (nats,
summed over the step's tokens), ``token_logprobs`` (its summands, a sampled token each, to the four
digits that a trace keeps; empty where not known), ``tokens``, ``round`` (0 for the root),
``answer`` (of a finished solution, else None), ``visits`` and ``value`` (how often a tree search
visited it and the mean of what it found there, in [0, 1]; None elsewhere), ``copies`` (how many
samples wrote this step after this prefix), ``cut`` (whether a finished solution broke off with it
for want of room; no answer is read from it then, unless one was asked for in so many words).

Equal steps are one node: with ``merge``, samples that wrote the same text after the same parent,
and all went on, ended or broke off, are one node with so many copies, whenever they were
drawn; its tokens and log-probabilities are those of the first. Without ``merge`` each sample is a
node of its own, and every node has one copy. Attempts of a reviser are never merged: a chain is a
path, and equal attempts of two chains are two.

A ``revision`` is one whole attempt, its lines joined by line ends, and always finished; its parent
is the attempt before it (a revision or the answer of a solution) or the root. A ``rollout`` is a
lookahead's step: pruned from the start, whatever it ends in, so it never votes; its score may rank
the node that it began at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ttc_explorer.models.protocol import Step

Kind = Literal["root", "step", "answer", "revision", "rollout"]
Status = Literal["open", "kept", "pruned", "finished"]


NoteValue = str | int | float | bool | None


@dataclass(frozen=True)
class Note:
    """What a run says about itself: one sentence, and the figures behind it: plain values, lists of
    them."""

    text: str
    data: Mapping[str, NoteValue | list[NoteValue]]


@dataclass(frozen=True)
class NodeAdded:
    """A node was created, with status ``open``; ``kept`` for the root, ``finished`` for an ended
    solution, ``pruned`` for a rollout."""

    node: int


@dataclass(frozen=True)
class CopyAdded:
    """One more sample wrote the step that the node stands for."""

    node: int


@dataclass(frozen=True)
class NodeScored:
    """The verifier judged a node."""

    node: int
    score: float


@dataclass(frozen=True)
class StatusChanged:
    """A node's status changed."""

    node: int
    status: str


@dataclass(frozen=True)
class ValueUpdated:
    """A tree search went through a node: its visits and their mean value are now these."""

    node: int
    visits: int
    value: float


@dataclass(frozen=True)
class NoteAdded:
    """The run said something about itself: ``notes[number]``."""

    number: int


Event = NodeAdded | CopyAdded | NodeScored | StatusChanged | ValueUpdated | NoteAdded


class SearchTree:
    """Grow it with ``add_steps``, ``set_scores``, ``set_status``, ``set_value`` and ``note``; read
    its columns, its ``notes`` and ``events``. ``seed`` is the run's, for searches that sample;
    ``merge`` is the run's setting."""

    def __init__(self) -> None:
        self.seed = 0
        self.merge = False
        self.parent: list[int] = [-1]
        self.text: list[str] = [""]
        self.kind: list[str] = ["root"]
        self.status: list[str] = ["kept"]
        self.score: list[float | None] = [None]
        self.logprob: list[float] = [0.0]
        self.token_logprobs: list[tuple[float, ...]] = [()]
        self.tokens: list[int] = [0]
        self.round: list[int] = [0]
        self.visits: list[int | None] = [None]
        self.value: list[float | None] = [None]
        self.copies: list[int] = [1]
        self.cut: list[bool] = [False]
        self.answer: list[str | None] = [None]
        self._node_of_step: dict[tuple[int, str, str, bool], int] = {}
        self.notes: list[Note] = []
        self.events: list[Event] = [NodeAdded(0)]

    def __len__(self) -> int:
        return len(
            self.answer
        )  # written last: a page that reads while the tree grows sees no half node

    def add(
        self,
        parent: int,
        text: str,
        *,
        tokens: int = 0,
        logprob: float = 0.0,
        token_logprobs: Sequence[float] = (),
        finished: bool = False,
        answer: str | None = None,
        kind: str | None = None,
        cut: bool = False,
    ) -> int:
        """Append a node, a round after its parent's.

        Args:
            parent: the id of a node that is there.
            text: of the step.
            tokens: how many were sampled for it.
            logprob: of all its tokens together, in nats.
            token_logprobs: of each of them, in nats; empty where the model told none.
            finished: whether a solution ends with it.
            answer: of a finished solution, None if it cannot be read.
            kind: ``revision`` or ``rollout``; None for a step or the answer that it is.
            cut: whether a finished solution broke off with it.

        Returns:
            The id of the node.

        Raises:
            ValueError: there is no such parent.
        """
        node = len(self)
        if not 0 <= parent < node:
            raise ValueError(f"node {node} names parent {parent}, which does not stand before it")
        kind = kind or _step_kind(finished)
        status = {"revision": "finished", "rollout": "pruned"}.get(
            kind, "finished" if finished else "open"
        )
        self.parent.append(parent)
        self.text.append(text)
        self.kind.append(kind)
        self.status.append(status)
        self.score.append(None)
        self.logprob.append(logprob)
        self.token_logprobs.append(tuple(round(logprob, 4) for logprob in token_logprobs))
        self.tokens.append(tokens)
        self.round.append(self.round[parent] + 1)
        self.visits.append(None)
        self.value.append(None)
        self.copies.append(1)
        self.cut.append(cut and status == "finished")
        self._node_of_step.setdefault((parent, kind, text, cut), node)
        self.answer.append(answer if status == "finished" else None)
        self.events.append(NodeAdded(node))
        return node

    def add_steps(
        self, parents: Sequence[int], steps: Sequence[Step], kind: str | None = None
    ) -> list[int]:
        """Take one sample a (parent, step) pair, as Extend or Revise was answered.

        Returns:
            The node of each sample, in their order: a new child of its parent, or with ``merge``
            the one that stands for the same step. A node is there once for each sample.
        """
        return [
            self._add_sample(parent, step, kind)
            for parent, step in zip(parents, steps, strict=True)
        ]

    def _add_sample(self, parent: int, step: Step, kind: str | None) -> int:
        key = (parent, kind or _step_kind(step.finished), step.text, step.cut)
        if self.merge and kind != "revision" and key in self._node_of_step:
            node = self._node_of_step[key]
            self.add_copy(node)
            return node
        return self.add(
            parent,
            step.text,
            tokens=step.tokens,
            logprob=step.logprob,
            token_logprobs=step.token_logprobs,
            finished=step.finished,
            answer=step.answer,
            kind=kind,
            cut=step.cut,
        )

    def add_copy(self, node: int) -> None:
        """Count one more sample that wrote the node's step. A node that was pruned is open
        again."""
        self.copies[node] += 1
        self.events.append(CopyAdded(node))
        if self.status[node] == "pruned":
            self.set_status([node], "open")

    def set_scores(self, nodes: Sequence[int], scores: Sequence[float]) -> None:
        """Record the verifier's score of each node; one that has that score already is left as it
        is."""
        for node, score in zip(nodes, scores, strict=True):
            if self.score[node] == score:
                continue
            self.score[node] = score
            self.events.append(NodeScored(node, score))

    def set_status(self, nodes: Sequence[int], status: str) -> None:
        """Set the status of each node. A finished node stays finished, a rollout pruned."""
        for node in nodes:
            if self.status[node] not in (status, "finished") and self.kind[node] != "rollout":
                self.status[node] = status
                self.events.append(StatusChanged(node, status))

    def set_value(self, node: int, visits: int, value: float) -> None:
        """Record how often a tree search went through the node, and the mean value of what it
        found."""
        self.visits[node] = visits
        self.value[node] = value
        self.events.append(ValueUpdated(node, visits, value))

    def note(self, text: str, /, **data: NoteValue | list[NoteValue]) -> None:
        """Let the run say one sentence about itself, with the figures behind it."""
        self.notes.append(Note(text, data))
        self.events.append(NoteAdded(len(self.notes) - 1))

    def path(self, node: int) -> list[int]:
        """Node ids from the root's child down to ``node`` (empty for the root)."""
        nodes = []
        while node > 0:
            nodes.append(node)
            node = self.parent[node]
        return nodes[::-1]

    def solution(self, node: int) -> list[str]:
        """The lines from the question down to ``node``; of a revision, those of that attempt
        alone."""
        steps = [node] if self.kind[node] == "revision" else self.path(node)
        return [line for step in steps for line in self.text[step].split("\n")]

    def chain(self, node: int) -> list[int]:
        """Ids of the attempts that led to the attempt ``node``, oldest first and itself last:
        revisions, and the answer of the solution that they began with, if any. Empty for the
        root."""
        attempts = []
        while node > 0:
            attempts.append(node)
            if self.kind[node] != "revision":
                break
            node = self.parent[node]
        return attempts[::-1]

    def children(self, node: int) -> list[int]:
        """Ids of the node's children, in order of creation."""
        return [n for n in range(node + 1, len(self)) if self.parent[n] == node]

    def leaves(self) -> Iterator[int]:
        """Ids of the finished solutions' last steps; each once, whatever its copies."""
        return (n for n in range(len(self)) if self.status[n] == "finished")

    def solution_count(self) -> int:
        """How many samples have finished a solution: the copies of all leaves."""
        return sum(self.copies[leaf] for leaf in self.leaves())

    def cut_count(self) -> int:
        """How many of them broke off."""
        return sum(self.copies[leaf] for leaf in self.leaves() if self.cut[leaf])


def _step_kind(finished: bool) -> str:
    return "answer" if finished else "step"
