"""Every page under axe-core, in light and dark and at three sizes: no violation of WCAG 2.2 A and
AA, nor of the best practices that axe knows; and the groups of controls by keyboard."""

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from tests.e2e.conftest import TIMEOUT_MS
from ttc_explorer.ui.page import pages_in_order

LOOKS = {"light desk": (1440, 900), "dark phone": (390, 844), "light projector": (1280, 720)}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = [entry.title for entry in pages_in_order()]
LONG = 4 * TIMEOUT_MS


@pytest.fixture(scope="module")
def axe_page(chromium, server):
    """The application with axe in it, opened once for all pages."""
    server.weights.set()
    page = chromium.new_page()
    page.set_default_timeout(LONG)
    page.goto(f"{server.url}?__theme=light")
    page.wait_for_selector(".cards")
    page.evaluate(f"{AXE_SCRIPT};0")
    yield page
    page.close()


def violations(page):
    """What axe finds, a line a rule. The inside of a chart is Plotly's."""
    return page.evaluate(
        """async tags => {
            const ends = ({effect}) => effect.getComputedTiming().endTime < Infinity;
            await Promise.all(document.getAnimations().filter(ends).map(({finished}) => finished));
            const rules = {"label-content-name-mismatch": {enabled: true}};  // else experimental
            const options = {runOnly: tags, rules, resultTypes: ["violations"]};
            const {violations} = await axe.run({exclude: [".js-plotly-plot"]}, options);
            const drawn = (id, node) =>  // the name of a mark of the tree says its figures in words
                id === "label-content-name-mismatch" && node.html.includes('role="treeitem"');
            const places = (nodes) => nodes.slice(0, 3).map(({target}) => target.join(" "));
            return violations.map(({id, nodes}) => [id, nodes.filter((node) => !drawn(id, node))])
                .filter(([, nodes]) => nodes.length)
                .map(([id, nodes]) => `${id}: ${places(nodes).join(" | ")}`);
        }""",
        RULES,
    )


@pytest.mark.slow
@pytest.mark.parametrize("title", PAGES)
def test_axe_finds_nothing(axe_page, title):
    axe_page.set_viewport_size({"width": 1440, "height": 900})
    axe_page.get_by_role("tab", name=title, exact=True).click()
    loading = axe_page.locator("[role=tabpanel] [data-state=loading]:visible, .empty:visible")
    expect(loading).to_have_count(0, timeout=LONG)
    found = {}
    for look, (width, height) in LOOKS.items():
        axe_page.evaluate("dark => document.body.classList.toggle('dark', dark)", "dark" in look)
        axe_page.set_viewport_size({"width": width, "height": height})
        found[look] = violations(axe_page)
    assert {look: lines for look, lines in found.items() if lines} == {}


def test_a_group_is_one_stop_and_arrows_walk_in_it(page):
    budgets = page.locator("#budget input")
    budgets.nth(4).focus()  # 16
    page.keyboard.press("ArrowRight")
    expect(budgets.nth(5)).to_be_checked()
    expect(budgets.nth(5)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#budget :focus")).to_have_count(0)  # one stop, not nine

    tabs = page.get_by_role("tab")
    expect(page.locator('[role=tab]:not([tabindex="-1"])')).to_have_count(1)
    tabs.first.focus()
    page.keyboard.press("ArrowRight")
    expect(tabs.nth(1)).to_be_focused()
    expect(tabs.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Home")
    expect(tabs.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowLeft")
    expect(tabs.last).to_be_focused()
    expect(page.locator('[role=tab]:not([tabindex="-1"])')).to_have_text(["Learn"])


def test_a_presentation_is_read_from_the_back_row_and_remembered(page):
    page.set_viewport_size({"width": 1280, "height": 720})
    page.keyboard.press("Shift+P")
    mode = page.get_by_role("button", name="Presentation mode")
    expect(mode).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".viewer-count")).to_be_hidden()  # fewer panels
    sizes = """() => [...document.querySelectorAll(
            ".viewer-tree .standing, .card.hero *, .in-words, .headline h2")]
        .filter((each) => each.checkVisibility() && each.textContent.trim())
        .map((each) => parseFloat(getComputedStyle(each).fontSize))"""
    page.wait_for_function(f"() => Math.min(...({sizes})()) >= 20")
    wide, tall = page.evaluate("[document.body.scrollWidth, document.body.scrollHeight]")
    assert (wide, tall) == (1280, 720)
    page.reload()
    expect(mode).to_have_attribute("aria-pressed", "true")
    mode.click()
    expect(page.locator(".viewer-count")).to_be_visible()
