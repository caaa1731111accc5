"""Explore: ask a problem, watch the tree of attempts grow, and look into every step."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import gradio as gr

from ttc_explorer.problems.families import recognise
from ttc_explorer.search.run import Run
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import AGGREGATES, Settings, parse_budget
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.serving.model_manager import ModelManager, ModelSelection
from ttc_explorer.ui.address.address_state import AddressState
from ttc_explorer.ui.address.page_address import FORGET_RUN, PageAddress
from ttc_explorer.ui.components.basic_inputs import (
    control_heading,
    hidden_value,
    html_block,
    parse_whole_number,
)
from ttc_explorer.ui.components.component_scripts import component_script
from ttc_explorer.ui.components.explore_session import ExploreSession, run_standing, run_status
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates, error_sentence
from ttc_explorer.ui.components.messages import banner, status_line
from ttc_explorer.ui.components.page_signals import on_load
from ttc_explorer.ui.components.problem_input import ProblemInput
from ttc_explorer.ui.components.related_results import related_results
from ttc_explorer.ui.components.repeated_runs_panel import (
    RepeatedQuestion,
    RepeatedRunsPanel,
    RepeatedSession,
    opened_request,
)
from ttc_explorer.ui.components.run_controls import (
    MAX_FRAME_SECONDS,
    WAITING_FRAME_SECONDS,
    RunControls,
    frame_seconds,
)
from ttc_explorer.ui.components.run_estimate import RunRates, estimate_run, estimate_sentence
from ttc_explorer.ui.components.run_request import RunRequest
from ttc_explorer.ui.components.strategy_controls import StrategyControls
from ttc_explorer.ui.components.trace_buttons import TraceButtons
from ttc_explorer.ui.components.tree_touch import prepare_touched_run
from ttc_explorer.ui.page import AppContext, Page, PageIntro, page
from ttc_explorer.ui.results_store import ResultsStore, shipped_results
from ttc_explorer.ui.run_viewer.viewer_component import run_viewer

log = logging.getLogger(__name__)

MIN_FRAME_SECONDS = 0.1
"""Seconds between two pictures of a growing tree, at least."""
LONG_BUDGET = 64
"""From this N on a run says how far it is."""

FIRST_STEPS = {
    "Ask just once: N = 1": ("best_of_n", 1),
    "Sixteen tries, then choose": ("best_of_n", 16),
    "Sixteen, judged at every step": ("beam", 16),
}
"""Title -> strategy and budget."""
PRESS_RUN = component_script("press_run.js")
EXPLORE_STATE = component_script("explore_state.js")


@page(
    "explore",
    title="Explore",
    order=10,
    intro=PageIntro(
        "Does thinking longer help? Watch a small model try.",
        see="One question, and the tree of attempts that a small model makes at it. Colour is "
        "what a second model, the verifier, thinks of each step.",
        act="Ask, choose a strategy and a budget, and press Run. Open any step to see why it "
        "was kept or dropped; count the votes by another rule.",
        why="The same model answers better when it may try more and is judged well. This is "
        "where you see what that costs.",
    ),
)
def build(app: AppContext) -> ExplorePage:
    """Put the page where we are."""
    return ExplorePage(app.model_manager, app.initial_run, choice=app.selection)


class ExplorePage(Page):
    """The page. Make it inside ``gr.Blocks``; ``initial_run`` is on screen until the visitor runs
    something."""

    def __init__(
        self,
        model_manager: ModelManager,
        initial_run: Run | None,
        results_store: ResultsStore | None = None,
        choice: gr.State | None = None,
    ) -> None:
        self._model_manager = model_manager
        self.choice = choice or gr.State(None)
        self._results_store = results_store or shipped_results()
        self._rates = RunRates()
        self.session = gr.State(ExploreSession(initial_run))
        with gr.Row(equal_height=False, elem_id="explore"):
            with gr.Column(elem_id="controls", min_width=0):
                self.problem: ProblemInput = ProblemInput(
                    initial_run.problem.text if initial_run else "", "", "note", with_lists=True
                )
                self.strategy_controls = StrategyControls(model_manager, initial_run)
                with gr.Column(elem_id="go", min_width=0):
                    self.controls = RunControls("Run")
                    self.controls.model.value = f"Model: {model_manager.name()} · change"
                with (
                    gr.Column(elem_id="more", min_width=0),
                    gr.Accordion("Right answer and settings", open=False),
                ):
                    self.problem.build_answer()
                    self.strategy_controls.build_more()
                self.trace_buttons = TraceButtons(self.show_run, self.controls.banner)
                self._build_first_steps()
            self.viewer = run_viewer("viewer", question="#problem textarea")
            self.rule = hidden_value("rule")
            with gr.Column(elem_id="aside", min_width=0):
                self.repeated = RepeatedRunsPanel(model_manager)
                self.related_results = html_block("beside")
        self._connect()
        if initial_run is not None:
            self.viewer.value = self.session.value.picture()
            self.controls.status.value = status_line(
                "recorded", "Recorded run. Press Run for your own."
            )

    # --- what is on the page ----------------------------------------------------------------------

    def _build_first_steps(self) -> None:
        """Three presses that tell what this is about: each sets the controls and runs."""
        with gr.Column(elem_id="first-steps", min_width=0):
            control_heading("Three things to try")
            self.first_steps = [
                (gr.Button(title, min_width=0, size="sm", elem_classes="first-step"), how)
                for title, how in FIRST_STEPS.items()
            ]

    def _connect(self) -> None:
        at_once: dict[str, Any] = {
            "queue": False, "show_progress": "hidden", "api_visibility": "private"
        }  # fmt: skip
        quick = at_once | {"trigger_mode": "multiple"}
        # One answer after the other: of two at once the older might come last, and stay.
        latest = at_once | {"trigger_mode": "always_last"}
        how = self.strategy_controls
        asked = [self.problem.text, self.problem.answer, *how.inputs]
        note, message = self.problem.note.outputs, self.controls.banner

        ended = self.controls.connect(
            self.session,
            self.problem.text,
            self.prepare,
            [*asked, self.choice],
            [*note, self.related_results],
            self.draw,
            self.viewer,
            page="explore",
            address=self.address,
        )
        ended.then(self.show_related_results, self.session, self.related_results, **at_once)
        touched = self.viewer.touch(
            self.prepare_touch,
            [self.session, self.choice],
            self.controls.outputs,
            trigger_mode="once",
            js=FORGET_RUN,
            **at_once,
        )
        self.controls.connect_drawing(touched, self.session, self.draw, self.viewer)
        self.controls.stop.click(self.stop, [self.session, self.choice], None, **quick)
        self.viewer.rule(self.change_rule, self.session, self.rule, **quick)
        self.problem.connect(message)
        self.problem.text.blur(
            self.describe_question, [self.problem.text, self.choice], note, **quick
        )
        gr.on(
            [how.strategy.input, how.budget.input, how.length.input],
            how.describe,
            [how.strategy, how.budget, how.length, self.choice],
            how.described,
            **latest,
        )
        estimating: list[Any] = [self.estimate_budget, [how.strategy, how.budget, self.choice]]
        gr.on(
            [on_load(), how.strategy.input, how.budget.input],
            *estimating,
            how.estimate,
            **latest,
        )
        ended.then(*estimating, how.estimate, **at_once)
        for button, (name, budget) in self.first_steps:
            button.click(
                partial(how.set_strategy, name, budget),
                [how.length, self.choice],
                [how.strategy, how.budget, *how.described],
                **at_once,
            ).then(None, None, None, js=PRESS_RUN, api_visibility="private")
        self.repeated.connect([self.session, *asked], self.choice, self.read_repeated)
        self.repeated.view.open(
            self.open_seed,
            [self.session, self.repeated.session, self.choice],
            list(dict.fromkeys([self.rule, *asked, *how.described, message])),
            **at_once,
        ).then(None, None, None, js=PRESS_RUN, api_visibility="private")
        opened = [
            self.viewer, self.controls.status, self.rule, *note, message, *asked, *how.described
        ]  # fmt: skip
        self.trace_buttons.connect(
            self.viewer, self.session, self.choice, list(dict.fromkeys(opened))
        )

    def refresh(self, *events: Any) -> None:
        """Say again which strategies can run when one of these events comes: models may be others
        now.

        What is chosen is read only then, lest a slow answer describe what was chosen before.
        """
        quiet: dict[str, Any] = {
            "queue": False,
            "show_progress": "hidden",
            "api_visibility": "private",
        }
        how = self.strategy_controls
        gr.on(
            list(events),
            self.describe_models,
            [self.choice, how.strategy],
            [how.strategy, *self.controls.models],
            **quiet,
        ).then(
            how.describe,
            [how.strategy, how.budget, how.length, self.choice],
            how.described,
            **quiet,
        )

    # --- a run ------------------------------------------------------------------------------------

    def prepare(self, values: ComponentUpdates) -> Iterator[ComponentUpdates]:
        """Read what was asked and wait for the models. Whatever goes wrong is one sentence in the
        banner.

        Args:
            values: component -> its value.
        """
        session, choice = values[self.session], values[self.choice]
        if session.running:
            return
        session.begin()
        try:
            described = self.describe_question(values[self.problem.text], choice)
            yield self.controls.begin() | described | {self.related_results: ""}
            request = self._read_request(session.rule(), values)
            models = yield from self.controls.wait_for_models(self._model_manager, session, choice)
            if models is not None:
                run = request.make_run(models)
                session.prepared = (run, models.service)
                yield {
                    self.controls.status: run_status(run),
                    **self.controls.name_models(self._model_manager, choice),
                }
        except Exception as error:
            session.outcome = (None, error_sentence(error, "prepare"))
        finally:
            session.running = session.prepared is not None

    def prepare_touch(
        self, session: ExploreSession, choice: ModelSelection | None, event: gr.EventData
    ) -> ComponentUpdates:
        """Get ready what shall be done by hand to the run on screen.

        Args:
            session: the visitor's.
            choice: which models the visitor uses.
            event: what shall be done, as of ``prepare_touched_run``.
        """
        if session.running or session.run is None:
            return {self.controls.start: gr.skip()}
        session.begin()
        try:
            session.prepared = prepare_touched_run(session.run, event, self._model_manager, choice)
            return self.controls.begin()
        except Exception as error:
            session.outcome = (run_standing(session.run), error_sentence(error, "touch"))
        finally:
            session.running = session.prepared is not None
        return {self.controls.start: gr.skip()}

    def _read_request(self, rule: Mapping[str, object], values: ComponentUpdates) -> RunRequest:
        how = self.strategy_controls
        problem = self.problem.read(values, self._model_manager.shipped(values[self.choice]))
        settings = how.read_settings(values, rule)
        seed = parse_whole_number("seed", values[how.seed])
        budget = parse_budget(values[how.budget])
        return RunRequest(problem, values[how.strategy], budget, seed, settings)

    def draw(self, session: ExploreSession) -> Iterator[ComponentUpdates]:
        """Draw the run that was prepared until it ends, at most once every MIN_FRAME_SECONDS
        seconds, and say where it stands in line while it waits for a place."""
        if session.prepared is None:
            return
        (run, service), session.prepared = session.prepared, None
        try:
            service.submit(run, None, session.visitor)
            session.show(run, self._expected_tokens(run))
            seen, drawn, ended = 0, 0.0, False
            while not ended:
                waits = service.queue_place(run) is not None
                service.wait(run, seen, WAITING_FRAME_SECONDS if waits else MAX_FRAME_SECONDS)
                pause = frame_seconds(MIN_FRAME_SECONDS, len(service))
                time.sleep(max(0.0, drawn + pause - time.monotonic()))
                if session.stop:
                    service.cancel(run)
                session.stream.waiting = str(service.queue_place(run) or "")
                drawn, ended, seen = time.monotonic(), run.stopped is not None, len(run.tree.events)
                yield {self.viewer: session.picture()}
            session.outcome = (run_standing(run), run.error or self._time_note(run))
            if not run.touches:
                self._rates.record(run)
            if self._model_manager.learner is not None and not run.touches:
                self._model_manager.learner.record_outcome(run)
        except Exception as error:
            session.outcome = (session.outcome[0], error_sentence(error, "draw"))
        finally:
            service.cancel(run)  # of no effect once it has ended
            session.running = False

    def _time_note(self, run: Run) -> str:
        """Which limit ended the run, if its time was up, and what to do."""
        limits = self._model_manager.limits
        return limits.time_is_up(limits.seconds) if run.stopped == "deadline" else ""

    def _expected_tokens(self, run: Run) -> float | None:
        if run.budget < LONG_BUDGET:
            return None
        estimate = estimate_run(
            run.strategy, run.budget, run.model, self._results_store, self._rates
        )
        return estimate.tokens if estimate else None

    def stop(self, session: ExploreSession, choice: ModelSelection | None = None) -> None:
        """Ask the visitor's run to end; ``draw`` then draws its last picture."""
        session.stop = True
        loaded = self._model_manager.ready(choice)
        if session.running and session.run is not None and loaded is not None:
            loaded.service.cancel(session.run)

    def change_rule(self, session: ExploreSession, event: gr.EventData) -> str:
        """Remember by which rule the visitor chooses the answer, for what they save and run next,
        and tell the address; the browser has drawn it already."""
        if event.selector in SELECTORS and event.aggregate in AGGREGATES:
            session.selector, session.aggregate = event.selector, event.aggregate
        return json.dumps(session.rule())

    def show_related_results(self, session: ExploreSession) -> str | dict[str, Any]:
        """What was measured on questions like the one of the run on screen, once that has ended;
        nothing that comes too late, when another run has begun."""
        run = session.run
        if run is None:
            return ""
        try:
            shown = related_results(run, session.selector, self._results_store)
        except Exception:
            log.exception("nothing could be shown beside the run")
            shown = ""
        late = session.running or session.run is not run
        return gr.skip() if late else shown

    # --- many runs --------------------------------------------------------------------------------

    def read_repeated(self, values: ComponentUpdates) -> RepeatedQuestion:
        """What is to be asked many times: the question that stands there, as the controls are set.
        Raises BadInput."""
        how, session = self.strategy_controls, values[self.session]
        rule = session.rule()
        asked = self._read_request(rule, values)

        def request(strategy: str, budget: int, seed: int) -> RunRequest:
            changed = {how.strategy: strategy, how.budget: budget, how.seed: seed}
            return self._read_request(rule, values | changed)

        shipped = self._model_manager.shipped(values[self.choice])
        outside = shipped and recognise(asked.problem.text) is None
        return RepeatedQuestion(asked.problem.text, asked.strategy, request, outside)

    def open_seed(
        self,
        session: ExploreSession,
        repeated: RepeatedSession,
        choice: ModelSelection | None,
        event: gr.EventData,
    ) -> ComponentUpdates:
        """Set the controls to one of many runs, which the press on Run that follows does again."""
        request = opened_request(repeated, event)
        if request is None or session.running:
            return {self.controls.banner: banner("Stop the run before you open another one.")}
        session.use_rule(request.settings)
        return self.strategy_controls.set_to_run(request, choice) | {
            self.rule: json.dumps(session.rule()),
            self.controls.banner: "",
            self.problem.text: request.problem.text,
            self.problem.answer: request.problem.answer or "",
        }

    # --- what is asked ----------------------------------------------------------------------------

    def describe_question(
        self, text: str, choice: ModelSelection | None = None
    ) -> ComponentUpdates:
        """What to know about a problem that somebody typed."""
        return self.problem.note.updates(text, self._model_manager.shipped(choice))

    def estimate_budget(self, name: str, budget: int, choice: ModelSelection | None = None) -> str:
        """What the budget is in words, before anything runs."""
        loaded = self._model_manager.ready(choice)
        model = loaded.model if loaded else self._model_manager.name(choice)
        estimate = estimate_run(name, budget, model, self._results_store, self._rates)
        return estimate_sentence(budget, estimate)

    def describe_models(
        self, choice: ModelSelection | None = None, chosen: str = ""
    ) -> ComponentUpdates:
        """Who answers, and which strategies these models cannot run; best-of-N takes the place of a
        ``chosen`` one among them."""
        named = self.controls.name_models(self._model_manager, choice)
        return self.strategy_controls.describe_availability(choice, chosen) | named

    # --- runs of files and of links ---------------------------------------------------------------

    @property
    def address(self) -> PageAddress:
        """The controls as the address has them."""
        how, controls, note = self.strategy_controls, self.controls, self.problem.note.outputs
        fields = {
            "q": self.problem.text,
            "a": self.problem.answer,
            **how.address_fields,
            "rule": self.rule,
            "model": controls.model_name,
        }
        outputs = [*fields.values(), controls.model, controls.banner, *note, *how.described]
        read = {name: sorted(entry.settings) for name, entry in STRATEGIES.items()}
        return PageAddress(
            fields,
            apply=self.apply_state,
            inputs=(self.session, self.choice),
            outputs=tuple(dict.fromkeys(outputs)),
            to_state=EXPLORE_STATE.replace("SETTINGS", json.dumps(read)),
            run_buttons=("run", "stop"),
        )

    def apply_state(
        self, state: AddressState, session: ExploreSession, choice: ModelSelection | None
    ) -> ComponentUpdates:
        """Set the controls to what an address says; without a question the one that stands there
        stays."""
        message = self.controls.follow_link(self._model_manager, state, choice)
        updates = self.strategy_controls.set_to_state(state, choice)
        session.use_rule(
            Settings().with_values({name: state[name] for name in session.rule() if name in state})
        )
        updates |= {
            self.rule: json.dumps(session.rule()),
            **self.problem.set_to_state(state, self._model_manager.shipped(choice)),
            **self.controls.name_models(self._model_manager, choice),
            **message,
        }
        return updates

    def show_run(
        self, session: ExploreSession, run: Run, choice: ModelSelection | None
    ) -> ComponentUpdates:
        """Put a run on screen, and set the controls to run it again."""
        session.show(run)
        return self.strategy_controls.set_to_run(run, choice) | {
            self.rule: json.dumps(session.rule()),
            self.viewer: session.picture(),
            self.controls.status: run_status(run),
            self.controls.banner: "",
            **self.describe_question(run.problem.text, choice),
            self.problem.text: run.problem.text,
            self.problem.answer: run.problem.answer or "",
        }
