"""One colour and one dash pattern a strategy, wherever strategies stand beside each other; the same
for selectors, and for series that are neither.

Relatives share a hue: samples are blue, beams vermilion, broad searches green, revisions plum. They
differ in dash, and what has the same dash differs in colour for all kinds of colour blindness (a
test simulates them). All colours stand out from the page by a contrast of 3 at least, in light and
dark. Whoever registers from outside the package gets a look of their own, from what is left.
"""

from __future__ import annotations

from typing import NamedTuple

from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.strategy import STRATEGIES


class ColourStyle(NamedTuple):
    """Colours on a light and on a dark page, and the dash pattern of lines: lengths of strokes and
    gaps in line widths, empty for a solid line (the syntax of SVG's ``stroke-dasharray``)."""

    light: str
    dark: str
    dash: str


HUES: dict[str, tuple[str, str]] = {
    "blue": ("#0c3fae", "#4f93ea"),
    "vermilion": ("#e2500d", "#f4561f"),
    "green": ("#14936e", "#8df5a0"),
    "plum": ("#74125f", "#fa83b1"),
    "ochre": ("#8a6d00", "#e3c34d"),
    "violet": ("#6d3fc0", "#b79bf5"),
    "grey": ("#5b6675", "#9aa7b8"),
    "ink": ("#1b2330", "#e9edf3"),
}
"""Name -> colour on a light and on a dark page."""

SOLID, DASHED, DOTTED, DASH_DOTTED, LONG_DASHED = "", "4 2", "1 2", "5 2 1 2", "8 2"

STRATEGY_STYLES: dict[str, ColourStyle] = {
    "greedy": ColourStyle(*HUES["grey"], DOTTED),
    "best_of_n": ColourStyle(*HUES["blue"], SOLID),
    "adaptive": ColourStyle(*HUES["blue"], DASHED),
    "auto": ColourStyle(*HUES["ink"], LONG_DASHED),
    "beam": ColourStyle(*HUES["vermilion"], SOLID),
    "lookahead": ColourStyle(*HUES["vermilion"], DASHED),
    "dvts": ColourStyle(*HUES["green"], SOLID),
    "rebase": ColourStyle(*HUES["green"], DASHED),
    "particles": ColourStyle(*HUES["ochre"], DOTTED),
    "mcts": ColourStyle(*HUES["violet"], DASH_DOTTED),
    "revise": ColourStyle(*HUES["plum"], SOLID),
    "hybrid": ColourStyle(*HUES["plum"], DASHED),
    "budget_forcing": ColourStyle(*HUES["ochre"], LONG_DASHED),
}

SELECTOR_STYLES: dict[str, ColourStyle] = {
    "coverage": ColourStyle(*HUES["ink"], LONG_DASHED),
    "majority": ColourStyle(*HUES["green"], DASH_DOTTED),
    "best": ColourStyle(*HUES["vermilion"], DASHED),
    "weighted": ColourStyle(*HUES["blue"], SOLID),
    "random": ColourStyle(*HUES["grey"], DOTTED),
    "confidence": ColourStyle(*HUES["plum"], SOLID),
}
"""Rules by which an answer is chosen, and coverage, where these stand beside each other."""

SERIES_STYLES: dict[str, ColourStyle] = {
    "series-blue": ColourStyle(*HUES["blue"], SOLID),
    "series-vermilion": ColourStyle(*HUES["vermilion"], SOLID),
    "series-green": ColourStyle(*HUES["green"], SOLID),
    "series-plum": ColourStyle(*HUES["plum"], SOLID),
    "series-ochre": ColourStyle(*HUES["ochre"], DOTTED),
    "series-ink": ColourStyle(*HUES["ink"], LONG_DASHED),
    "series-grey": ColourStyle(*HUES["grey"], DOTTED),
    "series-vermilion-dashed": ColourStyle(*HUES["vermilion"], DASHED),
    "series-green-dashed": ColourStyle(*HUES["green"], DASH_DOTTED),
}
"""What is no strategy and no selector: sizes of models, aggregates, learners. No registered name
can be one of these."""

DEFAULT_STYLE = ColourStyle(*HUES["grey"], "5 2 1 2 1 2")
"""What nobody has registered here: a strategy in somebody else's trace."""

EXTRA_DASHES = ("2 1", "6 1", "3 1 1 1", "10 3", "1 1", "6 2 2 2")
"""Dash patterns that no built-in strategy or selector has."""


def extra_style(number: int) -> ColourStyle:
    """The look of what has none of its own: the first six differ in dash and colour, all later ones
    in one of the two."""
    hues = list(HUES.values())[: len(EXTRA_DASHES)]
    turn = number // len(EXTRA_DASHES)
    return ColourStyle(*hues[(number + turn) % len(hues)], EXTRA_DASHES[number % len(EXTRA_DASHES)])


def registered_styles() -> dict[str, ColourStyle]:
    """Name -> colour style of all strategies, selectors and series."""
    known = {**SERIES_STYLES, **SELECTOR_STYLES, **STRATEGY_STYLES}
    extra = [name for name in (*STRATEGIES, *SELECTORS) if name not in known]
    return known | {name: extra_style(number) for number, name in enumerate(extra)}


def colour_style(name: str) -> ColourStyle:
    """How a strategy, a selector or a series is drawn."""
    return registered_styles().get(name, DEFAULT_STYLE)
