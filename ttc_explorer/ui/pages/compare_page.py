"""Compare: one problem, up to six strategies at the same budget, side by side."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import gradio as gr

from ttc_explorer.problems.families import recognise
from ttc_explorer.problems.problem import BadInput, Problem
from ttc_explorer.search.run import Run
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import Settings, parse_budget
from ttc_explorer.serving.model_manager import LoadedModels, ModelManager, ModelSelection
from ttc_explorer.serving.run_service import RunService
from ttc_explorer.ui.address.address_state import AddressKey, AddressState, run_keys
from ttc_explorer.ui.address.page_address import PageAddress
from ttc_explorer.ui.components.basic_inputs import (
    control_heading,
    hidden_value,
    html_block,
    number_input,
    parse_whole_number,
    segmented_control,
)
from ttc_explorer.ui.components.component_scripts import component_script
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates, error_sentence
from ttc_explorer.ui.components.messages import status_line
from ttc_explorer.ui.components.problem_input import ProblemInput
from ttc_explorer.ui.components.related_results import overall_results
from ttc_explorer.ui.components.run_controls import RunControls, RunSession, frame_seconds
from ttc_explorer.ui.components.run_request import RunRequest
from ttc_explorer.ui.components.step_control import step_control, step_update
from ttc_explorer.ui.components.strategy_chips import (
    chips_update,
    chips_value,
    pressed_strategies,
    strategy_chips,
)
from ttc_explorer.ui.components.strategy_comparison import (
    MAX_TOKENS,
    ComparedStrategy,
    ComparisonLane,
    comparable_strategies,
    lanes_by_samples,
    lanes_by_tokens,
    validated_token_budget,
)
from ttc_explorer.ui.html_templates import render_macro
from ttc_explorer.ui.page import AppContext, Page, PageIntro, page
from ttc_explorer.ui.results_store import shipped_results
from ttc_explorer.ui.run_viewer.comparison_stream import ComparisonStream, comparison_preview
from ttc_explorer.ui.run_viewer.viewer_component import comparison_viewer

log = logging.getLogger(__name__)

MIN_FRAME_SECONDS = 0.25
"""Seconds between two pictures of the growing trees, at least."""
RUN_POLL_SECONDS = 0.05
"""Seconds between two looks at the runs, at most."""
SAMPLE_BUDGETS = (1, 2, 4, 8, 16, 32, 64)
SAMPLES = 8
TOKEN_BUDGETS = (1_000, 2_000, 5_000, 10_000, 20_000)
TOKENS = 5_000
DEFAULT_COMPARED = (
    "best_of_n",
    "beam width=4",
    "lookahead lookahead=1",
    "dvts width=4",
    "rebase",
    "mcts width=4",
)
"""Keys of what is chosen at first: what needs no reviser."""
UNITS = ("samples", "tokens")


def address_keys() -> tuple[AddressKey, ...]:
    """The keys of the address that are this page's alone."""
    compared = tuple(comparable_strategies())
    return (
        AddressKey("strategies", "names", DEFAULT_COMPARED, compared, always=True),
        AddressKey("unit", "choice", UNITS[0], UNITS),
        AddressKey("tokens", "whole", TOKENS, low=1, high=MAX_TOKENS),
    )


@page(
    "compare",
    title="Compare",
    order=20,
    intro=PageIntro(
        "One question, several strategies, the same budget.",
        see="A tree a strategy, all on the same question, and a table of what each found and "
        "spent.",
        act="Choose strategies and a budget, in samples or in tokens, and run them together.",
        why="One question is an anecdote: it shows how strategies differ, and not which is "
        "better. Curves has hundreds of questions.",
    ),
)
def build(app: AppContext) -> ComparePage:
    """Put the page where we are."""
    return ComparePage(app.model_manager, app.initial_run, app.selection)


