"""The colours of figures in dark. Plotly writes colours into the picture; these styles, which stand above
what is written there, swap those of each tone for its dark ones."""

from __future__ import annotations

from ttc_explorer.ui.palette import OTHER, PALETTE, RULES

TONES = {**PALETTE, **RULES, "other": OTHER}
"""What a trace may stand for: a strategy, or a rule that chooses an answer."""


def tagged(name: str, part: str) -> str:
    """The uid of a trace in a tone, which Plotly makes a class of; ``part`` tells traces of a figure apart.

    >>> tagged("beam", "line 0")
    'beam~line-0'
    """
    return f"{name if name in TONES else 'other'}~{part.replace(' ', '-')}"


def styles() -> str:
    """CSS: the dark colours of all traces."""
    rules = []
    for name, tone in TONES.items():
        trace = f'.dark .js-plotly-plot [class*="trace{name}~"]'
        rules.append(f"{trace} .js-line {{ stroke: {tone.dark} !important; }}")
        rules.append(f"{trace} :is(.js-fill, .point) {{ fill: {tone.dark} !important; }}")
    return "\n".join(rules)
