"""The format of a trace, version 2: what a file may hold, and its limits.

``docs/trace.schema.json`` is made from these models (``python -m
ttc_explorer.search.trace_format``). Fields that are said to be computed follow from the others:
they are written for other programs and never believed.

Version 2 has ``copies``, and the event that adds one. Version 1 is read, too: its runs were made
when every sample was a node of its own, without the setting ``merge``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    SkipValidation,
    Strict,
    Tag,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)

from ttc_explorer.checked_json import Record
from ttc_explorer.search.ledger import Ledger
from ttc_explorer.search.run import StopReason
from ttc_explorer.search.settings import MAX_BUDGET, Settings, recorded_settings
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.search.touch import MAX_FORCED_TEXT, MAX_SAMPLES, MAX_TOUCHES, TouchKind
from ttc_explorer.search.tree import Kind, Status

VERSION = 2
OLDEST_VERSION = 1
MAX_NODES = 100_000
MAX_EVENTS = 10 * MAX_NODES
MAX_DEPTH = 200 + MAX_BUDGET
"""Longest path: a solution of the most rounds that Settings allows, then a budget of revisions."""
MAX_TEXT = 100_000
"""Longest text of a problem, step or answer, in characters."""
MAX_NAME = 200
MAX_NOTE_VALUES = 1000
"""Most figures in a note, and most values in one of them."""
MAX_COUNT = 2**63 - 1
MAX_AMOUNT = 1e30

Text = Annotated[str, Field(max_length=MAX_TEXT)]
Name = Annotated[str, Field(max_length=MAX_NAME)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Amount = Annotated[float, Field(ge=0, le=MAX_AMOUNT)]
Share = Annotated[float, Field(ge=0, le=1)]
NodeId = Annotated[int, Field(ge=0, lt=MAX_NODES)]
LogProbability = Annotated[float, Field(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]


class ProblemRecord(Record):
    """The question, and what is known about it."""

    text: Text
    answer: Text | None = Field(None, description="the reference answer")
    family: Name | None = None
    level: Annotated[int, Field(ge=0, le=100)] | None = Field(None, description="1 is easiest")


class NodeRecord(Record):
    """A node of the tree: one step, or a whole revision. Node 0 is the root, and a node's parent
    stands before it."""

    id: NodeId = Field(description="its place in the list")
    parent: Annotated[int, Field(ge=-1, lt=MAX_NODES)] = Field(description="-1 for the root")
    text: Text
    kind: Kind
    status: Status
    score: Share | None = Field(None, description="the verifier's")
    logprob: LogProbability = Field(description="nats, summed over the step's tokens")
    token_logprobs: Annotated[list[LogProbability], Field(max_length=MAX_TEXT)] = Field(
        [], description="its summands, a sampled token each; empty where not known"
    )
    tokens: Count
    round: Annotated[int, Field(ge=0, le=MAX_DEPTH)] = Field(
        description="0 for the root, else its parent's plus one"
    )
    answer: Text | None = Field(None, description="of a finished solution")
    visits: Count | None = Field(None, description="how often a tree search went through it")
    value: Share | None = Field(None, description="the mean of what the tree search found there")
    copies: Annotated[int, Field(ge=1, le=MAX_NODES)] = Field(
        1, description="how many samples wrote this step after this prefix"
    )
    cut: bool = Field(False, description="a finished solution broke off here for want of room")


class SolutionRecord(Record):
    """A finished solution that can vote."""

    leaf: NodeId
    answer: Text
    score: Share | None
    weight: float = Field(description="what it adds to its answer by the run's selector")


class VoteRecord(Record):
    """What speaks for one answer; the first vote is the run's answer."""

    answer: Text
    count: SkipValidation[Count] = Field(0, description="solutions; computed")
    weight: SkipValidation[float] = Field(0.0, description="by the run's selector; computed")
    equal_to_reference: bool | None = Field(None, description="where a reference answer is known")


class LedgerRecord(Record):
    """What the run cost, by model."""

    generated_tokens: Count
    prefill_tokens: Count
    cached_tokens: Count
    verifier_tokens: Count
    generator_flops: Amount
    verifier_flops: Amount
    generator_depth: Count = Field(description="passes that had to wait for the one before")
    verifier_depth: Count
    seconds: Amount
    peak_memory: Count = Field(0, description="bytes; 0: not known")
    display_verifier_tokens: Count = Field(
        0, description="read for scores that are only shown, and in no other cost"
    )
    generator_tokens_computed: Count = Field(
        0, description="really read by the model, what samples share once; 0: not known"
    )
    verifier_tokens_computed: Count = Field(0, description="the same of the verifier")
    flops: SkipValidation[Amount] = Field(0.0, description="of all models; computed")
    sequential_depth: SkipValidation[Count] = Field(0, description="of all models; computed")
    joules_estimate: SkipValidation[Amount] = Field(0.0, description="from flops; computed")

    @model_validator(mode="before")
    @classmethod
    def _split_totals(cls, data: object) -> object:
        """Traces from before costs were kept by model have totals only: they stand as the
        generator's."""
        if not isinstance(data, dict) or {"generator_flops", "generator_depth"} & data.keys():
            return data
        split = {"verifier_flops": 0.0, "verifier_depth": 0}
        for part, total in (("generator_flops", "flops"), ("generator_depth", "sequential_depth")):
            if total in data:
                split[part] = data[total]
        return data | split


Counts = Annotated[list[Count], Field(max_length=MAX_EVENTS, fail_fast=True)]
Amounts = Annotated[list[Amount], Field(max_length=MAX_EVENTS, fail_fast=True)]


