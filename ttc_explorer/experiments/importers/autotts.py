"""Replay stores of zhengkid/AutoTTS: for every question the final answers of many thoughts, their
lengths, and the answers probed on the way."""

from __future__ import annotations

from ttc_explorer.experiments.importers.field_access import as_count, as_list, as_text
from ttc_explorer.experiments.importers.importer import Imported, importer
from ttc_explorer.experiments.importers.source_document import Json, SourceDocument
from ttc_explorer.experiments.width_depth import Thought

NO_ANSWER = ("", "No", "ERR")
"""What the store holds where a thought had no answer."""


@importer(
    "autotts",
    title="AutoTTS replay stores",
    detects=("question", "gold_answer", "final_answers_trace", "each_branch"),
)
def autotts(document: SourceDocument) -> Imported:
    """A branch is [answers probed, tokens in all, final answer]; samples are its ends."""
    found = Imported()
    for number, row in document.rows():
        finals, branches = as_list(row["final_answers_trace"]), as_list(row["each_branch"])
        probe_every = as_count(row.get("probe_freq", 0))
        for final, branch in zip(finals, branches, strict=True):
            probes, tokens, _ = as_list(branch)
            found.samples.append(
                {
                    "question": number,
                    "answer": None if final in NO_ANSWER else final,
                    "reference": row["gold_answer"],
                    "generated_tokens": as_count(tokens),
                }
            )
            if probe_every:
                thought = Thought(
                    number,
                    as_text(row["gold_answer"]),
                    probe_every,
                    tuple(map(_answer, as_list(probes))),
                    as_count(tokens),
                    _answer(final),
                )
                found.thoughts.append(thought)
    return found


def _answer(value: Json) -> str | None:
    return None if value in NO_ANSWER else as_text(value)
