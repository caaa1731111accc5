"""A verifier behind a server: its head by vLLM's ``/pooling``, or the signs that it would write next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import exp
from typing import Any

from ttc_explorer.models.abilities import Abilities
from ttc_explorer.models.codec import fitting
from ttc_explorer.models.connection import Call, Connection
from ttc_explorer.models.formats import Reading
from ttc_explorer.models.manner import ANY_LENGTH
from ttc_explorer.models.protocol import Cost, ModelError, Opened, Scored, ScoreJob
from ttc_explorer.models.replies import choices_of, shared, usage_of
from ttc_explorer.models.verifiers import DIGITS

TEXTS = 32
"""Most texts in one call."""


@dataclass(frozen=True)
class Judged:
    """The state after a step: the question and the steps so far."""

    question: str
    steps: tuple[str, ...] = ()


class ServerVerifier:
    """A Verifier (``protocol.py``) whose model runs elsewhere and reads what its ``format`` writes. Safe to
    call from any thread.

    A model with a head is served with ``--runner pooling``: vLLM gives the probabilities of the labels
    (softmax; of one label, sigmoid) at every token, of Qwen2.5-Math-PRM at every step's tag, of a reward
    model once; the score is that of the last label at the last of them, where the last step ends. A plain
    language model that judges by signs is served as a generator: the score is the probability of ``+``
    against ``-`` as the next token (``logprob_token_ids``, vLLM).

    The server remembers nothing: each score reads its whole prefix again, and ``cost.verifier`` is what its
    usage figures say, less what they say it had cached. A step whose call failed scores 0 and says so in
    ``failed``; if all calls fail, ModelError is raised. A step beyond the model's context is not read and
    scores 0.
    """

    def __init__(self, connection: Connection, abilities: Abilities, format: Reading) -> None:
        self.name = f"{abilities.model} at {connection.host}"
        self.parameters = abilities.parameters
        self.abilities = abilities
        self.format = format
        self._connection = connection
        self._context = abilities.context - bool(format.signs) if abilities.context else ANY_LENGTH

    def open(self, questions: Sequence[str]) -> list[Opened]:
        """Write the prompts; the server reads them with each step. Raises BadInput if one is too long."""
        fitting([self.format.ids(question, ()) for question in questions], self._context)
        return [Opened(Judged(question), Cost()) for question in questions]

    def score(self, jobs: Sequence[ScoreJob]) -> list[Scored]:
        """Judge every job's step; of several lines in a text, the last. Cancelled jobs are not read and
        score 0. Raises ModelError."""
        states = [Judged(job.state.question, (*job.state.steps, *job.text.split("\n"))) for job in jobs]
        texts = [self.format.ids(state.question, state.steps) for state in states]
        scored = [Scored(0.0, state, Cost()) for state in states]
        batches = self._batches(jobs, texts)
        replies = self._connection.ask(
            [self._call([texts[place] for place in batch], jobs[batch[0]].cancelled) for batch in batches]
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

    def _call(self, texts: list[list[int]], cancelled: Callable[[], bool]) -> Call:
        if self.format.signs is None:
            return Call("/pooling", {"model": self.abilities.model, "input": texts}, cancelled)
        body = {
            "model": self.abilities.model,
            "prompt": texts,
            "max_tokens": 1,
            "temperature": 0,
            "logprobs": 1,
            "logprob_token_ids": self.format.signs,
            "return_tokens_as_token_ids": True,
        }
        return Call("completions", body, cancelled)

    def _read(self, reply: dict[str, Any] | ModelError, lengths: list[int]) -> list[tuple[float, Cost]]:
        """Score and cost of each text. Raises ModelError."""
        if isinstance(reply, ModelError):
            raise reply
        usage = usage_of(reply)
        total = usage.prompt - usage.cached + usage.completion
        if self.format.signs is None:
            scores = [chance_of_right(entry) for entry in judgements_of(reply, len(lengths))]
        else:
            scores = [chance_of_plus(choice, self.format.signs) for choice in choices_of(reply, len(lengths))]
        return [
            (score, Cost(verifier=tokens, flops=2.0 * self.parameters * tokens))
            for score, tokens in zip(scores, shared(total, lengths), strict=True)
        ]


def judgements_of(reply: dict[str, Any], count: int) -> list[Any]:
    """The judgements of a reply of ``/pooling``, in the order of the texts. Raises ModelError."""
    data = reply.get("data")
    if not isinstance(data, list) or len(data) != count:
        raise ModelError(f"The verifier's server did not send {count} judgements: start it anew.")
    if all(isinstance(entry, dict) and type(entry.get("index")) is int for entry in data):
        data = sorted(data, key=lambda entry: entry["index"])
    return data


def chance_of_right(entry: Any) -> float:
    """The probability of label 1 in the last pair of a judgement, or of its label in that of a whole text.
    Raises ModelError if it is none.

    >>> chance_of_right({"data": [[0.5, 0.5], [0.1, 0.9]]}), chance_of_right({"data": [0.7]})
    (0.9, 0.7)
    """
    try:
        data = entry["data"]
        if len(data) == 1 and not isinstance(data[0], list):  # a reward model with one label
            data = [1 - data[0], data[0]]
        wrong, right = (float(chance) for chance in (data[-1] if isinstance(data[-1], list) else data))
        if 0 <= wrong <= 1 and 0 <= right <= 1 and abs(wrong + right - 1) < 0.01:
            return round(right, DIGITS)
    except (IndexError, KeyError, TypeError, ValueError):
        pass
    raise ModelError(
        "The verifier's server sends no probabilities (wrong, right) at the end of a step: serve a verifier "
        "with `vllm serve MODEL --runner pooling`."
    )


def chance_of_plus(choice: dict[str, Any], signs: tuple[int, int]) -> float:
    """The probability of ``+`` against ``-`` as the one token of a choice. Raises ModelError if it cannot be
    told.

    >>> chance_of_plus({"logprobs": {"top_logprobs": [{"token_id:6": -0.5, "token_id:7": -0.5}]}}, (6, 7))
    0.5
    """
    try:
        (first,) = choice["logprobs"]["top_logprobs"]
        plus, minus = (float(first[f"token_id:{sign}"]) for sign in signs)
        if abs(plus - minus) < float("inf"):
            return round(1 / (1 + exp(min(minus - plus, 700.0))), DIGITS)
    except (KeyError, TypeError, ValueError):
        pass
    raise ModelError(
        "The verifier's server does not tell how likely it would write + and -: serve it with a vLLM that "
        "knows logprob_token_ids."
    )
