"""Completions with the scores of every step, as huggingface/search-and-learn writes them."""

from __future__ import annotations

from ttc_explorer.experiments.importers.field_access import (
    as_list,
    as_numbers,
    solution_answer,
)
from ttc_explorer.experiments.importers.importer import Imported, importer
from ttc_explorer.experiments.importers.source_document import SourceDocument
from ttc_explorer.search.settings import AGGREGATES
from ttc_explorer.search.voting import aggregate_scores


@importer(
    "search_and_learn",
    title="search-and-learn",
    detects=("problem", "answer", "completions", "scores"),
)
def search_and_learn(document: SourceDocument) -> Imported:
    """``answer`` is the reference; the completion tokens are there in newer files."""
    found = Imported()
    for number, row in document.rows():
        completions, scores = as_list(row["completions"]), as_list(row["scores"])
        tokens = row.get("completion_tokens")
        counts = tokens if isinstance(tokens, list) else [None] * len(completions)
        for completion, given, count in zip(completions, scores, counts, strict=True):
            steps = as_numbers(given)
            by_aggregate = {
                aggregate: aggregate_scores(steps, aggregate) if steps else None
                for aggregate in AGGREGATES
            }
            found.samples.append(
                {
                    "question": number,
                    "answer": solution_answer(completion),
                    "reference": row["answer"],
                    "score": by_aggregate["last"],
                    **{f"score_{aggregate}": score for aggregate, score in by_aggregate.items()},
                    "generated_tokens": count,
                    "level": row.get("level"),
                }
            )
    return found
