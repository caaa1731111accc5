"""Draw accuracy against samples, from any pool."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from ttc_explorer.cli.command_group import cli
from ttc_explorer.cli.command_options import Json, Seed
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.progress_reporting import Progress


@cli.command(
    epilog="Example: curves --pool pool.jsonl --k 1,4,16 --selector best --selector weighted"
)
def curves(
    pool: Annotated[
        Path,
        typer.Option(
            help="Sampled solutions (.parquet, .jsonl, .json), one a row.", show_default=False
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
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Save the rows here: FILE.csv.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw accuracy against samples, from any pool.

    A row says the chance that what a selector chooses from k samples is right, with its 95 %
    interval over the questions that have so many. Reads pools of sweep, search-and-learn and Large
    Language Monkeys.
    """
    from ttc_explorer.experiments.pool import read_pool
    from ttc_explorer.experiments.pool_curves import available_selectors, default_ks
    from ttc_explorer.experiments.pool_curves import pool_curves as estimated

    if out and (out.suffix != ".csv" or not out.parent.is_dir()):
        raise BadInput(
            f"The rows cannot be saved as {out}: choose a .csv file in a folder that exists."
        )
    with Progress() as progress:
        solutions = read_pool(pool, score, progress.show)
        progress.show(f"{len(solutions):,} solutions read")
        wanted = selector or available_selectors(solutions, score)
        rows = estimated(
            solutions, _parse_sample_counts(ks) or default_ks(solutions), wanted, score, seed
        )
    if out:
        try:
            rows.to_csv(out, index=False)
        except OSError as error:
            raise BadInput(f"The rows cannot be saved as {out}: {error.strerror}.") from None
    if as_json:
        typer.echo(json.dumps(rows.to_dict("records")))
    elif not out:
        typer.echo(rows.to_string(index=False, float_format="{:.4f}".format))


def _parse_sample_counts(text: str | None) -> list[int]:
    """The numbers of ``1,2,4``; none without a text."""
    if text is None:
        return []
    if not re.fullmatch(r"\d{1,9}(,\d{1,9})*", text):
        raise BadInput("Write --k as whole numbers with commas: 1,2,4.")
    return list(dict.fromkeys(map(int, text.split(","))))
