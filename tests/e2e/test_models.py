"""Models in a real browser: look at one, load it, and find it on the other pages with its
limits."""

from dataclasses import replace
from threading import Event

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import TIMEOUT_MS
from tests.models.toy_models import toy_qwen2, toy_tokenizer
from tests.search.fakes import ToyGenerator
from tests.server.toy_server import ToyServer
from tests.ui.toy_solver import toy_solver
from ttc_explorer.serving.limits import PUBLIC_LIMITS
from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.ui.pages import build_app
from ttc_explorer.ui.theme import launch_options


def make(*name):
    """The toys, and by any name a service that only chats."""
    made = toy_solver()
    if name:
        made.generator = ToyGenerator()
        made.generator.name, made.generator.supports_prefix_continuation = "chat", False
    return made


@pytest.fixture
def page(chromium):
    app = build_app(ModelManager(make))
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    expect.set_options(timeout=TIMEOUT_MS)
    page, broken = chromium.new_page(), []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.set_default_timeout(TIMEOUT_MS)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{url}?__theme=light")
    page.get_by_role("tab", name="Models").click()
    expect(page.locator(".shelf button").first).to_be_visible(timeout=4 * TIMEOUT_MS)
    yield page
    page.close()
    app.close()
    assert broken == []


@pytest.fixture
def chat():
    """The address of a server that only chats."""
    with ToyServer({"completions"}).running() as running:
        yield running.address


def name(page, text):
    page.get_by_label("A folder, a Hugging Face name").fill(text)
    page.get_by_role("button", name="Look at it").click()
    expect(page.locator("#models-details h2")).to_have_text(text)


def test_a_model_is_looked_at_loaded_and_used_everywhere(page, chat):
    page.locator("[data-name='Qwen2.5-Math-1.5B-Instruct']").click()
    expect(page.locator("#models-details h2")).to_have_text("Qwen2.5-Math-1.5B-Instruct")
    expect(page.locator("#models-details .parts")).to_contain_text("Skywork")

    name(page, "http://localhost:2/v1")
    expect(page.locator("#models-details .banner")).to_contain_text("cannot be reached")
    expect(page.get_by_role("button", name="Connect")).to_be_disabled()

    name(page, chat)
    expect(page.locator("#models-details .parts")).to_contain_text("answers a chat")
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#models-in-use h2:not(.minor)")).to_have_text("chat")
    expect(page.locator("#models-in-use .can .off").first).to_be_visible()

    page.get_by_role("tab", name="Explore").click()
    beam = page.locator("#strategy option[value=beam]")
    expect(beam).to_be_disabled()
    expect(beam).to_have_attribute(
        "data-about",
        "Beam search continues a solution from its middle, and this model can only be asked for "
        "whole ones.",
    )
    expect(page.locator("#strategy option[value=best_of_n]")).to_be_enabled()
    # it was chosen: one that can run has taken its place
    expect(page.locator("#about")).to_contain_text("Write N solutions independently")
    expect(page.locator("#about .banner")).to_have_count(0)
    page.get_by_role("tab", name="Compare").click()
    chip = page.locator("#compare-chips button[value=rebase]")
    expect(chip).to_have_attribute(
        "data-tip",
        "REBASE continues a solution from its middle, and this model can only be asked for whole "
        "ones.",
    )


def test_a_model_named_while_the_first_are_loading_stays_on_screen(chromium):
    may_load = Event()

    def make(*_):
        may_load.wait(8 * TIMEOUT_MS / 1000)
        return toy_solver()

    app = build_app(ModelManager(make))
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    page = chromium.new_page()
    page.set_default_timeout(2 * TIMEOUT_MS)
    page.goto(f"{url}?__theme=light")
    page.get_by_role("tab", name="Models").click()
    name(page, "/none/such")
    may_load.set()
    expect(page.locator(".shelf button").first).to_be_visible(timeout=4 * TIMEOUT_MS)
    page.get_by_role("tab", name="Explore").click()
    page.get_by_role("tab", name="Models").click()
    expect(page.locator("#models-details h2")).to_have_text("/none/such")
    page.close()
    app.close()


def test_where_strangers_share_it_another_visitor_keeps_the_models(chromium, tmp_path):
    folder = str(tmp_path / "toy")
    toy_qwen2().save_pretrained(folder)
    toy_tokenizer().save_pretrained(folder)

    def named(*name):
        generator = ToyGenerator()
        generator.name = "toy of mine" if name else "toy of all"
        return toy_solver(generator)

    app = build_app(ModelManager(named, limits=replace(PUBLIC_LIMITS, models=(folder,))))
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    mine, yours = chromium.new_page(), chromium.new_page()
    for page in (mine, yours):
        page.set_default_timeout(TIMEOUT_MS)
        page.goto(f"{url}?__theme=light")
        page.get_by_role("tab", name="Models").click(timeout=4 * TIMEOUT_MS)
    mine.locator(f"[data-name='{folder}']").click(timeout=4 * TIMEOUT_MS)
    expect(mine.locator("#models-details h2")).to_have_text(folder)
    mine.get_by_role("button", name="Load", exact=True).click()
    expect(mine.locator("#models-in-use h2:not(.minor)")).to_have_text(
        "toy of mine", timeout=4 * TIMEOUT_MS
    )
    for page in (mine, yours):
        page.get_by_role("tab", name="Explore").click()
        page.get_by_role("tab", name="Models").click()
    expect(mine.locator("#models-in-use h2:not(.minor)")).to_have_text(
        "toy of mine", timeout=4 * TIMEOUT_MS
    )
    expect(yours.locator("#models-in-use h2:not(.minor)")).to_have_text(
        "toy of all", timeout=4 * TIMEOUT_MS
    )
    mine.close()
    yours.close()
    app.close()


def test_nothing_is_cut_off_on_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("[data-name='base-s']").click()
    expect(page.locator("#models-details h2")).to_be_in_viewport()
    assert page.evaluate("document.body.scrollWidth") <= 390
