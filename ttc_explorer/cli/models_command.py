"""List the models that can be used here."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, cast

import typer

from ttc_explorer.cli.command_group import cli
from ttc_explorer.cli.command_options import Json

if TYPE_CHECKING:
    from ttc_explorer.models.described_models import ModelSetDescription


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
        megabytes = cast(int, model["bytes"]) / 1e6
        typer.echo(
            f"{model['name']}, {model['role']}: {model['title']}; "
            f"{model['parameters']:,} parameters, {megabytes:,.1f} MB, {model['source']}"
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
