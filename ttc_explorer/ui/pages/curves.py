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

from ttc_explorer.experiments.curves import curves, possible, powers_of_two
from ttc_explorer.experiments.points import points
from ttc_explorer.experiments.pool import read_pool
from ttc_explorer.problems.families import FAMILIES
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import SELECTORS, Settings
from ttc_explorer.ui import figures, panels
from ttc_explorer.ui.arms import COVERAGE, Arm, arms_of
from ttc_explorer.ui.chips import answered, chips, pressed_in, value_of
from ttc_explorer.ui.downloads import WIDTH, png, text
from ttc_explorer.ui.engine import Engine
from ttc_explorer.ui.library import COMMAND, Book, Library, shipped
from ttc_explorer.ui.pages.explore import OUR_FAULT, Frame
from ttc_explorer.ui.parts import heading, html, strip
from ttc_explorer.ui.typeset import escaped

log = logging.getLogger(__name__)

MOST = 8
"""Arms in one figure."""
PRESSED = (COVERAGE, "greedy", "best_of_n", "beam", "lookahead", "revise")
"""Strategies of what is drawn at first, each with its first settings."""
POOL = "your pool"
FILE = "ttc-curves"
"""Name of a saved table or picture."""
MOST_CHARACTERS = 60
"""Of the name of an uploaded file."""

SPLITS = {"all": "All", "oracle": "Oracle", "predicted": "Predicted", "absolute": "Absolute"}
FIFTHS = {1: "1 easiest", 2: "2", 3: "3", 4: "4", 5: "5 hardest"}
LIMITS = {1: "over 75 %", 2: "50 to 75 %", 3: "25 to 50 %", 4: "up to 25 %", 5: "0 %"}
RULES = {
    "majority": "majority vote",
    "best": "the highest score",
    "weighted": "votes weighted by score",
}
HELP = {
    "all": "A point is the share of questions answered right; its band holds 95 % of what other questions of "
    "this kind would have given. Higher is better, and further left is cheaper.",
    "oracle": "Each panel is a fifth of the questions, by how often a single sample is right: measured "
    "against the right answers, on samples that count nowhere else.",
    "predicted": "Each panel is a fifth of the questions, by the verifier's mean score on samples that count "
    "nowhere else: no right answer was looked at, so a new question can be placed as well.",
    "absolute": "Each panel holds the questions on which a single sample is right that often. Panels mean "
    "the same for every model, but differ in size.",
    POOL: "Coverage is the most that any way of choosing could reach. What lies between it and a rule is "
    "what a better verifier would win.",
}


def build(engine: Engine, opening: Run | None, choice: gr.State) -> None:
    """Put the page where we are."""
    Curves(shipped())


@dataclass(frozen=True)
class View:
    """What is looked at: arms and their selector, on which questions, split how. ``family`` and ``level`` are
    empty for all."""

    model: str
    arms: tuple[Arm, ...]
    selector: str
    family: str
    level: int
    split: str


@dataclass(frozen=True)
class Pool:
    """Somebody's pool, estimated: points as ``figures.curves`` takes them."""

    name: str
    points: pd.DataFrame
    questions: int
    samples: int


