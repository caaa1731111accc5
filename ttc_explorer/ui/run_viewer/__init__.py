"""The live search tree: a Gradio component that draws a run as it grows.

Feed it the strings of a ``stream.TreeStream``; a click or a key on a node fires ``pick`` with the
run's id and the node's. Its height is the CSS variable ``--tree-height``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from ttc_explorer.ui.run_viewer.tree_stream import TreeStream

__all__ = ["TreeStream", "tree_view"]

_FOLDER = Path(__file__).parent
_SCRIPTS = ("layout.js", "node.js", "tree.js", "interaction.js")


def _read_asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def tree_view(**kwargs: Any) -> gr.HTML:
    """The component; ``kwargs`` go to ``gr.HTML`` (``elem_id``, ``visible``, a first ``value`` …).

    ``tree.pick(fn, …)`` receives ``event: gr.EventData`` with ``event.run`` and ``event.id``.
    Listen with ``queue=False, show_progress="hidden", trigger_mode="multiple"``: picks may follow
    each other quickly.
    """
    # The style is part of the template because Gradio writes a css_template anew at every change of
    # the value, and the browser would style the whole tree again ten times a second.
    return gr.HTML(
        **{"value": "", **kwargs},
        html_template=f"<style>{_read_asset('style.css')}</style>{_read_asset('template.html')}",
        js_on_load="".join(map(_read_asset, _SCRIPTS)),
        apply_default_css=False,
    )