class CompareSession(RunSession):
    """What one visitor compares; kept in their session. ``selector`` chooses the answers;
    ``prepared`` are lanes about to be drawn, and the models that run them."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes: list[ComparisonLane] = []
        self.selector = Settings().selector
        self.prepared: tuple[list[ComparisonLane], LoadedModels] | None = None


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
                self.problem: ProblemInput = ProblemInput(
                    initial_run.problem.text if initial_run else "",
                    "compare-",
                    "compare-unread",
                    with_lists=False,
                )
                self._build_strategy_controls()
                self._build_run_controls()
            with gr.Column(elem_id="compare-results", min_width=0):
                self.viewer = comparison_viewer(
                    "compare-viewer", question="#compare-problem textarea"
                )
                self.overall = html_block("compare-overall")
            self.rule = hidden_value("compare-selector", Settings().selector)
        entries = [comparable_strategies()[key] for key in DEFAULT_COMPARED]
        self.viewer.value = comparison_preview(entries, Settings().selector)
        self._connect()

    # --- what is on the page ----------------------------------------------------------------------

    def _build_strategy_controls(self) -> None:
        with gr.Column(elem_id="compare-how", min_width=0):
            control_heading("Strategies, six at most")
            self.chips = strategy_chips(
                chips_value(DEFAULT_COMPARED, {}),
                comparable_strategies().values(),
                "Strategies to compare",
                elem_id="compare-chips",
            )
            control_heading("Same budget of", "same budget")
            units = [("samples, N", "samples"), ("tokens", "tokens")]
            self.unit = segmented_control("Same budget of", "compare-unit", units, "samples")
            samples = self._sample_choices(SAMPLES)
            self.samples = segmented_control("Samples N", "compare-samples", samples, SAMPLES)
            tokens = [(f"{n // 1000}k", n) for n in TOKEN_BUDGETS]
            self.tokens = segmented_control(
                "Tokens", "compare-tokens", tokens, TOKENS, visible=False
            )
            self.budget_rule = html_block("compare-rule", _budget_rule("samples"))

    def _sample_choices(self, also: int) -> list[tuple[str, int]]:
        """The budgets that are allowed here, and the one of an address."""
        most = self._model_manager.limits.budget
        allowed = {number for number in SAMPLE_BUDGETS if number <= most}
        return [(str(number), number) for number in sorted(allowed | {also})]

    def _build_run_controls(self) -> None:
        with gr.Column(elem_id="compare-go", min_width=0):
            self.controls = RunControls("Compare", "compare-")
            self.controls.model.value = f"Model: {self._model_manager.name()} · change"
        with (
            gr.Column(elem_id="compare-more", min_width=0),
            gr.Accordion("Right answer, steps and seed", open=False),
        ):
            self.problem.build_answer()
            control_heading("A step ends at", "step end")
            self.step = step_control(Settings().step, "compare-step")
            control_heading("Seed", "seed")
            self.seed = number_input("Seed", "compare-seed", 0)

    def _connect(self) -> None:
        quick: dict[str, Any] = {
            "queue": False,
            "show_progress": "hidden",
            "trigger_mode": "multiple",
            "api_visibility": "private",
        }
        ended = self.controls.connect(
            self.session,
            self.problem.text,
            self.prepare,
            [
                self.problem.text, self.problem.answer, self.chips, self.unit, self.samples,
                self.tokens, self.step, self.seed, self.choice,
            ],
            [self.chips, self.overall, *self.problem.note.outputs],
            self.draw,
            self.viewer,
            page="compare",
            address=self.address,
        )  # fmt: skip
        ended.then(self.show_overall, self.session, self.overall, **quick)
        self.controls.stop.click(self.stop, self.session, None, **quick)
        self.viewer.rule(self.change_rule, self.session, self.rule, **quick)
        self.problem.connect(self.controls.banner)
        self.unit.input(
            self.update_budget_unit,
            self.unit,
            [self.samples, self.tokens, self.budget_rule],
            **quick,
        )
        self.chips.input(
            self.update_selection,
            [self.session, self.chips, self.choice],
            [self.viewer, self.chips],
            **quick | {"trigger_mode": "always_last"},
        )
        self._show_measured_on(self.chips.input, self.unit.input, self.samples.input)

    def _show_measured_on(self, *events: Any) -> None:
        gr.on(
            list(events),
            self.show_measured,
            [self.session, self.chips, self.unit, self.samples, self.choice],
            self.overall,
            queue=False,
            show_progress="hidden",
            trigger_mode="always_last",
            api_visibility="private",
        )

    def refresh(self, *events: Any) -> None:
        """Say again which strategies can run when one of these events comes: models may be others
        now."""
        self._show_measured_on(*events)
        gr.on(
            list(events),
            self.describe_models,
            [self.session, self.chips, self.choice],
            [self.viewer, self.chips, *self.controls.models],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )

    @property
    def address(self) -> PageAddress:
        """The controls as the address has them."""
        fields = {
            "q": self.problem.text, "a": self.problem.answer, "strategies": self.chips,
            "unit": self.unit, "n": self.samples, "tokens": self.tokens, "step": self.step,
            "seed": self.seed, "selector": self.rule, "model": self.controls.model_name,
        }  # fmt: skip
        controls, note = self.controls, self.problem.note.outputs
        more = (self.budget_rule, controls.model, controls.banner, *note, self.viewer)
        return PageAddress(
            fields,
            keys=address_keys(),
            apply=self.apply_state,
            inputs=(self.session, self.choice),
            outputs=(*fields.values(), *more),
            to_state=component_script("compare_state.js"),
            run_buttons=("compare-run", "compare-stop"),
        )

    def apply_state(
        self, state: AddressState, session: CompareSession, choice: ModelSelection | None
    ) -> ComponentUpdates:
        """Set the controls to what an address says; without a question the one that stands there
        stays."""
        message = self.controls.follow_link(self._model_manager, state, choice)
        values = {key.name: key.default for key in (*run_keys(), *address_keys())} | state
        session.selector = str(values["selector"])
        samples = parse_budget(state.get("n", SAMPLES))
        pressed = chips_value(cast(tuple[str, ...], values["strategies"]), {})
        return {
            **self.update_selection(session, pressed, choice),
            **self.update_budget_unit(str(values["unit"])),
            self.chips: pressed,
            self.unit: values["unit"],
            self.samples: gr.update(
                choices=self._sample_choices(samples),
                value=samples,
                visible=values["unit"] == "samples",
            ),
            self.tokens: gr.update(value=values["tokens"], visible=values["unit"] == "tokens"),
            self.step: step_update(str(values["step"])),
            self.seed: values["seed"],
            self.rule: session.selector,
            **self.problem.set_to_state(state, self._model_manager.shipped(choice)),
            **self.controls.name_models(self._model_manager, choice),
            **message,
        }

    # --- what it does -----------------------------------------------------------------------------

    def prepare(self, values: ComponentUpdates) -> Iterator[ComponentUpdates]:
        """Read what is to be compared and wait for the models. What goes wrong is one sentence in
        the banner.

        Args:
            values: component -> its value.
        """
        session, choice = values[self.session], values[self.choice]
        if session.running:
            return
        session.begin()
        try:
            yield self.controls.begin() | {self.overall: ""}
            shipped = self._model_manager.shipped(choice)
            yield self.problem.note.updates(values[self.problem.text], shipped)
            problem = self.problem.read(values, shipped)
            picked = pressed_strategies(values[self.chips])
            settings = Settings().with_values(
                {"selector": session.selector, "step": values[self.step]}
            )
            samples = parse_budget(values[self.samples])
            limit = validated_token_budget(values[self.tokens])
            seed = parse_whole_number("seed", values[self.seed])
            _require_available(picked, partial(self._model_manager.missing, selection=choice))
            models = yield from self.controls.wait_for_models(self._model_manager, session, choice)
            if models is None:
                return
            keys = [entry.key for entry in picked]
            missing = _unavailable_strategies(models)
            yield {self.chips: chips_update(values[self.chips], keys, missing)}
            _require_available(picked, models.missing)
            make_run = _run_factory(problem, models, seed, settings)
            if values[self.unit] == "tokens":
                most = self._model_manager.limits.budget
                lanes = lanes_by_tokens(picked, limit, make_run, most)
            else:
                lanes = lanes_by_samples(picked, samples, make_run)
            session.prepared = (lanes, models)
            yield {self.controls.status: status_line(*_standing(lanes))}
        except Exception as error:
            session.outcome = (None, error_sentence(error, "prepare"))
        finally:
            session.running = session.prepared is not None

    def draw(self, session: CompareSession) -> Iterator[ComponentUpdates]:
        """Run the lanes that were prepared to their ends, all at once, and draw them at most once
        every MIN_FRAME_SECONDS seconds."""
        if session.prepared is None:
            return
        (lanes, models), session.prepared = session.prepared, None
        service = models.service
        limits = self._model_manager.limits
        seconds = limits.seconds
        end = time.monotonic() + seconds
        session.lanes = lanes
        stream = ComparisonStream(
            lanes, session.selector, lambda run: str(service.queue_place(run) or "")
        )

        def submit(run: Run) -> None:
            service.submit(run, max(0.0, end - time.monotonic()), session.visitor)

        try:
            for lane in lanes:
                if lane.run is not None:
                    submit(lane.run)
            drawn = 0.0
            while going := [lane for lane in lanes if not lane.settled and lane.run is not None]:
                if time.monotonic() >= drawn + frame_seconds(MIN_FRAME_SECONDS, len(service)):
                    drawn = time.monotonic()
                    yield {self.viewer: stream.update()}
                _wait_for_news(service, going[0])
                for lane in going:
                    _advance(lane, service, session.stop, submit)
            errors = [lane.run.error for lane in lanes if lane.run is not None and lane.run.error]
            if any(lane.run is not None and lane.run.stopped == "deadline" for lane in lanes):
                errors.append(limits.time_is_up(seconds))
            session.outcome = (_standing(lanes), errors[0] if errors else "")
            yield {self.viewer: stream.update()}
        except Exception as error:
            session.outcome = (None, error_sentence(error, "draw"))
        finally:
            for lane in lanes:
                if lane.run is not None:
                    service.cancel(lane.run)  # of no effect once it has ended
                lane.settled = True
            session.running = False

    def show_measured(
        self,
        session: CompareSession,
        pressed: str,
        unit: str,
        samples: int,
        choice: ModelSelection | None = None,
    ) -> str | dict[str, Any]:
        """What was measured of the strategies that are chosen, until something was compared."""
        if session.running or session.lanes:
            return dict(gr.skip())
        loaded = self._model_manager.ready(choice)
        model = loaded.model if loaded else self._model_manager.name(choice)
        settings = Settings().with_values({"selector": session.selector})
        try:
            budget = parse_budget(samples)
            asked = [
                RunRequest(
                    Problem(""), entry.strategy, min(budget, entry.max_budget), 0,
                    _entry_settings(entry, settings),
                )
                for entry in pressed_strategies(pressed)
            ]  # fmt: skip
        except BadInput:  # it is said when somebody wants to run that
            return ""
        if unit != "samples":
            return ""
        return overall_results(model, asked, session.selector, shipped_results(), before=True)

    def show_overall(self, session: CompareSession) -> str | dict[str, Any]:
        """What was measured on all questions, beside what happened on this one; nothing that comes
        too late."""
        lanes = session.lanes
        runs = [lane.run for lane in lanes if lane.run is not None and lane.run.stopped == "done"]
        known = [run for run in runs if recognise(run.problem.text)]
        try:
            model = known[0].model if known else ""
            shown = overall_results(model, known, session.selector, shipped_results())
        except Exception:
            log.exception("nothing could be shown below the comparison")
            shown = ""
        return gr.skip() if session.running or session.lanes is not lanes else shown

    def stop(self, session: CompareSession) -> None:
        """Ask the visitor's runs to end; ``draw`` then draws them a last time."""
        session.stop = True

    def change_rule(self, session: CompareSession, event: gr.EventData) -> str:
        """Remember how the visitor chooses the answers, for what they run next, and tell the
        address; the browser has drawn it already."""
        if event.selector in SELECTORS:
            session.selector = event.selector
        return session.selector

    def update_budget_unit(self, unit: str) -> ComponentUpdates:
        """The budgets to choose from, and what they mean."""
        return {
            self.samples: gr.update(visible=unit == "samples"),
            self.tokens: gr.update(visible=unit == "tokens"),
            self.budget_rule: _budget_rule(unit),
        }

    def describe_models(
        self, session: CompareSession, pressed: str, choice: ModelSelection | None = None
    ) -> ComponentUpdates:
        """Who answers, and what cannot be compared by those."""
        named = self.controls.name_models(self._model_manager, choice)
        return self.update_selection(session, pressed, choice) | named

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
        preview = comparison_preview(picked, session.selector)
        return {
            self.viewer: gr.skip() if session.lanes else preview,
            self.chips: gr.skip()
            if loaded is None
            else chips_update(pressed, keys, _unavailable_strategies(loaded)),
        }


