"""Pages and their registry: a page is one file, which registers itself, with its styles beside it.

A page from outside the package does the same (``extensions.py``)::

    @page("hello", title="Hello", order=90)
    def build(app: AppContext) -> Page:
        gr.Markdown("Hello")
        return Page()
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ttc_explorer.registry import Registry
from ttc_explorer.search.run import Run
from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.ui.address.page_address import PageAddress
from ttc_explorer.ui.components.problem_input import ProblemInput


@dataclass(frozen=True)
class AppContext:
    """What a page is given.

    Attributes:
        model_manager: loads models and runs searches with them.
        initial_run: the run that the application opens with, if any.
        selection: which models the visitor chose, a ``ModelSelection``.
    """

    model_manager: ModelManager
    initial_run: Run | None
    selection: gr.State


class Page:
    """What is built in a tab. ``problem`` is where a question is typed there, if it is; ``address``
    says which of its components the keys of the address mean."""

    problem: ProblemInput | None = None

    @property
    def address(self) -> PageAddress:
        return PageAddress()

    def refresh(self, *events: Any) -> None:
        """Look again at what depends on the models whenever one of these events comes, since others
        may be in use by then. Pages that don't depend on them leave this as it is."""


@dataclass(frozen=True)
class PageIntro:
    """What stands at the head of a page, folded to one line.

    Attributes:
        line: what it is about, in a few words.
        see: what do I see here?
        act: what can I do?
        why: why does it matter?
    """

    line: str
    see: str
    act: str
    why: str


@dataclass(frozen=True)
class PageEntry:
    """A page in the registry.

    Attributes:
        name: its name here and in addresses.
        title: in the navigation.
        order: pages stand there by it, from the least.
        intro: its head.
        build: puts the page where it is called, inside ``gr.Blocks``.
        stylesheet: its styles, if it has any of its own.
    """

    name: str
    title: str
    order: int
    intro: PageIntro | None
    build: Callable[[AppContext], Page]
    stylesheet: Path | None


PAGES: Registry[PageEntry] = Registry("page")


def page(
    name: str, *, title: str, order: int, intro: PageIntro | None = None
) -> Callable[[Callable[[AppContext], Page]], Callable[[AppContext], Page]]:
    """A decorator that registers what builds a page. A file of styles of the same name beside its
    module, ``my_page.css`` beside ``my_page.py``, is taken along.

    Args:
        name: of the page, an identifier.
        title: in the navigation.
        order: where it stands there. The pages of the package have 10, 20, 30 …
        intro: what the page says of itself, if it does.
    """

    def register(build: Callable[[AppContext], Page]) -> Callable[[AppContext], Page]:
        stylesheet = Path(inspect.getfile(build)).with_suffix(".css")
        own_styles = stylesheet if stylesheet.is_file() else None
        entry = PageEntry(name, title, order, intro, build, own_styles)
        PAGES.register(name, entry, build.__module__)
        return build

    return register


def pages_in_order() -> list[PageEntry]:
    """The pages as they stand in the navigation."""
    return sorted(PAGES.values(), key=lambda entry: entry.order)
