"""Pictures of the pages, to be looked at: every page at three sizes, in light and dark; and the
three of the README.

``python -m tests.pictures DIR`` takes all of them, ``python -m tests.pictures DIR light-1440``
those of one look, ``python -m tests.pictures --readme`` those of the README.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.e2e.conftest import FLAGS
from ttc_explorer.asset_files import ASSETS_FOLDER
from ttc_explorer.ui.page import pages_in_order

SIZES = {"1440": (1440, 900), "1280": (1280, 720), "390": (390, 844)}
LOOKS = [f"{theme}-{size}" for theme in ("light", "dark") for size in SIZES]
README = {"explore": "light", "findings": "light", "learn": "dark"}
"""Page -> its look in the README."""
SECONDS = 240
"""How long anything may take, on however busy a machine."""


@contextmanager
def application() -> Iterator[str]:
    """The application in a process of its own; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = Path(__file__).parent.parent
    server = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=root,
        env=os.environ | {"GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False"},
        stdout=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(SECONDS):
            try:
                urllib.request.urlopen(f"{url}/service-status", timeout=5).close()
                break
            except OSError:
                time.sleep(1)
        yield url
    finally:
        server.terminate()
        server.wait()


def open_page(page: Page, url: str, look: str, name: str) -> None:
    """A page of the application, settled."""
    theme, size = look.split("-")
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{url}?__theme={theme}#page={name}")
    tab = page.locator(f"#{name}-page")
    tab.wait_for()
    page.locator(".cards").or_(tab.locator(":visible").first).first.wait_for()
    page.wait_for_function(
        """name => !document.querySelector(`#${name}-page [data-state=loading]`)
            && ![...document.querySelectorAll(`#${name}-page .empty`)].some(e => e.checkVisibility()
                && !e.closest(".tree-view"))""",
        arg=name,
    )
    page.wait_for_load_state("networkidle")


def take(folder: Path, looks: list[str]) -> None:
    """Pictures of every page: what is on the screen, and on a phone the whole page."""
    with application() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for look in looks:
            page = browser.new_page()
            page.set_default_timeout(1000 * SECONDS)
            for entry in pages_in_order():
                open_page(page, url, look, entry.name)
                whole = look.endswith("390")
                page.screenshot(path=folder / f"{entry.name}-{look}.png", full_page=whole)
                print(entry.name, look, flush=True)
            page.close()
        browser.close()


def take_readme(folder: Path) -> None:
    """The pictures of the README, with as few colours as they need."""
    with application() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(1000 * SECONDS)
        for name, theme in README.items():
            open_page(page, url, f"{theme}-1440", name)
            page.screenshot(path=folder / f"{name}.png")
            shrink(folder / f"{name}.png")
        browser.close()


def shrink(path: Path) -> None:
    """Write a picture anew with 64 colours."""
    from PIL import Image

    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(64, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["--readme"]:
        take_readme(ASSETS_FOLDER / "pictures")
    else:
        target = Path(sys.argv[1])
        target.mkdir(parents=True, exist_ok=True)
        take(target, sys.argv[2:] or LOOKS)
