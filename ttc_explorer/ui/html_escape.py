"""Text as safe HTML. Whatever models, people and trace files write goes through here."""

from __future__ import annotations

import html
import re

_TEMPLATE_ESCAPES = str.maketrans(
    {"$": "&#36;", "{": "&#123;", "}": "&#125;", "`": "&#96;", "\\": "&#92;"}
)
"""Gradio reads gr.HTML values as templates: as character references these signs mean nothing to
it."""

_CONTROL_CHARACTERS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)
"""Control signs, among them those that turn the reading direction: shown as �, never obeyed."""


def escape_html(text: str) -> str:
    """``text`` as HTML that shows exactly it, inside elements and attributes.

    >>> escape_html('<b>"${1+1}"</b>')
    '&lt;b&gt;&quot;&#36;&#123;1+1&#125;&quot;&lt;/b&gt;'
    """
    return html.escape(_CONTROL_CHARACTERS.sub("�", text)).translate(_TEMPLATE_ESCAPES)
