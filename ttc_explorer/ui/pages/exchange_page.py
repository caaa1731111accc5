"""Exchange: a bigger model or more thinking, at equal FLOPs and in joules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd

from ttc_explorer.asset_files import MODELS_FOLDER, REAL_MODELS_FILE
from ttc_explorer.experiments import cross_fitting
from ttc_explorer.experiments.cross_fitting import BASELINE, SELECTOR
from ttc_explorer.experiments.energy import DEVICES
from ttc_explorer.experiments.model_size_exchange import (
    PAPER_RATIOS,
    AccuracyMatch,
    cheapest_match,
    compare_at_equal_flops,
    greedy_answers,
    pareto_front,
    pretraining_flops,
)
from ttc_explorer.experiments.real_models import load_real_models
from ttc_explorer.experiments.training_logs import training_tokens
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.ui.address.address_state import AddressKey, AddressState
from ttc_explorer.ui.address.page_address import PageAddress
from ttc_explorer.ui.components import exchange_view, plotly_figures
from ttc_explorer.ui.components.basic_inputs import (
    control_heading,
    html_block,
    number_input,
    segmented_control,
)
from ttc_explorer.ui.components.component_scripts import component_script
from ttc_explorer.ui.components.exchange_view import AnswerCost, ExchangeInputs
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates, guarded
from ttc_explorer.ui.components.messages import banner, status_line
from ttc_explorer.ui.components.page_signals import narrow_screen, on_load, on_width_change
from ttc_explorer.ui.components.pickable_html import pickable_html
from ttc_explorer.ui.components.real_models_table import real_models_table
from ttc_explorer.ui.components.result_card import ResultCard, card_heading
from ttc_explorer.ui.page import AppContext, Page, PageIntro, page
from ttc_explorer.ui.results_store import ESTIMATION_SEED, ResultsStore, shipped_results
from ttc_explorer.ui.strategy_variants import StrategyVariant

PAPER_SIZE_RATIO = 14.0
"""M in the paper: parameters of its larger model over those of its smaller one."""
MAX_SIZE_RATIO = 100_000
"""Largest M that one can type."""
INITIAL_RATIO = 0.79
"""The R that the page opens with."""
INITIAL_RATIO_EXPONENT = math.log10(INITIAL_RATIO)
SPENDING_ARMS = {"policy": None, "best_of_n": (BASELINE.strategy, "{}", SELECTOR)}

LARGER_MODEL_COMMAND = "python -m ttc_explorer sweep --model base-m --out assets/experiments/base-m"
NO_PAIR_MESSAGE = (
    "Who wins needs results of two models of different size on the same problems, and there {} so "
    f"far: {LARGER_MODEL_COMMAND} makes those of a larger one."
)
UNKNOWN_TRAINING_MESSAGE = (
    "It is not known on how many tokens {} was trained, and a share of its training needs that."
)


@page(
    "exchange",
    title="Exchange",
    order=50,
    intro=PageIntro(
        "A bigger model, or more thinking by a small one?",
        see="Two ways to spend the same FLOPs, compared by difficulty: train a larger model, "
        "or let the small one think.",
        act="Change how often the models are asked in their life, and what the small one "
        "thinks by.",
        why="Training is paid once, thinking at every question. How often you ask decides "
        "which is cheaper.",
    ),
)
def build(app: AppContext) -> ExchangePage:
    """Put the page where we are."""
    return ExchangePage(shipped_results())


class ExchangePage(Page):
    """The page. Make it inside ``gr.Blocks``.

    Args:
        results_store: the results to compare; the formula works without any.
        models: has a folder a model with the log of its training.
    """

    def __init__(self, results_store: ResultsStore, models: Path = MODELS_FOLDER) -> None:
        self._results_store, self._models = results_store, models
        self._has_pair = len(results_store.models) > 1
        self._cached_exchange = lru_cache(256)(self._compute_exchange)
        self._cached_front = lru_cache(32)(self._compute_front)
        with gr.Row(equal_height=False, elem_id="exchange"):
            with gr.Column(elem_id="exchange-controls", elem_classes="plate", min_width=0):
                self._build_controls()
            with gr.Column(elem_id="exchange-results", min_width=0):
                self.banner = html_block("exchange-banner", self._missing_pair_note())
                with gr.Column(elem_id="exchange-formula-plate", elem_classes="plate", min_width=0):
                    self.formula = html_block("exchange-formula")
                with gr.Row(elem_id="exchange-upper", equal_height=True, visible=self._has_pair):
                    self._build_winners_card()
                    self._build_front_card()
                self._build_energy_card()
                real_models = load_real_models(REAL_MODELS_FILE)
                if real_models:
                    with gr.Column(elem_id="exchange-real", elem_classes="plate", min_width=0):
                        html_block("exchange-real-models", real_models_table(real_models))
        self._connect()

    # --- what is on the page ----------------------------------------------------------------------

    def _build_controls(self) -> None:
        models = self._results_store.models if self._has_pair else []
        choices = [(model, model) for model in models]
        first, last = (models[0], models[-1]) if models else (None, None)
        with gr.Column(min_width=0, visible=self._has_pair):
            control_heading("Small model, thinking", "small model")
            self.small = segmented_control("Small model", "exchange-small", choices[:-1], first)
            control_heading("Larger model, one answer", "larger model")
            self.large = segmented_control("Larger model", "exchange-large", choices[1:], last)
            control_heading("Thinking by", "thinking by")
            ways = [("Best-of-N", "best_of_n"), ("Policy", "policy")]
            self.spending = segmented_control("Thinking by", "exchange-spending", ways, "best_of_n")
        with gr.Column(min_width=0, visible=not self._has_pair):
            control_heading("M, times larger", "larger by")
            self.larger = number_input("M, times larger", "exchange-larger", PAPER_SIZE_RATIO)
        control_heading("Verifier", "verifier cost")
        costs = [("counted", "counted"), ("left out", "free")]
        self.verifier = segmented_control(
            "Cost of the verifier", "exchange-verifier", costs, "counted"
        )
        self.shown = html_block("exchange-ratio-label", exchange_view.ratio_label(INITIAL_RATIO))
        self.ratio = gr.Slider(
            -2, 2, INITIAL_RATIO_EXPONENT, step=0.001, label="R, as a power of ten",
            show_label=False, buttons=[], elem_id="exchange-ratio",
        )  # fmt: skip
        self.ratio_buttons = pickable_html("exchange-marks", exchange_view.ratio_buttons())
        with gr.Column(min_width=0, visible=self._has_pair):
            self.asked = html_block("exchange-queries-label", exchange_view.queries_label(10**6))
            self.queries = gr.Slider(
                2, 12, 6, step=0.1, label="Questions, as a power of ten",
                show_label=False, buttons=[], elem_id="exchange-queries",
            )  # fmt: skip

    def _build_winners_card(self) -> None:
        with gr.Column(elem_id="exchange-wins", elem_classes="plate", min_width=0):
            self.wins_head = html_block("exchange-wins-head", card_heading("Who wins", ""))
            self.wins = html_block("exchange-winners", status_line("loading", "Comparing …"))
            self.pattern = html_block("exchange-pattern")

    def _build_front_card(self) -> None:
        card = ResultCard("exchange-front", "ttc-exchange", "exchange-figure")
        with gr.Column(elem_id="exchange-front", elem_classes="plate", min_width=0):
            with gr.Row(elem_classes="plate-top"):
                card.heading("Model size × budget")
                whole = [("a question", "query"), ("with training", "total")]
                self.total = segmented_control("FLOPs counted", "exchange-total", whole, "query")
            self.figure = card.plot()
            card.download_buttons()

    def _build_energy_card(self) -> None:
        with gr.Column(
            elem_id="exchange-energy-plate",
            elem_classes="plate",
            min_width=0,
            visible=self._has_pair,
        ):
            with gr.Row(elem_classes="plate-top"):
                html_block(
                    "exchange-energy-head",
                    card_heading("Energy", "training, and every question after it"),
                )
                self.device = gr.Dropdown(
                    [(device.title, name) for name, device in DEVICES.items()],
                    value="local",
                    label="Device",
                    show_label=False,
                    container=False,
                    min_width=0,
                    filterable=False,
                    elem_id="exchange-device",
                )
            self.energy = html_block("exchange-energy")

    def _connect(self) -> None:
        hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        at_once: dict[str, Any] = hidden | {"queue": False}
        slow: dict[str, Any] = hidden | {"trigger_mode": "always_last", "concurrency_limit": 1}
        terms = [self.small, self.large, self.larger, self.verifier, self.ratio]
        formula = [self.formula, self.shown, self.banner]
        compared = [*terms, self.spending]
        wins = [self.wins_head, self.wins, self.pattern, self.banner]
        pair = [self.small, self.large, self.verifier]
        pair_changes = [on_load(), *(control.input for control in pair)]

        gr.on(
            [*pair_changes, self.larger.input, self.ratio.input],
            self.draw_formula,
            terms,
            formula,
            trigger_mode="always_last",
            **at_once,
        )
        self.ratio_buttons.pick(self.pick_ratio, None, self.ratio, **at_once).then(
            self.draw_formula, terms, formula, **at_once
        ).then(self.draw_winners, compared, wins, **slow)
        if not self._has_pair:
            return
        gr.on(
            [*pair_changes, self.spending.input, self.ratio.release],
            self.draw_winners,
            compared,
            wins,
            **slow,
        )
        gr.on(
            [*pair_changes, on_width_change(), self.total.input, self.queries.release],
            self.draw_front,
            [self.verifier, self.total, self.queries, narrow_screen()],
            [self.figure, self.banner],
            **slow,
        )
        gr.on(
            [*pair_changes, self.spending.input, self.device.input, self.queries.input],
            self.draw_energy,
            [*pair, self.spending, self.device, self.queries],
            [self.energy, self.asked],
            **slow,
        )

    @property
    def address(self) -> PageAddress:
        """The controls as the address has them."""
        models = tuple(self._results_store.models)
        fields: dict[str, Any] = {"verifier": self.verifier, "ratio": self.ratio}
        keys = [
            AddressKey("verifier", "choice", "counted", ("counted", "free")),
            AddressKey("ratio", "number", INITIAL_RATIO, low=0.01, high=100),
        ]
        if self._has_pair:
            fields |= {
                "small": self.small, "large": self.large, "spending": self.spending,
                "questions": self.queries, "flops": self.total, "device": self.device,
            }  # fmt: skip
            keys += [
                AddressKey("small", "choice", models[0], models[:-1]),
                AddressKey("large", "choice", models[-1], models[1:]),
                AddressKey("spending", "choice", "best_of_n", tuple(SPENDING_ARMS)),
                AddressKey("questions", "number", 6, low=2, high=12),
                AddressKey("flops", "choice", "query", ("query", "total")),
                AddressKey("device", "choice", "local", tuple(DEVICES)),
            ]
        else:
            fields |= {"larger": self.larger}
            keys += [AddressKey("larger", "number", PAPER_SIZE_RATIO, low=1, high=MAX_SIZE_RATIO)]
        values = {key.name: key.default for key in keys}

        def apply(state: AddressState) -> ComponentUpdates:
            stands = values | state
            exponent = math.log10(float(str(stands["ratio"])))
            return {
                component: exponent if name == "ratio" else stands[name]
                for name, component in fields.items()
            }

        return PageAddress(
            fields,
            tuple(keys),
            apply=apply,
            outputs=tuple(fields.values()),
            to_state=component_script("exchange_state.js"),
        )

    # --- what it does -----------------------------------------------------------------------------

    @guarded()
    def draw_formula(
        self, small: str, large: str, larger: float, verifier: str, ratio: float
    ) -> ComponentUpdates:
        """The formula with its numbers."""
        terms = self._exchange_inputs(small, large, larger, verifier, ratio)
        cleared = {self.banner: ""} if self._has_pair else {}  # else it says what is missing
        return cleared | {
            self.formula: exchange_view.formula_html(terms),
            self.shown: exchange_view.ratio_label(terms.ratio),
        }

    def pick_ratio(self, event: gr.EventData) -> float:
        """The paper's R that was pressed, as the slider has it."""
        pressed = {str(ratio): ratio for ratio in PAPER_RATIOS}.get(str(event.ratio))
        return INITIAL_RATIO_EXPONENT if pressed is None else math.log10(pressed)

    @guarded(clear=("wins", "pattern"))
    def draw_winners(
        self, small: str, large: str, larger: float, verifier: str, ratio: float, spending: str
    ) -> ComponentUpdates:
        """Who wins in each bin, at the R that is set and at the paper's."""
        if not self._has_pair:
            return {self.wins: gr.skip()}
        terms = self._exchange_inputs(small, large, larger, verifier, ratio)
        at_paper_ratios = {
            each: self._cached_exchange(small, large, verifier, each, spending)
            for each in PAPER_RATIOS
        }
        table = self._cached_exchange(small, large, verifier, terms.ratio, spending)
        way = "by the policy" if spending == "policy" else "by best-of-N"
        caption = f"{small} thinking {way}, less {large} answering greedily, in points"
        most = self._max_budget(small, spending)
        return {
            self.wins_head: card_heading("Who wins", caption),
            self.wins: exchange_view.winners_plot(table, terms, most),
            self.pattern: exchange_view.winners_table(at_paper_ratios, most),
            self.banner: "",
        }

    @guarded()
    def draw_front(
        self, verifier: str, total: str, queries: float, narrow: bool
    ) -> ComponentUpdates:
        """All models, arms and budgets on one front."""
        models = self._results_store.models
        with_training = total == "total"
        front = self._cached_front(10**queries if with_training else 0.0, verifier)
        drawn = exchange_view.pareto_figure(front, models, with_training, narrow)
        return {self.figure: plotly_figures.to_plot_data(drawn)}

    @guarded("energy", "note")
    def draw_energy(
        self, small: str, large: str, verifier: str, spending: str, device: str, queries: float
    ) -> ComponentUpdates:
        """What both cost in joules."""
        self._size_ratio(small, large)
        ours, theirs = self._answer_costs(small, large, verifier, spending)
        return {
            self.energy: exchange_view.energy_table(ours, theirs, device, 10**queries),
            self.asked: exchange_view.queries_label(10**queries),
        }

    # --- the computations -------------------------------------------------------------------------

    def _missing_pair_note(self) -> str:
        """What is missing for a comparison, if anything is."""
        if self._has_pair:
            return ""
        models = self._results_store.models
        there = f"is only {models[0]}" if models else "are none"
        return banner(NO_PAIR_MESSAGE.format(there), "note")

    def _size_ratio(self, small: str, large: str) -> float:
        """M. Raises BadInput."""
        if not {small, large} <= set(self._results_store.models):
            raise BadInput("There are no results of this model: choose another.")
        if self._results_store.parameters(small) >= self._results_store.parameters(large):
            raise BadInput(f"{large} is not larger than {small}: choose another pair.")
        return self._results_store.parameters(large) / self._results_store.parameters(small)

    def _verifier_ratio(self, small: str, verifier: str) -> float:
        """v: parameters of the verifier over those of the small model, 0 where it is left out."""
        if verifier != "counted":
            return 0.0
        about = self._results_store.model_results(small).results.about
        return float(about.get("verifier_parameters") or 0) / float(about["parameters"])

    def _exchange_inputs(
        self, small: str, large: str, larger: float, verifier: str, exponent: float
    ) -> ExchangeInputs:
        """Raises BadInput."""
        if not -2 <= exponent <= 2:
            raise BadInput("R goes from 0.01 to 100.")
        if self._has_pair:
            larger = self._size_ratio(small, large)
            return ExchangeInputs(
                larger, 10**exponent, self._verifier_ratio(small, verifier), small, large
            )
        if not isinstance(larger, int | float) or not 1 < larger <= MAX_SIZE_RATIO:
            raise BadInput(f"M must be a number above 1, at most {MAX_SIZE_RATIO:,}.")
        return ExchangeInputs(float(larger), 10**exponent, 1.0 if verifier == "counted" else 0.0)

    def _max_budget(self, small: str, spending: str) -> int:
        """The largest budget that thinking was measured at."""
        evidence = self._results_store.model_results(small).evidence
        if SPENDING_ARMS[spending] is None:
            return max(
                cross_fitting.budgets_with_alternatives(cross_fitting.arms_by_budget(evidence)[1])
            )
        return int(evidence[evidence["strategy"] == BASELINE.strategy]["budget"].max())

    def _compute_exchange(
        self, small: str, large: str, verifier: str, ratio: float, spending: str
    ) -> pd.DataFrame:
        results = self._results_store.model_results(small).results
        if results.probe is None:
            raise BadInput(
                f"The results of {small} have no probe to read difficulty from: sweep with one."
            )
        return compare_at_equal_flops(
            self._results_store.model_results(small).evidence,
            greedy_answers(self._results_store.model_results(large).evidence)["value"],
            results.probe.groupby("question")["correct"].mean(),
            self._size_ratio(small, large),
            ratio,
            SPENDING_ARMS[spending],
            verifier=self._verifier_ratio(small, verifier),
            seed=ESTIMATION_SEED,
        )

    def _compute_front(self, queries: float, verifier: str) -> pd.DataFrame:
        """``pareto_front`` of all models; training is spread over ``queries`` questions, if there
        are any."""
        tables = {}
        for model in self._results_store.models:
            found = self._results_store.model_results(model).evidence
            chosen, single = found["selector"] == SELECTOR, found["budget"] == 1
            unscored = found["selector"] == "majority"  # what one solution costs by itself
            tables[model] = found[(chosen & ~single) | (unscored & single)]
        if not queries:
            return pareto_front(tables)
        return pareto_front(
            tables, {model: self._training_flops(model, verifier) for model in tables}, queries
        )

    def _training_flops(self, model: str, verifier: str) -> float:
        """FLOPs that made the model, and its verifier if that is counted. Raises BadInput."""
        about = self._results_store.model_results(model).results.about
        return self._sum_training(_trained_models(about, {BASELINE.strategy}, verifier))

    def _sum_training(self, parameters: Mapping[str, int]) -> float:
        """FLOPs that made these models: name → parameters. Raises BadInput."""
        return sum(
            pretraining_flops(count, self._training_tokens(name))
            for name, count in parameters.items()
        )

    def _training_tokens(self, model: str) -> float:
        """Tokens that a shipped model was trained on. Raises BadInput."""
        tokens = training_tokens(model, self._models)
        if tokens is None:
            raise BadInput(UNKNOWN_TRAINING_MESSAGE.format(model))
        return tokens

    def _answer_costs(
        self, small: str, large: str, verifier: str, spending: str
    ) -> tuple[AnswerCost, AnswerCost]:
        """The cheapest way of the small model to be as accurate as one answer of the large one, and
        that one answer; chosen on one half of the questions, measured on the other. Raises BadInput
        where there is none."""
        one = greedy_answers(self._results_store.model_results(large).evidence)
        evidence = self._results_store.model_results(small).evidence
        arm = SPENDING_ARMS[spending]
        is_way = (evidence["selector"] == SELECTOR) & (evidence["strategy"] != "auto")
        if arm is not None:
            is_way &= (evidence["strategy"] == arm[0]) & (evidence["settings"] == arm[1])
        match = cheapest_match(evidence[is_way], one["value"], ESTIMATION_SEED)
        if match is None:
            raise BadInput(
                f"Nothing that was measured makes {small} as accurate as one answer of {large}."
            )
        about = self._results_store.model_results(small).results.about
        helped = _trained_models(about, {strategy for strategy, *_ in match.ways}, verifier)
        base = self._results_store.model_results(large).results.about
        own = {str(base["model"]): int(base["parameters"])}
        return (
            AnswerCost(
                f"{small}, {_name_ways(match)}",
                self._sum_training(helped),
                match.flops,
                match.accuracy,
                tuple(helped),
            ),
            AnswerCost(
                f"{large}, greedy",
                self._sum_training(own),
                float(one["flops"].mean()),
                match.large_accuracy,
                tuple(own),
            ),
        )


def _trained_models(
    about: Mapping[str, Any], strategies: set[str], verifier: str
) -> dict[str, int]:
    """Name → parameters of all models that had to be trained for these strategies: the generator,
    the reviser of ``revise`` and ``hybrid``, and those that judge, if they are ``counted``."""
    models = {str(about["model"]): int(about["parameters"])}
    judges = {"verifier"} if strategies - {"revise"} else set()
    if strategies & {"revise", "hybrid"}:
        models[str(about["reviser"])] = int(about["parameters"])  # fine-tuned from the generator
        judges |= {"revision_verifier"}
    if verifier == "counted":
        judge_names = sorted(str(about[judge]) for judge in judges if about.get(judge))
        models |= dict.fromkeys(judge_names, int(about["verifier_parameters"] or 0))
    return models


def _name_ways(match: AccuracyMatch) -> str:
    """The ways of a match, each once."""
    names = [
        f"{StrategyVariant(strategy, settings).name}, N = {budget}"
        for strategy, settings, budget in match.ways
    ]
    return " or ".join(dict.fromkeys(names))
