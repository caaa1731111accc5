"""Solve one problem."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, cast

import typer

from ttc_explorer.cli.command_group import cli, print_stderr
from ttc_explorer.cli.command_options import Json, Model, Seed, parse_setting
from ttc_explorer.cli.text_report import format_run
from ttc_explorer.problems.families import recognise
from ttc_explorer.problems.problem import BadInput, typed_problem
from ttc_explorer.progress_reporting import Progress
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import MAX_BUDGET, Settings, parse_budget, parse_seed
from ttc_explorer.search.strategy import STRATEGIES, check_selector
from ttc_explorer.search.strategy import get_strategy as checked_strategy
from ttc_explorer.search.trace import dump_trace
from ttc_explorer.serving.limits import SHIPPED_GENERATORS
from ttc_explorer.trace_files import check_trace_path, save_trace
from ttc_explorer.ui.address.address_state import AddressState, parse_address, run_keys

UNKNOWN_PROBLEM_KIND = (
    "Note: the built-in model was trained on a few kinds of problems, and this is none of them: "
    "do not expect a good answer. The command problems shows what it knows."
)


@cli.command(epilog='Example: solve "Solve 3x+5=20." --answer 5 --budget 64 --set temperature=0.7')
def solve(
    context: typer.Context,
    text: Annotated[
        str | None, typer.Argument(help="The problem, in quotation marks.", show_default=False)
    ] = None,
    answer: Annotated[
        str | None, typer.Option(help="The right answer; the models never see it.")
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            help=f"One of {', '.join(STRATEGIES)}; else beam, or best_of_n without a verifier.",
            show_default=False,
        ),
    ] = None,
    budget: Annotated[
        int, typer.Option(help=f"Solutions (or beams) to spend, 1 to {MAX_BUDGET}.")
    ] = 16,
    seed: Seed = 0,
    model: Model = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help=f"A setting, such as selector={next(iter(SELECTORS))}.",
        ),
    ] = None,
    link: Annotated[
        str | None,
        typer.Option(
            help="Solve what a link to the page says; what is said here counts more.",
            show_default=False,
        ),
    ] = None,
    trace: Annotated[
        Path | None, typer.Option(help="Save the run here: FILE.json or FILE.json.gz.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Solve one problem.

    Prints the answer, the votes and the cost; with --json the trace.
    """
    linked = _read_link(link, model) if link is not None else {}
    given = {
        name
        for name in ("budget", "seed")
        if (source := context.get_parameter_source(name)) and source.name != "DEFAULT"
    }
    text = text if text is not None else cast(str | None, linked.get("q"))
    if text is None:
        raise BadInput("Give the problem in quotation marks, or --link with a link that has one.")
    answer = answer or cast(str | None, linked.get("a"))
    strategy = strategy or cast(str | None, linked.get("strategy"))
    budget = budget if "budget" in given else cast(int, linked.get("n", budget))
    seed = seed if "seed" in given else cast(int, linked.get("seed", seed))
    model = model or cast(str | None, linked.get("model") or None)
    problem = typed_problem(text, answer)
    if strategy is not None:
        checked_strategy(strategy)
    parse_budget(budget)
    parse_seed(seed)
    values: dict[str, object] = {
        name: linked[name] for name in Settings().to_dict() if name in linked
    }
    values |= dict(parse_setting(change) for change in changes or [])
    settings = Settings().with_values(values)
    if trace:
        check_trace_path(trace)

    from ttc_explorer.experiments.solver import Solver
    from ttc_explorer.models.catalogue import (
        DEFAULT_GENERATOR,
        SHIPPED_MODELS,
        split_model_name,
    )

    if split_model_name(model or DEFAULT_GENERATOR)[1] is None:  # said before anything is loaded
        named = settings if "selector" in values else replace(settings, selector="majority")
        check_selector(
            strategy or "best_of_n",
            named.selector,
            budget,
            has_verifier=False,
            tells_logprobs=True,  # or else it is said when the model is known
        )
    with Solver(model) as solver, Progress() as progress:
        if solver.facts.verifier_note:
            print_stderr(f"Note: {solver.facts.verifier_note}")
        run = solver.run(problem, strategy, budget, seed, solver.settings(**values))

        def show_progress() -> None:
            steps, solutions = sum(run.tree.copies) - 1, run.tree.solution_count()
            told = run.current_progress
            more = f", {len(told.rows)} being written, {told.tokens} tokens" if told else ""
            line = f"{steps} steps, {solutions} solutions{more}"
            progress.show(told.waiting if told and told.waiting else line)

        solver.drive([run], on_round=show_progress, on_progress=show_progress)
    if (model or DEFAULT_GENERATOR) in SHIPPED_MODELS and recognise(problem.text) is None:
        print_stderr(UNKNOWN_PROBLEM_KIND)
    if trace:
        save_trace(run, trace)
    typer.echo(dump_trace(run) if as_json else format_run(run))


def _read_link(link: str, model: str | None) -> AddressState:
    """What a link says of a run; a bad value is said, and taken as missing, as on the page.

    Raises:
        BadInput: it names a model that is not shipped, and no ``model`` was chosen.
    """
    parsed = parse_address(link, run_keys())
    if parsed.sentence:
        print_stderr(parsed.sentence)
    named = parsed.state.get("model")
    if model is None and named and named not in SHIPPED_GENERATORS:
        raise BadInput("The link names a model that is not shipped: say it by --model yourself.")
    return parsed.state
