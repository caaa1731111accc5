"""Recorded steps of satchmakua/crucible-ttc: beam and tree searches as the steps sampled after each
prefix, with the scores of a process reward model in a file beside (``…-prm.json``)."""

from __future__ import annotations

import hashlib

from ttc_explorer.experiments.importers.field_access import (
    as_count,
    as_dict,
    as_list,
    as_name,
    as_number,
    as_text,
)
from ttc_explorer.experiments.importers.imported_tree import TreeImport
from ttc_explorer.experiments.importers.importer import Imported, importer
from ttc_explorer.experiments.importers.source_document import Json, Row, SourceDocument
from ttc_explorer.problems.answer_reader import read_answer
from ttc_explorer.problems.grading import Grader
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings

STEPS_SUFFIX, SCORES_SUFFIX = "-steps.json", "-prm.json"
SEPARATOR = "\u001f"
KEY_DIGITS = 16


@importer(
    "crucible_steps",
    title="crucible's recorded searches",
    detects=("problems.prompt", "step_records.key", "step_records.batches"),
)
def crucible_steps(document: SourceDocument) -> Imported:
    """One search a problem. A prefix is known by a hash of its steps, so that the tree follows from
    the texts; without the file beside, nothing is scored."""
    content = as_dict(document.content)
    scores, verifier = _read_scores(document)
    found = Imported()
    if verifier is None:
        found.notes.append(
            f"The scores are in a file of their own: put {_scores_name(document.name)} beside it."
        )
    batches: dict[str, list[Json]] = {}
    for _, record in document.rows(content["step_records"], "Record"):
        key = as_text(record["key"])
        batches.setdefault(key, []).extend(
            step for batch in as_list(record["batches"]) for step in as_list(batch)
        )
    strategy = "mcts" if "mcts" in document.name else "beam"
    with Grader() as grader:
        for _, problem in document.rows(content["problems"], "Problem"):
            run = _search(problem, batches, scores, verifier, strategy, grader)
            if len(run.tree) > 1:
                found.runs.append(run)
    return found


def _read_scores(document: SourceDocument) -> tuple[dict[str, Json], str | None]:
    """Scores by prefix, and the name of the model that gave them; None without the file."""
    beside = document.companion(_scores_name(document.name))
    if beside is None:
        return {}, None
    content = as_dict(beside.content)
    return as_dict(content["records"]), as_text(content.get("model_id") or content["prm"])


def _scores_name(name: str) -> str:
    return name.removesuffix(STEPS_SUFFIX).removesuffix(".json") + SCORES_SUFFIX


def _search(
    problem: Row,
    batches: dict[str, list[Json]],
    scores: dict[str, Json],
    verifier: str | None,
    strategy: str,
    grader: Grader,
) -> Run:
    name = str(as_name(problem["id"]))
    widest = max(
        (len(steps) for key, steps in batches.items() if key.startswith(f"{name}:")), default=1
    )
    grown = TreeImport(
        grader,
        text=as_text(problem["prompt"]),
        reference=as_text(problem["answer"]),
        model="recorded by crucible-ttc",
        verifier=verifier,
        strategy=strategy,
        budget=widest,
        settings=Settings(
            merge=False, temperature=0.7, selector="best" if verifier else "majority"
        ),
        source="crucible-ttc",
    )
    level: list[tuple[int, list[str]]] = [(0, [])]
    expanded, tokens = set(), 0
    while level:
        following: list[tuple[int, list[str]]] = []
        added: list[tuple[int, list[str]]] = []
        for parent, prefix in level:
            key = _key(name, prefix)
            if key in expanded:  # an equal step stands beside: the search goes on there
                continue
            expanded.add(key)
            for step in map(as_dict, batches.get(key, [])):
                texts = [*prefix, as_text(step["text"])]
                goes_on = _key(name, texts) in batches
                answer = None if goes_on else read_answer("\n".join(texts))
                count = as_count(step["token_count"])
                tokens += count
                node = grown.add(
                    parent, texts[-1], tokens=count, finished=answer is not None, answer=answer
                )
                added.append((node, texts))
                if goes_on:
                    following.append((node, texts))
        grown.judge(
            [node for node, _ in added],
            [_last_score(scores.get(_key(name, texts))) for _, texts in added],
        )
        kept = {node for node, _ in following}
        if kept:  # where nothing goes on, the recording ends, and nothing was decided
            grown.mark(kept, {node for node, _ in added} - kept)
        level = following
    return grown.finish("a step that was sampled twice is drawn twice, and goes on once.", tokens)


def _key(problem: str, steps: list[str]) -> str:
    digest = hashlib.sha256(SEPARATOR.join(steps).encode()).hexdigest()
    return f"{problem}:{digest[:KEY_DIGITS]}"


def _last_score(scores: Json) -> float | None:
    """A prefix has one score a step: that of its last step."""
    return None if scores is None else as_number(as_list(scores)[-1])
