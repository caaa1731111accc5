"""What the browser tells a page by itself: that there is something to draw, and how wide the screen
is."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.context import Context

from ttc_explorer.ui.components.basic_inputs import hidden_value
from ttc_explorer.ui.components.component_scripts import component_script

_NARROW_ID = "narrow-screen"


def on_load() -> Any:
    """The event that comes when the place where this is called is first shown, a page in a tab only
    when its tab is opened, and whenever an address has set the page's controls. Use it as a trigger
    of ``gr.on``."""
    script = component_script("on_load.js")
    # The load test knows it by its class.
    return gr.HTML("", elem_classes="on-load", js_on_load=script, apply_default_css=False).input


def on_width_change() -> Any:
    """The event that comes whenever the window becomes narrow or wide (``narrow_screen``), on a
    page that has been shown: its charts are then drawn for the other width."""
    script = component_script("on_width_change.js")
    return gr.HTML("", js_on_load=script, apply_default_css=False).input


def narrow_screen() -> gr.HTML:
    """An input that tells handlers whether the window is narrow, as a phone's is: True or False.

    There is one in an application; the first call makes it. It follows the window by itself.
    """
    blocks = Context.root_block
    if blocks is None:
        raise RuntimeError("Components are made inside gr.Blocks.")
    for block in blocks.blocks.values():
        if isinstance(block, gr.HTML) and block.elem_id == _NARROW_ID:
            return block
    return hidden_value(_NARROW_ID, False, component_script("narrow_screen.js"))
