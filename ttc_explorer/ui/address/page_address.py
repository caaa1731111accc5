"""How pages stand in the address: which of their components the keys of the address mean.

What a visitor sets goes from the components into the address within the browser
(``address_bar.js``). An address that is opened comes to the server as text; it is read here, and
the page that it names sets its controls.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from ttc_explorer.ui.address.address_state import (
    AddressKey,
    AddressState,
    browser_keys,
    page_keys,
    parse_address,
)
from ttc_explorer.ui.components.basic_inputs import hidden_value
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates, error_sentence
from ttc_explorer.ui.components.messages import banner
from ttc_explorer.ui.run_viewer.module_bundler import bundle_modules

FORGET_RUN = "(...values) => { window.ttcAddress?.forgetRun('explore'); return values; }"
"""The script of an event that puts a run on screen which the controls of Explore do not say."""
FOLDER = Path(__file__).parent

ApplyState = Callable[..., ComponentUpdates]
"""Given a state and the values of ``inputs``, the updates that make the page stand so; what the
state does not name gets its default."""


@dataclass(frozen=True)
class PageAddress:
    """How a page stands in the address. A page that has only components whose values are those of
    its keys needs no more than ``fields`` (and ``keys``).

    Attributes:
        fields: key -> the component that it means.
        keys: of the page alone; the others are those of ``address_state.page_keys``.
        apply: sets the components to a state; where it is missing, each gets its value.
        inputs: what ``apply`` is given after the state.
        outputs: what it changes.
        to_state: a script: a function from the components' values, by the names of ``fields``, to a
            state.
        run_buttons: ids of Run and Stop.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    keys: tuple[AddressKey, ...] = ()
    apply: ApplyState | None = None
    inputs: tuple[Any, ...] = ()
    outputs: tuple[Any, ...] = ()
    to_state: str = "(values) => values"
    run_buttons: tuple[str, str] | None = None

    def updates(self, state: AddressState, *values: object) -> ComponentUpdates:
        """What makes the page stand as the state says."""
        if self.apply is not None:
            return self.apply(state, *values)
        defaults = {key.name: key.default for key in self.keys}
        return {
            component: state.get(name, defaults.get(name))
            for name, component in self.fields.items()
            if name in state or name in defaults
        }

    def script(self, method: str, page: str, inputs: Sequence[Any]) -> str:
        """The script of an event that tells the browser's side how the components stand.

        Args:
            method: of ``window.ttcAddress``, which gets the page's name and its state.
            page: the name.
            inputs: what the event is given, in this order; it gets it back.
        """
        places = {name: inputs.index(component) for name, component in self.fields.items()}
        return (
            f"(...values) => {{ const toState = {self.to_state}, places = {json.dumps(places)};"
            "const named = Object.entries(places).map(([name, place]) => [name, values[place]]);"
            f"window.ttcAddress?.{method}('{page}', toState(Object.fromEntries(named)));"
            "return values; }"
        )


def connect_addresses(app: gr.Blocks, pages: Mapping[str, PageAddress], note: gr.HTML) -> None:
    """Connect the pages with the address.

    Args:
        app: what they are pages of.
        pages: by name; the tab of each has the id ``NAME-page``.
        note: where the sentence on a bad address stands.
    """
    at_once: dict[str, Any] = {
        "queue": False, "show_progress": "hidden", "api_visibility": "private"
    }  # fmt: skip
    keys = all_keys(pages)
    events = {name: f"open_{name}" for name in pages}
    buttons = {
        name: {"run": address.run_buttons[0], "stop": address.run_buttons[1]}
        for name, address in pages.items()
        if address.run_buttons is not None
    }
    signal = hidden_value("address-signal", script=_signal_script(keys, events, buttons))
    for name, address in pages.items():
        components = list(address.fields.values())
        outputs = address.outputs or components
        getattr(signal, events[name])(
            partial(open_address, address, keys, note),
            [signal, *address.inputs],
            [note, *outputs],
            trigger_mode="multiple",  # address_bar.js waits for each before it sends another
            **at_once,
        ).then(
            None,
            components,
            None,
            js=address.script("applied", name, components),
            api_visibility="private",
        )
        if components:
            gr.on(
                [app.load, *(component.change for component in components)],
                None,
                components,
                None,
                js=address.script("changed", name, components),
                api_visibility="private",
            )


def _signal_script(
    keys: list[AddressKey], events: dict[str, str], buttons: dict[str, dict[str, str]]
) -> str:
    """What connects the address when the page is first drawn."""
    known = {"KEYS": browser_keys(keys), "EVENTS": events, "RUN_BUTTONS": buttons}
    return "\n".join(
        (
            bundle_modules(FOLDER / "address_bar.js", ("connectAddress",)),
            *(f"const {name} = {json.dumps(value)};" for name, value in known.items()),
            (FOLDER / "address_signal.js").read_text("utf-8"),
            (FOLDER / "copy_link.js").read_text("utf-8"),
        )
    )


def open_address(
    address: PageAddress, keys: list[AddressKey], note: gr.HTML, text: object, *values: object
) -> ComponentUpdates:
    """Set a page as an address says. What is wrong with that is one sentence.

    Args:
        address: of the page.
        keys: that there are.
        note: where the sentence stands.
        text: the address.
        values: of the page's inputs.
    """
    parsed = parse_address(text if isinstance(text, str) else "", keys)
    try:
        updates, sentence = address.updates(parsed.state, *values), parsed.sentence
    except Exception as error:
        updates, sentence = {}, error_sentence(error, "open_address")
    return {note: banner(sentence) if sentence else ""} | updates


def all_keys(pages: Mapping[str, PageAddress]) -> list[AddressKey]:
    """The shared keys and those of the pages; pages may have a key in common."""
    own = dict.fromkeys(key for address in pages.values() for key in address.keys)
    return [*page_keys(pages), *own]
