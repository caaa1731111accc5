"""What is told of models before they are loaded, as plain data: the process that serves pages takes
it from a worker (``model_description.py`` works it out, and needs torch)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

SOLUTION_TOKENS = 2048
"""Tokens that are assumed for a question with its solution; few are longer."""


@dataclass(frozen=True)
class MemoryEstimate:
    """``weights`` is what loading takes, ``solution`` what each solution kept in memory takes
    besides, at SOLUTION_TOKENS tokens; in bytes."""

    parameters: int
    weights: int
    solution: int

    def max_solutions(self, free: int) -> int:
        """How many solutions there is room for beside the weights, in ``free`` bytes; batches are
        cut to what there is."""
        return max(0, (free - self.weights) // self.solution)


@dataclass(frozen=True)
class ModelDescription:
    """A generator or a verifier. ``source`` is shipped, folder, Hugging Face or server; ``format``
    says how it is prompted or what its score means, of a server what it proved to do, ``notes``
    what is out of the ordinary. ``supports_prefix_continuation`` is as in ``protocol.py``; one that
    ``supports_chat`` revises when asked to. ``parameters`` and ``need`` are None where nobody can
    know before loading. ``unusable`` is one sentence, or None."""

    name: str
    role: str
    source: str
    title: str
    format: str
    parameters: int | None = None
    need: MemoryEstimate | None = None
    recomputes_prefix: bool = False
    supports_prefix_continuation: bool = True
    supports_chat: bool = False
    notes: tuple[str, ...] = ()
    licence: str | None = None
    unusable: str | None = None


@dataclass(frozen=True)
class ModelSetDescription:
    """A generator with its verifier. ``reviser`` is trained, prompted, or None. ``room`` is how
    many solutions fit beside the weights in the memory of ``device``; batches are cut to that."""

    name: str
    generator: ModelDescription
    verifier: ModelDescription | None
    reviser: str | None
    device: str
    room: int | None
    unusable: str | None


def description_to_data(description: ModelSetDescription) -> dict[str, Any]:
    """As JSON can hold it."""
    return asdict(description)


def description_from_data(data: object) -> ModelSetDescription:
    """The description that ``description_to_data`` gave."""
    return TypeAdapter(ModelSetDescription).validate_python(data)
