"""Curves: accuracy against compute, from the shipped sweeps or from anybody's pool."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pandas as pd

from ttc_explorer.experiments.curve_points import curve_points
from ttc_explorer.experiments.pool import read_pool
from ttc_explorer.experiments.pool_curves import available_selectors, default_ks, pool_curves
from ttc_explorer.problems.families import FAMILIES
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import Settings
from ttc_explorer.ui.components import plotly_figures
from ttc_explorer.ui.components.basic_inputs import control_heading, html_block, segmented_control
from ttc_explorer.ui.components.downloads import (
    APPEND_IS_NARROW_SCRIPT,
    save_png_script,
    save_text_script,
)
from ttc_explorer.ui.components.guarded_handler import INTERNAL_ERROR_MESSAGE, ComponentUpdates
from ttc_explorer.ui.components.messages import banner, status_line
from ttc_explorer.ui.components.strategy_chips import (
    chips_update,
    chips_value,
    pressed_keys,
    strategy_chips,
)
from ttc_explorer.ui.math_typesetting import escape_html
from ttc_explorer.ui.number_format import count_noun, format_amount
from ttc_explorer.ui.page import AppContext, Page, page
from ttc_explorer.ui.results_store import SWEEP_COMMAND, ModelResults, ResultsStore, shipped_results
from ttc_explorer.ui.strategy_variants import COVERAGE, StrategyVariant, variants_by_key

log = logging.getLogger(__name__)

MAX_CURVES = 8
"""Arms in one figure."""
DEFAULT_CURVES = (COVERAGE, "greedy", "best_of_n", "beam", "lookahead", "revise")
"""Strategies of what is drawn at first, each with its first settings."""
UPLOADED_POOL = "your pool"
DOWNLOAD_NAME = "ttc-curves"
"""Name of a saved table or picture."""
MAX_FILE_NAME_CHARACTERS = 60
"""Of the name of an uploaded file."""

DIFFICULTY_SPLITS = {
    "all": "All",
    "oracle": "Oracle",
    "predicted": "Predicted",
    "absolute": "Absolute",
}
QUINTILE_LABELS = {1: "1 easiest", 2: "2", 3: "3", 4: "4", 5: "5 hardest"}
ABSOLUTE_BIN_LABELS = {1: "over 75 %", 2: "50 to 75 %", 3: "25 to 50 %", 4: "up to 25 %", 5: "0 %"}
SELECTOR_PHRASES = {
    "majority": "majority vote",
    "best": "the highest score",
    "weighted": "votes weighted by score",
}
SPLIT_HELP = {
    "all": "A point is the share of questions answered right; its band holds 95 % of what other "
    "questions of "
    "this kind would have given. Higher is better, and further left is cheaper.",
    "oracle": "Each panel is a fifth of the questions, by how often a single sample is right: "
    "measured "
    "against the right answers, on samples that count nowhere else.",
    "predicted": "Each panel is a fifth of the questions, by the verifier's mean score on samples "
    "that count "
    "nowhere else: no right answer was looked at, so a new question can be placed as well.",
    "absolute": "Each panel holds the questions on which a single sample is right that often. "
    "Panels mean "
    "the same for every model, but differ in size.",
    UPLOADED_POOL: "Coverage is the most that any way of choosing could reach. What lies between "
    "it and a rule is "
    "what a better verifier would win.",
}


@page("curves", title="Curves", order=30)
def build(app: AppContext) -> CurvesPage:
    """Put the page where we are."""
    return CurvesPage(shipped_results())


@dataclass(frozen=True)
class CurvesSelection:
    """What is looked at: arms and their selector, on which questions, split how. ``family`` and
    ``level`` are empty for all."""

    model: str
    arms: tuple[StrategyVariant, ...]
    selector: str
    family: str
    level: int
    split: str


@dataclass(frozen=True)
class UploadedPool:
    """Somebody's pool, estimated: points as ``plotly_figures.accuracy_curves`` takes them."""

    name: str
    curve_points: pd.DataFrame
    questions: int
    samples: int


