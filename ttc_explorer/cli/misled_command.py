"""Record how a verifier misleads search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc_explorer.cli.command_group import cli
from ttc_explorer.cli.text_report import format_run
from ttc_explorer.problems.problem import typed_problem
from ttc_explorer.trace_files import check_trace_path, save_trace


@cli.command(epilog="Example: misled assets/experiments/base-s --out assets/recorded")
def misled(
    folder: Annotated[
        Path, typer.Argument(help="What the command sweep wrote.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option(file_okay=False, help="Folder for the traces.", show_default=False)
    ],
) -> None:
    """Record the two runs that show best how a verifier misleads search.

    A question that beam search gets right with few samples and wrong with many, by steps that the
    verifier likes better.
    """
    from ttc_explorer.experiments.calibration import find_over_optimisation_runs
    from ttc_explorer.experiments.result_tables import Results
    from ttc_explorer.experiments.solver import Solver

    results = Results.load(folder)
    runs = find_over_optimisation_runs(results)
    with Solver(results.about["model"]) as solver:
        for name, found in runs.items():
            asked = results.problems.set_index("question").loc[found.question]
            path = out / f"{name}.json.gz"
            check_trace_path(path)
            problem = typed_problem(asked["text"], asked["answer"])
            run = solver.run(problem, "beam", found.budget, found.seed, found.settings)
            solver.drive([run])
            save_trace(run, path)
            typer.echo(f"{path}\n{format_run(run)}")
