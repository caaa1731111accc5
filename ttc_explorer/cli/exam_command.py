"""Open the final exam: fresh questions, once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc_explorer.cli.command_group import cli, print_stderr
from ttc_explorer.cli.command_options import Json


@cli.command(epilog="Example: exam --out runs/exam --workers 2")
def exam(
    out: Annotated[
        Path, typer.Option(file_okay=False, help="Folder of the exam.", show_default=False)
    ],
    practice: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Results whose questions were looked at before."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Processes that share the work.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Open it although it was opened before; it is counted.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Open the final exam: 400 fresh questions, three seeds of every search, the findings.

    Can be killed and called again until the findings stand. Then it is opened, and not a second
    time unless you say --again.
    """
    from ttc_explorer.asset_files import EXPERIMENTS_FOLDER
    from ttc_explorer.experiments.exam import open_exam
    from ttc_explorer.experiments.findings import dump_findings, format_findings

    asked_before = practice or EXPERIMENTS_FOLDER / "base-s"
    found = open_exam(out, asked_before, again, workers, report=print_stderr)
    typer.echo(dump_findings(found) if as_json else format_findings(found))
