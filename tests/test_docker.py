"""The Dockerfile says what its comments promise; with ``bash tests/run.sh --docker`` it is carried
out."""

import os
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests.docker import KNOWN, ROOT, SKIPPED, Image, copied, ignored, steps

pytestmark = pytest.mark.slow

ASKED = os.environ.get("TTC_DOCKER") == "1"
PATIENCE = 600
"""Seconds until the page must be up, on a machine that is busy."""


@pytest.fixture
def dockerfile():
    return steps((ROOT / "Dockerfile").read_text())


def test_the_parser_reads_lines_that_go_on_and_refuses_what_it_does_not_know():
    assert steps("# a\nENV A=1 \\\n    B=2\n\nRUN x\n") == [("ENV", "A=1 B=2"), ("RUN", "x")]
    with pytest.raises(ValueError, match="HEALTHCHECK"):
        steps("HEALTHCHECK NONE")
    assert SKIPPED < KNOWN


def test_the_container_runs_as_spaces_want_it(dockerfile):
    """https://huggingface.co/docs/hub/spaces-sdks-docker: uid 1000, its home, a port that is open
    to all."""
    words = [step.word for step in dockerfile]
    assert "--uid 1000 user" in dockerfile[words.index("RUN")].rest
    assert words.index("USER") < words.index("WORKDIR") < words.index("COPY") < words.index("CMD")
    settings = dockerfile[words.index("ENV")].rest
    assert all(
        part in settings
        for part in ("HOME=/home/user", "GRADIO_SERVER_NAME=0.0.0.0", "GRADIO_SERVER_PORT=7860")
    )


def test_what_is_copied_is_the_app_and_nothing_of_ours():
    files = set(copied(ROOT, "."))
    needed = (
        "app.py",
        "requirements.txt",
        "ttc_explorer/ui/style.css",
        "assets/models/base-s/config.json",
    )
    assert {Path(name) for name in needed} <= files
    tops = {path.parts[0] for path in files}
    assert not tops & {"tests", "runs", ".git", ".ci", ".venv"}
    assert not any("__pycache__" in path.parts for path in files)


def test_ignored_paths_are_those_that_docker_ignores():
    patterns = ["runs", "**/__pycache__"]
    assert ignored(Path("runs"), patterns)
    assert ignored(Path("a/b/__pycache__"), patterns)
    assert not ignored(Path("a/runs"), patterns)


@pytest.mark.skipif(not ASKED, reason="asked for by bash tests/run.sh --docker")
def test_every_step_of_the_dockerfile_works(dockerfile, tmp_path):
    """The packages are really installed, and the app really answers, as the user with uid 1000."""
    image = Image(tmp_path)
    try:
        for step in dockerfile:
            print("skipped" if step.word in SKIPPED else "taken", *step, flush=True)
            image.take(step)
        with (tmp_path / "log").open("wb") as log:
            app = subprocess.Popen(
                image.inside(image.command), env=image.variables, stdout=log, stderr=log
            )
        try:
            port = image.variables["GRADIO_SERVER_PORT"]
            page = answered(f"http://127.0.0.1:{port}/", app, tmp_path / "log")
            owner = Path(f"/proc/{app.pid}").stat().st_uid
            config = httpx.get(f"http://127.0.0.1:{port}/config", timeout=60).json()
        finally:
            app.terminate()
            app.wait()
    finally:
        image.close()
    assert "TTC Explorer" in page
    assert owner == 1000
    assert config["title"] == "TTC Explorer"


def answered(url, app, log):
    """The page at ``url``, once the app is up."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and app.poll() is None:
        try:
            return httpx.get(url, timeout=60).raise_for_status().text
        except httpx.TransportError:
            time.sleep(1)
    raise AssertionError(f"the app did not come up: {log.read_text()[-2000:]}")
