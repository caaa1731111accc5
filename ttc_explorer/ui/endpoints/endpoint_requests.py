"""What programs send, checked; and runs that are followed for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any, ParamSpec

import gradio as gr

from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings
from ttc_explorer.serving.model_manager import LoadedModels, ModelManager, ModelSelection
from ttc_explorer.serving.run_service import RunService
from ttc_explorer.ui.components.run_controls import MAX_FRAME_SECONDS
from ttc_explorer.ui.run_viewer.run_summary import run_summary

Asked = ParamSpec("Asked")
Replies = Iterator[dict[str, Any]]

MAX_TEXT_CHARACTERS = 100_000
"""Of any text that a program sends: longer than a solution that a model writes."""


def in_a_sentence(endpoint: Callable[Asked, Replies]) -> Callable[Asked, Replies]:
    """A decorator: what is wrong with a request is told as the one sentence that the page says."""

    @wraps(endpoint)
    def checked(*asked: Asked.args, **named: Asked.kwargs) -> Replies:
        try:
            yield from endpoint(*asked, **named)
        except (BadInput, ModelError) as error:
            raise gr.Error(str(error), print_exception=False) from None

    return checked


def check_texts(**texts: object) -> None:
    """Raise BadInput if one of these is no text, or a very long one: programs send anything."""
    for name, value in texts.items():
        if not isinstance(value, str):
            raise BadInput(f"The {name} must be a text.")
        if len(value) > MAX_TEXT_CHARACTERS:
            raise BadInput(
                f"The {name} is {len(value):,} characters long: shorten it to at most "
                f"{MAX_TEXT_CHARACTERS:,}."
            )


def check_settings(settings: object) -> dict[str, object]:
    """The settings that a program sent, by name. Raises BadInput."""
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise BadInput('The settings must be an object, such as {"width": 4}.')
    Settings().with_values(settings)
    return settings


def models_of(model_manager: ModelManager, name: str) -> LoadedModels:
    """The models that a program asks for, loaded.

    Args:
        model_manager: has them.
        name: of the list; empty for those that everybody begins with.

    Raises:
        BadInput: they are not of the list.
        ModelError: they cannot be had.
    """
    selection = ModelSelection()
    model_manager.follow_link(name, selection)
    loaded = model_manager.wait(None, selection)
    if failure := model_manager.failure(selection):
        raise ModelError(failure)
    assert loaded is not None
    return loaded


def follow_runs(
    service: RunService, runs: Sequence[Run], visitor: str | None
) -> Iterator[list[str]]:
    """Run all of these at once, and say how each stands, twice a second, until all have ended. They
    are cancelled if nobody asks any more.

    Args:
        service: runs them.
        runs: that have not begun.
        visitor: whose they are.

    Raises:
        BadInput: there is no place for one, or a run failed.
    """
    try:
        for run in runs:
            service.submit(run, None, visitor)
        end = time.monotonic()
        while going := [run for run in runs if run.stopped is None]:
            end += MAX_FRAME_SECONDS
            while going[0].stopped is None and (left := end - time.monotonic()) > 0:
                service.wait(going[0], len(going[0].tree.events), left)
            yield [str(service.queue_place(run) or run_summary(run)) for run in runs]
    finally:
        for run in runs:
            service.cancel(run)  # of no effect once it has ended
    for run in runs:
        if run.error:
            raise ModelError(run.error)
