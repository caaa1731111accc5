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
from ttc_explorer.search.settings import AGGREGATES, MAX_BUDGET, SELECTORS, Settings, checked_budget
from ttc_explorer.search.strategies import STRATEGIES, strategy
from ttc_explorer.ui import downloads, panels, ratio
from ttc_explorer.ui.beside import beside
from ttc_explorer.ui.chains import chain_component, chain_view
from ttc_explorer.ui.engine import Choice, Engine, Loaded
from ttc_explorer.ui.inspector import inspector, leading
from ttc_explorer.ui.library import Library, shipped
from ttc_explorer.ui.parts import heading, html, known, number, strip, whole
from ttc_explorer.ui.picker import offered, picker
from ttc_explorer.ui.tree_view import TreeStream, tree_view

log = logging.getLogger(__name__)

MOST_SECONDS = 120
"""A run that lasts longer is ended, so that nobody holds a place for ever."""
PACE = 0.1
"""Seconds between two pictures of a growing tree, at least."""
BREATH = 0.5
"""Seconds between two pictures at most: a closed tab is noticed when one is sent."""
BUDGETS = [2**exponent for exponent in range(MAX_BUDGET.bit_length())]
WIDTHS = (2, 4, 8, 16, 0)
LOOKAHEADS = (0, 1, 2, 3, 4)

Frame = dict[Any, Any]
"""Component -> its new value: what a handler changes on the page."""

OUR_FAULT = "Something went wrong here that should not have; nothing is wrong with what you typed. Try again."
NOT_TRAINED = (
    "The built-in model was trained only on the kinds of problems in the list above, and this is none of "
    "them: it will try, and most likely fail."
)


def build(engine: Engine, opening: Run | None, choice: gr.State) -> Explore:
    """Put the page where we are, and publish what programs may call."""
    page = Explore(engine, opening, choice=choice)
    gr.api(page.solve, api_name="solve", concurrency_limit=4)
    return page


