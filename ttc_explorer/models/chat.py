"""A service that only chats, as a generator of whole solutions and as a reviser: Hugging Face's Inference
Providers, and any other server with OpenAI's ``/v1/chat/completions``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ttc_explorer.models.abilities import TRIES, Abilities
from ttc_explorer.models.connection import Call, Connection
from ttc_explorer.models.prompts import Message, revision_messages, system_of
from ttc_explorer.models.protocol import Chain, Cost, ExtendJob, ModelError, Opened, Sampled
from ttc_explorer.models.replies import choices_of, shared, text_of, usage_of
from ttc_explorer.models.server import seed

ROUTER = "https://router.huggingface.co/v1"
"""Hugging Face's Inference Providers (huggingface.co/docs/inference-providers)."""

MAX_TOKENS = 2048
"""Most tokens of a solution."""


@dataclass(frozen=True)
class Line:
    """A step of a solution that has been written, and the tokens that are its share."""

    text: str
    tokens: int


@dataclass(frozen=True, eq=False)
class Conversation:
    """The state: what was asked, and the ``rest`` of the solution that was given; None before it is."""

    messages: list[Message]
    rest: tuple[Line, ...] | None = None


class ChatGenerator:
    """A Generator and Reviser (``protocol.py``) on a chat. Safe to call from any thread.

    The first step after a prompt has the service write the whole solution, one call a row, all under way
    together, and is charged with all of it (the service's own usage figures); the later steps, a paragraph
    each, are handed out of what is there, and cost nothing. So a prefix cannot be continued in another way:
    it does not fork. Log-probabilities are not asked for and count as 0; so do FLOPs, as a service does not
    say how large its model is. ``abilities`` are what a server proved to do; None where it was not asked.

    A row whose call failed ends there, without an answer, and ``failed`` says why; if all calls fail,
    ModelError is raised.
    """

    forks = False
    chats = True
    parameters = 0

    def __init__(self, connection: Connection, model: str, abilities: Abilities | None = None) -> None:
        self.name = f"{model} at {connection.host}"
        self.abilities = abilities
        self._connection = connection
        self._model = model

    def open(self, questions: Sequence[str]) -> list[Opened]:
        """Write the chats. The service reads them with the first step, and they are charged then."""
        return self.open_chains([Chain(question) for question in questions])

    def open_chains(self, chains: Sequence[Chain]) -> list[Opened]:
        """Write the chats that ask for a better solution than those of each chain."""
        system = system_of(self._model)
        return [Opened(Conversation(revision_messages(chain, system)), Cost()) for chain in chains]

    def extend(self, jobs: Sequence[ExtendJob]) -> list[Sampled]:
        """The next step of each job. See ExtendJob, Sampled. Raises ModelError."""
        asking = [row for row, job in enumerate(jobs) if job.state.rest is None]
        replies = self._connection.ask(
            [Call("chat/completions", self._body(jobs[row]), jobs[row].cancelled) for row in asking]
        )
        found: dict[int, Sampled] = {}
        failures = []
        for row, reply in zip(asking, replies, strict=True):
            state = jobs[row].state
            try:
                found[row] = _first(state, reply) if reply else _nothing(state)
            except ModelError as error:
                failures.append(error)
                found[row] = replace(_nothing(state), finished=True, failed=str(error))
        if failures and len(failures) == len(jobs):
            raise failures[0]
        return [found[row] if row in found else _next(job.state) for row, job in enumerate(jobs)]

    def _body(self, job: ExtendJob) -> dict[str, Any]:
        return {
            "model": self._model,
            "messages": job.state.messages,
            "max_tokens": MAX_TOKENS,
            "temperature": job.temperature,
            "seed": seed(job.stream),
        }


def hosted(model: str, token: str | None, **options: Any) -> ChatGenerator:
    """A model of Hugging Face's Inference Providers, paid by the account of ``token``: the visitor's own, and
    never the key of whoever runs this. It is asked for one token, to see that it answers. ``options`` go to
    the Connection. Raises ModelError, also without a token."""
    if not token:
        raise ModelError("Log in with your Hugging Face account first: its Inference Providers charge yours.")
    if not re.fullmatch(r"[\w.-]{1,96}/[\w.-]{1,96}(:[\w-]{1,32})?", model, re.ASCII):
        raise ModelError(
            "Name a model as Hugging Face does, such as Qwen/Qwen2.5-7B-Instruct, with :PROVIDER after it if "
            "you want a certain one."
        )
    connection = Connection(ROUTER, token, **options)
    trial = {"model": model, "messages": [{"role": "user", "content": "1 + 1"}], "max_tokens": 1}
    choices_of(connection.ask_one(Call("chat/completions", trial), TRIES), 1)
    return ChatGenerator(connection, model)


def paragraphs(solution: str) -> list[str]:
    """The steps of a solution, each on one line; at least one.

    >>> paragraphs("We add.\\n\\n1 + 1\\n= 2\\n \\nSo 2.")
    ['We add.', '1 + 1 = 2', 'So 2.']
    """
    return [" ".join(part.split("\n")) for part in re.split(r"\n\s*\n", solution.strip())]


def _first(state: Conversation, reply: dict[str, Any] | ModelError) -> Sampled:
    """The first step of the solution in a reply, charged with all of it. Raises ModelError."""
    if isinstance(reply, ModelError):
        raise reply
    usage = usage_of(reply)
    message = choices_of(reply, 1)[0].get("message")
    texts = paragraphs(text_of(message.get("content") if isinstance(message, dict) else None))
    counts = shared(usage.completion, [len(text) for text in texts])
    lines = tuple(Line(text, count) for text, count in zip(texts, counts, strict=True))
    cost = Cost(usage.completion, usage.prompt - usage.cached, usage.cached)
    return replace(_next(replace(state, rest=lines)), cost=cost)


def _next(state: Conversation) -> Sampled:
    """The next step of a solution that is there."""
    line, *rest = state.rest
    return Sampled(line.text, line.tokens, 0.0, not rest, replace(state, rest=tuple(rest)), Cost())


def _nothing(state: Conversation) -> Sampled:
    """What a cancelled row has."""
    return Sampled("", 0, 0.0, False, state, Cost())
