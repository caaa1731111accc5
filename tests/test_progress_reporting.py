"""How far work is: a bar where somebody looks, a line a minute in a log."""

import io
import sys

import pytest

from ttc_explorer import progress_reporting
from ttc_explorer.progress_reporting import CountedProgress, Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress_reporting.time, "monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_line_a_minute_with_the_time_left(clock, capsys):
    with CountedProgress("solutions", 100, already_done=20) as progress:
        for second in range(0, 121, 10):
            clock[0] = second
            progress.done(20 + second // 10, "beam")
    assert capsys.readouterr().err.splitlines() == [
        "solutions  26/100  beam  12 min left",
        "solutions  32/100  beam  11 min left",
    ]


def test_a_terminal_gets_a_bar_that_is_gone_at_the_end(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with CountedProgress("solutions", 4) as progress:
        progress.done(3, "[bold]beam[/bold]")
        assert terminal.getvalue()
    written = terminal.getvalue()
    assert "3/4" in written
    assert "[bold]beam[/bold]" in written
    assert written.endswith("\x1b[2K")


def test_nothing_is_drawn_before_there_is_news(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with Progress():
        assert terminal.getvalue() == ""
    with Progress() as progress:
        progress.show("12 steps")
    assert "12 steps" in terminal.getvalue()
