"""Explore: ask a problem, watch the tree of attempts grow, and look into every step."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from ttc_explorer.experiments.file_import import read_searches
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput, Problem, typed_problem
from ttc_explorer.problems.typed_question import with_known_answer
from ttc_explorer.search import trace
from ttc_explorer.search.run import Run
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import (
    AGGREGATES,
    MAX_BUDGET,
    Settings,
    parse_budget,
    parse_seed,
)
from ttc_explorer.search.strategy import STRATEGIES, get_strategy
from ttc_explorer.serving.model_manager import LoadedModels, ModelManager, ModelSelection
from ttc_explorer.serving.run_service import RunService
from ttc_explorer.ui.components import chain_ratio
from ttc_explorer.ui.components.basic_inputs import (
    control_heading,
    html_block,
    number_input,
    parse_whole_number,
    segmented_control,
)
from ttc_explorer.ui.components.component_scripts import component_script
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates, error_sentence
from ttc_explorer.ui.components.messages import banner, status_line
from ttc_explorer.ui.components.page_signals import on_load
from ttc_explorer.ui.components.problem_input import ProblemInput
from ttc_explorer.ui.components.related_results import related_results
from ttc_explorer.ui.components.result_card import file_download
from ttc_explorer.ui.components.run_controls import (
    MAX_FRAME_SECONDS,
    WAITING_FRAME_SECONDS,
    RunControls,
    RunSession,
    frame_seconds,
    visitor_of,
)
from ttc_explorer.ui.components.run_estimate import RunRates, estimate_run, estimate_sentence
from ttc_explorer.ui.components.strategy_picker import availability_update, strategy_picker
from ttc_explorer.ui.html_templates import render_macro
from ttc_explorer.ui.page import AppContext, Page, page
from ttc_explorer.ui.results_store import ResultsStore, shipped_results
from ttc_explorer.ui.run_viewer.stream import RunStream, run_summary
from ttc_explorer.ui.run_viewer.viewer_component import run_viewer

log = logging.getLogger(__name__)

MIN_FRAME_SECONDS = 0.1
"""Seconds between two pictures of a growing tree, at least."""
LONG_BUDGET = 64
"""From this N on a run says how far it is."""
BUDGETS = [2**exponent for exponent in range(MAX_BUDGET.bit_length())]
WIDTH_CHOICES = (2, 4, 8, 16, 0)
LOOKAHEAD_CHOICES = (0, 1, 2, 3, 4)

FIRST_STEPS = {
    "Ask just once: N = 1": ("best_of_n", 1),
    "Sixteen tries, then choose": ("best_of_n", 16),
    "Sixteen, judged at every step": ("beam", 16),
}
"""Title -> strategy and budget."""
PRESS_RUN = component_script("press_run.js")
STOP_SENTENCES = {
    None: "Running",
    "done": "Done",
    "budget": "Ended at the most steps",
    "cancelled": "Stopped",
    "deadline": "Ended because its time was up",
}


@page("explore", title="Explore", order=10)
def build(app: AppContext) -> ExplorePage:
    """Put the page where we are, and publish what programs may call."""
    page = ExplorePage(app.model_manager, app.initial_run, choice=app.selection)
    gr.api(page.solve, api_name="solve", concurrency_limit=None)
    return page


@dataclass(frozen=True)
class RunRequest:
    """What a visitor asks for: everything of a run but the models."""

    problem: Problem
    strategy: str
    budget: int
    seed: int
    settings: Settings

    def make_run(self, models: LoadedModels) -> Run:
        """The run by these models; steps get scores for the picture even where nobody needs
        them."""
        selector = models.facts.usable_selector(self.settings.selector)
        settings = self.settings.with_values({"selector": selector})
        run = models.facts.run(self.problem, self.strategy, self.budget, self.seed, settings)
        run.display_scores = True
        return run


MAX_SEARCH_TITLE = 70
"""Characters of a problem in the list of a file's searches."""


