"""Save trace and Load trace: a run as a file, and runs of files on screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from ttc_explorer.experiments.file_import import read_searches
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search import trace
from ttc_explorer.search.run import Run
from ttc_explorer.serving.model_manager import ModelSelection
from ttc_explorer.ui.components.explore_session import ExploreSession
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates
from ttc_explorer.ui.components.messages import banner
from ttc_explorer.ui.components.result_card import file_download

MAX_SEARCH_TITLE = 70
"""Characters of a problem in the list of a file's searches."""

ShowRun = Callable[[ExploreSession, Run, ModelSelection | None], ComponentUpdates]
"""Puts a run on screen, and sets the controls to run it again."""


class TraceButtons:
    """The buttons, to be made where they stand.

    Args:
        show_run: what is done with a run of a file.
        message: the place for a sentence about a file that cannot be read.
    """

    def __init__(self, show_run: ShowRun, message: gr.HTML) -> None:
        self._show_run = show_run
        self._message = message
        with gr.Row(elem_id="files"):
            self.save = gr.Button("Save trace", min_width=0, elem_id="save", size="md")
            self.load = gr.UploadButton(
                "Load trace", type="filepath", min_width=0, elem_id="load", size="md"
            )
        self.searches = gr.Dropdown(
            [], label="Search of the file", visible=False, min_width=0, elem_id="searches"
        )
        self.saved = file_download("ttc-trace.json", "application/json")

    def connect(self, session: gr.State, choice: gr.State, opened: list[Any]) -> None:
        """Connect the buttons.

        Args:
            session: the visitor's ``ExploreSession``.
            choice: which models the visitor uses.
            opened: what ``show_run`` changes.
        """
        at_once: dict[str, Any] = {
            "queue": False, "show_progress": "hidden", "api_visibility": "private"
        }  # fmt: skip
        self.load.upload(
            self.open,
            [session, self.load, choice],
            [self.load, self.searches, *opened],
            **at_once,
        )
        self.searches.input(self.open_search, [session, self.searches, choice], opened, **at_once)
        self.save.click(self.save_trace, session, [self.saved, self._message], **at_once)

    def save_trace(self, session: ExploreSession) -> tuple[dict[str, Any], str]:
        """The run on screen as a trace, its answer by the rule that is set now."""
        if session.run is None:
            return gr.update(text=""), banner("There is no run to save yet: press Run first.")
        rule = {"selector": session.selector, "aggregate": session.aggregate}
        shown = replace(session.run, settings=session.run.settings.with_values(rule))
        return gr.update(text=trace.dump_trace(shown).decode()), ""

    def open(
        self, session: ExploreSession, path: str, choice: ModelSelection | None = None
    ) -> ComponentUpdates:
        """Show the run in a trace file, or the first search of another tool's file, and set the
        controls to run it again. A bad file changes nothing.

        Args:
            session: the visitor's.
            path: of the file that was uploaded.
            choice: which models the visitor uses.
        """
        again = {self.load: gr.update(value=None)}  # so that the same file may be chosen again
        try:
            if session.running:
                raise BadInput("A run is in progress: stop it before you load a trace.")
            session.searches = read_searches(Path(path))
        except BadInput as error:
            return again | {self._message: banner(str(error))}
        several = [
            (f"{number + 1}. {run.problem.text[:MAX_SEARCH_TITLE]}", number)
            for number, run in enumerate(session.searches)
        ]
        lists = gr.update(choices=several, value=0, visible=len(several) > 1)
        shown = self._show_run(session, session.searches[0], choice)
        return again | {self.searches: lists} | shown

    def open_search(
        self, session: ExploreSession, number: int, choice: ModelSelection | None = None
    ) -> ComponentUpdates:
        """Show another search of the file that was opened."""
        if session.running or number not in range(len(session.searches)):
            return {self._message: banner("Stop the run before you open another search.")}
        return self._show_run(session, session.searches[number], choice)
