"""The app starts as a Space starts it: as it is, in a process of its own, with the variables of a
Space."""

import os
import socket
import subprocess
import sys
import time

import httpx
import pytest

from tests.test_ground import ROOT, front_matter, pins

PATIENCE = 300
"""Seconds until the page must be up, on a machine that is busy."""


def test_the_card_names_what_was_tested():
    """huggingface.co/docs/hub/spaces-config-reference. test_ground.py looks at the other keys."""
    card = front_matter()
    assert card["sdk_version"].split(".")[:2] == pins()["gradio"].split(".")[:2]
    assert f"{sys.version_info.major}.{sys.version_info.minor}" >= card["python_version"]
    assert len(card["short_description"]) <= 60
    assert card["app_file"] == "app.py"
    assert card["hf_oauth"] is True
    assert card["hf_oauth_scopes"] == ["inference-api"]


@pytest.fixture
def space(tmp_path):
    """The address of the app as a Space."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "SPACE_ID": "somebody/ttc-explorer",
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "OMP_NUM_THREADS": "1",
    }
    with (tmp_path / "log").open("wb") as log:
        app = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + PATIENCE
        while True:
            assert app.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < end
            try:
                httpx.get(f"{url}/config", timeout=60).raise_for_status()
                break
            except httpx.TransportError:
                time.sleep(0.2)
        yield url
    finally:
        app.terminate()
        app.wait()


@pytest.mark.slow
def test_the_app_answers_and_is_in_public_mode(space):
    assert "TTC Explorer" in httpx.get(f"{space}/", timeout=60).text
    config = httpx.get(f"{space}/config", timeout=60).json()
    assert config["title"] == "TTC Explorer"
    parts = {part["props"].get("elem_id"): part["props"] for part in config["components"]}
    assert not parts["models-own"]["visible"]
    assert max(value for _, value in parts["budget"]["choices"]) == 64
