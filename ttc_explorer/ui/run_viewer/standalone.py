"""A run as one HTML page that needs nothing else: no server, no network.

The page has the viewer's scripts and styles and the run's stream in it, so that a file opened from
disk, or the output of a notebook's cell, shows what the Explore page shows.
"""

from __future__ import annotations

import html
import json
import uuid
from string import Template

from ttc_explorer.search.run import Run
from ttc_explorer.ui.run_viewer.stream import RunStream
from ttc_explorer.ui.run_viewer.viewer_options import (
    FOLDER,
    RUN_PARTS,
    viewer_options,
    viewer_script,
)

_STYLES = ("standalone.css", "../shared_controls.css", "style.css")


def standalone_html(run: Run) -> str:
    """The run as a page: tree, votes, cards and inspector, light or dark as the reader's system is.

    Args:
        run: the run, ended or not; it is shown as it stands now.

    Returns:
        A whole HTML document. All texts of the run are in it as JSON only.
    """
    page = Template((FOLDER / "standalone.html").read_text("utf-8"))
    return page.substitute(
        styles="\n".join((FOLDER / name).read_text("utf-8") for name in _STYLES),
        tips=(FOLDER.parent / "tips.js").read_text("utf-8"),
        script=viewer_script(),
        options=_script_json(viewer_options() | {"parts": list(RUN_PARTS)}),
        stream=_script_json(RunStream(uuid.uuid4().hex[:12], run).update()),
    )


def notebook_html(run: Run, height: int = 860) -> str:
    """The page in a frame of its own, for the output of a notebook's cell.

    Args:
        run: the run.
        height: of the frame, in pixels.

    Returns:
        An ``iframe`` element that holds the page as ``srcdoc``; its scripts reach nothing of the
        notebook.
    """
    document = html.escape(standalone_html(run))
    frame = Template((FOLDER / "notebook_frame.html").read_text("utf-8"))
    return frame.substitute(document=document, height=height).strip()


def _script_json(data: object) -> str:
    """JSON that stands inside a script element: nothing in it ends the element."""
    return json.dumps(data).replace("<", "\\u003c")
