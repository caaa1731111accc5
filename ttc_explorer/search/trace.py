"""A run as a file and back: trace version 1, JSON in UTF-8. What is read is untrusted and checked
throughout.

Only what cannot be computed is read back: votes, solutions and the chosen answer follow from the
nodes.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from itertools import groupby
from typing import Any, NoReturn, TypeVar

from ttc_explorer.problems.problem import BadInput, Problem
from ttc_explorer.search.ledger import Ledger
from ttc_explorer.search.run import STOP_REASONS, Run
from ttc_explorer.search.settings import MAX_BUDGET, Settings, parse_budget
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.search.tree import (
    KINDS,
    STATUSES,
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

VERSION = 1
MAX_BYTES = 16 * 2**20
"""Largest trace, as a file and unpacked: room for a budget of 256 over 200 rounds."""
MAX_NODES = 100_000
MAX_DEPTH = 200 + MAX_BUDGET
"""Longest path: a solution of the most rounds that Settings allows, then a budget of revisions."""
MAX_TEXT = 100_000
"""Longest text of a problem, step or answer, in characters."""
MAX_NAME = 200
MAX_NOTE_VALUES = 1000
"""Most figures in a note, and most values in one of them."""
MAX_COUNT = 2**63 - 1


# --- writing --------------------------------------------------------------------------------------


def to_trace(run: Run) -> dict[str, Any]:
    """The run as plain data, exactly as the file has it.

    The root's parent is -1. A solution's ``weight`` is what it adds to its answer's
    by the run's selector (``voting.py``). A run still in progress is written as if cancelled now. ``error``
    stands there only when a model failed, ``notes`` when the run said something about itself.

    ``events`` tell how the tree grew, for those who replay it: ``["add", node]``, ``["score",
    node]``, ``["mark", node, status]``, ``["value", node, visits, value]`` and ``["note",
    number]``.
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
    } | _without_none(answer=tree.answer[node], visits=tree.visits[node], value=tree.value[node])


def _ledger_data(ledger: Ledger) -> dict[str, Any]:
    """The ledger with its estimate of energy; peak memory only where it was measured."""
    data = asdict(ledger) | {
        "flops": ledger.flops,
        "sequential_depth": ledger.sequential_depth,
        "joules_estimate": ledger.joules_estimate,
    }
    return data if ledger.peak_memory else {key: data[key] for key in data if key != "peak_memory"}


def _event_data(event: Event) -> list[Any]:
    match event:
        case NodeAdded(node):
            return ["add", node]
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
    """The run in the bytes of a ``.json`` or ``.json.gz`` trace. Raises BadInput.

    Its tree has the events of its growth, so that it can be replayed. A trace without ``events``
    gets them in the order in which simple searches grow trees: round by round, the new nodes, their
    scores, then what was kept and what was pruned.
    """
    trace = _parse_json(_decompress(data))
    if not isinstance(trace, dict) or "version" not in trace:
        raise BadInput("This file is not a trace: choose a .json or .json.gz file saved here.")
    version = _read_integer(trace, "version", low=1, high=MAX_COUNT, where="the trace")
    if version > VERSION:
        raise BadInput(
            f"This trace has version {version}, and only version {VERSION} can be read: update "
            "TTC Explorer."
        )
    problem = _read_problem(_read_field(trace, "problem", dict, "the trace"))
    tree = _read_tree(trace)
    return Run(
        problem=problem,
        model=_read_text(trace, "model", MAX_NAME),
        verifier=_read_text(trace, "verifier", MAX_NAME, optional=True),
        strategy=_read_choice(trace, "strategy", tuple(STRATEGIES)),
        budget=parse_budget(_read_field(trace, "budget", int, "the trace")),
        seed=_read_integer(trace, "seed", high=MAX_COUNT, where="the trace"),
        settings=_read_settings(_read_field(trace, "settings", dict, "the trace")),
        tree=tree,
        ledger=_read_ledger(_read_field(trace, "ledger", dict, "the trace")),
        stopped=_read_choice(trace, "stopped", STOP_REASONS),
        error=_read_text(trace, "error", MAX_TEXT, optional=True),
        correct=_read_correct(_read_field(trace, "votes", list, "the trace"), tree),
        reviser=_read_text(trace, "reviser", MAX_NAME, optional=True),
    )


def _decompress(data: bytes) -> bytes:
    if data[:2] == b"\x1f\x8b" and len(data) <= MAX_BYTES:
        try:
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error):
            raise BadInput("This trace is damaged: it cannot be unpacked.") from None
    if len(data) > MAX_BYTES:
        raise BadInput(
            f"This trace is too large: at most {MAX_BYTES // 2**20} MiB, unpacked, can be read."
        )
    return data


def _parse_json(data: bytes) -> object:
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BadInput(
            "This file is not a trace, or it is damaged: its JSON cannot be read."
        ) from None


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number in JSON")


