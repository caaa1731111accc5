"""The languages of the page: English as it is written, and tables of translations of it.

A table is ``assets/texts/LANGUAGE.json``: English text -> its translation. The page marks it as
one; what a table lacks stays English. The browser puts them in place (``language_switch.js``).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import gradio as gr
from pydantic import Field

from ttc_explorer.asset_files import TEXTS_FOLDER
from ttc_explorer.checked_json import Record, parse_json
from ttc_explorer.ui.components.basic_inputs import hidden_value
from ttc_explorer.ui.lessons.lesson_format import Lesson

ENGLISH = "en"


class LanguageTable(Record):
    """A table of translations.

    Attributes:
        title: the language, in itself.
        note: that this is a translation, in that language.
        texts: English text -> translation.
    """

    title: Annotated[str, Field(min_length=1, max_length=40)]
    note: Annotated[str, Field(min_length=1, max_length=120)]
    texts: Annotated[dict[str, str], Field(max_length=5000)]


@cache
def language_tables(folder: Path = TEXTS_FOLDER) -> dict[str, LanguageTable]:
    """Language -> its table, in the order of their names."""
    return {
        path.stem: LanguageTable.model_validate(parse_json(path.read_bytes()))
        for path in sorted(folder.glob("*.json"))
    }


def lesson_texts(lesson: Lesson) -> list[str]:
    """The texts of a lesson that a learner sees, in English."""
    texts = [lesson.content.title, lesson.content.aim]
    for step in lesson.content.steps:
        texts += [step.title, *step.text, *(outcome.text for outcome in step.happened)]
        if step.predict is not None:
            texts += [step.predict.question, *(choice.text for choice in step.predict.choices)]
        if step.tables:
            texts.append(step.tables)
    return texts


def language_switch() -> gr.HTML:
    """The component that brings a table to the browser when somebody chooses a language."""
    script = (Path(__file__).parent / "language_switch.js").read_text("utf-8")
    switch = hidden_value("language-place", script=script, texts="")
    at_once: dict[str, Any] = {
        "queue": False, "show_progress": "hidden", "api_visibility": "private"
    }  # fmt: skip
    switch.language(send_table, None, switch, **at_once)
    return switch


def send_table(event: gr.EventData) -> dict[str, Any]:
    """The table of the language that the browser asks for; none for one that there is not."""
    table = language_tables().get(str(getattr(event, "name", "")))
    return gr.update(texts=table.model_dump_json() if table else json.dumps({"texts": {}}))
