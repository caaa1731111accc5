"""What a run holds of the samples of its tree: those that wrote a node, and those being written."""

from __future__ import annotations

from dataclasses import dataclass, field

from ttc_explorer.models.protocol import DecodedStep, State, Step
from ttc_explorer.search.run_progress import PartialRow

RngPath = tuple[int, ...]


def join_lines(text: str) -> str:
    """What a model wrote as one line or paragraph, on one line, as a tree holds it."""
    return text.replace("\n", " ")


@dataclass
class NodeSample:
    """One of the samples that wrote a node's step.

    Attributes:
        rng_path: its random stream.
        state: the generator's after it; None where it is not held.
        children: how many samples have gone on from it.
    """

    rng_path: RngPath
    state: State = None
    children: int = 0


@dataclass
class PendingText:
    """A step or a revision that is being written, a line (or paragraph) a tick. ``finished`` when
    the model has ended the solution with it; ``failed`` when it could not, ``cut`` when it had no
    room to. ``rng_path`` is the random stream of a revision, and of a step's last line."""

    parent: int
    rng_path: RngPath
    state: State
    lines: list[str] = field(default_factory=list)
    tokens: int = 0
    token_logprobs: tuple[float, ...] = ()
    logprob: float = 0.0
    finished: bool = False
    failed: bool = False
    cut: bool = False
    answer: str | None = None

    def add(self, row: DecodedStep) -> None:
        self.state = row.state
        self.failed = bool(row.failure)
        self.lines.append(row.text)
        self.tokens += row.tokens
        self.token_logprobs += row.token_logprobs
        self.logprob += row.logprob
        self.finished = row.finished
        self.cut = row.cut

    def to_partial(self) -> PartialRow:
        return PartialRow(self.parent, "\n".join(self.lines), self.tokens)

    def to_step(self) -> Step:
        return Step(
            "\n".join(map(join_lines, self.lines)),
            self.tokens,
            self.logprob,
            self.finished,
            self.answer,
            self.token_logprobs,
            self.failed,
            self.cut,
        )
