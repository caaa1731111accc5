"""A connection to a server that is busy, broken, hostile or slow: every failure is a sentence, and
no key."""

import asyncio
import gc
import json
import signal
import threading
from random import Random

import httpx
import pytest

from tests.server.toy_server import ToyServer
from ttc_explorer.models import http_client as module
from ttc_explorer.models.http_client import (
    API_KEY_VARIABLE,
    ApiCall,
    ApiClient,
    split_server_address,
)
from ttc_explorer.models.protocol import ModelError

SECRET = "sk-it-is-a-secret"
GOOD_RESPONSE = httpx.Response(200, json={"fine": True})
LONG = 20.0
"""Seconds after which a wait counts as hung."""


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv(API_KEY_VARIABLE, raising=False)


class FakeServerClient:
    """A connection whose server sends ``replies``, or raises them, in turn; the last one again and
    again. ``pauses`` are those that the connection would have made."""

    def __init__(self, *replies, **options):
        self.replies = list(replies)
        self.requests = []
        self.pauses = []
        self.client = ApiClient(
            "http://toy:1/v1",
            transport=httpx.MockTransport(self._reply),
            sleep=self._sleep,
            **options,
        )

    async def _sleep(self, seconds):
        self.pauses.append(seconds)

    async def _reply(self, request):
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)

    def send(self, **options):
        return self.client.send_one(ApiCall("completions", {"prompt": "1"}), **options)

    def failure(self):
        with pytest.raises(ModelError) as caught:
            self.send()
        return str(caught.value)


def test_a_busy_server_is_asked_again_after_the_time_it_names():
    line = FakeServerClient(
        httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(500), GOOD_RESPONSE
    )
    assert line.send() == {"fine": True}
    assert line.pauses[0] == 7
    assert len(line.requests) == 3


def test_a_time_may_be_a_date_by_the_servers_own_clock():
    headers = {
        "Date": "Wed, 21 Oct 2015 07:28:00 GMT",
        "Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT",
    }
    line = FakeServerClient(httpx.Response(503, headers=headers), GOOD_RESPONSE)
    line.send()
    assert line.pauses == [30]


def test_nobody_waits_for_hours():
    line = FakeServerClient(httpx.Response(429, headers={"Retry-After": "86400"}), GOOD_RESPONSE)
    assert "asks to wait 86400 seconds" in line.failure()
    assert line.pauses == []


@pytest.mark.parametrize(
    "trouble", [httpx.Response(502), httpx.ReadError("reset"), httpx.ConnectError("no")]
)
def test_pauses_double_with_jitter_that_a_seed_repeats_until_it_gives_up(trouble):
    first, again = (FakeServerClient(trouble, random=Random(3)) for _ in range(2))
    assert first.failure() == again.failure()
    assert first.pauses == again.pauses
    assert len(first.requests) == module.MAX_ATTEMPTS == len(first.pauses) + 1
    for turn, pause in enumerate(first.pauses):
        assert 0.5 <= pause / (module.INITIAL_BACKOFF * 2**turn) <= 1.5


def test_a_refusal_is_passed_on_and_not_repeated():
    line = FakeServerClient(
        httpx.Response(400, json={"error": {"message": "the prompt\nis too long."}})
    )
    assert line.failure() == "The server at toy:1 answered 400: the prompt is too long."
    assert len(line.requests) == 1


def test_a_redirect_is_not_followed():
    line = FakeServerClient(httpx.Response(307, headers={"Location": "http://elsewhere/v1"}))
    assert "redirects are not followed" in line.failure()
    assert [request.url.host for request in line.requests] == ["toy"]


@pytest.mark.parametrize("content", [b"<html>", b"[1, 2]", b"\xff\xfe", b"", b"[" * 100_000])
def test_garbage_is_refused(content):
    assert "no JSON object" in FakeServerClient(httpx.Response(200, content=content)).failure()


def test_what_json_does_not_have_is_nothing():
    assert FakeServerClient(httpx.Response(200, content=b'{"a": NaN, "b": -Infinity}')).send() == {
        "a": None,
        "b": None,
    }


def test_an_endless_reply_is_cut(monkeypatch):
    monkeypatch.setattr(module, "MAX_RESPONSE_BYTES", 1000)
    assert "too long" in FakeServerClient(httpx.Response(200, content=b" " * 1001)).failure()


async def never_reply(_):
    await asyncio.Event().wait()


def test_a_server_may_be_silent_as_long_as_a_run_may_take(monkeypatch):
    def limit():
        return ApiClient("http://toy:1/v1")._timeout

    assert limit() == module.CALL_TIMEOUT
    monkeypatch.setenv("TTC_MAX_SECONDS", "1800")
    assert limit() == 1800
    monkeypatch.setenv("TTC_MAX_SECONDS", "60")
    assert limit() == module.CALL_TIMEOUT


def test_a_silent_server_is_given_up():
    client = ApiClient("http://toy:1/v1", transport=httpx.MockTransport(never_reply), timeout=0.01)
    with pytest.raises(ModelError, match=r"toy:1 was silent for 0\.01 seconds"):
        client.send_one(ApiCall("completions", {}))