def _read_problem(data: Mapping[str, Any]) -> Problem:
    family = _read_text(data, "family", MAX_NAME, "the problem", optional=True)
    level = None
    if data.get("level") is not None:
        level = _read_integer(data, "level", high=100, where="the problem")
    return Problem(
        text=_read_text(data, "text", MAX_TEXT, "the problem"),
        answer=_read_text(data, "answer", MAX_TEXT, "the problem", optional=True),
        family=family,
        level=level,
        source="family" if family else "typed",
    )


def _read_settings(data: Mapping[str, Any]) -> Settings:
    known = {field.name for field in fields(Settings)}
    return Settings().with_values({key: value for key, value in data.items() if key in known})


def _read_ledger(data: Mapping[str, Any]) -> Ledger:
    """A trace from before costs were kept by model has totals only: they stand as the
    generator's."""
    if "generator_flops" not in data and "generator_depth" not in data:
        data = dict(data) | {"verifier_flops": 0.0, "verifier_depth": 0}
        data |= {
            name: data[total]
            for name, total in (
                ("generator_flops", "flops"),
                ("generator_depth", "sequential_depth"),
            )
            if total in data
        }
    counts = (
        "generated_tokens",
        "prefill_tokens",
        "cached_tokens",
        "verifier_tokens",
        "generator_depth",
        "verifier_depth",
    )
    amounts = ("generator_flops", "verifier_flops", "seconds")
    return Ledger(
        **{key: _read_integer(data, key, high=MAX_COUNT, where="the ledger") for key in counts},
        **{key: _read_number(data, key, low=0, high=1e30, where="the ledger") for key in amounts},
        peak_memory=_read_integer(
            {"peak_memory": 0} | data, "peak_memory", high=MAX_COUNT, where="the ledger"
        ),
    )


def _read_correct(data: list[Any], tree: SearchTree) -> dict[str, bool]:
    """The verdicts on the tree's answers."""
    answers = {answer for answer in tree.answer if answer is not None}
    verdicts = {}
    for vote in data:
        if not isinstance(vote, dict):
            raise BadInput("This trace is damaged: a vote is not an object.")
        answer = _read_text(vote, "answer", MAX_TEXT, "a vote")
        verdict = vote.get("equal_to_reference")
        if verdict is None:
            continue
        if answer not in answers or not isinstance(verdict, bool):
            raise BadInput("This trace is damaged: a vote does not fit its nodes.")
        verdicts[answer] = verdict
    return verdicts


def _read_tree(trace: dict[str, Any]) -> SearchTree:
    nodes = _read_field(trace, "nodes", list, "the trace")
    notes = [
        _read_note(data) for data in _read_field({"notes": []} | trace, "notes", list, "the trace")
    ]
    if not 1 <= len(nodes) <= MAX_NODES:
        raise BadInput(
            f"A trace must have from 1 to {MAX_NODES:,} nodes; this one has {len(nodes):,}."
        )
    for index, node in enumerate(nodes):
        if not isinstance(node, dict):
            raise BadInput(f"This trace is damaged: node {index} is not an object.")
        _read_integer(node, "round", high=MAX_DEPTH, where=f"node {index}")
    root = nodes[0]
    if root.get("id") != 0 or root.get("kind") != "root" or root.get("parent") not in (-1, None):
        raise BadInput("This trace is damaged: node 0 is not a root.")
    tree = SearchTree()
    if trace.get("events") is None:
        _rebuild_by_rounds(tree, nodes, notes)
    else:
        for index, event in enumerate(_read_field(trace, "events", list, "the trace")):
            _replay_event(tree, nodes, notes, event, f"event {index}")
        if not _matches_nodes(tree, nodes, notes):
            raise BadInput("This trace is damaged: its events do not lead to its nodes and notes.")
    return tree


def _rebuild_by_rounds(tree: SearchTree, nodes: list[Any], notes: list[Note]) -> None:
    for _, batch in groupby(nodes[1:], key=lambda node: node["round"]):
        added = [(_add_node(tree, data), data) for data in batch]
        judged = [node for node, data in added if data.get("score") is not None]
        tree.set_scores(judged, [_read_score(nodes, node) for node in judged])
        for status in ("kept", "pruned"):
            tree.set_status([node for node, data in added if data["status"] == status], status)
    for node, data in enumerate(nodes):
        if data.get("visits") is not None:
            tree.set_value(
                node, *_read_value(data.get("visits"), data.get("value"), f"node {node}")
            )
    for note in notes:
        tree.note(note.text, **note.data)


def _replay_event(
    tree: SearchTree, nodes: list[Any], notes: list[Note], event: object, where: str
) -> None:
    """Let one event of the file happen. What it says of scores, texts and answers stands in
    ``nodes``."""
    size = len(tree)
    match event:
        case ["add", int(node)] if node == size < len(nodes):
            _add_node(tree, nodes[node])
        case ["score", int(node)] if 0 < node < size:
            tree.set_scores([int(node)], [_read_score(nodes, node)])
        case ["mark", int(node), "open" | "kept" | "pruned" as status] if 0 <= node < size:
            tree.set_status([int(node)], status)
        case ["value", int(node), visits, value] if 0 <= node < size:
            tree.set_value(int(node), *_read_value(visits, value, where))
        case ["note", int(number)] if number == len(tree.notes) < len(notes):
            tree.note(notes[number].text, **notes[number].data)
        case _:
            raise BadInput(f"This trace is damaged: {where} does not fit its nodes.")


