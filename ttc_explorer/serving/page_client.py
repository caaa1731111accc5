"""A browser's tab for the load test: it opens pages, and presses Run, Stop and Reload, by the calls
that the page makes through Gradio."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

FIRST_PAGE = "explore"
"""The page that is open when the application has been loaded."""
ON_LOAD_CLASS = "on-load"
"""Of what tells the server that a page is shown for the first time (ui/components)."""


@dataclass(frozen=True)
class Job:
    """A question, and how to search for its answer."""

    text: str
    strategy: str
    budget: int
    seed: int


@dataclass
class Outcome:
    """What became of a press on Run: ``first`` and ``end`` are seconds after the press, ``lines``
    the viewer's stream."""

    job: Job
    kind: str
    first: float | None = None
    end: float | None = None
    lines: str = ""
    refused: str = ""


@dataclass
class PageFunctions:
    """How the application's pages call the server, from its configuration: numbers of the
    functions, and the values that controls begin with.

    Attributes:
        prepare, draw, finish, stop: What a press on Run and on Stop calls.
        loading: What is called when the application is loaded.
        opening: By page, what is called when it is shown for the first time.
        showing: By page, what is called whenever it is shown.
        queued: Those that go through Gradio's queue.
        values: Of the components, by number.
        inputs: Numbers of the components that a function reads, by its number.
        controls: Numbers of the components by their ids on the page.
    """

    prepare: int
    draw: int
    finish: int
    stop: int
    loading: list[int]
    opening: dict[str, list[int]]
    showing: dict[str, list[int]]
    queued: set[int]
    values: dict[int, Any]
    inputs: dict[int, list[int]]
    controls: dict[str, int]

    @classmethod
    def read(cls, config: dict[str, Any]) -> PageFunctions:
        components = {each["id"]: each["props"] for each in config["components"]}
        controls = {
            props["elem_id"]: number for number, props in components.items() if props.get("elem_id")
        }
        page_of = dict(_pages_of_components(config["layout"], components, None))
        functions = config["dependencies"]

        def called_by(number: int | None, event: str) -> list[int]:
            """What an event of a component calls, each with what follows it."""
            first = [each["id"] for each in functions if [number, event] in each["targets"]]
            return [every for each in first for every in (each, *followers(each))]

        def followers(number: int) -> list[int]:
            following = [each["id"] for each in functions if each["trigger_after"] == number]
            return [every for each in following for every in (each, *followers(each))]

        on_server = {each["id"] for each in functions if each["backend_fn"]}
        tabs = {
            page: number for number, page in page_of.items() if components[number].get("id") == page
        }
        signals = [
            number
            for number, props in components.items()
            if ON_LOAD_CLASS in (props.get("elem_classes") or ())
        ]

        def on_page(called: list[int]) -> list[int]:
            return [number for number in called if number in on_server]

        prepare, draw, finish = on_page(called_by(controls["run"], "click"))[:3]
        return cls(
            prepare,
            draw,
            finish,
            called_by(controls["stop"], "click")[0],
            on_page(called_by(config["layout"]["id"], "load")),
            {
                page: on_page(
                    [
                        function
                        for signal in signals
                        if page_of.get(signal) == page
                        for function in called_by(signal, "input")
                    ]
                )
                for page in tabs
            },
            {page: on_page(called_by(tab, "select")) for page, tab in tabs.items()},
            {each["id"] for each in functions if each["queue"]},
            {number: props.get("value") for number, props in components.items()},
            {each["id"]: each["inputs"] for each in functions},
            controls,
        )

    def data(self, function: int, job: Job | None = None) -> list[Any]:
        """What the page sends to a function, with a job in the controls."""
        values = dict(self.values)
        if job is not None:
            for control, value in (
                ("problem", job.text),
                ("strategy", job.strategy),
                ("budget", job.budget),
                ("seed", job.seed),
            ):
                values[self.controls[control]] = value
        return [values[number] for number in self.inputs[function]]


async def read_functions(client: httpx.AsyncClient) -> PageFunctions:
    """How the pages call the server. A browser finds that in the page that it loads; here it is
    asked for once, by all clients together."""
    return PageFunctions.read((await client.get("/config")).json())