def test_a_cancelled_call_hangs_up_and_the_others_go_on():
    ended = []

    async def reply(request):
        if json.loads(request.content)["row"] == 0:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("hung up")
        return GOOD_RESPONSE

    looks = []

    def cancelled():  # from the second look on
        looks.append(None)
        return len(looks) > 1

    client = ApiClient("http://toy:1/v1", transport=httpx.MockTransport(reply))
    calls = [ApiCall("completions", {"row": 0}, cancelled), ApiCall("completions", {"row": 1})]
    assert client.send(calls) == [None, {"fine": True}]
    assert ended == ["hung up"]


@pytest.mark.slow
def test_connections_and_the_loop_are_kept_for_the_life_of_a_client():
    with ToyServer().running() as running:
        before = set(threading.enumerate())
        client = ApiClient(running.address)
        for _ in range(4):
            assert client.send_one(ApiCall("models"))["object"] == "list"
        assert running.connections == 1
        for _ in range(3):
            client.send([ApiCall("models")] * 3)
        assert running.connections <= 3
        started = set(threading.enumerate()) - before
        (loop,) = {thread for thread in started if "portal" in thread.name}
        del client
        gc.collect()
        loop.join(LONG)
        assert not loop.is_alive()


def test_a_client_that_is_collected_waits_for_nobody():
    """The collector may come by with a lock held that the client's own thread needs to end."""
    server = FakeServerClient(GOOD_RESPONSE)
    server.send()
    opened = server.client._opened()
    is_busy, go_on = threading.Event(), threading.Event()

    def be_busy():
        is_busy.set()
        go_on.wait(LONG)

    opened.portal.start_task_soon(be_busy)
    assert is_busy.wait(LONG)
    collector = threading.Thread(target=lambda: (vars(server).clear(), gc.collect()))
    collector.start()
    collector.join(LONG / 2)
    assert not collector.is_alive()
    go_on.set()


def test_a_client_that_was_interrupted_can_be_used_again():
    interrupted = []

    async def reply(_):
        if not interrupted:
            interrupted.append(True)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            await asyncio.Event().wait()
        return GOOD_RESPONSE

    client = ApiClient("http://toy:1/v1", transport=httpx.MockTransport(reply))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            client.send([ApiCall("completions", {})])
    finally:
        signal.signal(signal.SIGINT, before)
    assert client.send_one(ApiCall("completions", {})) == {"fine": True}


def test_an_interrupt_does_not_wait_for_the_server():
    ended = []

    async def reply(_):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # as Ctrl-C does
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 60)
        except asyncio.CancelledError:
            ended.append("hung up")
            raise

    client = ApiClient("http://toy:1/v1", transport=httpx.MockTransport(reply))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            client.send([ApiCall("completions", {})])
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended == ["hung up"]


def test_one_failure_among_many_calls_is_one_failure():
    line = FakeServerClient(httpx.Response(404), GOOD_RESPONSE)
    first, second = line.client.send([ApiCall("completions", {}), ApiCall("completions", {})])
    assert isinstance(first, ModelError)
    assert second == {"fine": True}


# --- the key --------------------------------------------------------------------------------------


def test_the_key_comes_from_the_environment_or_from_who_connects(monkeypatch):
    monkeypatch.setenv(API_KEY_VARIABLE, SECRET)
    for options, expected in (({}, SECRET), ({"key": "mine"}, "mine")):
        line = FakeServerClient(GOOD_RESPONSE, **options)
        line.send()
        assert line.requests[0].headers["Authorization"] == f"Bearer {expected}"


def test_without_a_key_none_is_sent():
    line = FakeServerClient(GOOD_RESPONSE)
    line.send()
    assert "Authorization" not in line.requests[0].headers


@pytest.mark.parametrize("status", [200, 400, 401, 422, 500])
def test_a_server_that_repeats_the_key_does_not_get_it_shown(monkeypatch, caplog, status):
    caplog.set_level("DEBUG")
    monkeypatch.setenv(API_KEY_VARIABLE, SECRET)
    echo = {"error": {"message": f"bad header Authorization: Bearer {SECRET}"}}
    line = FakeServerClient(httpx.Response(status, json=echo))
    shown = line.failure()
    assert SECRET not in shown
    assert SECRET not in repr(line.client) + str(vars(line)) + caplog.text


@pytest.mark.parametrize("key", ["two words", "line\nend", "schlüssel"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(monkeypatch, key):
    monkeypatch.setenv(API_KEY_VARIABLE, key)
    with pytest.raises(ModelError, match="TTC_API_KEY") as caught:
        ApiClient("http://toy:1/v1")
    assert key not in str(caught.value)


# --- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("http://localhost:8000", ("http://localhost:8000/v1", None)),
        ("https://a.example/some/v1/", ("https://a.example/some/v1", None)),
        ("http://[::1]:80/v1#org/model:fast", ("http://[::1]:80/v1", "org/model:fast")),
    ],
)
def test_addresses(name, expected):
    assert split_server_address(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "ftp://host/v1",
        "file:///etc/passwd",
        "http://",
        "http://host:99999/v1",
        "http://user:pass@host/v1",
        "http://host/v1?key=1",
        "http://host/v1\r\nX: y",
        "http://[::1/v1",
        "http://" + "a" * 600,
    ],
)
def test_what_is_no_address_is_refused(name):
    with pytest.raises(ModelError) as caught:
        split_server_address(name)
    assert "pass@" not in str(caught.value)
