"""Logs of UKGovernmentBEIS/inspect_ai in JSON (``inspect log dump``): one sample a question and
epoch, judged by a scorer."""

from __future__ import annotations

from ttc_explorer.experiments.importers.field_access import (
    as_dict,
    as_list,
    as_name,
    as_text,
    solution_answer,
)
from ttc_explorer.experiments.importers.importer import Imported, importer
from ttc_explorer.experiments.importers.source_document import Json, Row, SourceDocument

CORRECT = ("C", "I", "P", "N")
"""Inspect's marks: correct, incorrect, partly correct, no answer. Only the first is right."""


@importer(
    "inspect_ai",
    title="inspect_ai logs",
    detects=("eval.task", "samples.target", "samples.scores", "samples.epoch"),
)
def inspect_log(document: SourceDocument) -> Imported:
    """The first scorer of a sample judges it; samples that ended in an error have none and are left
    out."""
    found, left_out = Imported(), 0
    for _, sample in document.rows(as_dict(document.content)["samples"], "Sample"):
        scores = as_dict(sample.get("scores") or {})
        if not scores:
            left_out += 1
            continue
        score = as_dict(next(iter(scores.values())))
        answer = score.get("answer")
        found.samples.append(
            {
                "question": str(as_name(sample["id"])),
                "answer": answer
                if isinstance(answer, str)
                else solution_answer(_completion(sample)),
                "correct": _is_right(score["value"]),
                "generated_tokens": _output_tokens(sample),
            }
        )
    if left_out:
        found.notes.append(f"{left_out:,} samples without a score are left out.")
    return found


def _is_right(value: Json) -> bool:
    """A scorer's value: a mark, true or false, or 1 or 0."""
    if isinstance(value, str) and value in CORRECT:
        return value == "C"
    if isinstance(value, bool) or value in (0, 1):
        return bool(value)
    raise TypeError(f"no mark: {value!r}"[:80])


def _completion(sample: Row) -> str:
    choices = as_list(as_dict(sample["output"])["choices"])
    content = as_dict(as_dict(choices[0])["message"])["content"]
    if isinstance(content, list):  # in parts, of which some are text
        parts = [as_dict(part) for part in content]
        return "\n".join(as_text(part["text"]) for part in parts if part.get("type") == "text")
    return as_text(content)


def _output_tokens(sample: Row) -> Json:
    output = sample.get("output")
    usage = output.get("usage") if isinstance(output, dict) else None
    return usage.get("output_tokens") if isinstance(usage, dict) else None
