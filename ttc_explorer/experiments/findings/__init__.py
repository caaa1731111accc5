"""The paper's findings, and the law that they depend on, each tested on our own models, with its
verdict (``verdict.py`` has the rule).

A claim about search is answered over all questions, and apart for families of problems in which the
verifier can judge the deciding step and for those in which it cannot. A finding that does not hold,
or about which the data cannot decide, is a result like any other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ttc_explorer.experiments.cross_fitting import CROSS_FIT_REPEATS
from ttc_explorer.experiments.findings import (
    law_findings,
    policy_findings,
    revision_findings,
    search_findings,
    size_findings,
    verifier_findings,
)
from ttc_explorer.experiments.findings.resampled_results import ALL_QUESTIONS, ResampledResults
from ttc_explorer.experiments.findings.verdict import (
    FAILS,
    FINDING_RESAMPLES,
    HOLDS,
    SIGNIFICANCE_LEVEL,
    UNTESTABLE,
    AnswerRow,
    Finding,
    FindingMeasurement,
    InsufficientData,
    Interval,
    JudgedAnswer,
    interval_at_level,
    judge_family,
)
from ttc_explorer.experiments.result_tables import ABOUT_FILE, Results
from ttc_explorer.problems.problem import BadInput

FINDINGS_VERSION = 2
FindingTest = Callable[[ResampledResults, Sequence[ResampledResults]], FindingMeasurement]


@dataclass(frozen=True)
class Statement:
    """``text`` is the claim in our words, ``section`` where the paper makes it (empty: it does
    not); ``test`` measures it on a model and, for some, larger ones. ``by_kind``: it is a claim
    about search, answered for both kinds of families too."""

    text: str
    section: str
    test: FindingTest
    by_kind: bool = False


def _alone(test: Callable[[ResampledResults], FindingMeasurement]) -> FindingTest:
    """A test that needs no other model."""
    return lambda study, others: test(study)


FINDING_STATEMENTS: dict[str, Statement] = {
    "L1": Statement(
        "Search gains in the measure in which the verifier can judge the deciding step.",
        "",
        _alone(law_findings.search_gain_and_early_judgement),
    ),
    "L2": Statement(
        "A greedy search should end a step where it can be judged; a soft one need not.",
        "",
        _alone(law_findings.steps_that_end_at_their_check),
    ),
    "F1": Statement(
        "With few samples, beam search beats best-of-N.",
        "5.3",
        _alone(search_findings.small_budgets),
        by_kind=True,
    ),
    "F2": Statement(
        "With many samples that gain is gone.",
        "5.3",
        _alone(search_findings.large_budgets),
        by_kind=True,
    ),
    "F3a": Statement(
        "On easy questions search over-optimises: the solution that the verifier likes best gets "
        "worse.",
        "5.3",
        _alone(search_findings.best_liked_on_easy_questions),
        by_kind=True,
    ),
    "F3b": Statement(
        "And so does the answer that wins the weighted vote.",
        "5.3",
        _alone(search_findings.votes_on_easy_questions),
        by_kind=True,
    ),
    "F4": Statement(
        "On fairly hard questions beam search wins.",
        "5.3",
        _alone(search_findings.harder_questions),
        by_kind=True,
    ),
    "F5a": Statement(
        "On the hardest questions more samples do not help.",
        "5.3",
        _alone(search_findings.sampling_on_hopeless_questions),
        by_kind=True,
    ),
    "F5b": Statement(
        "Nor does any search, beyond as many samples.",
        "5.3",
        _alone(search_findings.search_on_hopeless_questions),
        by_kind=True,
    ),
    "F6a": Statement(
        "Looking ahead does not pay: at equal cost best-of-N is better.",
        "5.3",
        _alone(search_findings.lookahead_against_sampling),
        by_kind=True,
    ),
    "F6b": Statement(
        "Looking ahead does not pay: at equal cost beam search is better.",
        "5.3",
        _alone(search_findings.lookahead_against_beam),
        by_kind=True,
    ),
    "F7": Statement(
        "Choosing the search by difficulty saves compute.",
        "5.3",
        _alone(policy_findings.cheaper_search),
    ),
    "F8": Statement(
        "Difficulty that the verifier guesses serves as well as difficulty measured with the "
        "right answers.",
        "5.3, App. C",
        _alone(policy_findings.predicted_difficulty),
    ),
    "F9": Statement(
        "Revised answers keep getting better, even after more attempts than the reviser was "
        "trained on.",
        "6.1",
        _alone(revision_findings.accuracy_beyond_training_length),
    ),
    "F10a": Statement(
        "Revising often spoils a right answer.",
        "6.1",
        _alone(revision_findings.correct_to_wrong_flips),
    ),
    "F10b": Statement(
        "Choosing from all attempts beats taking the last one.",
        "6.1",
        _alone(revision_findings.choice_against_last_answer),
    ),
    "F11a": Statement(
        "Attempts that see each other beat as many that do not.",
        "6.2",
        _alone(revision_findings.sequential_against_parallel),
    ),
    "F11b": Statement(
        "They beat plain samples that cost as much.",
        "6.2",
        _alone(revision_findings.sequential_at_equal_flops),
    ),
    "F12": Statement(
        "How many attempts should see each other depends on difficulty.",
        "6.2",
        _alone(policy_findings.ratio_and_difficulty),
    ),
    "F13": Statement(
        "Choosing that by difficulty saves compute.",
        "6.2",
        _alone(policy_findings.cheaper_revisions),
    ),
    "F14a": Statement(
        "Where few questions will be asked, thinking longer replaces a bigger model on easier "
        "ones.",
        "7",
        size_findings.small_wins_easier_questions,
    ),
    "F14b": Statement(
        "Where many will be asked, the bigger model wins on the hardest.",
        "7",
        size_findings.large_wins_hardest_questions,
    ),
    "F15a": Statement(
        "The score of the last step serves at least as well as the lowest of the steps.",
        "App. E",
        _alone(verifier_findings.last_step_against_minimum),
    ),
    "F15b": Statement(
        "The score of the last step serves at least as well as the product of the steps.",
        "App. E",
        _alone(verifier_findings.last_step_against_product),
    ),
    "F16a": Statement(
        "A verifier of steps beats a verifier of whole solutions.",
        "App. F",
        _alone(verifier_findings.prm_against_orm),
    ),
    "F16b": Statement(
        "The more so the more samples there are.",
        "App. F",
        _alone(verifier_findings.prm_gain_with_samples),
    ),
    "F17": Statement(
        "Adding up the scores of equal answers beats trusting the best single solution.",
        "5.1",
        _alone(verifier_findings.weighted_votes),
    ),
    "F18": Statement(
        "Revisions want a verifier that was trained on revisions.",
        "App. J",
        _alone(revision_findings.revision_verifier_against_prm),
    ),
}


@dataclass(frozen=True)
class _Measured:
    """A finding as measured: by the name of a set of questions; or why it could not be."""

    by_set: Mapping[str, FindingMeasurement]
    reason: str
    without: tuple[str, float] | None


def evaluate_findings(
    folder: Path,
    resamples: int = FINDING_RESAMPLES,
    seed: int = 0,
    repeats: int = CROSS_FIT_REPEATS,
) -> list[Finding]:
    """All findings, from a folder of results or a folder of such folders.

    They are about the model with the most runs; larger ones are what F14 compares it with.

    Args:
        folder: as ``sweep`` writes it, or one that has such folders.
        resamples: of the questions.
        seed: of all that is drawn.
        repeats: ways of halving that a cross-fitted figure is the mean of.

    Returns:
        A row each, in the order of FINDING_STATEMENTS.

    Raises:
        BadInput: the folder holds no results.
    """
    found = {"": Results.load(folder)} if (folder / ABOUT_FILE).is_file() else Results.all(folder)
    if not found:
        raise BadInput(f"{folder} holds no results: give a folder that the command sweep wrote.")
    runs = {name: 0 if each.runs is None else len(each.runs) for name, each in found.items()}
    main = max(runs, key=lambda name: (runs[name], -found[name].about["parameters"]))
    study = ResampledResults(found[main], resamples, seed, repeats)
    others = [
        ResampledResults(each, resamples, seed) for name, each in found.items() if name != main
    ]
    kinds = {
        kind: study.restricted(questions, resamples, repeats)
        for kind, questions in study.kinds.items()
    }
    lacking = {
        str(family): study.restricted(
            study.families.index[study.families != family].tolist(),
            LEAVE_OUT_RESAMPLES,
            min(repeats, LEAVE_OUT_REPEATS),
        )
        for family in sorted(study.families.unique())
    }
    measured = {
        name: _measure(statement, study, others, kinds if statement.by_kind else {}, lacking)
        for name, statement in FINDING_STATEMENTS.items()
    }
    tested = [
        (name, set_name)
        for name, each in measured.items()
        for set_name, measurement in each.by_set.items()
        if not measurement.untestable
    ]
    judged = dict(
        zip(
            tested,
            judge_family([measured[name].by_set[set_name] for name, set_name in tested]),
            strict=True,
        )
    )
    commands = {
        name: " && ".join([*(other.results.about["command"] for other in others), study.command])
        if name.startswith("F14")
        else study.command
        for name in FINDING_STATEMENTS
    }
    rows: dict[str, Finding] = {}
    for name, each in measured.items():
        rows[name] = _finding(name, each, judged, commands[name], rows)
    return list(rows.values())


LEAVE_OUT_RESAMPLES = 2
"""Resamples of the figure without a family, of which only the figure itself is shown."""
LEAVE_OUT_REPEATS = 100
"""Ways of halving that such a figure is the mean of."""


def _measure(
    statement: Statement,
    study: ResampledResults,
    others: Sequence[ResampledResults],
    kinds: Mapping[str, ResampledResults],
    lacking: Mapping[str, ResampledResults],
) -> _Measured:
    try:
        whole = statement.test(study, others)
    except (InsufficientData, BadInput) as error:
        return _Measured({}, str(error), None)
    by_set = {ALL_QUESTIONS: whole}
    for kind, part in kinds.items():
        if (measurement := _try(statement, part, others)) is not None:
            by_set[kind] = measurement
    changes = {}
    for family, rest in lacking.items():
        if (measurement := _try(statement, rest, others)) is not None:
            changes[family] = float(measurement.draws[0])
    changed = {family: value for family, value in changes.items() if math.isfinite(value)}
    largest = max(changed, key=lambda each: abs(changed[each] - whole.draws[0]), default=None)
    without = None if largest is None else (largest, changed[largest])
    return _Measured(by_set, "", without)


def _try(
    statement: Statement, study: ResampledResults, others: Sequence[ResampledResults]
) -> FindingMeasurement | None:
    try:
        return statement.test(study, others)
    except (InsufficientData, BadInput):
        return None


def _finding(
    name: str,
    measured: _Measured,
    judged: Mapping[tuple[str, str], JudgedAnswer],
    command: str,
    earlier: Mapping[str, Finding],
) -> Finding:
    """The row of a finding. ``earlier``: those before it, which may be its premise."""
    statement = FINDING_STATEMENTS[name]
    row = Finding(name, statement.text, statement.section, UNTESTABLE, measured.reason, command)
    if not measured.by_set:
        return row
    whole = measured.by_set[ALL_QUESTIONS]
    answer = judged.get((name, ALL_QUESTIONS))
    level = SIGNIFICANCE_LEVEL if answer is None else answer.level
    rows = _answer_rows(name, measured, judged, level)
    said = [whole.said, whole.untestable]
    if whole.premise:
        rows = _require_premise(rows, earlier[whole.premise])
        if earlier[whole.premise].verdict != HOLDS:
            said.append(f"There is nothing to reverse: {whole.premise} is not shown to hold.")
    first = rows[0].cells[0]
    assert first is not None
    return replace(
        row,
        verdict=first.verdict or UNTESTABLE,
        said=" ".join(each for each in said if each),
        test=whole.test,
        estimate=first.estimate,
        low=first.low,
        high=first.high,
        unit=whole.unit,
        p=None if answer is None else answer.p,
        corrected=None if answer is None else answer.corrected,
        confidence=1 - level,
        questions=whole.questions,
        columns=list(measured.by_set),
        rows=rows,
        without=measured.without,
        chart=whole.chart,
        above=whole.claim.above if math.isfinite(whole.claim.above) else None,
        below=whole.claim.below if math.isfinite(whole.claim.below) else None,
    )


def _answer_rows(
    name: str,
    measured: _Measured,
    judged: Mapping[tuple[str, str], JudgedAnswer],
    level: float,
) -> list[AnswerRow]:
    """What was compared, by set of questions. Only the first row is judged; the others have
    intervals of the same level as the finding."""
    whole = measured.by_set[ALL_QUESTIONS]
    tested = next(iter(whole.estimates))
    rows = []
    for compared in whole.estimates:
        cells: list[Interval | None] = []
        for set_name, measurement in measured.by_set.items():
            answer = judged.get((name, set_name))
            if compared == tested and answer is not None:
                cells.append(answer.interval)
            elif compared in measurement.estimates:
                cells.append(interval_at_level(measurement.estimates[compared], level))
            else:
                cells.append(None)
        rows.append(AnswerRow(compared, cells))
    return rows


def _require_premise(rows: list[AnswerRow], premise: Finding) -> list[AnswerRow]:
    """The rows, the verdict of each set of questions no better than that of the premise there."""
    stated = dict(zip(premise.columns, premise.rows[0].cells, strict=True)) if premise.rows else {}
    cells: list[Interval | None] = []
    for cell, own in zip(rows[0].cells, stated.values(), strict=False):
        verdict = own.verdict if own is not None else UNTESTABLE
        if cell is None or verdict == HOLDS:
            cells.append(cell)
        else:
            cells.append(replace(cell, verdict=FAILS if cell.verdict == FAILS else verdict))
    return [AnswerRow(rows[0].name, cells), *rows[1:]] if stated else rows


# --- the file -------------------------------------------------------------------------------------


def dump_findings(found: list[Finding]) -> str:
    """The findings as JSON text."""
    data = {"version": FINDINGS_VERSION, "findings": [asdict(finding) for finding in found]}
    return json.dumps(data, ensure_ascii=False, allow_nan=False, indent=1)


def format_findings(found: list[Finding]) -> str:
    """The findings as a table of text, what is said about each below it."""
    lines = []
    for finding in found:
        lines.append(f"{finding.id:<5}{finding.verdict:<19}{finding.statement}")
        if finding.estimate is not None:
            corrected = (
                "" if finding.corrected is None else f", corrected p {finding.corrected:.3f}"
            )
            lines.append(
                f"     {format_estimate(finding)}{corrected}, {finding.questions:,} questions"
            )
            for column, cell in zip(finding.columns[1:], finding.rows[0].cells[1:], strict=True):
                if cell is not None:
                    figure = format_interval(cell, str(finding.unit))
                    lines.append(f"     {column}: {figure}, {cell.verdict}")
        if finding.said:
            lines.append(f"     {finding.said}")
    return "\n".join(lines)


def format_estimate(finding: Finding) -> str:
    """The figure and its interval in words.

    >>> figures = {"estimate": 0.031, "low": -0.004, "high": 0.066, "unit": "points"}
    >>> format_estimate(Finding("F1", "", "", "holds", "", "", **figures))
    '+3.1 points (-0.4 to +6.6)'
    """
    assert finding.estimate is not None
    assert finding.low is not None
    assert finding.high is not None
    return format_interval(Interval(finding.estimate, finding.low, finding.high), str(finding.unit))


def format_interval(interval: Interval, unit: str) -> str:
    """A figure in its unit, and its interval.

    >>> format_interval(Interval(1.84, 0.86, 4.67), "ratio")
    '1.8 times (0.9 to 4.7)'
    """
    value, low, high = interval.estimate, interval.low, interval.high
    if unit == "ratio":
        return f"{value:.1f} times ({low:.1f} to {high:.1f})"
    if unit == "share":
        return f"{value:.1%} ({100 * low:.1f} to {high:.1%})"
    each = {"slope": " a doubling", "auc_slope": " for 0.1 of AUC"}.get(unit, "")
    return f"{100 * value:+z.1f} points{each} ({100 * low:+z.1f} to {100 * high:+z.1f})"


def load_findings(path: Path) -> list[Finding] | None:
    """The findings of a file, None if there is no such file. Raises BadInput for any other."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != FINDINGS_VERSION:
            raise ValueError
        return TypeAdapter(list[Finding]).validate_python(data["findings"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError, ValidationError):
        raise BadInput(
            f"{path.name} holds no findings: make it anew with the command findings."
        ) from None
