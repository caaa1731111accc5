"""One long thought or many short ones: the table of width and depth from replay stores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc_explorer.atomic_files import write_file
from ttc_explorer.cli.command_group import cli
from ttc_explorer.cli.command_options import Json, Seed
from ttc_explorer.problems.problem import BadInput


@cli.command("width-depth", epilog="Example: width-depth Qwen3-4B_aime25.json")
def width_depth(
    stores: Annotated[
        list[Path],
        typer.Argument(
            help="Replay stores (AutoTTS), one of each model, or saved runs of budget_forcing.",
            show_default=False,
        ),
    ],
    source: Annotated[str, typer.Option(help="Where they are from, kept in the table.")] = "",
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Save the tables here: FILE.json.")
    ] = None,
    as_json: Json = False,
) -> None:
    """One long thought, or many short ones?

    A row says what k thoughts reach that are cut at L tokens, by majority, with the 95 % interval
    over questions, and the tokens that they take together; a star marks those that nothing cheaper
    is as good as.
    """
    from ttc_explorer.experiments.file_import import read_thoughts_by_model
    from ttc_explorer.experiments.width_depth import NamedTable, dump_tables, width_depth_table

    if out and (out.suffix != ".json" or not out.absolute().parent.is_dir()):
        raise BadInput(f"The tables cannot be saved as {out}: choose a .json file in a folder.")
    tables = [
        NamedTable(name, source, width_depth_table(thoughts, seed))
        for name, thoughts in read_thoughts_by_model(stores).items()
    ]
    if out:
        write_file(out, dump_tables(tables), "The table")
    if as_json:
        typer.echo(dump_tables(tables), nl=False)
        return
    for named in tables:
        table = named.table
        typer.echo(
            f"{named.name}: {table.questions} questions, {table.thoughts} thoughts of each, an "
            f"interim answer every {table.probe_every} tokens"
        )
        typer.echo(f"{'thoughts':>8} {'cut at':>8} {'right':>7}  {'95 %':<15} {'tokens':>11}")
        for cell in table.cells:
            typer.echo(
                f"{cell.width:>8} {cell.depth:>8,} {cell.accuracy:>7.1%}  "
                f"{cell.low:>5.1%} to {cell.high:>5.1%}  {cell.tokens:>11,.0f}"
                f"{' *' if cell.efficient else ''}"
            )
