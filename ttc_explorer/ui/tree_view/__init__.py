"""The live search tree: a Gradio component that draws a run as it grows.

Feed it the strings of a ``stream.TreeStream``; a click or a key on a node fires ``pick`` with the run's id
and the node's. Its height is the CSS variable ``--tree-height``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from ttc_explorer.ui.tree_view.stream import TreeStream

__all__ = ["TreeStream", "tree_view"]

_HERE = Path(__file__).parent
_SCRIPTS = ("layout.js", "marks.js", "script.js", "hands.js")


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def tree_view(**kwargs: Any) -> gr.HTML:
    """The component; ``kwargs`` go to ``gr.HTML`` (``elem_id``, ``visible``, a first ``value`` …).

    ``tree.pick(fn, …)`` receives ``event: gr.EventData`` with ``event.run`` and ``event.id``. Listen with
    ``queue=False, show_progress="hidden", trigger_mode="multiple"``: picks may follow each other quickly.
    """
    # The style is part of the template because Gradio writes a css_template anew at every change of the
    # value, and the browser would style the whole tree again ten times a second.
    return gr.HTML(
        **{"value": "", **kwargs},
        html_template=f"<style>{_read('style.css')}</style>{_read('template.html')}",
        js_on_load="".join(map(_read, _SCRIPTS)),
        apply_default_css=False,
    )
