"""A figure with its title, and buttons that save its points as CSV and its picture as PNG; and a
file that the server writes for the browser to save."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from ttc_explorer.ui.components.basic_inputs import html_block
from ttc_explorer.ui.components.component_scripts import component_script
from ttc_explorer.ui.components.guarded_handler import error_sentence
from ttc_explorer.ui.components.messages import banner
from ttc_explorer.ui.html_templates import render, render_macro

TableMaker = Callable[..., str]


class ResultCard:
    """The parts of a card, each put where the page calls for it: ``heading``, ``plot`` and
    ``download_buttons``, once each, inside whatever rows and columns the card has.

    Args:
        name: of the card; its heading is ``#<name>-head``.
        file_name: of what is saved, without an ending.
        figure_id: of its plot, ``<name>-figure`` unless given.
    """

    def __init__(self, name: str, file_name: str, figure_id: str = "") -> None:
        self.head_id, self.figure_id = f"{name}-head", figure_id or f"{name}-figure"
        self.file_name = file_name

    def heading(self, title: str = "", caption: str | Markup = "") -> gr.HTML:
        """The place of the title, and of the line beside it, which a saved picture shows too."""
        self.head = html_block(self.head_id, card_heading(title, caption) if title else "")
        return self.head

    def plot(self) -> gr.Plot:
        """The place of the figure."""
        self.figure = gr.Plot(
            show_label=False, container=False, elem_id=self.figure_id, elem_classes="figure-place"
        )
        return self.figure

    def download_buttons(self, prefix: str = "", server_table: bool = False) -> gr.HTML:
        """The buttons CSV and PNG.

        CSV saves the points of the plot, a row each: panel, line, x, y, its interval if it has one,
        and what pointing at it says. Of a trace these are ``meta``, ``name``, ``x``, ``y``,
        ``customdata`` and ``text``. PNG saves the plot for paper, under the heading.

        Args:
            prefix: gives the buttons ids, ``<prefix>-csv`` and ``<prefix>-png``.
            server_table: CSV saves what the server writes, see ``connect_table``.
        """
        self.downloads = gr.HTML(
            "",
            html_template=render("download_buttons.html", prefix=prefix),
            elem_classes="saves",
            js_on_load=component_script("save_text.js", "download_buttons.js"),
            apply_default_css=False,
            figure=self.figure_id,
            heading=self.head_id,
            file_name=self.file_name,
            server_table=server_table,
            table="",
        )
        return self.downloads

    def connect_table(
        self, make_table: TableMaker, inputs: Component | Sequence[Component], place: Component
    ) -> None:
        """Let the button CSV save what ``make_table`` returns.

        Args:
            make_table: takes the values of ``inputs`` and returns the text; what it raises is one
                sentence at ``place``.
            inputs: the components that it reads.
            place: where the sentence stands.
        """

        def write_table(*values: Any) -> tuple[dict[str, Any], str]:
            try:
                return gr.update(table=make_table(*values)), ""
            except Exception as error:
                return gr.update(table=""), banner(error_sentence(error, "write_table"))

        self.downloads.csv(
            write_table,
            inputs,
            [self.downloads, place],
            show_progress="hidden",
            api_visibility="private",
        )


def card_heading(title: str, caption: str | Markup) -> Markup:
    """The title of a card, and the line beside it."""
    return render_macro("top_line", title, caption)


def file_download(file_name: str, media_type: str) -> gr.HTML:
    """An invisible component that saves a file whenever a handler sends it one, as
    ``gr.update(text=…)``.

    Args:
        file_name: what the file is called.
        media_type: its kind, such as ``application/json``.
    """
    return gr.HTML(
        "",
        visible="hidden",
        html_template="",
        js_on_load=component_script("save_text.js", "file_download.js"),
        apply_default_css=False,
        file_name=file_name,
        media_type=media_type,
        text="",
    )
