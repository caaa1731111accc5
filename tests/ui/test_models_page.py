"""The page Models: what it says of each model, and that loading one exchanges those of all
pages."""

from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest
from gradio.helpers import special_args

from tests.search.fakes import ToyGenerator, ToyReviser, toy_run
from tests.server.toy_server import ToyServer
from tests.ui.toy_solver import toy_solver
from ttc_explorer.models import chat_client
from ttc_explorer.models.http_client import API_KEY_VARIABLE
from ttc_explorer.models.model_description import describe
from ttc_explorer.models.presets import MODEL_PRESETS
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.models.server_capabilities import ServerCapabilities
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.search.trace import dump_trace
from ttc_explorer.serving.limits import PUBLIC_LIMITS, Limits
from ttc_explorer.serving.model_manager import ModelManager, ModelSelection
from ttc_explorer.ui.components import models_view as board
from ttc_explorer.ui.components.models_view import ModelListItem
from ttc_explorer.ui.pages import models_page as module
from ttc_explorer.ui.pages.models_page import OAUTH_VARIABLES, ModelsPage, login_available

SECRET = "hf_of_the_visitor"
EVIL = "<img src=x onerror=alert(1)>"


def page_on(make_solver=lambda *name: toy_solver(), limits=None):
    with gr.Blocks():
        return ModelsPage(ModelManager(make_solver, limits=limits))


def shown(frames):
    last = {}
    for frame in frames:
        last |= frame
    return last


def test_the_shelf_lists_what_is_shipped_and_the_presets():
    page = page_on()
    first = page.open() | page.describe_chosen("")
    assert 'data-name="base-s" aria-pressed="true"' in first[page.model_list]
    assert first[page.model_list].count("<li>") == 4 + len(MODEL_PRESETS)
    assert "in use" in first[page.model_list]
    assert first[page.load] == gr.update(value="In use", interactive=False)
    assert "trained to write a better attempt" in first[page.details]
    assert page.chosen in first


def test_a_model_that_is_not_here_says_why_and_cannot_be_loaded():
    page = page_on()
    picked = page.pick(None, SimpleNamespace(name="Qwen2.5-Math-7B-Instruct"))
    assert "not downloaded" in picked[page.details]
    assert "7.6B weights" in picked[page.details]
    assert not picked[page.load]["interactive"]
    missing = page.own("no/such-model", "")
    assert "no/such-model" in missing[page.details]
    assert not missing[page.load]["interactive"]


def without_verifier():
    return [name for name, entry in STRATEGIES.items() if entry.verifier != "search"]


def test_a_model_without_a_verifier_says_what_cannot_run():
    said = replace(describe("base-s"), verifier=None, reviser=None)
    told = board.model_details(ModelListItem(board.SHIPPED, said))
    able = [name for name in without_verifier() if not STRATEGIES[name].needs_reviser]
    assert {"greedy", "best_of_n", "adaptive"} <= set(able)
    assert f"{len(able)} of {len(STRATEGIES)} strategies run with it" in told
    assert "needs a verifier" in told
    assert "needs a reviser" in told


@pytest.mark.parametrize("names", [("", ""), ("a+b", ""), ("x" * 401, ""), ("", "prm")])
def test_names_that_are_none_are_refused_at_the_field(names):
    page = page_on()
    assert set(page.own(*names)) == {page.input_error}


def test_an_address_is_asked_what_it_can_do_and_connected_to_not_loaded():
    page = page_on()
    with ToyServer().running() as running:
        told = page.own(running.address, "")
    assert told[page.load] == gr.update(value="Connect", interactive=True)
    assert "log-probabilities" in told[page.details]
    assert "512 tokens of context" in told[page.details]
    whole = [each for each in without_verifier() if not STRATEGIES[each].needs_prefix_continuation]
    assert f"{len(whole)} of {len(STRATEGIES)} strategies run with it" in told[page.details]
    nobody = page.own("http://127.0.0.1:1/v1", "")
    assert "cannot be reached" in nobody[page.details]
    assert not nobody[page.load]["interactive"]


def test_loading_exchanges_the_models_of_all_pages():
    made = []

    def make(*name):
        made.append(name[:1])
        if name:
            name[1]("1 of 2 GB downloaded")
        generator = ToyGenerator()
        generator.name = name[0] if name else "first"
        return toy_solver(generator)

    page = page_on(make)
    page.open()
    frames = list(page.load_models("base-m"))
    assert made == [(), ("base-m",)]
    last = shown(frames)
    assert 'data-state="done"' in last[page.status]
    assert "<h2>base-m</h2>" in last[page.in_use]
    assert page._model_manager.wait().model == "base-m"


def test_a_failed_load_keeps_the_old_models_and_is_one_sentence():
    def make(*name):
        if name:
            raise ModelError(f"There is no {EVIL}.")
        return toy_solver()

    page = page_on(make)
    page.open()
    last = shown(page.load_models("nothing"))
    assert "There is no &lt;img" in last[page.banner]
    assert last[page.status] == ""
    assert last[page.load]["interactive"]
    assert page._model_manager.wait().model == "toy generator"


def test_strangers_see_only_what_they_can_use():
    page = page_on(limits=PUBLIC_LIMITS)
    first = page.open() | page.describe_chosen("")
    assert "not usable" not in first[page.model_list]
    assert "Qwen" not in first[page.model_list]
    page = page_on(limits=Limits(models=(EVIL,)))
    assert EVIL not in page.open()[page.model_list]


