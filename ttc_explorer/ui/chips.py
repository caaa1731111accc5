"""The choice of strategies to compare: chips, up to six pressed; one that cannot run says why on hover."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import gradio as gr

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.ui.board import swatch
from ttc_explorer.ui.comparison import ENTRIES, MOST, Entry, entries
from ttc_explorer.ui.typeset import escaped


def chips(
    value: str,
    offered: Iterable[Entry] = tuple(ENTRIES.values()),
    label: str = "Strategies to compare",
    most: int = MOST,
    **kwargs: Any,
) -> gr.HTML:
    """The component: its value is as ``value_of`` writes it, and it fires ``input`` when somebody presses.

    At most ``most`` of ``offered`` can be pressed; those of one strategy stand together.
    """
    kinds = groupby(offered, key=lambda entry: entry.strategy)
    buttons = "".join(_chip(list(variants)) for _, variants in kinds)
    return gr.HTML(
        value,
        html_template=f'<div class="chips" role="group" aria-label="{escaped(label)}">{buttons}</div>',
        js_on_load=f"const most = {most};{_SCRIPT}",
        apply_default_css=False,
        **kwargs,
    )


def value_of(keys: Sequence[str], missing: Mapping[str, str]) -> str:
    """The value: keys of the entries that are pressed, and for those that cannot run, why."""
    return json.dumps({"chosen": list(keys), "missing": dict(missing)})


def answered(value: str, keys: Sequence[str], missing: Mapping[str, str]) -> Any:
    """What to say to a ``value`` from the page: nothing, unless what cannot run is news there, since it would
    undo a chip that was pressed meanwhile."""
    try:
        known = json.loads(value)["missing"]
    except (ValueError, TypeError, KeyError):
        known = None
    return gr.skip() if known == dict(missing) else value_of(keys, missing)


def pressed_in(value: str) -> list[str]:
    """The keys of those that are pressed. Raises BadInput."""
    try:
        return [str(key) for key in json.loads(value)["chosen"]]
    except (ValueError, TypeError, KeyError):
        raise BadInput("The choice of strategies could not be read: choose again.") from None


def chosen_in(value: str) -> list[Entry]:
    """The entries that are pressed, for a comparison. Raises BadInput."""
    return entries(pressed_in(value))


def _chip(variants: Sequence[Entry]) -> str:
    """One button, or a title and a button a variant."""
    first = variants[0]
    title = f"{swatch(first.strategy)}{escaped(first.title)}"
    if len(variants) == 1:
        return _button(first, f"{title} <span>{escaped(first.detail)}</span>")
    buttons = "".join(_button(entry, escaped(entry.detail)) for entry in variants)
    return f'<div class="variants"><span>{title}</span>{buttons}</div>'


def _button(entry: Entry, shown: str) -> str:
    return (
        f'<button type="button" value="{escaped(entry.key)}" aria-label="{escaped(entry.name)}" '
        f'aria-pressed="false" data-about="{escaped(entry.sentence)}">{shown}</button>'
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
