"""Any server that goes on from a text as a generator (``completion_endpoints.py``): vLLM, SGLang,
llama.cpp and their like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import islice
from pathlib import PurePath
from typing import Any

from ttc_explorer.models.completion_endpoints import ENDPOINTS
from ttc_explorer.models.flops import forward_flops
from ttc_explorer.models.http_client import ApiCall, ApiClient
from ttc_explorer.models.prompt_format import PromptFormat, PromptPiece
from ttc_explorer.models.prompts import THOUGHT_END
from ttc_explorer.models.protocol import (
    Choice,
    ChoiceJob,
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
    logprobs,
    parse_choices,
    parse_text,
    parse_usage,
    sampled_tokens,
    split_proportionally,
    word_probability,
)
from ttc_explorer.models.server_capabilities import (
    PLAIN_SAMPLING,
    STOP_REASON_KEYS,
    ServerCapabilities,
    stop_reason,
)
from ttc_explorer.models.streamed_reply import StreamedReply
from ttc_explorer.problems.answer_reader import has_boxed_answer

MAX_PROMPTS_PER_CALL = 64
"""Most prompts in one call."""

LISTED_TOKENS = 5
"""Likeliest tokens that are listed where one of two words is to be chosen: as many as OpenAI
lists."""


@dataclass(frozen=True, eq=False)
class ServerPrefix:
    """The state after a step: all that was written so far, and how many tokens that is: as far as
    is known, for what is text is counted when the server has read it."""

    content: PromptPiece
    tokens: int


@dataclass(frozen=True)
class PromptGroup:
    """Rows of one run, by their places among the jobs, that go on from the same prefix, whose end,
    ``forced``, already belongs to their step. ``by_line`` and ``thought`` as in ExtendJob."""

    prefix: ServerPrefix
    rows: list[int]
    forced: str = ""
    by_line: bool = False
    thought: bool = False


class CompletionsGenerator:
    """A Generator and Reviser (``protocol.py``) whose model runs elsewhere. Safe to call from any
    thread.

    Rows with the same prefix are samples of one prompt (``n``). Where the server honours seeds,
    each prompt is a call of its own, since a seed belongs to a call, and its seed comes from the
    stream of its first row; elsewhere a call carries many prompts. Calls are under way together.

    The prefix is sent as text with every step, so ``prefilled`` is what the server's usage figures
    say it read, less ``cached``, what they say it remembered. All costs are the server's own
    figures, shared out over the rows of a call by the tokens that each shows. FLOPs are 2 ·
    parameters · tokens, without attention, and 0 where the server does not say how many parameters
    its model has.

    A step ends where ``prompt_format.step_end`` would be written, or with its line where a job asks
    for a line. A solution ends with a step that is final, with the model's end token (a thought
    that is asked for as one, with ``</think>``), or when a step's or the context's room is used up.
    A row whose call failed ends there, without an answer, and ``failure`` says why; if all calls
    fail, ModelError is raised.

    Where somebody looks (``ExtendJob.on_progress``) and the server can, replies come piece by
    piece. They are read as those that come whole. A row that is cancelled then has what came of it,
    and costs the tokens of that; else what it cost is not known.
    """

    supports_prefix_continuation = True

    def __init__(
        self,
        client: ApiClient,
        capabilities: ServerCapabilities,
        prompt_format: PromptFormat,
        max_step_tokens: int,
    ) -> None:
        self.name = f"{short_model_name(capabilities.model)} at {client.host}"
        self.parameters = capabilities.parameters
        self.capabilities = capabilities
        self._client = client
        self._endpoint = ENDPOINTS[capabilities.endpoint]
        self.supports_chat = prompt_format.supports_chat
        self.prints_checks = not self.supports_chat  # a model of our own
        self.thinks = prompt_format.thinks
        self._prompt_format = prompt_format
        self._max_step_tokens = max_step_tokens

    @property
    def waiting(self) -> str:
        """Why the server is not asked now (``WaitsForServer``)."""
        return self._client.waiting

    def prefill(self, questions: Sequence[str | Prompt]) -> list[Prefilled]:
        """Write the prompts. The server reads them with the first step, and they are charged
        then."""
        asked = [Prompt(each) if isinstance(each, str) else each for each in questions]
        return [self._prefill(RevisionContext(prompt.text), prompt.system) for prompt in asked]

    def prefill_revisions(self, chains: Sequence[RevisionContext]) -> list[Prefilled]:
        """Write the prompts that ask for a better attempt than those of each chain."""
        return [self._prefill(chain) for chain in chains]

    def _prefill(self, chain: RevisionContext, system: str | None = None) -> Prefilled:
        return Prefilled(self._prefix(self._prompt_format.prompt(chain, system)), Cost())

    def _prefix(self, content: PromptPiece, tokens: int = 0) -> ServerPrefix:
        return ServerPrefix(content, len(content) if isinstance(content, list) else tokens)

    def extend(self, jobs: Sequence[ExtendJob]) -> list[DecodedStep]:
        """Sample a step after each job's state. See ExtendJob, Sampled. Raises ModelError."""
        sampled = [DecodedStep("", 0, 0.0, False, job.state, Cost()) for job in jobs]
        calls = []
        for batchable in self._batchable_groups(jobs):
            if self._remaining_tokens(batchable[0].prefix) > 0:
                calls += self._split_into_calls(batchable, jobs)
                continue
            for row in (row for group in batchable for row in group.rows):
                sampled[row] = replace(sampled[row], finished=True, cut=True)
        sent = [self._api_call(call, jobs) for call in calls]
        failures = []
        for call, asked, reply in zip(calls, sent, self._client.send(sent), strict=True):
            try:
                if reply is not None:
                    found = self._parse_response(call, reply)
                else:
                    found = self._parse_cancelled(call, asked.streamed, sampled)
            except ModelError as error:
                failures.append(error)
                rows = [row for group in call for row in group.rows]
                found = {
                    row: replace(sampled[row], finished=True, failure=str(error)) for row in rows
                }
            for row, step in found.items():
                sampled[row] = step
        if failures and len(failures) == len(calls):
            raise failures[0]
        return sampled

    def choose(self, jobs: Sequence[ChoiceJob]) -> list[Choice]:
        """How likely each job's first word is, a call each. See ChoiceJob. Raises ModelError."""
        prefixes = [self._forced_prefix(job) for job in jobs]
        bodies = [
            {
                "model": self.capabilities.model,
                "prompt": prefix.content,
                "max_tokens": 1,
                "temperature": 0,
                "top_p": 1,
                "logprobs": LISTED_TOKENS,
                **(PLAIN_SAMPLING if self.capabilities.plain_sampling else {}),
            }
            for prefix in prefixes
        ]
        replies = self._client.send(
            [
                ApiCall(self._endpoint.path, self._endpoint.request(body), job.cancelled)
                for body, job in zip(bodies, jobs, strict=True)
            ]
        )
        chosen = [self._parse_choice(job, reply) for job, reply in zip(jobs, replies, strict=True)]
        failures = [choice.failure for choice in chosen if choice.failure]
        if failures and len(failures) == len(chosen):
            raise ModelError(failures[0])
        return chosen

    def _parse_choice(self, job: ChoiceJob, reply: dict[str, Any] | ModelError | None) -> Choice:
        if reply is None:
            return Choice(0.5, Cost())
        try:
            if isinstance(reply, ModelError):
                raise reply
            reply = self._endpoint.response(reply)
            (choice,) = parse_choices(reply, 1)
            usage = parse_usage(reply, [sampled_tokens(choice)])
        except ModelError as error:
            return Choice(0.5, Cost(), str(error))
        read = usage.prompt - usage.cached
        flops = forward_flops(self.parameters, 0, 0, read + usage.completion)
        cost = Cost(usage.completion, read, usage.cached, generator_flops=flops)
        return Choice(word_probability(choice, job.words), cost)

    def _remaining_tokens(self, prefix: ServerPrefix) -> int:
        """Tokens that the next step may have."""
        context = self.capabilities.context
        return (
            min(self._max_step_tokens, context - prefix.tokens)
            if context
            else self._max_step_tokens
        )

    def _batchable_groups(self, jobs: Sequence[ExtendJob]) -> list[list[PromptGroup]]:
        """The groups of jobs, those together that may share a call: same run, same count of
        samples, same temperature, same end of a step, and same room. No two greedy rows are samples
        of one prompt: some servers refuse, as llama.cpp does more samples than it has slots."""
        groups: dict[Any, PromptGroup] = {}
        most, alike = self.capabilities.slots or len(jobs), Counter[Any]()
        for row, job in enumerate(jobs):
            multiple_samples = self.capabilities.multiple_samples and job.temperature > 0
            same = id(job.state), job.forced, job.temperature, job.by_line, job.thought
            key = (*same, alike[same] // most if multiple_samples else row)
            alike[same] += 1
            if key not in groups:
                prefix = self._forced_prefix(job)
                groups[key] = PromptGroup(prefix, [], job.forced, job.by_line, job.thought)
            groups[key].rows.append(row)
        batchable: dict[Any, list[PromptGroup]] = {}
        for group in groups.values():
            job = jobs[group.rows[0]]
            call_key = (
                job.cancelled,
                len(group.rows),
                job.temperature,
                group.by_line,
                group.thought,
                self._remaining_tokens(group.prefix),
            )
            batchable.setdefault(call_key, []).append(group)
        return list(batchable.values())

    def _forced_prefix(self, job: ExtendJob | ChoiceJob) -> ServerPrefix:
        """What a row goes on from: the job's state and its forced text."""
        prefix: ServerPrefix = job.state
        if not job.forced:
            return prefix
        forced = self._prompt_format.continuation(job.forced)
        known = len(forced) if isinstance(forced, list) else 0
        return ServerPrefix(_join(prefix.content, forced), prefix.tokens + known)

    def _split_into_calls(
        self, groups: Sequence[PromptGroup], jobs: Sequence[ExtendJob]
    ) -> list[list[PromptGroup]]:
        """The groups of each call."""
        seeded = self.capabilities.seeded_sampling and jobs[groups[0].rows[0]].temperature > 0
        max_prompts = (
            MAX_PROMPTS_PER_CALL if self.capabilities.batched_prompts and not seeded else 1
        )
        rest = iter(groups)
        return list(iter(lambda: list(islice(rest, max_prompts)), []))

    def _api_call(self, call: Sequence[PromptGroup], jobs: Sequence[ExtendJob]) -> ApiCall:
        """The call, whose reply comes piece by piece where somebody looks."""
        rows = [(group, jobs[row].on_progress) for group in call for row in group.rows]

        def on_sample(place: int, text: str, tokens: int, ended: bool) -> None:
            group, on_progress = rows[place] if 0 <= place < len(rows) else (call[0], None)
            if on_progress:
                on_progress(RowProgress(group.forced + text, tokens, ended))

        body = self._body(call, jobs)
        streamed: StreamedReply | None = None
        if self.capabilities.streaming and any(on_progress for _, on_progress in rows):
            body |= self._endpoint.streamed
            streamed = StreamedReply(self._endpoint, on_sample)
        return ApiCall(self._endpoint.path, body, jobs[call[0].rows[0]].cancelled, streamed)

    def _body(self, call: Sequence[PromptGroup], jobs: Sequence[ExtendJob]) -> dict[str, Any]:
        first = jobs[call[0].rows[0]]
        prompts = [group.prefix.content for group in call]
        body = {
            "model": self.capabilities.model,
            "prompt": prompts if self.capabilities.batched_prompts else prompts[0],
            "max_tokens": self._remaining_tokens(call[0].prefix),
            "temperature": first.temperature,
            "top_p": 1,
            "stop": [self._step_end(call), *[THOUGHT_END] * self._closes_thought(call)],
            "logprobs": 1,
        }
        if self.capabilities.plain_sampling:
            body |= PLAIN_SAMPLING
        if len(call[0].rows) > 1:
            body["n"] = len(call[0].rows)
        if self.capabilities.seeded_sampling:
            body["seed"] = seed_from_rng_path(first.rng_path)
        return self._endpoint.request(body)

    def _step_end(self, call: Sequence[PromptGroup]) -> str:
        """The text that ends the steps of a call."""
        return "\n" if call[0].by_line else self._prompt_format.step_end

    def _closes_thought(self, call: Sequence[PromptGroup]) -> bool:
        """Whether the steps of a call end where a thought would be closed, too."""
        return self.thinks and call[0].thought

    def _parse_cancelled(
        self,
        call: Sequence[PromptGroup],
        streamed: StreamedReply | None,
        unwritten: Sequence[DecodedStep],
    ) -> dict[int, DecodedStep]:
        """Row -> what had come of it, of a call that was cancelled. What was read is not known."""
        if streamed is None:
            return {}
        found = {}
        rows = [(group, row) for group in call for row in group.rows]
        for place, (group, row) in enumerate(rows):
            tokens = streamed.tokens(place)
            flops = forward_flops(self.parameters, 0, 0, tokens)
            found[row] = replace(
                unwritten[row],
                text=(group.forced + parse_text(streamed.text(place))).strip("\n"),
                tokens=tokens,
                cost=Cost(generated=tokens, generator_flops=flops),
            )
        return found

    def _parse_response(
        self, call: Sequence[PromptGroup], reply: dict[str, Any] | ModelError
    ) -> dict[int, DecodedStep]:
        """Row -> the step that a reply holds for it. Raises ModelError."""
        if isinstance(reply, ModelError):
            raise reply
        reply = self._endpoint.response(reply)
        rows = [row for group in call for row in group.rows]
        choices = parse_choices(reply, len(rows))
        texts = [parse_text(choice.get("text")) for choice in choices]
        choice_logprobs = [logprobs(choice) for choice in choices]
        sampled = [sampled_tokens(choice) for choice in choices]
        usage = parse_usage(reply, sampled)
        counts = split_proportionally(
            usage.completion,
            [
                len(text) if count is None else count
                for count, text in zip(sampled, texts, strict=True)
            ],
        )
        lengths = [len(group.prefix.content) for group in call]
        prompts, cached = (
            split_proportionally(usage.prompt, lengths),
            split_proportionally(usage.cached, lengths),
        )
        found, choice, step_end = {}, 0, self._step_end(call)
        for place, group in enumerate(call):
            for number, row in enumerate(group.rows):
                written, ended = _parse_step(texts[choice], choices[choice], step_end)
                text = group.forced + written
                ran_out = ended and choices[choice].get("finish_reason") == "length"
                cost = Cost(generated=counts[choice])
                if number == 0:  # the samples of a prompt share one reading of it
                    cost += Cost(prefilled=prompts[place] - cached[place], cached=cached[place])
                flops = forward_flops(self.parameters, 0, 0, cost.generated + cost.prefilled)
                found[row] = DecodedStep(
                    text=text.strip("\n"),
                    tokens=counts[choice],
                    logprob=sum(choice_logprobs[choice]),
                    finished=ended or self._prompt_format.is_final(text),
                    state=self._prefix(
                        _join(
                            group.prefix.content,
                            self._prompt_format.continuation(written + ("" if ended else step_end)),
                        ),
                        prompts[place] + counts[choice],
                    ),
                    cost=replace(cost, generator_flops=flops),
                    token_logprobs=tuple(choice_logprobs[choice]),
                    cut=ran_out and not has_boxed_answer(text),
                )
                choice += 1
        return found


def _parse_step(text: str, choice: dict[str, Any], step_end: str) -> tuple[str, bool]:
    """The step in a choice's text, and whether the model has ended its solution with it.

    vLLM, SGLang and llama.cpp say what a text was stopped by. Others do not: there a step that just
    ends may be the last, and shows it by having nothing after it. (A model that chats is not asked
    for steps then, ``server_probes.py``.)
    """
    step, end, _ = text.partition(step_end)
    if end:
        return step, False
    if choice.keys() & STOP_REASON_KEYS:
        return step, stop_reason(choice) != step_end
    return step, choice.get("finish_reason") not in ("stop", None) or not step.strip()


def _join(first: PromptPiece, second: PromptPiece) -> PromptPiece:
    """A prompt and what follows it: text after text or a chat, token ids after token ids."""
    if isinstance(second, str):
        assert not isinstance(first, list)
        return first + second
    assert isinstance(first, list)
    assert isinstance(second, list)
    return first + second


def short_model_name(model: str) -> str:
    """A server's name for its model as it is shown: of a file, the file's own name.

    >>> short_model_name("/home/me/models/SmolLM2-135M.gguf"), short_model_name("Qwen/Qwen3-8B")
    ('SmolLM2-135M.gguf', 'Qwen/Qwen3-8B')
    """
    return PurePath(model).name if model.lower().endswith(".gguf") else model


def seed_from_rng_path(rng_path: tuple[int, ...]) -> int:
    """A number for a random stream, of 31 bits: what every server takes."""
    return int.from_bytes(blake2b(repr(rng_path).encode(), digest_size=4).digest()) >> 1
