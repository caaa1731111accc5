"""The search tree: one record of a run, flat columns, grown by events.

A tree is the truth of a run: everything on screen and in a file is a function of it. Node 0 is the root (the
question); ids ascend in the order of creation and a node's parent stands before it.

Columns, one entry a node: ``parent`` (-1 for the root), ``text`` (one step, without line end), ``kind``
(``root``, ``step``, ``answer`` for the last step of a finished solution, ``revision``), ``status`` (``open``
not judged against its siblings yet, ``kept``, ``pruned``, ``finished``), ``score`` (verifier's, in [0, 1], or
None), ``logprob`` (nats, summed over the step's tokens), ``tokens``, ``round`` (0 for the root), ``answer``
(of a finished solution, else None).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ttc_explorer.models.protocol import Step

KINDS = ("root", "step", "answer", "revision")
STATUSES = ("open", "kept", "pruned", "finished")


@dataclass(frozen=True)
class Added:
    """A node was created, with status ``open``; ``kept`` for the root, ``finished`` for an ended solution."""

    node: int


@dataclass(frozen=True)
class Scored:
    """The verifier judged a node."""

    node: int
    score: float


@dataclass(frozen=True)
class Marked:
    """A node's status changed."""

    node: int
    status: str


Event = Added | Scored | Marked


class SearchTree:
    """Grow it with ``grow``, ``set_scores`` and ``mark``; read its columns and ``events``."""

    def __init__(self) -> None:
        self.parent: list[int] = [-1]
        self.text: list[str] = [""]
        self.kind: list[str] = ["root"]
        self.status: list[str] = ["kept"]
        self.score: list[float | None] = [None]
        self.logprob: list[float] = [0.0]
        self.tokens: list[int] = [0]
        self.round: list[int] = [0]
        self.answer: list[str | None] = [None]
        self.events: list[Event] = [Added(0)]

    def __len__(self) -> int:
        return len(self.answer)  # written last: a page that reads while the tree grows sees no half node

    def add(
        self,
        parent: int,
        text: str,
        *,
        tokens: int = 0,
        logprob: float = 0.0,
        finished: bool = False,
        answer: str | None = None,
        kind: str | None = None,
    ) -> int:
        """Append a node below ``parent`` and return its id. Its round is its parent's plus one."""
        node = len(self)
        if not 0 <= parent < node:
            raise ValueError(f"node {node} names parent {parent}, which does not stand before it")
        self.parent.append(parent)
        self.text.append(text)
        self.kind.append(kind or ("answer" if finished else "step"))
        self.status.append("finished" if finished else "open")
        self.score.append(None)
        self.logprob.append(logprob)
        self.tokens.append(tokens)
        self.round.append(self.round[parent] + 1)
        self.answer.append(answer)
        self.events.append(Added(node))
        return node

    def grow(self, parents: Sequence[int], steps: Sequence[Step]) -> list[int]:
        """Append one child a (parent, step) pair, as Extend was answered; return their ids."""
        return [
            self.add(
                parent,
                step.text,
                tokens=step.tokens,
                logprob=step.logprob,
                finished=step.finished,
                answer=step.answer,
            )
            for parent, step in zip(parents, steps, strict=True)
        ]

    def set_scores(self, nodes: Sequence[int], scores: Sequence[float]) -> None:
        """Record the verifier's score of each node."""
        for node, score in zip(nodes, scores, strict=True):
            self.score[node] = score
            self.events.append(Scored(node, score))

    def mark(self, nodes: Sequence[int], status: str) -> None:
        """Set the status of each node. A finished node stays finished."""
        for node in nodes:
            if self.status[node] not in (status, "finished"):
                self.status[node] = status
                self.events.append(Marked(node, status))

    def path(self, node: int) -> list[int]:
        """Node ids from the root's child down to ``node`` (empty for the root)."""
        nodes = []
        while node > 0:
            nodes.append(node)
            node = self.parent[node]
        return nodes[::-1]

    def solution(self, node: int) -> list[str]:
        """The steps from the question down to ``node``."""
        return [self.text[n] for n in self.path(node)]

    def children(self, node: int) -> list[int]:
        """Ids of the node's children, in order of creation."""
        return [n for n in range(node + 1, len(self)) if self.parent[n] == node]

    def leaves(self) -> Iterator[int]:
        """Ids of the finished solutions' last steps; each finished solution once."""
        return (n for n in range(len(self)) if self.status[n] == "finished")
