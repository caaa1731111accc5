"""Where a problem is typed, or made: the field, its examples, and the right answer if it is
known."""

from __future__ import annotations

from random import Random
from typing import Any

import gradio as gr

from ttc_explorer.problems.families import FAMILIES, LEVELS, draw_problem
from ttc_explorer.problems.problem import Problem, typed_problem
from ttc_explorer.problems.typed_question import (
    read_question,
    require_mathematics,
    with_known_answer,
)
from ttc_explorer.ui.address.address_state import AddressState
from ttc_explorer.ui.components.component_scripts import component_script
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates
from ttc_explorer.ui.components.kind_and_level import kind_and_level
from ttc_explorer.ui.components.question_note import QuestionNote

EXAMPLE_LEVEL = 3
ANNOUNCE_QUESTION = component_script("announce_question.js")
"""Tells the pictures of runs that another question stands in the field (viewer_component.js)."""


class ProblemInput:
    """The controls, to be made where they stand: these at once, the right answer by
    ``build_answer``.

    Args:
        text: the problem that stands there at first.
        prefix: of the ids on the page.
        message: id of the place for a sentence about what was typed.
        with_lists: whether the kind and the level of examples can be chosen.
    """

    def __init__(self, text: str, prefix: str, message: str, with_lists: bool) -> None:
        self._prefix = prefix
        with gr.Column(elem_id=f"{prefix}ask", min_width=0):
            with gr.Row(elem_id=f"{prefix}write", elem_classes="write"):
                self.undo = gr.Button(
                    "Undo", min_width=0, elem_id=f"{prefix}undo", size="md", visible=False
                )
                self.example_button = gr.Button(
                    "Surprise me", min_width=0, elem_id=f"{prefix}surprise", size="md"
                )
            self.text = gr.Textbox(
                text,
                label="Problem",
                placeholder="Type a problem, or let the examples make one.",
                lines=1,
                max_lines=5,
                elem_id=f"{prefix}problem",
            )
            self.lists: list[gr.HTML] = []
            if with_lists:
                levels = [(f"Level {level}", level) for level in LEVELS]
                with gr.Row(elem_id=f"{prefix}examples"):
                    self.lists += kind_and_level(
                        "example", ("Any kind", "any"), levels, EXAMPLE_LEVEL, prefix
                    )
            self.note = QuestionNote(message)

    def build_answer(self) -> None:
        """The field for the right answer."""
        self.answer = gr.Textbox(
            label="Right answer, if you know it",
            info="Marks answers as right or wrong. The models never see it.",
            elem_id=f"{self._prefix}answer",
        )

    def connect(self, banner: gr.HTML) -> None:
        """Let the examples write problems, which ``undo`` takes back; that empties the note and the
        ``banner``."""
        quick: dict[str, Any] = {
            "queue": False,
            "show_progress": "hidden",
            "trigger_mode": "multiple",
            "api_visibility": "private",
        }
        replaced = gr.State("")
        outputs = [
            self.text, self.answer, *self.note.outputs, banner, replaced, self.undo
        ]  # fmt: skip

        def write(before: str, text: str) -> ComponentUpdates:
            return {
                self.text: text,
                self.answer: "",
                banner: "",
                replaced: before,
                self.undo: gr.update(visible=bool(before.strip())),
            } | self.note.empty()

        gr.on(
            [self.example_button.click, *(each.input for each in self.lists)],
            lambda before, *choice: write(before, example_problem(*choice)),
            [self.text, *self.lists],
            outputs,
            **quick,
        )
        self.note.nearest.click(
            lambda before: write(before, read_question(before).nearest),
            self.text,
            outputs,
            **quick,
        )
        self.undo.click(write, [self.text, replaced], outputs, **quick)
        self.text.change(None, None, None, js=ANNOUNCE_QUESTION, api_visibility="private")

    def set_to_state(self, state: AddressState, shipped: bool) -> ComponentUpdates:
        """The question of an address, and its right answer; without one the question that stands
        here stays.

        Args:
            state: what the address says.
            shipped: as of ``read``.
        """
        answer = {self.answer: state.get("a", "")}
        if "q" not in state:
            return answer
        text = str(state["q"])
        return answer | {self.text: text, **self.note.updates(text, shipped)}

    def read(self, values: ComponentUpdates, shipped: bool) -> Problem:
        """The problem that stands there, with its right answer if somebody or exact arithmetic
        knows it.

        Args:
            values: component -> its value.
            shipped: whether the shipped models will answer, which can do nothing but mathematics.

        Raises:
            BadInput: it is empty or too long, or nothing that they could compute.
        """
        problem = typed_problem(values[self.text], values[self.answer])
        if shipped:
            require_mathematics(problem.text)
        return with_known_answer(problem)


def example_problem(kind: str = "any", level: int = EXAMPLE_LEVEL) -> str:
    """A fresh problem that the models were not trained on, of the wanted kind and level."""
    rng = Random()
    family = rng.choice(list(FAMILIES)) if kind == "any" else kind
    return draw_problem(family, level, rng).text
