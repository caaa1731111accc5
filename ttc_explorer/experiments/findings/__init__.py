"""The paper's findings, each tested on our own models, with its verdict (``verdict.py`` has the
rule).

A finding that is refuted, or about which the data cannot decide, is a result like any other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ttc_explorer.experiments.findings import (
    policy_findings,
    revision_findings,
    search_findings,
    size_findings,
    verifier_findings,
)
from ttc_explorer.experiments.findings.resampled_results import ResampledResults
from ttc_explorer.experiments.findings.verdict import (
    FINDING_RESAMPLES,
    Finding,
    FindingChart,
    FindingMeasurement,
    InsufficientData,
    assign_verdicts,
)
from ttc_explorer.experiments.result_tables import ABOUT_FILE, Results
from ttc_explorer.problems.problem import BadInput

FINDINGS_VERSION = 1


@dataclass(frozen=True)
class Statement:
    """``text`` says it to a student, ``paper`` as the paper has it; ``test`` measures it."""

    text: str
    paper: str
    test: Callable[..., FindingMeasurement]


FINDING_STATEMENTS: dict[str, Statement] = {
    "F1": Statement(
        "With few samples, beam search beats best-of-N.",
        "beam search beats best-of-N at small budgets",
        search_findings.small_budgets,
    ),
    "F2": Statement(
        "With many samples it is the other way round.",
        "the order reverses at large budgets",
        search_findings.large_budgets,
    ),
    "F3": Statement(
        "On easy questions beam search learns to please the verifier: scores rise, answers get "
        "worse.",
        "beam search over-optimises on easy bins: PRM score rises, true accuracy falls",
        search_findings.easy_questions,
    ),
    "F4": Statement(
        "On fairly hard questions beam search wins.",
        "beam search wins on medium-hard bins",
        search_findings.harder_questions,
    ),
    "F5": Statement(
        "On the hardest questions no method helps.",
        "no method helps in the hardest bin",
        search_findings.hardest_questions,
    ),
    "F6": Statement(
        "Looking ahead does not pay for what it costs.",
        "lookahead loses at equal cost N(k+1)",
        search_findings.lookahead_at_equal_cost,
    ),
    "F7": Statement(
        "Choosing the search by difficulty saves compute.",
        "compute-optimal search needs up to 4× less than best-of-N",
        policy_findings.cheaper_search,
    ),
    "F8": Statement(
        "Difficulty that the verifier guesses serves as well as difficulty measured with the "
        "right answers.",
        "predicted difficulty serves about as well as oracle",
        policy_findings.predicted_difficulty,
    ),
    "F9": Statement(
        "Revised answers keep getting better, even after more attempts than the reviser was "
        "trained on.",
        "reviser's pass@1 keeps rising past the four steps it was trained on",
        revision_findings.accuracy_beyond_training_length,
    ),
    "F10": Statement(
        "Revising often spoils a right answer, so choosing from all attempts beats taking the "
        "last one.",
        "a large share of correct answers flips to wrong; selection over the chain beats its last "
        "answer",
        revision_findings.correct_to_wrong_flips,
    ),
    "F11": Statement(
        "Attempts that see each other beat attempts that do not.",
        "sequential beats parallel at equal N, both selectors",
        revision_findings.sequential_against_parallel,
    ),
    "F12": Statement(
        "How many attempts should see each other depends on difficulty.",
        "the ideal ratio depends on difficulty",
        policy_findings.ratio_and_difficulty,
    ),
    "F13": Statement(
        "Choosing that by difficulty saves compute.",
        "compute-optimal revisions need up to 4× less",
        policy_findings.cheaper_revisions,
    ),
    "F14": Statement(
        "Thinking longer replaces a bigger model on easier questions, but not on the hardest.",
        "sign pattern of small-with-compute against ~14× larger, bin × R",
        size_findings.small_against_large,
    ),
    "F15": Statement(
        "The score of the last step is the best score of a solution.",
        "last-step aggregation ≥ min, product",
        verifier_findings.last_step_aggregation,
    ),
    "F16": Statement(
        "A verifier of steps beats a verifier of whole solutions, the more so the more samples "
        "there are.",
        "PRM beats ORM, and the gap grows with N",
        verifier_findings.prm_against_orm,
    ),
    "F17": Statement(
        "Adding up the scores of equal answers beats trusting the best single solution.",
        "weighted best-of-N ≥ plain",
        verifier_findings.weighted_votes,
    ),
    "F18": Statement(
        "Revisions want a verifier that was trained on revisions.",
        "a verifier trained on the reviser's own samples beats the base PRM on revisions",
        revision_findings.revision_verifier_against_prm,
    ),
}


def evaluate_findings(
    folder: Path, resamples: int = FINDING_RESAMPLES, seed: int = 0
) -> list[Finding]:
    """All findings, from a folder of results or a folder of such folders. Raises BadInput if it is
    neither.

    They are about the model with the most runs; larger ones are what F14 compares it with.
    """
    found = {"": Results.load(folder)} if (folder / ABOUT_FILE).is_file() else Results.all(folder)
    if not found:
        raise BadInput(f"{folder} holds no results: give a folder that the command sweep wrote.")
    runs = {name: 0 if each.runs is None else len(each.runs) for name, each in found.items()}
    main = max(runs, key=lambda name: (runs[name], -found[name].about["parameters"]))
    study = ResampledResults(found[main], resamples, seed)
    others = [
        ResampledResults(each, resamples, seed) for name, each in found.items() if name != main
    ]

    measured: list[FindingMeasurement | None] = []
    said, commands = [], []
    for name, statement in FINDING_STATEMENTS.items():
        commands.append(study.command)
        try:
            if name == "F14":
                commands[-1] = " && ".join(
                    [*(o.results.about["command"] for o in others), study.command]
                )
                found_measurement = statement.test(study, others)
            else:
                found_measurement = statement.test(study)
            measured.append(found_measurement)
            said.append(found_measurement.said)
        except (InsufficientData, BadInput) as error:
            measured.append(None)
            said.append(str(error))
    rows = zip(
        FINDING_STATEMENTS.items(), measured, said, commands, assign_verdicts(measured), strict=True
    )
    return [
        Finding(
            name,
            statement.text,
            statement.paper,
            said=words,
            command=command,
            **figures,
            **({} if each is None else _measurement_fields(each)),
        )
        for (name, statement), each, words, command, figures in rows
    ]


def _measurement_fields(measured: FindingMeasurement) -> dict[str, Any]:
    names = ("test", "unit", "questions", "chart")
    claim = measured.claims[0]
    bounds = {"above": claim.above, "below": claim.below}
    return {name: getattr(measured, name) for name in names} | {
        name: bound if math.isfinite(bound) else None for name, bound in bounds.items()
    }


# --- the file -------------------------------------------------------------------------------------


def dump_findings(found: list[Finding]) -> str:
    """The findings as JSON text."""
    data = {"version": FINDINGS_VERSION, "findings": [asdict(finding) for finding in found]}
    return json.dumps(data, ensure_ascii=False, allow_nan=False, indent=1)


def format_findings(found: list[Finding]) -> str:
    """The findings as a table of text, what is said about each below it."""
    lines = []
    for finding in found:
        lines.append(f"{finding.id:<4}{finding.verdict:<13}{finding.statement}")
        if finding.estimate is not None:
            lines.append(
                f"    {format_estimate(finding)}, corrected p {finding.corrected:.3f}, "
                f"{finding.questions:,} questions"
            )
        if finding.said:
            lines.append(f"    {finding.said}")
    return "\n".join(lines)


def format_estimate(finding: Finding) -> str:
    """The figure and its interval in words.

    >>> figures = {"estimate": 0.031, "low": -0.004, "high": 0.066, "unit": "points"}
    >>> format_estimate(Finding("F1", "", "", "inconclusive", "", "", **figures))
    '+3.1 points (-0.4 to +6.6)'
    """
    value, low, high = finding.estimate, finding.low, finding.high
    assert value is not None
    assert low is not None
    assert high is not None
    if finding.unit == "ratio":
        return f"{value:.2f} times ({low:.2f} to {high:.2f})"
    if finding.unit == "share":
        return f"{value:.1%} ({100 * low:.1f} to {high:.1%})"
    each = " a doubling" if finding.unit == "slope" else ""
    return f"{100 * value:+z.1f} points{each} ({100 * low:+z.1f} to {100 * high:+z.1f})"


def load_findings(path: Path) -> list[Finding] | None:
    """The findings of a file, None if there is no such file. Raises BadInput for any other."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != FINDINGS_VERSION:
            raise ValueError
        return [
            Finding(**finding | {"chart": finding["chart"] and FindingChart(**finding["chart"])})
            for finding in data["findings"]
        ]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise BadInput(
            f"{path.name} holds no findings: make it anew with the command findings."
        ) from None
