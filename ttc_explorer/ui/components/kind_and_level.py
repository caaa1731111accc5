"""The pair of lists that say which kind of problem, and how hard."""

from __future__ import annotations

from collections.abc import Iterable

import gradio as gr

from ttc_explorer.problems.families import FAMILIES
from ttc_explorer.ui.components.select_list import select_list


def kind_and_level(
    name: str,
    any_kind: tuple[str, str],
    levels: Iterable[tuple[str, int]],
    level: int,
    prefix: str = "",
) -> tuple[gr.HTML, gr.HTML]:
    """The two lists, to be made inside a row.

    Args:
        name: what is of that kind, for their labels, as in "Kind of example".
        any_kind: title and value of the choice of all kinds, which stands first.
        levels: titles and values of the levels.
        level: the one chosen at first.
        prefix: of their ids, ``<prefix>kind`` and ``<prefix>level``.
    """
    kinds = [any_kind, *((family.title, key) for key, family in FAMILIES.items())]
    return (
        select_list(f"Kind of {name}", kinds, any_kind[1], f"{prefix}kind"),
        select_list(f"Level of {name}", levels, level, f"{prefix}level"),
    )
