"""Sample logs of EleutherAI's lm-evaluation-harness (``--log_samples``): responses, and what each
of its filters read from them."""

from __future__ import annotations

from collections import Counter

from ttc_explorer.experiments.importers.field_access import (
    as_list,
    as_name,
    as_number,
    as_text,
    solution_answer,
)
from ttc_explorer.experiments.importers.importer import Imported, importer
from ttc_explorer.experiments.importers.source_document import Json, Row, SourceDocument
from ttc_explorer.problems.answer_reader import read_answer
from ttc_explorer.problems.problem import BadInput

UNREAD = "[invalid]"
"""What a filter says where it found no answer."""
METRICS = ("exact_match", "acc")


@importer(
    "lm_eval",
    title="lm-evaluation-harness samples",
    detects=("doc_id", "doc", "target", "resps", "filtered_resps"),
)
def lm_eval_samples(document: SourceDocument) -> Imported:
    """A question stands there once a filter: the one that could read the most answers is taken."""
    rows = [row for _, row in document.rows()]
    unread = Counter(dict.fromkeys(dict.fromkeys(_filter_name(row) for row in rows), 0))
    for row in rows:
        unread[_filter_name(row)] += as_list(row["filtered_resps"]).count(UNREAD)
    taken = min(unread, key=lambda filter_name: unread[filter_name])
    found = Imported()
    if len(unread) > 1:
        found.notes.append(
            f"Answers as the filter {taken[:60]} read them; the file has also "
            f"{', '.join(name[:60] for name in list(unread)[:8] if name != taken)}."
        )
    for _, row in document.rows():
        if _filter_name(row) == taken:
            found.samples += _samples(row, document.name)
    return found


def _filter_name(row: Row) -> str:
    return as_text(row.get("filter", "none"))


def _samples(row: Row, file_name: str) -> list[Row]:
    responses = as_list(as_list(row["resps"])[0])
    if not all(isinstance(response, str) for response in responses):
        raise BadInput(
            f"{file_name} holds log-likelihoods of choices, no solutions: give the samples of a "
            "task that generates text."
        )
    answers = as_list(row["filtered_resps"])
    common: Row = {"question": as_name(row["doc_id"]), "reference": _reference(row["target"])}
    if len(responses) == 1:
        verdict = row[next((metric for metric in METRICS if metric in row), METRICS[0])]
        return [common | {"answer": _read(answers[0]), "correct": as_number(verdict) == 1}]
    # With repeats, the file's verdict is on one of them: each is graded here.
    if len(answers) != len(responses):
        answers = [solution_answer(response) for response in responses]
    return [common | {"answer": _read(answer)} for answer in answers]


def _read(answer: Json) -> Json:
    return None if answer == UNREAD else answer


def _reference(target: Json) -> str:
    text = as_text(target)
    return read_answer(text) or text