class Curves:
    """The page. Make it inside ``gr.Blocks``; without results in the library it draws uploaded pools only."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._offered = arms_of(library.arms())
        self._points = lru_cache(128)(self._estimated)
        self.pool = gr.State(None)
        first = [next((a for a in self._offered.values() if a.strategy == name), None) for name in PRESSED]
        self._first = [arm.key for arm in first if arm]
        with gr.Row(equal_height=False, elem_id="curves"):
            with gr.Column(elem_id="curves-controls", min_width=0):
                self._what()
                self._how()
                self._yours()
            with gr.Column(elem_id="curves-results", min_width=0):
                self.banner = html("curves-banner", "" if self._offered else panels.banner(_empty(), "note"))
                with gr.Column(elem_id="curves-card", min_width=0, visible=bool(self._offered)) as self.card:
                    with gr.Row(elem_id="curves-top"):
                        self.head = html("curves-head")
                        self.save = gr.Button("CSV", min_width=0, elem_id="curves-csv", size="md")
                        self.print = gr.Button("PNG", min_width=0, elem_id="curves-png", size="md")
                    self.figure = gr.Plot(show_label=False, container=False, elem_id="curves-figure")
                    self.foot = html("curves-foot", panels.status("loading", "Reading the results …"))
        self.commas = gr.Textbox(visible="hidden", show_label=False, elem_id="curves-commas")
        self.narrow = gr.Checkbox(False, visible=False)
        self.opener = gr.HTML("", js_on_load="trigger('input')", apply_default_css=False)
        self._connect()

    # --- what is on the page ----------------------------------------------------------------------------

    def _what(self) -> None:
        models, shipped = self._library.models, bool(self._offered)
        with gr.Column(elem_id="curves-what", min_width=0):
            with gr.Column(min_width=0, visible=shipped) as source:
                heading("Model", "sweep")
                self.model = strip(
                    "Model", "curves-model", [(m, m) for m in models], models[0] if models else None
                )
            with gr.Column(min_width=0, visible=shipped, elem_id="curves-arms") as arms:
                heading(f"Strategies, {MOST} at most")
                self.chips = chips(
                    value_of(self._first, {}),
                    self._offered.values(),
                    "Strategies to draw",
                    MOST,
                    elem_id="curves-chips",
                )
                with gr.Row(elem_classes="setting"):
                    heading("Answer by", "selector")
                    selectors = [(name.capitalize(), name) for name in SELECTORS]
                    self.selector = strip(
                        "Answer chosen by", "curves-selector", selectors, Settings().selector
                    )
                heading("Problems", "held out")
                with gr.Row(elem_id="curves-problems"):
                    kinds = [("All kinds", ""), *((family.title, name) for name, family in FAMILIES.items())]
                    levels = [("All levels", 0), *((f"Level {level}", level) for level in range(1, 6))]
                    small: dict[str, Any] = {
                        "show_label": False, "container": False, "min_width": 0, "filterable": False
                    }  # fmt: skip
                    self.family = gr.Dropdown(
                        kinds, value="", label="Kind of problem", elem_id="curves-family", **small
                    )
                    self.level = gr.Dropdown(levels, value=0, label="Level", elem_id="curves-level", **small)
                heading("Split by difficulty", "difficulty")
                splits = [(title, name) for name, title in SPLITS.items()]
                self.split = strip("Split by difficulty", "curves-split", splits, "all")
        self.shipped = [source, arms]

    def _how(self) -> None:
        with gr.Column(elem_id="curves-how", min_width=0):
            with gr.Column(min_width=0, visible=bool(self._offered)) as costs:
                heading("Compute, counted in", "compute")
                axes = [(axis.short, axis.column) for axis in figures.AXES.values()]
                self.across = strip("Compute, counted in", "curves-across", axes, "budget")
            with gr.Row(elem_id="curves-axes", elem_classes="setting"):
                scales = [("log", "log"), ("linear", "linear")]
                self.scale = strip("Axis of compute", "curves-scale", scales, "log")
                bands = [("bands", "on"), ("lines", "off")]
                self.bands = strip("Intervals as bands", "curves-bands", bands, "on")
        self.shipped.append(costs)

    def _yours(self) -> None:
        with gr.Column(elem_id="curves-yours", min_width=0):
            with gr.Row(elem_classes="setting"):
                heading("A pool of yours", "pool")
                self.upload = gr.UploadButton(
                    "Open file", type="filepath", min_width=0, elem_id="curves-upload", size="md"
                )
                self.back = gr.Button(
                    "Ours again", min_width=0, elem_id="curves-back", size="md", visible=False
                )
            self.unread = html("curves-unread")

    def _connect(self) -> None:
        settings = [
            self.pool, self.model, self.chips, self.selector, self.family, self.level, self.split,
            self.across, self.scale, self.bands,
        ]  # fmt: skip
        picture = [self.head, self.figure, self.foot, self.banner, self.chips]
        heard: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        drawing: dict[str, Any] = heard | {"trigger_mode": "always_last", "concurrency_limit": 2}
        changes = [
            control.input
            for control in (
                self.model, self.chips, self.selector, self.family, self.level, self.split, self.across,
                self.scale, self.bands,
            )
        ]  # fmt: skip
        inputs = [*settings, self.narrow]
        gr.on([self.opener.input, *changes], self.draw, inputs, picture, js=WIDTH, **drawing)
        places = [*picture, self.unread, self.upload, self.back, self.pool, self.card, *self.shipped]
        self.upload.upload(self.read, [self.upload], [self.unread, self.pool, self.upload], **heard).then(
            self.swap, inputs, places, js=WIDTH, **heard
        )
        self.back.click(lambda: None, None, self.pool, **heard).then(
            self.swap, inputs, places, js=WIDTH, **heard
        )
        self.save.click(self.sheet, settings, [self.commas, self.banner], **heard).then(
            None, self.commas, None, js=text(f"{FILE}.csv"), **heard
        )
        self.print.click(None, None, None, js=png("curves-figure", "curves-head", FILE), **heard)

    # --- what it does -----------------------------------------------------------------------------------

    def draw(
        self,
        pool: Pool | None,
        model: str,
        pressed: str,
        selector: str,
        family: str,
        level: int,
        split: str,
        across: str,
        scale: str,
        bands: str,
        narrow: bool,
    ) -> Frame:
        """The figure and what is said about it. What goes wrong is one sentence above it."""
        try:
            if pool is not None:
                found, across, head, foot = pool.points, "budget", *_of_pool(pool)
                missing: Any = gr.skip()
            elif not self._offered:
                return {self.head: gr.skip()}
            else:
                view = self._view(model, pressed, selector, family, level, split)
                found, book = self._points(view), self._library.book(model)
                head, foot = _head(view, book, found), _foot(view, book)
                missing = answered(pressed, [arm.key for arm in view.arms], self._missing(book))
            figure = figures.curves(_placed(found, across), across, scale == "log", bands == "on", narrow)
            return {
                self.figure: figures.drawn(figure),
                self.head: head,
                self.foot: foot,
                self.chips: missing,
                self.banner: "",
            }
        except BadInput as error:
            return {self.banner: panels.banner(str(error))}
        except Exception:
            log.exception("curves could not be drawn")
            return {self.banner: panels.banner(OUR_FAULT)}

    def read(self, path: str) -> Iterator[Frame]:
        """Estimate the curves of an uploaded pool; ``swap`` then shows them. A bad file changes nothing."""
        again = gr.update(value=None)  # so that the same file may be chosen again
        yield {self.unread: panels.status("loading", "Estimating …")}
        try:
            yield {self.pool: _pool(Path(path)), self.unread: "", self.upload: again}
        except BadInput as error:
            yield {self.unread: panels.banner(str(error)), self.upload: again}
        except Exception:
            log.exception("a pool could not be read")
            yield {self.unread: panels.banner(OUR_FAULT), self.upload: again}

    def swap(self, pool: Pool | None, *view: Any) -> Frame:
        """Show the uploaded pool, or the shipped results again."""
        ours = pool is None
        return (
            {self.back: gr.update(visible=not ours and bool(self._offered))}
            | {self.card: gr.update(visible=not ours or bool(self._offered))}
            | {part: gr.update(visible=ours and bool(self._offered)) for part in self.shipped}
            | self.draw(pool, *view)
        )

    def sheet(
        self,
        pool: Pool | None,
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
                table = pool.points[["arm", "budget", "accuracy", "low", "high", "questions"]]
            else:
                view = self._view(model, pressed, selector, family, level, split)
                table = self._points(view).drop(columns="tone").assign(model=model)
            return table.to_csv(index=False, float_format="%.6g", lineterminator="\n"), ""
        except BadInput as error:
            return "", panels.banner(str(error))

    # --- what is behind it ------------------------------------------------------------------------------

    def _view(self, model: object, pressed: str, selector: str, family: str, level: int, split: str) -> View:
        """Raises BadInput."""
        if model not in self._library.models:
            raise BadInput("There are no results of this model: choose another.")
        missing = self._missing(self._library.book(str(model)))
        wanted = pressed_in(pressed)
        arms = tuple(arm for key, arm in self._offered.items() if key in wanted and key not in missing)
        if not 1 <= len(arms) <= MOST:
            raise BadInput(f"Choose from 1 to {MOST} strategies to draw.")
        return View(str(model), arms, selector, family, level, split)

    def _missing(self, book: Book) -> dict[str, str]:
        """The arms that were not run with this model, and a sentence that says so."""
        there = {(strategy, settings) for strategy, settings, _ in book.table.arms}
        return {
            key: "Not in the sweep of this model."
            for key, arm in self._offered.items()
            if arm.counted_by("weighted")[:2] not in there
        }

    def _estimated(self, view: View) -> pd.DataFrame:
        """The points of a view, with the names of arms, tones and panels. Raises BadInput."""
        book = self._library.book(view.model)
        within = np.ones(len(book.table.questions), bool)
        for column, wanted in (("family", view.family), ("level", view.level)):
            if wanted:
                within &= (book.problems[column] == wanted).to_numpy()
        how: dict[str, Any] = {}
        if view.split == "absolute" and book.bins is not None:
            how["bins"] = book.bins
        elif view.split in book.ease:
            how["ease"] = book.ease[view.split]
            within &= np.isfinite(how["ease"])
        elif view.split != "all":
            raise BadInput("These results have no probe to read this difficulty from: choose another split.")
        if not within.any():
            raise BadInput("No question of the sweep is of this kind and level: choose others.")
        counted = {arm.counted_by(view.selector): arm for arm in view.arms}
        found = points(book.table, list(counted), within, **how)
        keys = found[["strategy", "settings", "selector"]].itertuples(index=False, name=None)
        arms = [counted[key] for key in keys]
        names = LIMITS if view.split == "absolute" else FIFTHS
        return found.assign(
            arm=[arm.name for arm in arms],
            tone=[arm.strategy for arm in arms],
            panel=[names.get(number, "") for number in found["bin"]],
        )


def _placed(found: pd.DataFrame, across: str) -> pd.DataFrame:
    return found.assign(x=found[across].astype(float))


def _pool(path: Path) -> Pool:
    """Somebody's pool, estimated. Raises BadInput."""
    pool = read_pool(path)
    sizes = pool.groupby("question").size()
    found = curves(pool, powers_of_two(pool), possible(pool))
    order = [COVERAGE, *SELECTORS[::-1]]
    found = found.sort_values("selector", key=lambda names: names.map(order.index), kind="stable")
    named = found.rename(columns={"k": "budget"}).assign(
        arm=found["selector"].str.capitalize(), tone=found["selector"], panel=""
    )
    return Pool(path.name[:MOST_CHARACTERS], named, len(sizes), int(sizes.max()))


