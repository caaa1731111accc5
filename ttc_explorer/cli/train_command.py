"""Make the shipped models, from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc_explorer.cli.command_group import cli


@cli.command(epilog="Example: train --recipe smoke --out runs/smoke")
def train(
    recipe: Annotated[
        str, typer.Option(help="smoke (seconds), cpu (what is shipped) or gpu.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            file_okay=False, help="Folder for the models and all work on them.", show_default=False
        ),
    ],
    stage: Annotated[
        str | None, typer.Option(help="Only this stage, after the ones before it.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an earlier call was stopped.")
    ] = False,
) -> None:
    """Make the shipped models, from nothing.

    The stages, in order: tokenizer, base-s, base-m, base-l, samples, rollouts, prm, prm-exact, orm,
    chains, reviser, reviser-verifier, distil, measure.
    """
    from ttc_explorer.training.training_stages import train_family

    train_family(recipe, out, stage, resume)
