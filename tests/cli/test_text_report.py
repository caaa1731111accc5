"""The run in plain text."""

from __future__ import annotations

from ttc_explorer.cli.text_report import format_run
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings


def finished_run(*answers: str | None) -> Run:
    run = Run(Problem("2+3?", "5"), "model", None, "best_of_n", 4, 0, Settings(selector="majority"))
    for answer in answers:
        run.tree.add(0, f"Answer: {answer}", finished=True, answer=answer)
    run.correct = {answer: answer == "5" for answer in answers if answer}
    run.stopped = "done"
    return run


def test_answer_and_votes_in_order():
    lines = format_run(finished_run("5", "6", "5", None)).splitlines()
    assert lines[0] == "Answer: 5 (right)"
    assert lines[1] == "4 solutions in 4 steps"
    assert lines[4].split() == ["5", "2", "2.00", "right"]
    assert lines[5].split() == ["6", "1", "1.00", "wrong"]


def test_a_run_without_any_answer():
    run = finished_run()
    run.stopped = "budget"
    lines = format_run(run).splitlines()
    assert lines[0] == "Answer: none was reached"
    assert lines[1].endswith("the rounds ran out")


def test_an_answer_cannot_steer_the_terminal_or_break_the_table():
    text = format_run(finished_run("\x1b[2J\n" + "9" * 300))
    assert "\x1b" not in text
    assert max(map(len, text.splitlines()[1:])) < 120
