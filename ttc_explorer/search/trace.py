"""A run as a file and back: a trace (``trace_format.py``) is JSON in UTF-8, perhaps packed by gzip.

What is read is untrusted and checked throughout. Only what cannot be computed is read back: votes,
solutions and the chosen answer follow from the nodes.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from itertools import groupby, pairwise
from typing import Any

from pydantic import ValidationError

from ttc_explorer.checked_json import describe_error, parse_json
from ttc_explorer.problems.problem import BadInput, Problem
from ttc_explorer.search.ledger import Ledger
from ttc_explorer.search.run import Moment, Run
from ttc_explorer.search.run_progress import PartialRow
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.touch import Touch
from ttc_explorer.search.trace_format import (
    MAX_NODES,
    VERSION,
    EventRecord,
    NodeRecord,
    PartialRecord,
    ProblemRecord,
    TimelineRecord,
    TouchRecord,
    Trace,
    VoteRecord,
)
from ttc_explorer.search.tree import (
    CopyAdded,
    Event,
    NodeAdded,
    NodeScored,
    Note,
    NoteAdded,
    SearchTree,
    StatusChanged,
    ValueUpdated,
)
from ttc_explorer.search.voting import ranked_votes, solution_score, solution_weights

OPTIONAL_LEDGER_KEYS = (
    "peak_memory",
    "display_verifier_tokens",
    "generator_tokens_computed",
    "verifier_tokens_computed",
)
"""Written only where they are not 0."""
MAX_BYTES = 16 * 2**20
"""Largest trace, as a file and unpacked: room for a budget of 256 over 200 rounds."""


# --- writing --------------------------------------------------------------------------------------


def to_trace(run: Run) -> dict[str, Any]:
    """The run as plain data, exactly as the file has it.

    The root's parent is -1. A solution's ``weight`` is what it adds to its answer's by the run's
    selector (``voting.py``). A run still in progress is written as if cancelled now. ``error``
    stands there only when a model failed, ``notes`` when the run said something about itself.

    ``events`` tell how the tree grew, for those who replay it: ``["add", node]``, ``["copy",
    node]``, ``["score", node]``, ``["mark", node, status]``, ``["value", node, visits, value]`` and
    ``["note", number]``.
    """
    tree, settings = run.tree, run.settings
    vote_list = ranked_votes(tree, settings.selector, settings.aggregate, settings.confidence)
    answer = vote_list[0].answer if vote_list else None
    trace: dict[str, Any] = {
        "version": VERSION,
        "problem": _without_none(
            text=run.problem.text,
            answer=run.problem.answer,
            family=run.problem.family,
            level=run.problem.level,
        ),
        "model": run.model,
        "verifier": run.verifier,
        "strategy": run.strategy,
        "budget": run.budget,
        "seed": run.seed,
        "settings": settings.to_dict(),
        "nodes": [_node_data(tree, node) for node in range(len(tree))],
        "solutions": list(_solutions_data(tree, settings)),
        "votes": [
            {"answer": vote.answer, "count": vote.count, "weight": vote.weight}
            | _without_none(equal_to_reference=run.correct.get(vote.answer))
            for vote in vote_list
        ],
        "answer": answer,
        "stopped": run.stopped or "cancelled",
        "ledger": _ledger_data(run.ledger),
        "events": [_event_data(event) for event in tree.events[1:]],
    }
    return trace | _without_none(
        correct=run.correct.get(answer) if answer is not None else None,
        error=run.error,
        reviser=run.reviser,
        notes=[{"text": note.text, "data": dict(note.data)} for note in tree.notes] or None,
        timeline=_timeline_data(run.timeline) or None,
        touches=[asdict(touch) for touch in run.touches] or None,
        partial=[
            {"parent": row.parent, "text": row.text, "tokens": row.tokens} for row in run.partial
        ]
        or None,
    )


def dump_trace(run: Run) -> bytes:
    """The run as the bytes of a ``.json`` trace."""
    return json.dumps(to_trace(run), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def _without_none(**values: Any) -> dict[str, Any]:
    """The optional keys: those whose value is known."""
    return {key: value for key, value in values.items() if value is not None}


def _node_data(tree: SearchTree, node: int) -> dict[str, Any]:
    return {
        "id": node,
        "parent": tree.parent[node],
        "text": tree.text[node],
        "kind": tree.kind[node],
        "status": tree.status[node],
        "score": tree.score[node],
        "logprob": tree.logprob[node],
        "tokens": tree.tokens[node],
        "round": tree.round[node],
    } | _without_none(
        token_logprobs=list(tree.token_logprobs[node]) or None,
        answer=tree.answer[node],
        visits=tree.visits[node],
        value=tree.value[node],
        copies=tree.copies[node] if tree.copies[node] > 1 else None,
        cut=tree.cut[node] or None,
    )


def _ledger_data(ledger: Ledger) -> dict[str, Any]:
    """The ledger with its estimate of energy; peak memory only where it was measured, tokens read
    for the screen only where there are any."""
    data = asdict(ledger) | {
        "flops": ledger.flops,
        "sequential_depth": ledger.sequential_depth,
        "joules_estimate": ledger.joules_estimate,
    }
    return {key: value for key, value in data.items() if value or key not in OPTIONAL_LEDGER_KEYS}


def _timeline_data(timeline: Sequence[Moment]) -> dict[str, list[Any]]:
    """The moments as columns; those that were 0 all the time are left out."""
    columns = {
        each.name: [getattr(moment.ledger, each.name) for moment in timeline]
        for each in fields(Ledger)
    }
    costs = {name: column for name, column in columns.items() if any(column)}
    return {"events": [moment.events for moment in timeline]} | costs if timeline else {}


def _event_data(event: Event) -> list[Any]:
    match event:
        case NodeAdded(node):
            return ["add", node]
        case CopyAdded(node):
            return ["copy", node]
        case NodeScored(node):
            return ["score", node]
        case StatusChanged(node, status):
            return ["mark", node, status]
        case ValueUpdated(node, visits, value):
            return ["value", node, visits, value]
        case NoteAdded(number):
            return ["note", number]


def _solutions_data(tree: SearchTree, settings: Settings) -> Iterator[dict[str, Any]]:
    for leaf, weight in solution_weights(
        tree, settings.selector, settings.aggregate, settings.confidence
    ).items():
        score = solution_score(tree, leaf, settings.aggregate)
        yield {"leaf": leaf, "answer": tree.answer[leaf], "score": score, "weight": weight}


# --- reading --------------------------------------------------------------------------------------


def load_trace(data: bytes) -> Run:
    """The run in the bytes of a ``.json`` or ``.json.gz`` trace.

    Its tree has the events of its growth, so that it can be replayed. A trace without ``events``
    gets them in the order in which simple searches grow trees: round by round, the new nodes, their
    scores, then what was kept and what was pruned.

    Raises:
        BadInput: it is no trace, of a newer version, too large, or damaged.
    """
    unpacked = _decompress(data)
    try:
        content = parse_json(unpacked)
    except ValueError as error:
        what = describe_error(error, "the trace")
        raise BadInput(f"This file is not a trace, or it is damaged: {what}.") from None
    if not isinstance(content, dict) or "version" not in content:
        raise BadInput("This file is not a trace: choose a .json or .json.gz file saved here.")
    version = content["version"]
    if isinstance(version, int) and version > VERSION:
        raise BadInput(
            f"This trace has version {version}, and versions up to {VERSION} can be read: "
            "update TTC Explorer."
        )
    try:
        trace = Trace.model_validate(content)
    except ValidationError as error:
        raise _damaged(describe_error(error, "the trace")) from None
    tree = _grow_tree(trace)
    return Run(
        problem=_make_problem(trace.problem),
        model=trace.model,
        verifier=trace.verifier,
        strategy=trace.strategy,
        budget=trace.budget,
        seed=trace.seed,
        settings=trace.settings,
        tree=tree,
        ledger=Ledger(**{each.name: getattr(trace.ledger, each.name) for each in fields(Ledger)}),
        stopped=trace.stopped,
        error=trace.error,
        correct=_read_verdicts(trace.votes, tree),
        reviser=trace.reviser,
        timeline=_read_timeline(trace.timeline),
        touches=_read_touches(trace.touches, tree),
        partial=_read_partial(trace.partial, tree),
    )


def _read_touches(records: Sequence[TouchRecord], tree: SearchTree) -> list[Touch]:
    touches = [
        Touch(each.kind, each.node, each.samples, each.text, each.events) for each in records
    ]
    ends = [each.events for each in touches]
    if any(before >= after for before, after in pairwise([0, *ends, len(tree.events) + 1])):
        raise _damaged("its touches stand out of order")
    if any(each.node >= len(tree) for each in touches):
        raise _damaged("a touch names a node that is not there")
    return touches


def _read_partial(records: Sequence[PartialRecord], tree: SearchTree) -> tuple[PartialRow, ...]:
    if any(each.parent >= len(tree) for each in records):
        raise _damaged("a step without an end stands at a node that it does not have")
    return tuple(PartialRow(each.parent, each.text, each.tokens) for each in records)


def _read_timeline(record: TimelineRecord | None) -> list[Moment]:
    if record is None:
        return []
    columns = {each.name: getattr(record, each.name) for each in fields(Ledger)}
    return [
        Moment(events, Ledger(**{name: column[row] for name, column in columns.items() if column}))
        for row, events in enumerate(record.events)
    ]


def _damaged(what: str) -> BadInput:
    return BadInput(f"This trace is damaged: {what}.")


def _decompress(data: bytes) -> bytes:
    if data[:2] == b"\x1f\x8b" and len(data) <= MAX_BYTES:
        try:
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error):
            raise _damaged("it cannot be unpacked") from None
    if len(data) > MAX_BYTES:
        raise BadInput(
            f"This trace is too large: at most {MAX_BYTES // 2**20} MiB, unpacked, can be read."
        )
    return data


def _make_problem(problem: ProblemRecord) -> Problem:
    return Problem(
        text=problem.text,
        answer=problem.answer,
        family=problem.family,
        level=problem.level,
        source="family" if problem.family else "typed",
    )


def _read_verdicts(votes: Sequence[VoteRecord], tree: SearchTree) -> dict[str, bool]:
    """The verdicts on the tree's answers."""
    verdicts = {
        vote.answer: vote.equal_to_reference
        for vote in votes
        if vote.equal_to_reference is not None
    }
    if not verdicts.keys() <= set(tree.answer):
        raise _damaged("a vote does not fit its nodes")
    return verdicts


