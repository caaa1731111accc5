"""A reviser without training: a chat model that is shown its last answers and asked for a better one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ttc_explorer.models.protocol import Chain, ExtendJob, Generator, Opened, Sampled


class Chatting(Generator, Protocol):
    """A Generator that can be asked in words for a better solution (``prompts.revision_messages``)."""

    def open_revisions(self, chains: Sequence[Chain]) -> list[Opened]: ...


class PromptedReviser:
    """A Reviser (``protocol.py``) that is the generator itself, asked differently. ``prompted`` says so: such
    models mend their mistakes less often than one taught to (arXiv 2310.01798; 2408.03314, section 6.1)."""

    prompted = True

    def __init__(self, generator: Chatting) -> None:
        self.name = f"{generator.name}, prompted"
        self.parameters = generator.parameters
        self._generator = generator

    def open_chains(self, chains: Sequence[Chain]) -> list[Opened]:
        return self._generator.open_revisions(chains)

    def extend(self, jobs: Sequence[ExtendJob]) -> list[Sampled]:
        return self._generator.extend(jobs)
