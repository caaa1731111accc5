"""Test the findings of the paper on our own models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc_explorer.cli.command_group import cli
from ttc_explorer.cli.command_options import Json, Seed


@cli.command(epilog="Example: findings assets/experiments --json")
def findings(
    folder: Annotated[
        Path,
        typer.Argument(
            help="What sweep wrote: one folder, or a folder of them.", show_default=False
        ),
    ],
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Test the findings of the paper on our own models.

    Each with its verdict, its figure, the 95 % interval and the p-value, corrected for testing so
    many.
    """
    from ttc_explorer.experiments.findings import dump_findings, format_findings
    from ttc_explorer.experiments.findings import evaluate_findings as tested

    found = tested(folder, seed=seed)
    typer.echo(dump_findings(found) if as_json else format_findings(found))
