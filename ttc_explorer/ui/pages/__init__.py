"""The pages, one a file, and the application that they make together."""

from __future__ import annotations

import gradio as gr

from ttc_explorer.search.run import Run
from ttc_explorer.serving.model_manager import ModelManager, ModelSelection
from ttc_explorer.ui.address.page_address import connect_addresses
from ttc_explorer.ui.checked_blocks import CheckedBlocks
from ttc_explorer.ui.components.basic_inputs import html_block
from ttc_explorer.ui.components.component_scripts import component_script
from ttc_explorer.ui.components.page_signals import narrow_screen
from ttc_explorer.ui.components.problem_input import ProblemInput
from ttc_explorer.ui.endpoints import publish_endpoints
from ttc_explorer.ui.glossary import TERMS
from ttc_explorer.ui.glossary_examples import EXAMPLES
from ttc_explorer.ui.html_templates import render
from ttc_explorer.ui.languages import language_switch, language_tables
from ttc_explorer.ui.lessons.lesson_panel import lesson_panel
from ttc_explorer.ui.page import AppContext, Page, PageIntro, pages_in_order
from ttc_explorer.ui.pages import (
    compare_page,
    curves_page,
    exchange_page,
    explore_page,
    findings_page,
    learn_page,
    models_page,
    policy_page,
    verifier_page,
)

__all__ = [
    "build_app",
    "compare_page",
    "curves_page",
    "exchange_page",
    "explore_page",
    "findings_page",
    "learn_page",
    "models_page",
    "policy_page",
    "verifier_page",
]

KEPT_FILES_SECONDS = (600, 3600)
"""Every so often, files that visitors sent or were given so long ago are deleted."""

CARRY_QUESTION = component_script("carry_question.js")


def build_app(model_manager: ModelManager, initial_run: Run | None = None) -> gr.Blocks:
    """The application, to be launched with ``theme.launch_options()``.

    Args:
        model_manager: loads models and runs searches with them.
        initial_run: the run that it opens with, if any.
    """
    with CheckedBlocks(
        title="TTC Explorer",
        fill_width=True,
        analytics_enabled=False,
        delete_cache=KEPT_FILES_SECONDS,
    ) as app:
        gr.HTML(page_header(), elem_id="header", js_on_load=None, apply_default_css=False)
        address_note = html_block("address-note")
        narrow_screen()  # here, where it is known whichever tab is open
        selection = gr.State(ModelSelection(), delete_callback=model_manager.drain_and_close)
        context = AppContext(model_manager, initial_run, selection)
        opened: dict[str, tuple[gr.Tab, Page]] = {}
        with gr.Tabs(elem_id="pages"):
            for entry in pages_in_order():
                with gr.Tab(entry.title, id=entry.name, elem_id=f"{entry.name}-page") as tab:
                    if entry.intro is not None:
                        page_intro(entry.intro)
                    page = entry.build(context)
                opened[entry.name] = tab, page
        # First: the browser takes what follows an opening in turn, and waits for each answer.
        carry_question(
            [(tab, page.problem) for tab, page in opened.values() if page.problem is not None]
        )
        for tab, page in opened.values():
            page.refresh(tab.select)
        connect_addresses(
            app, {name: page.address for name, (_, page) in opened.items()}, address_note
        )
        # service_status.js and language_switch.js write there.
        html_block("service-line", render("service_line.html", languages=language_tables()))
        publish_endpoints(model_manager)
        lesson_panel()
        language_switch()
        app.load(model_manager.start_loading, None, None, queue=False, api_visibility="private")
    return app


def page_header() -> str:
    """What stands above all pages, and the windows that open from there."""
    glossary = render("glossary.html", terms=TERMS, examples=EXAMPLES)
    return render("header.html") + glossary


def page_intro(intro: PageIntro) -> None:
    """The head of a page."""
    gr.HTML(
        render("page_intro.html", intro=intro),
        elem_classes="intro-place",
        js_on_load=None,
        apply_default_css=False,
    )


def carry_question(problems: list[tuple[gr.Tab, ProblemInput]]) -> None:
    """Let the question come along from page to page.

    Args:
        problems: the tabs of pages where a question is typed, and the fields. The first is open.
    """
    texts = [problem.text for _, problem in problems]
    for place, (tab, problem) in enumerate(problems):
        # In the browser: an answer of the server could come after the visitor began to type.
        carry = f"(...texts) => ({CARRY_QUESTION})({place}, texts)"
        tab.select(None, texts, problem.text, js=carry, api_visibility="private")
