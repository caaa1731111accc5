"""A connection to a model server: JSON over HTTP, many calls at once, and every failure as one
sentence.

An address is untrusted, and so is whatever answers there: only http and https, no redirects,
replies of a limited size, and nothing of the key in any text that leaves this file.
"""

from __future__ import annotations

import asyncio
import json
import sys
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from ipaddress import ip_address
from queue import SimpleQueue
from random import Random
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit

import httpx
from anyio.from_thread import start_blocking_portal

from ttc_explorer.environment import read_environment, variable_name
from ttc_explorer.models.protocol import ModelError, never_cancelled
from ttc_explorer.models.streamed_reply import EventReader, StreamedReply, event_object

API_KEY_VARIABLE = variable_name("api_key")
"""The environment variable with the key of the servers."""

CALL_TIMEOUT = 300.0
"""Seconds for which a server may be silent in one call, or as long as a run may take here, if that
is more: a step of a large batch on a processor takes a while, and comes at once."""

MAX_ATTEMPTS, INITIAL_BACKOFF, MAX_BACKOFF = 5, 0.5, 60.0
"""How often a call is made while the server is busy or broken, and the pauses in between, in
seconds."""

MAX_CONCURRENT_CALLS = 32
"""Most calls under way at once."""

MAX_RESPONSE_BYTES = 64 * 2**20
"""Bytes. A token classifier's reply for a full batch takes some ten million."""

KEEP_ALIVE_SECONDS = 60.0
"""How long a connection that nobody uses is kept open."""

EVENT_STREAM = "text/event-stream"
"""What a reply is called that comes piece by piece."""

CANCEL_POLL_SECONDS = 0.1
"""Seconds between two looks at whether a call was cancelled."""

Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True)
class ApiCall:
    """``body`` posted to ``path`` below the address; without a body, the page there is read.
    ``cancelled`` is asked while the call is under way; the server sees a cancelled call hang up.
    ``streamed`` takes the reply piece by piece, if it comes so."""

    path: str
    body: dict[str, Any] | None = None
    cancelled: Callable[[], bool] = never_cancelled
    streamed: StreamedReply | None = None


def is_server_address(name: str) -> bool:
    """Whether a model's name is meant as the address of a server."""
    return name.lower().startswith(("http://", "https://"))


def is_local_address(address: str) -> bool:
    """Whether an address is of this machine or of a private network: the names of models there are
    nobody else's business.

    >>> is_local_address("http://localhost:8080/v1"), is_local_address("http://192.168.1.7/v1")
    (True, True)
    >>> is_local_address("https://api.example.com/v1")
    False
    """
    host = urlsplit(address).hostname or ""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan", ".internal"))


def split_server_address(name: str) -> tuple[str, str | None]:
    """The two parts of ``http(s)://HOST:PORT/v1#MODEL``; without a path it is ``/v1``. Raises
    ModelError.

    >>> split_server_address("http://localhost:8000/v1#Qwen/Qwen2.5-0.5B-Instruct")
    ('http://localhost:8000/v1', 'Qwen/Qwen2.5-0.5B-Instruct')
    """
    wanted = (
        "write it like http://HOST:PORT/v1, with #MODEL at the end where the server has several."
    )
    try:
        parts = urlsplit(name)
        fits = bool(parts.scheme in ("http", "https") and parts.hostname and parts.port != 0)
    except ValueError:
        fits = False
    if not fits or not name.isprintable() or " " in name or len(name) > 500:
        raise ModelError(f"That is no address of a server: {wanted}")
    if "@" in parts.netloc:
        raise ModelError(
            "An address with a name or password in it is refused: put the key in "
            f"{API_KEY_VARIABLE}."
        )
    if parts.query:
        raise ModelError(f"An address with a question mark in it is refused: {wanted}")
    path = parts.path.rstrip("/") or "/v1"
    return f"{parts.scheme}://{parts.netloc}{path}", parts.fragment or None