def _matches_nodes(tree: SearchTree, nodes: list[Any], notes: list[Note]) -> bool:
    """Whether what events change in a tree is as the nodes and notes of the file say."""
    columns = zip(tree.status, tree.score, tree.visits, tree.value, strict=True)
    replayed = [
        dict(zip(("status", "score", "visits", "value"), node, strict=True)) for node in columns
    ]
    stored = [{key: data.get(key) for key in replayed[0]} for data in nodes]
    return replayed == stored and tree.notes == notes


def _read_score(nodes: list[Any], node: int) -> float:
    return _read_number(nodes[node], "score", low=0, high=1, where=f"node {node}")


def _read_value(visits: object, value: object, where: str) -> tuple[int, float]:
    data = {"visits": visits, "value": value}
    mean = _read_number(data, "value", low=0, high=1, where=where)
    return _read_integer(data, "visits", high=MAX_COUNT, where=where), mean


def _read_note(data: object) -> Note:
    if not isinstance(data, dict):
        raise BadInput("This trace is damaged: a note is not an object.")
    facts = _read_field(data, "data", dict, "a note")
    for name, value in facts.items():
        values = value if isinstance(value, list) else [value]
        plain = len(name) <= MAX_NAME and all(map(_is_note_value, values))
        if not plain or max(len(facts), len(values)) > MAX_NOTE_VALUES:
            raise BadInput("This trace is damaged: a note holds more than a few plain figures.")
    return Note(_read_text(data, "text", MAX_TEXT, "a note"), facts)


def _is_note_value(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT and _is_valid_unicode(value)
    if isinstance(value, int | float):
        return abs(value) <= 1e30
    return value is None


def _add_node(tree: SearchTree, data: Mapping[str, Any]) -> int:
    """Append one node, with its scores and marks still to come."""
    where = f"node {len(tree)}"
    if _read_integer(data, "id", high=MAX_NODES, where=where) != len(tree):
        raise BadInput(f"This trace is damaged: {where} stands out of order.")
    parent = _read_integer(data, "parent", high=len(tree) - 1, where=where)
    if data["round"] != tree.round[parent] + 1:
        raise BadInput(f"This trace is damaged: {where} is not one round after its parent.")
    status = _read_choice(data, "status", STATUSES, where)
    kind = _read_choice(data, "kind", KINDS[1:], where)
    if status != {"revision": "finished", "rollout": "pruned"}.get(kind, status):
        raise BadInput(f"This trace is damaged: {where} is a {kind}, which cannot be {status}.")
    answer = _read_text(data, "answer", MAX_TEXT, where, optional=True)
    if answer is not None and status != "finished":
        raise BadInput(f"This trace is damaged: {where} has an answer but is not finished.")
    return tree.add(
        parent,
        _read_text(data, "text", MAX_TEXT, where),
        tokens=_read_integer(data, "tokens", high=MAX_COUNT, where=where),
        logprob=_read_number(data, "logprob", low=-1e30, high=1e30, where=where),
        finished=status == "finished",
        answer=answer,
        kind=kind,
    )


# --- fields of untrusted objects ------------------------------------------------------------------

_FieldType = TypeVar("_FieldType")


def _read_field(
    data: Mapping[str, Any], key: str, kind: type[_FieldType], where: str
) -> _FieldType:
    value = data.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BadInput(
            f"This trace is damaged: '{key}' of {where} is missing or of the wrong kind."
        )
    return value


def _read_text(
    data: Mapping[str, Any],
    key: str,
    longest: int,
    where: str = "the trace",
    optional: bool = False,
) -> Any:
    if optional and data.get(key) is None:
        return None
    text = _read_field(data, key, str, where)
    if len(text) > longest:
        raise BadInput(
            f"This trace is damaged: '{key}' of {where} is longer than {longest:,} characters."
        )
    if not _is_valid_unicode(text):
        raise BadInput(f"This trace is damaged: '{key}' of {where} is not proper text.")
    return text


def _is_valid_unicode(text: str) -> bool:
    """Whether there is no half character in it."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _read_choice(
    data: Mapping[str, Any], key: str, choices: tuple[str, ...], where: str = "the trace"
) -> str:
    if _read_field(data, key, str, where) not in choices:
        raise BadInput(
            f"'{key}' of {where} is unknown here: it must be one of {', '.join(choices)}."
        )
    return data[key]


def _read_integer(data: Mapping[str, Any], key: str, *, high: int, where: str, low: int = 0) -> int:
    value = _read_field(data, key, int, where)
    if not low <= value <= high:
        raise BadInput(f"This trace is damaged: '{key}' of {where} is out of range.")
    return value


def _read_number(
    data: Mapping[str, Any], key: str, *, low: float, high: float, where: str
) -> float:
    value = data.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise BadInput(f"This trace is damaged: '{key}' of {where} is missing or out of range.")
    return float(value)
