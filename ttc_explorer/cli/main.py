"""The command line: ``python -m ttc_explorer COMMAND``. A command parses, calls and prints; nothing
else.

Exit status: 0 done, 2 bad input (one line on stderr), 1 a fault of ours (a traceback), 130
interrupted. What loads slowly (torch, transformers, gradio) is imported inside the commands, so
that help is instant.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from ttc_explorer.asset_files import POLICY_FILE
from ttc_explorer.cli.text_report import format_run
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.families import FAMILIES, LEVELS, SPLITS, recognise
from ttc_explorer.problems.problem import BadInput, typed_problem
from ttc_explorer.problems.sample_problems import sample_problems
from ttc_explorer.progress_reporting import Progress
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import MAX_BUDGET, Settings, parse_budget
from ttc_explorer.search.strategy import STRATEGIES, format_choice
from ttc_explorer.search.strategy import get_strategy as checked_strategy
from ttc_explorer.search.trace import dump_trace

if TYPE_CHECKING:
    from ttc_explorer.models.model_description import ModelSetDescription

EXIT_INTERRUPTED = 130
UNKNOWN_PROBLEM_KIND = (
    "Note: the built-in model was trained on a few kinds of problems, and this is none of them: "
    "do not "
    "expect a good answer. The command problems shows what it knows."
)


class OneLineErrors(TyperGroup):
    """The commands, with bad input reported in one line instead of a page of usage or a
    traceback."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> NoReturn:
        try:
            status = super().main(*args, standalone_mode=False, **extra)
        except TyperException as error:
            status = _print_stderr(error.format_message(), 2)
        except (BadInput, ModelError) as error:
            status = _print_stderr(str(error), 2)
        if status == EXIT_INTERRUPTED:
            _print_stderr("Interrupted.", status)
        sys.exit(status)


def _print_stderr(message: str, status: int) -> int:
    """Print one line on stderr, and hand the exit status on."""
    typer.echo(" ".join(message.split()), err=True)
    return status


cli = typer.Typer(
    cls=OneLineErrors,
    help="Watch a language model spend test-time compute on math problems.",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and nothing else there.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]


