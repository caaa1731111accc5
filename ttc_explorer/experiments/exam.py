"""The final exam: fresh questions of a seed never used before, answered once, when weights,
searches and tests are frozen.

Whoever changes something after a look at it has trained on it, in a way. So it is not opened twice
without saying so, and every opening is counted, in its folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ttc_explorer.atomic_files import disk_errors, replaced_file
from ttc_explorer.experiments.findings import dump_findings, evaluate_findings
from ttc_explorer.experiments.findings.verdict import FINDING_RESAMPLES, Finding
from ttc_explorer.experiments.question_looks import EXAM
from ttc_explorer.experiments.result_tables import ABOUT_FILE
from ttc_explorer.experiments.sweep import sweep
from ttc_explorer.experiments.sweep_jobs import SweepPlan
from ttc_explorer.problems.problem import BadInput

EXAM_SEED = 2026
"""Of the questions; no other set is drawn with it."""
EXAM_QUESTIONS = 400
EXAM_SEEDS = 3
FINDINGS_FILE = "findings.json"

SEARCHES = (
    *("greedy", "beam", "beam width=0", "dvts", "lookahead", "rebase", "particles", "mcts"),
    "revise chains=grid",
)
PLANS = (
    SweepPlan(
        f"families:{EXAM_QUESTIONS}",
        "base-s",
        strategies=SEARCHES,
        budgets=(4, 16, 64),
        samples=256,
        probe=32,
        seed=EXAM_SEED,
        seeds=EXAM_SEEDS,
        judges=("prm-exact", "prm", "orm"),
    ),
    *(
        SweepPlan(
            f"families:{EXAM_QUESTIONS}",
            larger,
            strategies=("greedy",),
            samples=32,
            probe=16,
            seed=EXAM_SEED,
        )
        for larger in ("base-m", "base-l")
    ),
)
"""What is swept, a model each."""


def open_exam(
    out: Path,
    practice: Path,
    again: bool = False,
    workers: int | None = None,
    resamples: int = FINDING_RESAMPLES,
    report: Callable[[str], object] = lambda _: None,
) -> list[Finding]:
    """Ask the questions, test the findings on them, and count the look.

    A call that was stopped before it had findings to show is no look: the next goes on.

    Args:
        out: folder of the exam, a folder a model in it.
        practice: folder of results whose questions were looked at before; none of them is asked.
        again: it was opened before, and is to be opened once more.
        workers: processes that share the work.
        resamples: of the questions, for the findings.
        report: gets a sentence on what is done.

    Returns:
        The findings, which are written into ``out`` too.

    Raises:
        BadInput: it was opened before, and ``again`` does not say so; or nothing can be written.
    """
    look_count, was_shown = count_looks(out), (out / FINDINGS_FILE).is_file()
    if look_count and was_shown and not again:
        times = "once" if look_count == 1 else f"{look_count} times"
        raise BadInput(
            f"This exam was opened {times}: what is looked at again is no exam any more. Take the "
            f"findings from {out / FINDINGS_FILE}, or say --again, and it is counted."
        )
    for plan in PLANS:
        folder = out / plan.model
        report(f"{plan.model} answers.")
        fresh = replace(plan, without=(str(practice),))
        sweep(fresh, folder, resume=folder.is_dir(), workers=workers, report=report)
    found = evaluate_findings(out, resamples)
    with disk_errors(f"The exam in {out} cannot be written"):
        for plan in PLANS:  # counted before anything is shown
            # Who was killed between the count and the findings has counted, and seen nothing.
            _write_looks(out / plan.model / ABOUT_FILE, max(1, look_count + was_shown))
        with replaced_file(out / FINDINGS_FILE) as new:
            new.write_text(dump_findings(found), encoding="utf-8")
    return found


def count_looks(out: Path) -> int:
    """How often the exam in a folder was opened. Raises BadInput where that cannot be read."""
    counts = [0]
    for path in out.glob(f"*/{ABOUT_FILE}"):
        try:
            counts.append(int(json.loads(path.read_text(encoding="utf-8")).get("looks", 0)))
        except (OSError, ValueError, TypeError, AttributeError):
            raise BadInput(
                f"{path} is damaged: it must say how often the exam was opened."
            ) from None
    return max(counts)


def _write_looks(path: Path, look_count: int) -> None:
    about = json.loads(path.read_text(encoding="utf-8")) | {"purpose": EXAM, "looks": look_count}
    with replaced_file(path) as new:
        new.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
