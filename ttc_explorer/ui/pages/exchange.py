"""Exchange: a bigger model or more thinking, at equal FLOPs and in joules."""

from __future__ import annotations

import logging
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd

from ttc_explorer.experiments import choosing
from ttc_explorer.experiments.choosing import BASELINE, SELECTOR
from ttc_explorer.experiments.energy import DEVICES
from ttc_explorer.experiments.exchange import RATIOS, cheapest_match, exchange, front, pretraining_flops
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.run import Run
from ttc_explorer.ui import downloads, exchange_board, figures, panels
from ttc_explorer.ui.arms import Arm
from ttc_explorer.ui.engine import Engine
from ttc_explorer.ui.exchange_board import Terms, Work
from ttc_explorer.ui.library import FOLDER, SEED, Library, shipped
from ttc_explorer.ui.pages.explore import OUR_FAULT, Frame
from ttc_explorer.ui.parts import heading, html, number, strip

log = logging.getLogger(__name__)

MODELS = FOLDER.parent / "models"
PAPER = 14.0
"""M in the paper: parameters of its larger model over those of its smaller one."""
LARGEST = 100_000
"""Largest M that one can type."""
FIRST = math.log10(0.79)
"""Exponent of the R that the page opens with."""
SPENDING = {"policy": None, "best_of_n": (BASELINE.strategy, "{}", SELECTOR)}

SECOND = "python -m ttc_explorer sweep --model base-m --out assets/experiments/base-m"
MISSING = (
    "Who wins needs results of two models of different size on the same problems, and there {} so far: "
    f"{SECOND} makes those of a larger one."
)
UNTRAINED = "It is not known on how many tokens {} was trained, and a share of its training needs that."


def build(engine: Engine, opening: Run | None, choice: gr.State) -> None:
    """Put the page where we are."""
    ExchangePage(shipped())


