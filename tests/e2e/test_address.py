"""The address of the page in a real browser: links, back and forward, reload, the replay,
frames, hostile addresses."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from threading import Thread

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import TIMEOUT_MS
from ttc_explorer.ui.page import pages_in_order

LINK = "#page=explore&q=Solve%203x%2B5%3D20.&strategy=dvts&n=12&seed=5&width=3&run=1"


@pytest.fixture(scope="module", autouse=True)
def site(tmp_path_factory):
    """The folder and the addresses of another site's pages, by two names of which one may have the
    page in a frame."""
    folder = tmp_path_factory.mktemp("site")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        known, unknown = (
            f"http://{name}:{other.server_port}" for name in ("localhost", "127.0.0.1")
        )
        with pytest.MonkeyPatch.context() as variables:
            variables.setenv("TTC_FRAMES", known)
            yield folder, known, unknown
        other.shutdown()


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


CHECKED = {  # address -> the control that it sets, and its value
    "#page=curves&level=3&compute=seconds&scale=linear": ("#curves-scale", "linear"),
    "#page=policy&difficulty=oracle&samples=16": ("#policy-difficulty", "oracle"),
    "#page=exchange&verifier=free&ratio=16": ("#exchange-verifier", "free"),
    "#page=verifier&search=beam": ("#verifier-shape", "beam"),
}


def test_the_controls_of_every_page_are_in_the_address(page):
    page.set_default_timeout(2 * TIMEOUT_MS)
    shown = page.locator("#findings-head h2")
    for address, (control, value) in CHECKED.items():
        go(page, address)
        expect(page.locator(f"{control} input:checked")).to_have_value(value)
        wait_for_address(page, address)
    go(page, "#page=findings&finding=F12")
    expect(shown).to_have_text("F12", timeout=2 * TIMEOUT_MS)
    page.locator("[data-finding=F2]").click()
    wait_for_address(page, "#page=findings&finding=F2")
    go(page, "#page=models&model=base-m")
    expect(page.locator("#models-details")).to_contain_text("base-m", timeout=2 * TIMEOUT_MS)
    page.go_back()
    expect(shown).to_have_text("F2", timeout=2 * TIMEOUT_MS)
    for address, (control, value) in reversed(CHECKED.items()):
        page.go_back()
        wait_for_address(page, address)
        expect(page.locator(f"{control} input:checked")).to_have_value(value)
    page.go_forward()
    wait_for_address(page, list(CHECKED)[1])


def test_runs_are_kept_by_the_browser_named_compared_opened_again_and_deleted(page):
    page.evaluate("localStorage.clear()")
    page.reload()
    window, opener = page.get_by_role("dialog", name="Runs of"), page.locator("#runs-button")
    links = (LINK, LINK.replace("n=12", "n=4"))
    for number, link in enumerate(links, 1):
        go(page, link)
        expect(opener).to_have_attribute("data-count", str(number), timeout=2 * TIMEOUT_MS)
    opener.press("Enter")
    name = window.get_by_role("textbox", name="Name of the run").last
    name.fill("<b>Twelve</b>")
    name.press("Enter")
    for box in window.get_by_role("checkbox").all():
        box.check()
    expect(window.get_by_role("columnheader", name="<b>Twelve</b>")).to_be_visible()
    expect(window.get_by_role("row", name="Budget N 4 12")).to_be_visible()
    expect(window.get_by_role("row", name="Settings width 3 width 3")).to_be_visible()
    window.get_by_role("button", name="Open: <b>Twelve</b>").press("Enter")
    expect(window).to_be_hidden()
    wait_for_address(page, LINK)
    expect(status(page)).to_have_text("Done: DVTS, N = 12", timeout=2 * TIMEOUT_MS)
    page.reload()
    opener.click()
    expect(window.locator("li > input").last).to_have_value("Solve 3x+5=20.")
    window.get_by_role("button", name="Delete: Solve 3x+5=20.").press("Enter")
    expect(window.locator("li > input")).to_have_count(1)
    expect(window.locator("li > input")).to_have_value("<b>Twelve</b>")


def test_of_addresses_in_quick_succession_the_last_stands(page):
    page.evaluate("() => { for (const n of [2, 4, 8]) location.hash = `#n=${n}`; }")
    expect(page.locator("#budget input:checked")).to_have_value("8")
    page.locator("#budget").get_by_text("32", exact=True).click()
    page.wait_for_function("location.hash.includes('n=32')")
    page.go_back()
    expect(page.locator("#budget input:checked")).to_have_value("4")


def test_copy_link_puts_the_link_into_the_clipboard(page, server):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    go(page, "#q=1%2B1%3F&strategy=dvts&n=4&seed=5")
    expect(page.locator("#budget input:checked")).to_have_value("4")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = "#page=explore&q=1%2B1%3F&strategy=dvts&n=4&seed=5"
    assert page.evaluate("navigator.clipboard.readText()") == server.url + link


def frame_of(page, server, site, width):
    """The page in a frame of another site's page."""
    folder, known, _ = site
    source = f"{server.url}?__theme=light{LINK}&embed=1"
    text = f'<iframe src="{source}" width="{width}" height="500" style="border: 0"></iframe>'
    (folder / "course.html").write_text(text)
    page.goto(f"{known}/course.html")
    return page.frame_locator("iframe")


