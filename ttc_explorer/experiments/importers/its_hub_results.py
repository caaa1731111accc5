"""Results of Red Hat's its_hub (``scripts/benchmark.py``): responses with weights, and whether the
chosen one was right."""

from __future__ import annotations

from ttc_explorer.experiments.importers.field_access import (
    as_list,
    as_name,
    as_number,
    solution_answer,
)
from ttc_explorer.experiments.importers.importer import Imported, importer
from ttc_explorer.experiments.importers.source_document import SourceDocument
from ttc_explorer.problems.problem import BadInput


@importer(
    "its_hub",
    title="its_hub results",
    detects=("unique_id", "budget", "responses", "correct", "correct_argmax"),
)
def its_hub_results(document: SourceDocument) -> Imported:
    """A verdict is on the chosen response, so that only questions with one response have a label
    for each.

    Args:
        document: rows with ``responses`` and ``correct_argmax``.

    Returns:
        The samples of questions with one response.

    Raises:
        BadInput: every question has several responses.
    """
    found, left_out = Imported(), 0
    for _, row in document.rows():
        responses = as_list(row["responses"])
        weights = as_list(row.get("log_probs") or [None] * len(responses))
        if len(responses) != 1:
            left_out += 1
            continue
        for response, weight in zip(responses, weights, strict=True):
            found.samples.append(
                {
                    "question": as_name(row["unique_id"]),
                    "answer": solution_answer(response),
                    "correct": row["correct_argmax"],
                    "score": None if weight is None else as_number(weight),
                }
            )
    if not found.samples and left_out:
        raise BadInput(
            f"{document.name} says which chosen response was right, but not which of the others: "
            "give the file of budget 1."
        )
    if left_out:
        found.notes.append(
            f"{left_out:,} questions with several responses are left out: only the chosen one has "
            "a verdict."
        )
    return found
