"""One server and one browser a file, a fresh page a test; the browser may ask nobody but the
server."""

from __future__ import annotations

import shutil
from threading import Event
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.search.fakes import ToyReviser
from tests.ui.toy_solver import PausableGenerator, finished_run, toy_solver
from ttc_explorer.app import server_options
from ttc_explorer.environment import read_environment
from ttc_explorer.models.catalogue import load_models
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.serving.limits import Limits
from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.ui.pages import build_app

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TIMEOUT_MS = 30_000
"""Milliseconds after which something on the page counts as not happening; nothing here measures
speed."""


@pytest.fixture(scope="module")
def chromium():
    """A browser whose memory all tests share: what one page fetched, the next need not fetch
    again."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser.new_context(accept_downloads=True)
        browser.close()


def models():
    """Generator, verifier and reviser: the shipped ones if they have been trained, else toys."""
    try:
        models = load_models()
        return models.generator, models.verifier, models.reviser
    except ModelError:
        toys = toy_solver()
        return toys.generator, toys.verifier, ToyReviser()


@pytest.fixture(scope="module")
def server():
    """The application. ``gate`` can hold whoever answers; models load once ``weights`` is set."""
    generator, verifier, reviser = models()
    gate, weights = PausableGenerator(generator), Event()

    def loading():
        weights.wait()
        return toy_solver(gate, verifier, reviser)

    initial_run = finished_run()
    model_manager = ModelManager(loading)
    app = build_app(model_manager, initial_run)
    options = server_options(read_environment(), Limits(), model_manager)
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, **options)
    yield SimpleNamespace(url=url, gate=gate, weights=weights, initial_run=initial_run)
    weights.set()
    gate.release()
    app.close()


@pytest.fixture
def visit(chromium, server):
    """Opens the page; all its requests must go to the server, and nothing may fail in it."""
    asked, broken, violations = [], [], []
    expect.set_options(timeout=TIMEOUT_MS)
    page = chromium.new_page()

    def open_page():
        page.set_default_timeout(TIMEOUT_MS)
        page.set_viewport_size({"width": 1440, "height": 900})
        page.on("request", lambda request: asked.append(request.url))
        page.on(
            "console",
            lambda message: (
                violations.append(message.text)
                if "Content Security Policy" in message.text
                else None
            ),
        )
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(f"{server.url}?__theme=light")
        page.wait_for_selector(".cards")
        return page

    yield open_page
    server.gate.release()
    page.close()
    outside = [url for url in asked if not url.startswith((server.url, "data:", "blob:"))]
    assert outside == []
    assert broken == []
    assert violations == []


@pytest.fixture
def page(visit, server):
    """The page, with models that may be loaded."""
    server.weights.set()
    return visit()
