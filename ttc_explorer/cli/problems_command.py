"""Make problems with worked solutions."""

from __future__ import annotations

import json
import re
from typing import Annotated

import typer

from ttc_explorer.cli.command_group import cli, print_stderr
from ttc_explorer.cli.command_options import Seed
from ttc_explorer.problems.families import FAMILIES, LEVELS, SPLITS
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.problems.sample_problems import sample_problems


@cli.command(epilog="Example: problems --family quadratic --level 1-3 --count 20 --seed 7")
def problems(
    family: Annotated[str, typer.Option(help=f"all, or one of {', '.join(FAMILIES)}.")] = "all",
    level: Annotated[str, typer.Option(help="1 (easiest) to 5, or a range such as 2-4.")] = "1-5",
    count: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="How many, families in turns.")
    ] = 10,
    seed: Seed = 0,
    split: Annotated[str, typer.Option(help=f"One of {', '.join(SPLITS)}.")] = "test",
) -> None:
    """Make problems with worked solutions.

    Prints them as JSON lines: id, text, answer, family, level, steps. None comes twice.
    """
    if family != "all" and family not in FAMILIES:
        raise BadInput(
            f"Unknown family '{family[:40]}': choose all or one of {', '.join(FAMILIES)}."
        )
    if split not in SPLITS:
        raise BadInput(f"Unknown split '{split[:40]}': choose from {', '.join(SPLITS)}.")
    made = sample_problems(
        list(FAMILIES) if family == "all" else [family], _parse_levels(level), count, seed, split
    )
    for solved_problem in made:
        problem = solved_problem.problem
        row = {
            "id": solved_problem.id,
            "text": problem.text,
            "answer": problem.answer,
            "family": problem.family,
            "level": problem.level,
            "steps": list(solved_problem.steps),
        }
        typer.echo(json.dumps(row, ensure_ascii=False))
    if len(made) < count:
        print_stderr(
            f"There are only {len(made)} different problems of this kind in the {split} split."
        )


def _parse_levels(text: str) -> range:
    match = re.fullmatch(r"([1-5])(?:-([1-5]))?", text)
    levels = range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)
    if not levels:
        raise BadInput(
            f"The level must be from {LEVELS[0]} to {LEVELS[-1]}, or a range such as 2-4."
        )
    return levels