class _OpenClient:
    """An HTTP client on an event loop in a thread of its own: the caller's thread may have a loop
    that runs."""

    def __init__(self, headers: dict[str, str], transport: httpx.AsyncBaseTransport | None) -> None:
        self.stack = ExitStack()
        self.portal = self.stack.enter_context(start_blocking_portal())
        client = httpx.AsyncClient(
            headers=headers,
            transport=transport,
            timeout=httpx.Timeout(None, connect=10.0),
            limits=httpx.Limits(max_connections=None, keepalive_expiry=KEEP_ALIVE_SECONDS),
        )
        self.client = self.stack.enter_context(self.portal.wrap_async_context_manager(client))

    def abort(self) -> None:
        """Close, and break off all calls that are under way."""
        self.stack.__exit__(*sys.exc_info())


_to_close: SimpleQueue[Callable[[], None]] = SimpleQueue()
"""What closes each client that nobody has any more."""


@cache
def _start_closer() -> None:
    """Start the thread that closes them. The garbage collector, which finds them, comes by in any
    thread and with any lock held: it must not wait for a client's thread, and putting something
    into this queue is allowed there."""

    def close_all() -> None:
        while True:
            close = _to_close.get()
            with suppress(Exception):  # nobody is there to be told
                close()

    Thread(target=close_all, name="closing", daemon=True).start()


