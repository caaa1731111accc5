"""Turn samples, logs and trees of other tools into a pool or traces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc_explorer.atomic_files import disk_errors
from ttc_explorer.cli.command_group import cli, print_stderr
from ttc_explorer.cli.command_options import Column, parse_columns
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.progress_reporting import Progress
from ttc_explorer.search.run import Run
from ttc_explorer.trace_files import save_trace


@cli.command("import", epilog="Example: import math500-bestofn-seed0.json --out pool.parquet")
def import_file(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE ...",
            help="The file; several of one format are joined by their questions.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Save the pool here (.jsonl, .csv, .parquet), or the trees as traces in this "
            "folder.",
            show_default=False,
        ),
    ] = None,
    format_name: Annotated[
        str | None,
        typer.Option("--format", help="The format; else it is told by the file's keys."),
    ] = None,
    column: Column = None,
) -> None:
    """Read samples, logs and trees of other tools.

    Says which format was found. Prints the pool as JSON lines, or a line a tree, unless --out saves
    them. Files of search-and-learn, Large Language Monkeys, crucible, tree-of-thought-llm, AutoTTS,
    Interlace, Qwen2.5-Math, its_hub, OptiLLM, inspect_ai, lm-evaluation-harness and ThinkBooster
    are known.
    """
    from ttc_explorer.experiments.file_import import (
        POOL_SUFFIXES,
        import_files,
        pool_lines,
        write_pool,
    )

    to_pool = out is not None and out.suffix in POOL_SUFFIXES
    if out is not None and not out.absolute().parent.is_dir():
        raise BadInput(f"Nothing can be saved as {out}: choose a place in a folder that exists.")
    with Progress() as progress:
        found = import_files(files, format_name, parse_columns(column), on_progress=progress.show)
    facts = [found.title]
    if found.pool is not None:
        questions, right = found.pool["question"].nunique(), int(found.pool["correct"].sum())
        facts.append(f"{len(found.pool):,} solutions to {questions:,} questions, {right:,} right")
    if found.runs:
        facts.append(f"{len(found.runs):,} search trees")
    print_stderr(f"{files[0].name}: {'; '.join(facts)}.")
    for note in found.notes:
        print_stderr(note)
    if out is None:
        if found.pool is not None:
            typer.echo(pool_lines(found.pool), nl=False)
        for run in found.runs if found.pool is None else []:
            typer.echo(f"{len(run.tree) - 1} steps, {run.strategy}: {run.problem.text[:100]!r}")
    elif to_pool:
        if found.pool is None:
            raise BadInput(f"{files[0].name} holds search trees only: give --out a folder.")
        write_pool(found.pool, out)
    elif found.runs:
        _write_traces(found.runs, out, files[0].name.partition(".")[0])
    else:
        raise BadInput(f"Name the pool with one of {', '.join(POOL_SUFFIXES)}: {out} has none.")


def _write_traces(runs: list[Run], folder: Path, stem: str) -> None:
    """A trace a run, numbered, in a folder that is made if it is missing."""
    with disk_errors(f"The traces cannot be saved in {folder}"):
        folder.mkdir(exist_ok=True)
    for number, run in enumerate(runs, start=1):
        save_trace(run, folder / f"{stem}-{number:04}.json.gz")
