"""The choice of strategies to compare: chips, up to six pressed; one that cannot run says why on
hover."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Protocol

import gradio as gr

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.ui.components.component_scripts import component_script
from ttc_explorer.ui.components.strategy_comparison import (
    MAX_COMPARED,
    ComparedStrategy,
    compared_strategies,
)
from ttc_explorer.ui.html_templates import render


class ChipOption(Protocol):
    """What a chip stands for: a strategy with its settings, whoever chooses among them."""

    @property
    def strategy(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def sentence(self) -> str: ...


def strategy_chips(
    value: str,
    options: Iterable[ChipOption],
    label: str,
    max_pressed: int = MAX_COMPARED,
    **kwargs: Any,
) -> gr.HTML:
    """The component. Its value is as ``chips_value`` writes it, and it fires ``input`` when
    somebody presses a chip.

    Args:
        value: the value that it starts with.
        options: what can be pressed; those of one strategy stand together.
        label: what the chips are for.
        max_pressed: so many can be pressed at most.
        **kwargs: passed on to ``gr.HTML``.
    """
    strategies = [list(variants) for _, variants in groupby(options, key=attrgetter("strategy"))]
    return gr.HTML(
        value,
        html_template=render("strategy_chips.html", strategies=strategies, label=label),
        js_on_load=component_script("strategy_chips.js"),
        apply_default_css=False,
        max_pressed=max_pressed,
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
