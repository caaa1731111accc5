"""Pictures of the pages, to be looked at: every page at three sizes, in light and dark; the
three of the README; and every step of the lessons (``lesson_pictures.py``).

``python -m tests.pictures DIR`` takes all pages, ``python -m tests.pictures DIR compare`` one,
``python -m tests.pictures --readme`` those of the README, ``python -m tests.lesson_pictures DIR``
those of the lessons.
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
README = {"explore": "light", "findings": "light", "curves": "light"}
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


@contextmanager
def visitor() -> Iterator[Page]:
    """The application in a browser."""
    with application() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(1000 * SECONDS)
        page.goto(f"{url}?__theme=light")
        page.wait_for_selector(".cards")
        yield page
        browser.close()


def open_page(page: Page, name: str) -> None:
    """A page of the application, settled."""
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator(f"#{name}-page-button").click()
    page.wait_for_function(
        """() => ![...document.querySelectorAll("[role=tabpanel] [data-state=loading], .empty")]
            .some((each) => each.checkVisibility())"""
    )
    page.evaluate("document.fonts.ready")


def take_picture(page: Page, look: str, path: Path) -> None:
    """What is on the screen, and on a phone the whole page."""
    theme, size = look.split("-")
    width, height = SIZES[size]
    page.evaluate("dark => document.body.classList.toggle('dark', dark)", theme == "dark")
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(500)  # what moves comes to rest
    page.screenshot(path=path, full_page=size == "390")
    print(path, flush=True)


def take(folder: Path, names: list[str]) -> None:
    """Pictures of these pages in all looks."""
    with visitor() as page:
        for name in names:
            open_page(page, name)
            for look in LOOKS:
                take_picture(page, look, folder / f"{name}-{look}.png")


def take_readme(folder: Path) -> None:
    """The pictures of the README, with as few colours as they need."""
    with visitor() as page:
        for name, theme in README.items():
            open_page(page, name)
            take_picture(page, f"{theme}-1440", folder / f"{name}.png")
            shrink(folder / f"{name}.png")


def shrink(path: Path) -> None:
    """Write a picture anew with 256 colours."""
    from PIL import Image

    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(
            256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
    few.save(path, optimize=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["--readme"]:
        take_readme(ASSETS_FOLDER / "pictures")
    else:
        target = Path(sys.argv[1])
        target.mkdir(parents=True, exist_ok=True)
        take(target, sys.argv[2:] or [entry.name for entry in pages_in_order()])
