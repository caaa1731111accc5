"""The viewer of a run: one set of ES modules that draws a run from the lines of a stream, on the
pages (``viewer_component.py``), in an exported file and in a notebook (``standalone.py``).

Python makes the stream (``stream.py``, ``comparison_stream.py``) and nothing of the picture.
"""

from __future__ import annotations

from ttc_explorer.ui.run_viewer.standalone import notebook_html, standalone_html

__all__ = ["notebook_html", "standalone_html"]
