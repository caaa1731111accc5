"""Results of codelion/optillm's AIME benchmark: attempts with the answers read from them."""

from __future__ import annotations

from ttc_explorer.experiments.importers.field_access import as_dict, as_list, as_name
from ttc_explorer.experiments.importers.importer import Imported, importer
from ttc_explorer.experiments.importers.source_document import SourceDocument


@importer(
    "optillm",
    title="OptiLLM results",
    detects=("index", "problem", "attempts.predicted_answer", "correct_answer"),
)
def optillm_results(document: SourceDocument) -> Imported:
    """The attempts are graded here: the file's verdict is on the question, not on each attempt."""
    found = Imported()
    for _, row in document.rows():
        found.samples += [
            {
                "question": as_name(row["index"]),
                "answer": attempt["predicted_answer"],
                "reference": row["correct_answer"],
            }
            for attempt in map(as_dict, as_list(row["attempts"]))
        ]
    return found
