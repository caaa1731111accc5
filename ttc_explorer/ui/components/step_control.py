"""Where a step ends: the rules to choose from, and room for one of one's own."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ttc_explorer.search.step_rule import MEASURED, OWN, STEP_RULES

EXAMPLE_PARAMETERS = {"tokens": ("16", "64"), "pattern": ("^Step",)}
"""Rule -> what its parameter may be; a visitor may type another."""


def step_control(step: str, elem_id: str = "step") -> gr.Dropdown:
    """The control; its value is the setting ``step``, and may be typed: ``pattern:^So``, say.

    Args:
        step: the setting at first.
        elem_id: its id on the page.
    """
    return gr.Dropdown(
        step_choices_shown(step),
        value=step,
        label="A step ends at",
        show_label=False,
        allow_custom_value=True,
        filterable=True,
        min_width=0,
        elem_id=elem_id,
    )


def step_choices_shown(also: str) -> list[tuple[str, str]]:
    """Title and setting of each choice, and of the one that stands there.

    >>> step_choices_shown("pattern:^So")[-1]
    ('pattern:^So', 'pattern:^So')
    """
    choices = {MEASURED: "as measured best"}
    for name, rule in STEP_RULES.items():
        if not rule.parameter:
            choices[name] = rule.title
        for parameter in EXAMPLE_PARAMETERS.get(name, ()):
            choices[f"{name}:{parameter}"] = rule.title_of(parameter)
    if also == OWN:
        choices[OWN] = "the model's own"
    choices.setdefault(also, also)
    return [(title, value) for value, title in choices.items()]


def step_update(step: str) -> dict[str, Any]:
    """What lets the control stand at a setting."""
    return dict(gr.update(choices=step_choices_shown(step), value=step))
