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
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import Settings, parse_budget
from ttc_explorer.serving.model_manager import LoadedModels, ModelManager, ModelSelection
from ttc_explorer.ui.components import compare_view, downloads, result_panels
from ttc_explorer.ui.components.basic_inputs import (
    control_heading,
    html_block,
    number_input,
    parse_whole_number,
    segmented_control,
    with_known_answer,
)
from ttc_explorer.ui.components.guarded_handler import INTERNAL_ERROR_MESSAGE, ComponentUpdates
from ttc_explorer.ui.components.strategy_chips import (
    chips_update,
    chips_value,
    pressed_strategies,
    strategy_chips,
)
from ttc_explorer.ui.components.strategy_comparison import (
    COMPARABLE_STRATEGIES,
    ComparedStrategy,
    ComparisonLane,
    comparison_row,
    format_delimited,
    lanes_by_samples,
    lanes_by_tokens,
    validated_token_budget,
)
from ttc_explorer.ui.page import AppContext, Page, page

log = logging.getLogger(__name__)

MAX_COMPARISON_SECONDS = 240
"""A comparison that lasts longer is ended, so that nobody holds six places for ever."""
MIN_FRAME_SECONDS = 0.25
"""Seconds between two pictures of the growing trees, at least."""
RUN_POLL_SECONDS = 0.05
"""Seconds between two looks at the runs, at most."""
SAMPLE_BUDGETS = (1, 2, 4, 8, 16, 32, 64)
TOKEN_BUDGETS = (1_000, 2_000, 5_000, 10_000, 20_000)
DEFAULT_COMPARED = (
    "best_of_n",
    "beam width=4",
    "lookahead lookahead=1",
    "dvts width=4",
    "rebase",
    "mcts width=4",
)
"""Keys of what is chosen at first: what needs no reviser."""
EXAMPLE_LEVEL = 3


@page("compare", title="Compare", order=20)
def build(app: AppContext) -> ComparePage:
    """Put the page where we are."""
    return ComparePage(app.model_manager, app.initial_run, app.selection)


class CompareSession:
    """What one visitor compares; kept in their session. ``stop`` when they want what is running to
    end."""

    def __init__(self) -> None:
        self.running = self.stop = False
        self.lanes: list[ComparisonLane] = []
        self.selector = Settings().selector


