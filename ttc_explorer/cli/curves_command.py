"""Draw accuracy against samples, from any pool."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from ttc_explorer.atomic_files import write_file
from ttc_explorer.cli.command_group import cli, print_stderr
from ttc_explorer.cli.command_options import Column, Json, Seed, parse_columns
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.progress_reporting import Progress


@cli.command(
    epilog="Example: curves --pool pool.jsonl --k 1,4,16 --selector best --selector weighted"
)
def curves(
    pool: Annotated[
        Path,
        typer.Option(
            help="Sampled solutions (.jsonl, .json, .csv, .parquet), one a row, or a file of a "
            "tool that the command import knows.",
            show_default=False,
        ),
    ],
    ks: Annotated[
        str | None, typer.Option("--k", help="Samples, such as 1,2,4; else powers of two.")
    ] = None,
    selector: Annotated[
        list[str] | None,
        typer.Option(help="coverage, best, majority or weighted; else all that the pool allows."),
    ] = None,
    score: Annotated[str, typer.Option(help="The column that best and weighted go by.")] = "score",
    column: Column = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Save the rows here: FILE.csv.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw accuracy against samples, from any pool.

    A row says the chance that what a selector chooses from k samples is right, with its 95 %
    interval over the questions that have so many. Columns: question, answer, correct (or
    reference), score, whatever their case; others by --column.
    """
    from ttc_explorer.experiments.pool import read_pool
    from ttc_explorer.experiments.pool_curves import available_selectors, default_ks
    from ttc_explorer.experiments.pool_curves import pool_curves as estimated

    if out and (out.suffix != ".csv" or not out.parent.is_dir()):
        raise BadInput(
            f"The rows cannot be saved as {out}: choose a .csv file in a folder that exists."
        )
    with Progress() as progress:
        solutions = read_pool(pool, score, progress.show, parse_columns(column))
        progress.show(f"{len(solutions):,} solutions read")
        wanted = selector or available_selectors(solutions, score)
        rows = estimated(
            solutions, _parse_sample_counts(ks) or default_ks(solutions), wanted, score, seed
        )
    for note in rows["note"].dropna().unique() if "note" in rows else []:
        print_stderr(note)
    if score not in solutions and selector is None:
        print_stderr(
            f"This pool has no column {score[:40]}: it can draw {', '.join(wanted)}, and not what "
            "needs the scores of a verifier."
        )
    if out:
        write_file(out, rows.to_csv(index=False), "The table")
    if as_json:
        records = [row.dropna().to_dict() for _, row in rows.iterrows()]
        typer.echo(json.dumps(records))
    elif not out:
        rows = rows.drop(columns="note", errors="ignore")
        typer.echo(rows.to_string(index=False, float_format="{:.4f}".format))


def _parse_sample_counts(text: str | None) -> list[int]:
    """The numbers of ``1,2,4``; none without a text."""
    if text is None:
        return []
    if not re.fullmatch(r"\d{1,9}(,\d{1,9})*", text):
        raise BadInput("Write --k as whole numbers with commas: 1,2,4.")
    return list(dict.fromkeys(map(int, text.split(","))))
