"""Results of QwenLM/Qwen2.5-Math's evaluation: extracted answers with verdicts (``score``) and,
where a reward model read them, its logits (``pred_score``)."""

from __future__ import annotations

from ttc_explorer.experiments.importers.field_access import as_list, as_name, as_number
from ttc_explorer.experiments.importers.importer import Imported, importer
from ttc_explorer.experiments.importers.source_document import Json, SourceDocument


@importer(
    "qwen_math_evaluation",
    title="Qwen2.5-Math evaluation files",
    detects=("idx", "gt", "pred", "score", "report"),
)
def qwen_math_evaluation(document: SourceDocument) -> Imported:
    """One row a question; ``pred``, ``score`` and ``pred_score`` are lists over its samples."""
    found = Imported()
    for _, row in document.rows():
        answers, verdicts = as_list(row["pred"]), as_list(row["score"])
        scores = as_list(row.get("pred_score") or [None] * len(answers))
        for answer, right, score in zip(answers, verdicts, scores, strict=True):
            found.samples.append(
                {
                    "question": as_name(row["idx"]),
                    "answer": answer,
                    "correct": right,
                    "score": _logit(score),
                    "level": row.get("level"),
                }
            )
    return found


def _logit(score: Json) -> float | None:
    """The reward model's one number, which stands in a list."""
    if score is None:
        return None
    (number,) = as_list(score)
    return as_number(number)
