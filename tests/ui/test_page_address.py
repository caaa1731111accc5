"""What an address does to the pages, without a browser."""

import json

import gradio as gr
import pytest

from tests.ui.test_explore_page import values
from tests.ui.toy_solver import finished_run, toy_solver
from ttc_explorer.search.settings import Settings
from ttc_explorer.serving.limits import Limits
from ttc_explorer.serving.model_manager import ModelManager, ModelSelection
from ttc_explorer.ui.address.address_state import AddressKey, page_keys
from ttc_explorer.ui.address.page_address import PageAddress, all_keys, open_address
from ttc_explorer.ui.components.explore_session import ExploreSession
from ttc_explorer.ui.page import AppContext, pages_in_order
from ttc_explorer.ui.pages.compare_page import ComparePage, CompareSession, address_keys
from ttc_explorer.ui.pages.explore_page import ExplorePage

KEYS = [*page_keys(["explore", "compare"]), *address_keys()]


@pytest.fixture(scope="module")
def page():
    with gr.Blocks():
        return ExplorePage(ModelManager(toy_solver), finished_run())


@pytest.fixture(scope="module")
def compare():
    with gr.Blocks():
        return ComparePage(ModelManager(toy_solver), None)


def opened(page, address, session, choice=None):
    """What the address changes, and the sentence about it."""
    with gr.Blocks():
        note = gr.HTML()
    updates = open_address(page.address, KEYS, note, address, session, choice)
    assert set(updates) <= {note, *page.address.outputs}
    return updates, str(updates[note])


def value(update):
    return update["value"] if isinstance(update, dict) else update


def test_explore_stands_as_the_address_says(page):
    session = ExploreSession(None)
    address = (
        "#q=1%2B1%3F&a=2&strategy=lookahead&n=12&seed=7&temperature=0.5&width=3&lookahead=9"
        "&merge=0&rounds=50&selector=best&aggregate=min&confidence=tail"
    )
    shown, sentence = opened(page, address, session)
    how = page.strategy_controls
    assert sentence == ""
    assert (shown[page.problem.text], shown[page.problem.answer]) == ("1+1?", "2")
    assert (shown[how.strategy], shown[how.seed], shown[how.temperature]) == ("lookahead", 7, 0.5)
    assert [value(shown[each]) for each in (how.budget, how.width, how.lookahead)] == [12, 3, 9]
    assert ("12", 12) in shown[how.budget]["choices"]
    assert (shown[how.merge], shown[how.rounds]) == (False, 50)
    rule = {"selector": "best", "aggregate": "min", "confidence": "tail"}
    assert session.rule() == json.loads(shown[page.rule]) == rule


def test_a_bad_word_in_step_takes_the_default_and_leaves_the_rest(page):
    how = page.strategy_controls
    for word in ("sometimes", "tokens:many", "pattern:(", "line:3"):
        shown, sentence = opened(page, f"#n=8&seed=7&step={word}", ExploreSession(None))
        assert "step must be line, paragraph" in sentence
        assert "it is taken as missing" in sentence
        assert (value(shown[how.step]), shown[how.seed]) == (Settings().step, 7)
        assert value(shown[how.budget]) == 8
    shown, sentence = opened(page, "#step=tokens%3A20", ExploreSession(None))
    assert (value(shown[how.step]), sentence) == ("tokens:20", "")


def test_a_run_by_an_address_is_that_run(page):
    session = ExploreSession(None)
    shown, _ = opened(page, "#q=Solve+3x%3D9.&strategy=beam&n=4&seed=3&width=2&merge=0", session)
    asked = values(page, session)
    asked |= {each: value(shown[each]) for each in asked if each in shown}
    list(page.prepare(asked))
    run, _ = session.prepared
    assert (run.problem.text, run.strategy, run.budget, run.seed) == ("Solve 3x=9.", "beam", 4, 3)
    assert (run.settings.width, run.settings.merge, run.settings.temperature) == (2, False, 0.8)


def test_what_an_address_does_not_say_is_the_default(page):
    session = ExploreSession(finished_run())
    session.selector = "best"
    shown, _ = opened(page, "#page=explore", session)
    how = page.strategy_controls
    assert page.problem.text not in shown
    assert (shown[how.strategy], value(shown[how.budget]), shown[how.seed]) == ("beam", 16, 0)
    assert session.selector == "weighted"


def test_a_link_uses_models_of_the_list_and_loads_no_others():
    loaded = []

    def load(name=None, *_):
        loaded.append(name)
        return toy_solver()

    with gr.Blocks():
        manager = ModelManager(load, limits=Limits(models=("mine/model",)))
        page = ExplorePage(manager, None)
    choice = ModelSelection()
    for name in ("/etc", "Qwen/Qwen2.5-0.5B-Instruct", "http://169.254.169.254/v1", "own/own"):
        shown, _ = opened(page, f"#model={name}", ExploreSession(None), choice)
        assert "A link can only use the shipped models" in shown[page.controls.banner]
    assert loaded == []
    for name in ("base-m", "mine/model"):
        shown, _ = opened(page, f"#model={name}", ExploreSession(None), choice)
        assert shown[page.controls.banner] == ""
        manager.wait(60, choice)
        assert manager.name_in_links(choice) == name
    opened(page, "#page=explore", ExploreSession(None), choice)
    manager.wait(60, choice)
    assert manager.name_in_links(choice) == ""
    assert loaded == ["base-m", "mine/model", None]


