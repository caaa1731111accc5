"""Models: choose who answers and who judges, see what that needs and can do, and load it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import gradio as gr

from ttc_explorer.asset_files import GALLERY_FOLDER, MODELS_FOLDER
from ttc_explorer.experiments.solver import Solver
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.serving.limits import SHIPPED_GENERATORS
from ttc_explorer.serving.model_manager import ModelManager, ModelSelection
from ttc_explorer.ui.address.address_state import AddressState
from ttc_explorer.ui.address.page_address import PageAddress
from ttc_explorer.ui.components import models_view as board
from ttc_explorer.ui.components.basic_inputs import control_heading, hidden_value, html_block
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates, error_sentence, guarded
from ttc_explorer.ui.components.messages import banner, status_line
from ttc_explorer.ui.components.models_view import ModelListItem
from ttc_explorer.ui.components.page_signals import on_load
from ttc_explorer.ui.components.pickable_html import pickable_html
from ttc_explorer.ui.components.run_gallery_panel import RunGalleryPanel
from ttc_explorer.ui.html_templates import render_macro
from ttc_explorer.ui.page import AppContext, Page, PageIntro, page

if TYPE_CHECKING:
    from ttc_explorer.models.described_models import ModelSetDescription

MEASURED_FILE = MODELS_FOLDER / "measured.json"
PROGRESS_POLL_SECONDS = 0.3
"""Seconds between two looks at how far loading is."""
MAX_NAME_CHARACTERS = 400
"""Characters of a name."""
PRIVATE_MODELS_NOTE = (
    "Your pages get these models, until you close them; other visitors keep theirs."
)
PROVIDER_BILLING_NOTE = (
    "A chat model that one of Hugging Face's Inference Providers runs, for you alone: your account "
    "is charged, with a call for every solution. It only chats, so strategies that continue a "
    "solution cannot run on it."
)
OAUTH_VARIABLES = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")
"""What a Space has in its environment whose card says ``hf_oauth: true``."""


def login_available(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether visitors can log in with Hugging Face: on a Space that is set up for it, where what
    Gradio needs for it is installed (as on every Space that is no Docker Space). Gradio cannot
    start with the button where that is missing, and elsewhere would log everybody in as whoever
    runs this."""
    space = environment.get("SYSTEM") == "spaces" and environment.get(
        "SPACE_ID"
    )  # as Gradio tells a Space
    packages = find_spec("authlib") and find_spec("itsdangerous")
    return bool(space and packages and all(map(environment.get, OAUTH_VARIABLES)))


@page(
    "models",
    title="Models",
    order=80,
    intro=PageIntro(
        "Who answers, and who judges.",
        see="The models that can be used here: what they are, how large, how well they do on "
        "a first try.",
        act="Choose a generator and a verifier and load them, for yourself alone.",
        why="Test-time compute is spent by a model: a stronger one starts higher, and costs "
        "more a token.",
    ),
)
def build(app: AppContext) -> ModelsPage:
    """Put the page where we are."""
    return ModelsPage(app.model_manager, app.selection)


