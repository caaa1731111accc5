"""The panel of thoughts by number and length, without a browser."""

import re
from types import SimpleNamespace

import gradio as gr
import pytest

from tests.experiments.test_importers import FILES, saved
from ttc_explorer.asset_files import THOUGHT_TABLES_FILE
from ttc_explorer.experiments.width_depth import NamedTable, load_tables
from ttc_explorer.ui.components.width_depth_panel import WidthDepthPanel, table_html


@pytest.fixture(scope="module")
def panel():
    with gr.Blocks():
        return WidthDepthPanel(load_tables(THOUGHT_TABLES_FILE))


def test_it_opens_with_many_short_thoughts_that_one_long_one_beats(panel):
    many = load_tables(THOUGHT_TABLES_FILE)[0].table.many_short
    pressed = re.findall(
        r'data-width="(\d+)" data-depth="(\d+)" aria-pressed="true"', panel.table.value
    )
    assert pressed == [(str(many.width), str(many.depth))]
    assert "For no more tokens" in panel.cell.value


def test_a_press_says_what_a_cell_means_and_where_to_try_it(panel):
    event = SimpleNamespace(width="4", depth="8000")
    said = panel.pick("1", None, event)[panel.cell]
    cell = load_tables(THOUGHT_TABLES_FILE)[1].table.cell(4, 8000)
    assert f"{cell.accuracy:.1%} right" in said
    assert "strategy=budget_forcing&amp;n=4&amp;thinking=8000" in said
    for strange in (SimpleNamespace(width="3", depth="8000"), SimpleNamespace(width="x")):
        assert "no" in panel.pick("1", None, strange)[panel.banner]
    assert "Choose whose thoughts" in panel.pick(None, None, event)[panel.banner]


def test_a_store_is_opened_beside_the_shipped_ones_and_left_again(panel, tmp_path):
    shown = panel.read(str(saved(tmp_path, "autotts", FILES["autotts"])))
    opened = shown[panel.opened]
    assert shown[panel.choice] is None
    assert "1 questions" not in shown[panel.table]
    event = SimpleNamespace(width="2", depth="900")
    assert "2 thoughts to their end" in panel.pick(None, opened, event)[panel.cell].lower()
    back = panel.choose("0")
    assert back[panel.opened] is None
    assert 'data-width="128"' in back[panel.table]
    refused = panel.read(str(saved(tmp_path, "interlace", FILES["interlace"])))
    assert "is no replay store" in refused[panel.banner]


def test_a_store_says_nothing_that_is_not_escaped(panel):
    table = load_tables(THOUGHT_TABLES_FILE)[0].table
    assert "<img" not in table_html(NamedTable("x", "<img src=x onerror=alert(1)>", table))
    assert table_html(None) == ""
