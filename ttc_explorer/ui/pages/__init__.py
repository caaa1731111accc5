"""The pages, one a file, and the application that they make together."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from ttc_explorer.search.run import Run
from ttc_explorer.serving.model_manager import ModelManager, ModelSelection
from ttc_explorer.ui.pages import (
    compare_page,
    curves_page,
    exchange_page,
    explore_page,
    findings_page,
    models_page,
    policy_page,
    verifier_page,
)

HEADER = (Path(__file__).parent / "header.html").read_text("utf-8")

PAGES = {
    "Explore": explore_page.build,
    "Compare": compare_page.build,
    "Curves": curves_page.build,
    "Policy": policy_page.build,
    "Exchange": exchange_page.build,
    "Verifier": verifier_page.build,
    "Findings": findings_page.build,
    "Models": models_page.build,
}
"""Title in the navigation -> what builds the page, given the models, a recorded run to open with,
and which models a visitor chose."""


def build_app(model_manager: ModelManager, initial_run: Run | None = None) -> gr.Blocks:
    """The application, to be launched with ``theme.launch_options()``. ``initial_run`` is the run
    it opens with."""
    with gr.Blocks(title="TTC Explorer", fill_width=True, analytics_enabled=False) as app:
        gr.HTML(HEADER, elem_id="header", js_on_load=None, apply_default_css=False)
        selection = gr.State(ModelSelection(), delete_callback=model_manager.drain_and_close)
        with gr.Tabs(elem_id="pages"):
            for title, build in PAGES.items():
                with gr.Tab(title, id=title.lower()) as tab:
                    page = build(model_manager, initial_run, selection)
                if hasattr(
                    page, "refresh"
                ):  # what depends on the models, which may have been exchanged
                    page.refresh(tab.select)
        app.load(model_manager.start_loading, None, None, queue=False, api_visibility="private")
    return app.queue(max_size=model_manager.limits.queue, default_concurrency_limit=None)
