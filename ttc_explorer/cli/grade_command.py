"""Say which predictions equal their references."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from ttc_explorer.cli.command_group import cli, print_stderr
from ttc_explorer.cli.command_options import Json
from ttc_explorer.file_bounds import json_lines, read_within
from ttc_explorer.progress_reporting import Progress


@cli.command(epilog="Example: grade --jsonl predictions.jsonl > graded.jsonl")
def grade(
    jsonl: Annotated[
        Path, typer.Option(help='Lines of {"reference": …, "prediction": …}.', show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """Say which predictions equal their references.

    Prints the lines of the file with "verdict" (equal, different, unreadable, timeout) and "equal".
    A prediction may be a whole solution. Without --json a summary follows on stderr.
    """
    from ttc_explorer.problems.grading import Grader, grade_lines

    lines = _read_lines(jsonl)
    graded = []
    with Grader() as grader, Progress() as progress:
        for row in grade_lines(lines, grader):
            graded.append(row)
            progress.show(f"{len(graded):,} of {len(lines):,} lines graded")
    for row in graded:
        typer.echo(json.dumps(row))
    if not as_json:
        counts = Counter(row["verdict"] for row in graded)
        print_stderr(
            ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
            or "No lines."
        )


def _read_lines(path: Path) -> list[str]:
    """The lines of the file. Raises BadInput."""
    return read_within(
        path,
        lambda file: json_lines(file.read_bytes(), file.name),
        f"{path} is not a text file in UTF-8.",
    )