class ComparePage(Page):
    """The page. Make it inside ``gr.Blocks``; the problem of ``initial_run`` stands in the
    field."""

    def __init__(
        self, model_manager: ModelManager, initial_run: Run | None, choice: gr.State | None = None
    ) -> None:
        self._model_manager = model_manager
        self.choice = choice or gr.State(None)
        self.session = gr.State(CompareSession())
        with gr.Row(equal_height=False, elem_id="compare"):
            with gr.Column(elem_id="compare-controls", min_width=0):
                self._build_problem_input(initial_run)
                self._build_strategy_controls()
                self._build_run_buttons()
            with gr.Column(elem_id="compare-results", min_width=0):
                self.lanes = html_block(
                    "compare-lanes",
                    compare_view.comparison_preview(
                        [COMPARABLE_STRATEGIES[key] for key in DEFAULT_COMPARED]
                    ),
                )
                with gr.Column(elem_id="compare-figures", min_width=0):
                    self._build_table()
        self._connect()

    # --- what is on the page ----------------------------------------------------------------------

    def _build_problem_input(self, initial_run: Run | None) -> None:
        with gr.Column(elem_id="compare-ask", min_width=0):
            self.example_button = gr.Button(
                "Surprise me", min_width=0, elem_id="compare-surprise", size="md"
            )
            self.problem = gr.Textbox(
                initial_run.problem.text if initial_run else "",
                label="Problem",
                placeholder="Type a problem, or let us make one.",
                lines=1,
                max_lines=4,
                elem_id="compare-problem",
            )
            self.input_error = html_block("compare-unread")

    def _build_strategy_controls(self) -> None:
        with gr.Column(elem_id="compare-how", min_width=0):
            control_heading("Strategies, six at most")
            self.chips = strategy_chips(chips_value(DEFAULT_COMPARED, {}), elem_id="compare-chips")
            control_heading("Same budget of", "same budget")
            units = [("samples, N", "samples"), ("tokens", "tokens")]
            self.unit = segmented_control("Same budget of", "compare-unit", units, "samples")
            samples = [
                (str(n), n) for n in SAMPLE_BUDGETS if n <= self._model_manager.limits.budget
            ]
            self.samples = segmented_control("Samples N", "compare-samples", samples, 8)
            tokens = [(f"{n // 1000}k", n) for n in TOKEN_BUDGETS]
            self.tokens = segmented_control(
                "Tokens", "compare-tokens", tokens, 5_000, visible=False
            )
            self.rule = html_block("compare-rule", _budget_rule("samples"))

    def _build_run_buttons(self) -> None:
        with gr.Column(elem_id="compare-go", min_width=0):
            self.banner = html_block("compare-banner")
            with gr.Row(elem_id="compare-buttons"):
                self.start = gr.Button(
                    "Compare", variant="primary", elem_id="compare-run", min_width=0
                )
                self.stop_button = gr.Button(
                    "Stop", variant="stop", elem_id="compare-stop", min_width=0, interactive=False
                )
            self.status = html_block("compare-status", result_panels.status_line("ready", "Ready."))
        with (
            gr.Column(elem_id="compare-more", min_width=0),
            gr.Accordion("Right answer and seed", open=False),
        ):
            self.answer = gr.Textbox(
                label="Right answer, if you know it",
                info="Marks answers as right or wrong. The models never see it.",
                elem_id="compare-answer",
            )
            control_heading("Seed", "seed")
            self.seed = number_input("Seed", "compare-seed", 0)

    def _build_table(self) -> None:
        with gr.Row(elem_id="compare-rules"):
            control_heading("Answer by", "selector")
            selectors = [(entry.title, name) for name, entry in SELECTORS.items()]
            default = Settings().selector
            self.selector = segmented_control(
                "Answer chosen by", "compare-selector", selectors, default
            )
            self.copy = gr.Button(
                "Copy table", min_width=0, elem_id="compare-copy", size="md", interactive=False
            )
            self.save = gr.Button(
                "CSV", min_width=0, elem_id="compare-csv", size="md", interactive=False
            )
        self.table = html_block("compare-table", compare_view.comparison_table([], default))
        self.tab_separated = gr.Textbox(visible="hidden", show_label=False, elem_id="compare-tabs")
        self.comma_separated = gr.Textbox(
            visible="hidden", show_label=False, elem_id="compare-commas"
        )

    def _connect(self) -> None:
        quick: dict[str, Any] = {
            "queue": False,
            "show_progress": "hidden",
            "trigger_mode": "multiple",
            "api_visibility": "private",
        }
        picture = [
            self.lanes,
            self.table,
            self.tab_separated,
            self.comma_separated,
            self.copy,
            self.save,
        ]
        gr.on(
            [self.start.click, self.problem.submit],
            self.compare,
            [
                self.session, self.problem, self.answer, self.chips, self.unit, self.samples, self.tokens,
                self.selector, self.seed, self.choice,
            ],
            [*picture, self.chips, self.input_error, self.banner, self.status, self.start, self.stop_button],
            show_progress="hidden",
            trigger_mode="once",
            concurrency_limit=None,
            api_visibility="private",
        )  # fmt: skip
        self.stop_button.click(self.stop, self.session, None, **quick)
        self.example_button.click(
            self.example, None, [self.problem, self.answer, self.input_error, self.banner], **quick
        )
        self.unit.input(
            self.update_budget_unit, self.unit, [self.samples, self.tokens, self.rule], **quick
        )
        pressed = [self.session, self.chips, self.choice]
        self.chips.input(
            self.update_selection,
            pressed,
            [self.lanes, self.chips],
            **quick | {"trigger_mode": "always_last"},
        )
        self.selector.input(self.change_selector, [self.session, self.selector], picture, **quick)
        self.copy.click(None, self.tab_separated, None, js=_COPY, **quick)
        self.save.click(
            None,
            self.comma_separated,
            None,
            js=downloads.save_text_script("ttc-compare.csv"),
            **quick,
        )

    def refresh(self, *events: Any) -> None:
        """Say again which strategies can run when one of these events comes: models may be others
        now."""
        gr.on(
            list(events),
            self.update_selection,
            [self.session, self.chips, self.choice],
            [self.lanes, self.chips],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )

    # --- what it does -----------------------------------------------------------------------------

    def compare(
        self,
        session: CompareSession,
        text: str,
        answer: str,
        pressed: str,
        unit: str,
        samples: int,
        tokens: int,
        selector: str,
        seed: int,
        choice: ModelSelection | None = None,
    ) -> Iterator[ComponentUpdates]:
        """Run them all, and draw the trees while they grow. What goes wrong is one sentence in its
        place."""
        if session.running:
            return
        session.running, session.stop = True, False
        place = self.input_error
        try:
            yield {
                self.input_error: "",
                self.banner: "",
                self.start: gr.update(interactive=False),
                self.stop_button: gr.update(interactive=True),
            }
            problem = with_known_answer(typed_problem(text, answer))
            place = self.banner
            picked, settings = (
                pressed_strategies(pressed),
                Settings().with_values({"selector": selector}),
            )
            number, limit, start = (
                parse_budget(samples),
                validated_token_budget(tokens),
                parse_whole_number("seed", seed),
            )
            loaded = yield from self._wait_for_models(session, choice)
            if loaded is not None:
                yield {
                    self.chips: chips_update(
                        pressed, [entry.key for entry in picked], _unavailable_strategies(loaded)
                    )
                }
                make_run = _run_factory(problem, loaded, start, settings)
                _require_available(picked, loaded)
                lanes = (
                    lanes_by_tokens(picked, limit, make_run, self._model_manager.limits.budget)
                    if unit == "tokens"
                    else lanes_by_samples(picked, number, make_run)
                )
                yield from self._draw_until_done(session, lanes, selector, loaded)
        except (BadInput, ModelError) as error:
            yield {place: result_panels.banner(str(error))}
        except Exception:
            log.exception("a comparison could not be shown")
            yield {self.banner: result_panels.banner(INTERNAL_ERROR_MESSAGE)}
        finally:
            session.running = False
        yield {
            self.start: gr.update(interactive=True),
            self.stop_button: gr.update(interactive=False),
        }

    def _wait_for_models(
        self, session: CompareSession, choice: ModelSelection | None
    ) -> Iterator[ComponentUpdates]:
        """Wait for the models; return them, or None if the visitor stopped meanwhile."""
        self._model_manager.start_loading(choice)
        loaded = self._model_manager.wait(0, choice)
        while loaded is None and not session.stop:
            yield {
                self.status: result_panels.status_line(
                    "loading", "Loading the models, once for everybody …"
                )
            }
            loaded = self._model_manager.wait(MIN_FRAME_SECONDS, choice)
        if session.stop:
            yield {
                self.status: result_panels.status_line(
                    "cancelled", "Stopped while the models were loading."
                )
            }
        return None if session.stop else loaded

    def _draw_until_done(
        self,
        session: CompareSession,
        lanes: list[ComparisonLane],
        selector: str,
        loaded: LoadedModels,
    ) -> Iterator[ComponentUpdates]:
        """Run the lanes to their ends, all at once, and draw them at most once every
        MIN_FRAME_SECONDS seconds."""
        service = loaded.service
        end = time.monotonic() + self._model_manager.limits.allowed_seconds(MAX_COMPARISON_SECONDS)
        session.lanes, session.selector = lanes, selector

        def submit(run: Run) -> None:
            service.submit(run, max(0.0, end - time.monotonic()))

        try:
            for lane in lanes:
                submit(lane.run)
            drawn = 0.0
            while going := [lane for lane in lanes if not lane.settled]:
                if time.monotonic() >= drawn + MIN_FRAME_SECONDS:
                    drawn = time.monotonic()
                    yield self._draw(session) | {self.status: _comparison_status(lanes)}
                first = going[0].run
                service.wait(first, len(first.tree.events), RUN_POLL_SECONDS)
                for lane in going:
                    if session.stop or lane.over_budget():
                        service.cancel(lane.run)
                    if lane.run.stopped is not None and (following := lane.advance()):
                        submit(following)
        finally:
            for lane in lanes:
                if lane.run is not None:
                    service.cancel(lane.run)  # of no effect once it has ended
                lane.settled = True
        errors = [lane.run.error for lane in lanes if lane.run is not None and lane.run.error]
        yield self._draw(session) | {
            self.status: _comparison_status(lanes),
            self.banner: result_panels.banner(errors[0] if errors else ""),
        }

    def stop(self, session: CompareSession) -> None:
        """Ask the visitor's runs to end; ``compare`` then draws them a last time."""
        session.stop = True

    def example(self) -> ComponentUpdates:
        """A fresh problem that the models were not trained on."""
        rng = Random()
        text = draw_problem(rng.choice(list(FAMILIES)), EXAMPLE_LEVEL, rng).text
        return {self.problem: text, self.answer: "", self.input_error: "", self.banner: ""}

    def update_budget_unit(self, unit: str) -> ComponentUpdates:
        """The budgets to choose from, and what they mean."""
        return {
            self.samples: gr.update(visible=unit == "samples"),
            self.tokens: gr.update(visible=unit == "tokens"),
            self.rule: _budget_rule(unit),
        }

    def update_selection(
        self, session: CompareSession, pressed: str, choice: ModelSelection | None = None
    ) -> ComponentUpdates:
        """Show what will be compared, unless a comparison is on screen; say what cannot be."""
        loaded = self._model_manager.ready(choice)
        try:
            picked = pressed_strategies(pressed)
        except BadInput:  # none is pressed: it is said when somebody wants to run that
            picked = []
        keys = [entry.key for entry in picked]
        return {
            self.lanes: gr.skip() if session.lanes else compare_view.comparison_preview(picked),
            self.chips: gr.skip()
            if loaded is None
            else chips_update(pressed, keys, _unavailable_strategies(loaded)),
        }

    def change_selector(self, session: CompareSession, selector: str) -> ComponentUpdates:
        """Choose the answers by another rule from the same solutions: nothing is sampled again."""
        session.selector = selector
        if session.running or not session.lanes:  # its next picture follows the new rule
            return {self.lanes: gr.skip()}
        return self._draw(session)

    def _draw(self, session: CompareSession) -> ComponentUpdates:
        """The comparison as it stands; its table can be taken once all is settled."""
        lanes, selector = session.lanes, session.selector
        rows = [comparison_row(lane, selector) for lane in lanes]
        ready = all(lane.settled for lane in lanes)
        return {
            self.lanes: compare_view.lanes_grid(lanes, selector),
            self.table: compare_view.comparison_table(lanes, selector),
            self.tab_separated: format_delimited(rows, "\t") if ready else "",
            self.comma_separated: format_delimited(rows, ",") if ready else "",
            self.copy: gr.update(interactive=ready),
            self.save: gr.update(interactive=ready),
        }


