"""A small form that asks which columns of a file stand for those of a pool."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from ttc_explorer.ui.components.basic_inputs import control_heading
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates

USUAL_NAMES = {
    "question": ("question", "prompt", "problem", "input", "query", "id"),
    "answer": ("answer", "completion", "response", "output", "prediction", "pred", "solution"),
    "correct": ("correct", "is_correct", "right", "label", "passed"),
    "reference": ("reference", "gold", "target", "ground_truth", "expected"),
    "score": ("score", "reward", "rm_score", "prm_score", "logprob"),
}
"""A pool's columns, and what others call them: what the form proposes."""
NONE = ""


class ColumnMapping:
    """The form, hidden until ``ask``.

    Args:
        name: of its place on the page; the lists are ``#<name>-question`` and so on.
    """

    def __init__(self, name: str) -> None:
        with gr.Column(visible=False, min_width=0, elem_id=name) as self.form:
            control_heading("Which column is which?")
            self.lists = {
                column: gr.Dropdown(
                    [], label=column, min_width=0, filterable=False, elem_id=f"{name}-{column}"
                )
                for column in USUAL_NAMES
            }
            self.button = gr.Button("Draw", min_width=0, elem_id=f"{name}-draw", size="md")

    @property
    def components(self) -> list[gr.components.Component]:
        """All of its parts that ``ask`` and ``hide`` change."""
        return [self.form, *self.lists.values()]

    def ask(self, found: Sequence[str]) -> ComponentUpdates:
        """Show the form for a file with these columns, with a guess at each."""
        choices = [("none", NONE), *((name[:60], name) for name in found)]
        spelled = {name.strip().casefold(): name for name in reversed(found)}
        guesses = {
            column: next((spelled[name] for name in names if name in spelled), NONE)
            for column, names in USUAL_NAMES.items()
        }
        return {self.form: gr.update(visible=True)} | {
            each: gr.update(choices=choices, value=guesses[column])
            for column, each in self.lists.items()
        }

    def hide(self) -> ComponentUpdates:
        """Take the form away."""
        return {self.form: gr.update(visible=False)}


def chosen_columns(values: Sequence[str | None]) -> dict[str, str]:
    """The columns that were chosen, from the values of the lists in their order."""
    return {column: value for column, value in zip(USUAL_NAMES, values, strict=True) if value}
