"""The pair of lists that say which kind of problem, and how hard."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gradio as gr

from ttc_explorer.problems.families import FAMILIES


def kind_and_level(
    name: str,
    any_kind: tuple[str, str],
    levels: Iterable[tuple[str, int]],
    level: int,
    prefix: str = "",
) -> tuple[gr.Dropdown, gr.Dropdown]:
    """The two lists, to be made inside a row.

    Args:
        name: what is of that kind, for their labels, as in "Kind of example".
        any_kind: title and value of the choice of all kinds, which stands first.
        levels: titles and values of the levels.
        level: the one chosen at first.
        prefix: of their ids, ``<prefix>kind`` and ``<prefix>level``.
    """
    kinds = [any_kind, *((family.title, key) for key, family in FAMILIES.items())]
    small: dict[str, Any] = {
        "show_label": False, "container": False, "min_width": 0, "filterable": False
    }  # fmt: skip
    return (
        gr.Dropdown(
            kinds, value=any_kind[1], label=f"Kind of {name}", elem_id=f"{prefix}kind", **small
        ),
        gr.Dropdown(
            list(levels), value=level, label=f"Level of {name}", elem_id=f"{prefix}level", **small
        ),
    )
