"""Sentences for people: what went wrong, what is worth knowing, how things stand, what words
mean."""

from __future__ import annotations

from markupsafe import Markup

from ttc_explorer.ui.html_templates import render_macro


def banner(sentence: str, kind: str = "alert") -> Markup:
    """One sentence on what went wrong (``alert``) or is worth knowing (``note``); nothing for no
    sentence."""
    return render_macro("banner", sentence, kind)


def status_line(state: str, text: str, share: float | None = None) -> Markup:
    """A line of status; ``state`` tells styles and tests what it is about. With a ``share``, from 0
    to 1, a bar says how much is done."""
    return render_macro("status_line", state, text, share)


def glossary_term(shown: str, name: str | None = None) -> Markup:
    """A term that shows its definition when pointed at, tapped or focused.

    Args:
        shown: what stands on the page.
        name: its entry in ``glossary.TERMS``, where that is called otherwise.
    """
    return render_macro("term", shown, name)
