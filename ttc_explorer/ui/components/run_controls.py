"""Run and Stop: what starts runs and draws them, on Explore and Compare alike.

A press on Run is three events, one after the other, because Gradio rebuilds every output that a
frame leaves out: the first reads what was asked and waits for the models, the second streams the
picture and has that one output, the third says how it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

import gradio as gr

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.serving.model_manager import LoadedModels, ModelManager, ModelSelection
from ttc_explorer.serving.visitor import visitor_name
from ttc_explorer.ui.address.address_state import AddressState
from ttc_explorer.ui.address.page_address import PageAddress
from ttc_explorer.ui.components.basic_inputs import hidden_value, html_block
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates
from ttc_explorer.ui.components.messages import banner, status_line
from ttc_explorer.ui.components.question_note import OPEN_MODELS

POLL_SECONDS = 0.1
"""Seconds between two looks at models that are on their way, at most."""
FRAME_SECONDS_A_RUN = 0.025
"""Seconds between two pictures that each run in progress adds: forty pictures a second for all."""
MAX_FRAME_SECONDS = 0.5
"""Seconds between two pictures at most: a closed tab is noticed when one is sent."""
WAITING_FRAME_SECONDS = 2.0
"""The same while a run waits for a place, and so holds none."""


def frame_seconds(shortest: float, runs: int) -> float:
    """Seconds between two pictures of a growing tree, at least: more while many runs grow, since
    pictures for many people cost what the searches need.

    >>> [frame_seconds(0.1, runs) for runs in (1, 4, 16, 50)]
    [0.1, 0.1, 0.4, 0.5]
    """
    return min(MAX_FRAME_SECONDS, max(shortest, FRAME_SECONDS_A_RUN * runs))


def frames_or(
    frames: Iterator[ComponentUpdates], otherwise: ComponentUpdates
) -> Iterator[ComponentUpdates]:
    """The frames; ``otherwise`` if there is none."""
    yield next(frames, otherwise)
    yield from frames


def visitor_of(request: gr.Request | None) -> str | None:
    """Whose request it is."""
    if request is None:
        return None
    client = getattr(request, "client", None)
    return visitor_name(client and client.host, request.session_hash)


class RunSession:
    """Where one visitor stands with Run and Stop; kept in their session.

    ``running`` from a press on Run until its end; ``stop`` when they want it to end; ``outcome``,
    how it ended: state and text for the status, and a sentence on what went wrong, each empty for
    nothing to say; ``visitor``, whose runs these are when places are shared out.
    """

    def __init__(self) -> None:
        self.visitor: str | None = None
        self.running = self.stop = False
        self.outcome: tuple[tuple[str, str] | None, str] = (None, "")

    def begin(self) -> None:
        self.running, self.stop, self.outcome = True, False, (None, "")


class RunControls:
    """The controls, to be made where they stand.

    Args:
        label: what the button that starts says.
        prefix: of the ids on the page.
    """

    def __init__(self, label: str, prefix: str = "") -> None:
        self.banner = html_block(f"{prefix}banner")
        with gr.Row(elem_id=f"{prefix}buttons"):
            self.start = gr.Button(label, variant="primary", elem_id=f"{prefix}run", min_width=0)
            self.stop = gr.Button(
                "Stop", variant="stop", elem_id=f"{prefix}stop", min_width=0, interactive=False
            )
        self.status = html_block(f"{prefix}status", status_line("ready", "Ready."))
        self.model = gr.Button("", elem_id=f"{prefix}model", min_width=0, size="sm")
        self.model.click(None, None, None, js=OPEN_MODELS, api_visibility="private")
        self.model_name = hidden_value(f"{prefix}model-name")  # for the address
        self.outputs = [self.banner, self.start, self.stop, self.status, *self.models]

    @property
    def models(self) -> list[Any]:
        """What ``name_models`` changes."""
        return [self.model, self.model_name]

    def connect(
        self,
        session: gr.State,
        problem: gr.Textbox,
        prepare: Callable[[ComponentUpdates], Iterator[ComponentUpdates]],
        inputs: list[Any],
        outputs: list[Any],
        draw: Callable[[Any], Iterator[ComponentUpdates]],
        picture: gr.HTML,
        page: str,
        address: PageAddress,
    ) -> Any:
        """Connect the buttons, and Enter in the field of the problem.

        Args:
            session: the visitor's ``RunSession``.
            problem: the field.
            prepare: given the values of ``inputs`` by component, gets a run ready.
            inputs: what it reads.
            outputs: what it changes beside the controls.
            draw: given the session, yields the picture of what was prepared, until it ends.
            picture: where that goes.
            page: name of the page.
            address: how it stands in the address, which says from now on that this was run.

        Returns:
            The event of the end, for more to come after it.
        """
        streaming: dict[str, Any] = {
            "show_progress": "hidden", "concurrency_limit": None, "api_visibility": "private"
        }  # fmt: skip

        # Gradio empties the outputs of a generator that ends without a frame: it has one then; only
        # then, since Gradio makes anew what a frame skips.
        def prepare_first(values: ComponentUpdates) -> Iterator[ComponentUpdates]:
            yield from frames_or(prepare(values), {self.start: gr.skip()})

        read = {session, *inputs, *address.fields.values()}  # a script gets them by their ids
        prepared = gr.on(
            [self.start.click, problem.submit],
            prepare_first,
            read,
            [*self.outputs, *outputs],
            trigger_mode="once",
            js=address.script("ran", page, sorted(read, key=lambda component: component._id)),
            **streaming,
        )
        return self.connect_drawing(prepared, session, draw, picture)

    def connect_drawing(
        self,
        prepared: Any,
        session: gr.State,
        draw: Callable[[Any], Iterator[ComponentUpdates]],
        picture: gr.HTML,
    ) -> Any:
        """Let the run be drawn that an event has got ready; arguments and result as of
        ``connect``."""
        streaming: dict[str, Any] = {
            "show_progress": "hidden", "concurrency_limit": None, "api_visibility": "private"
        }  # fmt: skip
        at_once: dict[str, Any] = {
            "queue": False, "show_progress": "hidden", "api_visibility": "private"
        }  # fmt: skip

        def draw_first(session: Any, request: gr.Request) -> Iterator[ComponentUpdates]:
            session.visitor = visitor_of(request)
            yield from frames_or(draw(session), {picture: gr.skip()})

        ended = prepared.then(draw_first, session, picture, **streaming)
        return ended.then(self.finish, session, self.outputs, **at_once)

    def name_models(self, manager: ModelManager, choice: ModelSelection | None) -> ComponentUpdates:
        """Who will answer, and who judges, on the button that leads to others."""
        loaded = manager.ready(choice)
        answers = loaded.model if loaded else manager.name(choice)
        judge = f", judged by {loaded.verifier}" if loaded and loaded.verifier else ""
        return {
            self.model: f"Model: {answers}{judge} · change",
            self.model_name: manager.name_in_links(choice),
        }

    def follow_link(
        self, manager: ModelManager, state: AddressState, choice: ModelSelection | None
    ) -> ComponentUpdates:
        """Use the models that an address names; in the banner, why that cannot be."""
        try:
            manager.follow_link(str(state.get("model", "")), choice)
        except BadInput as error:
            return {self.banner: banner(str(error))}
        return {self.banner: ""}

    def begin(self) -> ComponentUpdates:
        """What a press on Run changes at once."""
        return {
            self.banner: "",
            self.start: gr.update(interactive=False),
            self.stop: gr.update(interactive=True),
        }

    def finish(self, session: RunSession) -> ComponentUpdates:
        """The buttons as before, and how it ended; nothing while another run goes on."""
        if session.running:
            return {self.start: gr.skip()}
        status, error = session.outcome
        updates: ComponentUpdates = {
            self.start: gr.update(interactive=True),
            self.stop: gr.update(interactive=False),
        }
        if status:
            updates[self.status] = status_line(*status)
        if error:
            updates[self.banner] = banner(error)
        return updates

    def wait_for_models(
        self, manager: ModelManager, session: RunSession, choice: ModelSelection | None
    ) -> Generator[ComponentUpdates, None, LoadedModels | None]:
        """Wait for the models; return them, or None if the visitor stopped meanwhile."""
        manager.start_loading(choice)
        loaded = manager.wait(0, choice)
        while loaded is None and not session.stop:
            yield {self.status: status_line("loading", "Loading the models …")}
            loaded = manager.wait(POLL_SECONDS, choice)
        if session.stop:
            session.outcome = (("cancelled", "Stopped while the models were loading."), "")
            return None
        return loaded