# --- what is said ---------------------------------------------------------------------------------------


def _empty() -> str:
    return f"No results are shipped with this copy. This makes them: {COMMAND}. A pool of yours can be drawn."


def _title(title: str, facts: list[str], rows: int) -> str:
    said = escaped(" · ".join(facts))
    return f'<div class="top-line" data-rows="{rows}"><h2>{title}</h2><p>{said}</p></div>'


def _head(view: View, book: Book, found: pd.DataFrame) -> str:
    kind = FAMILIES[view.family].title if view.family in FAMILIES else ""
    level = f"level {view.level}" if view.level else ""
    asked = int(found.groupby("panel")["questions"].max().sum())
    facts = [view.model, kind, level, panels.counted(asked, "question"), f"answer by {RULES[view.selector]}"]
    return _title("Accuracy against compute", [fact for fact in facts if fact], _rows(found))


def _rows(found: pd.DataFrame) -> int:
    """Rows of panels on a narrow screen."""
    return -(-found["panel"].nunique() // 2)


def _foot(view: View, book: Book) -> str:
    about, pool = book.results.about, book.results.pool
    samples = 0 if pool is None else int(pool.groupby("question").size().max())
    facts = [
        f"Model {about['model']} ({panels.amount(about['parameters'])} weights)"
        + (f", verifier {about['verifier']}" if about.get("verifier") else ""),
        panels.counted(len(book.results.problems), "problem"),
        f"{panels.counted(samples, 'sample')} each" if samples else "",
        f"seed {about['seed']}",
        f"commit {str(about['commit'])[:7]}" if about.get("commit") else "",
        str(about["date"])[:10],
    ]
    source = escaped(" · ".join(fact for fact in facts if fact))
    return _said(HELP[view.split], f"{source}<code>{escaped(str(about['command']))}</code>")


def _of_pool(pool: Pool) -> tuple[str, str]:
    facts = [pool.name, panels.counted(pool.questions, "question"), f"up to {pool.samples} samples each"]
    source = f"From {escaped(pool.name)}: coverage and best exactly, majority and weighted by subsets."
    return _title("What choosing is worth", facts, 1), _said(HELP[POOL], source)


def _said(reading: str, source: str) -> str:
    return f'<p class="reading">{escaped(reading)}</p><p class="source">{source}</p>'
