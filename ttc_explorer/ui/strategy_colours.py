"""One colour and one dash pattern a strategy, wherever strategies stand beside each other. Pure
data.

Relatives share a hue: samples are blue, beams vermilion, broad searches green, revisions plum. They
differ in dash, and what has the same dash differs in colour for all kinds of colour blindness (a
test simulates them). All colours stand out from the page by a contrast of 3 at least, in light and
dark.
"""

from __future__ import annotations

from typing import NamedTuple


class ColourStyle(NamedTuple):
    """Colours on a light and on a dark page, and the dash pattern of lines: lengths of strokes and
    gaps in line widths, empty for a solid line (the syntax of SVG's ``stroke-dasharray``)."""

    light: str
    dark: str
    dash: str


STRATEGY_STYLES: dict[str, ColourStyle] = {
    "greedy": ColourStyle("#5b6675", "#9aa7b8", "1 2"),
    "best_of_n": ColourStyle("#0c3fae", "#4f93ea", ""),
    "adaptive": ColourStyle("#0c3fae", "#4f93ea", "4 2"),
    "auto": ColourStyle("#1b2330", "#e9edf3", "8 2"),
    "beam": ColourStyle("#e2500d", "#f4561f", ""),
    "lookahead": ColourStyle("#e2500d", "#f4561f", "4 2"),
    "dvts": ColourStyle("#14936e", "#8df5a0", ""),
    "rebase": ColourStyle("#14936e", "#8df5a0", "4 2"),
    "particles": ColourStyle("#8a6d00", "#e3c34d", "1 2"),
    "mcts": ColourStyle("#6d3fc0", "#b79bf5", "5 2 1 2"),
    "revise": ColourStyle("#74125f", "#fa83b1", ""),
    "hybrid": ColourStyle("#74125f", "#fa83b1", "4 2"),
}

SELECTOR_STYLES: dict[str, ColourStyle] = {
    "coverage": ColourStyle("#1b2330", "#e9edf3", "8 2"),
    "weighted": STRATEGY_STYLES["best_of_n"],
    "best": STRATEGY_STYLES["lookahead"],
    "majority": ColourStyle("#14936e", "#8df5a0", "5 2 1 2"),
}
"""Rules by which an answer is chosen, where these stand beside each other."""

DEFAULT_STYLE = ColourStyle("#5b6675", "#9aa7b8", "5 2 1 2 1 2")
"""A strategy that has no look of its own yet."""


def colour_style(name: str) -> ColourStyle:
    """How a strategy, or a rule, is drawn."""
    return STRATEGY_STYLES.get(name) or SELECTOR_STYLES.get(name, DEFAULT_STYLE)
