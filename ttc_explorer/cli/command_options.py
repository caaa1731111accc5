"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

from ttc_explorer.problems.problem import BadInput

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and nothing else there.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]
Model = Annotated[str | None, typer.Option(help="A name that the command models lists.")]


def parse_setting(change: str) -> tuple[str, str]:
    """The key and the value of ``KEY=VALUE``. Raises BadInput."""
    key, equals, value = change.partition("=")
    if not equals:
        raise BadInput(f"Write a setting as KEY=VALUE: '{change[:40]}' has no equals sign.")
    return key.strip(), value.strip()