def _wait_for_news(service: RunService, lane: ComparisonLane) -> None:
    """Wait until something happens in the lane, RUN_POLL_SECONDS at most."""
    if lane.run is not None:
        service.wait(lane.run, len(lane.run.tree.events), RUN_POLL_SECONDS)


def _advance(
    lane: ComparisonLane, service: RunService, stop: bool, submit: Callable[[Run], None]
) -> None:
    """End the lane's run if it must, and start the next one once it has ended."""
    run = lane.run
    if run is None:
        return
    if stop or lane.over_budget():
        service.cancel(run)
    if run.stopped is not None and (following := lane.advance()):
        submit(following)


def _budget_rule(unit: str) -> str:
    """What the same budget means, in a sentence."""
    meaning = {
        "samples": "Every strategy gets the same N. The table shows what that costs each.",
        "tokens": "Every strategy gets the largest N that keeps its whole run within so many "
        "tokens: one more would go over.",
    }
    return render_macro("about", meaning[unit])


def _unavailable_strategies(loaded: LoadedModels) -> dict[str, str]:
    """Key of an entry -> why it cannot run here, for those that cannot."""
    reasons = {
        key: loaded.missing(entry.strategy) for key, entry in comparable_strategies().items()
    }
    return {key: reason for key, reason in reasons.items() if reason}


