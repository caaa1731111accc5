"""Pictures of every step of the lessons after its run, at three sizes, and what a machine can see
of them that is wrong.

``python -m tests.lesson_pictures DIR`` takes those of all lessons, ``python -m
tests.lesson_pictures DIR budget score`` those of two.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect

from tests.e2e.test_lessons import do_task, open_tab, panel
from tests.pictures import SECONDS, SIZES, visitor
from ttc_explorer.ui.lessons.lesson_format import PLACES, Step, all_lessons

DESK: ViewportSize = {"width": 1440, "height": 900}
FAULTS = """(places) => {
  const faults = [], { clientWidth, scrollWidth } = document.documentElement;
  if (scrollWidth > clientWidth) faults.push("the page is wider than the screen");
  const lesson = document.querySelector("#lesson"), within = lesson.getBoundingClientRect();
  for (const each of lesson.querySelectorAll("p, button, h3, legend")) {
    const { width, left, right } = each.getBoundingClientRect();
    const isCut = width && (right > within.right + 1 || left < within.left - 1);
    if (isCut) faults.push(`cut: ${each.textContent.slice(0, 60)}`);
  }
  for (const place of places) {
    const marked = document.querySelector(place), box = marked?.getBoundingClientRect();
    if (!marked?.checkVisibility()) faults.push(`${place} is not there`);
    else if (box.top >= innerHeight || box.bottom <= 0) faults.push(`${place} is off the screen`);
    else if (box.left >= within.left && box.top >= within.top) faults.push(`${place} is covered`);
  }
  if (/[{}]|undefined|NaN|\\[\\[/.test(lesson.innerText)) faults.push("a text with a gap");
  return faults;
}"""
"""A function of JavaScript: what is wrong with a step on screen, which points at these places."""


def play_step(page: Page, step: Step) -> None:
    """Do what a step asks, with its first choice as the prediction."""
    expect(panel(page).locator("h3").first).to_have_text(step.title)
    guess = panel(page).locator(".guess button").first
    if step.predict is not None and guess.is_enabled():
        guess.click()
    if step.complete:
        do_task(page, step.complete)
    if panel(page).locator("[data-key=run]").is_visible() and "page" not in str(step.complete):
        expect(page.locator("#run")).to_be_enabled()
        panel(page).locator("[data-key=run]").click()
    if step.predict or step.happened or step.complete or step.keep:
        expect(panel(page).locator(".lesson-live")).to_have_text("✓ Done")


def take_step(page: Page, step: Step, folder: Path, name: str) -> None:
    """Pictures of a step; on a phone as it opens, where the page moves to what it points at."""
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        if size == "390":
            panel(page).locator("[aria-current=step]").click()
        page.wait_for_timeout(500)  # what moves comes to rest
        page.screenshot(path=folder / f"{name}-{size}.png")
        places = [] if size == "390" else [PLACES[each] for each in step.highlight]
        for fault in page.evaluate(FAULTS, places):
            print(f"{name}-{size}: {fault}", flush=True)
    page.set_viewport_size(DESK)
    page.evaluate("scrollTo(0, 0)")


def take_lessons(folder: Path, names: list[str]) -> None:
    """Pictures of the steps of these lessons, and a line on each fault."""
    expect.set_options(timeout=1000 * SECONDS)
    with visitor() as page:
        for lesson in all_lessons().entries:
            if names and lesson.name not in names:
                continue
            open_tab(page, "Learn")
            page.locator(f"[data-lesson={lesson.name}]").click()
            for number, step in enumerate(lesson.content.steps, 1):
                play_step(page, step)
                take_step(page, step, folder, f"{lesson.name}-{number}")
                (folder / f"{lesson.name}-{number}.txt").write_text(panel(page).inner_text())
                panel(page).locator("[data-key=next]").click()
            panel(page).locator("[data-key=next]").click()
            print(lesson.name, flush=True)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    take_lessons(target, sys.argv[2:])
