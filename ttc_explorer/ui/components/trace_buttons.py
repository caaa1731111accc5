"""A run as a file, and runs of files on screen."""

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
from ttc_explorer.ui.address.page_address import FORGET_RUN
from ttc_explorer.ui.components.explore_session import ExploreSession
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates
from ttc_explorer.ui.components.messages import banner
from ttc_explorer.ui.components.result_card import file_download
from ttc_explorer.ui.run_history.run_history import run_history
from ttc_explorer.ui.run_viewer.standalone import standalone_html

MAX_SEARCH_TITLE = 70
"""Characters of a problem in the list of a file's searches."""

ShowRun = Callable[[ExploreSession, Run, ModelSelection | None], ComponentUpdates]
"""Puts a run on screen, and sets the controls to run it again."""


class TraceButtons:
    """The buttons Load trace and Your runs, to be made where they stand, and what the viewer's menu
    gives away.

    Args:
        show_run: what is done with a run of a file.
        message: the place for a sentence about a file that cannot be read.
    """

    def __init__(self, show_run: ShowRun, message: gr.HTML) -> None:
        self._show_run = show_run
        self._message = message
        with gr.Row(elem_id="files"):
            self.load = gr.UploadButton(
                "Load trace", type="filepath", min_width=0, elem_id="load", size="md"
            )
            run_history()
        self.searches = gr.Dropdown(
            [], label="Search of the file", visible=False, min_width=0, elem_id="searches"
        )
        self.saved_trace = file_download("ttc-trace.json", "application/json")
        self.saved_page = file_download("ttc-run.html", "text/html")

    def connect(
        self, viewer: gr.HTML, session: gr.State, choice: gr.State, opened: list[Any]
    ) -> None:
        """Connect the button and the menu.

        Args:
            viewer: the picture of the run, whose menu it is.
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
            js=FORGET_RUN,
            **at_once,
        )
        self.searches.input(self.open_search, [session, self.searches, choice], opened, **at_once)
        taken = [self.saved_trace, self.saved_page, self._message]
        viewer.take(self.take, session, taken, **at_once)

    def take(self, session: ExploreSession, event: gr.EventData) -> ComponentUpdates:
        """The run on screen as a trace, or as a page, its answer by the rule that is set now."""
        if session.run is None:
            return {self._message: banner("There is no run to take away yet: press Run first.")}
        settings = session.run.settings.with_values(session.rule())
        shown = replace(session.run, settings=settings)
        if event.what == "page":
            return {self.saved_page: gr.update(text=standalone_html(shown)), self._message: ""}
        return {
            self.saved_trace: gr.update(text=trace.dump_trace(shown).decode()),
            self._message: "",
        }

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