def test_compare_stands_as_the_address_says(compare):
    session = CompareSession()
    address = "#page=compare&q=1%2B1%3F&n=5&seed=2&strategies=beam+width%3D4,rebase&selector=best"
    shown, sentence = opened(compare, address, session)
    assert sentence == ""
    assert json.loads(shown[compare.chips])["chosen"] == ["beam width=4", "rebase"]
    assert (value(shown[compare.samples]), shown[compare.seed]) == (5, 2)
    assert (session.selector, shown[compare.problem.text]) == ("best", "1+1?")
    shown, _ = opened(compare, "#page=compare&unit=tokens&tokens=2000", session)
    assert shown[compare.tokens]["visible"]
    assert value(shown[compare.tokens]) == 2000
    assert not shown[compare.samples]["visible"]
    assert "strategies must be of" in opened(compare, "#strategies=loudest", session)[1]


def test_a_page_of_ones_own_needs_no_more_than_its_fields():
    with gr.Blocks():
        colour, note = gr.Textbox(), gr.HTML()
    key = AddressKey("colour", "choice", "red", ("red", "blue"))
    address = PageAddress({"colour": colour}, (key,))
    assert open_address(address, [key], note, "#colour=blue") == {note: "", colour: "blue"}
    assert open_address(address, [key], note, "#") == {note: "", colour: "red"}
    assert "one of red, blue" in str(open_address(address, [key], note, "#colour=x")[note])
    assert open_address(address, [key], note, {"not": "a text"}) == {note: "", colour: "red"}


def test_a_fault_of_ours_is_a_sentence():
    def broken(state):
        raise KeyError("secret")

    with gr.Blocks():
        note = gr.HTML()
    said = str(open_address(PageAddress(apply=broken), [], note, "#")[note])
    assert "should not have" in said
    assert "secret" not in said


@pytest.fixture(scope="module")
def all_pages():
    """Every page of the package, on the shipped results."""
    with gr.Blocks():
        app = AppContext(ModelManager(toy_solver), None, gr.State(None))
        return {entry.name: entry.build(app) for entry in pages_in_order()}


RESULTS = ("curves", "policy", "exchange", "verifier", "findings", "models")


@pytest.mark.slow
@pytest.mark.parametrize("name", RESULTS)
def test_a_page_begins_as_an_empty_address_says(all_pages, name):
    address = all_pages[name].address
    with gr.Blocks():
        note = gr.HTML()
    updates = open_address(address, all_keys({name: address}), note, f"#page={name}")
    assert updates.pop(note) == ""
    assert set(address.fields.values()) <= set(updates)
    for component in address.fields.values():
        assert updates[component] == component.value


@pytest.mark.slow
def test_a_key_means_one_thing_on_all_pages(all_pages):
    names = [key.name for key in all_keys({name: each.address for name, each in all_pages.items()})]
    assert len(set(names)) == len(names)


SET = {
    "curves": (
        "#level=3&curves=rebase&selector=best&scale=linear",
        {"level": 3, "scale": "linear"},
    ),
    "policy": ("#difficulty=oracle&samples=16&compute=seconds", {"samples": 16}),
    "exchange": ("#ratio=100&verifier=free&device=laptop", {"ratio": 2, "device": "laptop"}),
    "verifier": ("#search=beam", {"search": "beam"}),
    "findings": ("#finding=F12", {"finding": "F12"}),
    "models": ("#model=base-m", {"model": "base-m"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RESULTS)
def test_the_controls_of_a_page_of_results_stand_as_the_address_says(all_pages, name):
    address, (text, wanted) = all_pages[name].address, SET[name]
    with gr.Blocks():
        note = gr.HTML()
    keys = all_keys({name: address})
    updates = open_address(address, keys, note, text)
    assert updates[note] == ""
    assert {key: updates[address.fields[key]] for key in wanted} == wanted
    for bad in ("#sweep=/etc", "#samples=9", "#ratio=0", "#search=x", "#level=6", "#curves=loud"):
        updates = open_address(address, keys, note, bad)
        for component in address.fields.values():
            assert updates[component] == component.value


@pytest.mark.slow
def test_a_link_shows_no_model_that_is_not_of_the_list(all_pages):
    with gr.Blocks():
        note = gr.HTML()
    address = all_pages["models"].address
    for name in ("/etc", "http://169.254.169.254/v1", "own/own"):
        updates = open_address(address, all_keys({"models": address}), note, f"#model={name}")
        assert "A link can only show a model of the list" in str(updates[note])
        assert set(updates) == {note}
