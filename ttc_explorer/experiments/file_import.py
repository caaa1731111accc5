"""Files of ours or of other tools as one pool and search trees, whatever they are; and pools as
files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ttc_explorer.atomic_files import disk_errors, replaced_file
from ttc_explorer.experiments.importers import IMPORTERS, detect_format, import_document
from ttc_explorer.experiments.importers.source_document import format_suffixes, read_document
from ttc_explorer.experiments.pool import check_samples, grade_and_merge, pool_table
from ttc_explorer.experiments.run_thoughts import run_thoughts
from ttc_explorer.experiments.width_depth import Thought
from ttc_explorer.problems.grading import Grader
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.run import Run
from ttc_explorer.trace_files import read_trace

POOL_TITLE = "a pool"
POOL_SUFFIXES = (".jsonl", ".csv", ".parquet")


@dataclass
class ImportedFiles:
    """What was in the files.

    Attributes:
        title: what they are: ``a pool``, or a format of ``importers``.
        pool: their samples, None if they hold trees only.
        runs: their search trees.
        notes: what was left out or assumed, in whole sentences.
    """

    title: str
    pool: pd.DataFrame | None = None
    runs: list[Run] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def import_files(
    paths: Sequence[Path],
    format_name: str | None = None,
    columns: Mapping[str, str] | None = None,
    score: str = "score",
    on_progress: Callable[[str], None] = lambda _: None,
) -> ImportedFiles:
    """Read files of one kind; the samples of several (seeds of one experiment, say) are joined by
    the names of their questions.

    Args:
        paths: at least one file.
        format_name: of IMPORTERS; without it, told by the files' keys.
        columns: names of a pool's columns in the files, as in ``read_pool``.
        score: the column of the scores.
        on_progress: called with a message on how far it is.

    Returns:
        What they hold.

    Raises:
        BadInput: a file cannot be used, or the files are of different kinds.
    """
    found: ImportedFiles | None = None
    samples: list[pd.DataFrame] = []
    for path in paths:
        document = read_document(path)
        name = format_name or (None if columns else detect_format(document))
        title = POOL_TITLE if name is None else IMPORTERS.find(name).title
        found = found or ImportedFiles(title)
        if title != found.title:
            raise BadInput(
                f"{path.name} is of another kind ({title}) than the files before it "
                f"({found.title}): import them one by one."
            )
        if name is None:
            samples.append(pool_table(document, columns or {}, score))
        else:
            imported = import_document(document, name)
            found.runs += imported.runs
            found.notes += [note for note in imported.notes if note not in found.notes]
            if imported.samples:
                samples.append(pd.DataFrame(imported.samples))
        on_progress(f"{path.name} read")
    if found is None:
        raise BadInput("Give at least one file.")
    if samples:
        joined = pd.concat(samples, ignore_index=True)
        if len(samples) > 1:
            joined = joined.drop(columns="sample", errors="ignore")
        checked = check_samples(joined, paths[0].name, score)
        with Grader() as grader:
            found.pool = grade_and_merge(checked, grader, on_progress)
    return found


def read_searches(path: Path) -> list[Run]:
    """The run of a trace, or the search trees in a file of another tool.

    Raises:
        BadInput: the file is neither.
    """
    try:
        return [read_trace(path)]
    except BadInput:
        try:
            document = read_document(path)
        except BadInput:
            document = None
        name = detect_format(document) if document else None
        if document is None or name is None:
            raise
    runs = import_document(document, name).runs
    if not runs:
        raise BadInput(
            f"{path.name} ({IMPORTERS[name].title}) holds samples, no search trees: open it on "
            "Curves."
        )
    return runs


def read_thoughts(path: Path) -> list[Thought]:
    """The thoughts of a replay store, or of a saved run of budget forcing.

    Raises:
        BadInput: the file is neither, or cannot be read.
    """
    if run := _trace_or_none(path):
        return run_thoughts(run)
    document = read_document(path)
    name = detect_format(document)
    thoughts = import_document(document, name).thoughts if name else []
    if not thoughts:
        raise BadInput(
            f"{path.name} is no replay store: it needs thoughts with answers asked on the way, as "
            "AutoTTS stores them (each_branch, probe_freq), or a saved run of budget_forcing."
        )
    return thoughts


def read_thoughts_by_model(paths: Sequence[Path]) -> dict[str, list[Thought]]:
    """Model -> its thoughts: a replay store has one model, named by the file, and saved runs of the
    same model are its questions.

    Raises:
        BadInput: a file is neither, or cannot be read.
    """
    found: dict[str, list[Thought]] = {}
    for path in paths:
        run = _trace_or_none(path)
        name = run.model if run else path.stem.replace("_", ", ")
        known = found.setdefault(name, [])
        if run:
            known += run_thoughts(run, len({thought.question for thought in known}))
        else:
            known += read_thoughts(path)
    return found


def _trace_or_none(path: Path) -> Run | None:
    try:
        return read_trace(path)
    except BadInput:
        return None


def write_pool(pool: pd.DataFrame, path: Path) -> None:
    """Save a pool.

    Raises:
        BadInput: the name is not that of a pool, or the file cannot be written.
    """
    if path.suffix not in POOL_SUFFIXES:
        raise BadInput(f"A pool cannot be saved as {path.name}: {format_suffixes()} is read again.")
    with disk_errors(f"The pool cannot be saved as {path}"), replaced_file(path) as new:
        if path.suffix == ".parquet":
            pool.to_parquet(new, index=False)
        elif path.suffix == ".csv":
            pool.to_csv(new, index=False)
        else:
            new.write_text(pool_lines(pool), encoding="utf-8")


def pool_lines(pool: pd.DataFrame) -> str:
    """A pool as JSON lines."""
    return str(pool.to_json(orient="records", lines=True, force_ascii=False))
