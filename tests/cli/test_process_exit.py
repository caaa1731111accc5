"""The command line ends as it is told to: by a signal, by a reader that leaves, by a full disk."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.cli.test_main import call
from ttc_explorer import app
from ttc_explorer.cli import solve_command
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.process_exit import raise_on_sigterm

PATIENCE = 120


def test_sigterm_is_an_exit_that_blocks_are_left_by(monkeypatch):
    left = []

    def terminated(*_: object) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            left.append(True)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(solve_command, "typed_problem", terminated)
    try:
        result = call("solve", "Solve 3x+5=20.")
        # The second one would end the process at once.
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        raise_on_sigterm()
        assert callable(signal.getsignal(signal.SIGTERM))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (result.exit_code, result.stderr, left) == (143, "Terminated.\n", [True])


def command(*arguments: str, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "ttc_explorer", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.slow
def test_a_reader_that_leaves_is_no_fault():
    with command("problems", "--count", "600", stdout=subprocess.PIPE) as writing:
        assert writing.stdout.readline()
        writing.stdout.close()
        assert writing.wait(PATIENCE) == 0
        assert writing.stderr.read() == ""


@pytest.mark.slow
def test_a_full_disk_under_the_output_is_one_sentence():
    with open("/dev/full", "w") as full, command("problems", stdout=full) as writing:
        assert writing.wait(PATIENCE) == 2
        said = writing.stderr.read()
    assert said == "The output cannot be written: No space left on device.\n"


def test_a_port_that_was_named_and_is_taken_is_not_replaced(monkeypatch, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("GRADIO_SERVER_PORT", str(port))
        with pytest.raises(BadInput, match=f"Port {port} of 127.0.0.1 cannot be used: Address"):
            app.check_port()
        monkeypatch.delenv("GRADIO_SERVER_PORT")
        monkeypatch.setattr(app, "USUAL_PORT", port)
        app.check_port()
        assert f"Port {port}" in capsys.readouterr().err
    monkeypatch.setenv("GRADIO_SERVER_PORT", str(port))
    app.check_port()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("port", ["x", "70000", "-1"])
def test_a_port_that_is_none_is_refused(monkeypatch, port):
    monkeypatch.setenv("GRADIO_SERVER_PORT", port)
    with pytest.raises(BadInput, match="GRADIO_SERVER_PORT"):
        app.check_port()
