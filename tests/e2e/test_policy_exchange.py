"""Policy and Exchange in a real browser, on made-up results."""

from __future__ import annotations

import re
from dataclasses import replace

import gradio as gr
import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import TIMEOUT_MS
from tests.experiments.synthetic import save, synthetic
from ttc_explorer.experiments.model_size_exchange import inference_multiplier
from ttc_explorer.ui.components.exchange_view import format_number
from ttc_explorer.ui.pages import page_header
from ttc_explorer.ui.pages.exchange_page import ExchangePage
from ttc_explorer.ui.pages.policy_page import PolicyPage
from ttc_explorer.ui.results_store import ResultsStore
from ttc_explorer.ui.theme import launch_options

SIZES = [(1440, 900), (1280, 720), (390, 844)]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiments")
    for name, parameters in (("base-l", 5000), ("base-s", 1000)):
        results = synthetic(25, 32, seed=parameters).results
        about = dict(results.about) | {"model": name, "parameters": parameters}
        save(replace(results, about=about), folder / name)
    results_store = ResultsStore(folder)
    with gr.Blocks(fill_width=True, analytics_enabled=False) as app:
        gr.HTML(page_header(), elem_id="header", js_on_load=None, apply_default_css=False)
        with gr.Tabs(elem_id="pages"):
            with gr.Tab("Policy"):
                PolicyPage(results_store, None)
            with gr.Tab("Exchange"):
                ExchangePage(results_store)
    _, address, _ = app.queue().launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield address
    app.close()


def test_a_cell_shows_its_evidence_and_a_mark_sets_the_formula(chromium, url):
    expect.set_options(timeout=4 * TIMEOUT_MS)
    page = chromium.new_page()
    broken = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{url}?__theme=light")

    expect(page.locator(".heat .cell")).to_have_count(15)
    page.locator('.heat .cell[data-bin="5"][data-budget="4"]').click()
    expect(page.locator("#policy-evidence-head")).to_contain_text("bin 5 hardest, N = 4")
    expect(page.locator("#policy-dots .dots li.marked")).to_have_count(1)
    expect(page.locator("#policy-headline .figure")).to_contain_text(re.compile("×|no saving"))
    expect(page.locator("#policy-figure .main-svg").first).to_be_visible()
    expect(page.locator("#policy-shares .given li")).to_have_count(5)
    expect(page.locator("#policy-time .main-svg").first).to_be_visible()
    page.locator("#policy-heat .term").first.hover()
    expect(page.get_by_role("tooltip")).to_contain_text("Fifths of the questions")
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.body.scrollWidth") <= width
    for figure in ("#policy-figure", "#policy-time"):  # names would leave the lines no room
        expect(page.locator(f"{figure} .annotation-text")).to_have_count(0)
    expect(page.locator("#policy-taught .key")).to_be_visible()

    page.set_viewport_size({"width": 1440, "height": 900})
    expect(page.locator("#policy-time .annotation-text")).not_to_have_count(0)
    page.get_by_role("tab", name="Exchange").click()
    expect(page.locator("#exchange-figure .main-svg").first).to_be_visible()
    page.locator(".ratio-marks").get_by_text("22", exact=True).click()
    expect(page.locator("#exchange-formula .figure")).to_have_text(
        f"m = {format_number(inference_multiplier(5, 22, 0.5))}"
    )
    expect(page.locator("#exchange-winners .dots li")).to_have_count(6)
    page.locator("#exchange-formula .term").nth(3).hover()
    expect(page.get_by_role("tooltip")).to_be_visible()
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.body.scrollWidth") <= width
    page.close()
    assert broken == []
