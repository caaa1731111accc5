"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

from ttc_explorer.problems.problem import BadInput

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and nothing else there.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]
Model = Annotated[str | None, typer.Option(help="A name that the command models lists.")]
Column = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=THEIRS",
        help="A column of a pool by the name it has in the file: question=prompt, and so on.",
    ),
]


def parse_columns(columns: list[str] | None) -> dict[str, str]:
    """The columns of a pool and their names in a file, of ``NAME=THEIRS``. Raises BadInput."""
    pairs = [column.partition("=") for column in columns or []]
    for name, equals, theirs in pairs:
        if not (name.strip() and equals and theirs.strip()):
            raise BadInput(f"Write a column as question=prompt, not as '{name[:40]}'.")
    return {name.strip().lower(): theirs.strip() for name, _, theirs in pairs}


def parse_setting(change: str) -> tuple[str, str]:
    """The key and the value of ``KEY=VALUE``. Raises BadInput."""
    key, equals, value = change.partition("=")
    if not equals:
        raise BadInput(f"Write a setting as KEY=VALUE: '{change[:40]}' has no equals sign.")
    return key.strip(), value.strip()