def _budget_rule(unit: str) -> str:
    """What the same budget means, in a sentence."""
    meaning = {
        "samples": "Every strategy gets the same N. The table shows what that costs each.",
        "tokens": "Every strategy gets the largest N that keeps its whole run within so many "
        "tokens: one "
        "more would go over.",
    }
    return f'<p class="about">{meaning[unit]}</p>'


def _unavailable_strategies(loaded: LoadedModels) -> dict[str, str]:
    """Key of an entry -> why it cannot run here, for those that cannot."""
    reasons = {key: loaded.missing(entry.strategy) for key, entry in COMPARABLE_STRATEGIES.items()}
    return {key: reason for key, reason in reasons.items() if reason}


def _require_available(picked: list[ComparedStrategy], loaded: LoadedModels) -> None:
    """Raise BadInput if one of them cannot run here."""
    missing = _unavailable_strategies(loaded)
    for entry in picked:
        if entry.key in missing:
            raise BadInput(f"{missing[entry.key]} Take it out.")


def _run_factory(
    problem: Problem, loaded: LoadedModels, seed: int, settings: Settings
) -> Callable[[ComparedStrategy, int], Run]:
    """What describes the run of an entry at a budget of N."""

    def make_run(entry: ComparedStrategy, number: int) -> Run:
        own = settings.with_values(dict([entry.setting] if entry.setting else []))
        run = loaded.solver.run(problem, entry.strategy, number, seed, own)
        run.display_scores = True
        return run

    return make_run


def _comparison_status(lanes: list[ComparisonLane]) -> str:
    """How the comparison stands, in one line."""
    endings = {lane.run.stopped for lane in lanes if lane.run is not None}
    settled = sum(1 for lane in lanes if lane.settled)
    if settled < len(lanes):
        return result_panels.status_line("running", f"Running: {settled} of {len(lanes)} done")
    if "cancelled" in endings:
        return result_panels.status_line("cancelled", "Stopped.")
    if "deadline" in endings:
        return result_panels.status_line("deadline", "Ended because the time was up.")
    return result_panels.status_line("done", f"Done: {len(lanes)} side by side")


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