LINE = ("#strategy .picker", "#budget", "#run", ".replay .play")


@pytest.mark.parametrize("width", [800, 390])
def test_a_frame_has_the_tree_one_line_of_controls_and_a_way_out(chromium, server, site, width):
    server.weights.set()
    page = chromium.new_page()
    frame = frame_of(page, server, site, width)
    expect(status(frame)).to_have_text("Done: DVTS, N = 12", timeout=2 * TIMEOUT_MS)
    expect(frame.locator(".viewer-tree [role=treeitem]").first).to_be_visible()
    for each in LINE:  # Run stands again where Stop was
        expect(frame.locator(each)).to_be_visible()
    boxes = [frame.locator(each).bounding_box() for each in LINE]
    middles = [box["y"] + box["height"] / 2 for box in boxes]
    assert max(middles) - min(middles) < 4
    edges = sorted((box["x"], box["x"] + box["width"]) for box in boxes)
    for (_, right), (left, _) in pairwise(edges):
        assert right <= left
    assert frame.locator(".viewer-tree").bounding_box()["height"] > 250
    inside = frame.locator(":root")
    assert inside.evaluate("root => [root.scrollWidth, root.scrollHeight]") == [width, 500]
    with page.expect_popup() as opened:
        frame.get_by_role("link", name="Open in full").click()
    expect(status(opened.value)).to_have_text("Done: DVTS, N = 12", timeout=2 * TIMEOUT_MS)
    wait_for_address(opened.value, LINK)
    expect(opened.value.get_by_role("tab", name="Learn").first).to_be_visible()
    opened.value.close()
    page.close()


def test_a_site_that_is_not_named_gets_no_frame(chromium, server, site):
    page, (_, _, unknown) = chromium.new_page(), site
    frame_of(page, server, site, 390)
    with page.expect_event("console", lambda message: "frame-ancestors" in message.text):
        page.goto(f"{unknown}/course.html")
    expect(page.frame_locator("iframe").locator("#explore")).to_have_count(0)
    page.close()


HOSTILE = {
    "#n=many&strategy=%3Cscript%3Ealert(1)%3C%2Fscript%3E": "they are taken as missing",
    "#q=nul%00": "without control characters",
    f"#page={'x' * 100_000}": "too long to be read",
    "#model=http%3A%2F%2F169.254.169.254%2F": "A link can only use",
    "#step=sometimes": "step must be line, paragraph",
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
