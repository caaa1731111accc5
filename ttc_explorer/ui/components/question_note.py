"""What a typed question is to the models that will answer it, in a sentence where it is typed: as
what it is asked, or that they do not know its kind, with a press that brings one that they do."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ttc_explorer.problems.families import FAMILIES
from ttc_explorer.problems.problem import MAX_CHARACTERS
from ttc_explorer.problems.typed_question import QuestionReading, read_question
from ttc_explorer.ui.components.basic_inputs import html_block
from ttc_explorer.ui.components.component_scripts import component_script
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates
from ttc_explorer.ui.components.messages import banner

OPEN_MODELS = component_script("open_models.js")
"""Opens the page Models."""


class QuestionNote:
    """The sentence and its two buttons, to be made where they stand.

    Args:
        elem_id: of the sentence; the buttons' ids begin with it.
    """

    def __init__(self, elem_id: str) -> None:
        self.message = html_block(elem_id)
        with gr.Row(elem_id=f"{elem_id}-instead", elem_classes="instead", visible=False) as row:
            self.nearest = gr.Button("", min_width=0, size="md", elem_id=f"{elem_id}-nearest")
            models = gr.Button("Real models …", min_width=0, size="md", elem_id=f"{elem_id}-models")
        self.instead = row
        self.outputs: list[Any] = [self.message, self.instead, self.nearest]
        models.click(None, None, None, js=OPEN_MODELS, api_visibility="private")

    def updates(self, text: str, shipped: bool) -> ComponentUpdates:
        """What to say of the text, given whether the shipped models will answer it."""
        if not shipped or not 0 < len(text.strip()) <= MAX_CHARACTERS:
            return self.empty()
        reading = read_question(text)
        return {
            self.message: banner(note_sentence(reading), "note"),
            self.instead: gr.update(visible=reading.kind != "family"),
            self.nearest: f"Try: {reading.nearest}",
        }

    def empty(self) -> ComponentUpdates:
        """Nothing to say."""
        return {self.message: "", self.instead: gr.update(visible=False)}


def note_sentence(reading: QuestionReading) -> str:
    """What there is to know about a question before the shipped models answer it; empty where it
    is worded as they know it."""
    if reading.kind == "family":
        return f"Asked as: {reading.asked_as}" if reading.asked_as else ""
    kinds = f"{len(FAMILIES)} kinds of mathematical problems"
    if reading.kind == "other":
        return f"The built-in models solve {kinds}, and nothing else."
    known = f"The exact answer is {reading.answer}. " if reading.answer else ""
    return (
        f"{known}The built-in models learnt {kinds}, and this is none of them: what they answer "
        "means nothing, however sure it looks."
    )
