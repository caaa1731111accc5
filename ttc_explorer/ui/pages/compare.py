"""Compare: one problem, up to six strategies at the same budget, side by side."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import gradio as gr

from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.families import FAMILIES, draw_problem
from ttc_explorer.problems.problem import BadInput, Problem, typed_problem
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import SELECTORS, Settings, checked_budget
from ttc_explorer.ui import board, downloads, panels
from ttc_explorer.ui.chips import answered, chips, chosen_in, value_of
from ttc_explorer.ui.comparison import (
    ENTRIES,
    Entry,
    Lane,
    by_samples,
    by_tokens,
    checked_tokens,
    row,
    sheet,
)
from ttc_explorer.ui.engine import Choice, Engine, Loaded
from ttc_explorer.ui.pages.explore import OUR_FAULT, Frame
from ttc_explorer.ui.parts import heading, html, known, number, strip, whole

log = logging.getLogger(__name__)

MOST_SECONDS = 240
"""A comparison that lasts longer is ended, so that nobody holds six places for ever."""
PACE = 0.25
"""Seconds between two pictures of the growing trees, at least."""
TURN = 0.05
"""Seconds between two looks at the runs, at most."""
SAMPLES = (1, 2, 4, 8, 16, 32, 64)
TOKENS = (1_000, 2_000, 5_000, 10_000, 20_000)
PRESSED = ("best_of_n", "beam width=4", "lookahead lookahead=1", "dvts width=4", "rebase", "mcts width=4")
"""Keys of what is chosen at first: what needs no reviser."""
EXAMPLE_LEVEL = 3


def build(engine: Engine, opening: Run | None, choice: gr.State) -> Compare:
    """Put the page where we are."""
    return Compare(engine, opening, choice)


class Visit:
    """What one visitor compares; kept in their session. ``stop`` when they want what is running to end."""

    def __init__(self) -> None:
        self.running = self.stop = False
        self.lanes: list[Lane] = []
        self.selector = Settings().selector


class Compare:
    """The page. Make it inside ``gr.Blocks``; the problem of ``opening`` stands in the field."""

    def __init__(self, engine: Engine, opening: Run | None, choice: gr.State | None = None) -> None:
        self._engine = engine
        self.choice = choice or gr.State(None)
        self.visit = gr.State(Visit())
        with gr.Row(equal_height=False, elem_id="compare"):
            with gr.Column(elem_id="compare-controls", min_width=0):
                self._ask(opening)
                self._how()
                self._go()
            with gr.Column(elem_id="compare-results", min_width=0):
                self.lanes = html("compare-lanes", board.preview([ENTRIES[key] for key in PRESSED]))
                with gr.Column(elem_id="compare-figures", min_width=0):
                    self._figures()
        self._connect()

    # --- what is on the page ----------------------------------------------------------------------------

    def _ask(self, opening: Run | None) -> None:
        with gr.Column(elem_id="compare-ask", min_width=0):
            self.surprise = gr.Button("Surprise me", min_width=0, elem_id="compare-surprise", size="md")
            self.problem = gr.Textbox(
                opening.problem.text if opening else "",
                label="Problem",
                placeholder="Type a problem, or let us make one.",
                lines=1,
                max_lines=4,
                elem_id="compare-problem",
            )
            self.unread = html("compare-unread")

    def _how(self) -> None:
        with gr.Column(elem_id="compare-how", min_width=0):
            heading("Strategies, six at most")
            self.chips = chips(value_of(PRESSED, {}), elem_id="compare-chips")
            heading("Same budget of", "same budget")
            units = [("samples, N", "samples"), ("tokens", "tokens")]
            self.unit = strip("Same budget of", "compare-unit", units, "samples")
            samples = [(str(n), n) for n in SAMPLES if n <= self._engine.rules.budget]
            self.samples = strip("Samples N", "compare-samples", samples, 8)
            tokens = [(f"{n // 1000}k", n) for n in TOKENS]
            self.tokens = strip("Tokens", "compare-tokens", tokens, 5_000, visible=False)
            self.rule = html("compare-rule", _rule("samples"))

    def _go(self) -> None:
        with gr.Column(elem_id="compare-go", min_width=0):
            self.banner = html("compare-banner")
            with gr.Row(elem_id="compare-buttons"):
                self.start = gr.Button("Compare", variant="primary", elem_id="compare-run", min_width=0)
                self.halt = gr.Button(
                    "Stop", variant="stop", elem_id="compare-stop", min_width=0, interactive=False
                )
            self.status = html("compare-status", panels.status("ready", "Ready."))
        with (
            gr.Column(elem_id="compare-more", min_width=0),
            gr.Accordion("Right answer and seed", open=False),
        ):
            self.answer = gr.Textbox(
                label="Right answer, if you know it",
                info="Marks answers as right or wrong. The models never see it.",
                elem_id="compare-answer",
            )
            heading("Seed", "seed")
            self.seed = number("Seed", "compare-seed", 0)

    def _figures(self) -> None:
        with gr.Row(elem_id="compare-rules"):
            heading("Answer by", "selector")
            selectors = [(name.capitalize(), name) for name in SELECTORS]
            default = Settings().selector
            self.selector = strip("Answer chosen by", "compare-selector", selectors, default)
            self.copy = gr.Button(
                "Copy table", min_width=0, elem_id="compare-copy", size="md", interactive=False
            )
            self.save = gr.Button("CSV", min_width=0, elem_id="compare-csv", size="md", interactive=False)
        self.table = html("compare-table", board.table([], default))
        self.tabs = gr.Textbox(visible="hidden", show_label=False, elem_id="compare-tabs")
        self.commas = gr.Textbox(visible="hidden", show_label=False, elem_id="compare-commas")

    def _connect(self) -> None:
        quick: dict[str, Any] = {
            "queue": False,
            "show_progress": "hidden",
            "trigger_mode": "multiple",
            "api_visibility": "private",
        }
        picture = [self.lanes, self.table, self.tabs, self.commas, self.copy, self.save]
        gr.on(
            [self.start.click, self.problem.submit],
            self.compare,
            [
                self.visit, self.problem, self.answer, self.chips, self.unit, self.samples, self.tokens,
                self.selector, self.seed, self.choice,
            ],
            [*picture, self.chips, self.unread, self.banner, self.status, self.start, self.halt],
            show_progress="hidden",
            trigger_mode="once",
            concurrency_limit=None,
            api_visibility="private",
        )  # fmt: skip
        self.halt.click(self.stop, self.visit, None, **quick)
        self.surprise.click(
            self.example, None, [self.problem, self.answer, self.unread, self.banner], **quick
        )
        self.unit.input(self.measure, self.unit, [self.samples, self.tokens, self.rule], **quick)
        pressed = [self.visit, self.chips, self.choice]
        self.chips.input(
            self.choose, pressed, [self.lanes, self.chips], **quick | {"trigger_mode": "always_last"}
        )
        self.selector.input(self.recount, [self.visit, self.selector], picture, **quick)
        self.copy.click(None, self.tabs, None, js=_COPY, **quick)
        self.save.click(None, self.commas, None, js=downloads.text("ttc-compare.csv"), **quick)

    def refresh(self, *events: Any) -> None:
        """Say again which strategies can run when one of these events comes: models may be others now."""
        gr.on(
            list(events),
            self.choose,
            [self.visit, self.chips, self.choice],
            [self.lanes, self.chips],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )

    # --- what it does -----------------------------------------------------------------------------------

    def compare(
        self,
        visit: Visit,
        text: str,
        answer: str,
        pressed: str,
        unit: str,
        samples: int,
        tokens: int,
        selector: str,
        seed: int,
        choice: Choice | None = None,
    ) -> Iterator[Frame]:
        """Run them all, and draw the trees while they grow. What goes wrong is one sentence in its place."""
        if visit.running:
            return
        visit.running, visit.stop = True, False
        place = self.unread
        try:
            yield {
                self.unread: "",
                self.banner: "",
                self.start: gr.update(interactive=False),
                self.halt: gr.update(interactive=True),
            }
            problem = known(typed_problem(text, answer))
            place = self.banner
            picked, settings = chosen_in(pressed), Settings().updated({"selector": selector})
            number, limit, start = checked_budget(samples), checked_tokens(tokens), whole("seed", seed)
            loaded = yield from self._models(visit, choice)
            if loaded is not None:
                yield {self.chips: answered(pressed, [entry.key for entry in picked], _missing(loaded))}
                run_at = _runs(problem, loaded, start, settings)
                _check(picked, loaded)
                lanes = (
                    by_tokens(picked, limit, run_at, self._engine.rules.budget)
                    if unit == "tokens"
                    else by_samples(picked, number, run_at)
                )
                yield from self._watch(visit, lanes, selector, loaded)
        except (BadInput, ModelError) as error:
            yield {place: panels.banner(str(error))}
        except Exception:
            log.exception("a comparison could not be shown")
            yield {self.banner: panels.banner(OUR_FAULT)}
        finally:
            visit.running = False
        yield {self.start: gr.update(interactive=True), self.halt: gr.update(interactive=False)}

    def _models(self, visit: Visit, choice: Choice | None) -> Iterator[Frame]:
        """Wait for the models; return them, or None if the visitor stopped meanwhile."""
        self._engine.begin(choice)
        loaded = self._engine.wait(0, choice)
        while loaded is None and not visit.stop:
            yield {self.status: panels.status("loading", "Loading the models, once for everybody …")}
            loaded = self._engine.wait(PACE, choice)
        if visit.stop:
            yield {self.status: panels.status("cancelled", "Stopped while the models were loading.")}
        return None if visit.stop else loaded

    def _watch(self, visit: Visit, lanes: list[Lane], selector: str, loaded: Loaded) -> Iterator[Frame]:
        """Run the lanes to their ends, all at once, and draw them at most once every PACE seconds."""
        service = loaded.service
        end = time.monotonic() + self._engine.rules.time(MOST_SECONDS)
        visit.lanes, visit.selector = lanes, selector

        def submit(run: Run) -> None:
            service.submit(run, max(0.0, end - time.monotonic()))

        try:
            for lane in lanes:
                submit(lane.run)
            drawn = 0.0
            while going := [lane for lane in lanes if not lane.settled]:
                if time.monotonic() >= drawn + PACE:
                    drawn = time.monotonic()
                    yield self._picture(visit) | {self.status: _status(lanes)}
                first = going[0].run
                service.wait(first, len(first.tree.events), TURN)
                for lane in going:
                    if visit.stop or lane.over():
                        service.cancel(lane.run)
                    if lane.run.stopped is not None and (following := lane.advance()):
                        submit(following)
        finally:
            for lane in lanes:
                if lane.run is not None:
                    service.cancel(lane.run)  # of no effect once it has ended
                lane.settled = True
        errors = [lane.run.error for lane in lanes if lane.run is not None and lane.run.error]
        yield self._picture(visit) | {
            self.status: _status(lanes),
            self.banner: panels.banner(errors[0] if errors else ""),
        }

    def stop(self, visit: Visit) -> None:
        """Ask the visitor's runs to end; ``compare`` then draws them a last time."""
        visit.stop = True

    def example(self) -> Frame:
        """A fresh problem that the models were not trained on."""
        rng = Random()
        text = draw_problem(rng.choice(list(FAMILIES)), EXAMPLE_LEVEL, rng).text
        return {self.problem: text, self.answer: "", self.unread: "", self.banner: ""}

    def measure(self, unit: str) -> Frame:
        """The budgets to choose from, and what they mean."""
        return {
            self.samples: gr.update(visible=unit == "samples"),
            self.tokens: gr.update(visible=unit == "tokens"),
            self.rule: _rule(unit),
        }

    def choose(self, visit: Visit, pressed: str, choice: Choice | None = None) -> Frame:
        """Show what will be compared, unless a comparison is on screen; say what cannot be."""
        loaded = self._engine.ready(choice)
        try:
            picked = chosen_in(pressed)
        except BadInput:  # none is pressed: it is said when somebody wants to run that
            picked = []
        keys = [entry.key for entry in picked]
        return {
            self.lanes: gr.skip() if visit.lanes else board.preview(picked),
            self.chips: gr.skip() if loaded is None else answered(pressed, keys, _missing(loaded)),
        }

    def recount(self, visit: Visit, selector: str) -> Frame:
        """Choose the answers by another rule from the same solutions: nothing is sampled again."""
        visit.selector = selector
        if visit.running or not visit.lanes:  # its next picture follows the new rule
            return {self.lanes: gr.skip()}
        return self._picture(visit)

    def _picture(self, visit: Visit) -> Frame:
        """The comparison as it stands; its table can be taken once all is settled."""
        lanes, selector = visit.lanes, visit.selector
        rows = [row(lane, selector) for lane in lanes]
        ready = all(lane.settled for lane in lanes)
        return {
            self.lanes: board.lanes(lanes, selector),
            self.table: board.table(lanes, selector),
            self.tabs: sheet(rows, "\t") if ready else "",
            self.commas: sheet(rows, ",") if ready else "",
            self.copy: gr.update(interactive=ready),
            self.save: gr.update(interactive=ready),
        }


