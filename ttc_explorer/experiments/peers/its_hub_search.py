"""its_hub's beam search, by its own code, on the models of the benchmark's yardstick: the same
checkpoint, verifier and rule of where a solution ends."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence
from typing import Protocol

import torch

from ttc_explorer.experiments.peers.solution_lines import solution_ids
from ttc_explorer.experiments.peers.transformers_baseline import SETTINGS, TransformersBaseline

ANSWER = "Answer:"
"""What the answer line of the shipped models begins with."""


class Message(Protocol):
    """A turn of a conversation in its_hub."""

    content: str


class ItsHub:
    """Raises ImportError if the library cannot be loaded."""

    strategies: tuple[str, ...] = ("beam",)

    def __init__(self, baseline: TransformersBaseline) -> None:
        self._models = _ItsHubModels(baseline)
        self._beam = importlib.import_module("its_hub.core.algorithms.beam_search")
        self._steps = importlib.import_module("its_hub.core.lms.step_generation")

    def search(self, question: str, strategy: str, budget: int, seed: int) -> int:
        """Tokens generated."""
        torch.manual_seed(seed)
        before = self._models.generated
        steps = self._steps.StepGeneration(
            SETTINGS.rounds, "\n", stop_token=ANSWER, temperature=SETTINGS.temperature
        )
        beam = self._beam.BeamSearch(steps, self._models, budget // SETTINGS.children(budget))
        with torch.inference_mode():
            asyncio.run(beam.ainfer(self._models, question, budget))
        return self._models.generated - before


class _ItsHubModels:
    """The yardstick's models as its_hub's language model and process reward model."""

    def __init__(self, baseline: TransformersBaseline) -> None:
        self._baseline = baseline
        self.generated = 0

    async def agenerate(
        self, conversations: Sequence[Sequence[Message]], **_: object
    ) -> list[dict[str, str]]:
        """The next step of each conversation: a question, and what was answered so far."""
        live = [
            self._ids(*(message.content for message in conversation))
            for conversation in conversations
        ]
        # A solution that has filled the context has ended, which its_hub does not know.
        has_room = [len(ids) < self._baseline.context for ids in live]
        some = [ids for ids, room in zip(live, has_room, strict=True) if room]
        steps = self._baseline.steps(some) if some else []
        self.generated += sum(map(len, steps))
        texts = iter(self._baseline.codec.texts(steps))
        return [
            {"role": "assistant", "content": next(texts) if room else ANSWER} for room in has_room
        ]

    async def ascore(self, question: str, solutions: Sequence[str]) -> list[float]:
        """The score of each solution, judged at its last step."""
        context = self._baseline.context
        return self._baseline.scores([self._ids(question, text)[:context] for text in solutions])

    def _ids(self, question: str, solution: str = "") -> list[int]:
        return solution_ids(self._baseline.codec, question, solution)
