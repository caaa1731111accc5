"""Any server with OpenAI's ``/v1/completions`` as a generator: vLLM, SGLang, llama.cpp and their like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import islice
from typing import Any

from ttc_explorer.models.abilities import Abilities, logprobs
from ttc_explorer.models.connection import Call, Connection
from ttc_explorer.models.manner import Manner, Written
from ttc_explorer.models.protocol import Chain, Cost, ExtendJob, ModelError, Opened, Sampled
from ttc_explorer.models.replies import choices_of, shared, text_of, usage_of

PROMPTS = 64
"""Most prompts in one call."""


@dataclass(frozen=True, eq=False)
class Prefix:
    """The state after a step: all that was written so far, and how many tokens that is: as far as is known,
    for what is text is counted when the server has read it."""

    written: Written
    tokens: int


@dataclass(frozen=True)
class Group:
    """Rows of one run, by their places among the jobs, that go on from the same prefix."""

    prefix: Prefix
    rows: list[int]


class ServerGenerator:
    """A Generator and Reviser (``protocol.py``) whose model runs elsewhere. Safe to call from any thread.

    Rows with the same prefix are samples of one prompt (``n``). Where the server honours seeds, each prompt
    is a call of its own, since a seed belongs to a call, and its seed comes from the stream of its first row;
    elsewhere a call carries many prompts. Calls are under way together.

    The prefix is sent as text with every step, so ``prefilled`` is what the server's usage figures say it
    read, less ``cached``, what they say it remembered. All costs are the server's own figures, shared out
    over the rows of a call by the tokens that each shows. ``flops`` are 0 where the server does not say how
    many parameters its model has.

    A step ends where ``manner.step_end`` would be written. A solution ends with a step that is final, with
    the model's end token, or when a step's or the context's room is used up. A row whose call failed ends
    there, without an answer, and ``failed`` says why; if all calls fail, ModelError is raised.
    """

    forks = True

    def __init__(self, connection: Connection, abilities: Abilities, manner: Manner, max_step: int) -> None:
        self.name = f"{abilities.model} at {connection.host}"
        self.parameters = abilities.parameters
        self.abilities = abilities
        self._connection = connection
        self.chats = manner.chats
        self._manner = manner
        self._max_step = max_step

    def open(self, questions: Sequence[str]) -> list[Opened]:
        """Write the prompts. The server reads them with the first step, and they are charged then."""
        return self.open_chains([Chain(question) for question in questions])

    def open_chains(self, chains: Sequence[Chain]) -> list[Opened]:
        """Write the prompts that ask for a better attempt than those of each chain."""
        return [Opened(self._prefix(self._manner.prompt(chain)), Cost()) for chain in chains]

    def _prefix(self, written: Written, tokens: int = 0) -> Prefix:
        return Prefix(written, tokens if isinstance(written, str) else len(written))

    def extend(self, jobs: Sequence[ExtendJob]) -> list[Sampled]:
        """Sample a step after each job's state. See ExtendJob, Sampled. Raises ModelError."""
        sampled = [
            Sampled("", 0, 0.0, finished=self._room(job.state) < 1, state=job.state, cost=Cost())
            for job in jobs
        ]
        calls = [
            call
            for alike in self._alike(jobs)
            for call in self._packed(alike, jobs)
            if self._room(call[0].prefix) > 0
        ]
        replies = self._connection.ask(
            [Call("completions", self._body(call, jobs), jobs[call[0].rows[0]].cancelled) for call in calls]
        )
        failures = []
        for call, reply in zip(calls, replies, strict=True):
            try:
                found = self._read(call, reply) if reply is not None else {}
            except ModelError as error:
                failures.append(error)
                rows = [row for group in call for row in group.rows]
                found = {row: replace(sampled[row], finished=True, failed=str(error)) for row in rows}
            for row, step in found.items():
                sampled[row] = step
        if failures and len(failures) == len(calls):
            raise failures[0]
        return sampled

    def _room(self, prefix: Prefix) -> int:
        """Tokens that the next step may have."""
        context = self.abilities.context
        return min(self._max_step, context - prefix.tokens) if context else self._max_step

    def _alike(self, jobs: Sequence[ExtendJob]) -> list[list[Group]]:
        """The groups of jobs, those together that may share a call: same run, same count of samples, same
        temperature, and same room. No two greedy rows are samples of one prompt: some servers refuse."""
        groups: dict[Any, Group] = {}
        for row, job in enumerate(jobs):
            several = self.abilities.several and job.temperature > 0
            key = (id(job.state), job.temperature, None if several else row)
            groups.setdefault(key, Group(job.state, [])).rows.append(row)
        alike: dict[Any, list[Group]] = {}
        for group in groups.values():
            job = jobs[group.rows[0]]
            key = (job.cancelled, len(group.rows), job.temperature, self._room(group.prefix))
            alike.setdefault(key, []).append(group)
        return list(alike.values())

    def _packed(self, groups: Sequence[Group], jobs: Sequence[ExtendJob]) -> list[list[Group]]:
        """The groups of each call."""
        seeded = self.abilities.seeds and jobs[groups[0].rows[0]].temperature > 0
        most = PROMPTS if self.abilities.lists and not seeded else 1
        rest = iter(groups)
        return list(iter(lambda: list(islice(rest, most)), []))

    def _body(self, call: Sequence[Group], jobs: Sequence[ExtendJob]) -> dict[str, Any]:
        first = jobs[call[0].rows[0]]
        prompts = [group.prefix.written for group in call]
        body = {
            "model": self.abilities.model,
            "prompt": prompts if self.abilities.lists else prompts[0],
            "max_tokens": self._room(call[0].prefix),
            "temperature": first.temperature,
            "top_p": 1,
            "stop": [self._manner.step_end],
            "logprobs": 1,
        }
        if len(call[0].rows) > 1:
            body["n"] = len(call[0].rows)
        if self.abilities.seeds:
            body["seed"] = seed(first.stream)
        return body

    def _read(self, call: Sequence[Group], reply: dict[str, Any] | ModelError) -> dict[int, Sampled]:
        """Row -> the step that a reply holds for it. Raises ModelError."""
        if isinstance(reply, ModelError):
            raise reply
        usage = usage_of(reply)
        rows = [row for group in call for row in group.rows]
        choices = choices_of(reply, len(rows))
        texts = [text_of(choice.get("text")) for choice in choices]
        chances = [logprobs(choice) for choice in choices]
        counts = shared(
            usage.completion, [len(c) or len(text) for c, text in zip(chances, texts, strict=True)]
        )
        lengths = [len(group.prefix.written) for group in call]
        prompts, cached = shared(usage.prompt, lengths), shared(usage.cached, lengths)
        found, choice = {}, 0
        for place, group in enumerate(call):
            for number, row in enumerate(group.rows):
                text, ended = self._step(texts[choice], choices[choice])
                cost = Cost(generated=counts[choice])
                if number == 0:  # the samples of a prompt share one reading of it
                    cost += Cost(prefilled=prompts[place] - cached[place], cached=cached[place])
                flops = 2.0 * self.parameters * (cost.generated + cost.prefilled)
                found[row] = Sampled(
                    text=text.strip("\n").replace("\n", " "),
                    tokens=counts[choice],
                    logprob=sum(chances[choice]),
                    finished=ended or self._manner.is_final(text),
                    state=self._prefix(
                        group.prefix.written + self._manner.more(text + self._manner.step_end),
                        prompts[place] + counts[choice],
                    ),
                    cost=replace(cost, flops=flops),
                )
                choice += 1
        return found

    def _step(self, text: str, choice: dict[str, Any]) -> tuple[str, bool]:
        """The step in a choice's text, and whether the model has ended its solution with it.

        vLLM and SGLang say what a text was stopped by (null or a number: the end token). Others do not: there
        a step that just ends may be the last, and shows it by having nothing after it.
        """
        step, end, _ = text.partition(self._manner.step_end)
        if end:
            return step, False
        if choice.get("finish_reason") != "stop":
            return step, True
        known = [choice[key] for key in ("stop_reason", "matched_stop") if key in choice]
        return step, known[0] != self._manner.step_end if known else not step.strip()


def seed(stream: tuple[int, ...]) -> int:
    """A number for a random stream, of 31 bits: what every server takes."""
    return int.from_bytes(blake2b(repr(stream).encode(), digest_size=4).digest()) >> 1