class Browser:
    """One visitor's tab; ``functions`` are from ``read_functions``."""

    def __init__(self, client: httpx.AsyncClient, number: int, functions: PageFunctions) -> None:
        self._client = client
        self._number = number
        self._tabs = 0
        self._opened: set[str] = set()
        self.functions = functions

    async def reload(self) -> None:
        """Open the application anew, in a new session."""
        self._tabs += 1
        self._session = f"load{os.getpid()}x{self._number}x{self._tabs}"
        self._opened.clear()
        (await self._client.get("/")).raise_for_status()
        for function in self.functions.loading:
            await self._call_as_page(function)
        await self._open_once(FIRST_PAGE)

    async def show_page(self, page: str) -> None:
        """Show a page, as a click on its tab does."""
        for function in self.functions.showing[page]:
            await self._call_as_page(function)
        await self._open_once(page)

    async def _open_once(self, page: str) -> None:
        if page not in self._opened:
            self._opened.add(page)
            for function in self.functions.opening[page]:
                await self._call_as_page(function)

    async def _call_as_page(self, function: int) -> None:
        """Call a function as the page does, with what its controls began with."""
        if function in self.functions.queued:
            async for _ in self._call(function, self.functions.data(function)):
                pass
        else:
            await self._call_at_once(function)

    async def press_run(self, job: Job, kind: str) -> Outcome:
        """Run a job to its end, or as far as ``kind`` says."""
        page, outcome, start = self.functions, Outcome(job, kind), time.monotonic()
        async for _ in self._call(page.prepare, page.data(page.prepare, job)):
            pass
        async for lines in self._call(page.draw, page.data(page.draw)):
            outcome.lines = lines
            if outcome.first is None and '["add",1,' in lines:
                outcome.first = time.monotonic() - start
                if kind == "dropped":
                    break
                if kind == "stopped":
                    await self._call_at_once(page.stop)
        outcome.end = time.monotonic() - start
        if kind == "dropped":
            await self.reload()
            return outcome
        reply = await self._call_at_once(page.finish)
        if not outcome.lines:
            outcome.refused = json.dumps(reply)
        return outcome

    async def _call_at_once(self, function: int) -> Any:
        """Call a function that does not go through the queue."""
        body = self._body(function, self.functions.data(function))
        return (await self._client.post(f"/gradio_api/run/{function}", json=body)).json()

    def _body(self, function: int, data: list[Any]) -> dict[str, Any]:
        return {
            "data": data, "fn_index": function, "session_hash": self._session, "trigger_id": None,
            "event_data": None,
        }  # fmt: skip

    async def _call(self, function: int, data: list[Any]) -> AsyncIterator[str]:
        """Call a function through the queue; yields its first output as it grows."""
        shown: Any = ""
        body = self._body(function, data)
        (await self._client.post("/gradio_api/queue/join", json=body)).raise_for_status()
        address = f"/gradio_api/queue/data?session_hash={self._session}"
        first = True
        async with self._client.stream("GET", address) as events:
            async for line in events.aiter_lines():
                if not line.startswith("data:"):
                    continue
                message = json.loads(line[5:])
                if message["msg"] == "process_generating" and message["output"].get("data"):
                    value = message["output"]["data"][0]
                    shown = value if first else _apply(shown, value)
                    first = False
                    if isinstance(shown, str):
                        yield shown
                elif message["msg"] == "close_stream" or message.get("success") is False:
                    return


def _apply(value: Any, changes: list[Any]) -> Any:
    """An output after Gradio's changes to it, of which only those of a whole text matter here."""
    for kind, path, change in changes:
        if not path:
            value = value + change if kind == "append" and isinstance(value, str) else change
    return value


def _pages_of_components(
    layout: dict[str, Any], components: dict[int, Any], page: str | None
) -> Iterator[tuple[int, str]]:
    """The page that each component is on, by the tabs around it."""
    number = layout["id"]
    elem_id = str(components.get(number, {}).get("elem_id") or "")
    if page is None and elem_id.endswith("-page"):
        page = elem_id.removesuffix("-page")
    if page is not None:
        yield number, page
    for child in layout.get("children") or ():
        yield from _pages_of_components(child, components, page)
