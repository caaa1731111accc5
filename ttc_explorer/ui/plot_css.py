"""The colours of figures in dark. Plotly writes colours into the picture; these styles, which stand
above what is written there, swap those of each colour style for its dark ones."""

from __future__ import annotations

from ttc_explorer.ui.strategy_colours import DEFAULT_STYLE, SELECTOR_STYLES, STRATEGY_STYLES

COLOUR_STYLES = {**STRATEGY_STYLES, **SELECTOR_STYLES, "other": DEFAULT_STYLE}
"""Name -> colour style; what a trace may stand for: a strategy, or a rule that chooses an
answer."""


def trace_uid(name: str, part: str) -> str:
    """The uid of a trace in a colour style, which Plotly makes a class of; ``part`` tells traces of
    a figure apart.

    >>> trace_uid("beam", "line 0")
    'beam~line-0'
    """
    return f"{name if name in COLOUR_STYLES else 'other'}~{part.replace(' ', '-')}"


def dark_theme_css() -> str:
    """CSS: the dark colours of all traces."""
    rules = []
    for name, style in COLOUR_STYLES.items():
        trace = f'.dark .js-plotly-plot [class*="trace{name}~"]'
        rules.append(f"{trace} .js-line {{ stroke: {style.dark} !important; }}")
        rules.append(f"{trace} :is(.js-fill, .point) {{ fill: {style.dark} !important; }}")
    return "\n".join(rules)