class CurvesPage(Page):
    """The page. Make it inside ``gr.Blocks``; with an empty results store it draws uploaded pools
    only."""

    def __init__(self, results_store: ResultsStore) -> None:
        self._results_store = results_store
        self._variants = variants_by_key(results_store.arms())
        self._cached_points = lru_cache(128)(self._estimate_points)
        self.pool = gr.State(None)
        first = [
            next((a for a in self._variants.values() if a.strategy == name), None)
            for name in DEFAULT_CURVES
        ]
        self._default_keys = [arm.key for arm in first if arm]
        with gr.Row(equal_height=False, elem_id="curves"):
            with gr.Column(elem_id="curves-controls", min_width=0):
                self._build_data_controls()
                self._build_axis_controls()
                self._build_pool_upload()
            with gr.Column(elem_id="curves-results", min_width=0):
                self.banner = html_block(
                    "curves-banner",
                    "" if self._variants else banner(_no_results_message(), "note"),
                )
                with gr.Column(
                    elem_id="curves-card", min_width=0, visible=bool(self._variants)
                ) as self.card:
                    with gr.Row(elem_id="curves-top"):
                        self.head = html_block("curves-head")
                        self.save = gr.Button("CSV", min_width=0, elem_id="curves-csv", size="md")
                        self.png_button = gr.Button(
                            "PNG", min_width=0, elem_id="curves-png", size="md"
                        )
                    self.figure = gr.Plot(
                        show_label=False, container=False, elem_id="curves-figure"
                    )
                    self.foot = html_block(
                        "curves-foot", status_line("loading", "Reading the results …")
                    )
        self.comma_separated = gr.Textbox(
            visible="hidden", show_label=False, elem_id="curves-commas"
        )
        self.narrow = gr.Checkbox(False, visible=False)
        self.page_loaded = gr.HTML("", js_on_load="trigger('input')", apply_default_css=False)
        self._connect()

    # --- what is on the page ----------------------------------------------------------------------

    def _build_data_controls(self) -> None:
        models, shipped = self._results_store.models, bool(self._variants)
        with gr.Column(elem_id="curves-what", min_width=0):
            with gr.Column(min_width=0, visible=shipped) as source:
                control_heading("Model", "sweep")
                self.model = segmented_control(
                    "Model", "curves-model", [(m, m) for m in models], models[0] if models else None
                )
            with gr.Column(min_width=0, visible=shipped, elem_id="curves-arms") as arms:
                control_heading(f"Strategies, {MAX_CURVES} at most")
                self.chips = strategy_chips(
                    chips_value(self._default_keys, {}),
                    self._variants.values(),
                    "Strategies to draw",
                    MAX_CURVES,
                    elem_id="curves-chips",
                )
                with gr.Row(elem_classes="setting"):
                    control_heading("Answer by", "selector")
                    selectors = [(entry.title, name) for name, entry in SELECTORS.items()]
                    self.selector = segmented_control(
                        "Answer chosen by", "curves-selector", selectors, Settings().selector
                    )
                control_heading("Problems", "held out")
                with gr.Row(elem_id="curves-problems"):
                    kinds = [
                        ("All kinds", ""),
                        *((family.title, name) for name, family in FAMILIES.items()),
                    ]
                    levels = [
                        ("All levels", 0),
                        *((f"Level {level}", level) for level in range(1, 6)),
                    ]
                    small: dict[str, Any] = {
                        "show_label": False, "container": False, "min_width": 0, "filterable": False
                    }  # fmt: skip
                    self.family = gr.Dropdown(
                        kinds, value="", label="Kind of problem", elem_id="curves-family", **small
                    )
                    self.level = gr.Dropdown(
                        levels, value=0, label="Level", elem_id="curves-level", **small
                    )
                control_heading("Split by difficulty", "difficulty")
                splits = [(title, name) for name, title in DIFFICULTY_SPLITS.items()]
                self.split = segmented_control("Split by difficulty", "curves-split", splits, "all")
        self.shipped = [source, arms]

    def _build_axis_controls(self) -> None:
        with gr.Column(elem_id="curves-how", min_width=0):
            with gr.Column(min_width=0, visible=bool(self._variants)) as costs:
                control_heading("Compute, counted in", "compute")
                axes = [(axis.short, axis.column) for axis in plotly_figures.COST_AXES.values()]
                self.cost_column = segmented_control(
                    "Compute, counted in", "curves-across", axes, "budget"
                )
            with gr.Row(elem_id="curves-axes", elem_classes="setting"):
                scales = [("log", "log"), ("linear", "linear")]
                self.scale = segmented_control("Axis of compute", "curves-scale", scales, "log")
                bands = [("bands", "on"), ("lines", "off")]
                self.bands = segmented_control("Intervals as bands", "curves-bands", bands, "on")
        self.shipped.append(costs)

    def _build_pool_upload(self) -> None:
        with gr.Column(elem_id="curves-yours", min_width=0):
            with gr.Row(elem_classes="setting"):
                control_heading("A pool of yours", "pool")
                self.upload = gr.UploadButton(
                    "Open file", type="filepath", min_width=0, elem_id="curves-upload", size="md"
                )
                self.back_button = gr.Button(
                    "Ours again", min_width=0, elem_id="curves-back", size="md", visible=False
                )
            self.input_error = html_block("curves-unread")

    def _connect(self) -> None:
        settings = [
            self.pool, self.model, self.chips, self.selector, self.family, self.level, self.split,
            self.cost_column, self.scale, self.bands,
        ]  # fmt: skip
        picture = [self.head, self.figure, self.foot, self.banner, self.chips]
        event_options: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        drawing: dict[str, Any] = event_options | {
            "trigger_mode": "always_last",
            "concurrency_limit": 2,
        }
        changes = [
            control.input
            for control in (
                self.model, self.chips, self.selector, self.family, self.level, self.split, self.cost_column,
                self.scale, self.bands,
            )
        ]  # fmt: skip
        inputs = [*settings, self.narrow]
        gr.on(
            [self.page_loaded.input, *changes],
            self.draw,
            inputs,
            picture,
            js=APPEND_IS_NARROW_SCRIPT,
            **drawing,
        )
        places = [
            *picture,
            self.input_error,
            self.upload,
            self.back_button,
            self.pool,
            self.card,
            *self.shipped,
        ]
        self.upload.upload(
            self.read, [self.upload], [self.input_error, self.pool, self.upload], **event_options
        ).then(self.switch_source, inputs, places, js=APPEND_IS_NARROW_SCRIPT, **event_options)
        self.back_button.click(lambda: None, None, self.pool, **event_options).then(
            self.switch_source, inputs, places, js=APPEND_IS_NARROW_SCRIPT, **event_options
        )
        self.save.click(
            self.csv_table, settings, [self.comma_separated, self.banner], **event_options
        ).then(
            None,
            self.comma_separated,
            None,
            js=save_text_script(f"{DOWNLOAD_NAME}.csv"),
            **event_options,
        )
        self.png_button.click(
            None,
            None,
            None,
            js=save_png_script("curves-figure", "curves-head", DOWNLOAD_NAME),
            **event_options,
        )

    # --- what it does -----------------------------------------------------------------------------

    def draw(
        self,
        pool: UploadedPool | None,
        model: str,
        pressed: str,
        selector: str,
        family: str,
        level: int,
        split: str,
        cost_column: str,
        scale: str,
        bands: str,
        narrow: bool,
    ) -> ComponentUpdates:
        """The figure and what is said about it. What goes wrong is one sentence above it."""
        try:
            if pool is not None:
                found, cost_column, head, foot = pool.curve_points, "budget", *_pool_captions(pool)
                missing: Any = gr.skip()
            elif not self._variants:
                return {self.head: gr.skip()}
            else:
                selection = self._parse_selection(model, pressed, selector, family, level, split)
                found, model_results = (
                    self._cached_points(selection),
                    self._results_store.model_results(model),
                )
                head, foot = (
                    _chart_header(selection, model_results, found),
                    _chart_footer(selection, model_results),
                )
                missing = chips_update(
                    pressed,
                    [arm.key for arm in selection.arms],
                    self._unavailable_variants(model_results),
                )
            figure = plotly_figures.accuracy_curves(
                _with_cost_axis(found, cost_column),
                cost_column,
                scale == "log",
                bands == "on",
                narrow,
            )
            return {
                self.figure: plotly_figures.to_plot_data(figure),
                self.head: head,
                self.foot: foot,
                self.chips: missing,
                self.banner: "",
            }
        except BadInput as error:
            return {self.banner: banner(str(error))}
        except Exception:
            log.exception("curves could not be drawn")
            return {self.banner: banner(INTERNAL_ERROR_MESSAGE)}

    def read(self, path: str) -> Iterator[ComponentUpdates]:
        """Estimate the curves of an uploaded pool; ``switch_source`` then shows them. A bad file
        changes nothing."""
        again = gr.update(value=None)  # so that the same file may be chosen again
        yield {self.input_error: status_line("loading", "Estimating …")}
        try:
            yield {
                self.pool: _read_uploaded_pool(Path(path)),
                self.input_error: "",
                self.upload: again,
            }
        except BadInput as error:
            yield {self.input_error: banner(str(error)), self.upload: again}
        except Exception:
            log.exception("a pool could not be read")
            yield {
                self.input_error: banner(INTERNAL_ERROR_MESSAGE),
                self.upload: again,
            }

    def switch_source(self, pool: UploadedPool | None, *selection: Any) -> ComponentUpdates:
        """Show the uploaded pool, or the shipped results again."""
        ours = pool is None
        return (
            {self.back_button: gr.update(visible=not ours and bool(self._variants))}
            | {self.card: gr.update(visible=not ours or bool(self._variants))}
            | {part: gr.update(visible=ours and bool(self._variants)) for part in self.shipped}
            | self.draw(pool, *selection)
        )

    def csv_table(
        self,
        pool: UploadedPool | None,
        model: str,
        pressed: str,
        selector: str,
        family: str,
        level: int,
        split: str,
        *axes: str,
    ) -> tuple[str, str]:
        """The points on screen as comma-separated values."""
        try:
            if pool is not None:
                table = pool.curve_points[["arm", "budget", "accuracy", "low", "high", "questions"]]
            else:
                selection = self._parse_selection(model, pressed, selector, family, level, split)
                table = self._cached_points(selection).drop(columns="tone").assign(model=model)
            return table.to_csv(index=False, float_format="%.6g", lineterminator="\n"), ""
        except BadInput as error:
            return "", banner(str(error))

    # --- the computations -------------------------------------------------------------------------

    def _parse_selection(
        self, model: object, pressed: str, selector: str, family: str, level: int, split: str
    ) -> CurvesSelection:
        """Raises BadInput."""
        if model not in self._results_store.models:
            raise BadInput("There are no results of this model: choose another.")
        missing = self._unavailable_variants(self._results_store.model_results(str(model)))
        wanted = pressed_keys(pressed)
        arms = tuple(
            arm for key, arm in self._variants.items() if key in wanted and key not in missing
        )
        if not 1 <= len(arms) <= MAX_CURVES:
            raise BadInput(f"Choose from 1 to {MAX_CURVES} strategies to draw.")
        return CurvesSelection(str(model), arms, selector, family, level, split)

    def _unavailable_variants(self, model_results: ModelResults) -> dict[str, str]:
        """The arms that were not run with this model, and a sentence that says so."""
        there = {(strategy, settings) for strategy, settings, _ in model_results.table.arms}
        return {
            key: "Not in the sweep of this model."
            for key, arm in self._variants.items()
            if arm.evidence_key("weighted")[:2] not in there
        }

    def _estimate_points(self, selection: CurvesSelection) -> pd.DataFrame:
        """The points of a view, with the names of arms, colour styles and panels. Raises
        BadInput."""
        model_results = self._results_store.model_results(selection.model)
        within = np.ones(len(model_results.table.questions), bool)
        for column, wanted in (("family", selection.family), ("level", selection.level)):
            if wanted:
                within &= (model_results.problems[column] == wanted).to_numpy()
        how: dict[str, Any] = {}
        if selection.split == "absolute" and model_results.bins is not None:
            how["bins"] = model_results.bins
        elif selection.split in model_results.easiness:
            how["easiness"] = model_results.easiness[selection.split]
            within &= np.isfinite(how["easiness"])
        elif selection.split != "all":
            raise BadInput(
                "These results have no probe to read this difficulty from: choose another split."
            )
        if not within.any():
            raise BadInput("No question of the sweep is of this kind and level: choose others.")
        counted = {arm.evidence_key(selection.selector): arm for arm in selection.arms}
        found = curve_points(model_results.table, list(counted), within, **how)
        keys = found[["strategy", "settings", "selector"]].itertuples(index=False, name=None)
        arms = [counted[key] for key in keys]
        names = ABSOLUTE_BIN_LABELS if selection.split == "absolute" else QUINTILE_LABELS
        return found.assign(
            arm=[arm.name for arm in arms],
            tone=[arm.strategy for arm in arms],
            panel=[names.get(number, "") for number in found["bin"]],
        )


