"""Requests that are refused before Gradio sees them, and the headers that every response has."""

import re

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from ttc_explorer.environment import Environment
from ttc_explorer.serving.http_guard import (
    NOT_UNDERSTOOD,
    HttpGuard,
    HttpRules,
    is_known_host,
)
from ttc_explorer.serving.limits import PUBLIC_LIMITS, Limits

PAGE = "<html><script>one()</script><script type='module' src='a.js'></script></html>"
HEAD = "<script>tips()</script>"


async def page(request: Request) -> HTMLResponse:
    return HTMLResponse(PAGE)


async def echo(request: Request) -> JSONResponse:
    return JSONResponse({"bytes": len(await request.body())})


async def fail(request: Request) -> JSONResponse:
    raise {"os": OSError}.get(request.url.query, KeyError)("a\nb" + "c" * 1000)


def client(folder, limits=PUBLIC_LIMITS, **variables) -> TestClient:
    environment = Environment(**variables)
    rules = HttpRules.for_app(environment, limits, folder, HEAD)
    routes = [
        Route("/", page),
        Route("/file", page),
        Route("/gradio_api/upload", echo, methods=["POST"]),
        Route("/gradio_api/call/solve", echo, methods=["POST"]),
        Route("/gradio_api/call/none", fail, methods=["POST"]),
        Route("/fail", fail),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(HttpGuard, rules)])
    return TestClient(app, base_url="http://127.0.0.1:7860")


def test_scripts_of_the_page_bear_the_nonce_of_its_policy_and_no_others_run(tmp_path):
    asked = client(tmp_path)
    first, second = asked.get("/"), asked.get("/")
    nonces = set(re.findall(r'<script nonce="([^"]+)"', first.text))
    assert len(nonces) == 1
    policy = first.headers["content-security-policy"]
    assert f"'nonce-{nonces.pop()}'" in policy
    assert first.text.count("<script nonce=") == PAGE.count("<script") == 2
    assert first.headers["content-security-policy"] != second.headers["content-security-policy"]
    assert int(first.headers["content-length"]) == len(first.content)
    script_sources = re.search("script-src ([^;]*)", policy)[1]
    assert "unsafe-inline" not in script_sources
    assert "sha256-" in script_sources
    assert "nonce=" not in asked.get("/file").text  # what somebody sent runs nothing


def test_whether_the_page_can_be_reached_is_told_without_making_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.serving.test_http_guard.PAGE", None)
    reply = client(tmp_path).head("/")
    assert (reply.status_code, reply.content) == (200, b"")


@pytest.mark.parametrize("path", ["/", "/file", "/missing", "/gradio_api/call/solve"])
def test_every_response_has_the_headers(tmp_path, path):
    headers = client(tmp_path).get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "frame-ancestors 'self'" in headers["content-security-policy"]


def test_a_space_may_be_shown_in_a_frame_and_has_any_name(tmp_path):
    asked = client(tmp_path, space_id="somebody/ttc")
    reply = asked.get("/", headers={"host": "somebody-ttc.hf.space"})
    assert reply.status_code == 200
    assert "https://huggingface.co" in reply.headers["content-security-policy"]


def test_named_sites_may_show_the_page_in_a_frame(tmp_path):
    reply = client(tmp_path, frames=("https://lms.example", "https://*.school.example")).get("/")
    policy = reply.headers["content-security-policy"]
    assert policy.endswith("frame-ancestors 'self' https://lms.example https://*.school.example")


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost", True),
        ("localhost:7860", True),
        ("LOCALHOST.:7860", True),
        ("app.localhost:1", True),
        ("127.0.0.1:7860", True),
        ("192.168.1.7:80", True),
        ("[::1]:7860", True),
        ("ttc.example", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example:7860", False),
        ("localhost.evil.example", False),
        ("evil.example#localhost", False),
        ("", False),
        ("a:b:c", False),
        ("localhost:7860@evil.example", False),
    ],
)
def test_hosts_by_which_this_machine_is_known(host, known):
    assert is_known_host(host, ("ttc.example",)) is known


def test_an_unknown_host_is_refused_in_one_sentence(tmp_path):
    asked = client(tmp_path, hosts=("ttc.example",))
    refused = asked.get("/", headers={"host": "evil.example"})
    assert refused.status_code == 421
    assert "TTC_HOSTS" in refused.json()["detail"]
    assert "evil" not in refused.text
    assert asked.get("/", headers={"host": "ttc.example"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{}", 200),
        (b'{"data": ["Solve 3x+5=20.", "beam"]}', 200),
        (b"[" * 33 + b"]" * 33, 413),
        (b"[" + b"1," * 100_000 + b"1]", 413),
        (b" " * (4 * 2**20 + 1), 413),
        (b'"' + b"," * 200_000 + b'"', 200),
    ],
)
def test_bodies_are_bounded_by_what_they_hold(tmp_path, body, status):
    reply = client(tmp_path).post("/gradio_api/call/solve", content=body)
    assert reply.status_code == status
    assert reply.json() == {"bytes": len(body)} or "Too much at once" in reply.json()["detail"]


def test_where_gradio_fails_on_a_request_it_is_one_sentence_and_one_line(tmp_path, caplog):
    asked = client(tmp_path)
    reply = asked.post("/gradio_api/call/none", content=b"{}")
    assert (reply.status_code, reply.json()["detail"]) == (400, NOT_UNDERSTOOD)
    (logged,) = (record for record in caplog.records if record.name.startswith("ttc_explorer"))
    assert logged.exc_info is None
    assert len(logged.getMessage()) < 300
    assert "\n" not in logged.getMessage()
    with pytest.raises(KeyError):
        asked.get("/fail")
    with pytest.raises(OSError, match="ccc"):
        asked.post("/gradio_api/call/none?os", content=b"{}")


def test_a_body_of_unknown_length_and_a_long_address_are_refused(tmp_path):
    asked = client(tmp_path)
    chunks = (part for part in [b"[1]", b"[2]"])
    assert asked.post("/gradio_api/call/solve", content=chunks).status_code == 411
    assert asked.get("/?" + "x" * 20_000).status_code == 414


def test_uploads_of_one_request_and_of_all_visitors_are_bounded(tmp_path):
    limits = Limits(upload=1, kept_files=3)
    asked = client(tmp_path, limits)
    megabyte = b"x" * 2**20
    assert asked.post("/gradio_api/upload", content=megabyte).status_code == 200
    assert asked.post("/gradio_api/upload", content=3 * megabyte).status_code == 413
    kept = tmp_path / "aa"
    kept.mkdir()
    (kept / "file").write_bytes(2 * megabyte + b"x")
    refused = asked.post("/gradio_api/upload", content=megabyte)
    assert refused.status_code == 507
    assert "try again in an hour" in refused.json()["detail"]
    (kept / "file").unlink()
    assert asked.post("/gradio_api/upload", content=megabyte).status_code == 200
