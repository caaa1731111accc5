"""A block of HTML in which something can be picked: by a click or a key on one of its buttons."""

from __future__ import annotations

import gradio as gr

from ttc_explorer.ui.components.component_scripts import component_script


def pickable_html(elem_id: str, value: str = "", scroll_to: str = "") -> gr.HTML:
    """The component. A press on a button marks it as pressed and fires ``pick``, whose
    ``gr.EventData`` has the button's ``data-*`` as attributes, all of them texts.

    Args:
        elem_id: its id.
        value: the HTML that it starts with.
        scroll_to: id of the element that shows what was picked; where that stands below, on
            screens up to 999 pixels wide, the page scrolls there.
    """
    return gr.HTML(
        value,
        elem_id=elem_id,
        js_on_load=component_script("pickable_html.js"),
        apply_default_css=False,
        scroll_to=scroll_to,
    )
