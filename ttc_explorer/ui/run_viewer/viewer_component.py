"""The viewer as a component of the pages: one output that holds the whole picture of a run, or of a
comparison.

Feed it the strings of a ``stream.RunStream`` or a ``comparison_stream.ComparisonStream``. Another
voting rule is drawn by the browser itself; the component then fires ``rule``, whose
``gr.EventData`` has ``selector`` (and ``aggregate``), so that the server knows what is on screen;
``touch``, with ``kind``, ``node``, ``samples`` and ``text`` (``search/touch.py``), for what shall
be done by hand; and ``take``, whose ``what`` is ``trace`` or ``page``, where the visitor wants such
a file.
Listen with ``queue=False, show_progress="hidden", trigger_mode="multiple"``.

The page fetches the viewers' scripts once, as a file (``script_files.py``): they are larger than
all else that it is sent.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import gradio as gr

from ttc_explorer.ui.run_viewer.stream import Json
from ttc_explorer.ui.run_viewer.viewer_options import FOLDER, RUN_PARTS, viewer_options
from ttc_explorer.ui.script_files import module_head


def run_viewer(
    elem_id: str, parts: tuple[str, ...] = RUN_PARTS, question: str | None = None
) -> gr.HTML:
    """The picture of a run.

    Args:
        elem_id: its id on the page.
        parts: what to draw, of RUN_PARTS.
        question: selects the field of the question; while another one stands there than was
            answered, the picture is dimmed and says so.
    """
    options: dict[str, Json] = {"parts": list(parts), "question": question, "live": True}
    return _component(elem_id, "run-viewer", "mountRunViewer", options)


def comparison_viewer(
    elem_id: str, parts: tuple[str, ...] = ("lanes", "table"), question: str | None = None
) -> gr.HTML:
    """The picture of a comparison: a lane a run, and the table of their figures.

    Args:
        elem_id: its id on the page.
        parts: what to draw, of lanes and table.
        question: as of ``run_viewer``.
    """
    options: dict[str, Json] = {"parts": list(parts), "question": question}
    return _component(elem_id, "comparison", "mountComparison", options)


def _component(elem_id: str, style: str, mount: str, options: dict[str, Json]) -> gr.HTML:
    script = (FOLDER / "viewer_component.js").read_text("utf-8")
    return gr.HTML(
        "",
        elem_id=elem_id,
        html_template=(FOLDER / "viewer_component.html").read_text("utf-8").replace("STYLE", style),
        head=module_head(
            "viewers",
            "ttcViewers",
            FOLDER / "page_viewers.js",
            ("viewers",),
            viewer_options() | {"katex": katex_addresses()},
        ),
        js_on_load=f'const MOUNT = "{mount}", OWN_OPTIONS = {json.dumps(options)};\n{script}',
        apply_default_css=False,
    )


@cache
def katex_addresses() -> Json:
    """Where the page has KaTeX, as Gradio ships it; None if this version of Gradio has none."""
    assets = Path(gr.__file__).parent / "templates" / "frontend" / "assets"
    scripts, styles = sorted(assets.glob("katex-*.js")), sorted(assets.glob("katex-*.css"))
    if not scripts or not styles:
        return None
    return {"script": f"./assets/{scripts[0].name}", "style": f"./assets/{styles[0].name}"}
