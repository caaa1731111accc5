"""A reviser without training: a chat model that is shown its last answers and asked for a better
one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ttc_explorer.models.protocol import (
    DecodedStep,
    ExtendJob,
    Generator,
    Prefilled,
    RevisionContext,
)


class SupportsChatRevision(Generator, Protocol):
    """A Generator that can be asked in words for a better solution
    (``prompts.revision_messages``)."""

    def prefill_chat_revisions(self, chains: Sequence[RevisionContext]) -> list[Prefilled]: ...


class PromptedReviser:
    """A Reviser (``protocol.py``) that is the generator itself, asked differently. ``prompted``
    says so: such models mend their mistakes less often than one taught to (arXiv 2310.01798;
    2408.03314, section 6.1)."""

    prompted = True

    def __init__(self, generator: SupportsChatRevision) -> None:
        self.name = f"{generator.name}, prompted"
        self.parameters = generator.parameters
        self._generator = generator

    def prefill_revisions(self, chains: Sequence[RevisionContext]) -> list[Prefilled]:
        return self._generator.prefill_chat_revisions(chains)

    def extend(self, jobs: Sequence[ExtendJob]) -> list[DecodedStep]:
        return self._generator.extend(jobs)
