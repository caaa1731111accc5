"""Record a real run for the gallery of the page Models."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ttc_explorer.cli.command_group import cli
from ttc_explorer.cli.command_options import Model, Seed, parse_setting
from ttc_explorer.cli.text_report import format_run
from ttc_explorer.problems.problem import typed_problem
from ttc_explorer.progress_reporting import Progress
from ttc_explorer.search.settings import parse_budget, parse_seed
from ttc_explorer.search.strategy import get_strategy


@cli.command(
    epilog='Example: record "What is 17 * 23?" --answer 391 --title "A product" '
    "--model http://localhost:8080/v1 --strategy best_of_n --budget 8 --out assets/recorded/real"
)
def record(
    text: Annotated[str, typer.Argument(help="The problem.", show_default=False)],
    title: Annotated[str, typer.Option(help="What the run shows.", show_default=False)],
    out: Annotated[
        Path, typer.Option(file_okay=False, help="The gallery's folder.", show_default=False)
    ],
    answer: Annotated[
        str | None, typer.Option(help="The right answer; the models never see it.")
    ] = None,
    strategy: Annotated[str, typer.Option(help="What spends the budget.")] = "best_of_n",
    budget: Annotated[int, typer.Option(help="Solutions (or beams) to spend.")] = 8,
    seed: Seed = 0,
    model: Model = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting, such as temperature=0.3."),
    ] = None,
) -> None:
    """Record a run of real models for the gallery.

    It is solved, saved as a trace in the folder, and listed there with its model, the day and this
    command; a run of the same title is replaced.
    """
    from ttc_explorer.experiments.run_gallery import add_to_gallery, check_gallery
    from ttc_explorer.experiments.solver import Solver

    problem = typed_problem(text, answer)
    get_strategy(strategy)
    parse_budget(budget)
    parse_seed(seed)
    values = dict(parse_setting(change) for change in changes or [])
    check_gallery(out, title)
    with Solver(model) as solver, Progress() as progress:
        run = solver.run(problem, strategy, budget, seed, solver.settings(**values))

        def show_progress() -> None:
            progress.show(f"{len(run.tree.text) - 1} steps")

        solver.drive([run], on_round=show_progress)
    command = f"ttc-explorer {shlex.join(sys.argv[1:])}"
    entry = add_to_gallery(out, run, title, command, datetime.now(UTC).date())
    typer.echo(f"{out / entry.file}\n{format_run(run)}")
