"""Explore: ask a problem, watch the tree of attempts grow, and look into every step."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import gradio as gr

from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.families import FAMILIES, LEVELS, draw_problem, recognise
from ttc_explorer.problems.problem import MAX_CHARACTERS, BadInput, typed_problem
from ttc_explorer.search import trace
from ttc_explorer.search.run import Run
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import AGGREGATES, MAX_BUDGET, Settings, parse_budget
from ttc_explorer.search.strategy import STRATEGIES, get_strategy
from ttc_explorer.serving.model_manager import LoadedModels, ModelManager, ModelSelection
from ttc_explorer.ui.components import chain_ratio, downloads, result_panels
from ttc_explorer.ui.components.basic_inputs import (
    control_heading,
    html_block,
    number_input,
    parse_whole_number,
    segmented_control,
    with_known_answer,
)
from ttc_explorer.ui.components.guarded_handler import INTERNAL_ERROR_MESSAGE, ComponentUpdates
from ttc_explorer.ui.components.node_inspector import default_node, node_inspector
from ttc_explorer.ui.components.related_results import related_results
from ttc_explorer.ui.components.revision_chain import chain_component, chains_html
from ttc_explorer.ui.components.strategy_picker import availability_update, strategy_picker
from ttc_explorer.ui.page import AppContext, Page, page
from ttc_explorer.ui.results_store import ResultsStore, shipped_results
from ttc_explorer.ui.run_viewer import TreeStream, tree_view

log = logging.getLogger(__name__)

MAX_RUN_SECONDS = 120
"""A run that lasts longer is ended, so that nobody holds a place for ever."""
MIN_FRAME_SECONDS = 0.1
"""Seconds between two pictures of a growing tree, at least."""
MAX_FRAME_SECONDS = 0.5
"""Seconds between two pictures at most: a closed tab is noticed when one is sent."""
BUDGETS = [2**exponent for exponent in range(MAX_BUDGET.bit_length())]
WIDTH_CHOICES = (2, 4, 8, 16, 0)
LOOKAHEAD_CHOICES = (0, 1, 2, 3, 4)

OUT_OF_DISTRIBUTION_NOTE = (
    "The built-in model was trained only on the kinds of problems in the list above, and this is "
    "none of "
    "them: it will try, and most likely fail."
)


@page("explore", title="Explore", order=10)
def build(app: AppContext) -> ExplorePage:
    """Put the page where we are, and publish what programs may call."""
    page = ExplorePage(app.model_manager, app.initial_run, choice=app.selection)
    gr.api(page.solve, api_name="solve", concurrency_limit=4)
    return page


class ExploreSession:
    """What one visitor looks at and wants; kept in their session.

    ``run`` is on screen, drawn by ``stream``. ``node`` is under inspection (None: whichever leads).
    ``selector`` and ``aggregate`` choose the answer. ``running`` while a run of theirs is in
    progress, and ``stop`` when they want it to end.
    """

    def __init__(self, run: Run | None) -> None:
        self.running = self.stop = False
        self.run: Run | None = None
        if run is not None:
            self.show(run)

    def show(self, run: Run) -> None:
        self.run = run
        self.id = uuid.uuid4().hex[:12]
        self.stream = TreeStream(self.id)
        self.node: int | None = None
        self.selector, self.aggregate = run.settings.selector, run.settings.aggregate


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
        self.session = gr.State(ExploreSession(initial_run))
        with gr.Row(equal_height=False, elem_id="explore"):
            with gr.Column(elem_id="controls", min_width=0):
                self._build_problem_input(initial_run)
                self._build_strategy_controls(initial_run)
                self._build_run_buttons()
                self._build_settings(initial_run)
            with gr.Column(elem_id="centre", min_width=0):
                self.cards = html_block("cards")
                self.remarks = html_block("remarks")
                self.tree = tree_view(elem_id="tree")
                self.chains = chain_component(elem_id="chains")
                self._build_votes(initial_run)
            with gr.Column(elem_id="side", min_width=0):
                self.inspector = html_block(
                    "inspector", '<p class="hint">Pick a node of the tree to read it here.</p>'
                )
                self.related_results = html_block("beside")
        self._connect()
        if initial_run is not None:
            for component, value in self._draw(self.session.value).items():
                component.value = value
            self.status.value = result_panels.status_line(
                "recorded", "Recorded run. Press Run for your own."
            )

    # --- what is on the page ----------------------------------------------------------------------

    def _build_problem_input(self, initial_run: Run | None) -> None:
        kinds = [("Any kind", "any"), *((family.title, name) for name, family in FAMILIES.items())]
        levels = [(f"Level {level}", level) for level in LEVELS]
        small: dict[str, Any] = {
            "show_label": False,
            "container": False,
            "min_width": 0,
            "filterable": False,
        }
        with gr.Column(elem_id="ask", min_width=0):
            self.example_button = gr.Button(
                "Surprise me", min_width=0, elem_id="surprise", size="md"
            )
            self.problem = gr.Textbox(
                initial_run.problem.text if initial_run else "",
                label="Problem",
                placeholder="Type a problem, or let the examples make one.",
                lines=1,
                max_lines=5,
                elem_id="problem",
            )
            with gr.Row(elem_id="examples"):  # the list that OUT_OF_DISTRIBUTION_NOTE speaks of
                self.kind = gr.Dropdown(
                    kinds, value="any", label="Kind of example", elem_id="kind", **small
                )
                self.level = gr.Dropdown(
                    levels, value=3, label="Level of example", elem_id="level", **small
                )
            self.note = html_block("note")

    def _build_strategy_controls(self, initial_run: Run | None) -> None:
        first, budget = (initial_run.strategy, initial_run.budget) if initial_run else ("beam", 16)
        settings = initial_run.settings if initial_run else Settings()
        reads = get_strategy(first).settings
        with gr.Column(elem_id="how", min_width=0):
            control_heading("Strategy")
            self.strategy = strategy_picker(first, elem_id="strategy")
            self.about = html_block("about", result_panels.strategy_description(first))
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
                self.split = html_block("split", result_panels.split_label(first, place, budget))
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
        self.settings = {"width": width, "lookahead": ahead, "chains": chains}

    def _build_run_buttons(self) -> None:
        with gr.Column(elem_id="go", min_width=0):
            self.banner = html_block("banner")
            with gr.Row(elem_id="buttons"):
                self.start = gr.Button("Run", variant="primary", elem_id="run", min_width=0)
                self.stop_button = gr.Button(
                    "Stop", variant="stop", elem_id="stop", min_width=0, interactive=False
                )
            self.status = html_block("status", result_panels.status_line("ready", "Ready."))

    def _build_settings(self, initial_run: Run | None) -> None:
        settings = initial_run.settings if initial_run else Settings()
        reads = get_strategy(initial_run.strategy if initial_run else "beam").settings
        with (
            gr.Column(elem_id="more", min_width=0),
            gr.Accordion("Right answer and settings", open=False),
        ):
            self.answer = gr.Textbox(
                label="Right answer, if you know it",
                info="Marks answers as right or wrong. The models never see it.",
                elem_id="answer",
            )
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
            with gr.Row(elem_id="numbers"):
                with gr.Column(min_width=0, visible="rounds" in reads) as rounds:
                    control_heading("Most steps", "rounds")
                    self.rounds = number_input("Most steps", "rounds", settings.rounds)
                with gr.Column(min_width=0):
                    control_heading("Seed", "seed")
                    self.seed = number_input("Seed", "seed", initial_run.seed if initial_run else 0)
        self.settings |= {"temperature": temperature, "rounds": rounds}
        with gr.Row(elem_id="files"):
            self.save = gr.Button("Save trace", min_width=0, elem_id="save", size="md")
            self.load = gr.UploadButton(
                "Load trace", type="filepath", min_width=0, elem_id="load", size="md"
            )
        self.saved = gr.Textbox(visible="hidden", show_label=False, elem_id="saved")

    def _build_votes(self, initial_run: Run | None) -> None:
        settings = initial_run.settings if initial_run else Settings()
        with gr.Column(elem_id="count", min_width=0):
            with gr.Row(elem_id="rules"):
                control_heading("Answer by", "selector")
                selectors = [(entry.title, name) for name, entry in SELECTORS.items()]
                self.selector = segmented_control(
                    "Answer chosen by", "selector", selectors, settings.selector
                )
                control_heading("Score by", "aggregate")
                aggregates = [
                    ({"prod": "Product"}.get(name, name.capitalize()), name) for name in AGGREGATES
                ]
                self.aggregate = segmented_control(
                    "Score of a solution by", "aggregate", aggregates, settings.aggregate
                )
            self.votes = html_block("votes")

    def _connect(self) -> None:
        at_once = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        quick: dict[str, Any] = at_once | {"trigger_mode": "multiple"}
        # One answer after the other: of two at once the older might come last, and stay.
        latest: dict[str, Any] = at_once | {"trigger_mode": "always_last"}
        picture = [
            self.tree, self.chains, self.cards, self.remarks, self.votes, self.inspector, self.status
        ]  # fmt: skip
        settings = [
            self.temperature, self.selector, self.aggregate, self.width, self.lookahead, self.length,
            self.rounds,
        ]  # fmt: skip
        choice = [self.about, self.split, *self.settings.values()]
        asked = [self.problem, self.answer, self.strategy, self.budget, self.seed, *settings]

        gr.on(
            [self.start.click, self.problem.submit],
            self.search,
            [self.session, *asked, self.choice],
            [*picture, self.note, self.banner, self.start, self.stop_button, self.related_results],
            show_progress="hidden",
            trigger_mode="once",
            concurrency_limit=None,
            api_visibility="private",
        ).then(self.show_related_results, self.session, self.related_results, **at_once)
        self.stop_button.click(self.stop, [self.session, self.choice], None, **quick)
        self.tree.pick(self.pick, self.session, self.inspector, **quick)
        self.chains.pick(self.pick, self.session, self.inspector, **quick)
        gr.on(
            [self.selector.input, self.aggregate.input],
            self.change_selector,
            [self.session, self.selector, self.aggregate],
            picture,
            **latest,
        )
        gr.on(
            [self.example_button.click, self.kind.input, self.level.input],
            self.example,
            [self.kind, self.level],
            [self.problem, self.answer, self.note, self.banner],
            **quick,
        )
        self.problem.blur(self.problem_note, [self.problem, self.choice], self.note, **quick)
        gr.on(
            [self.strategy.input, self.budget.input, self.length.input],
            self.describe_strategy,
            [self.strategy, self.budget, self.length, self.choice],
            [*choice, self.length],
            **latest,
        )
        self.load.upload(
            self.open,
            [self.session, self.load, self.choice],
            [*picture, self.note, self.banner, self.load, *asked, *choice],
            **at_once,
        )
        self.save.click(self.save_trace, self.session, [self.saved, self.banner], **at_once).then(
            None,
            self.saved,
            None,
            js=downloads.save_text_script("ttc-trace.json", "application/json"),
            **at_once,
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
        gr.on(list(events), self.update_availability, self.choice, self.strategy, **quiet).then(
            self.describe_strategy,
            [self.strategy, self.budget, self.length, self.choice],
            [self.about, self.split, *self.settings.values(), self.length],
            **quiet,
        )

    # --- what it does -----------------------------------------------------------------------------

    def search(
        self,
        session: ExploreSession,
        text: str,
        answer: str,
        name: str,
        budget: int,
        seed: int,
        temperature: float,
        selector: str,
        aggregate: str,
        width: int,
        lookahead: int,
        length: int,
        rounds: int,
        choice: ModelSelection | None = None,
    ) -> Iterator[ComponentUpdates]:
        """Run, and draw the tree while it grows. Whatever goes wrong is one sentence in the
        banner."""
        if session.running:
            return
        session.running, session.stop = True, False
        try:
            settings = Settings().with_values(
                {
                    "temperature": temperature,
                    "selector": selector,
                    "aggregate": aggregate,
                    "width": width,
                    "lookahead": lookahead,
                    "chains": chain_ratio.chain_count(
                        parse_whole_number("length", length), parse_budget(budget)
                    ),
                    "rounds": rounds,
                }
            )
            problem = with_known_answer(typed_problem(text, answer))
            start = parse_whole_number("seed", seed)
            yield {
                self.banner: "",
                self.note: self.problem_note(text, choice),
                self.start: gr.update(interactive=False),
                self.stop_button: gr.update(interactive=True),
                self.related_results: "",
            }
            loaded = yield from self._wait_for_models(session, choice)
            if loaded is None:
                yield {
                    self.status: result_panels.status_line(
                        "cancelled", "Stopped while the models were loading."
                    )
                }
            else:
                run = loaded.solver.run(problem, name, budget, start, settings)
                run.display_scores = True
                yield from self._draw_until_done(session, run, loaded)
        except (BadInput, ModelError) as error:
            yield {self.banner: result_panels.banner(str(error))}
        except Exception:
            log.exception("a run could not be shown")
            yield {self.banner: result_panels.banner(INTERNAL_ERROR_MESSAGE)}
        finally:
            session.running = False
        yield {
            self.start: gr.update(interactive=True),
            self.stop_button: gr.update(interactive=False),
        }

    def _wait_for_models(
        self, session: ExploreSession, choice: ModelSelection | None
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
        return None if session.stop else loaded

    def _draw_until_done(
        self, session: ExploreSession, run: Run, loaded: LoadedModels
    ) -> Iterator[ComponentUpdates]:
        """Draw the run until it ends, at most once every MIN_FRAME_SECONDS seconds."""
        service = loaded.service
        service.submit(run, MAX_RUN_SECONDS)
        session.show(run)
        try:
            seen, drawn = 0, 0.0
            while True:
                service.wait(run, seen, MAX_FRAME_SECONDS)
                time.sleep(max(0.0, drawn + MIN_FRAME_SECONDS - time.monotonic()))
                if session.stop:
                    service.cancel(run)
                drawn, ended, seen = time.monotonic(), run.stopped is not None, len(run.tree.events)
                yield self._draw(session)
                if ended:
                    break
            if run.error:
                yield {self.banner: result_panels.banner(run.error)}
            if self._model_manager.learner is not None:
                self._model_manager.learner.record_outcome(run)
        finally:
            service.cancel(run)  # of no effect once it has ended

    def stop(self, session: ExploreSession, choice: ModelSelection | None = None) -> None:
        """Ask the visitor's run to end; ``search`` then draws its last picture."""
        session.stop = True
        loaded = self._model_manager.ready(choice)
        if session.running and session.run is not None and loaded is not None:
            loaded.service.cancel(session.run)

    def pick(self, session: ExploreSession, event: gr.EventData) -> Any:
        """Show the node that was clicked, or reached by keyboard, in the inspector."""
        node = event.id
        drawn = session.run is not None and event.run == session.id
        if not drawn or not isinstance(node, int) or not 0 <= node < len(session.run.tree):
            return gr.skip()
        session.node = node
        return node_inspector(session.run, node)

    def change_selector(
        self, session: ExploreSession, selector: str, aggregate: str
    ) -> ComponentUpdates:
        """Choose the answer by another rule from the same solutions: nothing is sampled again."""
        if session.run is None:
            return {self.votes: gr.skip()}
        session.selector, session.aggregate = selector, aggregate
        if session.running:  # its next picture follows the new rule
            return {self.votes: gr.skip()}
        return self._draw(session)

    def show_related_results(self, session: ExploreSession) -> str:
        """What was measured on questions like the one of the run on screen, once that has ended."""
        try:
            return (
                ""
                if session.run is None
                else related_results(session.run, session.selector, self._results_store)
            )
        except Exception:
            log.exception("nothing could be shown beside the run")
            return ""

    def example(self, kind: str, level: int) -> ComponentUpdates:
        """A fresh problem that the models were not trained on, of the wanted kind and level."""
        rng = Random()
        family = rng.choice(list(FAMILIES)) if kind == "any" else kind
        text = draw_problem(family, level, rng).text
        return {self.problem: text, self.answer: "", self.note: "", self.banner: ""}

    def problem_note(self, text: str, choice: ModelSelection | None = None) -> str:
        """What to know about a problem that somebody typed."""
        loaded = self._model_manager.ready(choice)
        if loaded is not None and not loaded.shipped:
            return ""
        typed = 0 < len(text.strip()) <= MAX_CHARACTERS
        return (
            result_panels.banner(OUT_OF_DISTRIBUTION_NOTE, "note")
            if typed and recognise(text) is None
            else ""
        )

    def describe_strategy(
        self, name: str, budget: int, length: int, choice: ModelSelection | None = None
    ) -> ComponentUpdates:
        """What the strategy does, the settings that it reads, and what they mean at this budget."""
        last = chain_ratio.last_position(budget)
        place = min(length, last)
        moved = (
            {"value": place} if place != length else {}
        )  # else it stays in the hand that drags it
        return {
            self.about: result_panels.strategy_description(
                name, self._unavailable_strategies(choice).get(name, "")
            ),
            self.split: result_panels.split_label(name, place, budget),
            self.length: gr.update(maximum=max(1, last), interactive=last > 0, **moved),
        } | {
            shown: gr.update(visible=setting in get_strategy(name).settings)
            for setting, shown in self.settings.items()
        }

    def update_availability(self, choice: ModelSelection | None = None) -> Any:
        """Which strategies the models that are here now cannot run."""
        return availability_update(self._unavailable_strategies(choice))

    def _unavailable_strategies(self, choice: ModelSelection | None) -> dict[str, str]:
        """Strategy -> why it cannot run, for those that cannot; none while no models are here."""
        loaded = self._model_manager.ready(choice)
        reasons = {name: loaded.missing(name) for name in STRATEGIES} if loaded else {}
        return {name: reason for name, reason in reasons.items() if reason}

    def save_trace(self, session: ExploreSession) -> tuple[str, str]:
        """The run on screen as a trace, its answer by the rule that is set now."""
        if session.run is None:
            return "", result_panels.banner("There is no run to save yet: press Run first.")
        rule = {"selector": session.selector, "aggregate": session.aggregate}
        shown = replace(session.run, settings=session.run.settings.with_values(rule))
        return trace.dump_trace(shown).decode(), ""

    def open(
        self, session: ExploreSession, path: str, choice: ModelSelection | None = None
    ) -> ComponentUpdates:
        """Show the run in a trace file, and set the controls to run it again. A bad file changes
        nothing."""
        again = {self.load: gr.update(value=None)}  # so that the same file may be chosen again
        try:
            if session.running:
                raise BadInput("A run is in progress: stop it before you load a trace.")
            run = _read_trace(Path(path))
        except BadInput as error:
            return again | {self.banner: result_panels.banner(str(error))}
        session.show(run)
        settings = run.settings
        place = chain_ratio.nearest_position(settings.chains, run.budget)
        last = max(1, chain_ratio.last_position(run.budget))
        return (
            again
            | self._draw(session)
            | self.describe_strategy(run.strategy, run.budget, place, choice)
            | {
                self.banner: "",
                self.note: self.problem_note(run.problem.text, choice),
                self.problem: run.problem.text,
                self.answer: run.problem.answer or "",
                self.strategy: run.strategy,
                self.budget: run.budget if run.budget in BUDGETS else gr.skip(),
                self.seed: run.seed,
                self.temperature: settings.temperature,
                self.selector: settings.selector,
                self.aggregate: settings.aggregate,
                self.width: gr.update(choices=_width_choices(settings.width), value=settings.width),
                self.lookahead: gr.update(
                    choices=_lookahead_choices(settings.lookahead), value=settings.lookahead
                ),
                self.length: gr.update(maximum=last, value=place, interactive=run.budget > 1),
                self.rounds: settings.rounds,
            }
        )

    def _draw(self, session: ExploreSession) -> ComponentUpdates:
        """The run on screen, as it stands now."""
        run, rule = session.run, (session.selector, session.aggregate)
        leader = default_node(run, *rule)
        shown = leader if session.node is None else session.node
        return {
            self.tree: session.stream.update(run, best=run.tree.path(leader)),
            self.chains: chains_html(run, session.id, *rule, picked=shown),
            self.cards: result_panels.summary_cards(run, *rule),
            self.remarks: result_panels.run_note(run),
            self.votes: result_panels.votes_table(run, *rule),
            self.inspector: node_inspector(run, shown),
            self.status: result_panels.run_status(run),
        }

    def solve(
        self,
        problem: str,
        strategy: str = "beam",
        budget: int = 16,
        seed: int = 0,
        answer: str = "",
    ) -> dict[str, Any]:
        """Solve one math problem by test-time search and return the trace of the run.

        Args:
            problem: the question in plain text, such as "Solve x^2-7x+12=0."
            strategy: the rule that spends the budget, such as greedy, best_of_n or beam
            budget: how many solutions or beams to spend, from 1 to 256
            seed: the same seed gives the same run
            answer: the right answer if it is known; the models never see it
        """
        try:
            loaded = self._model_manager.wait()
            assert loaded is not None
            asked = with_known_answer(typed_problem(problem, answer))
            run = loaded.solver.run(asked, strategy, budget, seed)
            loaded.service.submit(run, MAX_RUN_SECONDS)
        except (BadInput, ModelError) as error:
            raise gr.Error(str(error)) from None
        while run.stopped is None:
            loaded.service.wait(run, len(run.tree.events), MAX_FRAME_SECONDS)
        if run.error:
            raise gr.Error(run.error)
        return trace.to_trace(run)


def _width_choices(also: int) -> list[tuple[str, int]]:
    """The widths to choose from, and the one of the run on screen."""
    numbers = sorted({*WIDTH_CHOICES, also} - {0})
    return [*((str(number), number) for number in numbers), ("√N", 0)]


def _lookahead_choices(also: int) -> list[tuple[str, int]]:
    return [(str(number), number) for number in sorted({*LOOKAHEAD_CHOICES, also})]


def _read_trace(path: Path) -> Run:
    """The run in a trace file that a visitor sent."""
    with path.open("rb") as file:
        return trace.load_trace(file.read(trace.MAX_BYTES + 1))
