"""A list to choose one thing from, the browser's own: it fires ``input`` only when somebody chooses
another, and closes by itself.

Gradio's list fires when the focus passes by too, and stays open.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import gradio as gr

from ttc_explorer.ui.components.component_scripts import component_script
from ttc_explorer.ui.html_templates import render


def select_list(
    label: str, choices: Iterable[tuple[str, str | int]], value: str | int, elem_id: str
) -> gr.HTML:
    """The component; its value is that of the choice.

    Args:
        label: for those who cannot see it.
        choices: title and value of each.
        value: the one chosen at first.
        elem_id: its id on the page.
    """
    options = [(title, json.dumps(each)) for title, each in choices]
    return gr.HTML(
        value,
        elem_id=elem_id,
        html_template=render("select_list.html", label=label, options=options),
        js_on_load=component_script("select_list.js"),
        apply_default_css=False,
    )
