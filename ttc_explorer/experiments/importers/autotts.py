"""Replay stores of zhengkid/AutoTTS: for every question the final answers of many thoughts, their
lengths, and the answers probed on the way."""

from __future__ import annotations

from ttc_explorer.experiments.importers.field_access import as_count, as_list
from ttc_explorer.experiments.importers.importer import Imported, importer
from ttc_explorer.experiments.importers.source_document import Json, SourceDocument

NO_ANSWER = ("", "No", "ERR")
"""What the store holds where a thought had no answer."""


@importer(
    "autotts",
    title="AutoTTS replay stores",
    detects=("question", "gold_answer", "final_answers_trace", "each_branch"),
)
def autotts(document: SourceDocument) -> Imported:
    """A branch is [answers probed, tokens in all, final answer]; the probes are left out."""
    found = Imported()
    for number, row in document.rows():
        finals, branches = as_list(row["final_answers_trace"]), as_list(row["each_branch"])
        for final, branch in zip(finals, branches, strict=True):
            found.samples.append(
                {
                    "question": number,
                    "answer": None if final in NO_ANSWER else final,
                    "reference": row["gold_answer"],
                    "generated_tokens": _tokens(branch),
                }
            )
    return found


def _tokens(branch: Json) -> int:
    _, tokens, _ = as_list(branch)
    return as_count(tokens)
