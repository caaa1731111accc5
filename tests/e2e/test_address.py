"""The address of the page in a real browser: links, back and forward, reload, the replay,
hostile addresses."""

from playwright.sync_api import expect

from tests.e2e.conftest import TIMEOUT_MS
from ttc_explorer.ui.page import pages_in_order

LINK = "#page=explore&q=Solve%203x%2B5%3D20.&strategy=dvts&n=12&seed=5&width=3&run=1"


def status(page):
    return page.locator("#status .status")


def tree(page):
    """The nodes of the tree, as people who cannot see it are told them."""
    return page.locator(".viewer-tree [role=treeitem]").evaluate_all(
        "nodes => nodes.map((node) => node.ariaLabel)"
    )


def go(page, address):
    page.evaluate("address => { location.hash = address; }", address)


def wait_for_address(page, address):
    page.wait_for_function("address => location.hash === address", arg=address)


def title(page):
    return page.locator("#pages > .tab-wrapper [role=tab][aria-selected=true]").first


def test_a_link_gives_the_same_tree_in_two_browsers(page, chromium, server):
    go(page, LINK)
    expect(status(page)).to_have_text("Done: DVTS, N = 12", timeout=2 * TIMEOUT_MS)
    expect(page.locator("#budget input:checked")).to_have_value("12")
    wait_for_address(page, LINK)
    assert page.evaluate("ttcAddress.link()") == server.url + LINK
    other = chromium.browser.new_context().new_page()
    other.goto(f"{server.url}?__theme=light{LINK}")
    expect(status(other)).to_have_text("Done: DVTS, N = 12", timeout=2 * TIMEOUT_MS)
    expect(other.get_by_role("textbox", name="Problem")).to_have_value("Solve 3x+5=20.")
    assert tree(other) == tree(page)
    assert len(tree(page)) > 1
    other.context.close()


def test_back_and_forward_lead_over_all_pages_and_keep_the_run(page):
    go(page, LINK)
    expect(status(page)).to_have_text("Done: DVTS, N = 12", timeout=2 * TIMEOUT_MS)
    nodes = tree(page)
    titles = [entry.title for entry in pages_in_order()]
    for each in titles[1:]:
        page.get_by_role("tab", name=each, exact=True).first.click()
        expect(title(page)).to_have_text(each)
    for each in reversed(titles[:-1]):
        page.go_back()
        expect(title(page)).to_have_text(each)
    wait_for_address(page, LINK)
    assert tree(page) == nodes
    for each in titles[1:]:
        page.go_forward()
        expect(title(page)).to_have_text(each)


def test_what_is_set_after_a_run_is_another_entry_and_back_brings_the_run(page):
    go(page, LINK)
    expect(status(page)).to_have_text("Done: DVTS, N = 12", timeout=2 * TIMEOUT_MS)
    nodes = tree(page)
    page.locator("#budget").get_by_text("4", exact=True).click()
    wait_for_address(page, LINK.replace("n=12", "n=4").replace("&run=1", ""))
    page.get_by_role("button", name="Run", exact=True).click()
    expect(status(page)).to_have_text("Done: DVTS, N = 4", timeout=2 * TIMEOUT_MS)
    wait_for_address(page, LINK.replace("n=12", "n=4"))
    page.go_back()
    expect(status(page)).to_have_text("Done: DVTS, N = 12", timeout=2 * TIMEOUT_MS)
    wait_for_address(page, LINK)
    assert tree(page) == nodes


def test_a_reload_in_mid_run_begins_that_run_again(page, server):
    server.gate.hold(after=2)
    go(page, LINK)
    expect(status(page)).to_have_attribute("data-state", "running")
    wait_for_address(page, LINK)
    server.gate.release()
    page.reload()
    expect(status(page)).to_have_text("Done: DVTS, N = 12", timeout=2 * TIMEOUT_MS)
    wait_for_address(page, LINK)


def test_a_link_opens_the_replay_at_its_event_and_moving_it_writes_the_address(page):
    place = page.locator("#viewer [data-viewer]")
    go(page, f"{LINK}&at=9")
    expect(status(page)).to_have_text("Done: DVTS, N = 12", timeout=2 * TIMEOUT_MS)
    expect(place).to_have_attribute("data-at", "9")
    wait_for_address(page, f"{LINK}&at=9")
    entries = page.evaluate("history.length")
    page.get_by_role("slider", name="Event").fill("5")
    wait_for_address(page, f"{LINK}&at=5")
    assert page.evaluate("history.length") == entries
    page.get_by_role("tab", name="Curves").first.click()
    wait_for_address(page, "#page=curves")
    page.go_back()
    wait_for_address(page, f"{LINK}&at=5")
    expect(place).to_have_attribute("data-at", "5")
    page.reload()
    expect(place).to_have_attribute("data-at", "5", timeout=2 * TIMEOUT_MS)
    wait_for_address(page, f"{LINK}&at=5")
    go(page, LINK)
    expect(place).not_to_have_attribute("data-at", "5")
    expect(place).not_to_have_attribute("data-at", "9")
    wait_for_address(page, LINK)


HOSTILE = {
    "#n=many&strategy=%3Cscript%3Ealert(1)%3C%2Fscript%3E": "they are taken as missing",
    "#q=nul%00": "without control characters",
    f"#page={'x' * 100_000}": "too long to be read",
    "#model=http%3A%2F%2F169.254.169.254%2F": "A link can only use",
}


def test_a_hostile_address_is_one_sentence_and_the_default(page):
    said = page.locator("#address-note .banner, #banner .banner")
    for address, sentence in HOSTILE.items():
        go(page, "#unknown=1&n=4&seed=8")
        expect(page.locator("#budget input:checked")).to_have_value("4")
        expect(said).to_have_count(0)
        go(page, address)
        expect(said).to_contain_text(sentence)
        expect(said).to_have_count(1)
        expect(page.locator("#budget input:checked")).to_have_value("16")
