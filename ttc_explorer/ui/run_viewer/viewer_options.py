"""What the viewer's scripts need to know beside a run: the voting rules and the glossary."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import AGGREGATES
from ttc_explorer.ui.glossary import TERMS
from ttc_explorer.ui.run_viewer.module_bundler import bundle_modules
from ttc_explorer.ui.run_viewer.stream import Json

FOLDER = Path(__file__).parent
RUN_PARTS = ("cards", "remarks", "tree", "replay", "votes", "inspector")
"""All parts of a run's picture."""

_AGGREGATE_TITLES = {"prod": "Product"}


def viewer_options() -> dict[str, Json]:
    """The options that all have of ``mountRunViewer`` (viewer.js) and ``mountComparison``
    (comparison.js)."""
    return {
        "terms": dict(TERMS),
        "selectors": [
            {"name": name, "title": entry.title, "needs": entry.needs}
            for name, entry in SELECTORS.items()
        ],
        "aggregates": [
            {"name": name, "title": _AGGREGATE_TITLES.get(name, name.capitalize())}
            for name in AGGREGATES
        ],
    }


@cache
def viewer_script() -> str:
    """The scripts of the viewer in one, after which ``mountRunViewer`` can be called."""
    return bundle_modules(FOLDER / "viewer.js", ("mountRunViewer",))
