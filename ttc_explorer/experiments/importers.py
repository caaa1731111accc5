"""Samples that others have published as the rows of a pool: a function a format, chosen by its
columns.

A format has one row a question, with lists that have one entry a sample. The entries are untrusted:
what is not what it should be is refused in one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ttc_explorer.problems.answer_reader import read_solution
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.settings import AGGREGATES
from ttc_explorer.search.voting import aggregate_scores

SourceRow = Mapping[str, Any]


def import_samples(table: pd.DataFrame, file_name: str) -> pd.DataFrame:
    """The table as it is, or, if an importer knows its columns, one row a sample; ``file_name``
    names the file in the sentence of a BadInput."""
    for columns, importer in IMPORTERS.items():
        if set(columns) <= set(table):
            rows = enumerate(table.to_dict("records"))
            return pd.DataFrame(
                [
                    sample
                    for number, row in rows
                    for sample in _import_row(importer, number, row, file_name)
                ]
            )
    return table


def search_and_learn(number: int, row: SourceRow) -> list[dict[str, Any]]:
    """Completions with the scores of each step, as huggingface/search-and-learn writes them.

    ``answer`` is the reference. The completion tokens are there in newer files.
    """
    completions, scores = list(row["completions"]), [list(steps) for steps in row["scores"]]
    tokens = row.get("completion_tokens")
    tokens = list(tokens) if isinstance(tokens, list | np.ndarray) else [None] * len(completions)
    samples = []
    for completion, steps, token_count in zip(completions, scores, tokens, strict=True):
        steps = [float(score) for score in steps]
        aggregated_scores = {
            aggregate: aggregate_scores(steps, aggregate) if steps else None
            for aggregate in AGGREGATES
        }
        samples.append(
            {
                "question": number,
                "answer": _read(completion),
                "reference": row["answer"],
                "score": aggregated_scores["last"],
                **{f"score_{aggregate}": score for aggregate, score in aggregated_scores.items()},
                "generated_tokens": token_count,
                "level": row.get("level"),
            }
        )
    return samples


def large_language_monkeys(number: int, row: SourceRow) -> list[dict[str, Any]]:
    """Samples with verdicts but without scores: ScalingIntelligence/monkey_business (arXiv
    2407.21787)."""
    return [
        {"question": number, "answer": _read(sample), "correct": right}
        for sample, right in zip(row["samples"], row["is_corrects"], strict=True)
    ]


def _read(solution: object) -> str | None:
    """The answer of a sample. Raises TypeError for what is no text, which refuses the row."""
    if not isinstance(solution, str):
        raise TypeError
    reading = read_solution(solution)
    return reading.text if reading else None


Importer = Callable[[int, SourceRow], list[dict[str, Any]]]

IMPORTERS: dict[tuple[str, ...], Importer] = {
    ("problem", "answer", "completions", "scores"): search_and_learn,
    ("question", "samples", "is_corrects"): large_language_monkeys,
}
"""By the columns that a format is known by."""


def _import_row(
    importer: Importer, number: int, row: SourceRow, file_name: str
) -> list[dict[str, Any]]:
    try:
        return importer(number, row)
    except (TypeError, ValueError):  # no lists, of unequal lengths, or of other things
        kind = importer.__name__.replace("_", " ")
        raise BadInput(
            f"Row {number + 1} of {file_name} is not what samples of {kind} look like."
        ) from None
