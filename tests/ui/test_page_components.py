"""What all pages are made of: errors as sentences, templates that trust no text, signals."""

from __future__ import annotations

import ast
import html
import inspect
import json
import logging
import re
from pathlib import Path

import gradio as gr
import pytest

import ttc_explorer.ui
from tests.ui.toy_solver import toy_solver
from ttc_explorer.extensions import load_extensions
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.families import FAMILIES
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.ui.components.component_scripts import component_script
from ttc_explorer.ui.components.guarded_handler import INTERNAL_ERROR_MESSAGE, guarded
from ttc_explorer.ui.components.kind_and_level import kind_and_level
from ttc_explorer.ui.components.messages import banner, glossary_term, status_line
from ttc_explorer.ui.components.page_signals import narrow_screen
from ttc_explorer.ui.components.result_card import ResultCard
from ttc_explorer.ui.html_templates import ENVIRONMENT, TEMPLATES, render_macro
from ttc_explorer.ui.page import PAGES
from ttc_explorer.ui.pages import build_app
from ttc_explorer.ui.theme import launch_options

HOSTILE = '<script>alert(1)</script>"${props.value}{{value}}`\\\u202e'


class Page:
    banner, field, figure = "banner", "field", "figure"

    @guarded()
    def answer(self, error: Exception | None) -> dict:
        if error:
            raise error
        return {"answer": 42}

    @guarded("field", "note", clear=("figure",))
    def stream(self, error: Exception) -> dict:
        yield {"frame": 1}
        raise error


@pytest.mark.parametrize("error", [BadInput("Type a number."), ModelError("Type a number.")])
def test_what_is_wrong_with_the_input_is_its_own_sentence(error):
    assert Page().answer(error) == {"banner": banner("Type a number.")}
    frames = list(Page().stream(error))
    assert frames == [{"frame": 1}, {"field": banner("Type a number.", "note"), "figure": ""}]


def test_a_fault_of_ours_is_logged_and_said_without_its_details(caplog):
    with caplog.at_level(logging.ERROR):
        shown = Page().answer(ZeroDivisionError("secret"))
    assert shown == {"banner": banner(INTERNAL_ERROR_MESSAGE)}
    assert "Page.answer" in caplog.text
    assert "secret" in caplog.text  # in the log alone
    *_, last = Page().stream(ZeroDivisionError())
    assert last["field"] == banner(INTERNAL_ERROR_MESSAGE, "alert")


def test_gradio_sees_the_handler_that_was_guarded():
    assert list(inspect.signature(Page().answer).parameters) == ["error"]
    assert inspect.isgeneratorfunction(Page().stream)
    assert Page().answer(None) == {"answer": 42}


@pytest.mark.parametrize(
    "shown",
    [
        banner(HOSTILE),
        banner("x", HOSTILE),
        status_line(HOSTILE, HOSTILE),
        glossary_term(HOSTILE, "score"),
        render_macro("definition_list", [(HOSTILE, HOSTILE)]),
    ],
)
def test_a_template_writes_foreign_text_as_text(shown):
    for sign in ("<script", "${", "{{", "`", "\\", "\u202e"):
        assert sign not in shown


def test_a_banner_for_no_sentence_is_nothing():
    assert banner("") == ""


def test_every_template_can_be_read():
    for path in TEMPLATES.glob("*.html"):
        ENVIRONMENT.get_template(path.name)


def test_an_application_has_one_signal_of_narrow_screens():
    with gr.Blocks():
        first = narrow_screen()
        with gr.Tabs(), gr.Tab("another page"):
            assert narrow_screen() is first
    with gr.Blocks():
        assert narrow_screen() is not first


@pytest.mark.slow
def test_every_chart_that_depends_on_the_width_is_drawn_anew_when_it_changes():
    """On a phone that was turned, the names at the ends of lines squeezed the lines to a third."""
    app = build_app(ModelManager(toy_solver))
    script = component_script("on_width_change.js")
    with app:
        narrow = narrow_screen()
    signals = {
        block._id
        for block in app.blocks.values()
        if isinstance(block, gr.HTML) and block.js_on_load == script
    }
    drawn, redrawn, following = set(), set(), set()
    for number, function in app.fns.items():
        charts = {block for block in function.outputs if isinstance(block, gr.Plot)}
        if narrow in function.inputs:
            drawn |= charts
        by_width = any(source in signals for source, _ in function.targets)
        if by_width or function.trigger_after in following:
            following.add(number)
            redrawn |= charts
    assert len(drawn) > 4
    assert {block.elem_id for block in drawn - redrawn} == set()


