"""The panel of a lesson as a component: it stands beside every page, and runs in the browser."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.ui.components.basic_inputs import hidden_value
from ttc_explorer.ui.glossary import TERMS
from ttc_explorer.ui.lessons.lesson_figures import NotMeasured, compute_figure, figure_names
from ttc_explorer.ui.lessons.lesson_format import PLACES, all_lessons
from ttc_explorer.ui.results_store import ResultsStore, shipped_results
from ttc_explorer.ui.script_files import module_head

FOLDER = Path(__file__).parent


def lesson_panel() -> gr.HTML:
    """The panel. What the tables say is worked out when somebody opens the first lesson."""
    options = {
        "lessons": [
            {"name": lesson.name, **lesson.content.model_dump(include={"title", "steps"})}
            for lesson in all_lessons().entries
        ],
        "strategies": {entry.title: name for name, entry in STRATEGIES.items()},
        "places": PLACES,
        "terms": dict(TERMS),
    }
    panel = hidden_value(
        "lesson-place",
        script=(FOLDER / "lesson_panel.js").read_text("utf-8"),
        head=module_head("lessons", "ttcLessons", FOLDER / "panel.js", ("mountLessons",), options),
        figures="",
    )
    at_once: dict[str, Any] = {
        "queue": False, "show_progress": "hidden", "api_visibility": "private"
    }  # fmt: skip
    panel.figures(lambda: gr.update(figures=json.dumps(lesson_figures())), None, panel, **at_once)
    return panel


@cache
def lesson_figures() -> dict[str, str | None]:
    """What stands between double braces in the lessons -> the figure; None for what the tables
    lack, or nobody knows. Takes seconds the first time."""
    texts = (step.tables for lesson in all_lessons().entries for step in lesson.content.steps)
    names = sorted({name for text in texts for name in figure_names(text)})
    return {name: figure_or_none(name, shipped_results()) for name in names}


def figure_or_none(name: str, store: ResultsStore) -> str | None:
    """A figure; None where there is none."""
    try:
        return compute_figure(name, store)
    except (BadInput, NotMeasured):
        return None
