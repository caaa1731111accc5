"""One colour and one dash pattern a strategy, wherever strategies stand beside each other. Pure data.

Relatives share a hue: samples are blue, beams vermilion, broad searches green, revisions plum. They differ in
dash, and what has the same dash differs in colour for all kinds of colour blindness (a test simulates them).
All colours stand out from the page by a contrast of 3 at least, in light and dark.
"""

from __future__ import annotations

from typing import NamedTuple


class Look(NamedTuple):
    """Colours on a light and on a dark page, and the dash pattern of lines: lengths of strokes and gaps in
    line widths, empty for a solid line (the syntax of SVG's ``stroke-dasharray``)."""

    light: str
    dark: str
    dash: str


PALETTE: dict[str, Look] = {
    "greedy": Look("#5b6675", "#9aa7b8", "1 2"),
    "best_of_n": Look("#0c3fae", "#4f93ea", ""),
    "adaptive": Look("#0c3fae", "#4f93ea", "4 2"),
    "auto": Look("#1b2330", "#e9edf3", "8 2"),
    "beam": Look("#e2500d", "#f4561f", ""),
    "lookahead": Look("#e2500d", "#f4561f", "4 2"),
    "dvts": Look("#14936e", "#8df5a0", ""),
    "rebase": Look("#14936e", "#8df5a0", "4 2"),
    "particles": Look("#8a6d00", "#e3c34d", "1 2"),
    "mcts": Look("#6d3fc0", "#b79bf5", "5 2 1 2"),
    "revise": Look("#74125f", "#fa83b1", ""),
    "hybrid": Look("#74125f", "#fa83b1", "4 2"),
}

RULES: dict[str, Look] = {
    "coverage": Look("#1b2330", "#e9edf3", "8 2"),
    "weighted": PALETTE["best_of_n"],
    "best": PALETTE["lookahead"],
    "majority": Look("#14936e", "#8df5a0", "5 2 1 2"),
}
"""Rules by which an answer is chosen, where these stand beside each other."""

OTHER = Look("#5b6675", "#9aa7b8", "5 2 1 2 1 2")
"""A strategy that has no look of its own yet."""


def look(name: str) -> Look:
    """How a strategy, or a rule, is drawn."""
    return PALETTE.get(name) or RULES.get(name, OTHER)
