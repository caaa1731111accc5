"""The choice of strategies to compare: chips, up to six pressed; one that cannot run says why on
hover."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import gradio as gr

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.ui.components.messages import swatch
from ttc_explorer.ui.components.strategy_comparison import (
    MAX_COMPARED,
    ComparedStrategy,
    compared_strategies,
)
from ttc_explorer.ui.math_typesetting import escape_html


def strategy_chips(
    value: str,
    options: Iterable[ComparedStrategy],
    label: str,
    max_pressed: int = MAX_COMPARED,
    **kwargs: Any,
) -> gr.HTML:
    """The component: its value is as ``chips_value`` writes it, and it fires ``input`` when
    somebody presses.

    At most ``max_pressed`` of ``options`` can be pressed; those of one strategy stand together.
    """
    kinds = groupby(options, key=lambda entry: entry.strategy)
    buttons = "".join(_chip(list(variants)) for _, variants in kinds)
    return gr.HTML(
        value,
        html_template='<div class="chips" role="group" '
        f'aria-label="{escape_html(label)}">{buttons}</div>',
        js_on_load=f"const most = {max_pressed};{_SCRIPT}",
        apply_default_css=False,
        **kwargs,
    )


def chips_value(keys: Sequence[str], missing: Mapping[str, str]) -> str:
    """The value: keys of the entries that are pressed, and for those that cannot run, why."""
    return json.dumps({"chosen": list(keys), "missing": dict(missing)})


def chips_update(value: str, keys: Sequence[str], missing: Mapping[str, str]) -> Any:
    """What to say to a ``value`` from the page: nothing, unless what cannot run is new there, since
    it would undo a chip that was pressed meanwhile."""
    try:
        known = json.loads(value)["missing"]
    except (ValueError, TypeError, KeyError):
        known = None
    return gr.skip() if known == dict(missing) else chips_value(keys, missing)


def pressed_keys(value: str) -> list[str]:
    """The keys of those that are pressed. Raises BadInput."""
    try:
        return [str(key) for key in json.loads(value)["chosen"]]
    except (ValueError, TypeError, KeyError):
        raise BadInput("The choice of strategies could not be read: choose again.") from None


def pressed_strategies(value: str) -> list[ComparedStrategy]:
    """The entries that are pressed, for a comparison. Raises BadInput."""
    return compared_strategies(pressed_keys(value))


def _chip(variants: Sequence[ComparedStrategy]) -> str:
    """One button, or a title and a button a variant."""
    first = variants[0]
    title = f"{swatch(first.strategy)}{escape_html(first.title)}"
    if len(variants) == 1:
        return _button(first, f"{title} <span>{escape_html(first.detail)}</span>")
    buttons = "".join(_button(entry, escape_html(entry.detail)) for entry in variants)
    return f'<div class="variants"><span>{title}</span>{buttons}</div>'


def _button(entry: ComparedStrategy, shown: str) -> str:
    return (
        f'<button type="button" value="{escape_html(entry.key)}" '
        f'aria-label="{escape_html(entry.name)}" '
        f'aria-pressed="false" data-about="{escape_html(entry.sentence)}">{shown}</button>'
    )


_SCRIPT = """
const buttons = [...element.querySelectorAll(".chips button")];
const show = () => {
  const {chosen, missing} = JSON.parse(props.value);
  for (const button of buttons) {
    const pressed = chosen.includes(button.value);
    const full = !pressed && chosen.length >= most ? `${most} at most: take another out first.` : "";
    const reason = missing[button.value] ?? full;
    button.setAttribute("aria-pressed", pressed);
    button.setAttribute("aria-disabled", Boolean(reason) && !pressed);
    button.dataset.tip = reason || button.dataset.about;
  }
};
for (const button of buttons) button.addEventListener("click", () => {
  if (button.getAttribute("aria-disabled") === "true") return;
  const value = JSON.parse(props.value), at = value.chosen.indexOf(button.value);
  if (at < 0) value.chosen.push(button.value); else value.chosen.splice(at, 1);
  props.value = JSON.stringify(value);
  show();
  trigger("input");
});
watch("value", show);
show();
"""
