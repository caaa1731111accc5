"""One long thought or many short ones? A table of k thoughts cut at L tokens, of which each cell
can be pressed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from ttc_explorer.experiments.file_import import read_thoughts
from ttc_explorer.experiments.width_depth import (
    NamedTable,
    WidthDepthCell,
    WidthDepthTable,
    width_depth_table,
)
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.settings import MAX_BUDGET, THINKING_BOUNDS
from ttc_explorer.ui.components.basic_inputs import html_block, segmented_control
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates, guarded
from ttc_explorer.ui.components.pickable_html import pickable_html
from ttc_explorer.ui.html_templates import render

YOURS = "From the file that you opened."


class WidthDepthPanel:
    """The panel, to be made where it stands.

    Args:
        tables: that are shipped; a visitor may open a store of their own beside them.
    """

    def __init__(self, tables: Sequence[NamedTable]) -> None:
        self._tables = {str(number): named for number, named in enumerate(tables)}
        first = next(iter(self._tables.values()), None)
        self.opened = gr.State(None)
        with gr.Column(elem_id="width-depth", elem_classes="plate", min_width=0):
            with gr.Row(elem_classes="plate-top"):
                html_block("width-depth-head", render("width_depth_head.html"))
                names = [(named.name, key) for key, named in self._tables.items()]
                self.choice = segmented_control(
                    "Whose thoughts", "width-depth-choice", names, "0" if first else None
                )
                self.upload = gr.UploadButton(
                    "Open a store", type="filepath", min_width=0, size="md",
                    elem_id="width-depth-upload",
                )  # fmt: skip
            self.banner = html_block("width-depth-banner")
            self.table = pickable_html("width-depth-table", table_html(first), "width-depth-cell")
            self.cell = html_block("width-depth-cell", first_cell_html(first))
        self._connect()

    def _connect(self) -> None:
        hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        shown = [self.banner, self.table, self.cell]
        self.choice.input(self.choose, self.choice, [self.opened, *shown], **hidden)
        self.table.pick(self.pick, [self.choice, self.opened], self.cell, **hidden)
        self.upload.upload(
            self.read,
            self.upload,
            [self.upload, self.choice, self.opened, *shown],
            concurrency_limit=1,
            **hidden,
        )

    @guarded()
    def choose(self, choice: str) -> ComponentUpdates:
        """Show one of the shipped tables."""
        return {self.opened: None} | self._show(self._named(choice, None))

    @guarded()
    def read(self, path: str) -> ComponentUpdates:
        """Show the table of a store that somebody opened."""
        table = width_depth_table(read_thoughts(Path(path)))
        named = NamedTable(Path(path).stem, YOURS, table)
        again = {self.upload: gr.update(value=None)}  # so that the same file may be chosen again
        return again | {self.opened: named, self.choice: None} | self._show(named)

    @guarded()
    def pick(self, choice: str, opened: NamedTable | None, event: gr.EventData) -> ComponentUpdates:
        """What the cell means that was pressed."""
        named = self._named(choice, opened)
        try:
            cell = named.table.cell(int(event.width), int(event.depth))
        except (AttributeError, ValueError):
            raise BadInput("That is no cell of this table: press one of it.") from None
        return {self.cell: cell_html(named.table, cell)}

    def _named(self, choice: str | None, opened: NamedTable | None) -> NamedTable:
        if opened is not None:
            return opened
        if choice not in self._tables:
            raise BadInput("Choose whose thoughts, or open a store.")
        return self._tables[choice]

    def _show(self, named: NamedTable) -> ComponentUpdates:
        return {
            self.banner: "",
            self.table: table_html(named),
            self.cell: first_cell_html(named),
        }


def table_html(named: NamedTable | None) -> Markup:
    """The table: a row a thought length, a column a number of thoughts; nothing without one."""
    if named is None:
        return Markup("")
    table = named.table
    most = max(cell.accuracy for cell in table.cells)
    first = first_cell(table)
    rows = [(depth, [table.cell(width, depth) for width in table.widths]) for depth in table.depths]
    return render(
        "width_depth_table.html", named=named, table=table, rows=rows, most=most or 1.0, first=first
    )


def first_cell(table: WidthDepthTable) -> WidthDepthCell:
    """The cell that is picked at first: many short thoughts, where one long one beats them."""
    return table.many_short or table.one_long


def first_cell_html(named: NamedTable | None) -> Markup:
    """What the first cell means; nothing without a table."""
    return cell_html(named.table, first_cell(named.table)) if named else Markup("")


def cell_html(table: WidthDepthTable, cell: WidthDepthCell) -> Markup:
    """What a cell means, the best that as few tokens buy, and where to try it."""
    best = table.best_within(cell.tokens)
    low, high = THINKING_BOUNDS["thinking"]
    return render(
        "width_depth_cell.html",
        cell=cell,
        best=None if best == cell else best,
        whole=table.depths[-1],
        budget=min(cell.width, MAX_BUDGET),
        thinking=min(max(cell.depth, low), high),
    )