@cli.callback(invoke_without_command=True)
def commands(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


# --- solve ----------------------------------------------------------------------------------------


@cli.command(epilog='Example: solve "Solve 3x+5=20." --answer 5 --budget 64 --set temperature=0.7')
def solve(
    text: Annotated[
        str, typer.Argument(help="The problem, in quotation marks.", show_default=False)
    ],
    answer: Annotated[
        str | None, typer.Option(help="The right answer; the models never see it.")
    ] = None,
    strategy: Annotated[str, typer.Option(help=f"One of {', '.join(STRATEGIES)}.")] = "beam",
    budget: Annotated[
        int, typer.Option(help=f"Solutions (or beams) to spend, 1 to {MAX_BUDGET}.")
    ] = 16,
    seed: Seed = 0,
    model: Annotated[str | None, typer.Option(help="A name that the command models lists.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help=f"A setting, such as selector={next(iter(SELECTORS))}.",
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
    problem = typed_problem(text, answer)
    checked_strategy(strategy)
    parse_budget(budget)
    values = dict(_parse_setting(change) for change in changes or [])
    Settings().with_values(values)
    if trace:
        _check_trace_file(trace)

    from ttc_explorer.experiments.solver import Solver
    from ttc_explorer.models.catalogue import DEFAULT_GENERATOR, SHIPPED_MODELS

    with Solver(model) as solver, Progress() as progress:
        run = solver.run(problem, strategy, budget, seed, solver.settings(**values))

        def show_progress() -> None:
            solutions = sum(1 for _ in run.tree.leaves())
            progress.show(f"{len(run.tree) - 1} steps, {solutions} solutions")

        solver.drive([run], on_round=show_progress)
    if (model or DEFAULT_GENERATOR) in SHIPPED_MODELS and recognise(problem.text) is None:
        _print_stderr(UNKNOWN_PROBLEM_KIND, 0)
    if trace:
        _write_trace(trace, dump_trace(run))
    typer.echo(dump_trace(run) if as_json else format_run(run))


def _parse_setting(change: str) -> tuple[str, str]:
    key, equals, value = change.partition("=")
    if not equals:
        raise BadInput(f"Write a setting as KEY=VALUE: '{change[:40]}' has no equals sign.")
    return key.strip(), value.strip()


def _check_trace_file(path: Path) -> None:
    """Raise BadInput now rather than after the work."""
    if not path.name.endswith((".json", ".json.gz")):
        raise BadInput("The name of a trace file must end in .json or .json.gz.")
    if path.is_dir() or not path.parent.is_dir():
        raise BadInput(
            f"The trace cannot be saved as {path}: choose a file in a folder that exists."
        )


def _write_trace(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    except OSError as error:
        raise BadInput(f"The trace cannot be saved as {path}: {error.strerror}.") from None


# --- problems and grading -------------------------------------------------------------------------


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
        row = {"id": solved_problem.id, "text": problem.text, "answer": problem.answer}
        row |= {
            "family": problem.family,
            "level": problem.level,
            "steps": list(solved_problem.steps),
        }
        typer.echo(json.dumps(row, ensure_ascii=False))
    if len(made) < count:
        _print_stderr(
            f"There are only {len(made)} different problems of this kind in the {split} split.", 0
        )


def _parse_levels(text: str) -> range:
    match = re.fullmatch(r"([1-5])(?:-([1-5]))?", text)
    levels = range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)
    if not levels:
        raise BadInput(
            f"The level must be from {LEVELS[0]} to {LEVELS[-1]}, or a range such as 2-4."
        )
    return levels


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
        _print_stderr(
            ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
            or "No lines.",
            0,
        )


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").split(
            "\n"
        )  # splitlines would break at U+2028 in a text
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not a text file in UTF-8.") from None


# --- experiments ----------------------------------------------------------------------------------


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
    model: Annotated[str | None, typer.Option(help="A name that the command models lists.")] = None,
    judge: Annotated[
        list[str] | None,
        typer.Option(help="A further verifier that scores solutions and attempts."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of all, such as temperature=1."),
    ] = None,
    seed: Seed = 0,
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
        changes=tuple(_parse_setting(change) for change in changes or []),
        judges=tuple(judge or ()),
        limit=limit,
        question_column=question_column,
        answer_column=answer_column,
    )
    if minutes is not None and not 0 < minutes <= 10_000:
        raise BadInput("Give a question more than 0 minutes, and 10,000 at most.")
    rows = run_sweep(plan, out, resume, workers, ray, POLICY_FILE, minutes)
    failed = rows.pop("failures", 0)
    for name, count in rows.items():
        typer.echo(f"{out / name}.parquet: {count:,} rows")
    if not rows and not failed:
        typer.echo(f"{out} is complete.")
    if failed:
        _print_stderr(
            f"{failed:,} times a question failed or took too long, and is left out: "
            f"{out / 'failures.parquet'} says which and why; --resume tries again.",
            0,
        )


@cli.command(
    epilog="Example: policy assets/experiments/base-s --out assets/experiments/policy.json"
)
def policy(
    folder: Annotated[
        Path, typer.Argument(help="What the command sweep wrote.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option(dir_okay=False, help="The file that auto reads.", show_default=False)
    ],
    seed: Seed = 0,
) -> None:
    """Choose what is best for each difficulty and budget.

    Each choice is made on one half of the questions and measured on the other.
    """
    from ttc_explorer.experiments.compute_optimal_policy import dump_policy, make_policy
    from ttc_explorer.experiments.result_tables import Results

    if not out.parent.is_dir():
        raise BadInput(
            f"The policy cannot be saved as {out}: choose a file in a folder that exists."
        )
    made = make_policy(Results.load(folder), seed=seed)
    try:
        out.write_text(dump_policy(made), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"The policy cannot be saved as {out}: {error.strerror}.") from None
    for cell in made.cells:
        measured = f"{cell.accuracy:.1%} ({cell.low:.1%} to {cell.high:.1%})"
        typer.echo(
            f"bin {cell.bin}, budget {cell.budget}: {format_choice(cell.choice)}, {measured}"
        )


@cli.command(epilog="Example: findings assets/experiments --json")
def findings(
    folder: Annotated[
        Path,
        typer.Argument(
            help="What sweep wrote: one folder, or a folder of them.", show_default=False
        ),
    ],
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Test the findings of the paper on our own models.

    Each with its verdict, its figure, the 95 % interval and the p-value, corrected for testing so
    many.
    """
    from ttc_explorer.experiments.findings import dump_findings, format_findings
    from ttc_explorer.experiments.findings import evaluate_findings as tested

    found = tested(folder, seed=seed)
    typer.echo(dump_findings(found) if as_json else format_findings(found))


@cli.command(epilog="Example: misled assets/experiments/base-s --out assets/recorded")
def misled(
    folder: Annotated[
        Path, typer.Argument(help="What the command sweep wrote.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option(file_okay=False, help="Folder for the traces.", show_default=False)
    ],
) -> None:
    """Record the two runs that show best how a verifier misleads search.

    A question that beam search gets right with few samples and wrong with many, by steps that the
    verifier likes better.
    """
    from ttc_explorer.experiments.calibration import find_over_optimisation_runs as pair_of
    from ttc_explorer.experiments.result_tables import Results

    results = Results.load(folder)
    for name, found in pair_of(results).items():
        asked = results.problems.set_index("question").loc[found.question]
        solve(
            asked["text"], asked["answer"], "beam", found.budget, found.seed, results.about["model"],
            trace=out / f"{name}.json.gz",
        )  # fmt: skip


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


# --- models ---------------------------------------------------------------------------------------


@cli.command(epilog="Example: models Qwen/Qwen2.5-0.5B-Instruct")
def models(
    name: Annotated[
        str | None,
        typer.Argument(help="Tell about these instead: what --model takes.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the models that can be used here, and say why others cannot.

    With a name, say what these need and do; nothing large is downloaded for that.
    """
    from ttc_explorer.models.model_description import describe, list_models

    if name is not None:
        description = describe(name)
        typer.echo(json.dumps(asdict(description)) if as_json else _format_description(description))
        return
    found = list_models()
    if as_json:
        typer.echo(json.dumps(found))
        return
    for model in found:
        typer.echo(
            f"{model['name']}, {model['role']}: {model['title']}; "
            f"{model['parameters']:,} parameters, {model['bytes'] / 1e6:,.1f} MB, {model['source']}"
            + (f". Not usable here: {model['why']}" if model["why"] else "")
        )
    if not any(model["source"] == "shipped" for model in found):
        typer.echo("The shipped models are not here.")
    typer.echo("Also: a folder, Hugging Face model or server as GENERATOR or GENERATOR+VERIFIER.")


def _format_description(description: ModelSetDescription) -> str:
    """Each part on a line, its notes below it, and whether all can be used here."""
    lines = []
    for part in filter(None, (description.generator, description.verifier)):
        facts = [
            part.format,
            f"{part.parameters:,} parameters" if part.parameters else "size not known",
        ]
        facts += [f"{part.need.weights / 1e6:,.1f} MB of memory"] if part.need else []
        lines += [f"{part.name}, {part.role}: {part.title}; {', '.join(facts)}", *part.notes]
    fits = (
        ""
        if description.room is None
        else f", with room for {description.room:,} solutions beside the weights"
    )
    usable = f"Usable here, on {description.device}{fits}."
    return "\n".join(
        [*lines, f"Not usable here: {description.unusable}" if description.unusable else usable]
    )


@cli.command(epilog="Example: train --recipe smoke --out runs/smoke")
def train(
    recipe: Annotated[
        str, typer.Option(help="smoke (seconds), cpu (what is shipped) or gpu.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            file_okay=False, help="Folder for the models and all work on them.", show_default=False
        ),
    ],
    stage: Annotated[
        str | None, typer.Option(help="Only this stage, after the ones before it.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an earlier call was stopped.")
    ] = False,
) -> None:
    """Make the shipped models, from nothing.

    The stages, in order: tokenizer, base-s, base-m, base-l, samples, rollouts, prm, prm-exact, orm,
    chains, reviser, reviser-verifier, distil, measure.
    """
    from ttc_explorer.training.training_stages import train_family

    train_family(recipe, out, stage, resume)


@cli.command(epilog="Example: bench --json")
def bench(as_json: Json = False) -> None:
    """Measure the speed of decoding and search."""
    from ttc_explorer.experiments.benchmark import run_bench

    figures = run_bench()
    typer.echo(json.dumps(figures) if as_json else "\n".join(_format_nested(figures)))


def _format_nested(figures: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Nested figures, one a line."""
    for name, value in figures.items():
        label = indent + name.replace("_", " ")
        if isinstance(value, Mapping):
            yield label
            yield from _format_nested(value, indent + "  ")
        else:
            yield f"{label}: {value}"


@cli.command(epilog="Example: app")
def app() -> None:
    """Open the page, as python app.py does."""
    from ttc_explorer.app import launch

    launch()