class TouchRecord(Record):
    """What was done by hand after the search had ended."""

    kind: TouchKind
    node: NodeId
    samples: Annotated[int, Field(ge=0, le=MAX_SAMPLES)]
    text: Annotated[str, Field(max_length=MAX_FORCED_TEXT)] = ""
    events: Count = Field(description="how many events the tree had before, the root's included")


class PartialRecord(Record):
    """What was being written after a node when the run was stopped."""

    parent: NodeId
    text: Text
    tokens: Count


class TimelineRecord(Record):
    """What the run had cost at moments of its growth: columns, a moment a row. A column that is
    empty was 0 all the time."""

    events: Counts = Field(description="how many events the tree had, the root's own included")
    generated_tokens: Counts = Field([])
    prefill_tokens: Counts = Field([])
    cached_tokens: Counts = Field([])
    verifier_tokens: Counts = Field([])
    generator_flops: Amounts = Field([])
    verifier_flops: Amounts = Field([])
    generator_depth: Counts = Field([])
    verifier_depth: Counts = Field([])
    seconds: Amounts = Field([])
    peak_memory: Counts = Field([])
    display_verifier_tokens: Counts = Field([])
    generator_tokens_computed: Counts = Field([])
    verifier_tokens_computed: Counts = Field([])

    @model_validator(mode="after")
    def _check_rows(self) -> TimelineRecord:
        rows = len(self.events)
        columns = (getattr(self, each.name) for each in fields(Ledger))
        if any(column and len(column) != rows for column in columns):
            raise ValueError("the columns of its timeline differ in length")
        if any(before >= after for before, after in pairwise(self.events)):
            raise ValueError("the moments of its timeline stand out of order")
        return self


NoteValue = (
    Text
    | bool
    | Annotated[int, Field(ge=-int(MAX_AMOUNT), le=int(MAX_AMOUNT))]
    | Annotated[float, Field(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]
    | None
)
NoteData = dict[Name, NoteValue | Annotated[list[NoteValue], Field(max_length=MAX_NOTE_VALUES)]]


def _check_note(data: object, check: ValidatorFunctionWrapHandler) -> Any:
    try:
        return check(data)
    except ValidationError:
        raise ValueError("the data of a note are more than a few plain figures") from None


class NoteRecord(Record):
    """What the run said about itself, and the figures behind it."""

    text: Text
    data: Annotated[NoteData, Field(max_length=MAX_NOTE_VALUES), WrapValidator(_check_note)]


_AsList = Strict(False)  # JSON has no tuples
EventRecord = Annotated[
    Annotated[tuple[Literal["add"], NodeId], _AsList, Tag("add")]
    | Annotated[tuple[Literal["copy"], NodeId], _AsList, Tag("copy")]
    | Annotated[tuple[Literal["score"], NodeId], _AsList, Tag("score")]
    | Annotated[tuple[Literal["mark"], NodeId, Status], _AsList, Tag("mark")]
    | Annotated[tuple[Literal["value"], NodeId, Count, Share], _AsList, Tag("value")]
    | Annotated[tuple[Literal["note"], Count], _AsList, Tag("note")],
    Discriminator(lambda event: event[0] if isinstance(event, list) and event else None),
]
"""How the tree grew; ``copy``: one more sample wrote the node's step. What an event says of texts,
scores and answers stands in ``nodes``."""


def _read_settings(data: object) -> object:
    if not isinstance(data, Mapping):
        return data
    known = {field.name for field in fields(Settings)}
    return recorded_settings({key: data[key] for key in data.keys() & known})


class Trace(Record):
    """A run of TTC Explorer."""

    version: Annotated[int, Field(ge=OLDEST_VERSION, le=VERSION)]
    problem: ProblemRecord
    model: Name
    verifier: Name | None = None
    reviser: Name | None = None
    strategy: Name
    budget: Annotated[int, Field(ge=1, le=MAX_BUDGET)]
    seed: Count
    settings: Annotated[Settings, BeforeValidator(_read_settings)]
    nodes: Annotated[list[NodeRecord], Field(min_length=1, max_length=MAX_NODES, fail_fast=True)]
    solutions: SkipValidation[list[SolutionRecord]] = Field([], description="computed")
    votes: Annotated[list[VoteRecord], Field(fail_fast=True)]
    answer: SkipValidation[Text | None] = Field(None, description="of the first vote; computed")
    correct: SkipValidation[bool | None] = Field(
        None, description="whether the answer is equal to the reference; computed"
    )
    stopped: StopReason
    error: Text | None = Field(None, description="one sentence, when a model failed")
    ledger: LedgerRecord
    notes: Annotated[list[NoteRecord], Field(fail_fast=True)] = Field([])
    timeline: TimelineRecord | None = Field(None, description="what it had cost on the way")
    touches: Annotated[list[TouchRecord], Field(max_length=MAX_TOUCHES)] = Field([])
    partial: Annotated[list[PartialRecord], Field(max_length=MAX_NODES, fail_fast=True)] = Field(
        [], description="steps without an end, of a run that was stopped"
    )
    events: Annotated[list[EventRecord], Field(fail_fast=True)] | None = Field(
        None, description="after the root; without them the tree is taken to have grown by rounds"
    )

    @field_validator("strategy")
    @classmethod
    def _find_strategy(cls, name: str) -> str:
        STRATEGIES.find(name)
        return name

    @field_validator("nodes", mode="before")
    @classmethod
    def _count_nodes(cls, nodes: object) -> object:
        """Before the first of them is looked at, so that a flood of them costs no time."""
        if isinstance(nodes, list) and len(nodes) > MAX_NODES:
            raise ValueError(
                f"a trace has at most {MAX_NODES:,} nodes, and this one {len(nodes):,}"
            )
        return nodes


def trace_schema() -> str:
    """The JSON Schema of a trace, as JSON text."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(schema | Trace.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(trace_schema(), end="")
