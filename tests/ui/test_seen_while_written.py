"""A press on Run shows what is being written while it is, and Stop keeps it."""

import json
from dataclasses import replace

import gradio as gr
import pytest

from tests.search.fakes import ToyGenerator
from tests.ui.test_explore_page import frames_of, state_of
from tests.ui.toy_solver import PausableGenerator, toy_solver
from ttc_explorer.models.protocol import RowProgress
from ttc_explorer.search import executor
from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.ui.components.explore_session import ExploreSession
from ttc_explorer.ui.pages import explore_page
from ttc_explorer.ui.pages.explore_page import ExplorePage

pytestmark = pytest.mark.slow

FRAMES = 2000
"""After so many the test gives up: a second has a hundred at most."""


class TellingGenerator(PausableGenerator):
    """Held in its first step, of which every row has a beginning."""

    def extend(self, jobs):
        for job in jobs:
            job.on_progress(RowProgress("First, <b>7", 3))
        steps = super().extend(jobs)
        return [
            replace(step, text="First, <b>7 + ", tokens=4) if job.cancelled() else step
            for job, step in zip(jobs, steps, strict=True)
        ]


@pytest.fixture
def held(monkeypatch):
    """A page whose model is held, and the model."""
    monkeypatch.setattr(executor, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(explore_page, "MAX_FRAME_SECONDS", 0.01)
    monkeypatch.setattr(explore_page, "MIN_FRAME_SECONDS", 0.0)
    generator = TellingGenerator(ToyGenerator())
    generator.hold(after=0)
    with gr.Blocks():
        yield ExplorePage(ModelManager(lambda: toy_solver(generator)), None), generator
    generator.release()


def told(text, kind):
    found = map(json.loads, filter(None, text.splitlines()))
    return [fields for name, *fields in found if name == kind]


def first_picture_of_writing(page, frames):
    """The first picture in which something is being written."""
    for _ in range(FRAMES):
        text = next(frames).get(page.viewer, "")
        if told(text, "wrote"):
            return text
    raise AssertionError("nothing was seen of what was being written")


def test_the_first_step_is_seen_while_it_is_written(held):
    page, generator = held
    frames = frames_of(page, ExploreSession(None), strategy="best_of_n", budget=4)
    text = first_picture_of_writing(page, frames)
    assert told(text, "write") == [[[0, 0, 0, 0], False]]
    assert state_of(text)["text"] == "Writing the first 4 steps \u00b7 12 tokens so far"
    assert "<b>" not in text
    assert len(told(text, "add")) == 1
    generator.release()
    for frame in frames:
        text = frame.get(page.viewer, text)
    assert state_of(text)["stopped"] == "done"
    assert told(text, "write")[-1][1] is False  # nothing was cut off


def test_stop_keeps_what_was_being_written(held):
    page, _ = held
    session = ExploreSession(None)
    frames = frames_of(page, session, strategy="best_of_n", budget=4)
    text = first_picture_of_writing(page, frames)
    page.stop(session)
    for frame in frames:
        text = frame.get(page.viewer, text)
    assert state_of(text)["text"] == "Stopped in the first step"
    assert told(text, "write")[-1] == [[0, 0, 0, 0], True]
    assert [row[3] for row in told(text, "wrote")[-1][1]] == ["First, <b>7 + "] * 4
    assert [row.text for row in session.run.partial] == ["First, <b>7 + "] * 4
