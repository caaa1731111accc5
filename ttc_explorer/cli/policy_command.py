"""Choose what is best for each difficulty and budget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc_explorer.atomic_files import write_file
from ttc_explorer.cli.command_group import cli
from ttc_explorer.cli.command_options import Seed
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.strategy import format_choice


@cli.command(
    epilog="Example: policy assets/experiments/base-s --out assets/experiments/policy.json"
)
def policy(
    folder: Annotated[
        Path, typer.Argument(help="What the command sweep wrote.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option(dir_okay=False, help="The file that auto reads.", show_default=False)
    ],
    seed: Seed = 0,
) -> None:
    """Choose what is best for each difficulty and budget.

    Each choice is made on one half of the questions and measured on the other.
    """
    from ttc_explorer.experiments.compute_optimal_policy import dump_policy, make_policy
    from ttc_explorer.experiments.result_tables import Results

    if not out.parent.is_dir():
        raise BadInput(
            f"The policy cannot be saved as {out}: choose a file in a folder that exists."
        )
    made = make_policy(Results.load(folder), seed=seed)
    write_file(out, dump_policy(made), "The policy")
    for cell in made.cells:
        measured = f"{cell.accuracy:.1%} ({cell.low:.1%} to {cell.high:.1%})"
        typer.echo(
            f"bin {cell.bin}, budget {cell.budget}: {format_choice(cell.choice)}, {measured}"
        )
