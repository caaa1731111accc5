"""The load test: a client calls the page as a browser does, and figures say what was seen."""

import asyncio
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.ui.toy_solver import toy_solver
from ttc_explorer.serving.load_test import (
    Crowd,
    Job,
    Outcome,
    Usage,
    draw_jobs,
    process_usage,
    run_alone,
    run_crowd,
    same_tree,
)
from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.ui.pages import build_app


def stream(*nodes, scores=()):
    lines = [
        ["add", node, parent, "step", "open", text, 3, -0.5, None] for node, parent, text in nodes
    ]
    lines += [["score", node, score] for node, score in scores]
    return "\n".join(map(json.dumps, lines))


def test_trees_are_the_same_whatever_frames_they_came_in():
    one = stream((1, 0, "a"), (2, 1, "b"), scores=[(1, 0.5), (2, 0.25)])
    assert same_tree(one, stream((2, 1, "b"), (1, 0, "a"), scores=[(2, 0.2501), (1, 0.5)]))
    assert not same_tree(one, stream((1, 0, "a"), (2, 0, "b"), scores=[(1, 0.5), (2, 0.25)]))
    assert not same_tree(one, stream((1, 0, "a"), (2, 1, "c"), scores=[(1, 0.5), (2, 0.25)]))
    assert not same_tree(one, stream((1, 0, "a"), (2, 1, "b"), scores=[(1, 0.5), (2, 0.75)]))


def test_figures_count_whole_runs_and_trees_that_differ():
    job = Job("1 + 1?", "beam", 4, 0)
    alone = {job: stream((1, 0, "a"))}
    crowd = Crowd(2, 30.0, failures=["lost"], peak=3 << 20)
    crowd.outcomes = [
        Outcome(job, "whole", 0.5, 2.0, stream((1, 0, "a"))),
        Outcome(job, "whole", 1.5, 4.0, stream((1, 0, "b"))),
        Outcome(job, "stopped", 1.0, 1.1, stream((1, 0, "a"))),
        Outcome(job, "whole", refused="All places are taken"),
    ]
    figures = crowd.figures(alone)
    assert (figures["whole_runs"], figures["whole_runs_a_minute"]) == (2, 4.0)
    assert (figures["refused"], figures["failures"], figures["trees_unequal"]) == (1, 1, 1)
    assert figures["first_nodes_seconds"][0] == 1.0
    assert (figures["presses"], figures["peak_memory_mb"]) == (4, 3)


def test_usage_is_of_a_process_and_what_it_started():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        both, alone = process_usage(os.getpid()), process_usage(child.pid)
    finally:
        child.communicate(b"\n", timeout=60)
    assert both.page_cpu > 0
    assert both.memory > alone.memory > 2**20
    assert process_usage(child.pid) == Usage()


def bounded(work):
    return asyncio.run(asyncio.wait_for(work, 120))


@pytest.mark.slow
def test_clients_press_what_the_page_has():
    app = build_app(ModelManager(toy_solver))
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True)
    jobs = draw_jobs()[:2]
    try:
        # In a thread of its own: a browser of other tests may have this one's event loop.
        with ThreadPoolExecutor(1) as thread:
            alone, _ = thread.submit(bounded, run_alone(address, jobs)).result()
            crowd = thread.submit(bounded, run_crowd(address, 3, 3.0, jobs, 0)).result()
    finally:
        app.close(verbose=False)
    assert all('["add",1,' in lines for lines in alone.values())
    assert crowd.failures == []
    assert crowd.figures(alone)["trees_unequal"] == 0
