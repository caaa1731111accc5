"""Logs of princeton-nlp/tree-of-thought-llm (Yao et al., arXiv 2305.10601): samples, and searches
level by level, each candidate with the sum of its votes."""

from __future__ import annotations

import re
from collections.abc import Iterable

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
from ttc_explorer.experiments.importers.source_document import Row, SourceDocument
from ttc_explorer.problems.grading import Grader
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings

QUESTION = "Use the numbers {} and basic arithmetic (+ - * /) to obtain 24."
"""The game of 24, as its log has the four numbers only."""
MODEL = re.compile(r"^(gpt-[\w.]+?)_(\d+(?:\.\d+)?)_")
"""Model and temperature, in a log's file name."""

ANSWER_LINE = re.compile(r"^answer:[ \t]*(.+)$", re.IGNORECASE | re.MULTILINE)


@importer(
    "tree_of_thought_samples",
    title="tree-of-thought samples",
    detects=("idx", "ys", "infos.r"),
)
def tree_of_thought_samples(document: SourceDocument) -> Imported:
    """Samples of a puzzle with verdicts, without scores."""
    found = Imported()
    for _, row in document.rows():
        found.samples += _samples(row)
    return found


@importer(
    "tree_of_thought",
    title="tree-of-thought searches",
    detects=("idx", "ys", "infos.r", "steps.new_ys", "steps.values", "steps.select_new_ys"),
)
def tree_of_thought(document: SourceDocument) -> Imported:
    """The searches, and their final solutions as samples, which are not independent."""
    found = Imported(
        notes=["The solutions of one search are no independent samples: their curve is its own."]
    )
    named = MODEL.match(document.name)
    model, temperature = (named[1], float(named[2])) if named else ("GPT-4", 0.7)
    tokens_before = 0
    with Grader() as grader:
        for _, row in document.rows():
            found.samples += _samples(row)
            spent = as_dict(row.get("usage_so_far") or {}).get("completion_tokens", tokens_before)
            tokens = as_count(spent)
            found.runs.append(
                _search(row, grader, model, temperature, max(0, tokens - tokens_before))
            )
            tokens_before = tokens
    return found


def _samples(row: Row) -> list[Row]:
    """Answers are expressions to find, not values: all of them claim 24."""
    return [
        {
            "question": as_name(row["idx"]),
            "answer": _expression(as_text(text)),
            "correct": as_dict(info)["r"],
            "verbatim": True,
        }
        for text, info in zip(as_list(row["ys"]), as_list(row["infos"]), strict=True)
    ]


def _expression(text: str) -> str | None:
    """The expression that a solution claims to be 24, without spaces."""
    marked = ANSWER_LINE.search(text)
    return re.sub(r"\s+|=\s*24\s*$", "", marked[1]) or None if marked else None


def _search(row: Row, grader: Grader, model: str, temperature: float, tokens: int) -> Run:
    """One search as a tree. A candidate's parent is the frontier's text that it begins with."""
    levels = [as_dict(level) for level in as_list(row["steps"])]
    verdicts = {
        as_text(text): as_dict(info)["r"] == 1
        for text, info in zip(as_list(row["ys"]), as_list(row["infos"]), strict=True)
    }
    numbers = as_text(levels[0]["x"])
    highest = max((max(_values(level), default=0.0) for level in levels), default=0.0)
    breadth = max(len(as_list(level["select_new_ys"])) for level in levels)
    grown = TreeImport(
        grader,
        text=QUESTION.format(numbers.strip()),
        reference=None,
        model=model,
        verifier=f"{model} (votes on values)",
        strategy="beam",
        budget=breadth,
        settings=Settings(
            temperature=temperature,
            selector="best",
            rounds=max(1, min(200, len(levels))),
            merge=False,
        ),
        source="tree-of-thought-llm",
    )
    node_of: dict[str, int] = {"": 0}  # by the whole text so far; of equal ones the first
    for number, level in enumerate(levels):
        candidates = [as_text(text) for text in as_list(level["new_ys"])]
        frontier = [as_text(text) for text in as_list(level["ys"])]
        selected = [as_text(text) for text in as_list(level["select_new_ys"])]
        last = number == len(levels) - 1
        nodes: list[int] = []
        kept: list[int] = []
        following: dict[str, int] = {}
        for text in candidates:
            begun = max(
                (known for known in frontier if text.startswith(known) and known in node_of),
                key=len,
            )
            chosen = text in selected
            finished = last and chosen
            node = grown.add(
                node_of[begun],
                text[len(begun) :],
                finished=finished,
                answer=_expression(text) if finished else None,
                correct=verdicts.get(text),
            )
            nodes.append(node)
            if chosen:
                selected.remove(text)
                kept.append(node)
                following.setdefault(text, node)
        grown.judge(nodes, [value / highest if highest else 0.0 for value in _values(level)])
        grown.mark(kept, set(nodes) - set(kept))
        node_of = following
    return grown.finish(
        f"a score is the sum of its votes as a share of the highest, {highest:g}.", tokens
    )


def _values(level: Row) -> Iterable[float]:
    return [as_number(value) for value in as_list(level["values"])]