def _with_cost_axis(found: pd.DataFrame, cost_column: str) -> pd.DataFrame:
    return found.assign(x=found[cost_column].astype(float))


def _read_uploaded_pool(path: Path) -> UploadedPool:
    """Somebody's pool, estimated. Raises BadInput."""
    pool = read_pool(path)
    sizes = pool.groupby("question").size()
    found = pool_curves(pool, default_ks(pool), available_selectors(pool))
    order = [COVERAGE, *reversed(list(SELECTORS))]
    found = found.sort_values("selector", key=lambda names: names.map(order.index), kind="stable")
    named = found.rename(columns={"k": "budget"}).assign(
        arm=found["selector"].str.capitalize(), tone=found["selector"], panel=""
    )
    return UploadedPool(path.name[:MAX_FILE_NAME_CHARACTERS], named, len(sizes), int(sizes.max()))


# --- captions and tables --------------------------------------------------------------------------


def _no_results_message() -> str:
    return (
        f"No results are shipped with this copy. This makes them: {SWEEP_COMMAND}. A pool of "
        "yours can be drawn."
    )


def _title_html(title: str, facts: list[str], rows: int) -> str:
    caption = escape_html(" · ".join(facts))
    return f'<div class="top-line" data-rows="{rows}"><h2>{title}</h2><p>{caption}</p></div>'


