"""A service that only chats, as a generator of whole solutions and as a reviser: Hugging Face's
Inference Providers, and any other server with OpenAI's ``/v1/chat/completions``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ttc_explorer.models.completion_endpoints import CONTINUED_CHAT
from ttc_explorer.models.completions_client import seed_from_rng_path, short_model_name
from ttc_explorer.models.http_client import ApiCall, ApiClient
from ttc_explorer.models.prompts import (
    STEP_SEPARATOR,
    Message,
    revision_messages,
    system_prompt_for,
)
from ttc_explorer.models.protocol import (
    Cost,
    DecodedStep,
    ExtendJob,
    ModelError,
    Prefilled,
    Prompt,
    RevisionContext,
    RowProgress,
)
from ttc_explorer.models.response_parsing import (
    chat_logprobs,
    parse_choices,
    parse_text,
    parse_usage,
    sampled_tokens,
    split_proportionally,
)
from ttc_explorer.models.server_capabilities import (
    PLAIN_SAMPLING,
    ServerCapabilities,
)
from ttc_explorer.models.server_probes import PROBE_ATTEMPTS
from ttc_explorer.models.streamed_reply import StreamedReply
from ttc_explorer.problems.answer_reader import has_boxed_answer

INFERENCE_ROUTER_URL = "https://router.huggingface.co/v1"
"""Hugging Face's Inference Providers (huggingface.co/docs/inference-providers)."""

MAX_SOLUTION_TOKENS = 2048
"""Most tokens of a solution."""


@dataclass(frozen=True)
class ChatStep:
    """A step of a solution that has been written, the tokens that are its share, and their
    log-probabilities, where the service tells them."""

    text: str
    tokens: int
    token_logprobs: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class ChatState:
    """The state: what was asked, the steps of the solution that have been handed out, and its
    ``remaining_steps``; None before it is written. ``is_cut``: it broke off for want of room."""

    messages: list[Message]
    written: tuple[str, ...] = ()
    remaining_steps: tuple[ChatStep, ...] | None = None
    is_cut: bool = False


