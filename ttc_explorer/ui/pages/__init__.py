"""The pages, one a file, and the application that they make together."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from ttc_explorer.search.run import Run
from ttc_explorer.ui.engine import Choice, Engine
from ttc_explorer.ui.pages import compare, curves, exchange, explore, findings, models, policy, verifier

HEADER = (Path(__file__).parent / "header.html").read_text("utf-8")

PAGES = {
    "Explore": explore.build,
    "Compare": compare.build,
    "Curves": curves.build,
    "Policy": policy.build,
    "Exchange": exchange.build,
    "Verifier": verifier.build,
    "Findings": findings.build,
    "Models": models.build,
}
"""Title in the navigation -> what builds the page, given the models, a recorded run to open with, and which
models a visitor chose."""


def build_app(engine: Engine, opening: Run | None = None) -> gr.Blocks:
    """The application, to be launched with ``theme.looks()``. ``opening`` is the run it opens with."""
    with gr.Blocks(title="TTC Explorer", fill_width=True, analytics_enabled=False) as app:
        gr.HTML(HEADER, elem_id="header", js_on_load=None, apply_default_css=False)
        choice = gr.State(Choice(), delete_callback=engine.leave)
        with gr.Tabs(elem_id="pages"):
            for title, build in PAGES.items():
                with gr.Tab(title, id=title.lower()) as tab:
                    page = build(engine, opening, choice)
                if hasattr(page, "refresh"):  # what depends on the models, which may have been exchanged
                    page.refresh(tab.select)
        app.load(engine.begin, None, None, queue=False, api_visibility="private")
    return app.queue(max_size=engine.rules.queue, default_concurrency_limit=None)