def test_a_server_shows_what_it_really_does():
    found = ServerCapabilities("m", "m", completions=True, multiple_samples=True, samples_vary=True)
    generator = ToyGenerator()
    generator.capabilities, generator.name = found, EVIL
    model_manager = ModelManager(lambda: toy_solver(generator))
    told = board.models_in_use(model_manager.wait(60), "")
    assert EVIL not in told
    assert "✓ goes on from any text" in told
    assert "✗ same seed, same text" in told
    assert "another run" in told  # what comes of it


def test_a_service_that_only_chats_says_which_strategies_it_cannot_run():
    generator = ToyGenerator()
    generator.supports_prefix_continuation = False
    loaded = ModelManager(lambda: toy_solver(generator)).wait(60)
    assert "continues a solution from its middle" in board.models_in_use(loaded, "")
    assert loaded.missing("beam")
    assert not loaded.missing("best_of_n")


def test_the_reviser_in_use_is_said_to_be_prompted():
    made = toy_solver()
    made.reviser = ToyReviser()
    made.reviser.prompted = True
    assert "prompted reviser" in board.models_in_use(ModelManager(lambda: made).wait(60), "")


# --- a visitor's own account ----------------------------------------------------------------------


@pytest.fixture
def provider(monkeypatch):
    """An inference provider, in place of Hugging Face's."""
    monkeypatch.setenv(API_KEY_VARIABLE, "the-operators-own")
    with ToyServer({"completions"}).running() as running:
        monkeypatch.setattr(chat_client, "INFERENCE_ROUTER_URL", running.address)
        yield running


def adopted(page, model, choice, token=SECRET):
    """What the page says, called as Gradio calls it for who is logged in with that token."""
    login = {"access_token": token, "scope": "inference-api", "expires_at": None}
    session = SimpleNamespace(session={"oauth_info": login} if token else {})
    return page.adopt(*special_args(page.adopt, [model, choice], session)[0])


def test_a_visitors_login_pays_for_the_visitors_model_and_nobody_else_gets_it(provider, caplog):
    caplog.set_level("DEBUG")
    page = page_on(limits=PUBLIC_LIMITS)
    mine, other = ModelSelection(), ModelSelection()
    page.open(other)
    told = adopted(page, " org/model ", mine)
    loaded = page._model_manager.ready(mine)
    assert loaded.own
    assert not page._model_manager.ready(other).own
    assert loaded.missing("beam")
    assert not any(map(loaded.missing, ("best_of_n", "revise", "adaptive")))
    assert "paid by your account" in told[page.in_use]
    assert "in use" not in told[page.model_list]

    run = replace(toy_run("best_of_n", 4, selector="majority"), model=loaded.model, verifier=None)
    loaded.service.submit(run)
    while run.stopped is None:
        loaded.service.wait(run, len(run.tree.events), 10)
    assert run.error is None
    assert run.tree.solution_count() == 4
    assert {headers["Authorization"] for headers in provider.headers} == {f"Bearer {SECRET}"}
    again = page.open(mine) | page.describe_chosen("", mine)
    assert (
        SECRET not in f"{told} {again} {dump_trace(run).decode()} {caplog.text} {vars(loaded)} "
        f"{vars(mine)}"
    )

    shown(page.load_models("base-s", mine))  # back to those that are here
    assert not page._model_manager.ready(mine).own


@pytest.mark.slow
@pytest.mark.parametrize("status", [401, 403, 402])
def test_a_login_that_is_refused_changes_nothing_and_is_not_shown(provider, caplog, status):
    caplog.set_level("DEBUG")
    page, mine = page_on(), ModelSelection()
    provider.faults.append((status, {}, {"error": {"message": f"bad {SECRET}"}}))
    told = adopted(page, "org/model", mine)
    assert set(told) == {page.hosted_error}
    assert str(status) in told[page.hosted_error]
    assert SECRET not in str(told) + caplog.text
    assert (status == 402) != ("log in again" in told[page.hosted_error])
    assert mine.own is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "token", "match"),
    [
        ("org/model", None, "Log in"),
        ("org/model", "", "Log in"),
        ("model", SECRET, "as Hugging Face does"),
        ("http://127.0.0.1:1/v1", SECRET, "as Hugging Face does"),
        ("a/b\n", SECRET, None),
        ("../x?y=1", SECRET, "as Hugging Face does"),
        ("o" * 999 + "/m", SECRET, "as Hugging Face does"),
    ],
)
def test_nothing_is_asked_without_a_login_or_for_what_is_no_name(provider, model, token, match):
    page, mine = page_on(), ModelSelection()
    told = adopted(page, model, mine, token)
    if match is None:
        assert mine.own is not None
        return
    assert match in told[page.hosted_error]
    assert provider.requests == []


def test_the_login_is_offered_only_where_it_can_work(monkeypatch):
    space = dict.fromkeys(OAUTH_VARIABLES, "x") | {
        "SYSTEM": "spaces",
        "SPACE_ID": "somebody/ttc-explorer",
    }
    monkeypatch.setattr(module, "find_spec", lambda name: name)
    assert login_available(space)
    for missing in space:
        assert not login_available({key: value for key, value in space.items() if key != missing})
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert not login_available(space)
