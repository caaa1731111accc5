"""What pages share: small controls, and the reading of what somebody typed."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.ui.components.messages import glossary_term


def html_block(name: str, value: str = "") -> gr.HTML:
    """A place for a block of HTML."""
    return gr.HTML(value, elem_id=name, js_on_load=None, apply_default_css=False)


def hidden_value(
    name: str,
    value: object = "",
    script: str | None = None,
    head: str | None = None,
    **properties: Any,
) -> gr.HTML:
    """A value that events carry and nobody sees.

    Args:
        name: of the component.
        value: at first.
        script: runs once in the browser, where it may follow the value and bring about events.
        head: HTML whose scripts are fetched before (``script_files.py``).
        properties: further values that the script has, at first.
    """
    return gr.HTML(
        value,
        elem_id=name,
        visible="hidden",
        html_template="",
        js_on_load=script,
        head=head,
        apply_default_css=False,
        **properties,
    )


def control_heading(shown: str, name: str | None = None) -> None:
    """The title of a control, with its glossary entry if it has one."""
    title = glossary_term(shown, name) if name else shown
    gr.HTML(title, elem_classes="heading", js_on_load=None, apply_default_css=False)


def segmented_control(
    label: str, name: str, choices: list[tuple[str, Any]], value: Any, visible: bool = True
) -> gr.Radio:
    """A row of choices."""
    return gr.Radio(
        choices,
        value=value,
        label=label,
        elem_id=name,
        elem_classes="strip",
        show_label=False,
        min_width=0,
        visible=visible,
    )


def number_input(label: str, name: str, value: float) -> gr.Number:
    """A number; limits are checked with the other settings, in words."""
    return gr.Number(value, label=label, show_label=False, min_width=0, elem_id=name)


def parse_whole_number(name: str, value: object) -> int:
    """The value of a number. Raises BadInput."""
    if not isinstance(value, int | float) or not float(value).is_integer():
        raise BadInput(f"The {name} must be a whole number.")
    return int(value)
