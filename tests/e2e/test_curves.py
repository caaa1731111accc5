"""Curves in a real browser: the page of a copy without results, and somebody's pool on it."""

import csv

from playwright.sync_api import expect

from tests.e2e.conftest import TIMEOUT_MS
from tests.experiments.synthetic import synthetic
from ttc_explorer.experiments.pool_curves import available_selectors


def test_a_pool_is_drawn_and_can_be_taken_as_csv_and_png(page, tmp_path):
    pool = synthetic(questions=20, samples=8).results.pool
    path = tmp_path / "pool.jsonl"
    pool[["question", "sample", "answer", "correct", "score"]].to_json(
        path, orient="records", lines=True
    )
    page.get_by_role("tab", name="Curves").click()
    field = page.locator("#curves-yours input[type=file]")

    bad = tmp_path / "bad.jsonl"
    bad.write_text("not json")
    field.set_input_files(bad)
    expect(page.locator("#curves-unread .banner")).to_contain_text("bad.jsonl")

    field.set_input_files(path)
    expect(page.locator("#curves-head .top-line p")).to_contain_text(
        "20 questions", timeout=4 * TIMEOUT_MS
    )
    selectors = available_selectors(pool)
    lines = page.locator("#curves-figure .trace[class*='~line-']")
    expect(lines).to_have_count(len(selectors))
    expect(page.locator("#curves-unread .banner")).to_have_count(0)
    names = page.locator("#curves-figure .annotation-text").all_text_contents()
    assert len(names) == len(selectors)
    assert names[:2] == ["Coverage", "Majority"]

    with page.expect_download() as download:
        page.locator("#curves-csv").click()
    with open(download.value.path(), encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 4 * len(names)  # at 1, 2, 4 and 8 samples
    with page.expect_download() as download:
        page.locator("#curves-png").click()
    with open(download.value.path(), "rb") as file:
        assert file.read(8) == b"\x89PNG\r\n\x1a\n"

    light = page.locator("#curves-figure .js-line").first.evaluate(
        "line => getComputedStyle(line).stroke"
    )
    page.evaluate("document.body.classList.add('dark')")
    dark = page.locator("#curves-figure .js-line").first.evaluate(
        "line => getComputedStyle(line).stroke"
    )
    assert light != dark
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.body.scrollWidth") <= 390
