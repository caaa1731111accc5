"""Curves: accuracy against compute, from the shipped sweeps or from anybody's pool."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, cast

import gradio as gr

from ttc_explorer.asset_files import REAL_MODELS_FILE, THOUGHT_TABLES_FILE
from ttc_explorer.experiments.pool import UnknownColumns
from ttc_explorer.experiments.real_models import load_real_models
from ttc_explorer.experiments.width_depth import load_tables
from ttc_explorer.problems.families import FAMILIES
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import Settings
from ttc_explorer.ui.address.address_state import AddressKey, AddressState
from ttc_explorer.ui.address.page_address import PageAddress
from ttc_explorer.ui.components import plotly_figures
from ttc_explorer.ui.components.accuracy_curves import COST_AXES, accuracy_curves
from ttc_explorer.ui.components.basic_inputs import control_heading, html_block, segmented_control
from ttc_explorer.ui.components.column_mapping import ColumnMapping, chosen_columns
from ttc_explorer.ui.components.component_scripts import component_script
from ttc_explorer.ui.components.curve_selection import (
    DIFFICULTY_SPLITS,
    MAX_CURVES,
    CurvesSelection,
    estimate_points,
    parse_selection,
    unavailable_variants,
)
from ttc_explorer.ui.components.curves_captions import (
    COVERAGE_NOTE,
    chart_heading,
    footer,
    pool_footer,
    pool_heading,
    pool_status,
)
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates, guarded
from ttc_explorer.ui.components.kind_and_level import kind_and_level
from ttc_explorer.ui.components.messages import banner, status_line
from ttc_explorer.ui.components.page_signals import narrow_screen, on_load, on_width_change
from ttc_explorer.ui.components.pool_estimation import UploadedPool, estimate_pool
from ttc_explorer.ui.components.real_models_table import (
    real_model_pool,
    real_models_table,
    sampled_models,
)
from ttc_explorer.ui.components.result_card import ResultCard, file_download
from ttc_explorer.ui.components.results_keys import compute_key, sweep_key
from ttc_explorer.ui.components.results_source import results_source
from ttc_explorer.ui.components.strategy_chips import (
    chips_update,
    chips_value,
    strategy_chips,
)
from ttc_explorer.ui.components.width_depth_panel import WidthDepthPanel
from ttc_explorer.ui.html_templates import render_macro
from ttc_explorer.ui.page import AppContext, Page, PageIntro, page
from ttc_explorer.ui.results_store import SWEEP_COMMAND, ResultsStore, shipped_results
from ttc_explorer.ui.strategy_variants import COVERAGE, variants_by_key

NO_RESULTS_MESSAGE = (
    f"No results are shipped with this copy. This makes them: {SWEEP_COMMAND}. A pool of yours can "
    "be drawn."
)
DEFAULT_CURVES = ("best_of_n", "beam", "rebase", "revise")
"""Strategies of what is drawn at first, each with its first settings."""
LEVELS = range(1, 6)
"""Of problems."""
SCALES = ("log", "linear")
INTERVALS = {"on": "bands", "off": "lines"}
DOWNLOAD_NAME = "ttc-curves"
"""Name of a saved table or picture."""
POOL_FORMAT = (
    "A row a sampled solution (JSON lines, JSON, CSV, Parquet): question, answer, and correct or "
    "reference; score if a verifier gave one. Or a file of search-and-learn, crucible, "
    "tree-of-thought, AutoTTS, Interlace, Qwen2.5-Math, its_hub, OptiLLM, inspect_ai or lm-eval."
)
SAMPLE_POOL = "question,answer,correct,score\n" + "".join(
    f"{question},{answer},{answer == right},{score}\n"
    for question, right, solutions in (
        ("What is 2 + 3?", 5, ((5, 0.9), (5, 0.6), (6, 0.3), (5, 0.8))),
        ("What is 7 * 8?", 56, ((54, 0.7), (56, 0.8), (54, 0.2), (48, 0.1))),
        ("What is 9 - 12?", -3, ((3, 0.4), (3, 0.5), (-3, 0.6), (21, 0.1))),
    )
    for answer, score in solutions
)
"""A small pool, for those who want to see what one looks like."""


@page(
    "curves",
    title="Curves",
    order=30,
    intro=PageIntro(
        "What more compute buys, over hundreds of questions.",
        see="Accuracy of each strategy against what it spent, with intervals, on questions "
        "that the models never saw.",
        act="Choose strategies, difficulty, and how compute is counted. Open a pool of your "
        "own model’s samples.",
        why="Which strategy is better depends on the budget, the difficulty, and on what is "
        "counted as compute.",
    ),
)
def build(app: AppContext) -> CurvesPage:
    """Put the page where we are."""
    return CurvesPage(shipped_results())


class CurvesPage(Page):
    """The page. Make it inside ``gr.Blocks``.

    Args:
        results_store: the results to draw; without any the page draws uploaded pools only.
    """

    def __init__(self, results_store: ResultsStore) -> None:
        self._results_store = results_store
        self._variants = variants_by_key(results_store.arms())
        self._cached_points = lru_cache(128)(partial(estimate_points, results_store))
        self.pool = gr.State(None)
        first = {
            next((a.key for a in self._variants.values() if a.strategy == name), None)
            for name in DEFAULT_CURVES
        }
        self._default_keys = [key for key in self._variants if key in first]
        with gr.Row(equal_height=False, elem_id="curves"):
            with gr.Column(elem_id="curves-controls", min_width=0):
                self._build_data_controls()
                self._build_axis_controls()
                self._build_pool_upload()
            with gr.Column(elem_id="curves-results", min_width=0):
                self.banner = html_block(
                    "curves-banner",
                    "" if self._variants else banner(NO_RESULTS_MESSAGE, "note"),
                )
                with gr.Column(
                    elem_id="curves-card", min_width=0, visible=bool(self._variants)
                ) as self.card:
                    card = self.result_card = ResultCard("curves", DOWNLOAD_NAME)
                    with gr.Row(elem_id="curves-top"):
                        self.head = card.heading()
                        card.download_buttons("curves", server_table=True)
                    self.figure = card.plot()
                    self.foot = html_block(
                        "curves-foot", status_line("loading", "Reading the results …")
                    )
                if self._real_models:
                    html_block("curves-real-models", real_models_table(self._real_models))
                self.width_depth = WidthDepthPanel(load_tables(THOUGHT_TABLES_FILE))
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
                control_heading("Answer by", "selector")
                offered = self._results_store.selectors()
                selectors = [(SELECTORS[name].title, name) for name in offered]
                self.selector = segmented_control(
                    "Answer chosen by", "curves-selector", selectors, Settings().selector
                )
                control_heading("Problems", "held out")
                with gr.Row(elem_id="curves-problems"):
                    levels = [("All levels", 0), *((f"Level {n}", n) for n in LEVELS)]
                    self.family, self.level = kind_and_level(
                        "problem", ("All kinds", ""), levels, 0, "curves-"
                    )
                control_heading("Split by difficulty", "difficulty")
                splits = [(title, name) for name, title in DIFFICULTY_SPLITS.items()]
                self.split = segmented_control("Split by difficulty", "curves-split", splits, "all")
        self.shipped = [source, arms]

    def _build_axis_controls(self) -> None:
        with gr.Column(elem_id="curves-how", min_width=0):
            with gr.Column(min_width=0, visible=bool(self._variants)) as costs:
                control_heading("Compute, counted in", "compute")
                axes = [(axis.short, axis.column) for axis in COST_AXES.values()]
                self.cost_column = segmented_control(
                    "Compute, counted in", "curves-across", axes, "flops"
                )
            with gr.Row(elem_id="curves-axes", elem_classes="setting"):
                scales = [(name, name) for name in SCALES]
                self.scale = segmented_control("Axis of compute", "curves-scale", scales, "log")
                bands = [(title, name) for name, title in INTERVALS.items()]
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
            html_block("curves-format", render_macro("hint", POOL_FORMAT))
            self.sample_button = gr.Button(
                "Sample file", min_width=0, elem_id="curves-sample", size="md"
            )
            self.sample_file = file_download("sample-pool.csv", "text/csv")
            self.input_error = html_block("curves-unread")
            self.uploaded_path = gr.State("")
            self._real_models = load_real_models(REAL_MODELS_FILE)
            sampled = sampled_models(self._real_models)
            self.real_model = gr.Dropdown(
                [(f"{model.model}: {model.dataset}", n) for n, model in enumerate(sampled)],
                label="Or a real language model",
                value=None,
                visible=bool(sampled),
                min_width=0,
                filterable=False,
                elem_id="curves-real",
            )
            self.mapping = ColumnMapping("curves-columns")

    def _connect(self) -> None:
        controls: list[Any] = [
            self.model, self.chips, self.selector, self.family, self.level, self.split,
            self.cost_column, self.scale, self.bands,
        ]  # fmt: skip
        narrow = narrow_screen()
        inputs = [self.pool, *controls, narrow]
        picture = [self.head, self.figure, self.foot, self.banner, self.chips]
        source = [self.back_button, self.card, *self.shipped]
        hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        gr.on(
            [on_load(), on_width_change(), *(control.input for control in controls)],
            self.draw,
            inputs,
            picture,
            trigger_mode="always_last",
            concurrency_limit=2,
            **hidden,
        )
        estimating = [
            self.input_error, self.pool, self.upload, self.uploaded_path, *self.mapping.components,
            *picture, *source,
        ]  # fmt: skip
        self.upload.upload(
            self.read, [self.upload, *controls, narrow], estimating, concurrency_limit=2, **hidden
        )
        self.mapping.button.click(
            self.read_mapped,
            [self.uploaded_path, *self.mapping.lists.values(), *controls, narrow],
            estimating,
            concurrency_limit=2,
            **hidden,
        )
        self.sample_button.click(
            lambda: gr.update(text=SAMPLE_POOL), None, self.sample_file, **hidden
        )
        self.real_model.input(
            self.show_real_model,
            [self.real_model, *controls, narrow],
            [self.pool, *picture, *source],
            **hidden,
        )
        self.back_button.click(
            self.show_ours, [*controls, narrow], [self.pool, *picture, *source], **hidden
        )
        self.result_card.connect_table(self.csv_table, inputs, self.banner)

    @property
    def address(self) -> PageAddress:
        """The controls of the shipped results as the address has them."""
        if not self._variants:
            return PageAddress()
        fields = {
            "sweep": self.model, "curves": self.chips, "selector": self.selector,
            "kind": self.family, "level": self.level, "split": self.split,
            "compute": self.cost_column, "scale": self.scale, "intervals": self.bands,
        }  # fmt: skip
        names = {key: variant.name_in_links for key, variant in self._variants.items()}
        drawn = tuple(names[key] for key in self._default_keys)
        keys = (
            sweep_key(self._results_store.models),
            AddressKey("curves", "names", drawn, tuple(names.values())),
            AddressKey("kind", "choice", "", ("", *FAMILIES)),
            AddressKey("level", "whole", 0, low=0, high=LEVELS[-1]),
            AddressKey("split", "choice", "all", tuple(DIFFICULTY_SPLITS)),
            compute_key(),
            AddressKey("scale", "choice", SCALES[0], SCALES),
            AddressKey("intervals", "choice", "on", tuple(INTERVALS)),
        )
        return PageAddress(
            fields,
            keys,
            apply=lambda state: self.apply_state(state, keys),
            outputs=tuple(fields.values()),
            to_state=component_script("curves_state.js").replace("NAMES", json.dumps(names)),
        )

    def apply_state(self, state: AddressState, keys: Sequence[AddressKey]) -> ComponentUpdates:
        """Set the controls to what an address says."""
        values = {key.name: key.default for key in keys} | state
        wanted = cast(tuple[str, ...], values["curves"])
        curves = [key for key, arm in self._variants.items() if arm.name_in_links in wanted]
        selector = state.get("selector")
        offered = selector in self._results_store.selectors()
        return {
            self.model: values["sweep"],
            self.chips: chips_value(curves, {}),
            self.selector: selector if offered else Settings().selector,
            self.family: values["kind"],
            self.level: values["level"],
            self.split: values["split"],
            self.cost_column: values["compute"],
            self.scale: values["scale"],
            self.bands: values["intervals"],
        }

    # --- what it does -----------------------------------------------------------------------------

    @guarded()
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
        if pool is not None:
            points, cost_column = pool.curve_points, "budget"
            said = {self.head: pool_heading(pool), self.foot: pool_footer(pool)}
        elif not self._variants:
            return {self.head: gr.skip()}
        else:
            selection = parse_selection(
                self._results_store, self._variants, model, pressed, selector, family, level, split
            )
            points = self._cached_points(selection)
            model_results = self._results_store.model_results(model)
            drawn = [arm.key for arm in selection.arms]
            missing = unavailable_variants(self._variants, model_results, selector)
            said = {
                self.head: chart_heading(selection, points),
                self.foot: footer(
                    selection.split, results_source(model_results), self._note(selection)
                ),
                self.chips: chips_update(pressed, drawn, missing),
            }
        costed = points.assign(x=points[cost_column].astype(float))
        figure = accuracy_curves(costed, cost_column, scale == "log", bands == "on", narrow)
        return said | {self.figure: plotly_figures.to_plot_data(figure), self.banner: ""}

    @guarded("input_error")
    def read(self, path: str, *selection: Any) -> Iterator[ComponentUpdates]:
        """Draw an uploaded pool, curve by curve. The chart of a pool before it goes at once, so
        that a file which cannot be read leaves none; one whose columns are not known asks for
        them."""
        yield {
            self.upload: gr.update(value=None),  # so that the same file may be chosen again
            self.uploaded_path: path,
        }
        yield from self._estimate(path, {}, selection)

    @guarded("input_error")
    def read_mapped(
        self,
        path: str,
        question: str,
        answer: str,
        correct: str,
        reference: str,
        score: str,
        *selection: Any,
    ) -> Iterator[ComponentUpdates]:
        """Draw the uploaded pool with its columns as they were named."""
        columns = chosen_columns((question, answer, correct, reference, score))
        yield from self._estimate(path, columns, selection)

    def _estimate(
        self, path: str, columns: Mapping[str, str], selection: Sequence[Any]
    ) -> Iterator[ComponentUpdates]:
        yield (
            {self.input_error: status_line("loading", "Reading the file …"), self.pool: None}
            | self.mapping.hide()
            | self.switch_source(None, *selection)
        )
        share = 0.0
        try:
            for found in estimate_pool(Path(path), columns):
                if isinstance(found, str):
                    yield {self.input_error: status_line("loading", f"{found} …", share)}
                    continue
                share = found.share
                shown = {self.pool: found, self.input_error: pool_status(found)}
                yield shown | self.switch_source(found, *selection)
        except UnknownColumns as error:
            yield {self.input_error: banner(str(error))} | self.mapping.ask(error.found)

    @guarded()
    def show_real_model(self, number: int, *selection: Any) -> ComponentUpdates:
        """Draw the curves of a real language model."""
        pool = real_model_pool(sampled_models(self._real_models)[number])
        return {self.pool: pool} | self.switch_source(pool, *selection)

    def show_ours(self, *selection: Any) -> ComponentUpdates:
        """Show the shipped results again."""
        return {self.pool: None} | self.switch_source(None, *selection)

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
        *axes: object,
    ) -> str:
        """The points on screen as comma-separated values.

        Raises:
            BadInput: what is chosen cannot be drawn.
        """
        if pool is not None:
            table = pool.curve_points.drop(columns=["selector", "tone", "panel"])
        else:
            selection = parse_selection(
                self._results_store, self._variants, model, pressed, selector, family, level, split
            )
            table = self._cached_points(selection).drop(columns="tone")
        return str(table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))

    # --- the computations -------------------------------------------------------------------------

    def _note(self, selection: CurvesSelection) -> str:
        """What coverage is, where it is drawn, and which selectors the tables have nothing for;
        empty if neither."""
        notes = [COVERAGE_NOTE] if any(a.strategy == COVERAGE for a in selection.arms) else []
        offered = self._results_store.selectors()
        titles = [entry.title for name, entry in SELECTORS.items() if name not in offered]
        if titles:
            needing = " or ".join(titles)
            notes.append(f"No table here has what {needing} needs: a new sweep writes it.")
        return " ".join(notes)
