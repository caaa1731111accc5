"""The runs of this browser as a component of Explore: a window that a button opens. The server
knows nothing of them."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.ui.components.basic_inputs import hidden_value
from ttc_explorer.ui.script_files import module_head

FOLDER = Path(__file__).parent
BUTTON_ID = "runs-button"

TEXTS = {
    "opener": "Your runs",
    "title": "Runs of this browser",
    "about": "The last 50, kept here alone. Open one, and it runs again from its seed. Press a "
    "name to change it; tick two to compare them.",
    "none": "Runs that have ended are listed here.",
    "close": "Close",
    "name": "Name of the run",
    "open": "Open",
    "remove": "Delete",
    "compare": "Compare",
    "usual": "as usual",
    "question": "Question",
    "strategy": "Strategy",
    "budget": "Budget N",
    "seed": "Seed",
    "settings": "Settings",
    "answer": "Answer",
    "right": "Right solutions",
    "tokens": "Tokens written",
    "judged": "Tokens judged",
    "passes": "Passes in turn",
}
"""What is on screen, in English."""


def run_history() -> gr.Button:
    """The button, and the window that it opens."""
    button = gr.Button(TEXTS["opener"], min_width=0, elem_id=BUTTON_ID, size="md")
    options = {
        "texts": TEXTS,
        "titles": {name: entry.title for name, entry in STRATEGIES.items()},
        "opener": f"#{BUTTON_ID}",
    }
    hidden_value(
        "runs-place",
        script=(FOLDER / "run_window.js").read_text("utf-8"),
        head=module_head("runs", "ttcRuns", FOLDER / "run_list.js", ("mountRunList",), options),
    )
    return button
