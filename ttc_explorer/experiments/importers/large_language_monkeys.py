"""Samples with verdicts but without scores: ScalingIntelligence/monkey_business (Large Language
Monkeys, arXiv 2407.21787)."""

from __future__ import annotations

from ttc_explorer.experiments.importers.field_access import (
    as_list,
    solution_answer,
)
from ttc_explorer.experiments.importers.importer import Imported, importer
from ttc_explorer.experiments.importers.source_document import SourceDocument


@importer(
    "large_language_monkeys",
    title="Large Language Monkeys",
    detects=("question", "samples", "is_corrects"),
)
def large_language_monkeys(document: SourceDocument) -> Imported:
    """One row a question, its samples and verdicts in lists."""
    found = Imported()
    for number, row in document.rows():
        pairs = zip(as_list(row["samples"]), as_list(row["is_corrects"]), strict=True)
        found.samples += [
            {"question": number, "answer": solution_answer(sample), "correct": right}
            for sample, right in pairs
        ]
    return found
