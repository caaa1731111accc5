"""The choice of a strategy: one list in groups, each with its sentence where the browser can show
it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import gradio as gr

from ttc_explorer.search.strategy import STRATEGIES, Strategy
from ttc_explorer.ui.components.component_scripts import component_script
from ttc_explorer.ui.html_templates import render

STRATEGY_GROUPS = ("Whole solutions", "Search with the verifier", "Revisions")


def strategy_group(entry: Strategy) -> str:
    """The group that a strategy stands in: revisions need a reviser, search a verifier that leads
    it."""
    return STRATEGY_GROUPS[2 if entry.needs_reviser else 1 if entry.verifier == "search" else 0]


def strategy_picker(value: str, **kwargs: Any) -> gr.HTML:
    """The component: its value is the name of a strategy, and it fires ``input`` when somebody
    chooses."""
    ordered = sorted(
        STRATEGIES.items(), key=lambda item: STRATEGY_GROUPS.index(strategy_group(item[1]))
    )  # stable within a group
    groups = [
        (title, list(strategies))
        for title, strategies in groupby(ordered, key=lambda item: strategy_group(item[1]))
    ]
    return gr.HTML(
        value,
        missing="{}",
        html_template=render("strategy_picker.html", groups=groups),
        js_on_load=component_script("strategy_picker.js"),
        apply_default_css=False,
        **kwargs,
    )


def availability_update(missing: Mapping[str, str]) -> dict[str, Any]:
    """The update that greys out the strategies that cannot run, each with the reason."""
    return gr.update(missing=json.dumps(dict(missing)))
