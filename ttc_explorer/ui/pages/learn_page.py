"""Learn: short lessons that set the page's own controls, and what a teacher needs beside them."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ttc_explorer.ui.components.basic_inputs import html_block
from ttc_explorer.ui.components.page_signals import on_load
from ttc_explorer.ui.html_templates import render
from ttc_explorer.ui.lessons.lesson_figures import fill_figures
from ttc_explorer.ui.lessons.lesson_format import all_lessons
from ttc_explorer.ui.lessons.lesson_panel import lesson_figures
from ttc_explorer.ui.lessons.teacher_questions import TEACHER_QUESTIONS
from ttc_explorer.ui.page import AppContext, Page, PageIntro, page


@page(
    "learn",
    title="Learn",
    order=90,
    intro=PageIntro(
        "Lessons of two to five minutes, on the real thing.",
        see="Lessons that take you through the other pages, one idea each.",
        act="Start one: it sets the controls, asks what you expect, and you press Run. Alt+L leads "
        "to it from anywhere. Leave it "
        "at any moment and come back.",
        why="What you predicted and then saw stays longer than what you read.",
    ),
)
def build(app: AppContext) -> Page:
    """The list of lessons, and the teacher's guide, whose figures are worked out when the page is
    first opened."""
    lessons = all_lessons()
    html_block("lesson-list", render("lesson_list.html", lessons=lessons))
    guide = html_block("teacher-guide")
    at_once: dict[str, Any] = {
        "queue": False, "show_progress": "hidden", "api_visibility": "private"
    }  # fmt: skip
    gr.on([on_load()], teacher_guide, None, guide, **at_once)
    return Page()


def teacher_guide() -> str:
    """The teacher's guide as HTML, with the figures of the tables."""
    lessons, figures = all_lessons().entries, lesson_figures()
    return render(
        "teacher_guide.html",
        lessons=lessons,
        minutes=sum(lesson.content.minutes for lesson in lessons),
        figures={
            lesson.name: [fill_figures(step.tables, figures) for step in lesson.content.steps]
            for lesson in lessons
        },
        questions=TEACHER_QUESTIONS,
    )
