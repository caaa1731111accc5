"""Runs of real language models that were recorded: a list, and the one that is picked as a tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from ttc_explorer.experiments.run_gallery import GalleryEntry, load_gallery, open_entry
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.ui.components.basic_inputs import html_block
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates, guarded
from ttc_explorer.ui.components.pickable_html import pickable_html
from ttc_explorer.ui.html_templates import render
from ttc_explorer.ui.run_viewer.stream import RunStream
from ttc_explorer.ui.run_viewer.viewer_component import run_viewer


class RunGalleryPanel:
    """The panel, to be made where it stands; invisible without a recorded run.

    Args:
        folder: of the gallery.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            self._entries = {entry.file: entry for entry in load_gallery(folder)}
        except BadInput:
            self._entries = {}
        with gr.Column(
            elem_id="gallery", elem_classes="plate", min_width=0, visible=bool(self._entries)
        ):
            self.list = pickable_html(
                "gallery-list", gallery_list(list(self._entries.values())), "gallery-run"
            )
            self.banner = html_block("gallery-banner")
            with gr.Column(min_width=0, visible=False) as self.shown:
                self.about = html_block("gallery-about")
                self.viewer = run_viewer("gallery-run")
        hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        self.list.pick(
            self.pick, None, [self.shown, self.about, self.viewer, self.banner], **hidden
        )

    @guarded()
    def pick(self, event: gr.EventData) -> ComponentUpdates:
        """Show the run that was pressed."""
        entry = self._entries.get(str(getattr(event, "file", "")))
        if entry is None:
            raise BadInput("There is no such run: press one of the list.")
        run = open_entry(self._folder, entry)
        return {
            self.shown: gr.update(visible=True),
            self.about: render("gallery_about.html", entry=entry),
            self.viewer: RunStream(f"gallery {entry.file}", run).update(),
            self.banner: "",
        }


def gallery_list(entries: list[GalleryEntry]) -> Markup:
    """A button a run; nothing without one."""
    return render("gallery_list.html", entries=entries) if entries else Markup("")