def test_kinds_of_problems_come_from_the_families():
    with gr.Blocks():
        kind, level = kind_and_level("example", ("Any kind", "any"), [("Level 3", 3)], 3, "x-")
    values = re.findall(r'<option value="(.*?)"', kind.html_template)
    assert [json.loads(html.unescape(value)) for value in values] == ["any", *FAMILIES]
    assert (kind.elem_id, level.elem_id, level.value) == ("x-kind", "x-level", 3)


def test_what_is_wrong_with_a_table_is_said_and_nothing_is_saved():
    with gr.Blocks() as app:
        place = gr.HTML()
        card = ResultCard("card", "file")
        card.download_buttons("card", server_table=True)

        def make_table(name: str) -> str:
            if not name:
                raise BadInput("Name it.")
            return f"{name}\n"

        card.connect_table(make_table, [gr.Textbox()], place)
    (event,) = app.fns.values()
    saved, said = event.fn("a")
    assert (saved["table"], said) == ("a\n", "")
    saved, said = event.fn("")
    assert (saved["table"], said) == ("", banner("Name it."))


# --- pages from outside ---------------------------------------------------------------------------

OUTSIDE = """
import gradio as gr
from ttc_explorer.ui.page import AppContext, Page, page

@page("hello", title="Hello there", order=35)
def build(app: AppContext) -> Page:
    gr.Markdown("Hello from outside")
    return Page()
"""


@pytest.mark.slow
def test_a_page_from_outside_stands_in_the_app_with_its_styles(tmp_path, monkeypatch):
    monkeypatch.setattr(PAGES, "_entries", dict(PAGES))
    monkeypatch.setattr(PAGES, "_origins", {})
    (tmp_path / "hello_page.py").write_text(OUTSIDE)
    (tmp_path / "hello_page.css").write_text(".hello { color: red; }")
    monkeypatch.setenv("TTC_EXTENSIONS", str(tmp_path / "hello_page.py"))
    load_extensions.__wrapped__()  # whatever other tests have loaded in this process
    app = build_app(ModelManager(toy_solver))
    titles = [block.label for block in app.blocks.values() if isinstance(block, gr.Tab)]
    assert titles[2:5] == ["Curves", "Hello there", "Policy"]
    assert any(
        isinstance(block, gr.Markdown) and block.value == "Hello from outside"
        for block in app.blocks.values()
    )
    assert launch_options()["css_paths"].count(tmp_path / "hello_page.css") == 1


def test_every_page_of_the_package_has_its_styles_beside_it():
    build_app(ModelManager(toy_solver))
    missing = {name for name, entry in PAGES.items() if entry.stylesheet is None}
    assert missing == {"explore"}  # its styles are those that all pages build on


# --- HTML belongs in templates, scripts in files --------------------------------------------------

UI = Path(ttc_explorer.ui.__file__).parent
TAG = re.compile(r"</?[a-zA-Z][\w-]*(?:\s[^<>]*)?/?>")
PLOTLY_TAGS = {"<b>", "</b>", "<br>", "<extra></extra>", "<extra>", "</extra>"}
"""What Plotly reads in its texts; they are drawn, not parsed as HTML."""
SCRIPT = re.compile(r"\bdocument\.|\baddEventListener\b|\btrigger\(")


@pytest.mark.parametrize("file", sorted(UI.rglob("*.py")), ids=lambda file: file.stem)
def test_no_html_and_no_script_stands_in_a_string(file):
    tree = ast.parse(file.read_text("utf-8"))
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if id(node) in docstrings or "(?P<" in node.value:  # named groups of an expression
            continue
        assert set(TAG.findall(node.value)) <= PLOTLY_TAGS, f"{file.name}, line {node.lineno}"
        assert not SCRIPT.search(node.value), f"{file.name}, line {node.lineno}"