def _grow_tree(trace: Trace) -> SearchTree:
    """The tree of the file, with its events."""
    notes = [Note(note.text, note.data) for note in trace.notes]
    root = trace.nodes[0]
    if (root.id, root.kind, root.parent, root.round) != (0, "root", -1, 0):
        raise _damaged("node 0 is not a root")
    tree = SearchTree()
    if trace.events is None:
        _grow_by_rounds(tree, trace.nodes, notes)
    else:
        for index, event in enumerate(trace.events):
            _replay_event(tree, trace.nodes, notes, event, f"event {index}")
        if not _matches_nodes(tree, trace.nodes, notes):
            raise _damaged("its events do not lead to its nodes and notes")
    return tree


def _grow_by_rounds(tree: SearchTree, nodes: Sequence[NodeRecord], notes: Sequence[Note]) -> None:
    if sum(node.copies for node in nodes) > MAX_NODES:
        raise _damaged(f"its nodes have more than {MAX_NODES:,} copies together")
    for _, batch in groupby(nodes[1:], key=lambda node: node.round):
        added = [(_add_node(tree, node), node) for node in batch]
        for place, node in added:
            for _ in range(node.copies - 1):
                tree.add_copy(place)
        scores = {place: node.score for place, node in added if node.score is not None}
        tree.set_scores(list(scores), list(scores.values()))
        for status in ("kept", "pruned"):
            tree.set_status([place for place, node in added if node.status == status], status)
    for place, node in enumerate(nodes):
        if node.visits is not None:
            if node.value is None:
                raise _damaged(f"node {place} was visited and has no value")
            tree.set_value(place, node.visits, node.value)
    for note in notes:
        tree.note(note.text, **note.data)


