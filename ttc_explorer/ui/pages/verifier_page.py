"""Verifier: how far its scores can be trusted, and what happens to a search that trusts them too
far."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd
from markupsafe import Markup

from ttc_explorer.asset_files import RECORDED_RUNS_FOLDER
from ttc_explorer.experiments import calibration as measured
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.trace_files import read_trace
from ttc_explorer.ui.address.address_state import AddressKey
from ttc_explorer.ui.address.page_address import PageAddress
from ttc_explorer.ui.components import analysis_charts, verifier_view
from ttc_explorer.ui.components.basic_inputs import control_heading, html_block, segmented_control
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates, guarded
from ttc_explorer.ui.components.messages import banner, glossary_term
from ttc_explorer.ui.components.page_signals import narrow_screen, on_load, on_width_change
from ttc_explorer.ui.components.plotly_figures import to_plot_data
from ttc_explorer.ui.components.result_card import ResultCard, card_heading
from ttc_explorer.ui.components.results_keys import sweep_key
from ttc_explorer.ui.components.verifier_view import ScoreComparison, VerifierMeasurements
from ttc_explorer.ui.html_templates import render, render_macro
from ttc_explorer.ui.number_format import count_noun
from ttc_explorer.ui.page import AppContext, Page, PageIntro, page
from ttc_explorer.ui.results_store import SWEEP_COMMAND, ResultsStore, shipped_results
from ttc_explorer.ui.run_viewer.comparison_stream import runs_side_by_side
from ttc_explorer.ui.run_viewer.viewer_component import comparison_viewer

NO_RESULTS_MESSAGE = (
    "No results are shipped with this copy, so no verifier was measured. This "
    f"makes them: {SWEEP_COMMAND}."
)
NO_PROBE_MESSAGE = "These results have no probe scored by a verifier: sweep with --probe."
SEARCH_LABELS = {"best_of_n": "Best-of-N", "beam": "Beam search"}
AGGREGATE_SCORES = {
    "score_last": ("last step", "series-blue"),
    "score_min": ("minimum", "series-vermilion-dashed"),
    "score_prod": ("product", "series-plum"),
    "score_mean": ("mean", "series-green-dashed"),
}
VERIFIER_SCORES = {
    "score_last": ("PRM", "series-blue"),
    "score_prm": ("PRM of rollouts", "series-plum"),
    "score_orm": ("ORM", "series-green-dashed"),
}
"""Column of scores -> its name here, and its colour style."""
MISLED_RULE = (
    "One easy question, beam search with few and with many samples. Chosen by a rule: of all that "
    "the best solution gets right with the fewest and wrong with the most, the one whose score "
    "rose most."
)
CARDS = {
    "calibration": (
        "Are scores chances?",
        ("calibration", "calibration"),
        "On the dotted line a score is a chance: of solutions scored 0.7, seven in ten are right. "
        "A step counts as right if a right solution can begin so, by our exact check.",
    ),
    "auc": (
        "Right from wrong",
        ("within one question", "within-problem AUC"),
        "How often a right solution scores above a wrong one of the same question; one half is "
        "luck. Beside it, the rule that only counts the printed checks that say ok.",
    ),
    "places": (
        "The first wrong step",
        ("said against true", "first wrong step"),
        "Each row: where the first wrong step of a solution really is. A perfect verifier would "
        "fill the diagonal.",
    ),
    "aggregates": (
        "One score of many",
        ("last, minimum, product, mean", "aggregate"),
        "A verifier scores every step; something must make one score of them. Equal answers then "
        "add up their scores.",
    ),
    "judges": (
        "Steps or whole solutions",
        ("PRM against ORM", "PRM and ORM"),
        "A PRM learned to judge steps, an ORM only whole solutions. What matters is whom to trust "
        "when there are many solutions to choose from.",
    ),
    "over": (
        "Too much of a good thing",
        ("over-optimisation", "over-optimisation"),
        "The score of the solution that the verifier likes best always rises with N. Where the "
        "share that is right stalls or falls, the search has found what the verifier is wrong "
        "about.",
    ),
}
"""Name of a card -> its title, the words beside it with the term that explains them, and how to
read it."""


@page(
    "verifier",
    title="Verifier",
    order=60,
    intro=PageIntro(
        "When can a score be trusted?",
        see="How the verifier’s scores relate to the truth: as chances, as a ranking, step by "
        "step.",
        act="Choose a verifier and compare them; see what happens when a search follows its "
        "scores too far.",
        why="Every search is only as good as who judges it. A verifier that is wrong early "
        "misleads all that follows.",
    ),
)
def build(app: AppContext) -> VerifierPage:
    """Put the page where we are."""
    return VerifierPage(shipped_results(), RECORDED_RUNS_FOLDER)


class VerifierPage(Page):
    """The page. Make it inside ``gr.Blocks``.

    Args:
        results_store: what verifiers were measured on.
        recorded: the folder that the command misled fills.
    """

    def __init__(self, results_store: ResultsStore, recorded: Path) -> None:
        self._results_store, self._recorded = results_store, recorded
        self._cached_measurements = lru_cache(8)(self._compute_measurements)
        self._cached_over_optimisation = lru_cache(8)(self._compute_over_optimisation)
        models = results_store.models
        with gr.Column(elem_id="verifier", min_width=0):
            self.banner = html_block(
                "verifier-banner", "" if models else banner(NO_RESULTS_MESSAGE, "note")
            )
            with gr.Column(elem_id="verifier-cards", min_width=0, visible=bool(models)):
                with gr.Row(elem_id="verifier-what"):
                    control_heading("Solutions by", "sweep")
                    self.model = segmented_control(
                        "Model",
                        "verifier-model",
                        [(name, name) for name in models],
                        models[0] if models else None,
                    )
                    self.status = html_block("verifier-status")
                with gr.Row(elem_classes="verifier-row", equal_height=True):
                    self.calibration, self.calibration_table = self._build_card("calibration")
                    with gr.Column(elem_id="verifier-auc", elem_classes="plate", min_width=0):
                        html_block("verifier-auc-head", _heading("auc"))
                        self.auc = html_block("verifier-auc-dots")
                        html_block("verifier-auc-reading", _explanation("auc"))
                with gr.Row(elem_classes="verifier-row", equal_height=True):
                    self.places, self.places_table = self._build_card("places", downloads=False)
                    self.aggregates, self.aggregates_table = self._build_card("aggregates")
                    self.judges, self.judges_table = self._build_card("judges")
                self._build_over_optimisation_card()
        if models:
            self._connect()

    def _build_card(self, name: str, downloads: bool = True) -> tuple[gr.Plot, gr.HTML]:
        """A figure, its table and how to read it; without downloads where the table says it all."""
        card = ResultCard(f"verifier-{name}", f"ttc-{name}")
        with gr.Column(elem_id=f"verifier-{name}", elem_classes="plate", min_width=0):
            card.heading(CARDS[name][0], glossary_term(*CARDS[name][1]))
            figure = card.plot()
            table = html_block(f"verifier-{name}-said")
            html_block(f"verifier-{name}-reading", _explanation(name))
            if downloads:
                card.download_buttons()
        return figure, table

    def _build_over_optimisation_card(self) -> None:
        card = ResultCard("verifier-over", "ttc-over-optimisation")
        with gr.Column(elem_id="verifier-over", elem_classes="plate", min_width=0):
            with gr.Row(elem_classes="plate-top"):
                card.heading(CARDS["over"][0], glossary_term(*CARDS["over"][1]))
                shapes = [(title, name) for name, title in SEARCH_LABELS.items()]
                self.shape = segmented_control("Search", "verifier-shape", shapes, "best_of_n")
                card.download_buttons()
            self.over = card.plot()
            html_block("verifier-over-reading", _explanation("over"))
            if all(path.is_file() for path in self._misled_files()):
                self._build_misled_runs()

    def _build_misled_runs(self) -> None:
        """The recorded runs of a search that was misled, side by side, and what they show."""
        self.misled_title = html_block("misled-title")
        self.trees = comparison_viewer("verifier-trees", ("lanes",))
        html_block("misled-source", render("misled_command.html"))
        gr.on(
            [on_load()],
            self.draw_misled_runs,
            None,
            [self.banner, self.misled_title, self.trees],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )

    def _misled_files(self) -> list[Path]:
        return [self._recorded / f"{name}.json.gz" for name in measured.OVER_OPTIMISATION_RUNS]

    def _connect(self) -> None:
        drawing: dict[str, Any] = {
            "show_progress": "hidden", "api_visibility": "private", "trigger_mode": "always_last"
        }  # fmt: skip
        narrow, shown = narrow_screen(), on_load()
        measurements = [
            self.banner,
            self.status,
            self.calibration,
            self.calibration_table,
            self.auc,
            self.places,
            self.places_table,
            self.aggregates,
            self.aggregates_table,
            self.judges,
            self.judges_table,
        ]
        gr.on(
            [shown, self.model.input],
            self.draw_measurements,
            self.model,
            measurements,
            **drawing,
        )
        gr.on(
            [shown, on_width_change(), self.model.input, self.shape.input],
            self.draw_over_optimisation,
            [self.model, self.shape, narrow],
            [self.banner, self.over],
            **drawing,
        )

    @property
    def address(self) -> PageAddress:
        """The controls as the address has them."""
        if not self._results_store.models:
            return PageAddress()
        return PageAddress(
            {"sweep": self.model, "search": self.shape},
            keys=(
                sweep_key(self._results_store.models),
                AddressKey("search", "choice", "best_of_n", tuple(SEARCH_LABELS)),
            ),
        )

    # --- what it does -----------------------------------------------------------------------------

    @guarded()
    def draw_measurements(self, model: str) -> ComponentUpdates:
        """All but over-optimisation."""
        found = self._cached_measurements(self._require_model(model))
        results = found.results
        facts = [
            f"judged by {results.about.get('verifier')}",
            count_noun(found.calibrations[0][2].count, "solution"),
            count_noun(found.questions, "question"),
        ]
        updates = {
            self.banner: "",
            self.status: render_macro("source", " · ".join(facts)),
            self.calibration: to_plot_data(analysis_charts.reliability_diagram(found.calibrations)),
            self.calibration_table: verifier_view.calibration_table(found.calibrations),
            self.auc: verifier_view.auc_plot(found.aucs),
        }
        if found.first_errors:
            heatmap = analysis_charts.first_error_heatmap(found.first_errors.table)
            updates |= {
                self.places: to_plot_data(heatmap),
                self.places_table: verifier_view.first_error_table(
                    found.first_errors, found.check_errors
                ),
            }
        for comparison, figure, table in (
            (found.aggregates, self.aggregates, self.aggregates_table),
            (found.verifiers, self.judges, self.judges_table),
        ):
            chart = verifier_view.selection_chart(comparison)
            updates |= {
                figure: to_plot_data(analysis_charts.finding_chart(chart, narrow=True)),
                table: verifier_view.selection_table(comparison),
            }
        return updates

    @guarded()
    def draw_over_optimisation(self, model: str, shape: str, narrow: bool) -> ComponentUpdates:
        """The score of what the verifier likes best, and how often it is right."""
        table = self._cached_over_optimisation(self._require_model(model))
        rows = table[table["strategy"] == (shape if shape in SEARCH_LABELS else "best_of_n")]
        if rows.empty:
            raise BadInput("Beam search was not run with this model.")
        chart = verifier_view.over_optimisation_chart(rows, narrow)
        figure = analysis_charts.finding_chart(chart, narrow, 19 / 240)
        return {self.banner: "", self.over: to_plot_data(figure)}

    @guarded()
    def draw_misled_runs(self) -> ComponentUpdates:
        """The two recorded runs of a search that was misled."""
        runs = [read_trace(path) for path in self._misled_files()]
        question = runs[0].problem.text
        return {
            self.misled_title: render("misled_heading.html", question=question, rule=MISLED_RULE),
            self.trees: runs_side_by_side(runs, "best"),
        }

    def _require_model(self, model: str) -> str:
        """The model.

        Raises:
            BadInput: it has no results.
        """
        if model not in self._results_store.models:
            raise BadInput("There are no results of this model: choose another.")
        return model

    # --- the computations -------------------------------------------------------------------------

    def _compute_measurements(self, model: str) -> VerifierMeasurements:
        """All figures of a verifier.

        Raises:
            BadInput: nothing was scored by one.
        """
        results = self._results_store.model_results(model).results
        probe, pool = results.probe, results.pool
        if probe is None or pool is None or probe["score"].isna().all() or "lines" not in probe:
            raise BadInput(NO_PROBE_MESSAGE)
        probe = measured.add_check_baseline(probe)
        solutions, steps = measured.solution_calibration(probe), measured.step_calibration(probe)
        calibrations = [("whole solutions", "series-blue", solutions)]
        if steps:
            calibrations.append(("steps", "series-vermilion", steps))
        return VerifierMeasurements(
            results,
            probe["question"].nunique(),
            calibrations,
            measured.auc_table(probe, list(verifier_view.AUC_SCORES)),
            measured.detect_first_errors(probe),
            measured.detect_first_errors_by_checks(probe),
            _compare_scores(pool, AGGREGATE_SCORES),
            _compare_scores(pool, VERIFIER_SCORES),
        )

    def _compute_over_optimisation(self, model: str) -> pd.DataFrame:
        results = self._results_store.model_results(model).results
        if results.probe is None or results.pool is None or results.pool["score"].isna().all():
            raise BadInput(NO_PROBE_MESSAGE)
        return measured.over_optimisation(results.pool, results.probe, results.runs)


def _compare_scores(pool: pd.DataFrame, names: verifier_view.ScoreNames) -> ScoreComparison:
    """How often answers are right by each of these scores that the pool has."""
    known = {name: each for name, each in names.items() if name in pool}
    return ScoreComparison(known, measured.selection_accuracy(pool, list(known)))


def _heading(name: str) -> Markup:
    title, words, _ = CARDS[name]
    return card_heading(title, glossary_term(*words))


def _explanation(name: str) -> Markup:
    return render_macro("reading", CARDS[name][2])
