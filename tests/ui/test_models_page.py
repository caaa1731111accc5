"""The page Models: what it says of each model, and that loading one exchanges those of all pages."""

from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest

from tests.search.fakes import ToyGenerator, ToyReviser
from tests.ui.toys import driver
from ttc_explorer.models.abilities import Abilities
from ttc_explorer.models.description import describe
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.public import PUBLIC, Rules
from ttc_explorer.ui import model_board as board
from ttc_explorer.ui.engine import Engine
from ttc_explorer.ui.model_board import Item
from ttc_explorer.ui.pages.models import ModelsPage

EVIL = "<img src=x onerror=alert(1)>"


def page_on(make_driver=lambda *name: driver(), rules=None):
    with gr.Blocks():
        return ModelsPage(Engine(make_driver, rules=rules))


def shown(frames):
    last = {}
    for frame in frames:
        last |= frame
    return last


def test_the_shelf_lists_what_is_shipped_and_the_presets():
    page = page_on()
    first = page.open("")
    assert 'data-name="base-s" aria-pressed="true"' in first[page.shelf]
    assert first[page.shelf].count("<li>") == 10
    assert "in use" in first[page.shelf]
    assert first[page.load] == gr.update(value="In use", interactive=False)
    assert "trained to write a better attempt" in first[page.details]
    assert page.chosen in first


def test_a_model_that_is_not_here_says_why_and_cannot_be_loaded():
    page = page_on()
    picked = page.pick(SimpleNamespace(name="Qwen2.5-Math-7B-Instruct"))
    assert "not downloaded" in picked[page.details]
    assert "7.6B weights" in picked[page.details]
    assert not picked[page.load]["interactive"]
    missing = page.own("no/such-model", "")
    assert "no/such-model" in missing[page.details]
    assert not missing[page.load]["interactive"]


def test_a_model_without_a_verifier_says_what_cannot_run():
    said = replace(describe("base-s"), verifier=None, reviser=None)
    told = board.details(Item(board.SHIPPED, said))
    assert "3 of 12 strategies run with it" in told  # greedy, best-of-N and adaptive
    assert "needs a verifier" in told
    assert "needs a reviser" in told


@pytest.mark.parametrize("names", [("", ""), ("a+b", ""), ("x" * 401, ""), ("", "prm")])
def test_names_that_are_none_are_refused_at_the_field(names):
    page = page_on()
    assert set(page.own(*names)) == {page.unread}


def test_an_address_is_connected_to_and_not_loaded():
    page = page_on()
    told = page.own("http://localhost:1/v1", "")
    assert told[page.load]["value"] == "Connect"
    assert told[page.load]["interactive"]


def test_loading_exchanges_the_models_of_all_pages():
    made = []

    def make(*name):
        made.append(name[:1])
        if name:
            name[1]("1 of 2 GB downloaded")
        generator = ToyGenerator()
        generator.name = name[0] if name else "first"
        return driver(generator)

    page = page_on(make)
    page.open("")
    frames = list(page.exchange("base-m"))
    assert made == [(), ("base-m",)]
    last = shown(frames)
    assert 'data-state="done"' in last[page.status]
    assert "<h2>base-m</h2>" in last[page.now]
    assert page._engine.wait().model == "base-m"


def test_a_failed_load_keeps_the_old_models_and_is_one_sentence():
    def make(*name):
        if name:
            raise ModelError(f"There is no {EVIL}.")
        return driver()

    page = page_on(make)
    page.open("")
    last = shown(page.exchange("nothing"))
    assert "There is no &lt;img" in last[page.banner]
    assert last[page.status] == ""
    assert last[page.load]["interactive"]
    assert page._engine.wait().model == "toy generator"


def test_strangers_see_only_what_they_can_use():
    page = page_on(rules=PUBLIC)
    first = page.open("")
    assert "not usable" not in first[page.shelf]
    assert "Qwen" not in first[page.shelf]
    page = page_on(rules=Rules(models=(EVIL,)))
    assert EVIL not in page.open("")[page.shelf]


def test_a_server_shows_what_it_really_does():
    found = Abilities("m", "m", completions=True, several=True, samples=True)
    generator = ToyGenerator()
    generator.abilities, generator.name = found, EVIL
    engine = Engine(lambda: driver(generator))
    told = board.now(engine.wait(60), "")
    assert EVIL not in told
    assert "✓ goes on from any text" in told
    assert "✗ same seed, same text" in told
    assert "another run" in told  # what comes of it


def test_a_service_that_only_chats_says_which_strategies_it_cannot_run():
    generator = ToyGenerator()
    generator.forks = False
    loaded = Engine(lambda: driver(generator)).wait(60)
    assert "continues a solution from its middle" in board.now(loaded, "")
    assert loaded.missing("beam")
    assert not loaded.missing("best_of_n")


def test_the_reviser_in_use_is_said_to_be_prompted():
    made = driver()
    made.reviser = ToyReviser()
    made.reviser.prompted = True
    assert "prompted reviser" in board.now(Engine(lambda: made).wait(60), "")
