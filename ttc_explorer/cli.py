"""The command line: ``python -m ttc_explorer COMMAND``. A command parses, calls and prints; nothing else.

Exit status: 0 done, 2 bad input (one line on stderr), 1 a fault of ours (a traceback), 130 interrupted.
What loads slowly (torch, transformers, gradio) is imported inside the commands, so that help is instant.
"""

from __future__ import annotations

import gzip
import json
import re
import runpy
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.families import FAMILIES, LEVELS, SPLITS, recognise
from ttc_explorer.problems.problem import BadInput, typed_problem
from ttc_explorer.problems.sheet import sheet
from ttc_explorer.progress import Progress
from ttc_explorer.report import report
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import MAX_BUDGET, SELECTORS, Settings, checked_budget
from ttc_explorer.search.strategies import STRATEGIES
from ttc_explorer.search.strategies import strategy as checked_strategy
from ttc_explorer.search.trace import dump

APP = Path(__file__).parent.parent / "app.py"
INTERRUPTED = 130
UNKNOWN_KIND = (
    "Note: the built-in model was trained on a few kinds of problems, and this is none of them: do not "
    "expect a good answer. The command problems shows what it knows."
)


class OneLineErrors(TyperGroup):
    """The commands, with bad input reported in one line instead of a page of usage or a traceback."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> NoReturn:
        try:
            status = super().main(*args, standalone_mode=False, **extra)
        except TyperException as error:
            status = _report(error.format_message(), 2)
        except (BadInput, ModelError) as error:
            status = _report(str(error), 2)
        if status == INTERRUPTED:
            _report("Interrupted.", status)
        sys.exit(status)


def _report(message: str, status: int) -> int:
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


# --- solve ----------------------------------------------------------------------------------------------


@cli.command(epilog='Example: solve "Solve 3x+5=20." --answer 5 --budget 64 --set temperature=0.7')
def solve(
    text: Annotated[str, typer.Argument(help="The problem, in quotation marks.", show_default=False)],
    answer: Annotated[str | None, typer.Option(help="The right answer; the models never see it.")] = None,
    strategy: Annotated[str, typer.Option(help=f"One of {', '.join(STRATEGIES)}.")] = "beam",
    budget: Annotated[int, typer.Option(help=f"Solutions (or beams) to spend, 1 to {MAX_BUDGET}.")] = 16,
    seed: Seed = 0,
    model: Annotated[str | None, typer.Option(help="A name that the command models lists.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help=f"A setting, such as selector={SELECTORS[0]}."),
    ] = None,
    trace: Annotated[Path | None, typer.Option(help="Save the run here: FILE.json or FILE.json.gz.")] = None,
    as_json: Json = False,
) -> None:
    """Solve one problem.

    Prints the answer, the votes and the cost; with --json the trace.
    """
    problem = typed_problem(text, answer)
    checked_strategy(strategy)
    checked_budget(budget)
    settings = Settings().updated(dict(_key_and_value(change) for change in changes or []))
    if trace:
        _check_trace_file(trace)

    from ttc_explorer.models.catalogue import DEFAULT, SHIPPED, load
    from ttc_explorer.problems.grading import Grader, examine

    generator, verifier, reviser, revision_verifier = load(model or DEFAULT)
    judging = verifier.name if verifier else None
    run = Run(problem, generator.name, judging, strategy, budget, seed, settings)
    with Grader() as grader, Progress() as progress:
        driver = Driver(
            generator,
            verifier,
            partial(examine, grader=grader),
            reviser=reviser,
            revision_verifier=revision_verifier,
        )
        driver.add(run)
        while driver.tick():
            progress.show(f"{len(run.tree) - 1} steps, {sum(1 for _ in run.tree.leaves())} solutions")
    if run.error:
        raise ModelError(run.error)
    if (model or DEFAULT) in SHIPPED and recognise(problem.text) is None:
        _report(UNKNOWN_KIND, 0)
    if trace:
        _write_trace(trace, dump(run))
    typer.echo(dump(run) if as_json else report(run))


def _key_and_value(change: str) -> tuple[str, str]:
    key, equals, value = change.partition("=")
    if not equals:
        raise BadInput(f"Write a setting as KEY=VALUE: '{change[:40]}' has no equals sign.")
    return key.strip(), value.strip()


def _check_trace_file(path: Path) -> None:
    """Raise BadInput now rather than after the work."""
    if not path.name.endswith((".json", ".json.gz")):
        raise BadInput("The name of a trace file must end in .json or .json.gz.")
    if path.is_dir() or not path.parent.is_dir():
        raise BadInput(f"The trace cannot be saved as {path}: choose a file in a folder that exists.")


def _write_trace(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    except OSError as error:
        raise BadInput(f"The trace cannot be saved as {path}: {error.strerror}.") from None


# --- problems and grading -------------------------------------------------------------------------------


@cli.command(epilog="Example: problems --family quadratic --level 1-3 --count 20 --seed 7")
def problems(
    family: Annotated[str, typer.Option(help=f"all, or one of {', '.join(FAMILIES)}.")] = "all",
    level: Annotated[str, typer.Option(help="1 (easiest) to 5, or a range such as 2-4.")] = "1-5",
    count: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many, families in turns.")] = 10,
    seed: Seed = 0,
    split: Annotated[str, typer.Option(help=f"One of {', '.join(SPLITS)}.")] = "test",
) -> None:
    """Make problems with worked solutions.

    Prints them as JSON lines: id, text, answer, family, level, steps. None comes twice.
    """
    if family != "all" and family not in FAMILIES:
        raise BadInput(f"Unknown family '{family[:40]}': choose all or one of {', '.join(FAMILIES)}.")
    if split not in SPLITS:
        raise BadInput(f"Unknown split '{split[:40]}': choose from {', '.join(SPLITS)}.")
    made = sheet(list(FAMILIES) if family == "all" else [family], _levels(level), count, seed, split)
    for worked in made:
        problem = worked.problem
        row = {"id": worked.id, "text": problem.text, "answer": problem.answer}
        row |= {"family": problem.family, "level": problem.level, "steps": list(worked.steps)}
        typer.echo(json.dumps(row, ensure_ascii=False))
    if len(made) < count:
        _report(f"There are only {len(made)} different problems of this kind in the {split} split.", 0)


def _levels(text: str) -> range:
    match = re.fullmatch(r"([1-5])(?:-([1-5]))?", text)
    levels = range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)
    if not levels:
        raise BadInput(f"The level must be from {LEVELS[0]} to {LEVELS[-1]}, or a range such as 2-4.")
    return levels


@cli.command(epilog="Example: grade --jsonl predictions.jsonl > graded.jsonl")
def grade(
    jsonl: Annotated[
        Path, typer.Option(help='Lines of {"reference": …, "prediction": …}.', show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """Say which predictions equal their references.

    Prints the lines of the file with "verdict" (equal, different, unreadable, timeout) and "equal". A
    prediction may be a whole solution. Without --json a summary follows on stderr.
    """
    from ttc_explorer.problems.grading import Grader, grade_lines

    lines = _lines(jsonl)
    graded = []
    with Grader() as grader, Progress() as progress:
        for row in grade_lines(lines, grader):
            graded.append(row)
            progress.show(f"{len(graded):,} of {len(lines):,} lines graded")
    for row in graded:
        typer.echo(json.dumps(row))
    if not as_json:
        counts = Counter(row["verdict"] for row in graded)
        _report(", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()) or "No lines.", 0)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")  # splitlines would break at U+2028 in a text
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not a text file in UTF-8.") from None


# --- models ---------------------------------------------------------------------------------------------


@cli.command(epilog="Example: models --json")
def models(as_json: Json = False) -> None:
    """List the models that can be used here."""
    from ttc_explorer.models.catalogue import available

    found = available()
    if as_json:
        typer.echo(json.dumps(found))
        return
    for model in found:
        typer.echo(
            f"{model['name']}, {model['role']}: {model['title']}; "
            f"{model['parameters']:,} parameters, {model['bytes'] / 1e6:.1f} MB, {model['source']}"
        )
    if not found:
        typer.echo("The shipped models are not here.")
    typer.echo("Also: a folder or Hugging Face model as GENERATOR or GENERATOR+VERIFIER.")


@cli.command(epilog="Example: train --recipe smoke --out runs/smoke")
def train(
    recipe: Annotated[
        str, typer.Option(help="smoke (seconds), cpu (what is shipped) or gpu.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(file_okay=False, help="Folder for the models and all work on them.", show_default=False),
    ],
    stage: Annotated[str | None, typer.Option(help="Only this stage, after the ones before it.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an earlier call was stopped.")
    ] = False,
) -> None:
    """Make the shipped models, from nothing.

    The stages, in order: tokenizer, base-s, base-m, base-l, samples, rollouts, prm, prm-exact, orm, chains,
    reviser, reviser-verifier, distil, measure.
    """
    from ttc_explorer.training.stages import train_family

    train_family(recipe, out, stage, resume)


@cli.command(epilog="Example: bench --json")
def bench(as_json: Json = False) -> None:
    """Measure the speed of decoding and search."""
    from ttc_explorer.bench import run_bench

    figures = run_bench()
    typer.echo(json.dumps(figures) if as_json else "\n".join(_outline(figures)))


def _outline(figures: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Nested figures, one a line."""
    for name, value in figures.items():
        label = indent + name.replace("_", " ")
        if isinstance(value, Mapping):
            yield label
            yield from _outline(value, indent + "  ")
        else:
            yield f"{label}: {value}"


@cli.command(epilog="Example: app")
def app() -> None:
    """Open the page, as python app.py does."""
    runpy.run_path(str(APP), run_name="__main__")
