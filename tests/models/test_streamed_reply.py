"""Replies piece by piece: whole in the end, seen on the way, kept when they are broken off."""

import asyncio
import json

import httpx
import pytest

from tests.models.test_http_client import FakeServerClient
from tests.server.peculiar_server import ADDRESS
from ttc_explorer.models.chat_client import ChatGenerator
from ttc_explorer.models.completion_endpoints import OPENAI_COMPLETIONS
from ttc_explorer.models.completions_client import CompletionsGenerator
from ttc_explorer.models.http_client import ApiCall, ApiClient
from ttc_explorer.models.prompt_format import plain_chat_format
from ttc_explorer.models.protocol import ExtendJob, ModelError
from ttc_explorer.models.server_capabilities import ServerCapabilities
from ttc_explorer.models.streamed_reply import EventReader, StreamedReply

EVENTS = {"Content-Type": "text/event-stream"}


def event(piece):
    return f"data: {json.dumps(piece)}\n\n".encode()


def part(text, **more):
    return {"choices": [{"index": 0, "text": text, **more}]}


def test_events_are_read_wherever_their_bytes_are_cut():
    body = ': comment\r\n\r\ndata: {"text": "½ €"}\r\n\r\ndata: [DONE]\n\n'.encode()
    for cut in range(len(body)):
        reader = EventReader()
        assert reader.read(body[:cut]) + reader.read(body[cut:]) == ['{"text": "½ €"}', "[DONE]"]


@pytest.mark.parametrize("piece", [{}, {"choices": None}, {"choices": [3]}, {"choices": [{}]}])
def test_a_piece_that_is_none_adds_nothing(piece):
    streamed = StreamedReply(OPENAI_COMPLETIONS)
    streamed.add(part("1 +"))
    streamed.add(piece)
    assert streamed.text(0) == "1 +"


def test_a_stream_that_breaks_off_is_read_from_its_start_again():
    line = FakeServerClient(
        httpx.Response(500),
        httpx.Response(200, headers=EVENTS, content=event(part("1")) + event(part(" + 1"))),
    )
    streamed = StreamedReply(OPENAI_COMPLETIONS)
    streamed.add(part("what came before it broke off"))
    reply = line.client.send_one(ApiCall("completions", {}, streamed=streamed))
    assert [choice["text"] for choice in reply["choices"]] == ["1 + 1"]


def test_a_refusal_in_the_midst_is_a_sentence_without_the_key():
    refusal = event({"error": {"message": "no memory for sk-secret"}})
    line = FakeServerClient(
        httpx.Response(200, headers=EVENTS, content=event(part("1")) + refusal), key="sk-secret"
    )
    with pytest.raises(ModelError, match=r"broke off: no memory for \(key\)\."):
        line.client.send_one(ApiCall("completions", {}, streamed=StreamedReply(OPENAI_COMPLETIONS)))


def test_who_asks_is_told_why_a_call_waits_as_long_as_it_does():
    said = []

    class Watched(FakeServerClient):
        async def _sleep(self, seconds):
            said.append(self.client.waiting)

    line = Watched(
        httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(200, json={"fine": True})
    )
    line.send()
    assert len(said) == 1
    assert "answered 429" in said[0]
    assert said[0].endswith("Asked again in 7 s (2 of 5).")
    assert line.client.waiting == ""


class EndlessBody(httpx.AsyncByteStream):
    """Some pieces, and then nothing more."""

    def __init__(self, pieces):
        self.pieces = pieces

    async def __aiter__(self):
        for piece in self.pieces:
            yield event(piece)
        await asyncio.Event().wait()


def delta(text):
    return {"choices": [{"index": 0, "delta": {"content": text}}]}


@pytest.mark.parametrize(
    ("make", "pieces"),
    [
        (
            lambda client, can: CompletionsGenerator(client, can, plain_chat_format("S"), 80),
            [part("1 +", logprobs={"token_logprobs": [-1, -2]}), part(" 1")],
        ),
        (lambda client, can: ChatGenerator(client, "toy", can), [delta("1 +"), delta(" 1")]),
    ],
)
def test_a_cancelled_row_has_what_came_of_it_and_costs_that(make, pieces):
    seen = []
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, headers=EVENTS, stream=EndlessBody(pieces))
    )
    client = ApiClient(ADDRESS, transport=transport)
    generator = make(client, ServerCapabilities("toy", "toy", streaming=True))
    (asked,) = generator.prefill(["1 + 1?"])
    job = ExtendJob(
        asked.state, 0.0, (0,), cancelled=lambda: len(seen) == 2, on_progress=seen.append
    )
    (step,) = generator.extend([job])
    assert [progress.text for progress in seen] == ["1 +", "1 + 1"]
    assert step.text == "1 + 1"
    assert step.tokens == step.cost.generated == seen[-1].tokens == 2
    assert not step.finished
    assert not step.failure


def test_nothing_is_asked_for_piece_by_piece_where_nobody_looks():
    bodies = []

    def answer(request):
        bodies.append(json.loads(request.content))
        choice = {"index": 0, "text": "2", "finish_reason": "stop", "stop_reason": None}
        usage = {"prompt_tokens": 3, "completion_tokens": 1}
        return httpx.Response(200, json={"choices": [choice], "usage": usage})

    client = ApiClient(ADDRESS, transport=httpx.MockTransport(answer))
    can = ServerCapabilities("toy", "toy", streaming=True)
    generator = CompletionsGenerator(client, can, plain_chat_format("S"), 80)
    (asked,) = generator.prefill(["1 + 1?"])
    generator.extend([ExtendJob(asked.state, 0.0, (0,))])
    assert "stream" not in bodies[0]