def _replay_event(
    tree: SearchTree,
    nodes: Sequence[NodeRecord],
    notes: Sequence[Note],
    event: EventRecord,
    where: str,
) -> None:
    """Let one event of the file happen. What it says of scores, texts and answers stands in
    ``nodes``."""
    size = len(tree)
    match event:
        case ("add", node) if node == size < len(nodes):
            _add_node(tree, nodes[node])
        case ("copy", node) if 0 < node < size:
            tree.add_copy(node)
        case ("score", node) if 0 < node < size:
            score = nodes[node].score
            if score is None:
                raise _damaged(f"'score' of node {node} is missing")
            tree.set_scores([node], [score])
        case ("mark", node, "open" | "kept" | "pruned" as status) if node < size:
            tree.set_status([node], status)
        case ("value", node, visits, value) if node < size:
            tree.set_value(node, visits, value)
        case ("note", number) if number == len(tree.notes) < len(notes):
            tree.note(notes[number].text, **notes[number].data)
        case _:
            raise _damaged(f"{where} does not fit its nodes")


def _matches_nodes(tree: SearchTree, nodes: Sequence[NodeRecord], notes: Sequence[Note]) -> bool:
    """Whether what events change in a tree is as the nodes and notes of the file say."""
    replayed = zip(tree.status, tree.score, tree.visits, tree.value, tree.copies, strict=True)
    stored = [(node.status, node.score, node.visits, node.value, node.copies) for node in nodes]
    return list(replayed) == stored and tree.notes == notes


def _add_node(tree: SearchTree, node: NodeRecord) -> int:
    """Append one node, with its scores and marks still to come."""
    where = f"node {len(tree)}"
    if node.id != len(tree):
        raise _damaged(f"{where} stands out of order")
    if not 0 <= node.parent < len(tree):
        raise _damaged(f"{where} does not stand after its parent")
    if node.round != tree.round[node.parent] + 1:
        raise _damaged(f"{where} is not one round after its parent")
    if node.kind == "root":
        raise _damaged(f"{where} is a second root")
    if node.status != {"revision": "finished", "rollout": "pruned"}.get(node.kind, node.status):
        raise _damaged(f"{where} is a {node.kind}, which cannot be {node.status}")
    if node.answer is not None and node.status != "finished":
        raise _damaged(f"{where} has an answer but is not finished")
    if node.cut and node.status != "finished":
        raise _damaged(f"{where} broke off but is not finished")
    return tree.add(
        node.parent,
        node.text,
        tokens=node.tokens,
        logprob=node.logprob,
        token_logprobs=node.token_logprobs,
        finished=node.status == "finished",
        answer=node.answer,
        kind=node.kind,
        cut=node.cut,
    )
