"""A verifier behind a server: its head by vLLM's ``/pooling``, or the signs that it would write
next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import exp
from typing import Any

from ttc_explorer.models.flops import forward_flops
from ttc_explorer.models.http_client import ApiCall, ApiClient
from ttc_explorer.models.local_verifiers import SCORE_DECIMALS
from ttc_explorer.models.prompt_format import UNLIMITED_CONTEXT
from ttc_explorer.models.protocol import Cost, ModelError, Prefilled, ScoredStep, ScoreJob
from ttc_explorer.models.response_parsing import parse_choices, parse_usage, split_proportionally
from ttc_explorer.models.server_capabilities import ServerCapabilities
from ttc_explorer.models.step_codec import require_fit
from ttc_explorer.models.verifier_formats import VerifierFormat

MAX_TEXTS_PER_CALL = 32
"""Most texts in one call."""


@dataclass(frozen=True)
class ServerVerifierState:
    """The state after a step: the question and the steps so far."""

    question: str
    steps: tuple[str, ...] = ()


class ServerVerifier:
    """A Verifier (``protocol.py``) whose model runs elsewhere and reads what its ``format`` writes.
    Safe to call from any thread.

    A model with a head is served with ``--runner pooling``: vLLM gives the probabilities of the
    labels (softmax; of one label, sigmoid) at every token, of Qwen2.5-Math-PRM at every step's tag,
    of a reward model once; the score is that of the last label at the last of them, where the last
    step ends. A plain language model that judges by signs is served as a generator: the score is
    the probability of ``+`` against ``-`` as the next token (``logprob_token_ids``, vLLM).

    The server remembers nothing: each score reads its whole prefix again, and ``cost.verifier`` is
    what its usage figures say, less what they say it had cached. A step whose call failed scores 0
    and says so in ``failure``; if all calls fail, ModelError is raised. A step beyond the model's
    context is not read and scores 0.
    """

    def __init__(
        self, client: ApiClient, capabilities: ServerCapabilities, format: VerifierFormat
    ) -> None:
        self.name = f"{capabilities.model} at {client.host}"
        self.parameters = capabilities.parameters
        self.capabilities = capabilities
        self.format = format
        self._client = client
        self._context = (
            capabilities.context - bool(format.sign_token_ids)
            if capabilities.context
            else UNLIMITED_CONTEXT
        )

    @property
    def waiting(self) -> str:
        """Why the server is not asked now (``WaitsForServer``)."""
        return self._client.waiting

    def prefill(self, questions: Sequence[str]) -> list[Prefilled]:
        """Write the prompts; the server reads them with each step. Raises BadInput if one is too
        long."""
        require_fit([self.format.ids(question, ()) for question in questions], self._context)
        return [Prefilled(ServerVerifierState(question), Cost()) for question in questions]

    def score(self, jobs: Sequence[ScoreJob]) -> list[ScoredStep]:
        """Judge every job's step; of several lines in a text, the last. Cancelled jobs are not read
        and score 0. Raises ModelError."""
        states = [
            ServerVerifierState(job.state.question, (*job.state.steps, *job.text.split("\n")))
            for job in jobs
        ]
        texts = [self.format.ids(state.question, state.steps) for state in states]
        scored = [ScoredStep(0.0, state, Cost()) for state in states]
        batches = self._batches(jobs, texts)
        replies = self._client.send(
            [
                self._call([texts[index] for index in batch], jobs[batch[0]].cancelled)
                for batch in batches
            ]
        )
        failures = []
        for batch, reply in zip(batches, replies, strict=True):
            if reply is None:
                continue
            try:
                parsed = self._parse_response(reply, [len(texts[index]) for index in batch])
            except ModelError as error:
                failures.append(error)
                for index in batch:
                    scored[index] = replace(scored[index], failure=str(error))
                continue
            for index, (score, cost) in zip(batch, parsed, strict=True):
                scored[index] = replace(scored[index], score=score, cost=cost)
        if failures and len(failures) == len(batches):
            raise failures[0]
        return scored

    def _batches(self, jobs: Sequence[ScoreJob], texts: Sequence[list[int]]) -> list[list[int]]:
        """Places of the jobs that are read, those of one run together, a list a call."""
        runs: dict[Callable[[], bool], list[int]] = {}
        for index, job in enumerate(jobs):
            if len(texts[index]) <= self._context:
                runs.setdefault(job.cancelled, []).append(index)
        return [
            indices[at : at + MAX_TEXTS_PER_CALL]
            for indices in runs.values()
            for at in range(0, len(indices), MAX_TEXTS_PER_CALL)
        ]

    def _call(self, texts: list[list[int]], cancelled: Callable[[], bool]) -> ApiCall:
        if self.format.sign_token_ids is None:
            return ApiCall(
                "/pooling", {"model": self.capabilities.model, "input": texts}, cancelled
            )
        body = {
            "model": self.capabilities.model,
            "prompt": texts,
            "max_tokens": 1,
            "temperature": 0,
            "logprobs": 1,
            "logprob_token_ids": self.format.sign_token_ids,
            "return_tokens_as_token_ids": True,
        }
        return ApiCall("completions", body, cancelled)

    def _parse_response(
        self, reply: dict[str, Any] | ModelError, lengths: list[int]
    ) -> list[tuple[float, Cost]]:
        """Score and cost of each text. Raises ModelError."""
        if isinstance(reply, ModelError):
            raise reply
        usage = parse_usage(reply)
        total = usage.prompt - usage.cached + usage.completion
        if self.format.sign_token_ids is None:
            scores = [
                probability_of_correct(entry)
                for entry in parse_pooling_outputs(reply, len(lengths))
            ]
        else:
            scores = [
                probability_of_plus(choice, self.format.sign_token_ids)
                for choice in parse_choices(reply, len(lengths))
            ]
        return [
            (
                score,
                Cost(verifier=tokens, verifier_flops=forward_flops(self.parameters, 0, 0, tokens)),
            )
            for score, tokens in zip(scores, split_proportionally(total, lengths), strict=True)
        ]


def parse_pooling_outputs(reply: dict[str, Any], count: int) -> list[Any]:
    """The judgements of a reply of ``/pooling``, in the order of the texts. Raises ModelError."""
    data = reply.get("data")
    if not isinstance(data, list) or len(data) != count:
        raise ModelError(f"The verifier's server did not send {count} judgements: start it anew.")
    if all(isinstance(entry, dict) and type(entry.get("index")) is int for entry in data):
        data = sorted(data, key=lambda entry: entry["index"])
    return data


def probability_of_correct(entry: Any) -> float:
    """The probability of label 1 in the last pair of a judgement, or of its label in that of a
    whole text. Raises ModelError if it is none.

    >>> probability_of_correct({"data": [[0.5, 0.5], [0.1, 0.9]]})
    0.9
    >>> probability_of_correct({"data": [0.7]})
    0.7
    """
    try:
        data = entry["data"]
        if len(data) == 1 and not isinstance(data[0], list):  # a reward model with one label
            data = [1 - data[0], data[0]]
        wrong, right = (
            float(chance) for chance in (data[-1] if isinstance(data[-1], list) else data)
        )
        if 0 <= wrong <= 1 and 0 <= right <= 1 and abs(wrong + right - 1) < 0.01:
            return round(right, SCORE_DECIMALS)
    except (IndexError, KeyError, TypeError, ValueError):
        pass
    raise ModelError(
        "The verifier's server sends no probabilities (wrong, right) at the end of a step: serve "
        "a verifier "
        "with `vllm serve MODEL --runner pooling`."
    )


def probability_of_plus(choice: dict[str, Any], sign_token_ids: tuple[int, int]) -> float:
    """The probability of ``+`` against ``-`` as the one token of a choice. Raises ModelError if it
    cannot be told.

    >>> logprobs = {"token_id:6": -0.5, "token_id:7": -0.5}
    >>> probability_of_plus({"logprobs": {"top_logprobs": [logprobs]}}, (6, 7))
    0.5
    """
    try:
        (first,) = choice["logprobs"]["top_logprobs"]
        plus, minus = (float(first[f"token_id:{sign}"]) for sign in sign_token_ids)
        if abs(plus - minus) < float("inf"):
            return round(1 / (1 + exp(min(minus - plus, 700.0))), SCORE_DECIMALS)
    except (KeyError, TypeError, ValueError):
        pass
    raise ModelError(
        "The verifier's server does not tell how likely it would write + and -: serve it with a "
        "vLLM that "
        "knows logprob_token_ids."
    )