class ExchangePage:
    """The page. Make it inside ``gr.Blocks``; the formula works without any results. ``models`` has a folder
    a model with the log of its training."""

    def __init__(self, library: Library, models: Path = MODELS) -> None:
        self._library, self._models = library, models
        self._pair = len(library.models) > 1
        self._compared = lru_cache(256)(self._exchanged)
        self._front = lru_cache(32)(self._fronted)
        self.paper = gr.State(RATIOS)
        with gr.Row(equal_height=False, elem_id="exchange"):
            with gr.Column(elem_id="exchange-controls", elem_classes="plate", min_width=0):
                self._controls()
            with gr.Column(elem_id="exchange-results", min_width=0):
                said = "are none" if not library.models else f"is only {library.models[0]}"
                note = "" if self._pair else panels.banner(MISSING.format(said), "note")
                self.banner = html("exchange-banner", note)
                with gr.Column(elem_id="exchange-formula-plate", elem_classes="plate", min_width=0):
                    self.formula = html("exchange-formula")
                with gr.Row(elem_id="exchange-upper", equal_height=True, visible=self._pair):
                    with gr.Column(elem_id="exchange-wins", elem_classes="plate", min_width=0):
                        self.wins_head = html("exchange-wins-head", _title("Who wins", ""))
                        self.wins = html("exchange-winners", panels.status("loading", "Comparing …"))
                        self.pattern = html("exchange-pattern")
                    with gr.Column(elem_id="exchange-front", elem_classes="plate", min_width=0):
                        with gr.Row(elem_classes="plate-top"):
                            html("exchange-front-head", _title("Model size × budget", ""))
                            whole = [("a question", "query"), ("with training", "total")]
                            self.total = strip("FLOPs counted", "exchange-total", whole, "query")
                        self.figure = gr.Plot(show_label=False, container=False, elem_id="exchange-figure")
                        downloads.buttons("exchange-figure", "exchange-front-head", "ttc-exchange")
                with gr.Column(
                    elem_id="exchange-energy-plate", elem_classes="plate", min_width=0, visible=self._pair
                ):
                    with gr.Row(elem_classes="plate-top"):
                        html(
                            "exchange-energy-head", _title("Energy", "training, and every question after it")
                        )
                        devices = [(device.title, name) for name, device in DEVICES.items()]
                        self.device = gr.Dropdown(
                            devices,
                            value="local",
                            label="Device",
                            show_label=False,
                            container=False,
                            min_width=0,
                            filterable=False,
                            elem_id="exchange-device",
                        )
                    self.energy = html("exchange-energy")
        self.narrow = gr.Checkbox(False, visible=False)
        self.opener = gr.HTML("", js_on_load="trigger('input')", apply_default_css=False)
        self._connect()

    # --- what is on the page ----------------------------------------------------------------------------

    def _controls(self) -> None:
        models = sorted(self._library.models, key=self._parameters) if self._pair else []
        choices = [(model, model) for model in models]
        first, last = (models[0], models[-1]) if models else (None, None)
        with gr.Column(min_width=0, visible=self._pair):
            heading("Small model, thinking", "small model")
            self.small = strip("Small model", "exchange-small", choices[:-1], first)
            heading("Larger model, one answer", "larger model")
            self.large = strip("Larger model", "exchange-large", choices[1:], last)
            heading("Thinking by", "thinking by")
            ways = [("Policy", "policy"), ("Best-of-N", "best_of_n")]
            self.spending = strip("Thinking by", "exchange-spending", ways, "policy")
        with gr.Column(min_width=0, visible=not self._pair):
            heading("M, times larger", "larger by")
            self.larger = number("M, times larger", "exchange-larger", PAPER)
        heading("Verifier", "verifier cost")
        costs = [("counted", "counted"), ("left out", "free")]
        self.verifier = strip("Cost of the verifier", "exchange-verifier", costs, "counted")
        self.shown = html("exchange-ratio-label", exchange_board.ratio_label(10**FIRST))
        self.ratio = gr.Slider(
            -2, 2, FIRST, step=0.001, label="R, as a power of ten", show_label=False, buttons=[],
            elem_id="exchange-ratio",
        )  # fmt: skip
        self.marks = gr.HTML(
            f'<div class="ratio-marks">{exchange_board.marks()}</div>',
            elem_id="exchange-marks",
            js_on_load=_MARK,
            apply_default_css=False,
        )
        with gr.Column(min_width=0, visible=self._pair):
            self.asked = html("exchange-queries-label", _queries(6))
            self.queries = gr.Slider(
                2, 12, 6, step=0.1, label="Questions, as a power of ten", show_label=False, buttons=[],
                elem_id="exchange-queries",
            )  # fmt: skip

    def _connect(self) -> None:
        at_once: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
        slow: dict[str, Any] = {
            "show_progress": "hidden", "api_visibility": "private", "trigger_mode": "always_last",
            "concurrency_limit": 1,
        }  # fmt: skip
        terms = [self.small, self.large, self.larger, self.verifier, self.ratio]
        compared = [*terms, self.spending]
        wins = [self.wins_head, self.wins, self.pattern, self.banner]
        total = [self.small, self.large, self.verifier, self.total, self.queries]
        power = [self.small, self.large, self.verifier, self.device, self.queries]

        gr.on(
            [
                self.opener.input, self.small.input, self.large.input, self.larger.input,
                self.verifier.input, self.ratio.input,
            ],
            self.spell, terms, [self.formula, self.shown, self.banner], trigger_mode="always_last", **at_once,
        )  # fmt: skip
        self.marks.pick(self.mark, None, self.ratio, **at_once).then(
            self.spell, terms, [self.formula, self.shown, self.banner], **at_once
        ).then(self.compare, compared, wins, **slow)
        if not self._pair:
            return
        gr.on(
            [
                self.opener.input, self.small.input, self.large.input, self.verifier.input,
                self.spending.input, self.ratio.release,
            ],
            self.compare, compared, wins, **slow,
        )  # fmt: skip
        gr.on(
            [
                self.opener.input, self.small.input, self.large.input, self.verifier.input, self.total.input,
                self.queries.release,
            ],
            self.weigh, [*total, self.narrow], [self.figure, self.banner], js=downloads.WIDTH, **slow,
        )  # fmt: skip
        gr.on(
            [
                self.opener.input, self.small.input, self.large.input, self.verifier.input, self.device.input,
                self.queries.input,
            ],
            self.burn, power, [self.energy, self.asked], **slow,
        )  # fmt: skip

    # --- what it does -----------------------------------------------------------------------------------

    def spell(self, small: str, large: str, larger: float, verifier: str, ratio: float) -> Frame:
        """The formula with its numbers."""
        try:
            terms = self._terms(small, large, larger, verifier, ratio)
            note = {} if not self._pair else {self.banner: ""}
            return note | {
                self.formula: exchange_board.formula(terms),
                self.shown: exchange_board.ratio_label(terms.ratio),
            }
        except BadInput as error:
            return {self.banner: panels.banner(str(error))}

    def mark(self, event: gr.EventData) -> float:
        """One of the paper's R, on the slider."""
        return math.log10(event.ratio) if event.ratio in RATIOS else FIRST

    def compare(
        self, small: str, large: str, larger: float, verifier: str, ratio: float, spending: str
    ) -> Frame:
        """Who wins in each bin, at the R that is set and at the paper's."""
        if not self._pair:
            return {self.wins: gr.skip()}
        try:
            terms = self._terms(small, large, larger, verifier, ratio)
            most = self._most(small, spending)
            at = {each: self._compared(small, large, verifier, each, spending) for each in RATIOS}
            found = self._compared(small, large, verifier, ratio and 10**ratio, spending)
            way = "by the policy" if spending == "policy" else "by best-of-N"
            said = f"{small} thinking {way}, less {large}, in points"
            return {
                self.wins_head: _title("Who wins", said),
                self.wins: exchange_board.winners(found, terms, most),
                self.pattern: exchange_board.pattern(at),
                self.banner: "",
            }
        except BadInput as error:
            return {self.banner: panels.banner(str(error)), self.wins: "", self.pattern: ""}
        except Exception:
            log.exception("two models could not be compared")
            return {self.banner: panels.banner(OUR_FAULT)}

    def weigh(self, small: str, large: str, verifier: str, total: str, queries: float, narrow: bool) -> Frame:
        """All models, arms and budgets on one front."""
        try:
            models = sorted(self._library.models, key=self._parameters)
            asked = 10**queries if total == "total" else 0.0
            drawn = exchange_board.pareto(self._front(asked, verifier), models, total == "total", narrow)
            return {self.figure: figures.drawn(drawn)}
        except BadInput as error:
            return {self.banner: panels.banner(str(error))}
        except Exception:
            log.exception("the front could not be drawn")
            return {self.banner: panels.banner(OUR_FAULT)}

    def burn(self, small: str, large: str, verifier: str, device: str, queries: float) -> Frame:
        """What both cost in joules."""
        try:
            self._pair_of(small, large)
            ours, theirs = self._works(small, large, verifier)
            shown = exchange_board.energy(ours, theirs, device, 10**queries)
            return {self.energy: shown, self.asked: _queries(queries)}
        except BadInput as error:
            return {self.energy: panels.banner(str(error), "note")}
        except Exception:
            log.exception("energy could not be estimated")
            return {self.energy: panels.banner(OUR_FAULT)}

    # --- what is behind it ------------------------------------------------------------------------------

    def _parameters(self, model: str) -> int:
        return int(self._library.book(model).results.about["parameters"])

    def _pair_of(self, small: str, large: str) -> float:
        """M. Raises BadInput."""
        if not {small, large} <= set(self._library.models):
            raise BadInput("There are no results of this model: choose another.")
        if self._parameters(small) >= self._parameters(large):
            raise BadInput(f"{large} is not larger than {small}: choose another pair.")
        return self._parameters(large) / self._parameters(small)

    def _share(self, small: str, verifier: str) -> float:
        """v: parameters of the verifier over those of the small model, 0 where it is left out."""
        if verifier != "counted":
            return 0.0
        about = self._library.book(small).results.about
        return float(about.get("verifier_parameters") or 0) / float(about["parameters"])

    def _terms(self, small: str, large: str, larger: float, verifier: str, exponent: float) -> Terms:
        """Raises BadInput."""
        if not -2 <= exponent <= 2:
            raise BadInput("R goes from 0.01 to 100.")
        if self._pair:
            larger = self._pair_of(small, large)
            return Terms(larger, 10**exponent, self._share(small, verifier), small, large)
        if not isinstance(larger, int | float) or not 1 < larger <= LARGEST:
            raise BadInput(f"M must be a number above 1, at most {LARGEST:,}.")
        return Terms(float(larger), 10**exponent, 1.0 if verifier == "counted" else 0.0)

    def _most(self, small: str, spending: str) -> int:
        """The largest budget that thinking was measured at."""
        evidence = self._library.book(small).evidence
        if SPENDING[spending] is None:
            return max(choosing.contested(choosing.arms_of(evidence)[1]))
        return int(evidence[evidence["strategy"] == BASELINE.strategy]["budget"].max())

    def _exchanged(self, small: str, large: str, verifier: str, ratio: float, spending: str) -> pd.DataFrame:
        results = self._library.book(small).results
        if results.probe is None:
            raise BadInput(f"The results of {small} have no probe to read difficulty from: sweep with one.")
        one = _one_answer(self._library.book(large).evidence)
        return exchange(
            self._library.book(small).evidence,
            one.set_index("question")["value"],
            results.probe.groupby("question")["correct"].mean(),
            self._pair_of(small, large),
            ratio,
            SPENDING[spending],
            verifier=self._share(small, verifier),
            seed=SEED,
        )

    def _fronted(self, queries: float, verifier: str) -> pd.DataFrame:
        """``front`` of all models; training is spread over ``queries`` questions, if there are any."""
        tables = {}
        for model in self._library.models:
            found = self._library.book(model).evidence
            tables[model] = found[found["selector"] == SELECTOR]
        if not queries:
            return front(tables)
        return front(tables, {model: self._training(model, verifier) for model in tables}, queries)

    def _training(self, model: str, verifier: str) -> float:
        """FLOPs that made the model, and its verifier if that is counted. Raises BadInput."""
        about = self._library.book(model).results.about
        flops = pretraining_flops(about["parameters"], self._tokens(str(about["model"])))
        if verifier == "counted" and about.get("verifier"):
            flops += pretraining_flops(about["verifier_parameters"], self._tokens(str(about["verifier"])))
        return flops

    def _tokens(self, model: str) -> float:
        """Tokens that a shipped model was trained on. Raises BadInput."""
        path = self._models / Path(model).name / "training.parquet"
        if not path.is_file():
            raise BadInput(UNTRAINED.format(model))
        return float(pd.read_parquet(path, columns=["tokens"])["tokens"].max())

    def _works(self, small: str, large: str, verifier: str) -> tuple[Work, Work]:
        """The cheapest way of the small model to be as accurate as one answer of the large one, and that one
        answer; chosen on one half of the questions, measured on the other. Raises BadInput where there is
        none."""
        one = _one_answer(self._library.book(large).evidence).set_index("question")
        ways = self._library.book(small).evidence
        way = cheapest_match(ways[ways["selector"] == SELECTOR], one["value"], SEED)
        if way is None:
            raise BadInput(f"Nothing that was measured makes {small} as accurate as one answer of {large}.")
        name = f"{small}, {Arm(way.strategy, way.settings).name}, N = {way.budget}"
        base = self._library.book(large).results.about
        flops = pretraining_flops(base["parameters"], self._tokens(str(base["model"])))
        return (
            Work(name, self._training(small, verifier), way.flops, way.accuracy),
            Work(f"{large}, one answer", flops, float(one["flops"].mean()), way.rival),
        )


def _one_answer(evidence: pd.DataFrame) -> pd.DataFrame:
    """Rows of the greedy answer, or, without one, of a single sample."""
    rows = evidence[(evidence["budget"] == 1) & (evidence["selector"] == SELECTOR)]
    greedy = rows[rows["strategy"] == "greedy"]
    return greedy if len(greedy) else rows[rows["strategy"] == BASELINE.strategy]


def _queries(exponent: float) -> str:
    count = panels.amount(10**exponent)
    return f'<p class="heading">{panels.term("Questions", "queries")} <span>{count}</span></p>'


def _title(title: str, said: str) -> str:
    return f'<div class="top-line"><h2>{title}</h2><p>{panels.escaped(said)}</p></div>'


_MARK = """
element.addEventListener("click", (event) => {
  const mark = event.target.closest?.("[data-ratio]");
  if (mark) trigger("pick", { ratio: Number(mark.dataset.ratio) });
});
"""
