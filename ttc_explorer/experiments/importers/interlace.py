"""Trajectories of voidlinestudios12-jpg/Interlace-AI: samples with extracted answers and the mean
log-probability of their tokens."""

from __future__ import annotations

import math

from ttc_explorer.experiments.importers.field_access import as_dict, as_list, as_name, as_number
from ttc_explorer.experiments.importers.importer import Imported, importer
from ttc_explorer.experiments.importers.source_document import SourceDocument


@importer(
    "interlace",
    title="Interlace trajectories",
    detects=("gsm8k_id", "gold", "trajectories.answer", "trajectories.logprob"),
)
def interlace(document: SourceDocument) -> Imported:
    """The mean log-probability is the score, the only one there is, and the model's confidence."""
    found = Imported()
    for _, row in document.rows():
        for trajectory in map(as_dict, as_list(row["trajectories"])):
            logprob = as_number(trajectory["logprob"])
            found.samples.append(
                {
                    "question": as_name(row["gsm8k_id"]),
                    "answer": trajectory["answer"],
                    "reference": row["gold"],
                    "score": logprob,
                    "confidence_mean": math.exp(min(0.0, logprob)),
                    "generated_tokens": trajectory.get("n_tokens"),
                }
            )
    return found