class ModelsPage(Page):
    """The page. Make it inside ``gr.Blocks``. Where rules list the models, there are no fields for
    others."""

    def __init__(self, model_manager: ModelManager, selection: gr.State | None = None) -> None:
        self._model_manager = model_manager
        self.selection = selection or gr.State(None)
        self.chosen = gr.State("")
        self.shown = hidden_value("models-shown")  # what is chosen, if a link may say it
        with gr.Row(equal_height=False, elem_id="models"):
            with gr.Column(elem_id="models-choice", elem_classes="plate", min_width=0):
                self.model_list = pickable_html(
                    "models-shelf",
                    status_line("loading", "Looking at what is here …"),
                    "models-one",
                )
                self._build_own_fields(visible=model_manager.limits.models is None)
                self._build_account_fields()
            with gr.Column(elem_id="models-side", min_width=0):
                with gr.Column(elem_id="models-now", elem_classes="plate", min_width=0):
                    self.in_use = html_block(
                        "models-in-use", board.models_in_use(model_manager.ready(), "")
                    )
                with gr.Column(elem_id="models-one", elem_classes="plate", min_width=0):
                    self.details = html_block(
                        "models-details", render_macro("hint", "Choose a model to see what it is.")
                    )
                    self.banner = html_block("models-banner")
                    with gr.Row(elem_id="models-go"):
                        self.load = gr.Button(
                            "Load",
                            variant="primary",
                            elem_id="models-load",
                            min_width=0,
                            interactive=False,
                        )
                        self.status = html_block("models-status")
                    html_block(
                        "models-all",
                        render_macro("hint", PRIVATE_MODELS_NOTE),
                    )
        self.gallery = RunGalleryPanel(GALLERY_FOLDER)
        self._connect()

    def _build_own_fields(self, visible: bool) -> None:
        with gr.Column(elem_id="models-own", min_width=0, visible=visible):
            control_heading("Your own")
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
            self.input_error = html_block("models-unread")
            self.describe_button = gr.Button(
                "Look at it", min_width=0, elem_id="models-look", size="md"
            )

    def _build_account_fields(self) -> None:
        with gr.Column(elem_id="models-account", min_width=0, visible=login_available()):
            control_heading("With your own account")
            html_block("models-pays", render_macro("hint", PROVIDER_BILLING_NOTE))
            if login_available():
                gr.LoginButton(elem_id="models-login", size="md", min_width=0)
            self.hosted = gr.Textbox(
                label="Its Hugging Face name, and :PROVIDER if you want a certain one",
                placeholder="Qwen/Qwen2.5-7B-Instruct",
                max_lines=1,
                elem_id="models-hosted",
            )
            self.hosted_error = html_block("models-unhosted")
            self.adopt_button = gr.Button("Use it", min_width=0, elem_id="models-take", size="md")

    def _connect(self) -> None:
        quick: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        one = self._described
        self.refresh(on_load())
        self.model_list.pick(self.pick, self.selection, one, **quick)
        gr.on(
            [self.describe_button.click, self.generator.submit, self.verifier.submit],
            self.own,
            [self.generator, self.verifier, self.selection],
            one,
            **quick,
        )
        gr.on(
            [self.adopt_button.click, self.hosted.submit],
            self.adopt,
            [self.hosted, self.selection],
            [self.model_list, self.in_use, self.hosted_error, self.load, self.status],
            trigger_mode="once",
            **quick,
        )
        self.loaded = self.load.click(
            self.load_models,
            [self.chosen, self.selection],
            [self.model_list, self.in_use, self.banner, self.load, self.status],
            trigger_mode="once",
            concurrency_limit=None,
            **quick,
        )

    @property
    def _described(self) -> list[Any]:
        """What changes with the model that is looked at."""
        return [
            self.chosen, self.shown, self.details, self.banner, self.input_error, self.load,
            self.status,
        ]  # fmt: skip

    @property
    def address(self) -> PageAddress:
        """The model that is looked at, as the address has it: one of the list."""
        return PageAddress(
            {"model": self.shown}, apply=self.apply_state, outputs=(self.chosen, self.shown)
        )

    def apply_state(self, state: AddressState) -> ComponentUpdates:
        """Look at the model that an address says, else at the one in use. Raises BadInput."""
        name = str(state.get("model", ""))
        if name and name not in self._listed_names():
            raise BadInput("A link can only show a model of the list: choose another.")
        return {self.chosen: name, self.shown: name}

    # --- what it does -----------------------------------------------------------------------------

    def open(self, selection: ModelSelection | None = None) -> ComponentUpdates:
        """The model list as it is now."""
        with suppress(BadInput, ModelError):  # else the list says of none that it is in use
            self._model_manager.wait(selection=selection)
        return self._in_use_updates(selection)

    def describe_chosen(
        self, chosen: str, selection: ModelSelection | None = None
    ) -> ComponentUpdates:
        """What the chosen model is, or else that in use."""
        return self._description_updates(
            chosen or self._used_name(selection) or SHIPPED_GENERATORS[0], selection
        )

    def refresh(self, *events: Any) -> None:
        """Look again at what is here whenever one of these events comes.

        What is chosen is read only when the list is there, which may take a while at first: a
        visitor may have named a model by then, and sees that one.
        """
        hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        gr.on(
            list(events), self.open, [self.selection], [self.model_list, self.in_use], **hidden
        ).then(
            self.describe_chosen,
            [self.chosen, self.selection],
            self._described,
            **hidden,
        )

    def pick(self, selection: ModelSelection | None, event: gr.EventData) -> ComponentUpdates:
        """Show what a model of the model list is."""
        return self._description_updates(str(event.name)[:MAX_NAME_CHARACTERS], selection)

    def own(
        self, generator: str, verifier: str, selection: ModelSelection | None = None
    ) -> ComponentUpdates:
        """Show what is known of models that somebody named."""
        parts = [part.strip() for part in (generator, verifier)]
        if (
            not parts[0]
            or max(map(len, parts)) > MAX_NAME_CHARACTERS
            or any("+" in part for part in parts)
        ):
            sentence = (
                "Name a folder, a Hugging Face model such as Qwen/Qwen2.5-0.5B-Instruct, "
                "or an address."
            )
            return {self.input_error: banner(sentence)}
        return self._description_updates(
            "+".join(filter(None, parts)), selection, field=self.input_error
        )

    def load_models(
        self, name: str, selection: ModelSelection | None = None
    ) -> Iterator[ComponentUpdates]:
        """Load the chosen models, and say how far that is. What goes wrong is one sentence."""
        model_manager, sentence = self._model_manager, ""
        try:
            model_manager.choose(name, selection)
            yield {self.load: gr.update(interactive=False), self.banner: ""}
            while model_manager.wait(PROGRESS_POLL_SECONDS, selection) is None:
                line = model_manager.progress(selection)
                yield {
                    self.status: status_line("loading", line),
                    self.in_use: board.models_in_use(None, line),
                }
            sentence = model_manager.failure(selection)
        except Exception as error:
            sentence = error_sentence(error, "ModelsPage.load_models")
        done = not sentence
        yield self._in_use_updates(selection, name) | {
            self.banner: banner(sentence),
            self.status: status_line("done", "In use on all your pages.") if done else "",
            self.load: gr.update(value="In use") if done else gr.update(interactive=True),
        }

    @guarded("hosted_error")
    def adopt(
        self, model: str, selection: ModelSelection, login: gr.OAuthToken | None
    ) -> ComponentUpdates:
        """Have one visitor use a provider's model, paid by the account that is logged in: nobody
        else's, and no key of the environment. The token is kept in the connection alone."""
        from ttc_explorer.models.chat_client import connect_inference_provider

        generator = connect_inference_provider(model.strip(), login.token if login else None)
        solver = Solver.from_models(generator, reviser=generator)
        self._model_manager.adopt(solver, generator.name, selection)
        return self._in_use_updates(selection) | {
            self.hosted_error: status_line(
                "done", "In use on your pages, until you load another one."
            ),
            self.load: gr.update(value="Load", interactive=True),
            self.status: "",
        }

    def _used_name(self, selection: ModelSelection | None) -> str | None:
        """The name of the models in use; None if they are a visitor's own, and so none of the model
        list."""
        loaded = self._model_manager.ready(selection)
        if loaded is not None and loaded.own:
            return None
        return (loaded.name if loaded else None) or SHIPPED_GENERATORS[0]

    def _in_use_updates(
        self, selection: ModelSelection | None, chosen: str = ""
    ) -> ComponentUpdates:
        loaded = self._model_manager.ready(selection)
        used = self._used_name(selection) if loaded else None
        return {
            self.model_list: board.model_list(
                self._list_items(), chosen or self._used_name(selection) or "", used
            ),
            self.in_use: board.models_in_use(loaded, self._model_manager.progress(selection)),
        }

    def _description_updates(
        self, name: str, selection: ModelSelection | None, field: gr.HTML | None = None
    ) -> ComponentUpdates:
        """What a model is; a name that leads nowhere is said at ``field``."""
        empty = {self.input_error: "", self.banner: "", self.status: ""}
        try:
            self._model_manager.limits.check_model(name)
            description = self._model_manager.describe(name)
        except (BadInput, ModelError) as error:
            return empty | {field or self.banner: banner(str(error))}
        item = ModelListItem(board.SHIPPED, description, _measured_accuracy().get(name))
        return empty | {
            self.chosen: name,
            self.shown: name if name in self._listed_names() else "",
            self.details: board.model_details(item),
            self.load: self._load_button(description, selection),
        }

    def _load_button(
        self, description: ModelSetDescription, selection: ModelSelection | None
    ) -> dict[str, Any]:
        """How the models can be had."""
        if self._model_manager.ready(selection) is not None and description.name == self._used_name(
            selection
        ):
            return gr.update(value="In use", interactive=False)
        word = "Connect" if description.generator.source == "server" else "Load"
        return gr.update(value=word, interactive=description.unusable is None)

    def _list_items(self) -> list[ModelListItem]:
        """What the model list offers: of a list, what can be used; else all that is shipped or has
        a preset."""
        listed, describe = self._model_manager.limits.models, self._model_manager.describe
        right = _measured_accuracy()
        items = [
            ModelListItem(board.SHIPPED, describe(name), right.get(name))
            for name in SHIPPED_GENERATORS
        ]
        more = self._listed_names()[len(items) :]
        if listed is None:
            return items + [ModelListItem(board.HUB, describe(name)) for name in more]
        items += [ModelListItem(board.LISTED, describe(name)) for name in more]
        return [item for item in items if not item.description.unusable]

    def _listed_names(self) -> list[str]:
        """The models of the list, the shipped ones first."""
        from ttc_explorer.models.presets import MODEL_PRESETS

        listed = self._model_manager.limits.models
        return list(
            dict.fromkeys((*SHIPPED_GENERATORS, *(MODEL_PRESETS if listed is None else listed)))
        )


def _measured_accuracy() -> dict[str, float]:
    """Shipped generator -> share of test problems that one sample gets right."""
    try:
        found = json.loads(MEASURED_FILE.read_text("utf-8"))["generators"]
        return {name: figures["pass@1"] for name, figures in found.items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
