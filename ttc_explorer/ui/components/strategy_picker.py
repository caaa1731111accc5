"""The choice of a strategy: one list in groups, each with its sentence where the browser can show
it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import gradio as gr

from ttc_explorer.search.strategy import STRATEGIES, Strategy
from ttc_explorer.ui.math_typesetting import escape_html

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
    options = "".join(
        f'<optgroup label="{title}">{"".join(_option(*item) for item in items)}</optgroup>'
        for title, items in groupby(ordered, key=lambda item: strategy_group(item[1]))
    )
    return gr.HTML(
        value,
        missing="{}",
        html_template=f'<select class="picker" aria-label="Strategy">{options}</select>',
        js_on_load=_SCRIPT,
        apply_default_css=False,
        **kwargs,
    )


def availability_update(missing: Mapping[str, str]) -> dict[str, Any]:
    """The update that greys out the strategies that cannot run, each with the reason."""
    return gr.update(missing=json.dumps(dict(missing)))


def _option(name: str, entry: Strategy) -> str:
    return (
        f'<option value="{name}" '
        f'data-about="{escape_html(entry.summary)}">{escape_html(entry.title)}</option>'
    )


_SCRIPT = """
const select = element.querySelector("select");
const show = () => {
  const missing = JSON.parse(props.missing);
  for (const option of select.options) {
    option.disabled = option.value in missing;
    option.dataset.about = missing[option.value] ?? (option.dataset.sentence ??= option.dataset.about);
  }
  select.value = props.value;
};
select.addEventListener("change", () => { props.value = select.value; trigger("input"); });
watch(["value", "missing"], show);
show();
"""
