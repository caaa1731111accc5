"""What is being written, in a real browser: it grows before the eye, becomes nodes, and stays where
a run is stopped."""

import re

import gradio as gr
import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import TIMEOUT_MS
from ttc_explorer.models.protocol import Step
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.run import Run
from ttc_explorer.search.run_progress import PartialRow, RunProgress
from ttc_explorer.search.settings import Settings
from ttc_explorer.ui.run_viewer.stream import RunStream
from ttc_explorer.ui.run_viewer.viewer_component import run_viewer
from ttc_explorer.ui.theme import launch_options

LONG = "First we add both numbers, <b>one</b> after the other, and write down what that gives. " * 3


def stages():
    """What the viewer is sent, stage by stage."""
    run = Run(Problem("What is 2 + 2?", "4"), "mine", None, "best_of_n", 4, 0, Settings())
    stream = RunStream("written", run)
    yield stream.update()
    for seconds, text in ((1.0, "First"), (2.0, LONG)):
        rows = [PartialRow(0, f"{text} ({row})", 10 * int(seconds), row == 3) for row in range(4)]
        run.progress = RunProgress(len(run.tree.events), seconds, tuple(rows))
        yield stream.update()
    steps = [Step(f"{row} + 2 = 4", 8, -1.0) for row in range(4)]
    run.tree.add_steps([0] * 4, steps)
    run.ledger.generated_tokens = 32
    yield stream.update()
    run.tree.add(1, "So it is 4", finished=True, cut=True)
    run.partial, run.stopped = (PartialRow(2, "So the answer", 3),), "cancelled"
    yield stream.update()


@pytest.fixture(scope="module")
def viewer(chromium):
    """A page that shows the next stage whenever Next is pressed."""
    shown = list(stages())
    with gr.Blocks() as page:
        stage = gr.Number(0, visible=False)
        button = gr.Button("Next")
        view = run_viewer("tree", ("cards", "tree", "inspector"))
        button.click(lambda at: (at + 1, shown[int(at)]), stage, [stage, view])
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    tab = chromium.new_page()
    tab.set_viewport_size({"width": 1440, "height": 900})
    tab.emulate_media(reduced_motion="reduce")
    tab.set_default_timeout(TIMEOUT_MS)
    expect.set_options(timeout=TIMEOUT_MS)
    tab.goto(f"{url}?__theme=light")
    yield tab
    tab.close()
    page.close()


def test_a_step_grows_before_the_eye_and_stays_when_it_is_cut_off(viewer):
    press, writing = (
        viewer.get_by_role("button", name="Next"),
        viewer.locator("#tree .node.writing"),
    )
    seconds = viewer.locator("#tree .card.cost .seconds")
    press.click()
    expect(viewer.locator("#tree .standing")).to_have_text("Reading the problem")
    expect(writing).to_have_count(0)
    press.click()
    expect(writing).to_have_count(4)
    expect(writing.nth(3)).to_have_class(re.compile("ended"))
    expect(writing.nth(0)).to_have_attribute("aria-label", re.compile("being written"))
    expect(viewer.locator("#tree .key.writing")).to_be_visible()
    expect(viewer.locator("#tree .standing")).to_have_text(
        "Writing the first 4 steps · 40 tokens so far, 1 of 4 done and waiting"
    )
    expect(seconds).to_contain_text("1.0 s")
    expect(viewer.locator("#tree article")).to_contain_text("First (0)")
    writing.nth(1).locator(".dot").click()
    expect(viewer.locator("#tree article")).to_contain_text("First (1)")
    press.click()
    expect(viewer.locator("#tree article")).to_contain_text("what that gives. (1)")
    expect(viewer.locator("#tree article")).to_contain_text(re.compile(r"<\s*b\s*>\s*one"))
    expect(viewer.locator("#tree article").get_by_text("one", exact=True)).to_have_count(0)
    expect(viewer.locator("#tree .caption").filter(has_text="(1)")).to_have_count(1)  # the end
    expect(seconds).to_contain_text("2.0 s")
    press.click()
    expect(writing).to_have_count(0)
    expect(viewer.locator('#tree .node[data-id="4"]')).to_be_visible()
    expect(viewer.locator("#tree .key.writing")).to_be_hidden()
    press.click()
    cut = viewer.locator("#tree .node.unfinished")
    expect(cut).to_have_count(1)
    cut.locator(".dot").click()
    expect(viewer.locator("#tree article")).to_contain_text("stopped before this step had its end")
    expect(viewer.locator("#tree article .pill")).to_have_text("cut off")
    viewer.locator('#tree .node[data-id="5"] .dot').click()
    expect(viewer.locator("#tree article")).to_contain_text("there was no room for more")
