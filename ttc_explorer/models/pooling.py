"""A process reward model behind vLLM's ``/pooling``: a token classifier, or one pooled at its steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ttc_explorer.models.abilities import Abilities
from ttc_explorer.models.connection import Call, Connection
from ttc_explorer.models.manner import ANY_LENGTH
from ttc_explorer.models.protocol import Chain, Cost, ModelError, Opened, Scored, ScoreJob
from ttc_explorer.models.replies import shared, usage_of
from ttc_explorer.models.verifiers import DIGITS

TEXTS = 32
"""Most texts in one call."""


class Format(Protocol):
    """What a verifier reads, in token ids, so that it reads what it was trained on (``codec.py``)."""

    def prompts(self, questions: Sequence[str], context: int) -> list[list[int]]: ...

    def chains(self, chains: Sequence[Chain], context: int) -> list[list[int]]: ...

    def steps(self, texts: Sequence[str]) -> list[list[int]]: ...


@dataclass(frozen=True)
class Judged:
    """The state after a step: the ids of the question and of the steps so far."""

    ids: list[int]


class ServerVerifier:
    """A Verifier and RevisionVerifier (``protocol.py``) whose model runs elsewhere. Safe to call from any
    thread.

    ``--runner pooling`` of a token classifier gives the probabilities of the two labels at every token
    (softmax), with ``"tok_pooling_type": "STEP"`` at every step's tag; the score is label 1's at the last of
    them, which is the end of the last step.

    The server remembers nothing: each score reads its whole prefix again, and ``cost.verifier`` is what its
    usage figures say. A step whose call failed scores 0 and says so in ``failed``; if all calls fail,
    ModelError is raised. A step beyond the model's context is not read and scores 0.
    """

    def __init__(self, connection: Connection, abilities: Abilities, format: Format) -> None:
        self.name = f"{abilities.model} at {connection.host}"
        self.parameters = abilities.parameters
        self.abilities = abilities
        self._connection = connection
        self._format = format
        self._context = abilities.context or ANY_LENGTH

    def open(self, questions: Sequence[str]) -> list[Opened]:
        """Write the prompts; the server reads them with each step. Raises BadInput if one is too long."""
        return [Opened(Judged(ids), Cost()) for ids in self._format.prompts(questions, self._context)]

    def open_chains(self, chains: Sequence[Chain]) -> list[Opened]:
        """Write the questions and the attempts at them. Raises BadInput like ``open``."""
        return [Opened(Judged(ids), Cost()) for ids in self._format.chains(chains, self._context)]

    def score(self, jobs: Sequence[ScoreJob]) -> list[Scored]:
        """Judge every job's step. Cancelled jobs are not read and score 0. Raises ModelError."""
        steps = self._format.steps([job.text for job in jobs])
        texts = [job.state.ids + step for job, step in zip(jobs, steps, strict=True)]
        scored = [Scored(0.0, Judged(ids), Cost()) for ids in texts]
        batches = self._batches(jobs, texts)
        replies = self._connection.ask(
            [
                Call(
                    "/pooling",
                    {"model": self.abilities.model, "input": [texts[place] for place in batch]},
                    jobs[batch[0]].cancelled,
                )
                for batch in batches
            ]
        )
        failures = []
        for batch, reply in zip(batches, replies, strict=True):
            if reply is None:
                continue
            try:
                found = self._read(reply, [len(texts[place]) for place in batch])
            except ModelError as error:
                failures.append(error)
                for place in batch:
                    scored[place] = replace(scored[place], failed=str(error))
                continue
            for place, (score, cost) in zip(batch, found, strict=True):
                scored[place] = replace(scored[place], score=score, cost=cost)
        if failures and len(failures) == len(batches):
            raise failures[0]
        return scored

    def _batches(self, jobs: Sequence[ScoreJob], texts: Sequence[list[int]]) -> list[list[int]]:
        """Places of the jobs that are read, those of one run together, a list a call."""
        runs: dict[Callable[[], bool], list[int]] = {}
        for place, job in enumerate(jobs):
            if len(texts[place]) <= self._context:
                runs.setdefault(job.cancelled, []).append(place)
        return [places[at : at + TEXTS] for places in runs.values() for at in range(0, len(places), TEXTS)]

    def _read(self, reply: dict[str, Any] | ModelError, lengths: list[int]) -> list[tuple[float, Cost]]:
        """Score and cost of each text. Raises ModelError."""
        if isinstance(reply, ModelError):
            raise reply
        usage = usage_of(reply)
        data = reply.get("data")
        if not isinstance(data, list) or len(data) != len(lengths):
            raise ModelError(f"The verifier's server did not send {len(lengths)} judgements: start it anew.")
        if all(isinstance(entry, dict) and type(entry.get("index")) is int for entry in data):
            data = sorted(data, key=lambda entry: entry["index"])
        return [
            (chance_of_right(entry), Cost(verifier=tokens, flops=2.0 * self.parameters * tokens))
            for entry, tokens in zip(data, shared(usage.prompt, lengths), strict=True)
        ]


def chance_of_right(entry: Any) -> float:
    """The probability of label 1 in the last pair of a judgement. Raises ModelError if it is none.

    >>> chance_of_right({"data": [[0.5, 0.5], [0.1, 0.9]]})
    0.9
    """
    try:
        wrong, right = (float(chance) for chance in entry["data"][-1])
        if 0 <= wrong <= 1 and 0 <= right <= 1 and abs(wrong + right - 1) < 0.01:
            return round(right, DIGITS)
    except (IndexError, KeyError, TypeError, ValueError):
        pass
    raise ModelError(
        "The verifier's server sends no pair of probabilities (wrong, right) at the end of a step: serve a "
        "process reward model with `vllm serve MODEL --runner pooling`."
    )
