"""Verifier: how far its scores can be trusted, and what happens to a search that trusts them too
far."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd

from ttc_explorer.asset_files import RECORDED_RUNS_FOLDER
from ttc_explorer.experiments import calibration as measured
from ttc_explorer.experiments.findings.verdict import FindingChart
from ttc_explorer.experiments.result_tables import Results
from ttc_explorer.problems.families import FAMILIES
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.run import Run
from ttc_explorer.search.trace import load_trace as load_trace
from ttc_explorer.ui.components import analysis_charts, plotly_figures
from ttc_explorer.ui.components.basic_inputs import control_heading, html_block, segmented_control
from ttc_explorer.ui.components.dot_plot import Dot, dot_plot
from ttc_explorer.ui.components.downloads import APPEND_IS_NARROW_SCRIPT, download_buttons
from ttc_explorer.ui.components.guarded_handler import INTERNAL_ERROR_MESSAGE, ComponentUpdates
from ttc_explorer.ui.components.messages import banner, glossary_term
from ttc_explorer.ui.math_typesetting import escape_html, typeset_math
from ttc_explorer.ui.number_format import count_noun
from ttc_explorer.ui.page import AppContext, Page, page
from ttc_explorer.ui.results_store import SWEEP_COMMAND, ResultsStore, shipped_results
from ttc_explorer.ui.run_viewer.comparison_stream import runs_side_by_side
from ttc_explorer.ui.run_viewer.viewer_component import comparison_viewer

log = logging.getLogger(__name__)

NO_RESULTS_MESSAGE = (
    "No results are shipped with this copy, so no verifier was measured. This "
    f"makes them: {SWEEP_COMMAND}."
)
NO_PROBE_MESSAGE = "These results have no probe scored by a verifier: sweep with --probe."
SEARCH_LABELS = {"best_of_n": "Best-of-N", "beam": "Beam search"}
QUINTILE_LABELS = {1: "1 easiest", 2: "2", 3: "3", 4: "4", 5: "5 hardest"}
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
CARD_EXPLANATIONS = {
    "calibration": "On the dotted line a score is a chance: of solutions scored 0.7, seven in ten "
    "are right. "
    "A step counts as right if a right solution can begin so, by our exact check.",
    "auc": "How often a right solution scores above a wrong one of the same question; one half is "
    "luck. "
    "Beside it, the rule that only counts the printed checks that say ok.",
    "places": "Each row: where the first wrong step of a solution really is. A perfect verifier "
    "would fill "
    "the diagonal.",
    "aggregates": "A verifier scores every step; something must make one score of them. Equal "
    "answers then "
    "add up their scores.",
    "judges": "A PRM learned to judge steps, an ORM only whole solutions. What matters is whom to "
    "trust when "
    "there are many solutions to choose from.",
    "over": "The score of the solution that the verifier likes best always rises with N. Where "
    "the share "
    "that is right stalls or falls, the search has found what the verifier is wrong about.",
}


@page("verifier", title="Verifier", order=60)
def build(app: AppContext) -> VerifierPage:
    """Put the page where we are."""
    return VerifierPage(shipped_results(), RECORDED_RUNS_FOLDER)


class VerifierPage(Page):
    """The page. Make it inside ``gr.Blocks``; ``recorded`` is the folder that the command misled
    fills."""

    def __init__(self, results_store: ResultsStore, recorded: Path) -> None:
        self._results_store, self._recorded = results_store, recorded
        self._cached_measurements = lru_cache(8)(self._compute_measurements)
        self._cached_over_optimisation = lru_cache(8)(self._compute_over_optimisation)
        has_results = bool(results_store.models)
        with gr.Column(elem_id="verifier", min_width=0):
            self.banner = html_block(
                "verifier-banner",
                "" if has_results else banner(NO_RESULTS_MESSAGE, "note"),
            )
            with gr.Column(elem_id="verifier-cards", min_width=0, visible=has_results):
                with gr.Row(elem_id="verifier-what"):
                    control_heading("Solutions by", "sweep")
                    models = [(name, name) for name in results_store.models]
                    self.model = segmented_control(
                        "Model",
                        "verifier-model",
                        models,
                        results_store.models[0] if has_results else None,
                    )
                    self.status = html_block("verifier-status")
                with gr.Row(elem_classes="verifier-row", equal_height=True):
                    self.calibration, self.calibration_table = self._build_card(
                        "calibration", "Are scores chances?"
                    )
                    with gr.Column(elem_id="verifier-auc", elem_classes="plate", min_width=0):
                        html_block("verifier-auc-head", _title_html("Right from wrong", "auc"))
                        self.auc = html_block("verifier-auc-dots")
                        html_block("verifier-auc-reading", _explanation_html("auc"))
                with gr.Row(elem_classes="verifier-row", equal_height=True):
                    self.places, self.places_table = self._build_card(
                        "places", "The first wrong step"
                    )
                    self.aggregates, self.aggregates_table = self._build_card(
                        "aggregates", "One score of many"
                    )
                    self.judges, self.judges_table = self._build_card(
                        "judges", "Steps or whole solutions"
                    )
                with gr.Column(elem_id="verifier-over", elem_classes="plate", min_width=0):
                    with gr.Row(elem_classes="plate-top"):
                        html_block(
                            "verifier-over-head",
                            _title_html("Too much of a good thing", "over-optimisation"),
                        )
                        shapes = [(title, name) for name, title in SEARCH_LABELS.items()]
                        self.shape = segmented_control(
                            "Search", "verifier-shape", shapes, "best_of_n"
                        )
                        download_buttons(
                            "verifier-over-figure", "verifier-over-head", "ttc-over-optimisation"
                        )
                    self.over = gr.Plot(
                        show_label=False, container=False, elem_id="verifier-over-figure"
                    )
                    html_block("verifier-over-reading", _explanation_html("over"))
                    if misled := self._misled_runs():
                        self._build_misled_runs(misled)
        self.narrow = gr.Checkbox(False, visible=False)
        self.page_loaded = gr.HTML("", js_on_load="trigger('input')", apply_default_css=False)
        if has_results:
            self._connect()

    def _build_card(self, name: str, title: str) -> tuple[gr.Plot, gr.HTML]:
        with gr.Column(elem_id=f"verifier-{name}", elem_classes="plate", min_width=0):
            html_block(f"verifier-{name}-head", _title_html(title, name))
            figure = gr.Plot(show_label=False, container=False, elem_id=f"verifier-{name}-figure")
            caption = html_block(f"verifier-{name}-said")
            html_block(f"verifier-{name}-reading", _explanation_html(name))
            if name != "places":  # a table, whose figures stand in it
                download_buttons(f"verifier-{name}-figure", f"verifier-{name}-head", f"ttc-{name}")
        return figure, caption

    def _connect(self) -> None:
        event_options: dict[str, Any] = {
            "show_progress": "hidden",
            "api_visibility": "private",
            "js": APPEND_IS_NARROW_SCRIPT,
        }
        event_options["trigger_mode"] = "always_last"
        measurements = [
            self.banner, self.status, self.calibration, self.calibration_table, self.auc, self.places,
            self.places_table, self.aggregates, self.aggregates_table, self.judges, self.judges_table,
        ]  # fmt: skip
        seen = [self.model, self.shape, self.narrow]
        gr.on(
            [self.page_loaded.input, self.model.input],
            self.draw_calibration,
            [self.model, self.narrow],
            measurements,
            **event_options,
        )
        gr.on(
            [self.page_loaded.input, self.model.input, self.shape.input],
            self.draw_over_optimisation,
            seen,
            [self.banner, self.over],
            **event_options,
        )

    # --- what it does -----------------------------------------------------------------------------

    def draw_calibration(self, model: str, narrow: bool) -> ComponentUpdates:
        """All but over-optimisation."""

        def frame() -> ComponentUpdates:
            return self._measurement_updates(
                self._cached_measurements(self._require_model(model)), narrow
            )

        return self._with_error_banner(frame)

    def draw_over_optimisation(self, model: str, shape: str, narrow: bool) -> ComponentUpdates:
        """The score of what the verifier likes best, and how often it is right."""

        def frame() -> ComponentUpdates:
            table = self._cached_over_optimisation(self._require_model(model))
            rows = table[table["strategy"] == (shape if shape in SEARCH_LABELS else "best_of_n")]
            if rows.empty:
                raise BadInput("Beam search was not run with this model.")
            return {
                self.over: plotly_figures.to_plot_data(
                    analysis_charts.finding_chart(
                        _over_optimisation_chart(rows, narrow), narrow, 19 / 240
                    )
                )
            }

        return self._with_error_banner(frame)

    def _with_error_banner(self, frame: Callable[[], ComponentUpdates]) -> ComponentUpdates:
        try:
            return {self.banner: ""} | frame()
        except BadInput as error:
            return {self.banner: banner(str(error))}
        except Exception:
            log.exception("a verifier could not be measured")
            return {self.banner: banner(INTERNAL_ERROR_MESSAGE)}

    def _require_model(self, model: str) -> str:
        """Raises BadInput."""
        if model not in self._results_store.models:
            raise BadInput("There are no results of this model: choose another.")
        return model

    def _measurement_updates(self, measurements: dict[str, Any], narrow: bool) -> ComponentUpdates:
        results: Results = measurements["results"]
        about = results.about
        facts = [
            f"judged by {about.get('verifier')}",
            count_noun(int(measurements["solutions"].count), "solution"),
            count_noun(results.probe["question"].nunique(), "question"),
        ]
        frame = {
            self.status: f'<p class="source">{escape_html(" · ".join(facts))}</p>',
            self.calibration: plotly_figures.to_plot_data(
                analysis_charts.reliability_diagram(measurements["calibrations"])
            ),
            self.calibration_table: _calibration_table(measurements["calibrations"]),
            self.auc: _auc_plot(measurements["aucs"]),
        }
        found = measurements["places"]
        if found:
            frame |= {
                self.places: plotly_figures.to_plot_data(
                    analysis_charts.first_error_heatmap(found.table)
                ),
                self.places_table: _first_error_table(found, measurements["checks"]),
            }
        for name, figure, caption in (
            ("aggregates", self.aggregates, self.aggregates_table),
            ("judges", self.judges, self.judges_table),
        ):
            table, names = measurements[name]
            frame |= {
                figure: plotly_figures.to_plot_data(
                    analysis_charts.finding_chart(_accuracy_chart(table, names), narrow=True)
                ),
                caption: _accuracy_table(table, names),
            }
        return frame

    # --- the computations -------------------------------------------------------------------------

    def _compute_measurements(self, model: str) -> dict[str, Any]:
        """All figures of a verifier. Raises BadInput."""
        results = self._results_store.model_results(model).results
        probe, pool = results.probe, results.pool
        if probe is None or pool is None or probe["score"].isna().all() or "lines" not in probe:
            raise BadInput(NO_PROBE_MESSAGE)
        probe = measured.add_check_baseline(probe)
        solutions, steps = measured.solution_calibration(probe), measured.step_calibration(probe)
        calibrations = [("whole solutions", "series-blue", solutions)]
        if steps:
            calibrations.append(("steps", "series-vermilion", steps))
        judged = {name: each for name, each in VERIFIER_SCORES.items() if name in pool}
        aggregated = {name: each for name, each in AGGREGATE_SCORES.items() if name in pool}
        return {
            "results": results,
            "solutions": solutions,
            "calibrations": calibrations,
            "aucs": measured.auc_table(probe, ["score", "score_checks"]),
            "places": measured.detect_first_errors(probe),
            "checks": measured.detect_first_errors_by_checks(probe),
            "aggregates": (measured.selection_accuracy(pool, list(aggregated)), aggregated),
            "judges": (measured.selection_accuracy(pool, list(judged)), judged),
        }

    def _compute_over_optimisation(self, model: str) -> pd.DataFrame:
        results = self._results_store.model_results(model).results
        if results.probe is None or results.pool is None or results.pool["score"].isna().all():
            raise BadInput(NO_PROBE_MESSAGE)
        return measured.over_optimisation(results.pool, results.probe, results.runs)

    def _misled_runs(self) -> list[Run]:
        """The two recorded runs of a search that was misled; none where they are not here."""
        try:
            return [
                load_trace((self._recorded / f"{name}.json.gz").read_bytes())
                for name in measured.OVER_OPTIMISATION_RUNS
            ]
        except (OSError, BadInput):
            return []

    def _build_misled_runs(self, runs: list[Run]) -> None:
        """The recorded runs side by side, and what they show."""
        question = typeset_math(runs[0].problem.text)
        rule = (
            "One easy question, beam search with few and with many samples. Chosen by a rule: of "
            "all that "
            "the best solution gets right with the fewest and wrong with the most, the one whose "
            "score rose "
            "most."
        )
        html_block("misled-title", f'<h3>For example: {question}</h3><p class="source">{rule}</p>')
        self.trees = comparison_viewer("verifier-trees", ("lanes",))
        self.trees.value = runs_side_by_side(runs, "best")
        html_block(
            "misled-source",
            '<p class="source">Recorded by <code>python -m ttc_explorer misled</code></p>',
        )


def _over_optimisation_chart(table: pd.DataFrame, narrow: bool) -> FindingChart:
    """A panel a bin; on a narrow screen the easiest, the middle and the hardest."""
    shown = (1, 3, 5) if narrow else tuple(QUINTILE_LABELS)
    rows = [
        {
            "panel": QUINTILE_LABELS[row.bin],
            "line": {"score": "score", "accuracy": "right"}[row.figure],
            "tone": {
                "score": "series-vermilion-dashed",
                "accuracy": "series-blue",
            }[row.figure],
            "x": row.budget,
            "y": row.value,
            "low": row.low,
            "high": row.high,
        }
        for row in table.sort_values(["bin", "budget"]).itertuples()
        if row.bin in shown
    ]
    return FindingChart("Samples N", "Best-liked solution", rows)


def _accuracy_chart(table: pd.DataFrame, names: dict[str, tuple[str, str]]) -> FindingChart:
    rows = [
        {
            "panel": "",
            "line": names[row.score][0],
            "tone": names[row.score][1],
            "x": row.k,
            "y": row.accuracy,
            "low": row.low,
            "high": row.high,
        }
        for row in table.itertuples()
    ]
    return FindingChart("Samples N", "Accuracy, weighted votes", rows)


# --- captions and tables --------------------------------------------------------------------------


def _title_html(title: str, name: str) -> str:
    return f'<div class="top-line"><h2>{title}</h2><p>{glossary_term(*CARD_TERMS[name])}</p></div>'


def _explanation_html(name: str) -> str:
    return f'<p class="reading">{escape_html(CARD_EXPLANATIONS[name])}</p>'


def _calibration_table(found: list[tuple[str, str, measured.Calibration]]) -> str:
    rows = "".join(
        f"<tr><th>{escape_html(name)}</th><td>{_format_with_interval(each.brier, '.3f')}</td><td>{each.base_rate_brier[0]:.3f}</td>"
        f"<td>{_format_with_interval(each.ece, '.3f')}</td></tr>"
        for name, _, each in found
    )
    heads = "".join(
        f"<th>{glossary_term(*words)}</th>"
        for words in (("Brier", "Brier score"), ("by base rate", "base rate"), ("ECE", "ECE"))
    )
    return f'<table class="measures"><thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _first_error_table(
    found: measured.FirstErrorDetection, checks: measured.FirstErrorDetection | None
) -> str:
    rows = [("PRM", found)] + ([("printed checks only", checks)] if checks else [])
    body = "".join(
        f"<tr><th>{name}</th><td>{_format_with_interval(each.wrong, '.0%')}</td><td>{_format_with_interval(each.right, '.0%')}</td>"
        f"<td>{_format_with_interval(each.f1, '.0%')}</td></tr>"
        for name, each in rows
    )
    heads = "".join(
        f"<th>{glossary_term(*words)}</th>"
        for words in (
            ("place found", "place found"),
            ("none seen", "none seen"),
            ("F1", "F1 of both"),
        )
    )
    return f'<table class="measures"><thead><tr><th></th>{heads}</tr></thead><tbody>{body}</tbody></table>'


def _accuracy_table(table: pd.DataFrame, names: dict[str, tuple[str, str]]) -> str:
    """The figures at the largest N."""
    largest = table[table["k"] == table["k"].max()]
    body = "".join(
        f"<tr><th>{names[row.score][0]}</th><td>{_format_with_interval((row.accuracy, row.low, row.high), '.1%')}</td></tr>"
        for row in largest.itertuples()
    )
    head = f"<th>right at N = {largest['k'].iloc[0]}</th>"
    return f'<table class="measures"><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>'


def _auc_plot(table: pd.DataFrame) -> str:
    """Both scores in all families, the most reliable first."""
    rows = []
    ours = table[table["score"] == "score"].sort_values("auc", ascending=False)
    families = ["", *(family for family in ours["family"] if family)]
    for family in families:
        for score, name, tone in (
            ("score", "PRM", "series-blue"),
            ("score_checks", "printed checks", "series-grey"),
        ):
            found = table[(table["score"] == score) & (table["family"] == family)]
            for row in found.itertuples():
                title = FAMILIES[family].title if family in FAMILIES else family or "All"
                first = score == "score"
                rows.append(
                    Dot(
                        title if first else "",
                        "" if first and family else name,
                        tone,
                        row.auc,
                        row.low,
                        row.high,
                        f"{row.auc:.2f}",
                        f"{title}, {name}: {row.auc:.3f} ({row.low:.3f} to {row.high:.3f}), "
                        f"{count_noun(row.questions, 'question')} with right and "
                        "wrong solutions",
                        not family,
                    )
                )
    return dot_plot(rows, "{:.1f}".format, 0.5)


def _format_with_interval(figure: tuple[float, float, float], how: str) -> str:
    value, low, high = (f"{each:{how}}" for each in figure)
    return f"<b>{value}</b> <small>{low.rstrip('%')}–{high}</small>"


CARD_TERMS = {
    "calibration": ("calibration", "calibration"),
    "auc": ("within one question", "within-problem AUC"),
    "places": ("said against true", "first wrong step"),
    "aggregates": ("last, minimum, product, mean", "aggregate"),
    "judges": ("PRM against ORM", "PRM and ORM"),
    "over-optimisation": ("over-optimisation", "over-optimisation"),
}
"""Name of a plate -> the word beside its title, and the term that explains it."""