class Visit:
    """What one visitor looks at and wants; kept in their session.

    ``run`` is on screen, drawn by ``stream``. ``node`` is under inspection (None: whichever leads).
    ``selector`` and ``aggregate`` choose the answer. ``running`` while a run of theirs is in progress, and
    ``stop`` when they want it to end.
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


class Explore:
    """The page. Make it inside ``gr.Blocks``; ``opening`` is on screen until the visitor runs something."""

    def __init__(
        self,
        engine: Engine,
        opening: Run | None,
        library: Library | None = None,
        choice: gr.State | None = None,
    ) -> None:
        self._engine = engine
        self.choice = choice or gr.State(None)
        self._library = library or shipped()
        self.visit = gr.State(Visit(opening))
        with gr.Row(equal_height=False, elem_id="explore"):
            with gr.Column(elem_id="controls", min_width=0):
                self._ask(opening)
                self._how(opening)
                self._go()
                self._more(opening)
            with gr.Column(elem_id="centre", min_width=0):
                self.cards = html("cards")
                self.remarks = html("remarks")
                self.tree = tree_view(elem_id="tree")
                self.chains = chain_component(elem_id="chains")
                self._count(opening)
            with gr.Column(elem_id="side", min_width=0):
                self.inspector = html(
                    "inspector", '<p class="hint">Pick a node of the tree to read it here.</p>'
                )
                self.beside = html("beside")
        self._connect()
        if opening is not None:
            for component, value in self._picture(self.visit.value).items():
                component.value = value
            self.status.value = panels.status("recorded", "Recorded run. Press Run for your own.")

    # --- what is on the page ----------------------------------------------------------------------------

    def _ask(self, opening: Run | None) -> None:
        kinds = [("Any kind", "any"), *((family.title, name) for name, family in FAMILIES.items())]
        levels = [(f"Level {level}", level) for level in LEVELS]
        small: dict[str, Any] = {"show_label": False, "container": False, "min_width": 0, "filterable": False}
        with gr.Column(elem_id="ask", min_width=0):
            self.surprise = gr.Button("Surprise me", min_width=0, elem_id="surprise", size="md")
            self.problem = gr.Textbox(
                opening.problem.text if opening else "",
                label="Problem",
                placeholder="Type a problem, or let the examples make one.",
                lines=1,
                max_lines=5,
                elem_id="problem",
            )
            with gr.Row(elem_id="examples"):  # the list that NOT_TRAINED speaks of
                self.kind = gr.Dropdown(kinds, value="any", label="Kind of example", elem_id="kind", **small)
                self.level = gr.Dropdown(levels, value=3, label="Level of example", elem_id="level", **small)
            self.note = html("note")

    def _how(self, opening: Run | None) -> None:
        first, budget = (opening.strategy, opening.budget) if opening else ("beam", 16)
        settings = opening.settings if opening else Settings()
        reads = strategy(first).settings
        with gr.Column(elem_id="how", min_width=0):
            heading("Strategy")
            self.strategy = picker(first, elem_id="strategy")
            self.about = html("about", panels.about(first))
            with gr.Row(elem_id="width-row", elem_classes="setting", visible="width" in reads) as width:
                heading("Width M", "width")
                self.width = strip("Width M", "width", _widths(settings.width), settings.width)
            with gr.Row(
                elem_id="lookahead-row", elem_classes="setting", visible="lookahead" in reads
            ) as ahead:
                heading("Lookahead k", "lookahead")
                self.lookahead = strip(
                    "Lookahead k", "lookahead", _lookaheads(settings.lookahead), settings.lookahead
                )
            with gr.Column(elem_id="ratio", visible="chains" in reads, min_width=0) as chains:
                place = ratio.position_of(settings.chains, budget)
                self.split = html("split", panels.split(first, place, budget))
                self.length = gr.Slider(
                    0,
                    max(1, ratio.steps(budget)),
                    place,
                    step=1,
                    label="From all parallel to all sequential",
                    show_label=False,
                    buttons=[],
                    elem_id="length",
                )
            heading("Budget N", "budget")
            budgets = [(str(number), number) for number in BUDGETS if number <= self._engine.rules.budget]
            self.budget = strip("Budget N", "budget", budgets, budget)
        self.settings = {"width": width, "lookahead": ahead, "chains": chains}

    def _go(self) -> None:
        with gr.Column(elem_id="go", min_width=0):
            self.banner = html("banner")
            with gr.Row(elem_id="buttons"):
                self.start = gr.Button("Run", variant="primary", elem_id="run", min_width=0)
                self.halt = gr.Button("Stop", variant="stop", elem_id="stop", min_width=0, interactive=False)
            self.status = html("status", panels.status("ready", "Ready."))

    def _more(self, opening: Run | None) -> None:
        settings = opening.settings if opening else Settings()
        reads = strategy(opening.strategy if opening else "beam").settings
        with gr.Column(elem_id="more", min_width=0), gr.Accordion("Right answer and settings", open=False):
            self.answer = gr.Textbox(
                label="Right answer, if you know it",
                info="Marks answers as right or wrong. The models never see it.",
                elem_id="answer",
            )
            with gr.Column(min_width=0, visible="temperature" in reads) as temperature:
                heading("Temperature", "temperature")
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
                    heading("Most steps", "rounds")
                    self.rounds = number("Most steps", "rounds", settings.rounds)
                with gr.Column(min_width=0):
                    heading("Seed", "seed")
                    self.seed = number("Seed", "seed", opening.seed if opening else 0)
        self.settings |= {"temperature": temperature, "rounds": rounds}
        with gr.Row(elem_id="files"):
            self.save = gr.Button("Save trace", min_width=0, elem_id="save", size="md")
            self.load = gr.UploadButton("Load trace", type="filepath", min_width=0, elem_id="load", size="md")
        self.saved = gr.Textbox(visible="hidden", show_label=False, elem_id="saved")

    def _count(self, opening: Run | None) -> None:
        settings = opening.settings if opening else Settings()
        with gr.Column(elem_id="count", min_width=0):
            with gr.Row(elem_id="rules"):
                heading("Answer by", "selector")
                selectors = [(name.capitalize(), name) for name in SELECTORS]
                self.selector = strip("Answer chosen by", "selector", selectors, settings.selector)
                heading("Score by", "aggregate")
                aggregates = [({"prod": "Product"}.get(name, name.capitalize()), name) for name in AGGREGATES]
                self.aggregate = strip("Score of a solution by", "aggregate", aggregates, settings.aggregate)
            self.votes = html("votes")

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
            [self.visit, *asked, self.choice],
            [*picture, self.note, self.banner, self.start, self.halt, self.beside],
            show_progress="hidden",
            trigger_mode="once",
            concurrency_limit=None,
            api_visibility="private",
        ).then(self.measured, self.visit, self.beside, **at_once)
        self.halt.click(self.stop, [self.visit, self.choice], None, **quick)
        self.tree.pick(self.pick, self.visit, self.inspector, **quick)
        self.chains.pick(self.pick, self.visit, self.inspector, **quick)
        gr.on(
            [self.selector.input, self.aggregate.input],
            self.recount,
            [self.visit, self.selector, self.aggregate],
            picture,
            **latest,
        )
        gr.on(
            [self.surprise.click, self.kind.input, self.level.input],
            self.example,
            [self.kind, self.level],
            [self.problem, self.answer, self.note, self.banner],
            **quick,
        )
        self.problem.blur(self.notice, [self.problem, self.choice], self.note, **quick)
        gr.on(
            [self.strategy.input, self.budget.input, self.length.input],
            self.explain,
            [self.strategy, self.budget, self.length, self.choice],
            [*choice, self.length],
            **latest,
        )
        self.load.upload(
            self.open,
            [self.visit, self.load, self.choice],
            [*picture, self.note, self.banner, self.load, *asked, *choice],
            **at_once,
        )
        self.save.click(self.write, self.visit, [self.saved, self.banner], **at_once).then(
            None, self.saved, None, js=downloads.text("ttc-trace.json", "application/json"), **at_once
        )

    def refresh(self, *events: Any) -> None:
        """Say again which strategies can run when one of these events comes: models may be others now.

        What is chosen is read only then, lest a slow answer describe what was chosen before.
        """
        quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        gr.on(list(events), self.meet, self.choice, self.strategy, **quiet).then(
            self.explain,
            [self.strategy, self.budget, self.length, self.choice],
            [self.about, self.split, *self.settings.values(), self.length],
            **quiet,
        )

    # --- what it does -----------------------------------------------------------------------------------

    def search(
        self,
        visit: Visit,
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
        choice: Choice | None = None,
    ) -> Iterator[Frame]:
        """Run, and draw the tree while it grows. Whatever goes wrong is one sentence in the banner."""
        if visit.running:
            return
        visit.running, visit.stop = True, False
        try:
            settings = Settings().updated(
                {
                    "temperature": temperature,
                    "selector": selector,
                    "aggregate": aggregate,
                    "width": width,
                    "lookahead": lookahead,
                    "chains": ratio.chains_at(whole("length", length), checked_budget(budget)),
                    "rounds": rounds,
                }
            )
            problem = known(typed_problem(text, answer))
            start = whole("seed", seed)
            yield {
                self.banner: "",
                self.note: self.notice(text, choice),
                self.start: gr.update(interactive=False),
                self.halt: gr.update(interactive=True),
                self.beside: "",
            }
            loaded = yield from self._models(visit, choice)
            if loaded is None:
                yield {self.status: panels.status("cancelled", "Stopped while the models were loading.")}
            else:
                run = Run(problem, loaded.model, loaded.verifier, name, budget, start, settings)
                yield from self._watch(visit, run, loaded)
        except (BadInput, ModelError) as error:
            yield {self.banner: panels.banner(str(error))}
        except Exception:
            log.exception("a run could not be shown")
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
        return None if visit.stop else loaded

    def _watch(self, visit: Visit, run: Run, loaded: Loaded) -> Iterator[Frame]:
        """Draw the run until it ends, at most once every PACE seconds."""
        service = loaded.service
        service.submit(run, MOST_SECONDS)
        visit.show(run)
        try:
            seen, drawn = 0, 0.0
            while True:
                service.wait(run, seen, BREATH)
                time.sleep(max(0.0, drawn + PACE - time.monotonic()))
                if visit.stop:
                    service.cancel(run)
                drawn, ended, seen = time.monotonic(), run.stopped is not None, len(run.tree.events)
                yield self._picture(visit)
                if ended:
                    break
            if run.error:
                yield {self.banner: panels.banner(run.error)}
            if self._engine.learner is not None:
                self._engine.learner.hear(run)
        finally:
            service.cancel(run)  # of no effect once it has ended

    def stop(self, visit: Visit, choice: Choice | None = None) -> None:
        """Ask the visitor's run to end; ``search`` then draws its last picture."""
        visit.stop = True
        loaded = self._engine.ready(choice)
        if visit.running and visit.run is not None and loaded is not None:
            loaded.service.cancel(visit.run)

    def pick(self, visit: Visit, event: gr.EventData) -> Any:
        """Show the node that was clicked, or reached by keyboard, in the inspector."""
        node = event.id
        drawn = visit.run is not None and event.run == visit.id
        if not drawn or not isinstance(node, int) or not 0 <= node < len(visit.run.tree):
            return gr.skip()
        visit.node = node
        return inspector(visit.run, node)

    def recount(self, visit: Visit, selector: str, aggregate: str) -> Frame:
        """Choose the answer by another rule from the same solutions: nothing is sampled again."""
        if visit.run is None:
            return {self.votes: gr.skip()}
        visit.selector, visit.aggregate = selector, aggregate
        if visit.running:  # its next picture follows the new rule
            return {self.votes: gr.skip()}
        return self._picture(visit)

    def measured(self, visit: Visit) -> str:
        """What was measured on questions like the one of the run on screen, once that has ended."""
        try:
            return "" if visit.run is None else beside(visit.run, visit.selector, self._library)
        except Exception:
            log.exception("nothing could be shown beside the run")
            return ""

    def example(self, kind: str, level: int) -> Frame:
        """A fresh problem that the models were not trained on, of the wanted kind and level."""
        rng = Random()
        family = rng.choice(list(FAMILIES)) if kind == "any" else kind
        text = draw_problem(family, level, rng).text
        return {self.problem: text, self.answer: "", self.note: "", self.banner: ""}

    def notice(self, text: str, choice: Choice | None = None) -> str:
        """What to know about a problem that somebody typed."""
        loaded = self._engine.ready(choice)
        if loaded is not None and not loaded.shipped:
            return ""
        typed = 0 < len(text.strip()) <= MAX_CHARACTERS
        return panels.banner(NOT_TRAINED, "note") if typed and recognise(text) is None else ""

    def explain(self, name: str, budget: int, length: int, choice: Choice | None = None) -> Frame:
        """What the strategy does, the settings that it reads, and what they mean at this budget."""
        last = ratio.steps(budget)
        place = min(length, last)
        moved = {"value": place} if place != length else {}  # else it stays in the hand that drags it
        return {
            self.about: panels.about(name, self._missing(choice).get(name, "")),
            self.split: panels.split(name, place, budget),
            self.length: gr.update(maximum=max(1, last), interactive=last > 0, **moved),
        } | {
            shown: gr.update(visible=setting in strategy(name).settings)
            for setting, shown in self.settings.items()
        }

    def meet(self, choice: Choice | None = None) -> Any:
        """Which strategies the models that are here now cannot run."""
        return offered(self._missing(choice))

    def _missing(self, choice: Choice | None) -> dict[str, str]:
        """Strategy -> why it cannot run, for those that cannot; none while no models are here."""
        loaded = self._engine.ready(choice)
        reasons = {name: loaded.missing(name) for name in STRATEGIES} if loaded else {}
        return {name: reason for name, reason in reasons.items() if reason}

    def write(self, visit: Visit) -> tuple[str, str]:
        """The run on screen as a trace, its answer by the rule that is set now."""
        if visit.run is None:
            return "", panels.banner("There is no run to save yet: press Run first.")
        rule = {"selector": visit.selector, "aggregate": visit.aggregate}
        shown = replace(visit.run, settings=visit.run.settings.updated(rule))
        return trace.dump(shown).decode(), ""

    def open(self, visit: Visit, path: str, choice: Choice | None = None) -> Frame:
        """Show the run in a trace file, and set the controls to run it again. A bad file changes nothing."""
        again = {self.load: gr.update(value=None)}  # so that the same file may be chosen again
        try:
            if visit.running:
                raise BadInput("A run is in progress: stop it before you load a trace.")
            run = _read(Path(path))
        except BadInput as error:
            return again | {self.banner: panels.banner(str(error))}
        visit.show(run)
        settings = run.settings
        place = ratio.position_of(settings.chains, run.budget)
        last = max(1, ratio.steps(run.budget))
        return (
            again
            | self._picture(visit)
            | self.explain(run.strategy, run.budget, place, choice)
            | {
                self.banner: "",
                self.note: self.notice(run.problem.text, choice),
                self.problem: run.problem.text,
                self.answer: run.problem.answer or "",
                self.strategy: run.strategy,
                self.budget: run.budget if run.budget in BUDGETS else gr.skip(),
                self.seed: run.seed,
                self.temperature: settings.temperature,
                self.selector: settings.selector,
                self.aggregate: settings.aggregate,
                self.width: gr.update(choices=_widths(settings.width), value=settings.width),
                self.lookahead: gr.update(choices=_lookaheads(settings.lookahead), value=settings.lookahead),
                self.length: gr.update(maximum=last, value=place, interactive=run.budget > 1),
                self.rounds: settings.rounds,
            }
        )

    def _picture(self, visit: Visit) -> Frame:
        """The run on screen, as it stands now."""
        run, rule = visit.run, (visit.selector, visit.aggregate)
        leader = leading(run, *rule)
        shown = leader if visit.node is None else visit.node
        return {
            self.tree: visit.stream.update(run, best=run.tree.path(leader)),
            self.chains: chain_view(run, visit.id, *rule, picked=shown),
            self.cards: panels.cards(run, *rule),
            self.remarks: panels.remarks(run),
            self.votes: panels.ballot(run, *rule),
            self.inspector: inspector(run, shown),
            self.status: panels.standing(run),
        }

    def solve(
        self, problem: str, strategy: str = "beam", budget: int = 16, seed: int = 0, answer: str = ""
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
            loaded = self._engine.wait()
            assert loaded is not None
            asked = known(typed_problem(problem, answer))
            run = Run(asked, loaded.model, loaded.verifier, strategy, budget, seed, Settings())
            loaded.service.submit(run, MOST_SECONDS)
        except (BadInput, ModelError) as error:
            raise gr.Error(str(error)) from None
        while run.stopped is None:
            loaded.service.wait(run, len(run.tree.events), BREATH)
        if run.error:
            raise gr.Error(run.error)
        return trace.to_trace(run)


def _widths(also: int) -> list[tuple[str, int]]:
    """The widths to choose from, and the one of the run on screen."""
    numbers = sorted({*WIDTHS, also} - {0})
    return [*((str(number), number) for number in numbers), ("√N", 0)]


def _lookaheads(also: int) -> list[tuple[str, int]]:
    return [(str(number), number) for number in sorted({*LOOKAHEADS, also})]


def _read(path: Path) -> Run:
    """The run in a trace file that a visitor sent."""
    with path.open("rb") as file:
        return trace.load(file.read(trace.MAX_BYTES + 1))
