"""The work that a run needs of models: which models there are, and what is asked of them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ttc_explorer.models import protocol
from ttc_explorer.models.protocol import (
    Cost,
    DecodedStep,
    Prefilled,
    Reviser,
    RevisionVerifier,
    ScoredStep,
    Verifier,
    WaitsForServer,
)

Method = Callable[[Sequence[Any]], list[Any]]
"""A bound method of a model, from jobs to results, one each. Two are equal if model and method
are."""

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Models:
    """The models of a run. Without ``revision_verifier``, revisions are scored by ``verifier``."""

    generator: protocol.Generator
    verifier: Verifier | None = None
    reviser: Reviser | None = None
    revision_verifier: RevisionVerifier | None = None

    def methods(self) -> list[Method]:
        """What a run may ask of them, each once, in the order in which a round of a search does."""
        methods: list[Method] = [self.generator.prefill]
        if self.reviser is not None:
            methods.append(self.reviser.prefill_revisions)
        methods.append(self.generator.extend)
        if self.reviser is not None:
            methods.append(self.reviser.extend)
        if self.verifier is not None:
            methods.append(self.verifier.prefill)
        if self.revision_verifier is not None:
            methods.append(self.revision_verifier.prefill_revisions)
        if self.verifier is not None:
            methods.append(self.verifier.score)
        if self.revision_verifier is not None:
            methods.append(self.revision_verifier.score)
        return list(dict.fromkeys(methods))

    def waiting(self) -> str:
        """Why a model's server lets all wait, in a sentence; empty while none does."""
        models: tuple[object, ...] = (
            self.generator,
            self.verifier,
            self.reviser,
            self.revision_verifier,
        )
        waits = (model.waiting for model in models if isinstance(model, WaitsForServer))
        return next(filter(None, waits), "")


@dataclass(frozen=True)
class Work:
    """What a run waits for: ``method``, called with these jobs, alone or among those of other runs,
    gives a result a job."""

    method: Method
    jobs: Sequence[Any]


Execution = Generator[Work, list[Any], _Answer]
"""A part of a run's execution: yields Work, receives its results, and returns an answer."""


def ask(
    method: Callable[[Sequence[_Job]], list[_Result]], jobs: Sequence[_Job]
) -> Execution[list[_Result]]:
    """Wait for a model's results, one a job."""
    results: list[_Result] = yield Work(method, jobs)
    return results


def total_cost(results: Iterable[DecodedStep | ScoredStep | Prefilled]) -> Cost:
    """What all the results cost together."""
    return sum((result.cost for result in results), Cost())
