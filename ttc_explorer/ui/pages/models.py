"""Models: choose who answers and who judges, see what that needs and can do, and load it."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.public import SIZES
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.run import Run
from ttc_explorer.ui import model_board as board
from ttc_explorer.ui import panels
from ttc_explorer.ui.engine import Choice, Engine
from ttc_explorer.ui.model_board import Item
from ttc_explorer.ui.pages.explore import OUR_FAULT, Frame
from ttc_explorer.ui.parts import heading, html

if TYPE_CHECKING:
    from ttc_explorer.models.description import Description

log = logging.getLogger(__name__)

MEASURED = Path(__file__).parents[3] / "assets" / "models" / "measured.json"
PACE = 0.3
"""Seconds between two looks at how far loading is."""
LONGEST = 400
"""Characters of a name."""
FOR_ALL = "Everybody who uses this app gets these models. Runs in progress end on the old ones first."
FOR_YOU = "Your pages get these models, until you close them; other visitors keep theirs."
YOU_PAY = (
    "A chat model that one of Hugging Face's Inference Providers runs, for you alone: your account is "
    "charged, with a call for every solution. It only chats, so strategies that continue a solution cannot "
    "run on it."
)
LOGIN = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")
"""What a Space has in its environment whose card says ``hf_oauth: true``."""


def logs_in(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether visitors can log in with Hugging Face: on a Space that is set up for it, where what Gradio
    needs for it is installed (as on every Space that is no Docker Space). Gradio cannot start with the button
    where that is missing, and elsewhere would log everybody in as whoever runs this."""
    space = environment.get("SYSTEM") == "spaces" and environment.get("SPACE_ID")  # as Gradio tells a Space
    packages = find_spec("authlib") and find_spec("itsdangerous")
    return bool(space and packages and all(map(environment.get, LOGIN)))


def build(engine: Engine, opening: Run | None, choice: gr.State) -> ModelsPage:
    """Put the page where we are."""
    return ModelsPage(engine, choice)


