"""Measure the speed of decoding and search."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import typer

from ttc_explorer.cli.command_group import cli
from ttc_explorer.cli.command_options import Json


@cli.command(epilog="Example: bench --json")
def bench(as_json: Json = False) -> None:
    """Measure the speed of decoding and search."""
    from ttc_explorer.experiments.benchmark import run_bench

    figures = run_bench()
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
