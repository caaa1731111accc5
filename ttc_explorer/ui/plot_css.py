"""The colours of figures in dark. Plotly writes colours into the picture; these styles, which stand
above what is written there, swap those of each colour style for its dark ones."""

from __future__ import annotations

from ttc_explorer.ui.strategy_colours import DEFAULT_STYLE, registered_styles

OTHER = "other"
"""The tag of a trace that stands for nothing that is registered."""


def trace_uid(name: str, part: str) -> str:
    """The uid of a trace in a colour style, which Plotly makes a class of; ``part`` tells traces of
    a figure apart.

    >>> trace_uid("beam", "line 0")
    'beam~line-0'
    """
    return f"{name if name in registered_styles() else OTHER}~{part.replace(' ', '-')}"


def dark_theme_css() -> str:
    """CSS: the dark colours of all traces."""
    rules = []
    for name, style in (registered_styles() | {OTHER: DEFAULT_STYLE}).items():
        trace = f'.dark .js-plotly-plot [class*="trace{name}~"]'
        rules.append(f"{trace} .js-line {{ stroke: {style.dark} !important; }}")
        rules.append(f"{trace} :is(.js-fill, .point) {{ fill: {style.dark} !important; }}")
    return "\n".join(rules)