class ChatGenerator:
    """A Generator and Reviser (``protocol.py``) on a chat. Safe to call from any thread.

    The first step after a prompt has the service write the whole solution, one call a row, all
    under way together, and is charged with all of it (the service's own usage figures); the later
    steps, a paragraph each, are handed out of what is there, and cost nothing. So a prefix cannot
    be continued in another way: it does not fork. A forced text takes the place of the steps that
    remain: the service is asked anew, with the steps so far and the text as the beginning of its
    own last message. Services differ in that: some go on from it, others answer it with a new
    message; either way it stands before what they write. Log-probabilities are asked for where the
    server proved to tell them, and count as 0 elsewhere; so do FLOPs, as a service does not say how
    large its model is. ``capabilities`` are what a server proved to do; None where it was not
    asked.

    A row whose call failed ends there, without an answer, and ``failure`` says why; if all calls
    fail, ModelError is raised. Replies come piece by piece, or whole, as those of
    ``CompletionsGenerator`` do; the text of a row is then its whole solution so far.
    """

    supports_prefix_continuation = False
    supports_chat = True
    prints_checks = False
    thinks = False
    parameters = 0

    def __init__(
        self, client: ApiClient, model: str, capabilities: ServerCapabilities | None = None
    ) -> None:
        self.name = f"{short_model_name(model)} at {client.host}"
        self.capabilities = capabilities
        self._client = client
        self._model = model

    @property
    def waiting(self) -> str:
        """Why the service is not asked now (``WaitsForServer``)."""
        return self._client.waiting

    def prefill(self, questions: Sequence[str | Prompt]) -> list[Prefilled]:
        """Write the chats. The service reads them with the first step, and they are charged
        then."""
        asked = [Prompt(each) if isinstance(each, str) else each for each in questions]
        return [self._prefill(RevisionContext(prompt.text), prompt.system) for prompt in asked]

    def prefill_revisions(self, chains: Sequence[RevisionContext]) -> list[Prefilled]:
        """Write the chats that ask for a better solution than those of each chain."""
        return [self._prefill(chain) for chain in chains]

    def _prefill(self, chain: RevisionContext, system: str | None = None) -> Prefilled:
        messages = revision_messages(chain, system or system_prompt_for(self._model))
        return Prefilled(ChatState(messages), Cost())

    def extend(self, jobs: Sequence[ExtendJob]) -> list[DecodedStep]:
        """The next step of each job. See ExtendJob, Sampled. Raises ModelError."""
        pending_rows = [
            row for row, job in enumerate(jobs) if job.forced or job.state.remaining_steps is None
        ]
        calls = [self._api_call(jobs[row]) for row in pending_rows]
        steps_by_row: dict[int, DecodedStep] = {}
        failures = []
        for row, call, reply in zip(pending_rows, calls, self._client.send(calls), strict=True):
            state = jobs[row].state
            try:
                steps_by_row[row] = (
                    _first_step(state, jobs[row].forced, reply)
                    if reply
                    else _cancelled_step(state, jobs[row].forced, call.streamed)
                )
            except ModelError as error:
                failures.append(error)
                steps_by_row[row] = replace(_empty_step(state), finished=True, failure=str(error))
        if failures and len(failures) == len(jobs):
            raise failures[0]
        return [
            steps_by_row[row] if row in steps_by_row else _next_step(job.state)
            for row, job in enumerate(jobs)
        ]

    def _api_call(self, job: ExtendJob) -> ApiCall:
        """The call, whose reply comes piece by piece where somebody looks."""
        on_progress, body = job.on_progress, self._body(job)
        streamed: StreamedReply | None = None

        def on_sample(_: int, text: str, tokens: int, ended: bool) -> None:
            if on_progress:
                on_progress(RowProgress(join_forced(job.forced, text), tokens, ended))

        if on_progress and self.capabilities and self.capabilities.streaming:
            body |= CONTINUED_CHAT.streamed
            streamed = StreamedReply(CONTINUED_CHAT, on_sample)
        return ApiCall(CONTINUED_CHAT.path, body, job.cancelled, streamed)

    def _body(self, job: ExtendJob) -> dict[str, Any]:
        messages = list(job.state.messages)
        if job.forced:
            begun = STEP_SEPARATOR.join([*job.state.written, job.forced])
            messages.append({"role": "assistant", "content": begun})
        body = {
            "model": self._model,
            "messages": messages,
            "max_tokens": MAX_SOLUTION_TOKENS,
            "temperature": job.temperature,
            "top_p": 1,
            "seed": seed_from_rng_path(job.rng_path),
        }
        if self.capabilities and self.capabilities.logprobs:
            body["logprobs"] = True
        if self.capabilities and self.capabilities.plain_sampling:
            body |= PLAIN_SAMPLING
        return body


def connect_inference_provider(model: str, token: str | None, **options: Any) -> ChatGenerator:
    """A model of Hugging Face's Inference Providers, paid by the account of ``token``: the
    visitor's own, and never the key of whoever runs this. It is asked for one token, to see that it
    answers. ``options`` go to the ApiClient. Raises ModelError, also without a token."""
    if not token:
        raise ModelError(
            "Log in with your Hugging Face account first: its Inference Providers charge yours."
        )
    if not re.fullmatch(r"[\w.-]{1,96}/[\w.-]{1,96}(:[\w-]{1,32})?", model, re.ASCII):
        raise ModelError(
            "Name a model as Hugging Face does, such as Qwen/Qwen2.5-7B-Instruct, with :PROVIDER "
            "after it if "
            "you want a certain one."
        )
    client = ApiClient(INFERENCE_ROUTER_URL, token, **options)
    probe_body = {
        "model": model,
        "messages": [{"role": "user", "content": "1 + 1"}],
        "max_tokens": 1,
    }
    parse_choices(client.send_one(ApiCall("chat/completions", probe_body), PROBE_ATTEMPTS), 1)
    return ChatGenerator(client, model)


PARAGRAPH_BREAK = re.compile(r"\n\s*\n")