def _chart_header(
    selection: CurvesSelection, model_results: ModelResults, found: pd.DataFrame
) -> str:
    kind = FAMILIES[selection.family].title if selection.family in FAMILIES else ""
    level = f"level {selection.level}" if selection.level else ""
    asked = int(found.groupby("panel")["questions"].max().sum())
    facts = [
        selection.model,
        kind,
        level,
        count_noun(asked, "question"),
        f"answer by {SELECTOR_PHRASES[selection.selector]}",
    ]
    return _title_html(
        "Accuracy against compute", [fact for fact in facts if fact], _panel_row_count(found)
    )


def _panel_row_count(found: pd.DataFrame) -> int:
    """Rows of panels on a narrow screen."""
    return -(-found["panel"].nunique() // 2)


def _chart_footer(selection: CurvesSelection, model_results: ModelResults) -> str:
    about, pool = model_results.results.about, model_results.results.pool
    samples = 0 if pool is None else int(pool.groupby("question").size().max())
    facts = [
        f"Model {about['model']} ({format_amount(about['parameters'])} weights)"
        + (f", verifier {about['verifier']}" if about.get("verifier") else ""),
        count_noun(len(model_results.results.problems), "problem"),
        f"{count_noun(samples, 'sample')} each" if samples else "",
        f"seed {about['seed']}",
        f"commit {str(about['commit'])[:7]}" if about.get("commit") else "",
        str(about["date"])[:10],
    ]
    source = escape_html(" · ".join(fact for fact in facts if fact))
    return _caption_html(
        SPLIT_HELP[selection.split], f"{source}<code>{escape_html(str(about['command']))}</code>"
    )


def _pool_captions(pool: UploadedPool) -> tuple[str, str]:
    facts = [
        pool.name,
        count_noun(pool.questions, "question"),
        f"up to {pool.samples} samples each",
    ]
    source = (
        f"From {escape_html(pool.name)}: coverage and best exactly, majority and weighted by "
        "subsets."
    )
    return _title_html("What choosing is worth", facts, 1), _caption_html(
        SPLIT_HELP[UPLOADED_POOL], source
    )


def _caption_html(reading: str, source: str) -> str:
    return f'<p class="reading">{escape_html(reading)}</p><p class="source">{source}</p>'
