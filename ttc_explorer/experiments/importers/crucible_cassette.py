"""Best-of-N cassettes of satchmakua/crucible-ttc: samples with verdicts and the mean score of a
process reward model; and its recorded single solutions, in steps, without either."""

from __future__ import annotations

from ttc_explorer.experiments.importers.field_access import (
    as_count,
    as_dict,
    as_list,
    as_name,
    as_text,
    optional_number,
    solution_answer,
)
from ttc_explorer.experiments.importers.importer import Imported, importer
from ttc_explorer.experiments.importers.source_document import SourceDocument


@importer(
    "crucible",
    title="crucible cassettes",
    detects=("records.problem_id", "records.gold", "records.traces.text", "records.traces.correct"),
)
def crucible_cassette(document: SourceDocument) -> Imported:
    """``problem_id`` names the question, so that cassettes of several seeds may be joined."""
    found = Imported()
    for _, record in document.rows(as_dict(document.content)["records"], "Record"):
        for trace in map(as_dict, as_list(record["traces"])):
            found.samples.append(
                {
                    "question": as_name(record["problem_id"]),
                    "answer": solution_answer(trace["text"]),
                    "correct": trace["correct"],
                    "score": optional_number(trace.get("prm_score")),
                    "generated_tokens": trace.get("tokens"),
                    "level": record.get("difficulty"),
                }
            )
    return found


@importer(
    "crucible_solutions",
    title="crucible's recorded solutions",
    detects=("records.problem.id", "records.problem.answer", "records.traces.steps.text"),
)
def crucible_solutions(document: SourceDocument) -> Imported:
    """Solutions in steps; they are graded here."""
    found = Imported()
    for _, record in document.rows(as_dict(document.content)["records"], "Record"):
        problem = as_dict(record["problem"])
        for trace in map(as_dict, as_list(record["traces"])):
            steps = [as_dict(step) for step in as_list(trace["steps"])]
            found.samples.append(
                {
                    "question": as_name(problem["id"]),
                    "answer": solution_answer("\n".join(as_text(step["text"]) for step in steps)),
                    "reference": problem["answer"],
                    "generated_tokens": sum(as_count(step["token_count"]) for step in steps),
                    "level": problem.get("difficulty"),
                }
            )
    return found
