"""A run as a file and back: trace version 1, JSON in UTF-8. What is read is untrusted and checked throughout.

Only what cannot be computed is read back: votes, solutions and the chosen answer follow from the nodes.
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
from ttc_explorer.search.run import STOPPED, Run
from ttc_explorer.search.selection import solution_score, votes
from ttc_explorer.search.settings import Settings, checked_budget
from ttc_explorer.search.strategies import STRATEGIES
from ttc_explorer.search.tree import KINDS, STATUSES, SearchTree

VERSION = 1
MAX_BYTES = 16 * 2**20
"""Largest trace, as a file and unpacked: room for a budget of 256 over 200 rounds."""
MAX_NODES = 100_000
MAX_DEPTH = 200
"""Longest solution: the most rounds that Settings allows."""
MAX_TEXT = 100_000
"""Longest text of a problem, step or answer, in characters."""
MAX_NAME = 200
MAX_COUNT = 2**63 - 1


# --- writing --------------------------------------------------------------------------------------------


def to_trace(run: Run) -> dict[str, Any]:
    """The run as plain data, exactly as the file has it.

    The root's parent is -1. A solution's ``weight`` is what it adds to its answer's: its score, or 0 if it
    has none or its answer cannot be read. A run still in progress is written as if cancelled now. ``error``
    stands there only when a model failed.
    """
    tree, settings = run.tree, run.settings
    ballot = votes(tree, settings.selector, settings.aggregate)
    answer = ballot[0].answer if ballot else None
    trace: dict[str, Any] = {
        "version": VERSION,
        "problem": _known(
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
        "nodes": [_node(tree, node) for node in range(len(tree))],
        "solutions": list(_solutions(tree, settings.aggregate)),
        "votes": [
            {"answer": vote.answer, "count": vote.count, "weight": vote.weight}
            | _known(equal_to_reference=run.correct.get(vote.answer))
            for vote in ballot
        ],
        "answer": answer,
        "stopped": run.stopped or "cancelled",
        "ledger": asdict(run.ledger) | {"joules_estimate": run.ledger.joules_estimate},
    }
    return trace | _known(correct=run.correct.get(answer) if answer is not None else None, error=run.error)


def dump(run: Run) -> bytes:
    """The run as the bytes of a ``.json`` trace."""
    return json.dumps(to_trace(run), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def _known(**values: Any) -> dict[str, Any]:
    """The optional keys: those whose value is known."""
    return {key: value for key, value in values.items() if value is not None}


def _node(tree: SearchTree, node: int) -> dict[str, Any]:
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
    } | _known(answer=tree.answer[node])


def _solutions(tree: SearchTree, aggregate: str) -> Iterator[dict[str, Any]]:
    for leaf in tree.leaves():
        answer, score = tree.answer[leaf], solution_score(tree, leaf, aggregate)
        weight = 0.0 if answer is None or score is None else score
        yield {"leaf": leaf, "answer": answer, "score": score, "weight": weight}


# --- reading --------------------------------------------------------------------------------------------


def load(data: bytes) -> Run:
    """The run in the bytes of a ``.json`` or ``.json.gz`` trace. Raises BadInput.

    Its tree has the events of its growth, in the order in which the driver grows trees: round by round, the
    new nodes, their scores, then what was kept and what was pruned. So it can be replayed.
    """
    trace = _parsed(_unpacked(data))
    if not isinstance(trace, dict) or "version" not in trace:
        raise BadInput("This file is not a trace: choose a .json or .json.gz file saved here.")
    version = _integer(trace, "version", low=1, high=MAX_COUNT, where="the trace")
    if version > VERSION:
        raise BadInput(
            f"This trace has version {version}, and only version {VERSION} can be read: update TTC Explorer."
        )
    problem = _problem(_field(trace, "problem", dict, "the trace"))
    tree = _tree(_field(trace, "nodes", list, "the trace"))
    return Run(
        problem=problem,
        model=_text(trace, "model", MAX_NAME),
        verifier=_text(trace, "verifier", MAX_NAME, optional=True),
        strategy=_choice(trace, "strategy", tuple(STRATEGIES)),
        budget=checked_budget(_field(trace, "budget", int, "the trace")),
        seed=_integer(trace, "seed", high=MAX_COUNT, where="the trace"),
        settings=_settings(_field(trace, "settings", dict, "the trace")),
        tree=tree,
        ledger=_ledger(_field(trace, "ledger", dict, "the trace")),
        stopped=_choice(trace, "stopped", STOPPED),
        error=_text(trace, "error", MAX_TEXT, optional=True),
        correct=_correct(_field(trace, "votes", list, "the trace"), tree),
    )


def _unpacked(data: bytes) -> bytes:
    if data[:2] == b"\x1f\x8b" and len(data) <= MAX_BYTES:
        try:
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error):
            raise BadInput("This trace is damaged: it cannot be unpacked.") from None
    if len(data) > MAX_BYTES:
        raise BadInput(f"This trace is too large: at most {MAX_BYTES // 2**20} MiB, unpacked, can be read.")
    return data


def _parsed(data: bytes) -> object:
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_not_a_number)
    except (ValueError, RecursionError):
        raise BadInput("This file is not a trace, or it is damaged: its JSON cannot be read.") from None


def _not_a_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number in JSON")


def _problem(data: Mapping[str, Any]) -> Problem:
    family = _text(data, "family", MAX_NAME, "the problem", optional=True)
    level = None
    if data.get("level") is not None:
        level = _integer(data, "level", high=100, where="the problem")
    return Problem(
        text=_text(data, "text", MAX_TEXT, "the problem"),
        answer=_text(data, "answer", MAX_TEXT, "the problem", optional=True),
        family=family,
        level=level,
        source="family" if family else "typed",
    )


def _settings(data: Mapping[str, Any]) -> Settings:
    known = {field.name for field in fields(Settings)}
    return Settings().updated({key: value for key, value in data.items() if key in known})


def _ledger(data: Mapping[str, Any]) -> Ledger:
    counts = ("generated_tokens", "prefill_tokens", "cached_tokens", "verifier_tokens", "sequential_depth")
    amounts = ("flops", "seconds")
    return Ledger(
        **{key: _integer(data, key, high=MAX_COUNT, where="the ledger") for key in counts},
        **{key: _number(data, key, low=0, high=1e30, where="the ledger") for key in amounts},
    )


def _correct(data: list[Any], tree: SearchTree) -> dict[str, bool]:
    """The verdicts on the tree's answers."""
    answers = {answer for answer in tree.answer if answer is not None}
    verdicts = {}
    for vote in data:
        if not isinstance(vote, dict):
            raise BadInput("This trace is damaged: a vote is not an object.")
        answer = _text(vote, "answer", MAX_TEXT, "a vote")
        verdict = vote.get("equal_to_reference")
        if verdict is None:
            continue
        if answer not in answers or not isinstance(verdict, bool):
            raise BadInput("This trace is damaged: a vote does not fit its nodes.")
        verdicts[answer] = verdict
    return verdicts


