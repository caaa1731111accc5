"""Lessons in a real browser: played to their end by keyboard alone, left and come back to."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from ttc_explorer.ui.lessons.lesson_format import all_lessons

LESSONS = all_lessons().entries
WAIT_MS = 60_000
"""Milliseconds for a run of a lesson, however busy the machine is."""
RIGHT, WRONG = "As you said.", "Not as you said: that is what a prediction is for."

pytestmark = pytest.mark.e2e


def panel(page):
    return page.get_by_role("region", name="Lesson")


def press(page, key):
    """Go to a button of the panel by the Tab key, and press it."""
    page.keyboard.press("Alt+l")
    for _ in range(30):
        if page.evaluate("document.activeElement.dataset?.key") == key:
            page.keyboard.press("Enter")
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"The Tab key does not lead to {key}.")


def open_tab(page, name):
    tab = page.get_by_role("tab", name=name, exact=True).first
    tab.focus()
    page.keyboard.press("Enter")


def start(page, lesson):
    open_tab(page, "Learn")
    button = page.locator(f"[data-lesson={lesson.name}]")
    button.focus()
    page.keyboard.press("Enter")
    expect(panel(page).locator("h3")).to_have_text(lesson.content.steps[0].title)


def do_task(page, complete):
    """What the learner has to do in a step, beside running it."""
    if "picked = true" in complete:
        page.locator(".viewer-tree [role=tree]").first.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
    elif "selector = weighted" in complete:
        page.locator(".by-selector").get_by_text("Weighted").click()
    elif "n != 16" in complete:
        page.locator("#budget").get_by_text("4", exact=True).click()
        page.locator("#run").press("Enter")
    for condition in complete:
        if condition.startswith("page = "):
            open_tab(page, condition.removeprefix("page = ").capitalize())


def play(page, lesson, guess):
    """Play a lesson to its end; the verdicts on its predictions."""
    start(page, lesson)
    verdicts = []
    for number, step in enumerate(lesson.content.steps):
        expect(panel(page).locator("h3").first).to_have_text(step.title)
        if step.predict is not None:
            choices = panel(page).locator(".guess button")
            if not choices.first.is_disabled():
                expect(page.locator("#run")).to_have_attribute("aria-disabled", "true")
                press(page, f"guess-{guess % len(step.predict.choices)}")
            expect(page.locator("#run")).not_to_have_attribute("aria-disabled", "true")
        done = panel(page).locator(".lesson-live")
        if step.complete:
            do_task(page, step.complete)
        if panel(page).locator("[data-key=run]").is_visible() and "page" not in str(step.complete):
            expect(page.locator("#run")).to_be_enabled(timeout=WAIT_MS)
            press(page, "run")
        if step.predict or step.happened or step.complete or step.keep:
            expect(done).to_have_text("✓ Done", timeout=WAIT_MS)
        if step.predict is not None:
            verdicts.append(panel(page).locator(".verdict-line").inner_text())
            expect(panel(page).locator(".guess .right")).to_have_count(1)
        press(page, "next")
        assert number < len(lesson.content.steps)
    expect(panel(page).locator("h3")).to_have_text("Lesson done")
    return verdicts


def test_a_lesson_waits_for_a_prediction_is_left_and_comes_back(page):
    lesson = LESSONS[0]
    start(page, lesson)
    expect(page.locator("#problem textarea")).to_have_value(lesson.content.steps[0].state["q"])
    expect(page.locator("#run")).to_have_attribute("aria-disabled", "true")
    for stopped in (page.locator("#run"), page.locator(".first-step").first):
        stopped.click(force=True)
    page.locator("#problem textarea").press("Enter")
    expect(page.locator("#status .status")).not_to_have_attribute("data-state", "running")
    assert re.search(r"[#&]lesson=budget&step=1", page.url)
    press(page, "leave")
    expect(panel(page)).to_be_hidden()
    expect(page.locator("#run")).not_to_have_attribute("aria-disabled", "true")
    start(page, lesson)
    page.reload()
    expect(panel(page).locator("h3")).to_have_text(lesson.content.steps[0].title, timeout=WAIT_MS)
    page.goto(page.url.split("#")[0] + "#lesson=score&step=3")
    expect(panel(page).locator("h3")).to_have_text(LESSONS[2].content.steps[2].title)
    for _ in range(2 * len(LESSONS[2].content.steps)):  # pressing Next alone leads to the end
        if panel(page).locator("[data-key=next]").inner_text() == "Close":
            break
        press(page, "next")
    expect(panel(page).locator("h3")).to_have_text("That was the lesson")


def test_every_lesson_is_played_to_its_end_by_keyboard_with_right_and_wrong_predictions(page):
    page.evaluate("localStorage.clear()")  # what an earlier test left of a lesson
    page.reload()
    verdicts = []
    for number, lesson in enumerate(LESSONS):
        verdicts += play(page, lesson, number)
    assert set(verdicts) == {RIGHT, WRONG}
    open_tab(page, "Learn")
    expect(page.locator("[data-lesson-row].done")).to_have_count(len(LESSONS))


def test_on_a_phone_the_page_moves_to_what_a_step_points_at(page):
    page.evaluate("localStorage.clear()")
    page.reload()
    page.set_viewport_size({"width": 390, "height": 844})
    start(page, LESSONS[0])
    above = """place => document.querySelector(place).getBoundingClientRect().top >= 0
        && document.querySelector(place).getBoundingClientRect().bottom
            <= document.querySelector("#lesson").getBoundingClientRect().top"""
    page.wait_for_function(above, arg="#budget")
    press(page, "leave")


def test_the_guide_for_teachers_prints_on_two_pages(page):
    page.evaluate("window.print = () => {}")
    open_tab(page, "Learn")
    expect(page.locator(".guide-paper li").first).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name="Print, on two pages").click()
    printed = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 2


@pytest.mark.parametrize(
    ("language", "nothing", "first"),
    [
        ("de", "Bisher nur die Frage.", r"^Runde 1: 4 Versuche"),
        ("zh", "目前只有题目。", r"^第 1 轮：尝试 4 次"),
    ],
)
def test_rounds_are_told_in_the_language_of_the_page(page, language, nothing, first):
    page.evaluate("language => localStorage.setItem('ttc-language', language)", language)
    application = page.url.split("#")[0]
    page.goto("about:blank")
    page.goto(f"{application}#page=explore&q=Solve+3x%2B5%3D20.&strategy=beam&n=4&run=1&at=1")
    told = page.locator("#explore .viewer-tree .standing")
    expect(told).to_have_text(nothing, timeout=WAIT_MS)
    page.locator("#explore .viewer-tree [role=tree]").focus()
    page.keyboard.press("]")
    expect(told).to_have_text(re.compile(first))
