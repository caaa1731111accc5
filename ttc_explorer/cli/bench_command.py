"""Measure the speed of decoding and search."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from ttc_explorer.cli.command_group import cli
from ttc_explorer.cli.command_options import Json

Load = Annotated[
    bool,
    typer.Option("--load", help="Measure what a crowd gets of the app instead, on loopback."),
]
Peers = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        file_okay=False,
        help="A folder with the packages its_hub and sal (of search-and-learn), whose own searches "
        "are measured, too.",
    ),
]
Minutes = Annotated[float, typer.Option(min=0.1, max=60, help="Of each crowd of --load.")]


@cli.command(epilog="Example: bench --json")
def bench(
    as_json: Json = False, load: Load = False, minutes: Minutes = 5.0, peers: Peers = None
) -> None:
    """Measure the speed of decoding and search, or with --load what 16 and 50 people get of the
    app at once."""
    figures: Mapping[str, object]
    if load:
        from ttc_explorer.serving.load_test import run_load_test

        figures = run_load_test(minutes)
    else:
        from ttc_explorer.experiments.benchmark import run_bench

        figures = run_bench(peers=peers)
    typer.echo(json.dumps(figures) if as_json else "\n".join(_format_nested(figures)))


def _format_nested(figures: Mapping[str, object], indent: str = "") -> Iterator[str]:
    """Nested figures, one a line."""
    for name, value in figures.items():
        label = indent + name.replace("_", " ")
        if isinstance(value, Mapping):
            yield label
            yield from _format_nested(value, indent + "  ")
        else:
            yield f"{label}: {value}"
