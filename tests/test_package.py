"""The wheel, away from the checkout: it solves, opens the page and can be imported."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import zipfile
from email.parser import Parser

import httpx
import pytest

import ttc_explorer
from tests.test_ground import ROOT, pins

pytestmark = pytest.mark.slow

PATIENCE = 300
"""Seconds until the page must be up, on a machine that is busy."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "-w", str(folder), str(ROOT)], check=True)
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder with the wheel's files and nothing else of ours."""
    folder = tmp_path_factory.mktemp("installed")
    wheel.extractall(folder)
    return folder


@pytest.fixture
def call(installed, tmp_path):
    """Runs Python in another folder, with the wheel's package and not the checkout's."""

    def run(*arguments):
        return [sys.executable, *arguments], {
            "cwd": tmp_path,
            "env": os.environ | {"PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"},
        }

    return run


def test_the_wheel_says_what_it_needs_and_brings_a_command(wheel):
    names = wheel.namelist()
    info = f"ttc_explorer-{ttc_explorer.__version__}.dist-info"
    metadata = Parser().parsestr(wheel.read(f"{info}/METADATA").decode())
    needed = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    assert {line.split("==")[0] for line in needed} == set(pins())
    assert (
        "ttc-explorer = ttc_explorer.cli.main:main"
        in wheel.read(f"{info}/entry_points.txt").decode()
    )
    tracked = subprocess.run(
        ["git", "ls-files", "assets", "ttc_explorer"], cwd=ROOT, capture_output=True, text=True
    ).stdout.split()
    packaged = {name.replace("ttc_explorer/assets/", "assets/") for name in names}
    assert not set(tracked) - packaged


def test_it_solves_from_another_folder(call, installed):
    command, place = call("-m", "ttc_explorer", "solve", "Solve 3x+5=20.", "--budget", "4")
    done = subprocess.run(command, capture_output=True, text=True, **place)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Answer: 5 (right)")


def test_it_is_imported_from_another_folder(call, installed):
    code = "import ttc_explorer; print(ttc_explorer.__file__, ttc_explorer.__version__)"
    command, place = call("-c", code)
    done = subprocess.run(command, capture_output=True, text=True, check=True, **place)
    file, version = done.stdout.split()
    assert file == str(installed / "ttc_explorer" / "__init__.py")
    assert version == ttc_explorer.__version__


def test_it_opens_the_page_from_another_folder(call, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command, place = call("-c", "from ttc_explorer.cli.main import main; main()", "app")
    place["env"] |= {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port)}
    with (tmp_path / "log").open("wb") as log:
        app = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **place)
    try:
        end = time.monotonic() + PATIENCE
        while True:
            assert app.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < end
            try:
                page = httpx.get(f"http://127.0.0.1:{port}/", timeout=60).raise_for_status()
                break
            except httpx.TransportError:
                time.sleep(0.2)
        assert "TTC Explorer" in page.text
    finally:
        app.terminate()
        app.wait()
