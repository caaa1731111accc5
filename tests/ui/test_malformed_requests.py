"""Requests that no page sends, over HTTP: one sentence, and at most a line of the log."""

import json

import pytest

from tests.fuzz.fuzz_doors import ENDPOINTS, api_client
from ttc_explorer.serving.http_guard import NOT_UNDERSTOOD

pytestmark = pytest.mark.slow

ROW = {"question": 1, "answer": "5", "correct": True, "score": 0.5}
SENT = {name: list(values) for name, values in ENDPOINTS.items()} | {
    "curves": [[ROW], [1], ["best"], "score", 0]
}
WRONG = [None, 10**400, {"": [None]}, "9" * 5000]


@pytest.fixture(scope="module")
def client():
    with api_client() as client:
        yield client


def nested(depth):
    return json.loads("[" * depth + "]" * depth)


def bodies():
    """Name to the endpoint, its values, and what the sentence says."""
    for name, values in SENT.items():
        yield f"{name}-nothing", name, [], NOT_UNDERSTOOD
        yield f"{name}-one-less", name, values[:-1], NOT_UNDERSTOOD
        for place in range(len(values)):
            for number, wrong in enumerate(WRONG):
                changed = [*values[:place], wrong, *values[place + 1 :]]
                yield f"{name}-{place}-{number}", name, changed, ""
        yield f"{name}-deep", name, [nested(40), *values[1:]], "nests them too deeply"
        yield f"{name}-many", name, [[0] * 100_001, *values[1:]], "too many values"
        yield f"{name}-long", name, ["x" * (5 * 2**20), *values[1:]], "at most 4 MB"
    yield "solve-text", "solve", ["x" * 200_000, *SENT["solve"][1:]], "200,000 characters"
    yield "grade-text", "grade", ["1/2", "x=" * 100_000], "200,000 characters"
    yield "curves-ks", "curves", [[ROW], [1] * 65, None, "score", 0], "at most 64 whole numbers"
    yield "curves-scores", "curves", [[ROW | {"score": []}], None, None, "score", 0], "score of"
    tokens = [ROW | {"generated_tokens": "many"}]
    yield "curves-tokens", "curves", [tokens, None, None, "score", 0], "generated_tokens of"


def test_what_an_endpoint_cannot_take_is_one_sentence_and_no_traceback(client, capfd, caplog):
    for name, endpoint, values, says in bodies():
        reply = client.post(f"/gradio_api/run/{endpoint}", json={"data": values})
        if reply.status_code == 200:
            assert says == "", name
            continue
        told = reply.json()["error"]
        assert told, name
        assert says in told, name
        assert told.count("\n") == 0, name
        assert len(told) < 500, name
    assert "Traceback" not in capfd.readouterr().err
    assert all(len(record.getMessage()) < 400 for record in caplog.records)
    assert all(record.exc_info is None for record in caplog.records)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("call/none", {"data": []}),
        ("call/v2/none", {"data": []}),
        ("call/v2/solve", {"colour": "red"}),
        ("run/none", {"data": []}),
        ("queue/join", {"data": [], "fn_index": 10_000, "session_hash": "a"}),
        ("queue/join", {"data": [], "session_hash": "a"}),
    ],
)
def test_what_gradio_does_not_know_is_a_sentence_too(client, capfd, path, body):
    reply = client.post(f"/gradio_api/{path}", json=body)
    assert 400 <= reply.status_code < 500
    assert reply.json()["detail"]
    assert "Traceback" not in capfd.readouterr().err


def test_right_requests_are_answered(client):
    for endpoint, values in SENT.items():
        reply = client.post(f"/gradio_api/run/{endpoint}", json={"data": values})
        assert reply.status_code == 200, reply.text


def test_what_only_the_browser_does_is_no_fault_of_the_server(client, capfd):
    handlers = client.get("/config").json()["dependencies"]
    number = next(each["id"] for each in handlers if not each["backend_fn"])
    body = {"data": [], "fn_index": number, "session_hash": "a"}
    reply = client.post("/gradio_api/run/predict", json=body)
    assert reply.json()["error"] == NOT_UNDERSTOOD
    assert "Traceback" not in capfd.readouterr().err
