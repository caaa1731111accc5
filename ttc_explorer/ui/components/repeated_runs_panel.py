"""This question, many times: a press runs it with many seeds at several N in the background, and
draws its own curve of accuracy against compute, which grows beside the tree.

A press is three events, as one on Run is (``run_controls.py``); the second streams the one block
that grows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, get_args

import gradio as gr

from ttc_explorer.experiments.question_curve import QuestionCurve, SeedOutcome
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.run import Run
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.serving.model_manager import LoadedModels, ModelManager, ModelSelection
from ttc_explorer.serving.repeated_runs import RepeatedRuns
from ttc_explorer.ui.components.basic_inputs import control_heading, segmented_control
from ttc_explorer.ui.components.component_scripts import component_script
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates, error_sentence
from ttc_explorer.ui.components.question_curve_view import (
    COST_UNITS,
    MEASURES,
    CostUnit,
    CurveView,
    Measure,
    question_curve_html,
)
from ttc_explorer.ui.components.run_controls import POLL_SECONDS, frames_or, visitor_of
from ttc_explorer.ui.components.run_request import RunRequest
from ttc_explorer.ui.html_templates import render_macro

SEEDS = 20
BUDGETS = (1, 4, 16, 64)
MAX_STRATEGIES = 3
BESIDE = ("best_of_n", "beam")
"""What runs beside the strategy that the visitor chose."""
FRAME_SECONDS = 0.5
"""Seconds between two pictures of the growing curve."""
WHAT_IT_DOES = (
    f"Ask it again with {SEEDS} seeds, at several N, and see how often it ends right. Runs in the "
    "background."
)


@dataclass(frozen=True)
class RepeatedQuestion:
    """What is to be asked many times.

    Attributes:
        text: the question.
        strategy: that the visitor chose.
        request: a run of a strategy, N and seed, all else as the visitor set it. May raise
            BadInput.
        outside: the models do not know this kind of question.
    """

    text: str
    strategy: str
    request: Callable[[str, int, int], RunRequest]
    outside: bool


@dataclass
class RepeatedSession:
    """Where one visitor stands; kept in their session. ``running`` from a press until its end,
    ``stop`` when they want it to end, ``models`` those that are to do the runs of ``plan``."""

    running: bool = False
    stop: bool = False
    visitor: str | None = None
    question: RepeatedQuestion | None = None
    plan: list[tuple[str, int]] = field(default_factory=list)
    outcomes: list[SeedOutcome] = field(default_factory=list)
    models: LoadedModels | None = None
    standing: str = ""
    view: CurveView = field(default_factory=CurveView)


class RepeatedRunsPanel:
    """The panel, to be made where it stands.

    Args:
        model_manager: has the models.
    """

    def __init__(self, model_manager: ModelManager) -> None:
        self._model_manager = model_manager
        self.session = gr.State(RepeatedSession())
        with gr.Column(elem_id="repeat", min_width=0):
            with gr.Row(elem_id="repeat-head"):
                control_heading("Is it luck?")
                self.start = gr.Button(f"Try {SEEDS} seeds", min_width=0, elem_id="repeat-start")
                self.stop = gr.Button(
                    "Stop", variant="stop", min_width=0, elem_id="repeat-stop", visible=False
                )
            with gr.Row(elem_id="repeat-view", visible=False) as self.choices:
                self.measure = segmented_control(
                    "Which runs count", "repeat-measure", list(MEASURES), "chosen"
                )
                self.unit = segmented_control(
                    "Compute along the chart", "repeat-unit", list(COST_UNITS), "budget"
                )
            self.view = gr.HTML(
                render_macro("hint", WHAT_IT_DOES),
                elem_id="repeat-curve",
                js_on_load=component_script("repeated_runs_panel.js"),
                apply_default_css=False,
            )

    def connect(
        self,
        inputs: list[Any],
        choice: gr.State,
        read: Callable[[ComponentUpdates], RepeatedQuestion],
    ) -> None:
        """Connect the panel.

        Args:
            inputs: what ``read`` reads.
            choice: which models the visitor uses.
            read: given the values of ``inputs`` by component, what is to be asked. May raise
                BadInput.
        """
        streaming: dict[str, Any] = {
            "show_progress": "hidden", "concurrency_limit": None, "api_visibility": "private"
        }  # fmt: skip
        quick: dict[str, Any] = {
            "queue": False,
            "show_progress": "hidden",
            "trigger_mode": "multiple",
            "api_visibility": "private",
        }
        controls = [self.start, self.stop, self.choices]

        def prepare(values: ComponentUpdates) -> Iterator[ComponentUpdates]:
            yield from frames_or(
                self.prepare(values[self.session], values[choice], lambda: read(values)),
                {self.start: gr.skip()},
            )

        def draw(session: RepeatedSession, request: gr.Request) -> Iterator[Any]:
            session.visitor = visitor_of(request)
            yield from frames_or(self.draw(session), {self.view: gr.skip()})

        begun = self.start.click(
            prepare, {self.session, choice, *inputs}, [*controls, self.view], **streaming
        )
        ended = begun.then(draw, self.session, self.view, **streaming)
        ended.then(self.finish, self.session, controls, **quick)
        self.stop.click(self.end, self.session, None, **quick)
        self.view.pick(self.pick, self.session, self.view, **quick)
        gr.on(
            [self.measure.input, self.unit.input],
            self.change_view,
            [self.session, self.measure, self.unit],
            self.view,
            **quick,
        )

    # --- the runs ---------------------------------------------------------------------------------

    def prepare(
        self,
        session: RepeatedSession,
        choice: ModelSelection | None,
        read: Callable[[], RepeatedQuestion],
    ) -> Iterator[ComponentUpdates]:
        """Read what is asked, wait for the models, and get the runs ready. What goes wrong is one
        sentence in the block."""
        if session.running:
            return
        session.running, session.stop, session.models = True, False, None
        session.outcomes, session.plan, session.standing = [], [], "Loading the models …"
        session.view = replace(session.view, picked=None)
        try:
            session.question = read()
            yield {
                self.start: gr.update(visible=False),
                self.stop: gr.update(visible=True),
                self.choices: gr.update(visible=True),
                self.view: self.picture(session),
            }
            self._model_manager.start_loading(choice)
            models = self._model_manager.wait(0, choice)
            while models is None and not session.stop:
                models = self._model_manager.wait(POLL_SECONDS, choice)
                yield {self.view: gr.skip()}  # a closed tab is noticed here
            if models is not None and not session.stop:
                session.plan = self._plan(session.question.strategy, models)
                session.models = models
        except Exception as error:
            session.standing = error_sentence(error, "prepare")
            yield {self.view: self.picture(session)}
        finally:
            session.running = session.models is not None

    def _plan(self, strategy: str, models: LoadedModels) -> list[tuple[str, int]]:
        """Strategy and N of every point: the chosen strategy and others that these models can
        run."""
        if reason := models.missing(strategy):
            raise BadInput(reason)
        names = [name for name in dict.fromkeys((strategy, *BESIDE)) if not models.missing(name)]
        budgets = [number for number in BUDGETS if number <= self._model_manager.limits.budget]
        return [(name, number) for name in names[:MAX_STRATEGIES] for number in budgets]

    def draw(self, session: RepeatedSession) -> Iterator[ComponentUpdates]:
        """Do the runs that were prepared, and draw what they came to, until all have ended."""
        models, session.models = session.models, None
        if models is None:
            return
        whole = len(session.plan) * SEEDS
        limits = self._model_manager.limits
        runs = RepeatedRuns(models.service, _runs(session, models), limits, session.visitor)
        failed = ""
        try:
            while runs:
                for run in runs.advance(FRAME_SECONDS):
                    failed = failed or run.error or ""
                    if run.stopped in ("done", "budget") and not run.error:
                        session.outcomes.append(SeedOutcome.of(run))
                if session.stop or failed:
                    runs.cancel()
                session.standing = f"{len(session.outcomes)} of {whole} runs …"
                yield {self.view: self.picture(session)}
            session.standing = failed or _ending(session, whole, runs.time_is_up)
        except Exception as error:
            session.standing = error_sentence(error, "draw")
        finally:
            runs.cancel()  # of no effect once all have ended
            session.running = False
        yield {self.view: self.picture(session)}

    def finish(self, session: RepeatedSession) -> ComponentUpdates:
        """The buttons as before; nothing while other runs go on."""
        if session.running:
            return {self.start: gr.skip()}
        return {
            self.start: gr.update(visible=True),
            self.stop: gr.update(visible=False),
            self.choices: gr.update(visible=bool(session.outcomes)),
        }

    def end(self, session: RepeatedSession) -> None:
        """Ask the runs to end; ``draw`` then draws the curve a last time."""
        session.stop = True

    # --- the picture ------------------------------------------------------------------------------

    def picture(self, session: RepeatedSession) -> str:
        """The block as it stands."""
        question = session.question
        return question_curve_html(
            QuestionCurve(session.outcomes),
            session.plan,
            SEEDS,
            session.view,
            question.text if question else "",
            session.standing,
            bool(question and question.outside),
        )

    def pick(self, session: RepeatedSession, event: gr.EventData) -> str:
        """Show the seeds of another point."""
        strategy, budget = str(event.strategy), str(event.budget)
        if strategy in STRATEGIES and budget.isdecimal():
            session.view = replace(session.view, picked=(strategy, int(budget[:4])))
        return self.picture(session)

    def change_view(self, session: RepeatedSession, measure: Measure, unit: CostUnit) -> str:
        """Show another measure, or another unit of compute."""
        if measure in get_args(Measure) and unit in get_args(CostUnit):
            session.view = replace(session.view, measure=measure, unit=unit)
        return self.picture(session)


def _runs(session: RepeatedSession, models: LoadedModels) -> Iterator[Run]:
    """All runs, the cheap ones first: the curve grows from its left end."""
    assert session.question is not None
    strategies, budgets = (list(dict.fromkeys(part)) for part in zip(*session.plan, strict=True))
    for budget, seed, strategy in product(budgets, range(SEEDS), strategies):
        run = session.question.request(strategy, budget, seed).make_run(models)
        run.display_scores = False  # nobody sees the steps
        yield run


def _ending(session: RepeatedSession, whole: int, time_is_up: bool) -> str:
    done = len(session.outcomes)
    if time_is_up:
        return f"Ended after {done} of {whole} runs: the time for them was up."
    return f"Stopped after {done} of {whole} runs." if done < whole else f"{done} runs."


def opened_request(session: RepeatedSession, event: gr.EventData) -> RunRequest | None:
    """The run that a press on a seed asks for; None if there is none such."""
    key = str(event.strategy), str(event.budget), str(event.seed)
    for outcome in session.outcomes:
        if session.question and (outcome.strategy, str(outcome.budget), str(outcome.seed)) == key:
            return session.question.request(outcome.strategy, outcome.budget, outcome.seed)
    return None
