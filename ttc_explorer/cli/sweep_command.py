"""Run strategies on many problems into tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc_explorer.asset_files import POLICY_FILE
from ttc_explorer.cli.command_group import cli, print_stderr
from ttc_explorer.cli.command_options import Model, Seed, parse_setting
from ttc_explorer.problems.problem import BadInput


@cli.command(
    epilog='Example: sweep --problems families:60 --strategy beam --strategy "beam width=0" '
    "--budget 4 "
    "--budget 16 --samples 64 --out runs/sweep"
)
def sweep(
    problems: Annotated[
        str,
        typer.Option(
            help="families:COUNT, gsm8k, math500, aime24, aime25, hub:OWNER/NAME:SPLIT, or a file "
            "(.jsonl, "
            ".csv, .parquet).",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option(file_okay=False, help="Folder for the tables.", show_default=False)
    ],
    strategy: Annotated[
        list[str] | None,
        typer.Option(help='NAME, or "NAME KEY=VALUE …"; "revise chains=grid" tries all ratios.'),
    ] = None,
    budget: Annotated[
        list[int] | None, typer.Option(help="Each strategy runs at each budget.")
    ] = None,
    samples: Annotated[
        int, typer.Option(min=0, help="Solutions a question in the pool, for best-of-N.")
    ] = 0,
    probe: Annotated[
        int, typer.Option(min=0, help="Further solutions a question, to tell its difficulty by.")
    ] = 0,
    model: Model = None,
    judge: Annotated[
        list[str] | None,
        typer.Option(help="A further verifier that scores solutions and attempts."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of all, such as temperature=1."),
    ] = None,
    seed: Seed = 0,
    seeds: Annotated[
        int, typer.Option(min=1, max=64, help="Runs of each strategy on each question, greedy one.")
    ] = 1,
    without: Annotated[
        list[Path] | None,
        typer.Option(
            file_okay=False,
            help="Leave out the questions of these results; of families, others take their place.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many problems, the first.")
    ] = None,
    question_column: Annotated[
        str | None, typer.Option(help="The column of questions in a file.")
    ] = None,
    answer_column: Annotated[
        str | None, typer.Option(help="The column of reference answers.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Processes (or actors) that share the work.")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Work on a Ray cluster: auto, local or an address."),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes-a-question",
            help="A question on which a strategy takes longer is left out, and listed at the end.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an earlier call was stopped.")
    ] = False,
) -> None:
    """Run strategies on many problems and keep what they cost and got right.

    Writes Parquet tables into the folder, and can be killed and resumed at any time.
    """
    from ttc_explorer.experiments.sweep import sweep as run_sweep
    from ttc_explorer.experiments.sweep_jobs import SweepPlan
    from ttc_explorer.models.catalogue import DEFAULT_GENERATOR

    plan = SweepPlan(
        problems=problems,
        model=model or DEFAULT_GENERATOR,
        strategies=tuple(strategy or ()),
        budgets=tuple(budget or ()),
        samples=samples,
        probe=probe,
        seed=seed,
        seeds=seeds,
        without=tuple(map(str, without or [])),
        changes=tuple(parse_setting(change) for change in changes or []),
        judges=tuple(judge or ()),
        limit=limit,
        question_column=question_column,
        answer_column=answer_column,
    )
    if minutes is not None and not 0 < minutes <= 10_000:
        raise BadInput("Give a question more than 0 minutes, and 10,000 at most.")
    rows = run_sweep(plan, out, resume, workers, ray, POLICY_FILE, minutes, print_stderr)
    failed = rows.pop("failures", 0)
    for name, count in rows.items():
        typer.echo(f"{out / name}.parquet: {count:,} rows")
    if not rows and not failed:
        typer.echo(f"{out} is complete.")
    if failed:
        print_stderr(
            f"{failed:,} times a question failed or took too long, and is left out: "
            f"{out / 'failures.parquet'} says which and why; --resume tries again."
        )