class ExploreSession(RunSession):
    """What one visitor looks at and wants; kept in their session.

    ``run`` is on screen, drawn by ``stream``. ``selector`` and ``aggregate`` choose the answer.
    ``prepared`` is a run about to be drawn, and who runs it. ``searches`` are those of the file
    that was opened last.
    """

    def __init__(self, run: Run | None) -> None:
        super().__init__()
        self.run: Run | None = None
        self.prepared: tuple[Run, RunService] | None = None
        self.searches: list[Run] = []
        self.selector, self.aggregate = Settings().selector, Settings().aggregate
        if run is not None:
            self.show(run)

    def show(self, run: Run, tokens: float | None = None) -> None:
        """Put a run on screen; such runs write so many ``tokens`` on average, if that is known."""
        self.run = run
        self.stream = RunStream(uuid.uuid4().hex[:12], run, tokens)
        self.selector, self.aggregate = run.settings.selector, run.settings.aggregate

    def picture(self) -> str:
        """The run on screen, as it stands now."""
        return "" if self.run is None else self.stream.update()


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
        first = initial_run.strategy if initial_run else "beam"
        self._first_strategy = "best_of_n" if first in self._unavailable_strategies(None) else first
        with gr.Row(equal_height=False, elem_id="explore"):
            with gr.Column(elem_id="controls", min_width=0):
                self.problem: ProblemInput = ProblemInput(
                    initial_run.problem.text if initial_run else "", "", "note", with_lists=True
                )
                self._build_strategy_controls(initial_run)
                with gr.Column(elem_id="go", min_width=0):
                    self.controls = RunControls("Run")
                    self.controls.model.value = f"Model: {model_manager.name()} · change"
                self._build_settings(initial_run)
                self._build_first_steps()
            self.viewer = run_viewer("viewer", question="#problem textarea")
            self.related_results = html_block("beside")
        self._connect()
        if initial_run is not None:
            self.viewer.value = self.session.value.picture()
            self.controls.status.value = status_line(
                "recorded", "Recorded run. Press Run for your own."
            )

    # --- what is on the page ----------------------------------------------------------------------

    def _build_strategy_controls(self, initial_run: Run | None) -> None:
        first, budget = self._first_strategy, initial_run.budget if initial_run else 16
        settings = initial_run.settings if initial_run else Settings()
        reads = get_strategy(first).settings
        with gr.Column(elem_id="how", min_width=0):
            control_heading("Strategy")
            self.strategy = strategy_picker(first, elem_id="strategy")
            self.about = html_block("about", render_macro("strategy_about", _summary(first), ""))
            with gr.Row(
                elem_id="width-row", elem_classes="setting", visible="width" in reads
            ) as width:
                control_heading("Width M", "width")
                self.width = segmented_control(
                    "Width M", "width", _width_choices(settings.width), settings.width
                )
            with gr.Row(
                elem_id="lookahead-row", elem_classes="setting", visible="lookahead" in reads
            ) as ahead:
                control_heading("Lookahead k", "lookahead")
                self.lookahead = segmented_control(
                    "Lookahead k",
                    "lookahead",
                    _lookahead_choices(settings.lookahead),
                    settings.lookahead,
                )
            with gr.Column(elem_id="ratio", visible="chains" in reads, min_width=0) as chains:
                place = chain_ratio.nearest_position(settings.chains, budget)
                self.split = html_block("split", _split_label(first, place, budget))
                self.length = gr.Slider(
                    0,
                    max(1, chain_ratio.last_position(budget)),
                    place,
                    step=1,
                    label="From all parallel to all sequential",
                    show_label=False,
                    buttons=[],
                    elem_id="length",
                )
            control_heading("Budget N", "budget")
            budgets = [
                (str(number), number)
                for number in BUDGETS
                if number <= self._model_manager.limits.budget
            ]
            self.budget = segmented_control("Budget N", "budget", budgets, budget)
            self.estimate = html_block("estimate")
        self.settings: dict[str, Any] = {"width": width, "lookahead": ahead, "chains": chains}

    def _build_settings(self, initial_run: Run | None) -> None:
        settings = initial_run.settings if initial_run else Settings()
        reads = get_strategy(self._first_strategy).settings
        with (
            gr.Column(elem_id="more", min_width=0),
            gr.Accordion("Right answer and settings", open=False),
        ):
            self.problem.build_answer()
            with gr.Column(min_width=0, visible="temperature" in reads) as temperature:
                control_heading("Temperature", "temperature")
                self.temperature = gr.Slider(
                    0,
                    2,
                    settings.temperature,
                    step=0.1,
                    label="Temperature",
                    show_label=False,
                    elem_id="temperature",
                )
            with gr.Column(min_width=0, visible="merge" in reads) as merge:
                control_heading("Equal steps", "merge")
                self.merge = segmented_control(
                    "Equal steps", "merge", [("one node", True), ("apart", False)], settings.merge
                )
            with gr.Row(elem_id="numbers"):
                with gr.Column(min_width=0, visible="rounds" in reads) as rounds:
                    control_heading("Most steps", "rounds")
                    self.rounds = number_input("Most steps", "rounds", settings.rounds)
                with gr.Column(min_width=0):
                    control_heading("Seed", "seed")
                    # Another than of the run on screen: a first press on Run shows something new.
                    first_seed = initial_run.seed + 1 if initial_run else 0
                    self.seed = number_input("Seed", "seed", first_seed)
        self.settings |= {"temperature": temperature, "merge": merge, "rounds": rounds}
        with gr.Row(elem_id="files"):
            self.save = gr.Button("Save trace", min_width=0, elem_id="save", size="md")
            self.load = gr.UploadButton(
                "Load trace", type="filepath", min_width=0, elem_id="load", size="md"
            )
        self.searches = gr.Dropdown(
            [], label="Search of the file", visible=False, min_width=0, elem_id="searches"
        )
        self.saved = file_download("ttc-trace.json", "application/json")

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
        choice = [self.about, self.split, *self.settings.values()]
        asked = [
            self.problem.text, self.problem.answer, self.strategy, self.budget, self.seed,
            self.temperature, self.width, self.lookahead, self.length, self.merge, self.rounds,
        ]  # fmt: skip
        note, banner = self.problem.note.outputs, self.controls.banner

        ended = self.controls.connect(
            self.session,
            self.problem.text,
            self.prepare,
            [*asked, self.choice],
            [*note, self.related_results],
            self.draw,
            self.viewer,
        )
        ended.then(self.show_related_results, self.session, self.related_results, **at_once)
        self.controls.stop.click(self.stop, [self.session, self.choice], None, **quick)
        self.viewer.rule(self.change_rule, self.session, None, **quick)
        self.problem.connect(banner)
        self.problem.text.blur(
            self.describe_question, [self.problem.text, self.choice], note, **quick
        )
        gr.on(
            [self.strategy.input, self.budget.input, self.length.input],
            self.describe_strategy,
            [self.strategy, self.budget, self.length, self.choice],
            [*choice, self.length],
            **latest,
        )
        estimating: list[Any] = [self.estimate_budget, [self.strategy, self.budget, self.choice]]
        gr.on(
            [on_load(), self.strategy.input, self.budget.input],
            *estimating,
            self.estimate,
            **latest,
        )
        ended.then(*estimating, self.estimate, **at_once)
        for button, (name, budget) in self.first_steps:
            button.click(
                partial(self.set_strategy, name, budget),
                [self.length, self.choice],
                [self.strategy, self.budget, self.length, *choice],
                **at_once,
            ).then(None, None, None, js=PRESS_RUN, api_visibility="private")
        opened = [self.viewer, self.controls.status, *note, banner, *asked, *choice]
        self.load.upload(
            self.open,
            [self.session, self.load, self.choice],
            [self.load, self.searches, *opened],
            **at_once,
        )
        self.searches.input(
            self.open_search, [self.session, self.searches, self.choice], opened, **at_once
        )
        self.save.click(self.save_trace, self.session, [self.saved, banner], **at_once)

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
        gr.on(
            list(events),
            self.describe_models,
            [self.choice, self.strategy],
            [self.strategy, self.controls.model],
            **quiet,
        ).then(
            self.describe_strategy,
            [self.strategy, self.budget, self.length, self.choice],
            [self.about, self.split, *self.settings.values(), self.length],
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
            request = self._read_request(session, values)
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

    def _read_request(self, session: ExploreSession, values: ComponentUpdates) -> RunRequest:
        problem = self.problem.read(values, self._model_manager.shipped(values[self.choice]))
        budget = parse_budget(values[self.budget])
        length = parse_whole_number("length", values[self.length])
        settings = Settings().with_values(
            {
                "temperature": values[self.temperature],
                "selector": session.selector,
                "aggregate": session.aggregate,
                "width": values[self.width],
                "lookahead": values[self.lookahead],
                "chains": chain_ratio.chain_count(length, budget),
                "merge": values[self.merge],
                "rounds": values[self.rounds],
            }
        )
        seed = parse_whole_number("seed", values[self.seed])
        return RunRequest(problem, values[self.strategy], budget, seed, settings)

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
            session.outcome = (_standing(run), run.error or self._time_note(run))
            self._rates.record(run)
            if self._model_manager.learner is not None:
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

    def change_rule(self, session: ExploreSession, event: gr.EventData) -> None:
        """Remember by which rule the visitor chooses the answer, for what they save and run next;
        the browser has drawn it already."""
        if event.selector in SELECTORS and event.aggregate in AGGREGATES:
            session.selector, session.aggregate = event.selector, event.aggregate

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

    # --- what is asked ----------------------------------------------------------------------------

    def describe_question(
        self, text: str, choice: ModelSelection | None = None
    ) -> ComponentUpdates:
        """What to know about a problem that somebody typed."""
        return self.problem.note.updates(text, self._model_manager.shipped(choice))

    def describe_strategy(
        self, name: str, budget: int, length: int, choice: ModelSelection | None = None
    ) -> ComponentUpdates:
        """What the strategy does, the settings that it reads, and what they mean at this budget.

        Args:
            name: of the strategy.
            budget: N.
            length: the slider's position between parallel and sequential (``chain_ratio.py``).
            choice: which models the visitor uses.
        """
        last = chain_ratio.last_position(budget)
        place = min(length, last)
        moved = place != length  # else it stays in the hand that drags it
        missing = self._unavailable_strategies(choice).get(name, "")
        return {
            self.about: render_macro("strategy_about", _summary(name), missing),
            self.split: _split_label(name, place, budget),
            self.length: {
                **gr.update(maximum=max(1, last), interactive=last > 0),
                **({"value": place} if moved else {}),
            },
        } | {
            shown: gr.update(visible=setting in get_strategy(name).settings)
            for setting, shown in self.settings.items()
        }

    def estimate_budget(self, name: str, budget: int, choice: ModelSelection | None = None) -> str:
        """What the budget is in words, before anything runs."""
        loaded = self._model_manager.ready(choice)
        model = loaded.model if loaded else self._model_manager.name(choice)
        estimate = estimate_run(name, budget, model, self._results_store, self._rates)
        return estimate_sentence(budget, estimate)

    def set_strategy(
        self, name: str, budget: int, length: int, choice: ModelSelection | None = None
    ) -> ComponentUpdates:
        """Set the controls to a strategy and a budget."""
        described = self.describe_strategy(name, budget, length, choice)
        return described | {self.strategy: name, self.budget: budget}

    def describe_models(
        self, choice: ModelSelection | None = None, chosen: str = ""
    ) -> ComponentUpdates:
        """Who answers, and which strategies these models cannot run; best-of-N takes the place of a
        ``chosen`` one among them."""
        missing = self._unavailable_strategies(choice)
        moved = {"value": "best_of_n"} if chosen in missing else {}
        return {
            self.strategy: availability_update(missing) | moved,
            **self.controls.name_models(self._model_manager, choice),
        }

    def _unavailable_strategies(self, choice: ModelSelection | None) -> dict[str, str]:
        """Strategy -> why it cannot run, for those that cannot, as far as that is known before
        models are here."""
        reasons = {name: self._model_manager.missing(name, choice) for name in STRATEGIES}
        return {name: reason for name, reason in reasons.items() if reason}

    # --- traces -----------------------------------------------------------------------------------

    def save_trace(self, session: ExploreSession) -> tuple[dict[str, Any], str]:
        """The run on screen as a trace, its answer by the rule that is set now."""
        if session.run is None:
            return gr.update(text=""), banner("There is no run to save yet: press Run first.")
        rule = {"selector": session.selector, "aggregate": session.aggregate}
        shown = replace(session.run, settings=session.run.settings.with_values(rule))
        return gr.update(text=trace.dump_trace(shown).decode()), ""

    def open(
        self, session: ExploreSession, path: str, choice: ModelSelection | None = None
    ) -> ComponentUpdates:
        """Show the run in a trace file, or the first search of another tool's file, and set the
        controls to run it again. A bad file changes nothing.

        Args:
            session: the visitor's.
            path: of the file that was uploaded.
            choice: which models the visitor uses.
        """
        again = {self.load: gr.update(value=None)}  # so that the same file may be chosen again
        try:
            if session.running:
                raise BadInput("A run is in progress: stop it before you load a trace.")
            session.searches = read_searches(Path(path))
        except BadInput as error:
            return again | {self.controls.banner: banner(str(error))}
        several = [
            (f"{number + 1}. {run.problem.text[:MAX_SEARCH_TITLE]}", number)
            for number, run in enumerate(session.searches)
        ]
        lists = gr.update(choices=several, value=0, visible=len(several) > 1)
        return again | {self.searches: lists} | self._show_opened(session, 0, choice)

    def open_search(
        self, session: ExploreSession, number: int, choice: ModelSelection | None = None
    ) -> ComponentUpdates:
        """Show another search of the file that was opened."""
        if session.running or number not in range(len(session.searches)):
            return {self.controls.banner: banner("Stop the run before you open another search.")}
        return self._show_opened(session, number, choice)

    def _show_opened(
        self, session: ExploreSession, number: int, choice: ModelSelection | None
    ) -> ComponentUpdates:
        run = session.searches[number]
        session.show(run)
        settings = run.settings
        place = chain_ratio.nearest_position(settings.chains, run.budget)
        last = max(1, chain_ratio.last_position(run.budget))
        return self.describe_strategy(run.strategy, run.budget, place, choice) | {
            self.viewer: session.picture(),
            self.controls.status: run_status(run),
            self.controls.banner: "",
            **self.describe_question(run.problem.text, choice),
            self.problem.text: run.problem.text,
            self.problem.answer: run.problem.answer or "",
            self.strategy: run.strategy,
            self.budget: run.budget if run.budget in BUDGETS else gr.skip(),
            self.seed: run.seed,
            self.temperature: settings.temperature,
            self.width: gr.update(choices=_width_choices(settings.width), value=settings.width),
            self.lookahead: gr.update(
                choices=_lookahead_choices(settings.lookahead), value=settings.lookahead
            ),
            self.length: gr.update(maximum=last, value=place, interactive=run.budget > 1),
            self.merge: settings.merge,
            self.rounds: settings.rounds,
        }

    def solve(
        self,
        problem: str,
        strategy: str = "beam",
        budget: int = 16,
        seed: int = 0,
        answer: str = "",
        request: gr.Request | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Solve one math problem by test-time search: how the run stands, again and again, and at
        last its trace. The run ends when its client has left.

        Args:
            problem: the question in plain text, such as "Solve x^2-7x+12=0."
            strategy: the rule that spends the budget, such as greedy, best_of_n or beam
            budget: how many solutions or beams to spend, from 1 to 256
            seed: the same seed gives the same run
            answer: the right answer if it is known; the models never see it
        """
        try:
            _check_kinds(problem=problem, strategy=strategy, answer=answer)
            loaded = self._model_manager.wait()
            assert loaded is not None
            asked = with_known_answer(typed_problem(problem, answer))
            run = loaded.facts.run(asked, strategy, parse_budget(budget), parse_seed(seed), None)
            service = loaded.service
            service.submit(run, None, visitor_of(request))
        except (BadInput, ModelError) as error:
            raise gr.Error(str(error)) from None
        try:
            end = time.monotonic()
            while run.stopped is None:
                end += MAX_FRAME_SECONDS
                while run.stopped is None and (left := end - time.monotonic()) > 0:
                    service.wait(run, len(run.tree.events), left)
                yield {"status": str(service.queue_place(run) or run_summary(run))}
        finally:
            service.cancel(run)  # of no effect once it has ended
        if run.error:
            raise gr.Error(run.error)
        yield trace.to_trace(run)


def _check_kinds(**texts: object) -> None:
    """Raise BadInput if one of these is no text: programs send anything."""
    for name, value in texts.items():
        if not isinstance(value, str):
            raise BadInput(f"The {name} must be a text.")


def run_status(run: Run) -> str:
    """How the run stands, in one line."""
    return status_line(*_standing(run))


def _standing(run: Run) -> tuple[str, str]:
    """How the run stands: a word for styles and tests, and a line for people."""
    title = get_strategy(run.strategy).title
    return run.stopped or "running", f"{STOP_SENTENCES[run.stopped]}: {title}, N = {run.budget}"


def _summary(strategy: str) -> str:
    return get_strategy(strategy).summary


def _split_label(name: str, place: int, budget: int) -> str:
    """What a place of the slider between parallel and sequential means to a strategy: only
    ``revise`` spends the whole budget on chains."""
    if name == "revise":
        return render_macro("split_label", chain_ratio.describe_split(place, budget))
    return render_macro("split_label", f"{chain_ratio.chain_count(place, budget)} at a time")


def _width_choices(also: int) -> list[tuple[str, int]]:
    """The widths to choose from, and the one of the run on screen."""
    numbers = sorted({*WIDTH_CHOICES, also} - {0})
    return [*((str(number), number) for number in numbers), ("√N", 0)]


def _lookahead_choices(also: int) -> list[tuple[str, int]]:
    return [(str(number), number) for number in sorted({*LOOKAHEAD_CHOICES, also})]