def _tree(nodes: list[Any]) -> SearchTree:
    if not 1 <= len(nodes) <= MAX_NODES:
        raise BadInput(f"A trace must have from 1 to {MAX_NODES:,} nodes; this one has {len(nodes):,}.")
    for place, node in enumerate(nodes):
        if not isinstance(node, dict):
            raise BadInput(f"This trace is damaged: node {place} is not an object.")
        _integer(node, "round", high=MAX_DEPTH, where=f"node {place}")
    root = nodes[0]
    if root.get("id") != 0 or root.get("kind") != "root" or root.get("parent") not in (-1, None):
        raise BadInput("This trace is damaged: node 0 is not a root.")
    tree = SearchTree()
    for _, batch in groupby(nodes[1:], key=lambda node: node["round"]):
        added = [(_add(tree, data), data) for data in batch]
        judged = [
            (node, _number(data, "score", low=0, high=1, where=f"node {node}"))
            for node, data in added
            if data.get("score") is not None
        ]
        tree.set_scores([node for node, _ in judged], [score for _, score in judged])
        for status in ("kept", "pruned"):
            tree.mark([node for node, data in added if data["status"] == status], status)
    return tree


def _add(tree: SearchTree, data: Mapping[str, Any]) -> int:
    """Append one node, with its scores and marks still to come."""
    where = f"node {len(tree)}"
    if _integer(data, "id", high=MAX_NODES, where=where) != len(tree):
        raise BadInput(f"This trace is damaged: {where} stands out of order.")
    parent = _integer(data, "parent", high=len(tree) - 1, where=where)
    if data["round"] != tree.round[parent] + 1:
        raise BadInput(f"This trace is damaged: {where} is not one round after its parent.")
    status = _choice(data, "status", STATUSES, where)
    answer = _text(data, "answer", MAX_TEXT, where, optional=True)
    if answer is not None and status != "finished":
        raise BadInput(f"This trace is damaged: {where} has an answer but is not finished.")
    return tree.add(
        parent,
        _text(data, "text", MAX_TEXT, where),
        tokens=_integer(data, "tokens", high=MAX_COUNT, where=where),
        logprob=_number(data, "logprob", low=-1e30, high=1e30, where=where),
        finished=status == "finished",
        answer=answer,
        kind=_choice(data, "kind", KINDS[1:], where),
    )


# --- fields of untrusted objects ------------------------------------------------------------------------

_Kind = TypeVar("_Kind")


def _field(data: Mapping[str, Any], key: str, kind: type[_Kind], where: str) -> _Kind:
    value = data.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BadInput(f"This trace is damaged: '{key}' of {where} is missing or of the wrong kind.")
    return value


def _text(
    data: Mapping[str, Any], key: str, longest: int, where: str = "the trace", optional: bool = False
) -> Any:
    if optional and data.get(key) is None:
        return None
    text = _field(data, key, str, where)
    if len(text) > longest:
        raise BadInput(f"This trace is damaged: '{key}' of {where} is longer than {longest:,} characters.")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise BadInput(f"This trace is damaged: '{key}' of {where} is not proper text.")
    return text


def _choice(data: Mapping[str, Any], key: str, choices: tuple[str, ...], where: str = "the trace") -> str:
    if _field(data, key, str, where) not in choices:
        raise BadInput(f"'{key}' of {where} is unknown here: it must be one of {', '.join(choices)}.")
    return data[key]


def _integer(data: Mapping[str, Any], key: str, *, high: int, where: str, low: int = 0) -> int:
    value = _field(data, key, int, where)
    if not low <= value <= high:
        raise BadInput(f"This trace is damaged: '{key}' of {where} is out of range.")
    return value


def _number(data: Mapping[str, Any], key: str, *, low: float, high: float, where: str) -> float:
    value = data.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise BadInput(f"This trace is damaged: '{key}' of {where} is missing or out of range.")
    return float(value)