def _rule(unit: str) -> str:
    """What the same budget means, in a sentence."""
    meaning = {
        "samples": "Every strategy gets the same N. The table shows what that costs each.",
        "tokens": "Every strategy gets the largest N that keeps its whole run within so many tokens: one "
        "more would go over.",
    }
    return f'<p class="about">{meaning[unit]}</p>'


def _missing(loaded: Loaded) -> dict[str, str]:
    """Key of an entry -> why it cannot run here, for those that cannot."""
    reasons = {key: loaded.missing(entry.strategy) for key, entry in ENTRIES.items()}
    return {key: reason for key, reason in reasons.items() if reason}


def _check(picked: list[Entry], loaded: Loaded) -> None:
    """Raise BadInput if one of them cannot run here."""
    missing = _missing(loaded)
    for entry in picked:
        if entry.key in missing:
            raise BadInput(f"{missing[entry.key]} Take it out.")


def _runs(problem: Problem, loaded: Loaded, seed: int, settings: Settings) -> Callable[[Entry, int], Run]:
    """What describes the run of an entry at a budget of N."""

    def run_at(entry: Entry, number: int) -> Run:
        own = settings.updated(dict([entry.setting] if entry.setting else []))
        return Run(problem, loaded.model, loaded.verifier, entry.strategy, number, seed, own)

    return run_at


def _status(lanes: list[Lane]) -> str:
    """How the comparison stands, in one line."""
    endings = {lane.run.stopped for lane in lanes if lane.run is not None}
    settled = sum(1 for lane in lanes if lane.settled)
    if settled < len(lanes):
        return panels.status("running", f"Running: {settled} of {len(lanes)} done")
    if "cancelled" in endings:
        return panels.status("cancelled", "Stopped.")
    if "deadline" in endings:
        return panels.status("deadline", "Ended because the time was up.")
    return panels.status("done", f"Done: {len(lanes)} side by side")


_COPY = """(text) => {
  const button = document.querySelector("#compare-copy");
  const copied = () => {
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy table"; }, 1500);
  };
  if (navigator.clipboard) return void navigator.clipboard.writeText(text).then(copied);
  const area = Object.assign(document.createElement("textarea"), {value: text});   // a page without https
  document.body.append(area);
  area.select();
  if (document.execCommand("copy")) copied();
  area.remove();
}"""
