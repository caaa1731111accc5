"""Make the table of real language models from the files that others have published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc_explorer.atomic_files import write_file
from ttc_explorer.cli.command_group import cli
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.progress_reporting import Progress


@cli.command(
    "real-curves", epilog="Example: real-curves downloads --out assets/experiments/real_models.json"
)
def real_curves(
    folder: Annotated[
        Path, typer.Argument(help="The folder with the sources' files.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option(dir_okay=False, help="The table, FILE.json.", show_default=False)
    ],
) -> None:
    """Compute the curves of real language models from published samples.

    The files are looked for by their names in the repositories: those of crucible-ttc
    (math500-bestofn-seed0 to 2), Interlace-AI (gsm8k_trajectories), tree-of-thought-llm (samples of
    game24) and grade-school-math (example_model_solutions). Only figures are kept, no texts.
    """
    from ttc_explorer.experiments.real_models import compute_real_models, dump_real_models

    if out.suffix != ".json" or not out.absolute().parent.is_dir():
        raise BadInput(f"The table cannot be saved as {out}: choose a .json file in a folder.")
    with Progress() as progress:
        models = compute_real_models(folder, progress.show)
    write_file(out, dump_real_models(models), "The table")
    for model in models:
        for selector in model.selectors:
            point = model.at_most(selector)
            if point is not None:
                typer.echo(
                    f"{model.model}, {model.dataset}: {selector} at {point.k} "
                    f"{point.accuracy:.1%} ({point.low:.1%} to {point.high:.1%})"
                )
