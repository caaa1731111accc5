"""Searches of other libraries, by their own code, on the models of the benchmark's yardstick: the
same checkpoint, verifier and rule of where a solution ends."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import torch

from ttc_explorer.experiments.transformers_baseline import SETTINGS, TransformersBaseline

ANSWER = "Answer:"
"""What the answer line of the shipped models begins with."""


class Peer(Protocol):
    """Another library. ``strategies`` are those that it has of ours."""

    strategies: tuple[str, ...]

    def search(self, question: str, strategy: str, budget: int, seed: int) -> int:
        """Tokens generated."""
        ...


class Message(Protocol):
    """A turn of a conversation in its_hub."""

    content: str


class ItsHub:
    """its_hub's beam search. Raises ImportError if the library cannot be loaded."""

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
        codec = self._baseline.codec
        lines = codec.steps([solution.removesuffix("\n")])[0] if solution else []
        return codec.prompt(question) + lines


PEERS: dict[str, Callable[[TransformersBaseline], Peer]] = {"its_hub": ItsHub}


def find_peers(
    folder: Path | None, baseline: TransformersBaseline
) -> tuple[dict[str, Peer], dict[str, str]]:
    """The libraries whose packages are in ``folder``, and of each other one a sentence on why it is
    left out; nothing at all without a folder."""
    found: dict[str, Peer] = {}
    missing: dict[str, str] = {}
    if folder is None:
        return found, missing
    sys.path.insert(0, str(folder))
    try:
        for name, make in PEERS.items():
            if not (folder / name).is_dir():
                missing[name] = f"left out: there is no folder {name} in the folder of peers"
                continue
            try:
                found[name] = make(baseline)
            except ImportError as error:
                missing[name] = f"left out: it cannot be loaded ({error})"
    finally:
        sys.path.remove(str(folder))
    return found, missing