def split_paragraphs(solution: str) -> list[str]:
    """The steps of a solution, a paragraph each; at least one.

    >>> split_paragraphs("We add.\\n\\n1 + 1\\n= 2\\n \\nSo 2.")
    ['We add.', '1 + 1\\n= 2', 'So 2.']
    """
    return PARAGRAPH_BREAK.split(solution.strip())


def split_logprobs(solution: str, tokens: Sequence[tuple[str, float]]) -> list[tuple[float, ...]]:
    """The log-probabilities of each of ``split_paragraphs``: a token belongs to the paragraph that
    it begins in, or stands after. All empty where the tokens do not spell the solution.

    >>> split_logprobs("We add.\\n\\nSo 2.", [("We", -1.0), (" add.\\n\\n", -2.0), ("So 2.", -3.0)])
    [(-1.0, -2.0), (-3.0,)]
    """
    ends = [found.end() for found in PARAGRAPH_BREAK.finditer(solution.rstrip())]
    ends = [end for end in ends if solution[:end].strip()]
    steps: list[list[float]] = [[] for _ in range(len(ends) + 1)]
    if not "".join(text for text, _ in tokens).startswith(solution):
        return [() for _ in steps]
    place = 0
    for text, logprob in tokens:
        steps[sum(end <= place for end in ends)].append(logprob)
        place += len(text)
    return [tuple(step) for step in steps]


def join_forced(forced: str, text: str) -> str:
    """A forced text and what was written after it. A chat's reply has lost the space at its
    beginning.

    >>> join_forced("Wait", ", that is wrong."), join_forced("Wait,", "that is wrong.")
    ('Wait, that is wrong.', 'Wait, that is wrong.')
    """
    is_apart = not forced or not text or text[0] in ".,;:!?)" or text[0].isspace()
    return forced + text if is_apart else f"{forced} {text}"


def _first_step(state: ChatState, forced: str, reply: dict[str, Any] | ModelError) -> DecodedStep:
    """The first step of the solution in a reply, after the forced text, charged with all of it.
    Raises ModelError."""
    if isinstance(reply, ModelError):
        raise reply
    reply = CONTINUED_CHAT.response(reply)
    (choice,) = parse_choices(reply, 1)
    usage = parse_usage(reply, [sampled_tokens(choice)])
    solution = parse_text(choice.get("text"))
    texts = split_paragraphs(solution)
    texts[0] = join_forced(forced, texts[0])
    logprobs = split_logprobs(solution, chat_logprobs(choice))
    counts = split_proportionally(
        usage.completion,
        [len(known) or len(text) for text, known in zip(texts, logprobs, strict=True)],
    )
    steps = tuple(map(ChatStep, texts, counts, logprobs))
    cut = choice.get("finish_reason") == "length" and not has_boxed_answer(solution)
    cost = Cost(usage.completion, usage.prompt - usage.cached, usage.cached)
    return replace(_next_step(replace(state, remaining_steps=steps, is_cut=cut)), cost=cost)


def _next_step(state: ChatState) -> DecodedStep:
    """The next step of a solution that is there; an empty one after its end."""
    if not state.remaining_steps:
        return replace(_empty_step(state), finished=True)
    line, *remaining_steps = state.remaining_steps
    return DecodedStep(
        line.text,
        line.tokens,
        sum(line.token_logprobs),
        not remaining_steps,
        replace(state, written=(*state.written, line.text), remaining_steps=tuple(remaining_steps)),
        Cost(),
        token_logprobs=line.token_logprobs,
        cut=state.is_cut and not remaining_steps,
    )


def _cancelled_step(state: ChatState, forced: str, streamed: StreamedReply | None) -> DecodedStep:
    """What a cancelled row has: what came of it, if that came piece by piece."""
    if streamed is None:
        return _empty_step(state)
    text, tokens = join_forced(forced, parse_text(streamed.text(0))), streamed.tokens(0)
    return replace(_empty_step(state), text=text, tokens=tokens, cost=Cost(generated=tokens))


def _empty_step(state: ChatState) -> DecodedStep:
    """A step of which nothing is there."""
    return DecodedStep("", 0, 0.0, False, state, Cost())
