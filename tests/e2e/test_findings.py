"""Findings and Verifier in a real browser, on made-up results."""

import csv
from types import SimpleNamespace

import gradio as gr
import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import TIMEOUT_MS
from tests.experiments.synthetic import save, synthetic
from ttc_explorer.experiments.findings import (
    FINDING_STATEMENTS,
    dump_findings,
    evaluate_findings,
)
from ttc_explorer.ui.pages.findings_page import FindingsPage
from ttc_explorer.ui.pages.verifier_page import VerifierPage
from ttc_explorer.ui.results_store import FINDINGS_FILE, ResultsStore
from ttc_explorer.ui.theme import launch_options


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    save(synthetic(30, 16, seed=2).results, folder / "s")
    found = evaluate_findings(folder, resamples=50, repeats=2)
    (folder / FINDINGS_FILE).write_text(dump_findings(found), encoding="utf-8")
    with gr.Blocks() as app, gr.Tabs():
        with gr.Tab("Findings"):
            FindingsPage(folder)
        with gr.Tab("Verifier"):
            VerifierPage(ResultsStore(folder), folder)
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield SimpleNamespace(url=url, found=found)
    app.close()


def test_a_visitor_reads_a_verdict_and_looks_at_the_verifier(chromium, pages):
    page = chromium.new_page()
    broken = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.set_viewport_size({"width": 390, "height": 844})
    page.set_default_timeout(TIMEOUT_MS)
    expect.set_options(timeout=TIMEOUT_MS)
    page.goto(pages.url)

    rows = page.locator("[data-finding]")
    expect(rows).to_have_count(len(FINDING_STATEMENTS))
    expect(page.locator("#findings-law-view")).to_contain_text("Where to cut a thought")
    assert rows.locator(".verdict").all_inner_texts() == [
        finding.verdict for finding in pages.found
    ]
    chosen = next(
        finding for finding in pages.found if finding.chart and finding.id not in ("L1", "F1")
    )
    page.get_by_role("button", name=chosen.id).first.click()
    expect(page.locator("#findings-head h2")).to_have_text(chosen.id)
    expect(page.locator("#findings-figure .js-line").first).to_be_attached()
    expect(page.locator("#findings-foot")).to_contain_text("findings DIR")
    saves = page.locator("#findings-behind .saves")
    with page.expect_download() as download:
        saves.get_by_role("button", name="CSV").click()
    with open(download.value.path(), encoding="utf-8", newline="") as file:
        saved = [
            [row["line"], *(float(row[key]) for key in ("x", "y", "low", "high"))]
            for row in csv.DictReader(file)
        ]
    shown = [
        [row["line"], *(row[key] for key in ("x", "y", "low", "high"))] for row in chosen.chart.rows
    ]
    assert sorted(saved) == sorted(shown)
    with page.expect_download() as download:
        saves.get_by_role("button", name="PNG").click()
    with open(download.value.path(), "rb") as file:
        assert file.read(8) == b"\x89PNG\r\n\x1a\n"

    page.get_by_role("tab", name="Verifier").click()
    expect(page.locator("#verifier-over-figure .xaxislayer-above")).to_have_count(3)  # narrow
    for name in ("calibration", "places", "aggregates", "judges", "over"):
        expect(page.locator(f"#verifier-{name}-figure .main-svg").first).to_be_attached()
    expect(page.locator("#verifier-auc .dots li").first).to_be_visible()
    page.get_by_role("radio", name="Beam search").check(force=True)
    expect(page.locator("#verifier-banner .alert")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert broken == []
    page.close()