class ApiClient:
    """Asks the server at ``address``. Safe to use from any thread.

    One event loop, in a thread of its own, and one HTTP client on it are opened by the first call
    and serve all later ones, so that connections are kept alive between rounds; they are closed
    with this object, and by an interrupt.

    ``key`` is somebody's own, sent as a bearer token; without one, it is the environment's. A call
    that meets a busy server (429), a broken one (5xx) or a broken line is made again after a pause:
    what Retry-After says, or else twice as long each time, with jitter from ``random``, so that
    many clients do not come back at once. ``max_concurrent_calls`` are under way at once, and the
    time of a call begins when it is.
    """

    def __init__(
        self,
        address: str,
        key: str | None = None,
        *,
        timeout: float | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        random: Random | None = None,
    ) -> None:
        self.address, _ = split_server_address(address)
        self.host = urlsplit(self.address).netloc
        environment = read_environment()
        own_key = environment.api_key
        self._key = key or (own_key.get_secret_value() if own_key else "")
        self._key_hint = (
            "log in again" if key else f"set the environment variable {API_KEY_VARIABLE}"
        )
        if not (self._key.isascii() and self._key.isprintable() and " " not in self._key):
            raise ModelError(f"The key holds characters that no key has: {self._key_hint}.")
        self.max_concurrent_calls = MAX_CONCURRENT_CALLS
        self._timeout = timeout or max(CALL_TIMEOUT, environment.max_seconds or 0)
        self._transport = transport
        self._sleep = sleep
        self._random = random or Random(0)
        self._lock = Lock()
        self._open: _OpenClient | None = None
        self._pauses: dict[object, str] = {}  # of each call that waits to be made again, why

    @property
    def waiting(self) -> str:
        """Why a call waits to be made again, in a sentence; empty while none does."""
        with self._lock:
            return next(reversed(self._pauses.values()), "")

    def __repr__(self) -> str:
        return f"ApiClient({self.address!r})"

    def send(
        self, calls: Sequence[ApiCall], max_attempts: int = MAX_ATTEMPTS
    ) -> list[dict[str, Any] | ModelError | None]:
        """Make all calls together: the JSON object that each brought, or what went wrong with it,
        or None if it was cancelled."""
        opened = self._opened()
        try:
            return opened.portal.call(self._send, opened.client, calls, max_attempts)
        except (KeyboardInterrupt, SystemExit):
            with self._lock:
                self._open = None
            opened.abort()
            raise

    def _opened(self) -> _OpenClient:
        with self._lock:
            if self._open is None:
                headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
                self._open = _OpenClient(headers, self._transport)
                # A loop that nobody can use any more would live as long as the process.
                _start_closer()
                weakref.finalize(self, _to_close.put, self._open.stack.close)
            return self._open

    def send_one(self, call: ApiCall, max_attempts: int = MAX_ATTEMPTS) -> dict[str, Any]:
        """The JSON object that a call brings. Raises ModelError."""
        (reply,) = self.send([call], max_attempts)
        if isinstance(reply, ModelError):
            raise reply
        return reply or {}

    async def _send(
        self, client: httpx.AsyncClient, calls: Sequence[ApiCall], max_attempts: int
    ) -> list[dict[str, Any] | ModelError | None]:
        semaphore = asyncio.Semaphore(self.max_concurrent_calls)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._send_with_retries(client, semaphore, call, max_attempts))
                for call in calls
            ]
            pending = set(tasks)
            while pending:
                for task, call in zip(tasks, calls, strict=True):
                    if task in pending and call.cancelled():
                        task.cancel()
                _, pending = await asyncio.wait(pending, timeout=CANCEL_POLL_SECONDS)
        return [None if task.cancelled() else task.result() for task in tasks]

    async def _send_with_retries(
        self,
        client: httpx.AsyncClient,
        semaphore: asyncio.Semaphore,
        call: ApiCall,
        max_attempts: int,
    ) -> dict[str, Any] | ModelError:
        problem = ""
        for attempt in range(max_attempts):
            delay = INITIAL_BACKOFF * 2**attempt * (0.5 + self._random.random())
            try:
                async with semaphore, asyncio.timeout(self._timeout) as limit:
                    status, headers, reply = await self._send_once(client, call, limit)
            except TimeoutError:
                return self._model_error(
                    f"was silent for {self._timeout:g} seconds: try a smaller budget, or set "
                    f"{variable_name('max_seconds')} to more"
                )
            except httpx.TransportError:
                problem = (
                    "cannot be reached, or broke off: check the address, and that it is running"
                )
            except ModelError as error:
                return error
            else:
                if isinstance(reply, dict):
                    return reply
                if status == HTTPStatus.OK:
                    return self._json_object(reply)
                problem = self._http_error_message(status, reply)
                if (
                    status != HTTPStatus.TOO_MANY_REQUESTS
                    and status < HTTPStatus.INTERNAL_SERVER_ERROR
                ):
                    break
                delay = _retry_after(headers, delay)
                if delay > MAX_BACKOFF:
                    return self._model_error(
                        f"is busy and asks to wait {delay:.0f} seconds: try again then"
                    )
            if attempt + 1 < max_attempts:
                await self._pause(delay, problem, attempt + 2, max_attempts)
        return self._model_error(problem)

    async def _pause(self, delay: float, problem: str, attempt: int, max_attempts: int) -> None:
        """Wait before a call is made again, and let ``waiting`` say so."""
        call = object()
        again = f"Asked again in {max(1, round(delay))} s ({attempt} of {max_attempts})."
        with self._lock:
            self._pauses[call] = f"{self._model_error(problem)} {again}"
        try:
            await self._sleep(delay)
        finally:
            with self._lock:
                del self._pauses[call]

    async def _send_once(
        self, client: httpx.AsyncClient, call: ApiCall, limit: asyncio.Timeout
    ) -> tuple[int, httpx.Headers, str | dict[str, Any]]:
        """Status, headers, and the text without the key, should the server repeat it; or, of a
        reply that came piece by piece, what it is whole."""
        method = "GET" if call.body is None else "POST"
        content = None if call.body is None else json.dumps(call.body).encode()
        sent_kind = {"Content-Type": "application/json"}
        url = (
            f"{self.address}/{call.path}"
            if not call.path.startswith("/")
            else self._server_root() + call.path
        )
        async with client.stream(method, url, content=content, headers=sent_kind) as reply:
            kind = reply.headers.get("Content-Type", "")
            if (
                call.streamed
                and reply.status_code == HTTPStatus.OK
                and kind.startswith(EVENT_STREAM)
            ):
                await self._read_events(reply, call.streamed, limit)
                return reply.status_code, reply.headers, call.streamed.reply()
            received = bytearray()
            async for chunk in self._chunks(reply):
                received += chunk
        return (
            reply.status_code,
            reply.headers,
            self._without_key(received.decode("utf-8", "replace")),
        )

    async def _chunks(self, reply: httpx.Response) -> AsyncIterator[bytes]:
        """What comes of a reply, as long as it may be one."""
        length = 0
        async for chunk in reply.aiter_bytes():
            length += len(chunk)
            if length > MAX_RESPONSE_BYTES:
                raise self._model_error(
                    "sent a reply that is too long to be one: check the address"
                )
            yield chunk

    async def _read_events(
        self, reply: httpx.Response, streamed: StreamedReply, limit: asyncio.Timeout
    ) -> None:
        """Hand on the pieces as they come. Raises ModelError if one of them is a refusal."""
        reader, now = EventReader(), asyncio.get_running_loop().time
        streamed.begin()
        async for chunk in self._chunks(reply):
            limit.reschedule(now() + self._timeout)
            for data in map(self._without_key, reader.read(chunk)):
                piece = event_object(data)
                if piece is None:
                    continue
                if piece.get("error") and "choices" not in piece:
                    detail = _error_message(piece)
                    raise self._model_error(f"broke off{f': {detail}' if detail else ''}")
                streamed.add(piece)

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "(key)") if self._key else text

    def _server_root(self) -> str:
        """The address without ``/v1``, where servers keep what OpenAI's protocol does not have."""
        return self.address.removesuffix("/v1")

    def _json_object(self, text: str) -> dict[str, Any] | ModelError:
        found = _parse_json(text)
        if isinstance(found, list) and found and all(isinstance(each, dict) for each in found):
            return {"results": found}  # llama.cpp's own form of several samples
        if not isinstance(found, dict):
            streamed = text.startswith("data:")
            return self._model_error(
                "streams its replies unasked, and cannot be used here"
                if streamed
                else "sent something that is no JSON object: check that the address ends in /v1"
            )
        if found.get("error") and not {"choices", "data"} & found.keys():
            detail = _error_message(found)
            return self._model_error(f"refused{f': {detail}' if detail else ' without a reason'}")
        return found

    def _http_error_message(self, status: int, text: str) -> str:
        """What a reply other than 200 means."""
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return f"wants another key ({status}): {self._key_hint}"
        if status in range(300, 400):
            return (
                f"points to another address ({status}): give that one, as redirects are not "
                "followed"
            )
        detail = _error_message(_parse_json(text))
        advice = (
            "check the address, which mostly ends in /v1"
            if status == HTTPStatus.NOT_FOUND
            else "try again later"
        )
        return f"answered {status}{f': {detail}' if detail else f', {advice}'}"

    def _model_error(self, problem: str) -> ModelError:
        return ModelError(f"The server at {self.host} {problem}.")


def _parse_json(text: str) -> Any:
    """JSON, or None if it is none; without the words for numbers that JSON does not have."""
    try:
        return json.loads(text, parse_constant=lambda word: None)
    except (ValueError, RecursionError):
        return None


def _error_message(reply: Any) -> str:
    """What an error's reply says, in one line."""
    error = reply.get("error", reply) if isinstance(reply, dict) else None
    detail = error.get("message", error.get("detail")) if isinstance(error, dict) else error
    return " ".join(detail.split())[:200].rstrip(".") if isinstance(detail, str) else ""


def _retry_after(headers: httpx.Headers, delay: float) -> float:
    """Seconds that a busy server asks to wait (a number, or a date by its own clock), or else
    ``delay``."""
    wanted = headers.get("Retry-After", "").strip()
    if wanted.isdecimal():
        return float(wanted)
    try:
        then, now = parsedate_to_datetime(wanted), parsedate_to_datetime(headers["Date"])
        return max(0.0, (then - now).total_seconds())
    except (KeyError, TypeError, ValueError):
        return delay
