"""Scripts of their own address: what the page asks for is what is served, once and for good."""

import re

from starlette.applications import Starlette
from starlette.testclient import TestClient

from ttc_explorer.ui.run_viewer.viewer_component import comparison_viewer, run_viewer
from ttc_explorer.ui.script_files import script_head, script_routes
from ttc_explorer.ui.theme import launch_options


def address_in(head):
    return re.fullmatch(r'<script src="\./(scripts/[\w-]+\.js)"></script>\s*', head)[1]


def test_a_script_is_served_at_the_address_of_its_content():
    browser = TestClient(Starlette(routes=script_routes()))
    first, second = (address_in(script_head("hello", f"let hello = {i};\n")) for i in (1, 2))
    assert first != second
    assert address_in(script_head("hello", "let hello = 1;\n")) == first
    for address, text in ((first, "let hello = 1;\n"), (second, "let hello = 2;\n")):
        reply = browser.get(address)
        assert reply.text == text
        assert reply.headers["content-type"].startswith("text/javascript")
        assert "immutable" in reply.headers["cache-control"]


def test_no_other_file_can_be_asked_for():
    browser = TestClient(Starlette(routes=script_routes()))
    for path in ("scripts/viewers.js", "scripts/..%2fapp.py", "scripts/hello-0123456789abcdef.js"):
        assert browser.get(path).status_code == 404


def test_all_viewers_of_the_pages_fetch_one_script():
    viewers = [run_viewer("a"), run_viewer("b", ("tree",)), comparison_viewer("c")]
    addresses = {address_in(viewer.head) for viewer in viewers}
    assert len(addresses) == 1
    routes = launch_options()["app_kwargs"]["routes"]
    script = TestClient(Starlette(routes=routes)).get(addresses.pop()).text
    assert "mountRunViewer" in script
    assert "mountComparison" in script
    assert max(len(viewer.js_on_load) for viewer in viewers) < 5000
