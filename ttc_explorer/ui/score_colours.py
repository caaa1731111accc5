"""The colour of a score, as everywhere on the pages (``run_viewer/node.js`` has the same scale)."""

from __future__ import annotations

from itertools import pairwise

COLOUR_STOPS = (
    (0.0, (179, 67, 0)),
    (0.25, (240, 140, 50)),
    (0.5, (205, 205, 200)),
    (0.75, (90, 160, 220)),
    (1.0, (11, 76, 163)),
)
"""Score -> red, green, blue: from orange over grey to blue, safe for colour-blind eyes."""


def score_colour(score: float) -> str:
    """The colour of a score in [0, 1]."""
    return f"rgb({','.join(map(str, _interpolate_rgb(score)))})"


def contrasting_text_colour(score: float) -> str:
    """Black or white, whichever stands out more on the shade (relative luminance of WCAG 2)."""
    shares = (part / 255 for part in _interpolate_rgb(score))
    linear = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    light = sum(
        weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
    )
    return "#000" if light > 0.179 else "#fff"


def _interpolate_rgb(score: float) -> tuple[int, ...]:
    low, high = next(stops for stops in pairwise(COLOUR_STOPS) if score <= stops[1][0])
    share = (score - low[0]) / (high[0] - low[0])
    return tuple(round(a + (b - a) * share) for a, b in zip(low[1], high[1], strict=True))
