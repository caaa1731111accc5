"""The scripts of components made by ``gr.HTML``: files beside them."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent


def component_script(*names: str) -> str:
    """The files of these names as one script for ``js_on_load``; later ones may use what earlier
    ones define. ``element``, ``props``, ``trigger`` and ``watch`` are what Gradio gives them."""
    return "\n".join((_FOLDER / name).read_text("utf-8") for name in names)