def _require_available(picked: list[ComparedStrategy], missing: Callable[[str], str]) -> None:
    """Raise BadInput if one of them cannot run, as far as ``missing`` knows, which says of a
    strategy why it cannot."""
    for entry in picked:
        if reason := missing(entry.strategy):
            raise BadInput(f"{reason} Take it out.")


def _run_factory(
    problem: Problem, loaded: LoadedModels, seed: int, settings: Settings
) -> Callable[[ComparedStrategy, int], Run]:
    """What describes the run of an entry at a budget of N."""

    def make_run(entry: ComparedStrategy, number: int) -> Run:
        own = _entry_settings(entry, settings)
        own = own.with_values({"selector": loaded.facts.usable_selector(own.selector)})
        run = loaded.facts.run(problem, entry.strategy, number, seed, own)
        run.display_scores = True
        return run

    return make_run


def _entry_settings(entry: ComparedStrategy, settings: Settings) -> Settings:
    """The settings, with the entry's main one."""
    return settings.with_values(dict([entry.setting] if entry.setting else []))


def _standing(lanes: list[ComparisonLane]) -> tuple[str, str]:
    """How the comparison stands: a word for styles and tests, and a line for people."""
    endings = {lane.run.stopped for lane in lanes if lane.run is not None}
    settled = sum(1 for lane in lanes if lane.settled)
    if settled < len(lanes):
        return "running", f"Running: {len(lanes)} side by side"
    if "cancelled" in endings:
        return "cancelled", "Stopped."
    if "deadline" in endings:
        return "deadline", "Ended because the time was up."
    return "done", f"Done: {len(lanes)} side by side"