class ModelsPage:
    """The page. Make it inside ``gr.Blocks``. Where rules list the models, there are no fields for others."""

    _grader: Any = None  # of all visitors' own models

    def __init__(self, engine: Engine, choice: gr.State | None = None) -> None:
        self._engine = engine
        self.choice = choice or gr.State(None)
        self.chosen = gr.State("")
        with gr.Row(equal_height=False, elem_id="models"):
            with gr.Column(elem_id="models-choice", elem_classes="plate", min_width=0):
                self.shelf = gr.HTML(
                    panels.status("loading", "Looking at what is here …"),
                    elem_id="models-shelf",
                    js_on_load=_PICK,
                    apply_default_css=False,
                )
                self._own(visible=engine.rules.models is None)
                self._account()
            with gr.Column(elem_id="models-side", min_width=0):
                with gr.Column(elem_id="models-now", elem_classes="plate", min_width=0):
                    self.now = html("models-in-use", board.now(engine.ready(), ""))
                with gr.Column(elem_id="models-one", elem_classes="plate", min_width=0):
                    self.details = html(
                        "models-details", '<p class="hint">Choose a model to see what it is.</p>'
                    )
                    self.banner = html("models-banner")
                    with gr.Row(elem_id="models-go"):
                        self.load = gr.Button(
                            "Load", variant="primary", elem_id="models-load", min_width=0, interactive=False
                        )
                        self.status = html("models-status")
                    html("models-all", f'<p class="hint">{FOR_YOU if engine.rules.public else FOR_ALL}</p>')
        self.opener = gr.HTML("", js_on_load="trigger('input')", apply_default_css=False)
        self._connect()

    def _own(self, visible: bool) -> None:
        with gr.Column(elem_id="models-own", min_width=0, visible=visible):
            heading("Your own")
            self.generator = gr.Textbox(
                label="A folder, a Hugging Face name, or the address of a server",
                placeholder="Qwen/Qwen2.5-0.5B-Instruct or http://localhost:8000/v1",
                max_lines=1,
                elem_id="models-generator",
            )
            self.verifier = gr.Textbox(
                label="Verifier, if you have one: the same kinds of names",
                placeholder="Skywork/Skywork-o1-Open-PRM-Qwen-2.5-1.5B",
                max_lines=1,
                elem_id="models-verifier",
            )
            self.unread = html("models-unread")
            self.look = gr.Button("Look at it", min_width=0, elem_id="models-look", size="md")

    def _account(self) -> None:
        with gr.Column(elem_id="models-account", min_width=0, visible=logs_in()):
            heading("With your own account")
            html("models-pays", f'<p class="hint">{YOU_PAY}</p>')
            if logs_in():
                gr.LoginButton(elem_id="models-login", size="md", min_width=0)
            self.hosted = gr.Textbox(
                label="Its Hugging Face name, and :PROVIDER if you want a certain one",
                placeholder="Qwen/Qwen2.5-7B-Instruct",
                max_lines=1,
                elem_id="models-hosted",
            )
            self.unhosted = html("models-unhosted")
            self.take = gr.Button("Use it", min_width=0, elem_id="models-take", size="md")

    def _connect(self) -> None:
        quick: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        one = [self.chosen, self.details, self.banner, self.unread, self.load, self.status]
        self.opener.input(self.open, [self.chosen, self.choice], [self.shelf, self.now, *one], **quick)
        self.shelf.pick(self.pick, self.choice, one, **quick)
        gr.on(
            [self.look.click, self.generator.submit, self.verifier.submit],
            self.own,
            [self.generator, self.verifier, self.choice],
            one,
            **quick,
        )
        gr.on(
            [self.take.click, self.hosted.submit],
            self.adopt,
            [self.hosted, self.choice],
            [self.shelf, self.now, self.unhosted, self.load, self.status],
            trigger_mode="once",
            **quick,
        )
        self.loaded = self.load.click(
            self.exchange,
            [self.chosen, self.choice],
            [self.shelf, self.now, self.banner, self.load, self.status],
            trigger_mode="once",
            concurrency_limit=None,
            **quick,
        )

    # --- what it does -----------------------------------------------------------------------------------

    def open(self, chosen: str, choice: Choice | None = None) -> Frame:
        """The shelf as it is now, and the model in use, chosen."""
        with suppress(BadInput, ModelError):  # loading imports what describing does: one after the other
            self._engine.wait(choice=choice)
        return self._used(choice) | self._shown(chosen or self._name(choice) or SIZES[0], choice)

    def refresh(self, *events: Any) -> None:
        """Look again at what is here whenever one of these events comes."""
        outputs = [
            self.shelf, self.now, self.chosen, self.details, self.banner, self.unread, self.load, self.status
        ]  # fmt: skip
        hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        gr.on(list(events), self.open, [self.chosen, self.choice], outputs, **hidden)

    def pick(self, choice: Choice | None, event: gr.EventData) -> Frame:
        """Show what a model of the shelf is."""
        return self._shown(str(event.name)[:LONGEST], choice)

    def own(self, generator: str, verifier: str, choice: Choice | None = None) -> Frame:
        """Show what is known of models that somebody named."""
        parts = [part.strip() for part in (generator, verifier)]
        if not parts[0] or max(map(len, parts)) > LONGEST or any("+" in part for part in parts):
            sentence = (
                "Name a folder, a Hugging Face model such as Qwen/Qwen2.5-0.5B-Instruct, or an address."
            )
            return {self.unread: panels.banner(sentence)}
        return self._shown("+".join(filter(None, parts)), choice, field=self.unread)

    def exchange(self, name: str, choice: Choice | None = None) -> Iterator[Frame]:
        """Load the chosen models, and say how far that is. What goes wrong is one sentence."""
        engine, sentence = self._engine, ""
        try:
            engine.choose(name, choice)
            yield {self.load: gr.update(interactive=False), self.banner: ""}
            while engine.wait(PACE, choice) is None:
                line = engine.progress(choice)
                yield {self.status: panels.status("loading", line), self.now: board.now(None, line)}
            sentence = engine.failure(choice)
        except (BadInput, ModelError) as error:
            sentence = str(error)
        except Exception:
            log.exception("models could not be exchanged")
            sentence = OUR_FAULT
        done = not sentence
        yield self._used(choice, name) | {
            self.banner: panels.banner(sentence),
            self.status: panels.status("done", "In use on all pages.") if done else "",
            self.load: gr.update(value="In use") if done else gr.update(interactive=True),
        }

    def adopt(self, model: str, choice: Choice, login: gr.OAuthToken | None) -> Frame:
        """Have one visitor use a provider's model, paid by the account that is logged in: nobody else's, and
        no key of the environment. The token is kept in the connection alone."""
        from ttc_explorer.models.chat import hosted
        from ttc_explorer.problems.grading import Grader, examine

        try:
            generator = hosted(model.strip(), login.token if login else None)
            self._grader = self._grader or Grader()
            examined = partial(examine, grader=self._grader)
            self._engine.adopt(Driver(generator, None, examined, reviser=generator), generator.name, choice)
        except (BadInput, ModelError) as error:
            return {self.unhosted: panels.banner(str(error))}
        return self._used(choice) | {
            self.unhosted: panels.status("done", "In use on your pages, until you load another one."),
            self.load: gr.update(value="Load", interactive=True),
            self.status: "",
        }

    def _name(self, choice: Choice | None) -> str | None:
        """The name of the models in use; None if they are a visitor's own, and so none of the shelf."""
        loaded = self._engine.ready(choice)
        if loaded is not None and loaded.own:
            return None
        return (loaded.name if loaded else None) or SIZES[0]

    def _used(self, choice: Choice | None, chosen: str = "") -> Frame:
        loaded = self._engine.ready(choice)
        used = self._name(choice) if loaded else None
        return {
            self.shelf: board.shelf(self._items(), chosen or self._name(choice) or "", used),
            self.now: board.now(loaded, self._engine.progress(choice)),
        }

    def _shown(self, name: str, choice: Choice | None, field: gr.HTML | None = None) -> Frame:
        """What a model is; a name that leads nowhere is said at ``field``."""
        from ttc_explorer.models.description import describe

        empty = {self.unread: "", self.banner: "", self.status: ""}
        try:
            self._engine.rules.check_model(name)
            said = describe(name)
        except (BadInput, ModelError) as error:
            return empty | {field or self.banner: panels.banner(str(error))}
        item = Item(board.SHIPPED, said, _measured().get(name))
        return empty | {
            self.chosen: name,
            self.details: board.details(item),
            self.load: self._button(said, choice),
        }

    def _button(self, said: Description, choice: Choice | None) -> dict[str, Any]:
        """How the models can be had."""
        if self._engine.ready(choice) is not None and said.name == self._name(choice):
            return gr.update(value="In use", interactive=False)
        word = "Connect" if said.generator.source == "server" else "Load"
        return gr.update(value=word, interactive=said.unusable is None)

    def _items(self) -> list[Item]:
        """What the shelf offers: of a list, what can be used; else all that is shipped or has a preset."""
        from ttc_explorer.models.description import describe
        from ttc_explorer.models.presets import PRESETS

        listed = self._engine.rules.models
        right = _measured()
        items = [Item(board.SHIPPED, describe(name), right.get(name)) for name in SIZES]
        if listed is None:
            return items + [Item(board.HUB, describe(name)) for name in PRESETS]
        more = [Item(board.LISTED, describe(name)) for name in listed if name not in SIZES]
        return [item for item in items + more if not item.said.unusable]


def _measured() -> dict[str, float]:
    """Shipped generator -> share of test problems that one sample gets right."""
    try:
        found = json.loads(MEASURED.read_text("utf-8"))["generators"]
        return {name: figures["pass@1"] for name, figures in found.items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


_PICK = """
element.addEventListener("click", (event) => {
  const row = event.target.closest?.("button[data-name]");
  if (!row) return;
  for (const other of element.querySelectorAll("button[data-name]"))
    other.setAttribute("aria-pressed", other === row);
  trigger("pick", { name: row.dataset.name });
  if (matchMedia("(max-width: 999px)").matches)  // there it stands below
    document.querySelector("#models-one").scrollIntoView({ behavior: "smooth" });
});
"""
