"""Compare in a real browser, as a visitor uses it."""

import csv
import io

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import TIMEOUT_MS

SIZES = [(1440, 900), (1280, 720), (390, 844)]
EVIL = '<img src=x onerror="document.title=1"> ${1+1}'


@pytest.fixture
def compare(page):
    """The page, opened on its tab."""
    page.get_by_role("tab", name="Compare").click()
    expect(page.locator("#compare-viewer .lane").first).to_be_visible()
    return page


def chip(page, name):
    return page.locator("#compare-chips").get_by_role("button", name=name, exact=True)


def choose(page, *names):
    """Press these strategies and no others."""
    pressed = page.locator("#compare-chips [aria-pressed=true]")
    while pressed.count():
        count = pressed.count()
        pressed.first.click()
        expect(pressed).to_have_count(count - 1)
    for name in names:
        chip(page, name).click()
        expect(chip(page, name)).to_have_attribute("aria-pressed", "true")


def run(page):
    page.get_by_role("button", name="Compare", exact=True).click()


def state(page):
    return page.locator("#compare-status .status")


def lanes(page):
    return page.locator("#compare-viewer .lane")


def test_three_strategies_at_budget_8_and_a_table_to_copy(compare, chromium):
    page = compare
    choose(page, "Best-of-N", "Beam search M = 4", "Monte Carlo tree search M = 4")
    expect(lanes(page)).to_have_count(3)
    page.get_by_role("textbox", name="Problem").last.fill("Solve x^2-7x+12=0.")
    run(page)
    expect(state(page)).to_have_attribute("data-state", "done", timeout=4 * TIMEOUT_MS)
    expect(lanes(page)).to_have_count(3)
    expect(page.locator("#compare-viewer .small-tree path.best")).to_have_count(3)
    rows = page.locator("#compare-viewer .comparison-table tbody tr")
    expect(rows).to_have_count(3)
    expect(page.get_by_role("button", name="Compare", exact=True)).to_be_enabled()

    clock = page.get_by_role("slider", name="Time of the clock")
    looked_back = page.locator("#compare-viewer .lane[data-state=replayed]")
    clock.fill("0")
    expect(looked_back).to_have_count(3)
    expect(page.locator("#compare-viewer .small-tree path.best")).to_have_count(0)
    page.locator("#compare-viewer .clock").get_by_text("seconds", exact=True).click()
    expect(looked_back).to_have_count(0)
    clock.fill("0")
    expect(looked_back).to_have_count(3)
    page.get_by_role("button", name="Play side by side").click()
    expect(looked_back).to_have_count(0, timeout=60_000)

    chromium.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy table").click()
    expect(page.locator("#compare-viewer .copy-table")).to_have_text("Copied")
    copied = list(
        csv.DictReader(io.StringIO(page.evaluate("navigator.clipboard.readText()")), delimiter="\t")
    )
    assert [row["strategy"] for row in copied] == [
        "Best-of-N",
        "Beam search",
        "Monte Carlo tree search",
    ]
    assert {row["samples"] for row in copied} == {"8"}
    for place, row in enumerate(copied):
        assert f"{int(row['generated_tokens']):,}" in rows.nth(place).inner_text()
        total = sum(
            int(row[part]) for part in ("generated_tokens", "prompt_tokens", "verifier_tokens")
        )
        assert int(row["tokens"]) == total

    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    with open(download.value.path(), encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == copied


def test_a_tree_opens_large_with_its_inspector_and_leads_the_same_way(compare):
    page = compare
    choose(page, "Best-of-N", "Beam search M = 4")
    page.get_by_role("textbox", name="Problem").last.fill("Solve x^2-7x+12=0.")
    run(page)
    expect(state(page)).to_have_attribute("data-state", "done", timeout=4 * TIMEOUT_MS)
    picture = lanes(page).nth(1).get_by_role("button", name="open the tree large")
    root = picture.locator("circle.root").bounding_box()
    frame = picture.bounding_box()
    assert root["x"] < frame["x"] + frame["width"] / 8  # from left to right, as on Explore
    picture.click()
    large = page.get_by_role("dialog")
    expect(large.get_by_role("treeitem").first).to_be_attached()
    answer = large.locator(".card.hero .figure").inner_text()
    expect(lanes(page).nth(1).locator(".answer")).to_contain_text(answer)
    large.get_by_role("tree").focus()
    page.keyboard.press("Home")
    expect(large.locator(".inspector h2")).to_have_text("The problem")
    large.locator(".term").get_by_text("passes").hover()
    expect(page.get_by_role("tooltip")).to_be_visible()
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    expect(picture).to_be_focused()


def test_by_tokens_nobody_goes_over(compare):
    page = compare
    choose(page, "Best-of-N", "Beam search M = 4")
    page.locator("#compare-unit").get_by_text("tokens").click()
    page.locator("#compare-tokens").get_by_text("1k").click()
    run(page)
    expect(state(page)).to_have_attribute("data-state", "done", timeout=4 * TIMEOUT_MS)
    cells = page.locator(
        "#compare-viewer .comparison-table tbody td:nth-child(5)"
    ).all_inner_texts()
    assert len(cells) == 2
    assert all(0 < int(cell.replace(",", "")) <= 1000 for cell in cells)


def test_a_choice_ends_at_six_and_says_why(compare):
    page = compare
    expect(page.locator("#compare-chips [aria-pressed=true]")).to_have_count(6)
    greedy = chip(page, "Greedy")
    expect(greedy).to_have_attribute("aria-disabled", "true")
    greedy.hover()
    expect(page.get_by_role("tooltip")).to_contain_text("6 at most")
    greedy.click(force=True)  # it calls itself disabled
    expect(greedy).to_have_attribute("aria-pressed", "false")


def test_bad_input_is_said_at_its_field(compare):
    page = compare
    problem = page.locator("#compare-problem textarea")
    problem.fill(" ")
    run(page)
    expect(page.locator("#compare-banner .banner")).to_contain_text("The problem is empty")
    expect(page.get_by_role("button", name="Compare", exact=True)).to_be_enabled()
    problem.fill(EVIL)
    choose(page)
    run(page)
    expect(page.locator("#compare-banner .banner")).to_contain_text("Choose from 1 to 6")
    assert page.locator("#compare img").count() == 0


def test_stop_ends_them_all(compare, server):
    page = compare
    choose(page, "Best-of-N", "Beam search M = 4")
    server.gate.hold(after=2)
    run(page)
    expect(state(page)).to_have_attribute("data-state", "running")
    page.locator("#compare-stop").click()
    expect(state(page)).to_have_attribute("data-state", "cancelled")
    expect(page.get_by_role("button", name="Compare", exact=True)).to_be_enabled()


def test_fits_every_screen(compare):
    page = compare
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.body.scrollWidth") <= width
        if width > 1000:
            box = page.locator("#compare-run").bounding_box()
            assert box["y"] + box["height"] <= height
            box = lanes(page).last.bounding_box()
            assert box["y"] + box["height"] < height - 60  # room for what was measured of them
